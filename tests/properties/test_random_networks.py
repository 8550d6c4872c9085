"""Random integer networks: interpreter, fast path (both kernels) and firmware agree to the bit on every target."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebnn.chip.banks.geometry import Geometry
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorKinds
from edgebnn.codegen.build import build_firmware
from edgebnn.codegen.project import render_project
from edgebnn.emulator.array_events import run_events
from edgebnn.emulator.estimate import estimate
from edgebnn.emulator.executors import Executor, execute
from edgebnn.emulator.fast import FastPath, kernels
from edgebnn.emulator.firmware import run_firmware
from edgebnn.emulator.sensed_layers import sensed_layers
from edgebnn.mapping.lifting import read_weights
from edgebnn.mapping.programmed import programmed_banks
from edgebnn.network import Network, interpret
from tests.emulator.random_banks import random_banks
from tests.mapping.bank_shapes import BANKS, with_banks
from tests.mapping.test_planner import mapped_on
from tests.networks import networks, random_inputs

pytest.importorskip("unicorn")
pytest.importorskip("ziglang")


@given(network=networks(), bank=BANKS, seed=st.integers(0, 2**32))
@settings(max_examples=300)
def test_the_fast_path_is_the_interpreter(network: Network, bank: Geometry, seed: int) -> None:
    mapped = mapped_on(network, with_banks(bank))
    x = random_inputs(network, seed, 9)
    banks = programmed_banks(mapped, ChipInstance(seed, 0.05, kinds=ErrorKinds.PROGRAMMING))
    fast = FastPath(mapped)
    for chip, weights in ((None, {}), (banks, read_weights(mapped, banks))):
        expected = interpret(network.with_weights(weights), x)
        for kernel in kernels():
            assert np.array_equal(expected, fast.run(x, chip, kernel=kernel))


@given(network=networks(), bank=BANKS, seed=st.integers(0, 2**32), each_read=st.booleans())
@settings(max_examples=200)
def test_they_read_one_chip_alike_whatever_the_batches(
    network: Network, bank: Geometry, seed: int, each_read: bool
) -> None:
    mapped = mapped_on(network, with_banks(bank))
    banks, first = random_banks(mapped, seed, each_read), seed << 15
    x = random_inputs(network, seed, 9)
    expected = interpret(network, x, sensed_layers(mapped, banks, first))
    fast = FastPath(mapped)
    for kernel in kernels():
        assert np.array_equal(expected, fast.run(x, banks, kernel=kernel, first_inference=first))
    split = seed % 10
    parts = [execute(mapped, None, x[:split], Executor.REFERENCE, banks, first)]
    parts.append(execute(mapped, None, x[split:], Executor.FAST, banks, first + split))
    assert np.array_equal(expected, np.concatenate(parts))
    order = np.random.default_rng(seed).permutation(len(x))
    alone = [fast.run(x[i : i + 1], banks, first_inference=first + i)[0] for i in map(int, order)]
    assert np.array_equal(expected[order], alone)


@given(network=networks(), bank=BANKS, seed=st.integers(0, 2**32))
@settings(max_examples=60)
def test_the_macros_firmware_is_the_interpreter_with_errors_and_without(
    network: Network, bank: Geometry, seed: int
) -> None:
    mapped = mapped_on(network, with_banks(bank))
    elf = build_firmware(render_project(mapped), mapped.target).elf
    x = random_inputs(network, seed, 3)
    run = run_firmware(mapped, elf, x, None)
    assert np.array_equal(interpret(network, x), run.scores)
    for banks in (
        programmed_banks(mapped, ChipInstance(seed, 0.05, read_error_rate=0.01)),
        random_banks(mapped, seed, each_read=bool(seed % 2)),
    ):
        expected = interpret(network, x, sensed_layers(mapped, banks, seed))
        assert np.array_equal(expected, run_firmware(mapped, elf, x, banks, first_inference=seed).scores)
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
