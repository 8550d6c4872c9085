"""Random networks with two inputs: interpreter, fast path and firmware agree to the bit, and a record keeps them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebnn.codegen.build import build_firmware
from edgebnn.codegen.project import render_project
from edgebnn.emulator.fast import FastPath
from edgebnn.emulator.firmware import run_firmware
from edgebnn.mapping.record import binary_files, decode, encode, record_of, restore
from edgebnn.network import Network, interpret
from tests.mapping.test_planner import mapped_on
from tests.networks import networks, random_inputs

pytest.importorskip("unicorn")
pytest.importorskip("ziglang")


@given(network=networks(2, inputs=2), seed=st.integers(0, 2**32))
@settings(max_examples=40)
def test_the_fast_path_is_the_interpreter(network: Network, seed: int) -> None:
    mapped = mapped_on(network)
    x = random_inputs(network, seed, 5)
    scores = interpret(network, x)
    assert np.array_equal(scores, FastPath(mapped).run(x))
    again = restore(decode(encode(record_of(mapped, None, {})), "x"), binary_files(mapped), "x")
    assert np.array_equal(scores, interpret(again.network, x))


@given(network=networks(1, inputs=2), target=st.sampled_from(("rram130", "cortex-m4", "host")), seed=st.integers(0, 99))
@settings(max_examples=3)
def test_the_firmware_is_the_interpreter(network: Network, target: str, seed: int) -> None:
    mapped = mapped_on(network, target)
    elf = build_firmware(render_project(mapped), mapped.target).elf
    x = random_inputs(network, seed, 2)
    assert np.array_equal(interpret(network, x), run_firmware(mapped, elf, x, None).scores)
