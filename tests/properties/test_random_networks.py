"""Random integer networks: interpreter, fast path (both kernels) and firmware agree to the bit on every target."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebnn.chip.instance import ChipInstance
from edgebnn.codegen.build import build_firmware
from edgebnn.codegen.project import render_project
from edgebnn.emulator.array_events import run_events
from edgebnn.emulator.estimate import estimate
from edgebnn.emulator.fast import FastPath
from edgebnn.emulator.firmware import run_firmware
from edgebnn.mapping.faults import fault_planes, programmed_weights
from edgebnn.network import Network, interpret
from tests.mapping.test_planner import mapped_on
from tests.networks import networks, random_inputs
from tests.runtime.agreement import kernels

pytest.importorskip("unicorn")
pytest.importorskip("ziglang")


@given(network=networks(), seed=st.integers(0, 2**32))
@settings(max_examples=300)
def test_the_fast_path_is_the_interpreter(network: Network, seed: int) -> None:
    mapped = mapped_on(network)
    x = random_inputs(network, seed, 9)
    weights = programmed_weights(mapped, fault_planes(mapped, ChipInstance(seed, 0.05)))
    fast = FastPath(mapped)
    for changed in ({}, weights):
        expected = interpret(network.with_weights(changed), x)
        for kernel in kernels():
            assert np.array_equal(expected, fast.run(x, changed, kernel=kernel))


@given(network=networks(), seed=st.integers(0, 2**32))
@settings(max_examples=60)
def test_the_macros_firmware_is_the_interpreter_with_errors_and_without(network: Network, seed: int) -> None:
    mapped = mapped_on(network)
    elf = build_firmware(render_project(mapped), mapped.target).elf
    x = random_inputs(network, seed, 3)
    faults = fault_planes(mapped, ChipInstance(seed, 0.05))
    run = run_firmware(mapped, elf, x, None)
    assert np.array_equal(interpret(network, x), run.scores)
    weights = programmed_weights(mapped, faults)
    assert np.array_equal(interpret(network.with_weights(weights), x), run_firmware(mapped, elf, x, faults).scores)
    closed, counted = estimate(mapped, elf).array, run.events
    assert counted is not None and mapped.target.array is not None
    for name in ("pcsa_reads", "popcounts", "thresholds", "array_cycles"):
        of_layers = sum(getattr(run_events(s, mapped.target.array), name) for s in mapped.linear_stages.values())
        assert getattr(counted, name) == len(x) * getattr(closed, name) == len(x) * of_layers


@pytest.mark.parametrize("target", ["cortex-m4", "host"])
@given(network=networks(), seed=st.integers(0, 2**32))
@settings(max_examples=30)
def test_software_firmware_is_the_interpreter(target: str, network: Network, seed: int) -> None:
    mapped = mapped_on(network, target)
    elf = build_firmware(render_project(mapped), mapped.target).elf
    x = random_inputs(network, seed, 3)
    assert np.array_equal(interpret(network, x), run_firmware(mapped, elf, x, None).scores)
