"""Cycles until the accuracy has fallen: never beyond those that devices endure, and where the rate says it."""

from __future__ import annotations

import numpy as np
import pytest

from edgebnn.chip.device.ageing import aged_rate
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.target_files.loading import load_target
from edgebnn.emulator.accuracy_endurance import _turn, accuracy_endurance
from edgebnn.emulator.emulate import Dataset
from edgebnn.emulator.fast import FastPath
from edgebnn.errors import DataError, TargetError
from edgebnn.mapping.mapped import MappedNetwork
from tests.mapping.test_planner import dense, mapped_on

CHIPS = [ChipInstance(seed, policy="ultra-low-energy") for seed in range(3)]


def judged() -> tuple[MappedNetwork, Dataset]:
    """A layer whose answers without errors are the labels."""
    mapped = mapped_on(dense(64, 4))
    x = np.random.default_rng(0).choice(np.array([-1, 1], np.int8), (400, *mapped.network.inputs[0].tensor.shape))
    return mapped, Dataset(x, FastPath(mapped).run(x).reshape(400, -1).argmax(axis=1).astype(np.int64))


@pytest.mark.parametrize("turn", [1, 2, 1000, 2 * 10**9])
def test_the_turn_is_found_to_five_percent(turn: int) -> None:
    few, many = _turn(lambda cycles: cycles < turn, 5 * 10**9)
    assert few is not None and many is not None
    assert few < turn <= many <= max(few * 1.05, few + 1)


def test_what_never_turns_and_what_never_holds() -> None:
    assert _turn(lambda cycles: True, 10**6) == (10**6, None)
    assert _turn(lambda cycles: False, 10**6) == (None, 0)


def test_the_network_fails_before_its_devices_do() -> None:
    mapped, data = judged()
    fresh = accuracy_endurance(mapped, data, CHIPS, 1.0)
    assert fresh.cycles == fresh.device_cycles == 5 * 10**9 and fresh.interval == (5 * 10**9, None)
    drops = [each.drop.mean for each in fresh.tried]
    between = (drops[0] + drops[-1]) / 2
    found = accuracy_endurance(mapped, data, CHIPS, between)
    assert found.cycles is not None and 10**9 <= found.cycles < 2.8e9
    target = load_target("rram130")
    assert all(each.bit_error_rate == aged_rate(target, "ultra-low-energy", each.cycles) for each in found.tried)
    low, high = found.interval
    assert (low is None or low <= found.cycles) and (high is None or high > found.cycles)


def test_where_the_rate_does_not_grow_nothing_is_drawn_anew() -> None:
    """Below the onset all cycles are fresh: another draw there would turn by chance alone."""
    mapped, data = judged()
    found = accuracy_endurance(mapped, data, CHIPS, 0.0)
    assert [each.cycles for each in found.tried if each.cycles <= 10**9] == [0]


def test_what_does_not_age_is_refused() -> None:
    mapped, data = judged()
    with pytest.raises(TargetError, match="does not age"):
        accuracy_endurance(mapped, data, [ChipInstance(0, 0.1)], 0.01)
    with pytest.raises(DataError, match="no labels"):
        accuracy_endurance(mapped, Dataset(data.x), CHIPS, 0.01)
