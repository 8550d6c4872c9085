"""Firmware follows the bank table and the policies of layers: the same answers, on the same chips, as the others."""

from __future__ import annotations

import numpy as np
import pytest

from edgebnn.chip.instance import ChipInstance, ErrorModel
from edgebnn.codegen.build import build_firmware
from edgebnn.codegen.project import render_project
from edgebnn.emulator.fast import FastPath
from edgebnn.emulator.firmware import run_firmware
from edgebnn.emulator.sensed_layers import sensed_layers
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.programmed import programmed_banks
from edgebnn.network import interpret
from tests.codegen.projects import beat_network
from tests.mapping.allocations import scattered_on
from tests.networks import random_inputs

pytest.importorskip("unicorn")
pytest.importorskip("ziglang")


@pytest.fixture(scope="module")
def scattered() -> tuple[MappedNetwork, bytes]:
    mapped = scattered_on(beat_network(), 3)
    return mapped, build_firmware(render_project(mapped), mapped.target).elf


def test_firmware_in_banks_of_any_order_gives_the_interpreters_scores(scattered: tuple[MappedNetwork, bytes]) -> None:
    mapped, elf = scattered
    x = random_inputs(mapped.network, 5, 4)
    assert np.array_equal(run_firmware(mapped, elf, x, None).scores, interpret(mapped.network, x))


@pytest.mark.parametrize("errors", [ErrorModel.TABLE, ErrorModel.DEVICE])
def test_executors_meet_the_errors_of_the_banks_chosen(
    errors: ErrorModel, scattered: tuple[MappedNetwork, bytes]
) -> None:  # fmt: skip
    mapped, elf = scattered
    x = random_inputs(mapped.network, 5, 4)
    banks = programmed_banks(mapped, ChipInstance(7, errors=errors, policy="ultra-low-energy"))
    expected = interpret(mapped.network, x, sensed_layers(mapped, banks, 0))
    assert not np.array_equal(expected, interpret(mapped.network, x))
    assert np.array_equal(FastPath(mapped).run(x, banks), expected)
    assert np.array_equal(run_firmware(mapped, elf, x, banks).scores, expected)
