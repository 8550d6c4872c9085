"""Between which values operators lie on a whole range, and how far float32 takes them from the exact ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product as every_choice

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.algebra.float32 import UNIT
from edgebnn.frontend.algebra.operator_values import Value
from edgebnn.frontend.algebra.smooth_functions import ABSOLUTE, RELATIVE, Curve, evaluated

Floats = npt.NDArray[np.float64]

# What float32 rounds in one operator, half a unit in the last place, and a little for what float64 rounds here; what is
# below the smallest number counts as lost.
_ROUNDING = UNIT * (1 + 2.0**-20)
_TINY = 2.0**-149


@dataclass(frozen=True, eq=False)
class Interval:
    """Between which values a part lies, per channel (C,), and how far its float32 value is from the exact one."""

    low: Floats
    high: Floats
    error: Floats

    @property
    def magnitude(self) -> Floats:
        """The largest absolute value."""
        return np.maximum(np.abs(self.low), np.abs(self.high))


Ends = tuple[Floats, Floats]
Range = Callable[[Sequence[Interval]], Ends]
# The error of a result between two ends, before it is rounded itself.
Error = Callable[[Sequence[Interval], Ends], Floats]


def rounded(error: Floats, largest: Floats) -> Floats:
    """The error of a result with what float32 rounds of it."""
    return error + _ROUNDING * (largest + error) + _TINY


def corners(value: Value, of: Sequence[Interval]) -> Ends:
    """Of what is monotone in each operand, so that its extremes are at the ends."""
    with np.errstate(all="ignore"):  # what becomes infinite is refused
        made = [value(*ends) for ends in every_choice(*((operand.low, operand.high) for operand in of))]
    return np.min(made, axis=0).astype(np.float64), np.max(made, axis=0).astype(np.float64)


def yes_or_no(of: Sequence[Interval]) -> Ends:
    """No as 0 and yes as 1."""
    zero = np.zeros_like(of[0].low)
    return zero, zero + 1


def leaky_range(of: Sequence[Interval]) -> Ends:
    """Of what is multiplied below zero."""
    x, slope = of
    below = np.minimum(x.low, 0.0) * slope.low, np.minimum(x.high, 0.0) * slope.low
    above = np.maximum(x.low, 0.0), np.maximum(x.high, 0.0)
    return np.minimum.reduce([*below, *above]), np.maximum.reduce([*below, *above])


def turning_range(curve: Curve, turn: float) -> Range:
    """Of a smooth function that falls up to a number and rises behind it."""

    def found(of: Sequence[Interval]) -> Ends:
        ends = [evaluated(curve, end) for end in (of[0].low, of[0].high)]
        turns = (of[0].low <= turn) & (turn <= of[0].high)
        return np.where(turns, curve.at(turn), np.minimum(*ends)), np.maximum(*ends)

    return found


def step_error(of: Sequence[Interval], ends: Ends) -> Floats:
    """An error, however small, can take an operand over a step."""
    return ends[1] - ends[0]


def product_error(of: Sequence[Interval], ends: Ends) -> Floats:
    """Of a product, perhaps with something added."""
    one, other, *added = of
    error = one.error * (other.magnitude + other.error) + one.magnitude * other.error
    total: Floats = np.sum([error, *(each.error for each in added)], axis=0)
    return total


def leaky_error(of: Sequence[Interval], ends: Ends) -> Floats:
    """Of what is multiplied, and rounded, below zero."""
    steepest = np.maximum(of[1].magnitude, 1.0)
    return rounded(steepest * of[0].error, np.maximum(np.abs(ends[0]), np.abs(ends[1])))


def estimator_error(of: Sequence[Interval], ends: Ends) -> Floats:
    """x + (f - x): the error of f goes as it came, what the size of x makes float32 round stays."""
    stepped, through = of
    sizes = stepped.magnitude + stepped.error + through.magnitude + through.error
    return stepped.error + 2 * _ROUNDING * sizes


def curve_error(curve: Curve) -> Error:
    """What float32 makes of a smooth function: its slope times its operand's error, and its own approximation."""

    def found(of: Sequence[Interval], ends: Ends) -> Floats:
        moved = ends[1] - ends[0] if curve.steepest is None else curve.steepest * of[0].error
        return moved + RELATIVE * (of[0].magnitude + 1) + (curve.reach or 1.0) * ABSOLUTE

    return found
