"""Random networks on chips of every error model: reference, fast path (every kernel) and firmware agree to the bit.

The chips are drawn as users describe them: kinds of errors, policy, conditions, attempts at programming, read errors,
and cells that somebody measured.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from edgebnn.chip.banks.geometry import Geometry, cell_number
from edgebnn.chip.banks.programmed_banks import ProgrammedBanks
from edgebnn.chip.device.conditions import Conditions
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorKinds, ErrorModel
from edgebnn.chip.measured.cells import Measured
from edgebnn.chip.random.philox import EVENTS
from edgebnn.chip.target_files.loading import load_target
from edgebnn.codegen.build import build_firmware
from edgebnn.codegen.project import render_project
from edgebnn.emulator import fast as fast_path
from edgebnn.emulator.chip_program import ChipWeights, weights_on_chip
from edgebnn.emulator.fast import FastPath, Kernel, kernels
from edgebnn.emulator.firmware import run_firmware
from edgebnn.emulator.sensed_layers import sensed_layers
from edgebnn.errors import TargetError
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.programmed import programmed_banks
from edgebnn.network import Network, interpret
from tests.chip.test_device_laws import LAWS, POLICY, target_with
from tests.emulator.random_banks import meant_values, noisy_banks
from tests.mapping.bank_shapes import BANKS, with_banks
from tests.mapping.test_planner import mapped_on
from tests.networks import networks, random_inputs, random_network

BATCH = 5
STUCK = {"stuck_lrs": '0.02, unit = "1"', "stuck_hrs": '0.03, unit = "1"'}
ALL_LAWS = LAWS["all"] | STUCK
EACH_LAW = {name: law for name, law in LAWS.items() if name != "all"} | {"stuck": STUCK}
MODELS = ("ber", "neighbour", "table", "device", "measured rates", "measured resistances")
# Around the counter's words of 32 bits, and at the end of what the Python interface takes.
FIRST_INFERENCES = (0, 7, 2**32 - 3, 2**33, 2**47 - BATCH)
SEEDS = st.integers(0, 2**63 - 1)

# What the model of rram130 covers under every policy, to its ends.
CONDITIONS = st.builds(
    Conditions,
    cycles=st.sampled_from((0, 1, 1000, 10**6)),
    supply_v=st.sampled_from((None, 0.6, 0.77, 1.2)),
    temperature_k=st.sampled_from((None, 255.0, 300.0, 340.0)),
    retention_s=st.sampled_from((0.0, 1e7)),
)
RATES = st.sampled_from((None, 0.0, 0.05, 0.5))
READ_RATES = st.sampled_from((0.0, 0.01, 0.2))
KINDS = st.sampled_from(list(ErrorKinds))


@st.composite
def chips(draw: st.DrawFn, model: str, mapped: MappedNetwork) -> ChipInstance:
    """Any chip that `ChipInstance` and the target's model allow."""
    seed, conditions = draw(SEEDS), draw(CONDITIONS)
    policy = draw(st.sampled_from((None, *load_target("rram130").policies)))
    if model == "neighbour":
        kinds = draw(st.sampled_from((ErrorKinds.BOTH, ErrorKinds.READ)))
        return ChipInstance(seed, draw(RATES), ErrorModel.NEIGHBOUR, kinds, policy=policy, conditions=conditions)
    kinds, read_rate = draw(KINDS), draw(READ_RATES)
    if model == "measured resistances":
        measured = _measured(mapped, seed, resistances=True)
        return ChipInstance(seed, None, ErrorModel.DEVICE, kinds, read_rate, policy, conditions, measured=measured)
    if model == "measured rates":
        measured = _measured(mapped, seed, resistances=False)
        return ChipInstance(
            seed, draw(RATES), ErrorModel.TABLE, kinds, read_rate, policy, conditions, measured=measured
        )
    if model == "device":
        attempts = draw(st.sampled_from((1, 3)))
        return ChipInstance(seed, None, ErrorModel.DEVICE, kinds, read_rate, policy, conditions, attempts)
    return ChipInstance(seed, draw(RATES), ErrorModel(model), kinds, read_rate, policy, conditions)


def _measured(mapped: MappedNetwork, seed: int, resistances: bool) -> Measured:
    """A third of the network's cells, and some of the banks behind it."""
    rng = np.random.default_rng(seed)
    assert mapped.target.array is not None
    bank = mapped.target.array.geometry
    shape = (mapped.plan.banks + 1, bank.rows, bank.columns)
    cells = prod(shape)
    cell = cell_number(*np.unravel_index(np.sort(rng.choice(cells, size=cells // 3, replace=False)), shape))
    if resistances:
        # Cells that were read with any of the weights, some several times, and devices that are stuck.
        reading = np.sort(3 * np.concatenate([cell, rng.choice(cell, len(cell))]) + rng.integers(0, 3, 2 * len(cell)))
        ln_resistance = rng.normal([9, 12], 0.9, size=(len(reading), 2)).astype(np.float32)
        stuck = rng.choice(3, (len(cell), 2), p=[0.8, 0.1, 0.1]).astype(np.int8)
        return Measured(cell, None, ln_resistance, "chip.csv", "0" * 64, reading, stuck if seed % 2 else None)
    both = len(cell), 2
    rate = np.where(rng.random(both) < 0.2, rng.integers(0, 2, both), rng.random(both))
    return Measured(cell, rate.astype(np.float64), None, "chip.csv", "0" * 64)


def _expected(mapped: MappedNetwork, x: npt.NDArray[Any], banks: ProgrammedBanks, first: int) -> npt.NDArray[np.int32]:
    return interpret(mapped.network, x, sensed_layers(mapped, banks, first))


def _kernels() -> list[Kernel]:
    return [*kernels(), "auto"]


@pytest.mark.parametrize("model", MODELS)
@given(network=networks(), data=st.data(), first=st.sampled_from(FIRST_INFERENCES))
@settings(max_examples=8)
def test_reference_and_fast_path_read_one_chip_alike(
    model: str, network: Network, data: st.DataObject, first: int
) -> None:
    mapped = mapped_on(network, with_banks(data.draw(BANKS)))
    assume(mapped.linear_stages)
    chip = data.draw(chips(model, mapped))
    banks = programmed_banks(mapped, chip)
    x = random_inputs(network, chip.seed, BATCH)
    expected, fast = _expected(mapped, x, banks, first), FastPath(mapped)
    for kernel in _kernels():
        np.testing.assert_array_equal(fast.run(x, banks, kernel=kernel, first_inference=first), expected)
    again = programmed_banks(mapped, chip)
    split = chip.seed % (BATCH + 1)
    parts = [fast.run(x[:split], banks, first_inference=first)]
    parts.append(fast.run(x[split:], again, first_inference=first + split))
    np.testing.assert_array_equal(np.concatenate(parts), expected)
    order = np.random.default_rng(chip.seed).permutation(BATCH)
    alone = [fast.run(x[i : i + 1], banks, first_inference=first + i)[0] for i in map(int, order)]
    np.testing.assert_array_equal(alone, expected[order])


@given(network=networks(), data=st.data(), first=st.sampled_from(FIRST_INFERENCES))
@settings(max_examples=8)
def test_threads_share_a_fast_path_each_with_the_chip_it_names(
    network: Network, data: st.DataObject, first: int
) -> None:
    mapped = mapped_on(network)
    assume(mapped.linear_stages)
    models = data.draw(st.lists(st.sampled_from(MODELS), min_size=3, max_size=3))
    drawn = [programmed_banks(mapped, data.draw(chips(model, mapped))) for model in models]
    x, fast = random_inputs(network, drawn[0].seed, BATCH), FastPath(mapped)
    expected = [(banks, _expected(mapped, x, banks, first)) for banks in drawn]

    def agrees(call: int) -> bool:
        # Runs of two on one chip: those of other threads come between some of them.
        banks, scores = expected[call // 2 % len(expected)]
        kernel = _kernels()[call % len(_kernels())]
        return np.array_equal(fast.run(x, banks, kernel=kernel, first_inference=first), scores)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(agrees, range(48)))
    np.testing.assert_array_equal(fast.run(x), interpret(network, x))


# Networks by their seed: hypothesis' first examples of `networks()` are the smallest ones, and a build takes a while.
@given(seed=st.integers(0, 2**32), bank=BANKS, data=st.data(), first=st.sampled_from(FIRST_INFERENCES))
@settings(max_examples=6)
def test_the_macros_firmware_reads_the_same_chip(
    seed: int, bank: Geometry, data: st.DataObject, first: int
) -> None:  # fmt: skip
    pytest.importorskip("unicorn")
    pytest.importorskip("ziglang")
    network = random_network(seed)
    mapped = mapped_on(network, with_banks(bank))
    assume(mapped.linear_stages)
    elf = build_firmware(render_project(mapped), mapped.target).elf
    x, fast = random_inputs(network, seed, 3), FastPath(mapped)
    for model in MODELS:
        banks = programmed_banks(mapped, data.draw(chips(model, mapped)))
        expected = _expected(mapped, x, banks, first)
        np.testing.assert_array_equal(fast.run(x, banks, first_inference=first), expected)
        np.testing.assert_array_equal(run_firmware(mapped, elf, x, banks, first_inference=first).scores, expected)


@pytest.fixture(scope="module")
def kinds() -> list[MappedNetwork]:
    """A network with binary layers alone, and one with ternary ones, which other targets' chips have too."""
    drawn = [mapped_on(random_network(seed)) for seed in range(40)]
    ternary = [any(stage.nonzero is not None for stage in mapped.linear_stages.values()) for mapped in drawn]
    binary = [bool(mapped.linear_stages) and not has for mapped, has in zip(drawn, ternary, strict=True)]
    return [drawn[binary.index(True)], drawn[ternary.index(True)]]


@pytest.mark.parametrize("law", EACH_LAW)
def test_whatever_devices_do_reference_and_fast_path_agree(law: str, kinds: list[MappedNetwork]) -> None:
    """Stuck devices, tails, relaxation, telegraph noise, states and signs of their own, each by itself."""
    differ = False
    for mapped in kinds:
        other = replace(mapped, target=target_with(**EACH_LAW[law]))
        x, fast = random_inputs(mapped.network, 3, BATCH), FastPath(other)
        for model in (ErrorModel.BER, ErrorModel.TABLE, ErrorModel.DEVICE):
            chip = ChipInstance(4, errors=model, policy=POLICY, attempts=2 if model is ErrorModel.DEVICE else 1)
            banks = programmed_banks(other, chip)
            differ |= not np.array_equal(banks.sign, programmed_banks(mapped, chip).sign)
            expected = _expected(other, x, banks, 7)
            for kernel in _kernels():
                np.testing.assert_array_equal(fast.run(x, banks, kernel=kernel, first_inference=7), expected)
    assert differ, "the law changed no chip"


def test_whatever_devices_do_the_firmware_agrees(kinds: list[MappedNetwork]) -> None:
    """All of it at once, as drawn and with cells that were measured, some of them stuck."""
    pytest.importorskip("unicorn")
    pytest.importorskip("ziglang")
    for mapped in kinds:
        elf, x = build_firmware(render_project(mapped), mapped.target).elf, random_inputs(mapped.network, 3, 3)
        other = replace(mapped, target=target_with(**ALL_LAWS))
        measured = _measured(mapped, 5, resistances=True)
        for chip in (
            ChipInstance(4, errors=ErrorModel.DEVICE, policy=POLICY, attempts=2),
            ChipInstance(4, errors=ErrorModel.DEVICE, policy=POLICY, measured=measured),
        ):
            banks = programmed_banks(other, chip)
            expected = _expected(other, x, banks, 7)
            np.testing.assert_array_equal(FastPath(other).run(x, banks, first_inference=7), expected)
            np.testing.assert_array_equal(run_firmware(other, elf, x, banks, first_inference=7).scores, expected)


def _noisy() -> tuple[MappedNetwork, npt.NDArray[Any], ProgrammedBanks, ProgrammedBanks]:
    mapped = next(m for m in map(mapped_on, map(random_network, range(100))) if m.linear_stages)
    values = meant_values(mapped)
    return mapped, random_inputs(mapped.network, 0, BATCH), noisy_banks(values, 0.2, 1), noisy_banks(values, 0.2, 2)


def test_a_stream_on_one_chip_builds_its_program_once(monkeypatch: pytest.MonkeyPatch) -> None:
    mapped, x, one, other = _noisy()
    fast, built = FastPath(mapped), list[ProgrammedBanks]()

    def counted(mapped: MappedNetwork, banks: ProgrammedBanks) -> ChipWeights:
        built.append(banks)
        return weights_on_chip(mapped, banks)

    monkeypatch.setattr(fast_path, "weights_on_chip", counted)
    for banks in (one, other, one):
        beats = [fast.run(x[i : i + 1], banks, first_inference=i)[0] for i in range(BATCH)]
        np.testing.assert_array_equal(beats, _expected(mapped, x, banks, 0))
    assert built == [one, other, one]


def test_inferences_beyond_the_counter_of_the_draws_are_refused() -> None:
    mapped, x, banks, _ = _noisy()
    fast, last = FastPath(mapped), EVENTS - len(x)
    np.testing.assert_array_equal(fast.run(x, banks, first_inference=last), _expected(mapped, x, banks, last))
    for first in (-1, last + 1, EVENTS, 2**64):
        with pytest.raises(TargetError, match=f"{len(x)} inferences from number {first} on are out of range"):
            fast.run(x, banks, first_inference=first)
    fast.run(x, first_inference=EVENTS)
