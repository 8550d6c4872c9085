"""Chips that trim themselves: firmware, fast path and reference find the same by what they read back, to the bit."""

from __future__ import annotations

import ctypes
from dataclasses import replace
from functools import cache

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebnn.chip.banks.geometry import SINGLE
from edgebnn.chip.banks.programmed_banks import ProgrammedBanks, read
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorModel
from edgebnn.chip.random.philox import EVENTS
from edgebnn.chip.target_files.loading import load_target
from edgebnn.codegen.build import build_firmware
from edgebnn.codegen.project import render_project
from edgebnn.emulator import known_run
from edgebnn.emulator.agreement import per_class
from edgebnn.emulator.array_events import run_events
from edgebnn.emulator.chip_runs import ChipRuns
from edgebnn.emulator.chip_trim import chip_shifts, chip_starts
from edgebnn.emulator.estimate import estimate
from edgebnn.emulator.executors import Executor, execute
from edgebnn.emulator.fast import FastPath
from edgebnn.emulator.firmware import run_firmware
from edgebnn.emulator.soc import Soc
from edgebnn.errors import DataError, DeploymentError, FitError, ModelError
from edgebnn.mapping.allocation import Allocation
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.marker import MARKER_WORDS
from edgebnn.mapping.planner import map_network
from edgebnn.mapping.programmed import programmed_banks
from edgebnn.mapping.record import binary_files, decode, encode, record_of, restore
from edgebnn.mapping.self_trimming import mean_inputs, self_trimming
from edgebnn.native import library
from edgebnn.network import Kind, Linear, Network, Tensor, WeightKind, Window, interpret
from edgebnn.network.interpreter import patches_of, trace
from edgebnn.network.types import Border, MeanInputs
from tests.emulator.test_trimming import SAMPLES, uneven_inputs
from tests.mapping.bank_shapes import OTHERS, with_banks
from tests.mapping.test_planner import PROVENANCE, mapped_on
from tests.networks import Builder, networks, random_inputs, random_network

CHIPS = (
    ChipInstance(1, 0.1),
    ChipInstance(2, errors=ErrorModel.TABLE, policy="ultra-low-energy"),
    ChipInstance(3, errors=ErrorModel.DEVICE, policy="ultra-low-energy"),
    ChipInstance(4, 0.05, read_error_rate=0.02),
    ChipInstance(5, 0.1, ErrorModel.NEIGHBOUR),
)


def trimming(network: Network, seed: int = 1, samples: int = 6, **chosen: object) -> MappedNetwork:
    return self_trimming(mapped_on(network, allocation=Allocation(**chosen)), random_inputs(network, seed, samples))


def built(mapped: MappedNetwork) -> bytes:
    return build_firmware(render_project(mapped), mapped.target).elf


@cache
def bits() -> tuple[MappedNetwork, bytes]:
    """The first of the samples, and its firmware."""
    mapped = trimming(SAMPLES["bits"])
    return mapped, built(mapped)


def words_of(mapped: MappedNetwork, banks: ProgrammedBanks) -> np.ndarray:
    """What the firmware should keep behind its check: the starts of each layer, in the plan's order."""
    starts = chip_starts(mapped, banks)
    there = [starts[stage.node].ravel() for stage in mapped.linear_stages.values() if stage.trim is not None]
    return np.concatenate([*there, np.zeros(0, np.int32)])


@given(network=networks(), chip=st.sampled_from(CHIPS), seed=st.integers(0, 2**32))
@settings(max_examples=10)
def test_reference_and_fast_path_trim_alike(network: Network, chip: ChipInstance, seed: int) -> None:
    mapped = trimming(network, seed)
    x = random_inputs(network, seed + 1, 4)
    for banks in (None, programmed_banks(mapped, chip)):
        reference, fast = (execute(mapped, None, x, on, banks) for on in (Executor.REFERENCE, Executor.FAST))
        assert np.array_equal(reference, fast)


@pytest.mark.parametrize("seed", range(6))
def test_firmware_trims_as_the_others_do(seed: int) -> None:
    """Networks with branches, borders and lines, on banks of any shape."""
    network, chip = random_network(3000 + seed), CHIPS[seed % len(CHIPS)]
    target = with_banks((SINGLE, *OTHERS)[seed % 5])
    mapped = self_trimming(mapped_on(network, target), random_inputs(network, seed, 6))
    if not mapped.network.trims_itself:
        pytest.skip("all of its weights have 8 bits")
    banks, x = programmed_banks(mapped, chip), random_inputs(network, seed + 1, 3)
    with Soc(mapped, built(mapped), banks) as soc:
        soc.boot()
        assert np.array_equal(soc.trim[1:], words_of(mapped, banks))
        scores = soc.infer(x)[0]
    for on in (Executor.REFERENCE, Executor.FAST):
        assert np.array_equal(scores, execute(mapped, None, x, on, banks))


@pytest.mark.parametrize(
    ("name", "provisioning", "chip"),
    [("bits", "boot", 3), ("trits", "once", 1), ("steps", "once", 2), ("convolution", "once", 3)],
)
def test_what_firmware_keeps_is_what_the_oracle_finds(name: str, provisioning: str, chip: int) -> None:
    network = SAMPLES[name]
    mapped = trimming(network, policy="ultra-low-energy", provisioning=provisioning)
    x, banks = random_inputs(network, 3, 3), programmed_banks(mapped, CHIPS[chip])
    shifts, oracle = chip_shifts(mapped, banks), by_single_weights(mapped, banks)
    assert shifts.keys() == oracle.keys() and any(each.any() for each in shifts.values())
    for layer, found in shifts.items():
        assert np.array_equal(found, oracle[layer])
    with Soc(mapped, built(mapped), banks) as soc:
        soc.boot()
        assert np.array_equal(soc.trim[1:], words_of(mapped, banks))
        assert np.array_equal(soc.infer(x)[0], execute(mapped, None, x, Executor.FAST, banks))


def by_single_weights(mapped: MappedNetwork, banks: ProgrammedBanks) -> dict[str, np.ndarray]:
    """The shifts weight by weight, from the plan's tiles and nothing that trimming shares with the executors."""
    number, found = MARKER_WORDS if mapped.plan.marker else 0, {}
    for node in mapped.network.linear:
        stage = mapped.linear_stages[node.name]
        assert node.trim is not None and node.border is not None
        height, width = stage.window.kernel
        channels = node.fan_in // (height * width)
        sums = [0] * node.neurons
        for tile in stage.tiles:
            rows = np.arange(tile.neurons)
            answers = read(banks, tile.bank, rows, number + rows, EVENTS - 1, 0xFFFFFFFF)
            number += tile.neurons
            for neuron, sign, nonzero in zip(tile.neuron + rows, *(each.tolist() for each in answers), strict=True):
                weights = node.weights[neuron].reshape(channels, height * width)
                means = node.trim.values[neuron // (node.neurons // node.groups)].reshape(channels, height * width)
                for column in range(tile.inputs):
                    tap, channel = divmod(32 * tile.word + column, channels)
                    there = 0 if not nonzero >> column & 1 else 1 if sign >> column & 1 else -1
                    sums[neuron] += (there - int(weights[channel, tap])) * int(means[channel, tap])
        units = 2.0 ** (node.border.shift - node.trim.fraction)
        rounded = [int(np.floor(each * units + 0.5)) for each in sums]
        found[node.name] = np.clip(rounded, -node.trim.most, node.trim.most)
    return found


def test_without_errors_nothing_moves() -> None:
    for seed in range(12):
        network = random_network(seed)
        mapped = trimming(network, seed)
        x = random_inputs(network, seed, 5)
        clean = interpret(mapped.network, x)
        if mapped.network.output.scale == network.output.scale:
            assert np.array_equal(clean, interpret(network, x))
        else:  # its scores have given up their last bit
            assert_halves(mapped, network, x)
        banks = programmed_banks(mapped, ChipInstance(seed, 0.0))
        assert not any(each.any() for each in chip_shifts(mapped, banks).values())
        assert np.array_equal(execute(mapped, None, x, Executor.FAST, banks), clean)


def assert_halves(mapped: MappedNetwork, network: Network, x: np.ndarray) -> None:
    """The scores are half of what they were, as near as their error says."""
    halves = interpret(network, x).astype(np.int64) / 2
    unit = mapped.network.output.scale
    assert unit == 2 * network.output.scale
    error = (mapped.network.score_error - network.score_error) / unit
    assert np.abs(interpret(mapped.network, x) - halves).max() <= error


def test_the_mean_inputs_are_those_of_the_samples() -> None:
    for seed in range(6):
        network = random_network(40 + seed)
        x = random_inputs(network, seed, 7)
        found = mean_inputs(network, [node.name for node in network.linear], x)
        values = trace(network, x)
        for node in network.linear:
            patches = patches_of(values[node.sources[0]], node.window, node.pad_value)
            rank = len(node.window.kernel)
            expected = patches.mean(axis=tuple(range(1 + rank))).reshape(node.groups, *node.weights.shape[1:])
            assert np.allclose(found[node.name], expected, rtol=1e-12)


@pytest.mark.parametrize("name", ["bits", "trits", "convolution"])
def test_answers_come_nearer_to_those_without_errors(name: str) -> None:
    network = SAMPLES[name]
    mapped, unseen = mapped_on(network), uneven_inputs(network, 2, 600)
    itself = self_trimming(mapped, uneven_inputs(network, 1, 32))
    wanted = per_class(FastPath(mapped).run(unseen)).argmax(axis=1)
    before, after = (
        sum(
            int((per_class(FastPath(each).run(unseen, programmed_banks(each, chip))).argmax(axis=1) == wanted).sum())
            for chip in (ChipInstance(seed, 0.05) for seed in range(4))
        )
        for each in (mapped, itself)
    )
    assert after > before


def test_a_run_of_many_chips_trims_each_of_them() -> None:
    mapped, _ = bits()
    x = uneven_inputs(mapped.network, 4, 70)
    fast = FastPath(mapped)
    runs = ChipRuns(fast, x)
    assert np.array_equal(runs.clean, fast.run(x))
    for chip in CHIPS:
        banks = programmed_banks(mapped, chip)
        assert np.array_equal(runs.run(banks)[0], execute(mapped, None, x, Executor.REFERENCE, banks))
    assert known_run.KnownRun(fast, fast.encode(x)).samples == 0  # such a run knows no sums with a border


def test_what_was_kept_spares_a_boot_the_reading() -> None:
    (mapped, elf), chip = bits(), CHIPS[2]
    banks = programmed_banks(mapped, chip)
    words = sum(stage.output.channels * stage.row_words for stage in mapped.linear_stages.values())
    with Soc(mapped, elf, banks) as soc:
        first = soc.boot()
        trim = soc.trim
        again = soc.boot()
        assert first.pcsa_reads == 32 * (MARKER_WORDS + words) and again.pcsa_reads == 32 * MARKER_WORDS
        assert np.array_equal(soc.trim, trim)
        soc.forget_trim()
        assert soc.boot().pcsa_reads == first.pcsa_reads
        assert soc.boot().pcsa_reads == again.pcsa_reads
        soc._trim[5] ^= 1  # a bit of what was kept has turned
        assert soc.boot().pcsa_reads == first.pcsa_reads
        soc._trim[:] = 0  # a page of flash that was never written
        assert soc.boot().pcsa_reads == first.pcsa_reads
        cells = soc.cells
    other = trimming(SAMPLES["bits"], seed=2)  # the same weights, other means
    assert other.plan.trim != mapped.plan.trim
    with Soc(other, built(other), programmed_banks(other, chip), cells=cells) as soc:
        soc._trim[:] = trim.view(np.uint8)
        soc._state.kept_bytes = len(soc._trim)
        events = soc.boot()
        assert events.set_pulses == 0 and events.pcsa_reads == first.pcsa_reads


def test_a_programming_is_always_trimmed_anew() -> None:
    """What was kept of the one before would be of other errors."""
    mapped, elf = bits()
    banks = programmed_banks(mapped, CHIPS[1])
    with Soc(mapped, elf, banks) as soc:
        soc.boot()
        trim = soc.trim
        assert soc.cells is not None
        soc.cells.kind[:], soc.cells.sign[:] = 0, 0  # the marker is gone, and all weights
        soc._trim[4:] += 1
        again = soc.boot()
        assert again.set_pulses > 0 and np.array_equal(soc.trim, trim)


def test_the_array_does_what_the_plan_says_of_it() -> None:
    for name in ("trits", "convolution"):
        network = SAMPLES[name]
        mapped = trimming(network)
        array = mapped.target.array
        assert array is not None
        run = run_firmware(mapped, built(mapped), random_inputs(network, 1, 1), None, counts_trimming=True)
        assert run.events is not None and run.trimming is not None, name
        stages = list(mapped.linear_stages.values())
        planned = [run_events(stage, array) for stage in stages]
        assert run.events.pcsa_reads == sum(each.pcsa_reads for each in planned)
        assert run.events.array_cycles == sum(each.array_cycles for each in planned)
        assert run.trimming.pcsa_reads == sum(32 * stage.output.channels * stage.row_words for stage in stages)
        assert run.trimming.set_pulses == 0


def test_an_estimate_says_what_trimming_takes() -> None:
    network = SAMPLES["convolution"]
    mapped, plain = trimming(network), mapped_on(network)
    found, without = estimate(mapped, built(mapped)), estimate(plain, built(plain))
    assert without.trimming is None and found.trimming is not None
    assert found.trimming.energy.total_j > 0 and found.trimming.time_s > 0
    assert found.boot is not None and without.boot is not None and found.programmed is not None
    assert without.boot.total_j < found.boot.total_j < without.boot.total_j + found.trimming.energy.total_j
    every_boot = trimming(network, provisioning="boot")
    assert estimate(every_boot, built(every_boot)).trimming is None


@pytest.mark.parametrize(("fraction", "most"), [(14, 3), (14, 0), (0, 2**31 - 1), (-16, 2**20), (-16, 2**31 - 1)])
def test_shifts_that_are_too_large_stop_where_sums_still_fit(fraction: int, most: int) -> None:
    """Whatever the means are: they may come from a file."""
    mapped = trimming(_one_layer())
    node = mapped.network.nodes[0]
    assert isinstance(node, Linear) and node.trim is not None and node.border is not None
    values = np.random.default_rng(1).integers(-32768, 32768, node.trim.values.shape).astype(np.int16)
    reach = min(node.fan_in + most, 2**31 - 1)
    most = min(most, reach - node.fan_in)
    layer = replace(node, trim=MeanInputs(values, fraction, most), output=replace(node.output, low=-reach, high=reach))
    network = replace(mapped.network, nodes=(layer,))
    mapped = map_network(network, mapped.target, mapped.provenance, mapped.allocation)
    elf, x = built(mapped), random_inputs(network, 3, 3)
    for chip in (ChipInstance(8, 0.5), ChipInstance(9, 0.02)):
        banks = programmed_banks(mapped, chip)
        shifts, oracle = chip_shifts(mapped, banks)[node.name], by_single_weights(mapped, banks)[node.name]
        assert np.array_equal(shifts, oracle) and np.abs(shifts).max() <= most
        with Soc(mapped, elf, banks) as soc:
            soc.boot()
            assert np.array_equal(soc.trim[1:], words_of(mapped, banks))
            scores = soc.infer(x)[0]
        assert np.array_equal(scores, execute(mapped, None, x, Executor.FAST, banks))
        assert np.array_equal(scores, execute(mapped, None, x, Executor.REFERENCE, banks))
        if most == 3:
            assert np.abs(shifts).max() == most


def _one_layer() -> Network:
    builder = Builder(Tensor("x", Kind.BITS, (90,), -1, 1), np.random.default_rng(5))
    builder.linear(40, WeightKind.TERNARY)
    return builder.network()


def test_scores_that_fill_int32_make_room() -> None:
    """Their line has no room for sums that are shifted: it gives up its last bit."""
    builder = Builder(Tensor("x", Kind.BITS, (64,), -1, 1), np.random.default_rng(1))
    builder.linear(4)
    builder.affine()
    network = builder.network()
    line = network.nodes[-1]
    full = replace(
        line,
        multiplier=np.full_like(line.multiplier, (2**31 - 1) // 64),
        offset=np.zeros_like(line.offset),
        output=Tensor("scores", Kind.SCORES, (4,), -(2**31 - 1), 2**31 - 1, 0.25),
    )
    network = Network("full", network.inputs, (network.nodes[0], full), "0" * 64)
    mapped = trimming(network)
    (layer,) = mapped.network.linear
    assert layer.trim is not None and layer.trim.most >= 16
    assert mapped.network.output.scale == 0.5 and mapped.network.score_error > network.score_error
    x = uneven_inputs(network, 5, 20)
    assert mapped.plan.stages[-1].is_scale  # the faster of two kernels, as before
    assert_halves(mapped, network, x)
    banks = programmed_banks(mapped, ChipInstance(2, 0.3))
    reference, fast = (execute(mapped, None, x, on, banks) for on in (Executor.REFERENCE, Executor.FAST))
    assert np.array_equal(reference, fast) and chip_shifts(mapped, banks)[layer.name].any()


def test_a_record_holds_what_chips_trim_themselves_by() -> None:
    for name, network in SAMPLES.items():
        mapped = trimming(network)
        files = binary_files(mapped)
        record = decode(encode(record_of(mapped, None, files)), name)
        again = restore(record, files, name)
        assert again.plan == mapped.plan and again.image == mapped.image
        for one, other in zip(mapped.network.linear, again.network.linear, strict=True):
            assert one.trim is not None and other.trim is not None
            assert np.array_equal(one.trim.values, other.trim.values)
            assert (one.trim.fraction, one.trim.most) == (other.trim.fraction, other.trim.most)


def _damaged() -> dict[str, object]:
    (node,) = trimming(_one_layer()).network.linear
    trim = node.trim
    assert trim is not None
    int8 = replace(node, weight_kind=WeightKind.INT8)
    return {
        "has no border": replace(node, border=None),
        "of 8 bits": int8,
        "mean inputs of shape": replace(node, trim=replace(trim, values=trim.values[:, :-1])),
        "mean inputs of type": replace(node, trim=replace(trim, values=trim.values.astype(np.int32))),
        r"units of 2\^-15": replace(node, trim=replace(trim, fraction=15)),
        r"units of 2\^--17": replace(node, trim=replace(trim, fraction=-17)),
        "has sums of up to": replace(node, trim=replace(trim, most=trim.most + 1)),
        "trimmed by up to -1": replace(node, trim=replace(trim, most=-1)),
        "sums shifted by 26": replace(node, border=replace(node.border, shift=26), trim=replace(trim, fraction=-16)),
    }


@pytest.mark.parametrize("problem", list(_damaged()))
def test_means_that_break_the_rules_make_no_network(problem: str) -> None:
    network, layer = trimming(_one_layer()).network, _damaged()[problem]
    with pytest.raises(ModelError, match=problem):
        replace(network, nodes=(layer,))


def test_means_whose_sums_would_overflow_make_no_network() -> None:
    builder = Builder(Tensor("x", Kind.BITS, (40000,), -1, 1), np.random.default_rng(5))
    builder.linear(1)
    (node,) = builder.network().linear
    values = np.full((1, 40000), 32767, np.int16)
    border = Border((), np.zeros(1, np.int32))
    with pytest.raises(ModelError, match="int32 sums overflow"):
        replace(builder.network(), nodes=(replace(node, border=border, trim=MeanInputs(values, 0, 0)),))


def test_large_inputs_have_means_in_coarser_units() -> None:
    builder = Builder(Tensor("x", Kind.INTEGERS, (2000,), 0, 65535), np.random.default_rng(5))
    builder.linear(3)
    network = builder.network()
    x = np.full((2, 2000), 65535, np.uint16)
    mapped = self_trimming(mapped_on(network), x)
    (node,) = mapped.network.linear
    assert node.trim is not None and node.trim.fraction < 0
    assert np.allclose(node.trim.values * 2.0**-node.trim.fraction, 65535, atol=4)


def test_where_no_chip_can_trim_itself_that_is_said() -> None:
    network = SAMPLES["bits"]
    x = random_inputs(network, 1, 3)
    with pytest.raises(DataError, match="hold no sample"):
        self_trimming(mapped_on(network), x[:0])
    with pytest.raises(FitError, match="has no RRAM"):
        self_trimming(mapped_on(network, "cortex-m4"), x)
    with pytest.raises(FitError, match="trimmed on the chip already"):
        self_trimming(self_trimming(mapped_on(network), x), x)
    with pytest.raises(FitError, match='use provisioning="once"'):
        self_trimming(mapped_on(network, allocation=Allocation(provisioning="separate")), x)
    rram130 = load_target("rram130")
    assert rram130.macro is not None
    commands = msgspec.structs.replace(rram130.macro.commands, read=None)
    unread = msgspec.structs.replace(rram130, macro=msgspec.structs.replace(rram130.macro, commands=commands))
    with pytest.raises(FitError, match="reads no words back"):
        self_trimming(mapped_on(network, unread), x)
    trimmed = self_trimming(mapped_on(network), x).network
    with pytest.raises(FitError, match="leave out trim"):
        map_network(trimmed, load_target("host"), PROVENANCE)


def test_firmware_that_keeps_its_trim_elsewhere_is_refused() -> None:
    """The address comes from firmware that may be broken: nothing is read or written outside of SRAM."""
    mapped, elf = bits()
    silent = mapped_on(SAMPLES["bits"])  # firmware that never says where it lies
    with Soc(mapped, built(silent)) as soc, pytest.raises(DeploymentError, match="what trims the chip"):
        soc.boot()
    with Soc(mapped, elf) as soc:
        soc.boot()
        for address in (0, 0xFFFFFFFC, soc._state.sram.base + soc._state.sram.size - 4):
            before = soc._sram.data.copy()
            soc._trim[:] = 0xAB
            library().ebnn_soc_mailbox_write(
                None, ctypes.c_uint64(0x1C), 4, ctypes.c_uint64(address), ctypes.byref(soc._state)
            )
            assert np.array_equal(soc._sram.data, before)


def test_windows_with_zones_start_each_of_them_elsewhere() -> None:
    builder = Builder(Tensor("x", Kind.INTEGERS, (2, 12), 0, 255), np.random.default_rng(8))
    builder.linear(5, window=Window((5,), (1,), (1,), (2,), (2,)), border=True)
    builder.threshold()
    builder.flatten()
    builder.linear(3)
    network = builder.network()
    layer = network.linear[0]
    assert layer.border is not None and layer.border.start.shape[0] > 1
    mapped = trimming(network)
    banks = programmed_banks(mapped, ChipInstance(3, 0.2))
    starts, shifts = chip_starts(mapped, banks)[layer.name], chip_shifts(mapped, banks)[layer.name]
    assert np.array_equal(layer.border.start - starts, np.broadcast_to(shifts, starts.shape)) and shifts.any()
    with Soc(mapped, built(mapped), banks) as soc:
        soc.boot()
        assert np.array_equal(soc.trim[1:], words_of(mapped, banks))
