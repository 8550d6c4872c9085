"""Float64 with bounds of its errors: what operators make of values, and where they cannot decide a step by them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.algebra.smooth_functions import Curve, evaluated
from edgebnn.frontend.onnx.graph import Array

Floats = npt.NDArray[np.float64]

# Twice the largest relative error of one float64 operation: enough for what the bounds themselves lose in rounding.
UNIT = 2.0**-52
# Below this, float64's errors are no longer relative; any point that small is left to rational numbers.
TINY = 2.0**-960


@dataclass(frozen=True, eq=False)
class Bounded:
    """Values (P,), float64 or bool, and how far each may lie from the exact one: NaN where a step is not decided."""

    value: Array
    error: Floats


Rule = Callable[..., Bounded]


def added(sign: int) -> Rule:
    """A sum (1) or a difference (-1)."""

    def rule(x: Bounded, y: Bounded) -> Bounded:
        value = x.value + sign * y.value
        rounding = np.where((x.value == 0) | (y.value == 0), 0.0, UNIT * np.abs(value))
        return Bounded(value, x.error + y.error + rounding)

    return rule


def product(x: Bounded, y: Bounded) -> Bounded:
    """A product."""
    value = x.value * y.value
    error = np.abs(x.value) * y.error + np.abs(y.value) * x.error + x.error * y.error
    zero = ((x.value == 0) & (x.error == 0)) | ((y.value == 0) & (y.error == 0))
    return Bounded(np.where(zero, 0.0, value), np.where(zero, 0.0, error + UNIT * np.abs(value) + TINY))


def product_and_sum(x: Bounded, y: Bounded, term: Bounded) -> Bounded:
    """A product with something added."""
    return added(1)(product(x, y), term)


def quotient(x: Bounded, y: Bounded) -> Bounded:
    """A quotient; not decided where the divisor may be zero."""
    value = x.value / y.value
    error = (x.error + np.abs(value) * y.error) / (np.abs(y.value) - y.error) + UNIT * np.abs(value) + TINY
    zero = (x.value == 0) & (x.error == 0)
    error = np.where(zero, 0.0, error)
    return Bounded(value, np.where(np.abs(y.value) > y.error, error, np.nan))


def step(decides: Callable[..., Any], distance: Callable[..., Floats]) -> Rule:
    """A step of its operands: sure where they lie farther from where it changes than they can be off."""

    def rule(*of: Bounded) -> Bounded:
        values = [operand.value for operand in of]
        off = np.sum([operand.error for operand in of], axis=0)
        exactly = off == 0
        sure = exactly | (distance(*values) > off * (1 + 2.0**-20))
        value = np.array(decides(*values))
        return Bounded(value, np.where(sure, 0.0, np.nan))

    return rule


def comparison(compare: Callable[[Any, Any], Any]) -> Rule:
    """A step where two values cross."""
    # The difference of two float64 is rounded in proportion to itself, so its sign is right.
    return step(compare, lambda x, y: np.abs(x - y) * (1 - 2 * UNIT))


def same_error(operator: Callable[..., Any]) -> Rule:
    """An operator that moves its result no farther than its operands were."""
    return lambda *of: Bounded(
        np.array(operator(*(x.value for x in of))), np.max([x.error for x in of], axis=0).astype(np.float64)
    )


def chosen(condition: Bounded, x: Bounded, y: Bounded) -> Bounded:
    """One value or the other, as the condition has it."""
    return Bounded(
        np.where(condition.value, x.value, y.value),
        np.where(condition.value, x.error, y.error),
    )


def leaky(x: Bounded, slope: Bounded) -> Bounded:
    """Multiplied below zero."""
    below = product(x, slope)
    return Bounded(np.where(x.value < 0, below.value, x.value), np.maximum(x.error, below.error))


def count_reached(x: Bounded, *steps: Bounded) -> Bounded:
    """How many of the steps a value has reached."""
    table = np.sort(np.stack([step.value for step in steps]), axis=0)
    reached = np.zeros(len(x.value))
    nearest = np.full(len(x.value), np.inf)
    for step in table:
        reached += x.value >= step
        nearest = np.minimum(nearest, np.abs(x.value - step))
    sure = (x.error == 0) | (nearest * (1 - 2 * UNIT) > x.error * (1 + 2.0**-20))
    return Bounded(reached, np.where(sure, 0.0, np.nan))


def smooth(curve: Curve) -> Rule:
    """A smooth function: off by its slope times what its operand is off, and by what float64 rounds."""

    def rule(x: Bounded) -> Bounded:
        value = evaluated(curve, x.value)
        off = x.error + np.where(x.error > 0, UNIT * np.abs(x.value), 0.0)
        if curve.steepest is not None:
            moved = curve.steepest * off
        else:  # it is steepest where it is largest
            moved = np.where(off > 0, evaluated(curve, x.value + off) - evaluated(curve, x.value - off), 0.0)
        error = np.where(off > 0, moved + 16 * UNIT * np.abs(value) + TINY, 0.0)
        return Bounded(value, error)

    return rule


def to_float(x: Bounded) -> Bounded:
    """Yes and no as 1 and 0; numbers as they are."""
    return Bounded(x.value.astype(np.float64), x.error)


def logical(operator: Callable[..., Any]) -> Rule:
    """An operator on yes and no alone."""
    return lambda *of: Bounded(np.array(operator(*(x.value for x in of)), np.bool_), np.zeros(len(of[0].value)))
