"""Accuracy against the bit error rate: each point is what chips of that rate do, and nothing else sets their rate."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan

import numpy as np
import pytest

from edgebnn.chip.device.conditions import Conditions
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorKinds, ErrorModel
from edgebnn.chip.measured.cells import Measured
from edgebnn.chip.target_files.loading import load_target
from edgebnn.emulator.accuracy_curve import accuracy_curve
from edgebnn.emulator.emulate import Dataset, emulate
from edgebnn.emulator.fast import FastPath
from edgebnn.errors import DataError, TargetError
from edgebnn.mapping.mapped import MappedNetwork
from tests.mapping.test_planner import dense, mapped_on

CHIPS = [ChipInstance(seed, policy="nominal") for seed in (3, 4, 5)]
RATES = (0.2, 0.01, 1.0)


def judged() -> tuple[MappedNetwork, Dataset]:
    """A layer whose answers without errors are the labels, but for every tenth sample."""
    mapped = mapped_on(dense(64, 4))
    x = np.random.default_rng(0).choice(np.array([-1, 1], np.int8), (200, *mapped.network.inputs[0].tensor.shape))
    labels = FastPath(mapped).run(x).reshape(200, -1).argmax(axis=1).astype(np.int64)
    labels[::10] = (labels[::10] + 1) % 4
    return mapped, Dataset(x, labels)


@pytest.mark.parametrize("errors", [ErrorModel.BER, ErrorModel.TABLE, ErrorModel.NEIGHBOUR])
def test_every_point_is_what_chips_of_that_rate_do(errors: ErrorModel) -> None:
    mapped, data = judged()
    chips = [replace(chip, errors=errors) for chip in CHIPS]
    curve = accuracy_curve(mapped, data, chips, RATES)
    assert [point.bit_error_rate for point in curve.points] == sorted(RATES) and curve.seeds == (3, 4, 5)
    for point in curve.points:
        there = emulate(mapped, None, data, [replace(chip, bit_error_rate=point.bit_error_rate) for chip in chips])
        assert point.accuracies == tuple(chip.accuracy for chip in there.chips)
        assert point.wrong_bits == tuple(chip.wrong_bits for chip in there.chips)
        assert point.drop == there.drop and curve.accuracy == there.accuracy == 0.9
        assert point.over_chips.mean == pytest.approx(0.9 - point.drop.mean)


def test_the_policies_own_rates_are_those_of_the_chips_conditions() -> None:
    mapped, data = judged()
    policies = load_target("rram130").policies
    fresh = accuracy_curve(mapped, data, CHIPS, [0.1])
    assert {each.policy: each.bit_error_rate for each in fresh.policies} == {
        name: policy.bit_error_rate.si("ratio") for name, policy in policies.items()
    }
    assert not fresh.left_out
    old = accuracy_curve(mapped, data, [replace(CHIPS[0], conditions=Conditions(cycles=10**7))], [0.1])
    assert [each.policy for each in old.policies] == ["nominal", "low-energy", "ultra-low-energy"]
    assert len(old.left_out) == 1 and "'strong' is not marked: 10000000 programming cycles" in old.left_out[0]


@pytest.mark.parametrize("rates", [[], [0.0], [-0.1, 0.1], [1.1], [nan], [inf], [i / 200 for i in range(1, 102)]])
def test_rates_that_are_none_are_refused(rates: list[float]) -> None:
    mapped, data = judged()
    with pytest.raises(TargetError, match="1 to 100 bit error rates above 0, up to 1"):
        accuracy_curve(mapped, data, CHIPS, rates)


def test_what_has_another_rate_is_refused() -> None:
    mapped, data = judged()
    measured = Measured(np.zeros(1, np.int64), np.zeros((1, 2)), None, "lab.csv", "0" * 64)
    for chip, reason in (
        (ChipInstance(0, errors=ErrorModel.DEVICE), "follow from policy and conditions"),
        (ChipInstance(0, kinds=ErrorKinds.READ), "of reads alone has none"),
        (ChipInstance(0, errors=ErrorModel.TABLE, measured=measured), "as it was measured"),
    ):
        with pytest.raises(TargetError, match=reason):
            accuracy_curve(mapped, data, [chip], [0.1])
    with pytest.raises(TargetError, match="ask for some"):
        accuracy_curve(mapped, data, [], [0.1])
    with pytest.raises(DataError, match="no labels"):
        accuracy_curve(mapped, Dataset(data.x), CHIPS, [0.1])
