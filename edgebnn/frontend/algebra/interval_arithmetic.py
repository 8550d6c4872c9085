"""How far float32 takes an expression from its exact values: interval arithmetic over its parts, on a whole range."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.algebra.expression import OPERATORS, Apply, Constant, Expression, Fractions, Leaf, parts
from edgebnn.frontend.algebra.float32 import UNIT, float32_holds_line
from edgebnn.frontend.algebra.monotonicity import lines_of
from edgebnn.frontend.algebra.smooth_functions import ABSOLUTE, CURVES, RELATIVE, evaluated
from edgebnn.frontend.problems import Refusal

Floats = npt.NDArray[np.float64]

# What float32 rounds in one operator, half a unit in the last place, and a little for what float64 rounds here; what is
# below the smallest number counts as lost.
_ROUNDING = UNIT * (1 + 2.0**-20)
_TINY = 2.0**-149
_ROUNDED_ONCE = frozenset(("Add", "Sub", "Mul", "MulAdd", "Div"))
_YES_OR_NO = frozenset(("Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal", "ToBool", "Not", "And", "Or"))
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, eq=False)
class _Interval:
    """Between which values a part lies, per channel (C,), and how far its float32 value is from the exact one."""

    low: Floats
    high: Floats
    error: Floats

    @property
    def magnitude(self) -> Floats:
        """The largest absolute value."""
        return np.maximum(np.abs(self.low), np.abs(self.high))


def reach_of(expression: Expression, low: int, high: int, channels: int) -> tuple[float, float]:
    """Numbers between which an expression of integers from low to high lies, whatever the channel."""
    found = _intervals(expression, low, high, channels)
    return float(found.low.min()), float(found.high.max())


def float32_errors(expression: Expression, low: int, high: int, channels: int) -> Floats:
    """Bounds (C,) of the error of float32 in an expression of integers from low to high, in its own units.

    Each operator rounds in proportion to its own values, which may be far larger than the result: (n + 1e8) - 1e8. It
    rounds nothing where float32 holds all numbers that it can make. Without an operator it is the error of the sums
    alone. Refusal where a value is too large for float32.
    """
    return _intervals(expression, low, high, channels).error


def _intervals(expression: Expression, low: int, high: int, channels: int) -> _Interval:
    found: dict[Expression, _Interval] = {}
    lines = lines_of(expression, low, high, channels)
    for part in parts(expression):
        match part:
            case Leaf():
                ends = np.stack([part.scale.astype(np.float64) * end for end in (low, high)]) + part.rounded[1]
                found[part] = _Interval(ends.min(axis=0), ends.max(axis=0), part.error)
            case Constant():
                values = np.broadcast_to(part.values.astype(np.float64), channels)
                found[part] = _Interval(values, values, np.zeros(channels))
            case Apply():
                interval = _applied(part, [found[operand] for operand in part.operands])
                if not np.all(interval.magnitude + interval.error <= _LARGEST):
                    raise Refusal(
                        "has values that float32 cannot hold", "check its constants and export the model again"
                    )
                found[part] = _without_rounding(part, interval, found, lines[part], max(abs(low), abs(high)))
    return found[expression]


def _without_rounding(
    part: Apply,
    interval: _Interval,
    found: dict[Expression, _Interval],
    line: tuple[Fractions, Fractions] | None,
    bound: int,
) -> _Interval:
    """The interval without an error where the operands have none and float32 holds every result."""
    exact = np.all([found[operand].error == 0 for operand in part.operands], axis=0)
    if part.operator not in _ROUNDED_ONCE or line is None or not exact.any():
        return interval
    slopes, shifts = line
    held = [float32_holds_line(slopes[c], shifts[c], bound) if exact[c] else False for c in range(len(exact))]
    return replace(interval, error=np.where(held, 0.0, interval.error))


def _applied(part: Apply, of: list[_Interval]) -> _Interval:
    low, high = _range(part, of)
    largest = np.maximum(np.abs(low), np.abs(high))
    if part.operator in CURVES:
        return _Interval(low, high, _curve_error(part.operator, of[0], high - low))
    match part.operator:
        case "Neg" | "Abs" | "ToFloat" | "Relu":
            return _Interval(low, high, of[0].error)
        case "Max" | "Min":
            return _Interval(low, high, np.maximum(of[0].error, of[1].error))
        case "PRelu":
            steepest = np.maximum(of[1].magnitude, 1.0)
            return _Interval(low, high, _rounded(steepest * of[0].error, largest))
        case "StraightThrough":  # x + (f - x): the error of x goes as it came, what its size makes float32 round stays
            stepped, through = of
            sizes = stepped.magnitude + stepped.error + through.magnitude + through.error
            return _Interval(low, high, stepped.error + 2 * _ROUNDING * sizes)
        case "Add" | "Sub":
            error = of[0].error + of[1].error
        case "Mul" | "MulAdd":
            one, other, *added = of
            error = one.error * (other.magnitude + other.error) + one.magnitude * other.error
            error = np.sum([error, *(each.error for each in added)], axis=0)
        case "Div":  # by a constant
            error = of[0].error / of[1].magnitude
        case _:  # an error, however small, can take it over a step
            return _Interval(low, high, high - low)
    return _Interval(low, high, _rounded(error, largest))


def _rounded(error: Floats, largest: Floats) -> Floats:
    """The error of a result with what float32 rounds of it."""
    return error + _ROUNDING * (largest + error) + _TINY


def _curve_error(name: str, of: _Interval, span: Floats) -> Floats:
    """What float32 makes of a smooth function: its slope times its operand's error, and its own approximation."""
    steepest = CURVES[name].steepest
    moved = span if steepest is None else steepest * of.error
    return moved + RELATIVE * (of.magnitude + 1) + (CURVES[name].reach or 1.0) * ABSOLUTE


def _range(part: Apply, of: list[_Interval]) -> tuple[Floats, Floats]:
    """The values that the operator takes between the ends of its operands."""
    zero = np.zeros_like(of[0].low)
    if part.operator in _YES_OR_NO:
        return zero, zero + 1
    match part.operator:
        case "StraightThrough":
            return of[0].low, of[0].high
        case "Abs":
            return zero, of[0].magnitude
        case "PRelu":
            x, slope = of
            below = np.minimum(x.low, 0.0) * slope.low, np.minimum(x.high, 0.0) * slope.low
            above = np.maximum(x.low, 0.0), np.maximum(x.high, 0.0)
            return np.minimum.reduce([*below, *above]), np.maximum.reduce([*below, *above])
        case "Where":
            return np.minimum(of[1].low, of[2].low), np.maximum(of[1].high, of[2].high)
        case name if name in CURVES and (turn := CURVES[name].turn) is not None:
            ends = [evaluated(name, end) for end in (of[0].low, of[0].high)]
            turns = (of[0].low <= turn) & (turn <= of[0].high)
            return np.where(turns, CURVES[name].at(turn), np.minimum(*ends)), np.maximum(*ends)
    # All others are monotone in each operand, so that their extremes are at the ends.
    operator = OPERATORS[part.operator]
    with np.errstate(all="ignore"):  # what becomes infinite is refused
        corners = [operator(*ends) for ends in product(*((operand.low, operand.high) for operand in of))]
    return np.min(corners, axis=0).astype(np.float64), np.max(corners, axis=0).astype(np.float64)
