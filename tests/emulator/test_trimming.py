"""Thresholds that make up for one chip's wrong weights: exact in every executor, and nearer to the clean answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebnn.chip.banks.geometry import COLUMNS
from edgebnn.chip.banks.programmed_banks import ProgrammedBanks, unpack
from edgebnn.chip.banks.read_errors import mean_read, wrong_read
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorModel
from edgebnn.codegen.build import build_firmware
from edgebnn.codegen.project import render_project
from edgebnn.emulator.agreement import per_class
from edgebnn.emulator.executors import Executor, execute
from edgebnn.emulator.fast import FastPath
from edgebnn.emulator.trimming import trim
from edgebnn.errors import DataError
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.mean_weights import mean_weights
from edgebnn.mapping.programmed import pattern_of, programmed_banks
from edgebnn.network import Kind, Network, Tensor, WeightKind, Window
from edgebnn.network.types import Affine, Linear, Threshold
from tests.mapping.test_planner import mapped_on
from tests.networks import Builder, networks, random_inputs

CHIPS = st.sampled_from(
    [
        ChipInstance(1, 0.1),
        ChipInstance(2, errors=ErrorModel.TABLE, policy="ultra-low-energy"),
        ChipInstance(3, errors=ErrorModel.DEVICE, policy="ultra-low-energy"),
        ChipInstance(4, 0.05, read_error_rate=0.02),
        ChipInstance(5, 0.1, ErrorModel.NEIGHBOUR),
    ]
)


@given(network=networks(), seed=st.integers(0, 2**32))
@settings(max_examples=15)
def test_a_chip_without_errors_moves_nothing(network: Network, seed: int) -> None:
    mapped = mapped_on(network)
    x = random_inputs(network, seed, 5)
    found = trim(mapped, programmed_banks(mapped, ChipInstance(seed, 0.0)), x)
    assert not any(shift.any() for shift in found.shifts.values())
    assert found.same_before == found.same_after == found.samples == 5
    for old, new in zip(network.nodes, found.network.nodes, strict=True):
        assert type(old) is type(new) and old.output == new.output
        if isinstance(old, Threshold) and isinstance(new, Threshold):
            assert np.array_equal(old.thresholds, new.thresholds)


@given(network=networks(), chip=CHIPS, seed=st.integers(0, 2**32))
@settings(max_examples=15)
def test_what_is_trimmed_is_the_same_in_every_executor(network: Network, chip: ChipInstance, seed: int) -> None:
    mapped = mapped_on(network)
    x = random_inputs(network, seed, 4)
    trimmed = mapped_on(trim(mapped, programmed_banks(mapped, chip), x).network)
    for banks in (None, programmed_banks(trimmed, chip)):
        reference, fast = (execute(trimmed, None, x, on, banks) for on in (Executor.REFERENCE, Executor.FAST))
        assert np.array_equal(reference, fast)


@given(network=networks(), errors=st.sampled_from([ErrorModel.TABLE, ErrorModel.DEVICE, ErrorModel.BER]))
@settings(max_examples=15)
def test_images_for_several_chips_differ_at_their_end_alone(network: Network, errors: ErrorModel) -> None:
    mapped, x = mapped_on(network), random_inputs(network, 1, 8)
    rate = 0.1 if errors is ErrorModel.BER else None
    made = []
    for seed in (1, 2):
        banks = programmed_banks(mapped, ChipInstance(seed, rate, errors, policy="ultra-low-energy"))
        found = replace(trim(mapped, banks, x).network, trimmed_for=f"chip {seed}")
        made.append(mapped_on(found))
    plans = [each.plan for each in made]
    starts = [plan.image_bytes - plan.trimmed_bytes for plan in plans]
    for each, plan, start in zip(made, plans, starts, strict=True):
        assert len(each.image) == plan.image_bytes
        ends = [section.name.rpartition(".")[2] for section in plan.sections if section.offset >= start]
        before = [section.name.rpartition(".")[2] for section in plan.sections if section.offset < start]
        assert not {"thresholds", "exceptions", "first_exception", "offset", "border_start"} & {*before}
        assert not {"sign", "nonzero", "banks", "weights", "marker"} & {*ends}
        # Nothing but the order of sections has changed: as many bytes as those of the same network for no chip.
        assert plan.image_bytes == mapped_on(replace(each.network, trimmed_for=None)).plan.image_bytes
    assert starts[0] == starts[1] and made[0].image[: starts[0]] == made[1].image[: starts[0]]
    if plans[0] == plans[1]:
        codes = [(render_project(each)["src/model.c"], render_project(each)["include/memory_map.h"]) for each in made]
        assert codes[0] == codes[1]


def sample_networks() -> dict[str, Network]:
    """Steps of every kind behind binary and ternary layers, a convolution, and scores that no line follows."""
    bits = Tensor("x", Kind.BITS, (300,), -1, 1)
    found = {}
    for name, weights, kind, steps in (
        ("bits", WeightKind.BINARY, Kind.BITS, 1),
        ("trits", WeightKind.TERNARY, Kind.TRITS, 2),
        ("steps", WeightKind.BINARY, Kind.INTEGERS, 15),
    ):
        builder = Builder(bits, np.random.default_rng(7))
        builder.linear(64, weights)
        builder.threshold(kind, steps)
        builder.linear(64, weights)
        builder.threshold(kind, steps)
        builder.linear(10)
        found[name] = builder.network()
    builder = Builder(Tensor("x", Kind.INTEGERS, (3, 40), 0, 255), np.random.default_rng(8))
    builder.linear(32, window=Window((7,), (1,), (1,), (3,), (3,)))
    builder.threshold()
    builder.linear(32, window=Window((5,), (2,), (1,), (0,), (0,)))
    builder.threshold()
    builder.flatten()
    builder.linear(6)
    builder.affine()
    found["convolution"] = builder.network()
    return found


SAMPLES = sample_networks()


def uneven_inputs(network: Network, seed: int, count: int) -> np.ndarray:
    """Some inputs are nearly always large and some small, as pixels and samples of a signal are."""
    tensor = network.inputs[0].tensor
    mostly = np.random.default_rng(0).beta(0.5, 0.5, size=tensor.shape)
    high = np.random.default_rng(seed).random((count, *tensor.shape)) < mostly
    return np.where(high, tensor.high, tensor.low).astype(tensor.dtype)


def right(mapped: MappedNetwork, x: np.ndarray, wanted: np.ndarray, chip: ChipInstance) -> int:
    scores = FastPath(mapped).run(x, programmed_banks(mapped, chip))
    return int((per_class(scores).argmax(axis=1) == wanted).sum())


@pytest.mark.parametrize(("name", "samples"), [*((name, 32) for name in SAMPLES), ("steps", 400)])
def test_answers_come_nearer_to_those_without_errors(name: str, samples: int) -> None:
    """On samples that trimming did not see. Networks with random weights are harder than trained ones."""
    network = SAMPLES[name]
    mapped = mapped_on(network)
    seen, unseen = uneven_inputs(network, 1, samples), uneven_inputs(network, 2, 600)
    wanted = per_class(FastPath(mapped).run(unseen)).argmax(axis=1)
    before = after = 0
    for seed in range(4):
        chip = ChipInstance(seed, 0.05)
        found = trim(mapped, programmed_banks(mapped, chip), seen)
        assert found.samples == samples
        before += right(mapped, unseen, wanted, chip)
        after += right(mapped_on(found.network), unseen, wanted, chip)
    assert after > before


def test_thresholds_move_to_where_they_cut_as_many_sums() -> None:
    """m' + (T - m) s' / s, of each neuron by itself, where samples are plenty: far from the mean the spread tells."""
    builder = Builder(Tensor("x", Kind.BITS, (256,), -1, 1), np.random.default_rng(7))
    builder.linear(64)
    builder.threshold()
    builder.linear(4)
    network = builder.network()
    layer, steps = network.nodes[0], network.nodes[1]
    assert isinstance(layer, Linear) and isinstance(steps, Threshold)
    # A pattern that weights and samples have in common, as what was trained has: its share of a sum is drawn in.
    rng = np.random.default_rng(3)
    pattern = rng.choice([-1, 1], 256)
    weights = np.where(rng.random(layer.weights.shape) < 0.75, pattern, -pattern).astype(np.int8)
    layer = replace(layer, weights=weights)
    x = np.where(rng.random((4000, 256)) < 0.75, pattern, -pattern) * rng.choice([-1, 1], (4000, 1))
    x = x.astype(network.inputs[0].tensor.dtype)
    sums = x.astype(np.int64) @ layer.weights.astype(np.int64).T
    far = np.rint(sums.mean(axis=0) + 2 * sums.std(axis=0)).astype(np.int32)[:, np.newaxis]
    nodes = (layer, replace(steps, thresholds=far), *network.nodes[2:])
    mapped = mapped_on(replace(network, nodes=nodes))
    # Rows that err from next to never to half of the time: each neuron has a spread of its own.
    banks = programmed_banks(mapped, ChipInstance(2, 0.25, ErrorModel.TABLE))
    read = mean_weights(mapped.linear_stages[layer.name], banks).plus
    chips = x @ read.T
    spread = chips.std(axis=0) / sums.std(axis=0)
    expected = chips.mean(axis=0) + (far[:, 0] - sums.mean(axis=0)) * spread
    moved = far[:, 0] + trim(mapped, banks, x).shifts[steps.name][:, 0]
    assert np.abs(moved - expected).mean() < 1
    # As it would be with the shift of the means alone, and with one spread for all.
    assert np.abs(far[:, 0] + (chips - sums).mean(axis=0) - expected).mean() > 5
    of_all = chips.mean(axis=0) + (far[:, 0] - sums.mean(axis=0)) * np.exp(np.log(spread).mean())
    assert np.abs(of_all - expected).mean() > 1.5


def test_where_there_is_nothing_to_gain_little_is_lost() -> None:
    """Inputs that are +1 as often as -1 shift no sum in the mean: what few samples show is noise, and ignored."""
    mapped, x = mapped_on(SAMPLES["bits"]), random_inputs(SAMPLES["bits"], 1, 32)
    found = trim(mapped, programmed_banks(mapped, ChipInstance(1, 0.05)), x)
    first = next(iter(found.shifts.values()))
    assert np.abs(first).mean() < 0.4  # the means of so few samples alone would move each by 0.9


def test_the_firmware_of_a_trimmed_network_answers_alike() -> None:
    network = SAMPLES["trits"]
    mapped, chip = mapped_on(network), ChipInstance(9, errors=ErrorModel.TABLE, policy="ultra-low-energy")
    x = random_inputs(network, 3, 8)
    trimmed = mapped_on(trim(mapped, programmed_banks(mapped, chip), x).network)
    assert isinstance(trimmed.network.nodes[-1], Linear) and trimmed.network.nodes[-1].border is not None
    elf, banks = build_firmware(render_project(trimmed), trimmed.target).elf, programmed_banks(trimmed, chip)
    fast, firmware = (execute(trimmed, elf, x, on, banks) for on in (Executor.FAST, Executor.FIRMWARE))
    assert np.array_equal(fast, firmware)


def test_scores_that_leave_int32_give_up_their_last_bit() -> None:
    builder = Builder(Tensor("x", Kind.BITS, (64,), -1, 1), np.random.default_rng(1))
    builder.linear(4)
    builder.affine()
    network = builder.network()
    line = network.nodes[-1]
    assert isinstance(line, Affine)
    multiplier = np.full_like(line.multiplier, (2**31 - 1) // 64)
    full = Affine(line.name, line.sources, Tensor("scores", Kind.SCORES, (4,), -(2**31 - 1), 2**31 - 1, 0.25),
                  multiplier, np.zeros_like(line.offset), line.knees)  # fmt: skip
    network = Network("full", network.inputs, (network.nodes[0], full), "0" * 64)
    mapped, x = mapped_on(network), uneven_inputs(network, 5, 200)
    chip = ChipInstance(2, 0.3)
    found = trim(mapped, programmed_banks(mapped, chip), x)
    (shift,) = found.shifts.values()
    assert shift.any()
    trimmed = mapped_on(found.network)
    output = found.network.output
    assert output.scale == 0.5 and (output.low, output.high) == (full.output.low, full.output.high)
    sums = (FastPath(mapped).run(x, programmed_banks(mapped, chip)).astype(np.int64) // multiplier[0, 0]) - shift[:, 0]
    scores = FastPath(trimmed).run(x, programmed_banks(trimmed, chip))
    assert np.array_equal(scores, (sums * multiplier[0, 0] + 1) >> 1)


@pytest.mark.parametrize("errors", [ErrorModel.TABLE, ErrorModel.DEVICE, ErrorModel.NEIGHBOUR])
def test_weights_in_the_mean_are_those_of_many_reads(errors: ErrorModel) -> None:
    """A binary weight that is read wrong with the probability p is 1 - 2 p of itself in the mean."""
    network = SAMPLES["bits"]
    mapped = mapped_on(network)
    banks = programmed_banks(mapped, ChipInstance(6, errors=errors, policy="ultra-low-energy"))
    pattern = pattern_of(mapped)
    wrong = wrong_read(banks, pattern.sign, pattern.nonzero)
    signs = np.where(unpack(pattern.sign), 1, -1)
    used = pattern.kind > 0
    means = mean_read(banks, np.arange(len(wrong)), True)
    assert np.allclose(means[used], (signs * (1 - 2 * wrong))[used], atol=1e-6)
    layer = network.linear[0]
    stage = mapped.linear_stages[layer.name]
    rows = mean_weights(stage, banks)
    assert np.array_equal(rows.plus[:32, :COLUMNS], means[stage.tiles[0].bank])


def test_no_sample_is_refused() -> None:
    mapped = mapped_on(SAMPLES["bits"])
    banks: ProgrammedBanks = programmed_banks(mapped, ChipInstance(1))
    with pytest.raises(DataError, match="hold no sample"):
        trim(mapped, banks, random_inputs(SAMPLES["bits"], 1, 3)[:0])
