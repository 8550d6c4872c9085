"""Intervals of counts hold where trials have something in common, as cells of one sense amplifier have."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from edgebnn.chip.banks.geometry import Geometry
from edgebnn.confidence import Tally, exact_interval


@pytest.mark.parametrize(("offset", "most"), [(0.0, 1.0), (0.5, 0.8)], ids=["independent", "common offsets"])
def test_intervals_cover_the_probability_behind_groups_of_cells(offset: float, most: float) -> None:
    """64 amplifiers of 512 cells each: an exact interval covers too seldom where their offsets matter."""
    rng, distance = np.random.default_rng(4), 1.5
    wanted = float(ndtr(-distance / np.hypot(1.0, offset)))
    covered = np.zeros(2)
    for _ in range(400):
        wrong = rng.binomial(512, ndtr(offset * rng.standard_normal(64) - distance))
        tally = Tally.grouped(wrong, 512)
        for which, (low, high) in enumerate((tally.interval(), exact_interval(tally.wrong, tally.trials))):
            covered[which] += low <= wanted <= high
    grouped, exact = covered / 400
    assert grouped >= 0.92 and exact <= most


def test_groups_that_do_not_differ_leave_the_exact_interval_nearly_as_it_is() -> None:
    alike = Tally.grouped([3, 2, 3, 2] * 100, 100).interval()
    assert alike == pytest.approx(exact_interval(1000, 40000), rel=2e-3)


def test_what_is_added_group_by_group_is_what_is_counted_at_once() -> None:
    whole = Tally.grouped([1, 5, 0, 9], [10, 20, 10, 30])
    assert Tally.grouped([1, 5], [10, 20]) + Tally.grouped([0, 9], [10, 30]) == whole


def test_a_single_group_says_no_more_than_one_trial() -> None:
    low, high = Tally.grouped([100], 1000).interval()
    assert low < 0.01 and high > 0.95


def test_counts_of_columns_add_up_to_those_of_their_amplifiers() -> None:
    bank = Geometry(rows=4, columns=96, sense_amplifiers=32)
    counts = np.arange(6 * 32).reshape(6, 32)
    expected = [sum(range(3 * first, 3 * first + 3)) for first in range(64)]
    assert bank.by_amplifier(counts).tolist() == expected
