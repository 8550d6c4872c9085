"""What one read finds wrong, in the mean: thresholds as they were given, and the rates that the models promise."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebnn.chip.banks.geometry import SINGLE
from edgebnn.chip.banks.pattern import Pattern
from edgebnn.chip.banks.read_errors import wrong_read
from edgebnn.chip.errors.error_rates import chip_rate
from edgebnn.chip.errors.programming import program
from edgebnn.chip.errors.weight_flips import misread
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorKinds, ErrorModel
from edgebnn.chip.random.normal import WHOLE
from edgebnn.chip.study.chip_comparison import uniform_pattern, wrong_synapses
from edgebnn.chip.target_files.loading import load_target
from edgebnn.confidence import exact_interval
from tests.chip.patterns import binary_pattern, meant, programmed, read_all, ternary_pattern

RRAM130 = load_target("rram130")


@given(st.integers(0, 2**32), st.integers(0, 2**32))
def test_it_is_what_the_thresholds_say(one: int, other: int) -> None:
    """u is below a threshold t in t of 2^32 cases: -1 below the first, 0 below the second, else +1."""
    minus, at_most_zero = sorted((one, other))
    shape = (1, 32, 32, 2)
    banks = programmed(np.full(shape, minus, np.uint64), np.full(shape, at_most_zero, np.uint64), seed=0)
    pattern = ternary_pattern(1)
    likely = {-1: minus / WHOLE, 0: (at_most_zero - minus) / WHOLE, 1: 1 - at_most_zero / WHOLE}
    expected = 1 - np.vectorize(likely.get)(meant(pattern)).astype(float)
    assert np.array_equal(wrong_read(banks, pattern.sign, pattern.nonzero), expected)


@pytest.mark.parametrize(
    "chip",
    [
        ChipInstance(3, 0.04, ErrorModel.NEIGHBOUR),
        ChipInstance(3, policy="ultra-low-energy"),
        ChipInstance(3, errors=ErrorModel.DEVICE, policy="ultra-low-energy"),
        ChipInstance(3, errors=ErrorModel.DEVICE, policy="ultra-low-energy", kinds=ErrorKinds.READ),
        ChipInstance(3, 0.0, read_error_rate=0.03),
    ],
)
@pytest.mark.parametrize("pattern", [binary_pattern(4), ternary_pattern(4)], ids=["binary", "ternary"])
def test_reads_are_wrong_as_often(chip: ChipInstance, pattern: Pattern) -> None:
    """Counted over many inferences, each synapse with draws of its own."""
    banks = program(chip, RRAM130, pattern, "strong")
    expected = wrong_read(banks, pattern.sign, pattern.nonzero)
    settled = (expected == 0) | (expected == 1)
    counted = np.stack([read_all(banks, inference=inference) != meant(pattern) for inference in range(50)])
    assert np.array_equal(counted[:, settled], np.broadcast_to(expected[settled] == 1, (50, settled.sum())))
    if not settled.all():
        low, high = exact_interval(int(counted[:, ~settled].sum()), 50 * int((~settled).sum()), 0.9999)
        assert low <= expected[~settled].mean() <= high


def test_errors_that_come_anew_are_not_reported_as_none() -> None:
    """`neighbour` makes just its rate of the weights wrong; the rates of the sensing window come out for `ber`."""
    neighbour = ChipInstance(0, 0.04, ErrorModel.NEIGHBOUR)
    for pattern in (binary_pattern(4), ternary_pattern(4)):
        found = wrong_synapses(neighbour, RRAM130, "strong", pattern)
        assert found.count == 0 and found.misread_share == pytest.approx(0.04, rel=1e-6)
    ternary, chip = ternary_pattern(4), ChipInstance(0, policy="ultra-low-energy")
    rate = chip_rate(chip, RRAM130, "strong", ternary).rate
    assert wrong_synapses(chip, RRAM130, "strong", ternary).misread_share == pytest.approx(rate, rel=1e-6)


def test_errors_that_stay_are_counted_alike_in_both() -> None:
    found = wrong_synapses(ChipInstance(1, 0.02), RRAM130, "strong", uniform_pattern(1, 8, SINGLE))
    assert found.misread_share == found.share > 0
    worse = wrong_synapses(
        replace(ChipInstance(1, 0.02), read_error_rate=0.1), RRAM130, "strong", uniform_pattern(1, 8, SINGLE)
    )
    assert worse.count == found.count
    assert worse.misread_share == pytest.approx(found.share * 0.9 + (1 - found.share) * 0.1)


@given(
    st.lists(st.integers(0, 2**32), min_size=2, max_size=2).map(sorted),
    st.booleans(),
    st.floats(0, 0.5),
)
def test_a_wrong_xnor_turns_a_sign_or_gives_a_zero_either(
    thresholds: list[int], ternary: bool, rate: float
) -> None:  # fmt: skip
    """Each way by which a weight can be read as -1, 0 or +1, added up in fractions: all that are and stay or turn."""
    minus, at_most_zero = thresholds if ternary else thresholds[:1] * 2  # a binary weight is never 0
    negative, zero, positive = (Fraction(part, WHOLE) for part in (minus, at_most_zero - minus, WHOLE - at_most_zero))
    wrong = Fraction(rate)
    if ternary:  # a wrong bit of two makes a sign a 0, and a 0 either sign
        expected = negative * (1 - wrong) + zero * wrong / 2, zero * (1 - wrong) + (negative + positive) * wrong
    else:
        expected = negative * (1 - wrong) + positive * wrong, Fraction(0)
    given = (np.full((1, 32, 2), value, np.uint64) for value in (minus, at_most_zero))
    below, below_one = misread(*given, np.array([ternary]), rate)
    assert abs(Fraction(int(below[0, 0, 0]), WHOLE) - expected[0]) <= Fraction(1, WHOLE)
    assert abs(Fraction(int(below_one[0, 31, 1]), WHOLE) - sum(expected)) <= Fraction(2, WHOLE)
