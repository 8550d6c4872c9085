"""Firmware follows the bank table and the policies of layers: the same answers, on the same chips, as the others."""

from __future__ import annotations

from functools import reduce
from operator import add

import numpy as np
import pytest

from edgebnn.chip.device.conditions import Conditions
from edgebnn.chip.energy.pulse_count import PulseCount
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorModel
from edgebnn.codegen.build import build_firmware
from edgebnn.codegen.project import render_project
from edgebnn.emulator.accuracy_endurance import accuracy_endurance
from edgebnn.emulator.array_events import marker_cost
from edgebnn.emulator.chip_results import programming_cost, ternary_errors
from edgebnn.emulator.emulate import Dataset
from edgebnn.emulator.estimate import estimate
from edgebnn.emulator.fast import FastPath
from edgebnn.emulator.firmware import run_firmware
from edgebnn.emulator.sensed_layers import sensed_layers
from edgebnn.emulator.soc import Soc
from edgebnn.errors import DeploymentError, TargetError
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.programmed import programmed_banks
from edgebnn.network import interpret
from edgebnn.report.emulation import settings_document
from tests.codegen.projects import beat_network
from tests.mapping.allocations import mixed_on, scattered_on
from tests.mapping.test_planner import mapped_on
from tests.networks import random_inputs

pytest.importorskip("unicorn")
pytest.importorskip("ziglang")

Built = tuple[MappedNetwork, bytes]


@pytest.fixture(scope="module")
def built() -> Built:
    """Four layers under four policies, in banks from all over the chip."""
    mapped = mixed_on(beat_network(), 3)
    return mapped, build_firmware(render_project(mapped), mapped.target).elf


def test_firmware_in_banks_of_any_order_gives_the_interpreters_scores(built: Built) -> None:
    mapped, elf = built
    x = random_inputs(mapped.network, 5, 4)
    assert np.array_equal(run_firmware(mapped, elf, x, None).scores, interpret(mapped.network, x))


@pytest.mark.parametrize("errors", [ErrorModel.TABLE, ErrorModel.DEVICE])
def test_executors_meet_the_same_errors(errors: ErrorModel, built: Built) -> None:
    mapped, elf = built
    x = random_inputs(mapped.network, 5, 4)
    banks = programmed_banks(mapped, ChipInstance(7, errors=errors, read_error_rate=0.01))
    expected = interpret(mapped.network, x, sensed_layers(mapped, banks, 0))
    assert not np.array_equal(expected, interpret(mapped.network, x))
    assert np.array_equal(FastPath(mapped).run(x, banks), expected)
    assert np.array_equal(run_firmware(mapped, elf, x, banks).scores, expected)


def test_the_chip_takes_no_row_under_another_policy_than_its_layers(built: Built) -> None:
    mapped, _ = built
    strong = scattered_on(beat_network(), 3)
    elf = build_firmware(render_project(strong), strong.target).elf
    banks = programmed_banks(mapped, ChipInstance(7))
    with pytest.raises(DeploymentError, match="a row was programmed under another policy than its layer's"):
        run_firmware(mapped, elf, random_inputs(mapped.network, 5, 1), banks)


def test_what_programming_takes_is_the_sum_over_policies(built: Built) -> None:
    mapped, elf = built
    assert mapped.policies == tuple(mapped.target.policies)
    with Soc(mapped, elf) as soc:
        booted = soc.boot()
    programmed = estimate(mapped, elf).programmed
    assert programmed is not None and programmed.endurance is not None
    found = programming_cost(mapped, ChipInstance(0))
    assert dict(found.pulses) == dict(programmed.cost.pulses)
    total = reduce(add, found.pulses.values(), PulseCount())
    marker = marker_cost(mapped)
    assert marker is not None
    assert booted.set_pulses == total.set_pulses + marker.set_pulses
    assert booted.reset_pulses == total.reset_pulses + marker.reset_pulses
    # Layer by layer, from deployments of one policy each.
    energy = 0.0
    for layer, stage in mapped.linear_stages.items():
        assert stage.policy is not None
        policy, values = mapped.target.policy(stage.policy), mapped.network.linear
        weights = next(node.weights for node in values if node.name == layer)
        rows = len(weights) * stage.row_words
        zeros = int((weights == 0).sum()) + (rows * 32 - weights.size if stage.is_ternary else 0)
        sets = rows * 32 - zeros
        energy += sets * policy.set_energy.si("energy") + (sets + 2 * zeros) * policy.reset_energy.si("energy")
    assert programmed.energy.total_j == pytest.approx(energy, rel=1e-12) == found.energy.total_j
    assert programmed.endurance.policy == "strong"


def test_the_weakest_bank_decides_how_long_the_accuracy_lasts(built: Built) -> None:
    mapped, _ = built
    x = random_inputs(mapped.network, 5, 8)
    data = Dataset(x, interpret(mapped.network, x).reshape(len(x), -1).argmax(axis=1))
    found = accuracy_endurance(mapped, data, [ChipInstance(0)], 1.0)
    assert found.device_cycles == mapped.target.policy("strong").endurance.integer("cycles") == found.cycles
    with pytest.raises(TargetError, match="'strong' endure"):
        programmed_banks(mapped, ChipInstance(0, conditions=Conditions(cycles=found.device_cycles + 1)))


def test_ternary_layers_err_as_their_own_policy_has_it(built: Built) -> None:
    mapped, _ = built
    (ternary,) = [stage for stage in mapped.linear_stages.values() if stage.is_ternary]
    own = mapped_on(mapped.network), ChipInstance(0, policy=ternary.policy)
    assert ternary_errors(mapped, ChipInstance(0)) == ternary_errors(*own)


def test_conditions_name_every_policy(built: Built) -> None:
    mapped, _ = built
    found = settings_document(mapped, ChipInstance(0))
    assert (found["policy"], found["policies"]) == (None, [*mapped.policies])
    one = settings_document(mapped, ChipInstance(0, policy="nominal"))
    assert (one["policy"], one["policies"]) == ("nominal", ["nominal"])
