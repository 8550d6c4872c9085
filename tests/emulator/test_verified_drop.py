"""What a share of chips loses at most: held against chips whose share is known."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from edgebnn.emulator.verified_drop import VerifiedDrop, chips_to_show


def lost(*of_chips: float) -> VerifiedDrop:
    return VerifiedDrop(float(np.mean(of_chips)), (0.0, 1.0), tuple(sorted(of_chips)))


@given(st.lists(st.integers(0, 9), min_size=1, max_size=60), st.floats(0.05, 0.99))
def test_the_bound_is_the_least_loss_that_the_exact_interval_shows(tenths: list[int], chip_yield: float) -> None:
    drop = lost(*(each / 10 for each in tenths))

    def shows(allowed: float) -> bool:
        kept = sum(each / 10 <= allowed for each in tenths)
        exact = binomtest(kept, len(tenths)).proportion_ci(0.95, "exact").low
        return bool(exact >= chip_yield) and drop.chips_within(allowed) == kept

    expected = next((each / 10 for each in sorted(set(tenths)) if shows(each / 10)), inf)
    assert drop.bound(chip_yield) == expected


def test_without_a_yield_it_is_the_end_of_the_interval_of_the_mean() -> None:
    assert VerifiedDrop(0.1, (0.0, 0.3), (0.1,)).bound(None) == 0.3


def test_few_batches_promise_more_than_the_chips_keep() -> None:
    # Losses are uniform, so that a share of 0.9 of all chips loses no more than 0.9.
    draws = np.random.default_rng(0).random((2000, 60))
    promised = np.array([lost(*batch).bound(0.9) for batch in draws])
    wrong = int((promised < 0.9).sum())
    assert binomtest(wrong, 2000).proportion_ci(0.99, "exact").low <= 0.025


@pytest.mark.parametrize(("chip_yield", "chips"), [(0.5, 6), (0.9, 36), (0.95, 72), (0.99, 368), (0.999, 3688)])
def test_how_many_chips_show_a_yield(chip_yield: float, chips: int) -> None:
    assert chips_to_show(chip_yield) == chips
    assert lost(*[0.1] * chips).bound(chip_yield) == 0.1
    assert lost(*[0.1] * (chips - 1)).bound(chip_yield) == inf


def test_what_is_just_allowed_is_kept() -> None:
    right = np.ones(800, np.bool_)
    on_chip = np.arange(800) >= 16
    found = VerifiedDrop.of(right, on_chip[np.newaxis], 0)
    assert found.of_chips == (0.02,) and found.chips_within(0.02) == 1


def test_chips_stand_sorted_by_what_they_lost() -> None:
    right = np.ones(4, np.bool_)
    on_chips = np.array([[1, 1, 0, 0], [1, 1, 1, 1], [1, 1, 1, 0]], np.bool_)
    found = VerifiedDrop.of(right, on_chips, 0)
    assert found.of_chips == (0.0, 0.25, 0.5) and found.mean == pytest.approx(0.25)
