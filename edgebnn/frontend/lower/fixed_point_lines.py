"""Lines with knees as integers: a multiplier and an offset a segment, one shift, and how far off that is at most."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.algebra.piecewise_linear import PiecewiseLinear
from edgebnn.network.types import Affine, Tensor

LARGEST = 2**31 - 2
_LARGEST_MULTIPLIER = 2**31 - 1
LARGEST_SHIFT = 40
_LARGEST_OFFSET = 2**60  # with an int32 times an int32 it stays inside int64


@dataclass(frozen=True, eq=False)
class FixedLines:
    """value = (multiplier * n + offset) >> shift, segment by segment as in `Affine`, between `low` and `high`.

    `error` (C,) bounds how far the integers lie from the exact lines, in units.
    """

    multiplier: npt.NDArray[np.int32]
    offset: npt.NDArray[np.int64]
    knees: npt.NDArray[np.int32]
    shift: int
    low: int
    high: int
    error: npt.NDArray[np.float64]

    def node(self, name: str, base: Tensor, output: Tensor) -> Affine:
        """The node that makes `output` of `base`."""
        return Affine(name, (base.name,), output, self.multiplier, self.offset, self.knees, self.shift)


def unit_for(largest: Fraction, bits: int) -> Fraction:
    """The power of two of which numbers up to `largest` are 2^bits at most, and finest; one for nothing but zeros."""
    if not largest:
        return Fraction(1)
    exponent = largest.numerator.bit_length() - largest.denominator.bit_length()
    exponent += largest > Fraction(2) ** exponent
    exponent -= largest <= Fraction(2) ** (exponent - 1)
    return Fraction(2) ** (exponent - bits)


def common_unit(slopes: Sequence[Fraction], most: int = LARGEST) -> Fraction | None:
    """The largest number of which all are multiples; None where such a number is far below all of them."""
    numbers = {slope for slope in slopes if slope}
    if not numbers:
        return Fraction(1)
    denominator, largest = 1, most * max(slope.denominator for slope in numbers)
    for slope in numbers:
        denominator = math.lcm(denominator, slope.denominator)
        if denominator > largest:
            return None
    return Fraction(math.gcd(*(int(slope * denominator) for slope in numbers)), denominator)


def fixed_lines(
    functions: Sequence[PiecewiseLinear], base: Tensor, unit: Fraction, largest_shift: int = LARGEST_SHIFT
) -> FixedLines | None:
    """Each channel's line on the integers of `base`, in units; None where a slope or a shift is beyond int32.

    Products have as many bits behind the unit as int32 multipliers and int64 offsets allow, `largest_shift` at most,
    and are rounded to the nearest integer, an exact half upwards. Where all slopes and shifts are whole units nothing
    is rounded and nothing shifted.
    """
    shift = _shift(functions, unit, largest_shift)
    if shift is None:
        return None
    segments = max(map(len, functions))
    multiplier = np.zeros((len(functions), segments), np.int32)
    offset = np.zeros((len(functions), segments), np.int64)
    knees = np.full((len(functions), segments - 1), base.high + 1, np.int32)
    error = np.zeros(len(functions))
    scale, half = 2**shift, 2**shift // 2
    factor, divisor = (scale / unit).as_integer_ratio()
    low, high = 2**31, -(2**31)
    for channel, piecewise in enumerate(functions):
        knees[channel, : len(piecewise) - 1] = [segment.start for segment in piecewise[1:]]
        lasts = [*(segment.start - 1 for segment in piecewise[1:]), base.high]
        for place, (segment, last) in enumerate(zip(piecewise, lasts, strict=True)):
            # Integers in place of fractions, which are brought to lowest terms in each step: a large model has many.
            (slope, slope_in), (moved, moved_in) = (part.as_integer_ratio() for part in (segment.slope, segment.shift))
            slope, slope_in, moved, moved_in = slope * factor, slope_in * divisor, moved * factor, moved_in * divisor
            m, o = _nearest(slope, slope_in), _nearest(moved, moved_in)
            multiplier[channel, place:], offset[channel, place:] = m, o + half
            ends = (segment.start, last)
            tilt, step = (m * slope_in - slope) * moved_in, (o * moved_in - moved) * slope_in
            off = max(abs(tilt * at + step) for at in ends) / (slope_in * moved_in * scale)
            error[channel] = max(error[channel], _upwards(off))
            reached = [(m * at + o + half) >> shift for at in ends]
            low, high = min(low, *reached), max(high, *reached)
    return FixedLines(multiplier, offset, knees, shift, low, high, error + (0.5 if shift else 0.0))


def _shift(functions: Sequence[PiecewiseLinear], unit: Fraction, shift: int) -> int | None:
    slopes = [abs(segment.slope) for piecewise in functions for segment in piecewise]
    shifts = [abs(segment.shift) for piecewise in functions for segment in piecewise]
    steepest, farthest = max(slopes) / unit, max(shifts) / unit
    if steepest > _LARGEST_MULTIPLIER or farthest > _LARGEST_OFFSET:
        return None
    if all((number / unit).denominator == 1 for number in (*slopes, *shifts)):
        return 0
    while shift and (steepest * 2**shift > _LARGEST_MULTIPLIER or farthest * 2**shift > _LARGEST_OFFSET - 2**shift):
        shift -= 1
    return shift


def _nearest(numerator: int, denominator: int) -> int:
    """The integer next to a fraction, an exact half to the even one."""
    floor, rest = divmod(numerator, denominator)
    return floor + (2 * rest > denominator or (2 * rest == denominator and floor % 2 == 1))


def _upwards(number: float) -> float:
    return number * (1 + 2.0**-50)
