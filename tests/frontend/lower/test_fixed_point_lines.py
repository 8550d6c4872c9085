"""Lines as integers: what exact fractions give, halves to even numbers, and a bound of what rounding leaves."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from edgebnn.frontend.algebra.piecewise_linear import PiecewiseLinear, Segment
from edgebnn.frontend.lower.fixed_point_lines import fixed_lines
from edgebnn.network.types import Kind, Tensor


def _lines(rng: np.random.Generator, base: Tensor) -> PiecewiseLinear:
    starts = sorted({base.low, *rng.integers(base.low, base.high + 1, 2).tolist()})
    parts = rng.integers(-(10**6), 10**6, (len(starts), 2)).tolist()
    below = rng.choice([1, 2, 3, 5 * 2**12, 2**20, 10**9 + 7], (len(starts), 2)).tolist()
    return tuple(
        Segment(start, Fraction(slope, slope_in), Fraction(shift, shift_in))
        for start, (slope, shift), (slope_in, shift_in) in zip(starts, parts, below, strict=True)
    )


@pytest.mark.parametrize("largest_shift", [0, 1, 40])
def test_integers_are_the_rounded_fractions_and_no_further_off_than_said(largest_shift: int) -> None:
    rng = np.random.default_rng(largest_shift)
    base = Tensor("sums", Kind.SUMS, (4,), -200, 300)
    for unit in (Fraction(1), Fraction(1, 2), Fraction(3, 1024), Fraction(4)):
        functions = [_lines(rng, base) for _ in range(4)]
        lines = fixed_lines(functions, base, unit, largest_shift)
        assert lines is not None
        factor = 2**lines.shift / unit
        for channel, piecewise in enumerate(functions):
            lasts = [*(segment.start - 1 for segment in piecewise[1:]), base.high]
            for place, (segment, last) in enumerate(zip(piecewise, lasts, strict=True)):
                m, o = int(lines.multiplier[channel, place]), int(lines.offset[channel, place])
                assert m == round(segment.slope * factor)
                assert o == round(segment.shift * factor) + 2**lines.shift // 2
                for at in (segment.start, last):
                    off = abs(((m * at + o) >> lines.shift) - segment.at(at) / unit)
                    assert off <= lines.error[channel]
                    value, denominator = segment.ratio_at(at)
                    assert Fraction(value, denominator) == segment.at(at)


@pytest.mark.parametrize(("slope", "shift"), [(Fraction(1, 3), 32), (Fraction(2, 3), 31)])
def test_as_many_bits_as_an_int32_multiplier_holds_are_kept(slope: Fraction, shift: int) -> None:
    base = Tensor("sums", Kind.SUMS, (1,), -9, 9)
    lines = fixed_lines([(Segment(-9, slope, Fraction(0)),)], base, Fraction(1))
    assert lines is not None and lines.shift == shift
