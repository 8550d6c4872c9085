"""Normal numbers and probabilities by additions and multiplications, against scipy and numpy."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri

from edgebnn.chip.random.normal import REACH, WHOLE, bound_lines, make_tables, normal, probability_below, tables


def test_the_stored_tables_are_those_that_this_machine_would_make() -> None:
    stored, made = tables(), make_tables()
    for mine, theirs in ((stored.value, made.value), (stored.slope, made.slope)):
        assert mine.dtype == np.float32
        np.testing.assert_array_max_ulp(mine, theirs, maxulp=1)
    assert stored.below.dtype == np.uint64
    assert np.abs(stored.below.astype(np.int64) - made.below.astype(np.int64)).max() <= 1


def test_every_normal_number_is_near_the_exact_quantile() -> None:
    odd = np.arange(1, 1 << 24, 2, dtype=np.uint32)  # all that there are
    found = normal(odd << np.uint32(8) | np.uint32(1))
    assert found.dtype == np.float32
    assert np.abs(found + ndtri(np.ldexp(odd.astype(np.float64), -25))).max() <= 2e-6
    assert 5.41 < found.max() < 5.43
    np.testing.assert_array_equal(normal(odd << np.uint32(8)), -found)


def test_no_normal_number_goes_beyond_its_bound_and_most_are_near() -> None:
    odd = np.arange(1, 1 << 24, 2, dtype=np.uint32)
    place = odd.astype(np.float32).view(np.int32).astype(np.float32)
    bound = np.min([begin + slope * place for begin, slope in bound_lines()], axis=0)
    beyond = bound - normal(odd << np.uint32(8) | np.uint32(1))
    assert beyond.min() > -1e-5  # what a read's rounding allows for
    assert beyond.mean() < 0.1


def test_only_the_highest_24_bits_and_the_lowest_say_which_number() -> None:
    words = np.random.default_rng(0).integers(0, 1 << 32, 10_000, np.uint64).astype(np.uint32)
    np.testing.assert_array_equal(normal(words), normal(words ^ np.uint32(0xFE)))


def test_probabilities_are_near_the_exact_ones_and_never_fall() -> None:
    z = np.linspace(-REACH - 1, REACH + 1, 2_000_001)
    found = probability_below(z)
    assert found.dtype == np.uint64
    assert np.abs(found / WHOLE - ndtr(z)).max() <= 5e-7
    assert (np.diff(found.astype(np.int64)) >= 0).all()
    assert found[0] == 0
    assert found[-1] == WHOLE
    assert probability_below(0.0) == WHOLE // 2
