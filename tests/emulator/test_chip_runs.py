"""Samples on many chips, by differences from the run without errors and side by side: the bits of a fresh run."""

from __future__ import annotations

import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from edgebnn.chip.banks.programmed_banks import HeldRows
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorKinds, ErrorModel
from edgebnn.emulator import accuracy, chip_runs, known_run
from edgebnn.emulator.chip_program import program_on_chip, weights_on_chip
from edgebnn.emulator.chip_runs import ChipRuns, KeptRuns, side_by_side
from edgebnn.emulator.descriptors import DifferenceDescriptor, SlicedDescriptor
from edgebnn.emulator.emulate import Dataset, emulate
from edgebnn.emulator.executors import Executor, execute
from edgebnn.emulator.fast import FastPath, Kernel, kernels
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.programmed import programmed_banks
from edgebnn.mapping.tiling import words_of
from edgebnn.network import Kind, Network, Tensor, WeightKind, Window
from edgebnn.words import unpack_words
from tests.emulator.macro_driver import on_chip
from tests.networks import Builder, random_inputs

CHIPS = [
    ChipInstance(1, 1e-3),
    ChipInstance(2, 0.02),
    ChipInstance(3, 0.4),
    ChipInstance(4, 0.0),
    ChipInstance(5, errors=ErrorModel.DEVICE, policy="ultra-low-energy"),
    ChipInstance(9, errors=ErrorModel.DEVICE, kinds=ErrorKinds.PROGRAMMING, policy="ultra-low-energy"),
    ChipInstance(6, errors=ErrorModel.TABLE, policy="low-energy"),
    ChipInstance(7, 0.01, ErrorModel.NEIGHBOUR),
    ChipInstance(8, 1e-3, read_error_rate=1e-3),
]


def dense(entry: Tensor, kind: WeightKind, activations: Kind = Kind.BITS) -> Network:
    """Three layers, the last of sums; outputs of the first end within a word."""
    builder = Builder(entry, np.random.default_rng(3))
    for neurons in (45, 64):
        builder.linear(neurons, kind)
        builder.threshold(activations)
    builder.linear(5)
    return builder.network()


def sliced(kind: WeightKind) -> Network:
    """A layer of so many neurons and inputs that it has lists; they end within a word and within a panel."""
    builder = Builder(Tensor("x", Kind.INTEGERS, (40,), -128, 127), np.random.default_rng(6))
    for _ in range(2):
        builder.linear(395, kind)
        builder.threshold()
    builder.linear(3)
    return builder.network()


def convolution() -> Network:
    """A map that a dense layer reads whole."""
    builder = Builder(Tensor("x", Kind.INTEGERS, (2, 12), -128, 127), np.random.default_rng(4))
    builder.linear(33, WeightKind.TERNARY, Window((3,), (1,), (1,), (1,), (1,)))
    builder.threshold()
    builder.flatten()
    builder.linear(40)
    builder.threshold()
    builder.linear(3)
    return builder.network()


def whole_map(entry: Tensor, kind: WeightKind, pad_value: int) -> Network:
    """A convolution that sees padding, of more channels than a word has bits, behind a layer that its pixels share."""
    builder = Builder(entry, np.random.default_rng(8))
    builder.linear(34, kind, Window((3, 2), (1, 2), (2, 1), (2, 1), (1, 0)), groups=2, pad_value=pad_value)
    builder.threshold()
    builder.flatten()
    builder.linear(7)
    return builder.network()


MAPS = {
    "int8": whole_map(Tensor("x", Kind.INTEGERS, (4, 9, 7), -128, 127), WeightKind.BINARY, 0),
    "uint8": whole_map(Tensor("x", Kind.INTEGERS, (2, 9, 7), 0, 255), WeightKind.TERNARY, 0),
    "bits": whole_map(Tensor("x", Kind.BITS, (6, 9, 7), -1, 1), WeightKind.BINARY, 0),
    "bits and padding": whole_map(Tensor("x", Kind.BITS, (6, 9, 7), -1, 1), WeightKind.TERNARY, -1),
}


def maps_of_bits(kind: WeightKind, groups: int, pad_value: int) -> Network:
    """Convolutions behind another one: windows that see padding, groups, words with a rest, a map read whole."""
    builder = Builder(Tensor("x", Kind.INTEGERS, (2, 8, 7), -128, 127), np.random.default_rng(4))
    builder.linear(36, kind, Window((3, 3), (1, 1), (1, 1), (0, 0), (0, 0)))
    builder.threshold()
    builder.linear(34, kind, Window((3, 2), (1, 2), (2, 1), (2, 1), (1, 0)), groups=groups, pad_value=pad_value)
    builder.threshold()
    builder.linear(40, kind, Window((2, 2), (1, 1), (1, 1), (0, 0), (0, 0)))
    builder.threshold()
    builder.flatten()
    builder.linear(20, kind)
    builder.threshold()
    builder.linear(7)
    return builder.network()


MAPS_OF_BITS = {
    "maps of bits": maps_of_bits(WeightKind.BINARY, 2, 0),
    "maps of bits and padding": maps_of_bits(WeightKind.TERNARY, 1, -1),
}

NETWORKS = {
    **MAPS,
    **MAPS_OF_BITS,
    "bytes": dense(Tensor("x", Kind.INTEGERS, (50,), -128, 127), WeightKind.BINARY),
    "words": dense(Tensor("x", Kind.INTEGERS, (50,), -32768, 32767), WeightKind.TERNARY),
    "signs": dense(Tensor("x", Kind.BITS, (70,), -1, 1), WeightKind.BINARY),
    "trits": dense(Tensor("x", Kind.TRITS, (70,), -1, 1), WeightKind.BINARY, Kind.TRITS),
    "convolution": convolution(),
}


@pytest.fixture(scope="module", params=NETWORKS)
def runs(request: pytest.FixtureRequest) -> tuple[MappedNetwork, FastPath, npt.NDArray[Any]]:
    mapped = on_chip(NETWORKS[request.param])
    return mapped, FastPath(mapped), random_inputs(mapped.network, 5, 70)


def test_every_chip_gives_the_scores_of_the_reference(
    runs: tuple[MappedNetwork, FastPath, npt.NDArray[Any]],
) -> None:
    mapped, fast, x = runs
    on_chips = ChipRuns(fast, x)
    np.testing.assert_array_equal(on_chips.clean, execute(mapped, None, x, Executor.REFERENCE))
    for chip in CHIPS:
        banks = programmed_banks(mapped, chip)
        found, _ = on_chips.run(banks)
        np.testing.assert_array_equal(found, execute(mapped, None, x, Executor.REFERENCE, banks), str(chip))


def test_few_errors_are_evaluated_by_what_they_change() -> None:
    mapped = on_chip(NETWORKS["bytes"])
    fast = FastPath(mapped)
    known = known_run.KnownRun(fast, fast.encode(random_inputs(mapped.network, 5, 70)))
    for each, count in ((ChipInstance(1, 0.0), 3), (ChipInstance(1, 0.4), 0), (CHIPS[4], 3)):
        chip = weights_on_chip(mapped, programmed_banks(mapped, each))
        program = known.program(chip)
        assert sum(isinstance(each, DifferenceDescriptor) for each in program.descriptors) == count


@pytest.mark.parametrize("name", MAPS)
def test_a_first_convolution_is_evaluated_by_what_its_wrong_weights_change(name: str) -> None:
    mapped = on_chip(MAPS[name])
    fast = FastPath(mapped)
    known = known_run.KnownRun(fast, fast.encode(random_inputs(mapped.network, 5, 70)))
    found = []
    for rate in (0.0, 0.01, 0.4):
        chip = weights_on_chip(mapped, programmed_banks(mapped, ChipInstance(1, rate)))
        found.append(isinstance(known.program(chip).descriptors[0], DifferenceDescriptor))
    assert found == [True, True, False]


@pytest.mark.parametrize(
    ("name", "layers"), [("maps of bits", [0, 1, 2, 3, 4]), ("maps of bits and padding", [0, 2, 3, 4])]
)
def test_convolutions_behind_another_one_are_evaluated_by_what_differs(name: str, layers: list[int]) -> None:
    """Not one whose padding is a sign: it has no input that it could be."""
    mapped = on_chip(MAPS_OF_BITS[name])
    fast = FastPath(mapped)
    known = known_run.KnownRun(fast, fast.encode(random_inputs(mapped.network, 5, 70)))
    program = known.program(weights_on_chip(mapped, programmed_banks(mapped, ChipInstance(1, 1e-4))))
    found = [place for place, each in enumerate(program.descriptors) if isinstance(each, DifferenceDescriptor)]
    assert found == layers


@pytest.mark.parametrize("kind", [WeightKind.BINARY, WeightKind.TERNARY])
@pytest.mark.parametrize("kernel", kernels())
def test_answers_in_slices_are_those_of_a_fresh_run(kernel: Kernel, kind: WeightKind) -> None:
    mapped = on_chip(sliced(kind))
    fast, x = FastPath(mapped), random_inputs(mapped.network, 5, 140)
    encoded = fast.encode(x)
    known = known_run.KnownRun(fast, encoded)
    for chip in (ChipInstance(1, 0.0), ChipInstance(2, 1e-3), ChipInstance(3, 0.03), ChipInstance(4, 0.1)):
        weights = weights_on_chip(mapped, programmed_banks(mapped, chip))
        program = known.program(weights)
        assert sum(isinstance(each, SlicedDescriptor) for each in program.descriptors) == 1
        found = np.empty((len(x), mapped.network.output.size), np.int32)
        fast.execute(program, encoded[37:], found[37:], 37, kernel)
        np.testing.assert_array_equal(found[37:], fast.run(x, programmed_banks(mapped, chip))[37:])


def rows_of(mapped: MappedNetwork, layer: str, held: HeldRows) -> npt.NDArray[np.int64]:
    """The place of each neuron's words (neurons, words) among the rows that are held."""
    assert mapped.target.array is not None
    stage, geometry = mapped.linear_stages[layer], mapped.target.array.geometry
    found = np.empty((stage.output.channels, stage.row_words), np.int64)
    for tile in stage.tiles:
        for word in words_of(tile, geometry):
            first = word.stripe * geometry.rows
            found[tile.neuron : tile.neuron + tile.neurons, word.word] = first + np.arange(tile.neurons)
    return np.searchsorted(held.place, found)


@pytest.mark.parametrize("kernel", kernels())
def test_sums_far_from_their_steps_may_move_far(kernel: Kernel) -> None:
    """As many wrong weights a neuron as its near limit bears, and more, all of which move the same sum the same way."""
    mapped = on_chip(sliced(WeightKind.BINARY))
    fast, x = FastPath(mapped), random_inputs(mapped.network, 5, 140)
    known = known_run.KnownRun(fast, fast.encode(x))
    clean = programmed_banks(mapped, ChipInstance(1, 0.0))
    assert clean.held is not None
    second = mapped.network.linear[1]
    packed = known._layers[1].inputs
    assert packed is not None
    inputs = 2 * unpack_words(packed, 395).astype(np.int64) - 1
    products = inputs[:, np.newaxis] * second.weights  # (samples, neurons, inputs)
    sums = products.sum(axis=2)
    place = rows_of(mapped, second.name, clean.held)
    for moved in (14, 15, 16, 20, 25, 31):
        for furthest in (sums.argmax(axis=0), sums.argmin(axis=0)):
            sign = clean.held.sign.copy()
            for neuron, sample in enumerate(furthest):
                aligned = np.flatnonzero(products[sample, neuron] == np.sign(sums[sample, neuron]))[:moved]
                np.bitwise_xor.at(sign, place[neuron, aligned // 32], np.uint32(1) << (aligned % 32).astype(np.uint32))
            held = replace(clean.held, sign=sign)
            weights = weights_on_chip(mapped, replace(clean, held=held))
            assert weights.layers[second.name].most_change == 2 * moved
            scores = []
            for program in (known.program(weights), program_on_chip(mapped, fast.program, weights)):
                scores.append(np.empty((len(x), mapped.network.output.size), np.int32))
                fast.execute(program, fast.encode(x), scores[-1], 0, kernel)
            np.testing.assert_array_equal(*scores)


@pytest.mark.parametrize("kernel", kernels())
def test_every_kernel_finds_the_same_differences(
    runs: tuple[MappedNetwork, FastPath, npt.NDArray[Any]], kernel: Kernel
) -> None:
    mapped, fast, x = runs
    encoded = fast.encode(x)
    known = known_run.KnownRun(fast, encoded)
    for chip in (CHIPS[0], CHIPS[4]):
        banks = programmed_banks(mapped, chip)
        found = np.empty((len(x), mapped.network.output.size), np.int32)
        # From within a block of the known run on, as blocks of other sizes begin.
        fast.execute(known.program(weights_on_chip(mapped, banks)), encoded[37:], found[37:], 37, kernel)
        np.testing.assert_array_equal(found[37:], fast.run(x, banks)[37:])


def test_samples_beyond_what_is_kept_run_afresh(
    monkeypatch: pytest.MonkeyPatch, runs: tuple[MappedNetwork, FastPath, npt.NDArray[Any]]
) -> None:
    mapped, fast, x = runs
    monkeypatch.setattr(known_run, "_MOST_BYTES", 20_000)
    on_chips = ChipRuns(fast, x)
    for chip in (CHIPS[0], CHIPS[7]):
        banks = programmed_banks(mapped, chip)
        np.testing.assert_array_equal(on_chips.run(banks)[0], fast.run(x, banks))


LIKE = {
    "ber": ChipInstance(0, 0.01),
    "table": ChipInstance(0, errors=ErrorModel.TABLE, policy="ultra-low-energy"),
    "device": ChipInstance(0, errors=ErrorModel.DEVICE, policy="ultra-low-energy"),
    "neighbour": ChipInstance(0, 0.01, ErrorModel.NEIGHBOUR),
    "reads that err anew": ChipInstance(0, 0.01, read_error_rate=0.01),
}


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("like", LIKE.values(), ids=LIKE)
def test_the_numbers_are_the_same_for_any_number_of_threads(
    monkeypatch: pytest.MonkeyPatch, like: ChipInstance, threads: int
) -> None:
    mapped = on_chip(NETWORKS["bytes"])
    data = Dataset(random_inputs(mapped.network, 5, 70))
    chips = [replace(like, seed=seed) for seed in range(6)]
    monkeypatch.setattr(chip_runs, "usable_processors", lambda: threads)
    found = emulate(mapped, None, data, chips, firmware_samples=2)
    assert found.executors_agree
    fast = FastPath(mapped)
    for chip, result in zip(chips, found.chips, strict=True):
        scores = fast.run(data.x, programmed_banks(mapped, chip))
        assert result.changed == np.count_nonzero(scores.argmax(axis=1) != found.predictions)


def test_the_same_samples_are_known_to_the_next_call_and_others_are_not() -> None:
    mapped = on_chip(NETWORKS["bytes"])
    kept, chips, x = KeptRuns(mapped), CHIPS[:2], random_inputs(mapped.network, 5, 70)
    first = kept.of(x)
    assert kept.of(x.copy()) is first
    first.clean[:] = 0  # a user's scores are the user's own
    for changed in (x[:, ::-1], x[:-1], -1 - x):
        x[: len(changed)] = changed  # in its place
        again = emulate(mapped, None, Dataset(x), chips, firmware_samples=0, kept=kept)
        afresh = emulate(mapped, None, Dataset(x), chips, firmware_samples=0)
        np.testing.assert_array_equal(again.scores, afresh.scores)
        assert again.chips == afresh.chips
        assert kept.of(x) is not first


def test_many_samples_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    mapped = on_chip(NETWORKS["bytes"])
    x = random_inputs(mapped.network, 5, 70)
    monkeypatch.setattr(chip_runs, "_MOST_KEPT_BYTES", ChipRuns(FastPath(mapped), x).kept_bytes - 1)
    kept = KeptRuns(mapped)
    assert kept.of(x) is not kept.of(x)
    assert kept.of(x[:-1]) is kept.of(x[:-1])


def test_threads_that_share_what_is_kept_get_the_numbers_of_their_own_samples() -> None:
    mapped = on_chip(NETWORKS["bytes"])
    kept, banks = KeptRuns(mapped), programmed_banks(mapped, CHIPS[1])
    batches = [random_inputs(mapped.network, seed, 20) for seed in range(3)] * 20
    expected = [FastPath(mapped).run(x, banks) for x in batches[:3]]
    with ThreadPoolExecutor(4) as pool:
        for place, (found, _) in enumerate(pool.map(lambda x: kept.of(x).run(banks), batches)):
            np.testing.assert_array_equal(found, expected[place % 3])


def test_memory_grows_by_a_byte_for_each_chip_and_sample_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept of a chip is which answers were right; blocks of the bootstrap are small enough not to count."""
    mapped, samples = on_chip(NETWORKS["bytes"]), 8000
    x = random_inputs(mapped.network, 5, samples)
    data = Dataset(x, FastPath(mapped).run(x).argmax(axis=1))
    monkeypatch.setattr(accuracy, "_MOST_PARTS", 8000)
    monkeypatch.setattr(chip_runs, "usable_processors", lambda: 1)

    def most_bytes(chips: int) -> int:
        tracemalloc.start()
        found = emulate(mapped, None, data, [ChipInstance(seed, 0.01) for seed in range(chips)], firmware_samples=0)
        assert found.drop is not None and found.drop.mean > 0
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    few, many = 10, 100
    most_bytes(1)  # what is made once and kept
    assert most_bytes(many) - most_bytes(few) < 1.6 * (many - few) * samples  # and what says how the chip did


def test_few_pieces_of_work_are_ahead_of_what_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chip_runs, "usable_processors", lambda: 2)
    begun = []
    for taken, _ in enumerate(side_by_side(begun.append, range(100))):
        assert len(begun) <= taken + 7
    assert len(begun) == 100


def test_work_that_fails_stops_the_rest() -> None:
    done = []

    def work(item: int) -> int:
        done.append(item)
        return 1 // (item - 3)

    with pytest.raises(ZeroDivisionError):
        list(side_by_side(work, range(10_000)))
    assert len(done) < 10_000
