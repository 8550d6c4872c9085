"""Whether chips that trim themselves gain, which decides whether they do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgebnn.chip.device.conditions import Conditions
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


def test_where_nothing_errs_no_gain_is_shown() -> None:
    network = SAMPLES["bits"]
    x = random_inputs(network, 1, 200)
    mapped = mapped_on(network, allocation=LEAST)
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
    assert 0.93 * 400 <= held <= 0.99 * 400


def test_an_interval_is_no_wider_than_chance_asks() -> None:
    """Nothing but what chips and samples differ by together: at most twice as rarely left as it says."""
    rng = np.random.default_rng(1)
    left = sum(not found[0] < 0 < found[1] for found in map(_interval, rng.normal(size=(2000, 20, 50))) if found)
    assert 0.01 * 2000 <= left <= 0.06 * 2000


def test_chips_that_verify_are_tried_as_such() -> None:
    network = SAMPLES["bits"]
    layer = network.linear[0].name
    x = uneven_inputs(network, 1, 60)
    found = self_trim_gain(mapped_on(network, allocation=LEAST), x, None, 4)
    assert (found.errors, found.attempts, found.one_chip, found.of_classes) == (ErrorModel.TABLE, 1, False, True)
    limited = Allocation(policy="ultra-low-energy", attempts={layer: 3})
    found = self_trim_gain(mapped_on(network, allocation=limited), x, None, 4)
    assert (found.errors, found.attempts) == (ErrorModel.DEVICE, 3)


def test_programmings_of_a_chip_are_those_behind_its_readings() -> None:
    network = SAMPLES["bits"]
    mapped, x = mapped_on(network, allocation=LEAST), uneven_inputs(network, 1, 200)
    chip = ChipInstance(5, errors=ErrorModel.TABLE)
    found = self_trim_gain(mapped, x, chip, 4)
    clean = per_class(FastPath(mapped).run(x[1::2])).argmax(axis=1)
    differ = []
    for cycles in range(5, 5 + CHIPS):
        banks = programmed_banks(mapped, replace(chip, conditions=replace(chip.conditions, cycles=cycles)))
        differ.append(per_class(FastPath(mapped).run(x[1::2], banks)).argmax(axis=1) != clean)
    assert found.one_chip and found.differ_untrimmed == pytest.approx(float(np.mean(differ)))


def test_a_chip_at_the_end_of_its_life_is_tried_too() -> None:
    network = SAMPLES["bits"]
    mapped = mapped_on(network, allocation=LEAST)
    borne = mapped.target.policy("ultra-low-energy").endurance.integer("cycles")
    chip = ChipInstance(5, errors=ErrorModel.TABLE, conditions=Conditions.of(cycles=borne))
    found = self_trim_gain(mapped, uneven_inputs(network, 1, 20), chip, 4)
    assert (found.chips, found.first_seed) == (CHIPS, 5)


def test_one_chip_or_sample_shows_nothing() -> None:
    assert _interval(np.full((20, 1), -1.0)) is None and _interval(np.full((1, 20), -1.0)) is None
