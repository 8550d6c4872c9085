"""The firmware of each target gives the interpreter's scores."""

from __future__ import annotations

import numpy as np
import pytest

from edgebnn.codegen.build import build_firmware
from edgebnn.codegen.project import render_project
from edgebnn.codegen.toolchain import find_toolchain
from edgebnn.errors import ToolError
from edgebnn.network import Network, interpret
from tests.codegen.projects import TARGETS, beat_network, mapped_on
from tests.networks import random_inputs, random_network

pytest.importorskip("unicorn", reason="the package unicorn is not installed")

CASES = {"beat": beat_network(), **{str(seed): random_network(seed) for seed in (20, 21, 22)}}


@pytest.mark.parametrize("toolchain", ["zig", "gcc"])
@pytest.mark.parametrize("network", CASES.values(), ids=CASES)
@pytest.mark.parametrize("target", TARGETS)
def test_the_firmware_gives_the_interpreters_scores(target: str, network: Network, toolchain: str) -> None:
    from edgebnn.emulator.firmware import run_firmware

    mapped = mapped_on(network, target)
    try:
        find_toolchain(mapped.target, toolchain)
    except ToolError as error:
        pytest.skip(str(error))
    firmware = build_firmware(render_project(mapped), mapped.target, toolchain)
    x = random_inputs(network, 5, 4)
    assert np.array_equal(run_firmware(mapped, firmware.elf, x, None).scores, interpret(network, x))
