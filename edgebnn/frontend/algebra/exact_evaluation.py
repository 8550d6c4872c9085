"""Exact decisions at the price of floats: float64 with error bounds, and rational numbers where they do not decide.

A step of a model (a sign, a rounding, a comparison) asks on which side of a number another one lies. Float64 with a
bound of its error answers that for nearly every point; where the two lie closer than the bound, that one step is
computed again in rational numbers. So every step is decided exactly, and what follows it rests on whole numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.algebra.expression import (
    OPERATORS,
    Apply,
    Channels,
    Constant,
    Effort,
    Expression,
    Leaf,
    evaluate,
    out_of_range,
    parts,
)
from edgebnn.frontend.algebra.smooth_functions import CURVES, evaluated
from edgebnn.frontend.onnx.graph import Array

Floats = npt.NDArray[np.float64]

# Twice the largest relative error of one float64 operation: enough for what the bounds themselves lose in rounding.
_UNIT = 2.0**-52
# Below this, float64's errors are no longer relative; any point that small is left to rational numbers.
_TINY = 2.0**-960
_LARGEST = 2.0**128


@dataclass(frozen=True, eq=False)
class _Bounded:
    """Values (P,), float64 or bool, and how far each may lie from the exact one."""

    value: Array
    error: Floats


def evaluate_filtered(
    expression: Expression, channels: Channels, numbers: npt.NDArray[Any], effort: Effort | None = None
) -> Array:
    """The expression at points (channel, number), both (P,), every step in it decided exactly; float64 or bool (P,).

    Two points whose last steps and everything behind them are the same have the same value. Refusal as of `evaluate`.
    """
    found: dict[Expression, _Bounded] = {}
    with np.errstate(all="ignore"):
        for part in parts(expression):
            match part:
                case Leaf():
                    found[part] = _leaf(part, channels, numbers)
                case Constant():
                    found[part] = _constant(part, channels)
                case Apply():
                    found[part] = bounded = _applied(part, [found[operand] for operand in part.operands])
                    unsure = np.flatnonzero(np.isnan(bounded.error))
                    if unsure.size:
                        _decide(part, bounded, unsure, channels, numbers, effort)
                    if bounded.value.dtype != np.bool_ and not np.all(np.abs(bounded.value) <= _LARGEST):
                        raise out_of_range()
            if effort is not None:
                effort.spend_floats(4 * len(channels))
    return found[expression].value


def _leaf(leaf: Leaf, channels: Channels, numbers: npt.NDArray[Any]) -> _Bounded:
    scale, offset = leaf.rounded
    product = scale[channels] * numbers.astype(np.float64)
    value = product + offset[channels]
    error = 2 * _UNIT * np.abs(product) + _UNIT * np.abs(offset[channels]) + _UNIT * np.abs(value)
    exactly = leaf.holds[channels]  # scale and offset are float64 values, so zero comes out as zero
    zero = exactly & (numbers == 0) & (offset[channels] == 0)
    return _Bounded(value, np.where(zero, 0.0, error + _TINY))


def _constant(part: Constant, channels: Channels) -> _Bounded:
    values = part.values if part.values.dtype == np.bool_ else part.values.astype(np.float64)
    spread = values[channels] if values.size > 1 else np.broadcast_to(values.reshape(-1), channels.shape)
    return _Bounded(spread, np.zeros(len(channels)))


def _decide(
    part: Apply,
    bounded: _Bounded,
    unsure: npt.NDArray[np.int64],
    channels: Channels,
    numbers: npt.NDArray[Any],
    effort: Effort | None,
) -> None:
    """Replaces the values at the points `unsure` by what rational numbers say."""
    exactly = evaluate(part, channels[unsure], numbers[unsure], True, effort=effort)
    bounded.value[unsure] = exactly if bounded.value.dtype == np.bool_ else exactly.astype(np.float64)
    bounded.error[unsure] = 0.0


def _applied(part: Apply, of: list[_Bounded]) -> _Bounded:
    """One operator; the error is NaN where a step cannot be decided."""
    rule = _RULES.get(part.operator)
    if rule is not None:
        return rule(*of)
    # What is left works on yes and no alone.
    value = OPERATORS[part.operator](*(operand.value for operand in of))
    return _Bounded(np.array(value, np.bool_), np.zeros(len(value)))


def _sum(sign: int) -> Callable[..., _Bounded]:
    def rule(x: _Bounded, y: _Bounded) -> _Bounded:
        value = x.value + sign * y.value
        rounding = np.where((x.value == 0) | (y.value == 0), 0.0, _UNIT * np.abs(value))
        return _Bounded(value, x.error + y.error + rounding)

    return rule


def _product(x: _Bounded, y: _Bounded) -> _Bounded:
    value = x.value * y.value
    error = np.abs(x.value) * y.error + np.abs(y.value) * x.error + x.error * y.error
    zero = ((x.value == 0) & (x.error == 0)) | ((y.value == 0) & (y.error == 0))
    return _Bounded(np.where(zero, 0.0, value), np.where(zero, 0.0, error + _UNIT * np.abs(value) + _TINY))


def _quotient(x: _Bounded, y: _Bounded) -> _Bounded:
    value = x.value / y.value
    error = (x.error + np.abs(value) * y.error) / (np.abs(y.value) - y.error) + _UNIT * np.abs(value) + _TINY
    zero = (x.value == 0) & (x.error == 0)
    error = np.where(zero, 0.0, error)
    return _Bounded(value, np.where(np.abs(y.value) > y.error, error, np.nan))


def _step(decides: Callable[..., Any], distance: Callable[..., Floats]) -> Callable[..., _Bounded]:
    """A step of its operands: sure where they lie farther from where it changes than they can be off."""

    def rule(*of: _Bounded) -> _Bounded:
        values = [operand.value for operand in of]
        off = np.sum([operand.error for operand in of], axis=0)
        exactly = off == 0
        sure = exactly | (distance(*values) > off * (1 + 2.0**-20))
        value = np.array(decides(*values))
        return _Bounded(value, np.where(sure, 0.0, np.nan))

    return rule


def _comparison(compare: Callable[[Any, Any], Any]) -> Callable[..., _Bounded]:
    # The difference of two float64 is rounded in proportion to itself, so its sign is right.
    return _step(compare, lambda x, y: np.abs(x - y) * (1 - 2 * _UNIT))


def _same_error(operator: Callable[..., Any]) -> Callable[..., _Bounded]:
    """An operator that moves its result no farther than its operands were."""
    return lambda *of: _Bounded(
        np.array(operator(*(x.value for x in of))), np.max([x.error for x in of], axis=0).astype(np.float64)
    )


def _where(condition: _Bounded, x: _Bounded, y: _Bounded) -> _Bounded:
    return _Bounded(
        np.where(condition.value, x.value, y.value),
        np.where(condition.value, x.error, y.error),
    )


def _leaky(x: _Bounded, slope: _Bounded) -> _Bounded:
    below = _product(x, slope)
    return _Bounded(np.where(x.value < 0, below.value, x.value), np.maximum(x.error, below.error))


def _count(x: _Bounded, *steps: _Bounded) -> _Bounded:
    table = np.sort(np.stack([step.value for step in steps]), axis=0)
    reached = np.zeros(len(x.value))
    nearest = np.full(len(x.value), np.inf)
    for step in table:
        reached += x.value >= step
        nearest = np.minimum(nearest, np.abs(x.value - step))
    sure = (x.error == 0) | (nearest * (1 - 2 * _UNIT) > x.error * (1 + 2.0**-20))
    return _Bounded(reached, np.where(sure, 0.0, np.nan))


def _curve(name: str) -> Callable[..., _Bounded]:
    """A smooth function: off by its slope times what its operand is off, and by what float64 rounds."""
    curve = CURVES[name]

    def rule(x: _Bounded) -> _Bounded:
        value = evaluated(name, x.value)
        off = x.error + np.where(x.error > 0, _UNIT * np.abs(x.value), 0.0)
        if curve.steepest is not None:
            moved = curve.steepest * off
        else:  # it is steepest where it is largest
            moved = np.where(off > 0, evaluated(name, x.value + off) - evaluated(name, x.value - off), 0.0)
        error = np.where(off > 0, moved + 16 * _UNIT * np.abs(value) + _TINY, 0.0)
        return _Bounded(value, error)

    return rule


_RULES: dict[str, Callable[..., _Bounded]] = {
    **{name: _curve(name) for name in CURVES},
    "Add": _sum(1),
    "Sub": _sum(-1),
    "Mul": _product,
    "MulAdd": lambda x, y, z: _sum(1)(_product(x, y), z),
    "Div": _quotient,
    "Neg": _same_error(np.negative),
    "Abs": _same_error(np.abs),
    "Relu": _same_error(lambda x: np.maximum(x, 0.0)),
    "Max": _same_error(np.maximum),
    "Min": _same_error(np.minimum),
    "PRelu": _leaky,
    "CountReached": _count,
    "ToFloat": lambda x: _Bounded(x.value.astype(np.float64), x.error),
    "StraightThrough": lambda stepped, through: stepped,
    "Where": _where,
    "Sign": _step(np.sign, np.abs),
    "ToBool": _step(lambda x: x != 0, np.abs),
    "Floor": _step(np.floor, lambda x: np.abs(x - np.rint(x))),
    "Ceil": _step(np.ceil, lambda x: np.abs(x - np.rint(x))),
    "Truncate": _step(np.trunc, lambda x: np.abs(x - np.rint(x))),
    "Round": _step(np.rint, lambda x: np.abs(np.abs(x - np.floor(x)) - 0.5)),
    "Greater": _comparison(np.greater),
    "GreaterOrEqual": _comparison(np.greater_equal),
    "Less": _comparison(np.less),
    "LessOrEqual": _comparison(np.less_equal),
    "Equal": _comparison(np.equal),
}
