"""How far float32 takes an expression from its exact values: interval arithmetic over its parts, on a whole range."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.curves import ABSOLUTE, CURVES, RELATIVE, evaluated
from edgebnn.frontend.expressions import OPERATORS, Apply, Constant, Expression, Leaf, parts
from edgebnn.frontend.problems import Refusal
from edgebnn.frontend.rounding import UNIT

Floats = npt.NDArray[np.float64]

# What float32 rounds in one operator behind the sums, in half units of the last place: at most what a batch norm does,
# which are a square root, a reciprocal, the products that make its factor and shift, and the product and sum of each x.
_ROUNDINGS = 8
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


def float32_error(expression: Expression, low: int, high: int, channels: int) -> float:
    """The largest of `float32_errors`."""
    return float(float32_errors(expression, low, high, channels).max())


def float32_errors(expression: Expression, low: int, high: int, channels: int, roundings: int = _ROUNDINGS) -> Floats:
    """Bounds (C,) of the error of float32 in an expression of integers from low to high, in its own units.

    Each operator rounds, `roundings` times, in proportion to its own values, which may be far larger than the result:
    (n + 1e8) - 1e8. Without an operator it is the error of the sums alone. Refusal where a value is too large for
    float32.
    """
    return _intervals(expression, low, high, channels, roundings).error


def _intervals(expression: Expression, low: int, high: int, channels: int, roundings: int = _ROUNDINGS) -> _Interval:
    found: dict[Expression, _Interval] = {}
    for part in parts(expression):
        match part:
            case Leaf():
                scale, offset = part.scale.astype(np.float64), part.offset.astype(np.float64)
                found[part] = _Interval(scale * low + offset, scale * high + offset, scale * part.error)
            case Constant():
                values = np.broadcast_to(part.values.astype(np.float64), channels)
                found[part] = _Interval(values, values, np.zeros(channels))
            case Apply():
                found[part] = interval = _applied(part, [found[operand] for operand in part.operands], roundings * UNIT)
                if not np.all(interval.magnitude + interval.error <= _LARGEST):
                    raise Refusal(
                        "has values that float32 cannot hold", "check its constants and export the model again"
                    )
    return found[expression]


def _applied(part: Apply, of: list[_Interval], rounding: float) -> _Interval:
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
            return _Interval(low, high, steepest * of[0].error + rounding * largest)
        case "StraightThrough":  # x + (f - x): the error of x goes as it came, what its size makes float32 round stays
            stepped, through = of
            sizes = stepped.magnitude + stepped.error + through.magnitude + through.error
            return _Interval(low, high, stepped.error + 2 * rounding * sizes)
        case "Add" | "Sub":
            error = of[0].error + of[1].error
        case "Mul":
            one, other = of
            error = one.error * (other.magnitude + other.error) + one.magnitude * other.error
        case "Div":  # by a constant
            error = of[0].error / of[1].magnitude
        case _:  # an error, however small, can take it over a step
            return _Interval(low, high, high - low)
    return _Interval(low, high, error + rounding * (largest + error))


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
