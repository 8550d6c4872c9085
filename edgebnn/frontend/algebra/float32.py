"""Which numbers float32 holds: one rounding, and the grids on which sums are exact."""

from __future__ import annotations

from fractions import Fraction

# Half a unit in the last place of float32, relative: the largest error of one rounded operation.
UNIT = 2.0**-24


def float32_holds(scale: Fraction, bound: int) -> bool:
    """Whether scale times every integer up to `bound` is a float32, so that any sum of such terms is exact."""
    if scale.denominator & (scale.denominator - 1):
        return False
    numerator = scale.numerator
    odd = numerator // (numerator & -numerator)
    return odd * bound <= 2**24 and 2.0**-100 < float(scale) < 2.0**100


def float32_holds_line(slope: Fraction, shift: Fraction, bound: int, terms: int = 1) -> bool:
    """Whether every sum of up to `terms` numbers slope * n + shift, n being integers up to `bound`, is a float32."""
    grid = 0
    for number in (slope, shift):
        if number.denominator & (number.denominator - 1):
            return False
        if number:
            grid = max(grid, number.denominator)
    return grid == 0 or (
        (abs(slope) * bound + abs(shift)) * terms * _coarsest(slope, shift, grid) <= 2**24 and grid < 2**100
    )


def _coarsest(slope: Fraction, shift: Fraction, grid: int) -> Fraction:
    """One over the largest power of two that divides both numbers, which are multiples of 1 / grid."""
    both = int(slope * grid) | int(shift * grid)
    return Fraction(grid, both & -both)


def float32_holds_with(unit: Fraction, bound: int, bias: Fraction) -> bool:
    """Whether every sum of the bias and of multiples of `unit`, up to `bound` of them, is a float32."""
    grid = Fraction(1, max(unit.denominator, bias.denominator))  # both denominators are powers of two
    return (unit * bound + abs(bias)) / grid <= 2**24
