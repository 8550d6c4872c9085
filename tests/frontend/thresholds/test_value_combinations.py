"""Which combinations of integers lie near a place, and float32 sums that are rounded once, against plain arithmetic."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import numpy.typing as npt
import pytest

from edgebnn.frontend.algebra.fused_multiply_add import multiply_add, rounded_sum
from edgebnn.frontend.thresholds.value_combinations import Added, Combinations, Lined, Spaced, Values, merged, within

Floats = npt.NDArray[np.float64]


def float32_nearest(number: Fraction) -> float:
    """The float32 next to a number, of two that are equally near the even one."""
    near = np.float32(float(number))
    candidates = [near, np.nextafter(near, np.float32(np.inf)), np.nextafter(near, np.float32(-np.inf))]
    return float(min(candidates, key=lambda each: (abs(Fraction(float(each)) - number), int(each.view(np.int32)) & 1)))


def test_products_and_sums_are_rounded_once() -> None:
    """Among numbers whose sum lies next to the middle of two float32 numbers, beyond what float64 holds."""
    rng = np.random.default_rng(0)
    x, y = (rng.integers(-(2**24), 2**24, 2000).astype(np.float32) for _ in range(2))
    z = (rng.choice([-1, 1], 2000) * 2.0 ** rng.integers(-40, 60, 2000)).astype(np.float32)
    exact = [Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c)) for a, b, c in zip(x, y, z, strict=True)]
    assert multiply_add(x, y, z).tolist() == [float32_nearest(each) for each in exact]
    wide = x.astype(np.float64) * y
    assert rounded_sum(wide, z.astype(np.float64)).tolist() == [float32_nearest(each) for each in exact]


def test_sums_smaller_than_float32_has_bits_for_are_rounded_once_too() -> None:
    rng = np.random.default_rng(1)
    x, y = (rng.integers(-(2**30), 2**30, 2000) * 2.0 ** rng.integers(-200, -150, 2000) for _ in range(2))
    exact = [Fraction(one) + Fraction(other) for one, other in zip(x.tolist(), y.tolist(), strict=True)]
    assert rounded_sum(x, y).tolist() == [float32_nearest(each) for each in exact]


def values(rng: np.random.Generator, count: int, most: int) -> Values:
    integers = np.sort(rng.choice(np.arange(-most, most), count, replace=False)).astype(np.int64)
    model = (integers * 0.1).astype(np.float32).astype(np.float64)
    return Values(integers, model, model)


def bent(rng: np.random.Generator, source: Combinations) -> Lined:
    """Two segments and a shift, of either slope."""
    multiplier, offset = rng.choice([-5, -3, 0, 3, 7], 2), rng.integers(-50, 50, 2)
    knee = rng.integers(-20, 20, 1)
    return Lined(0, source, multiplier, offset, knee, 1, (-(2**20), 2**20), lambda _, found: found.model)


def everything(found: Combinations) -> list[int]:
    match found:
        case Values():
            return [int(each) for each in found.integers]
        case Spaced():
            return [found.start + found.stride * n for n in range(found.count)]
        case Added():
            return [one + other for one, other in product(everything(found.few), everything(found.many))]
        case Lined():
            return [int(each) for each in found.of(Values(np.array(everything(found.source)))).integers]


@pytest.mark.parametrize("seed", range(6))
def test_all_combinations_in_a_window_are_found(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second, third = (values(rng, 12, 60) for _ in range(3))
    for found in (
        first,
        Spaced(-40, 3, 30),
        Added(first, second),
        Added(first, Added(second, third)),
        Added(first, Spaced(-41, 2, 40)),
        bent(rng, Added(first, second)),
        Added(third, bent(rng, Added(first, second))),
    ):
        low = rng.integers(-200, 200, 5)
        high = low + rng.integers(0, 30, 5)
        pieces = [(piece.integers, window) for piece, window, _ in within(found, low, high)]
        integers, windows = (np.concatenate(part) for part in zip(*pieces, strict=True))
        every = everything(found)
        expected = [(window, n) for window in range(5) for n in every if low[window] <= n <= high[window]]
        assert sorted(zip(windows.tolist(), integers.tolist(), strict=True)) == sorted(expected)
        whole = merged(found, 2**14)
        assert whole is not None and set(whole.integers.tolist()) == set(everything(found))


def test_float32_adds_the_models_own_numbers_in_their_order() -> None:
    rng = np.random.default_rng(1)
    first, second, third = (values(rng, 9, 2000) for _ in range(3))
    found = within(Added(first, Added(second, third)), np.array([-9000]), np.array([9000]))
    low, high = (np.concatenate(part) for part in zip(*(piece.model or () for piece, _, _ in found), strict=True))
    assert np.array_equal(low, high) and len(low) == 9**3
    numbers = [np.float32(one.low).tolist() for one in (first, second, third)]  # type: ignore[arg-type]
    sums = [float(np.float32(a) + (np.float32(b) + np.float32(c))) for a, b, c in product(*numbers)]
    assert sorted(low.tolist()) == sorted(sums)
