"""Whether chips that trim themselves gain, which decides whether they do."""

from __future__ import annotations

import numpy as np
import pytest

from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorModel
from edgebnn.emulator.agreement import per_class
from edgebnn.emulator.fast import FastPath
from edgebnn.emulator.self_trim_gain import CHIPS, FIRST_SEED, _interval, self_trim_gain
from edgebnn.mapping.allocation import Allocation
from edgebnn.mapping.programmed import programmed_banks
from edgebnn.mapping.self_trimming import self_trimming
from tests.emulator.test_trimming import SAMPLES, uneven_inputs
from tests.mapping.test_planner import mapped_on
from tests.networks import random_inputs

LEAST = Allocation(policy="ultra-low-energy")


def test_it_is_what_the_same_chips_answer_untrimmed_and_trimmed() -> None:
    network = SAMPLES["bits"]
    samples = uneven_inputs(network, 1, 600)
    mapped, x = mapped_on(network, allocation=LEAST), samples[1::2]
    trimmed = self_trimming(mapped, samples[::2])
    found = self_trim_gain(mapped, samples, None, 4)
    clean = per_class(FastPath(mapped).run(x)).argmax(axis=1)
    differ = [
        [
            per_class(FastPath(each).run(x, programmed_banks(each, chip))).argmax(axis=1) != clean
            for chip in (ChipInstance(FIRST_SEED + number, errors=ErrorModel.TABLE) for number in range(CHIPS))
        ]
        for each in (mapped, trimmed)
    ]
    before, after = (float(np.mean(each)) for each in differ)
    assert (found.differ_untrimmed, found.differ_trimmed) == pytest.approx((before, after))
    assert found.change == pytest.approx(after - before)
    assert found.shown and found.interval is not None and found.interval[0] < found.change < found.interval[1] < 0


def test_where_there_is_nothing_to_shift_no_gain_is_shown() -> None:
    """Means of nothing but chance shift sums by chance."""
    network = SAMPLES["bits"]
    x = random_inputs(network, 1, 200)
    mapped = mapped_on(network, allocation=LEAST)
    assert not self_trim_gain(mapped, x, None, 4).shown
    right = self_trim_gain(mapped, x, ChipInstance(7, 0.0), 4)
    assert (right.change, right.interval) == (0, (0, 0)) and not right.shown
    assert not self_trim_gain(mapped, x[:1], None, 4).shown


def test_an_interval_holds_the_mean_as_often_as_it_says() -> None:
    """Chips and samples each differ by something of their own."""
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        changes = rng.normal(size=(20, 1)) + 2 * rng.normal(size=50) + 3 * rng.normal(size=(20, 50))
        found = _interval(changes)
        assert found is not None
        held += found[0] < 0 < found[1]
    assert held >= 0.93 * 400


def test_one_chip_or_sample_shows_nothing() -> None:
    assert _interval(np.full((20, 1), -1.0)) is None and _interval(np.full((1, 20), -1.0)) is None
