"""Chips of other shapes with every law of the devices switched on: all executors have the same scores, to the bit."""

from __future__ import annotations

import numpy as np
import pytest

from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorModel
from edgebnn.chip.target_files.loading import load_target
from edgebnn.chip.target_files.settings import with_settings
from edgebnn.codegen.build import build_firmware
from edgebnn.codegen.project import render_project
from edgebnn.emulator.chip_runs import ChipRuns
from edgebnn.emulator.fast import FastPath
from edgebnn.emulator.firmware import run_firmware
from edgebnn.emulator.sensed_layers import sensed_layers
from edgebnn.frontend import ReadOptions, read_network
from edgebnn.mapping.planner import map_network
from edgebnn.mapping.programmed import programmed_banks
from edgebnn.models import ECG_PVC
from edgebnn.network.interpreter import interpret
from tests.mapping.test_planner import PROVENANCE
from tests.networks import random_inputs

LAWS = {
    "physics.tails.share": (0.05, "1"),
    "physics.telegraph.amplitude": (0.4, "ln"),
    "physics.relaxation.share": (0.2, "1"),
    "physics.stuck.lrs": (0.01, "1"),
    "physics.stuck.hrs": (0.02, "1"),
}


@pytest.mark.parametrize(("rows", "columns", "amplifiers"), [(64, 64, 16), (128, 64, 64), (32, 96, 32)])
def test_executors_agree_with_all_laws_on(rows: int, columns: int, amplifiers: int) -> None:
    shape = {"array.rows": (rows, "rows"), "array.columns": (columns, "synapses")}
    shape["array.sense_amplifiers"] = (amplifiers, "amplifiers")
    network = read_network(ECG_PVC, ReadOptions())
    mapped = map_network(network, with_settings(load_target("rram130"), {**shape, **LAWS}), PROVENANCE)
    elf = build_firmware(render_project(mapped), mapped.target).elf
    fast, x = FastPath(mapped), random_inputs(network, 1, 4)
    clean = interpret(network, x)
    for errors in ErrorModel:
        banks = programmed_banks(mapped, ChipInstance(5, errors=errors, policy="low-energy"))
        expected = interpret(network, x, sensed_layers(mapped, banks, 0))
        assert not np.array_equal(expected, clean)
        assert np.array_equal(expected, fast.run(x, banks))
        assert np.array_equal(expected, ChipRuns(fast, x).run(banks)[0])
        assert np.array_equal(expected, run_firmware(mapped, elf, x, banks).scores)
