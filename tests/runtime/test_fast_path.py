"""The fast path as Python sees it: batches, chips with errors, threads, and what it refuses."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from edgebnn import native
from edgebnn.chip.banks.pattern import TERNARY
from edgebnn.emulator import descriptors, fast
from edgebnn.emulator.chip_program import program_on_chip, weights_on_chip
from edgebnn.emulator.fast import FastPath, kernels
from edgebnn.emulator.program import program_of
from edgebnn.emulator.sensed_layers import sensed_layers
from edgebnn.errors import DataError, DeploymentError, TargetError, ToolError
from edgebnn.mapping.lifting import read_weights
from edgebnn.mapping.programmed import pattern_of
from edgebnn.network import Kind, Network, Tensor, WeightKind, Window, interpret
from tests.chip.patterns import programmed
from tests.emulator.macro_driver import on_chip
from tests.emulator.random_banks import banks_with, certain_thresholds, meant_values, noisy_banks
from tests.networks import Builder, random_inputs
from tests.runtime.firmware_calls import map_on_host


def small_network() -> Network:
    builder = Builder(Tensor("x", Kind.INTEGERS, (2, 20), -128, 127), np.random.default_rng(0))
    builder.linear(33, WeightKind.TERNARY, Window((5,), (1,), (1,), (2,), (2,)))
    builder.threshold()
    builder.pool(Window((2,), (2,), (1,), (0,), (0,)))
    builder.flatten()
    builder.linear(3)
    return builder.network()


NETWORK = small_network()


@pytest.mark.parametrize("batch", [0, 1, 255, 256, 257, 1000])
def test_batches_of_any_size_and_in_blocks(batch: int) -> None:
    x = random_inputs(NETWORK, 1, batch)
    scores = FastPath(map_on_host(NETWORK)).run(x)
    assert scores.dtype == np.int32
    assert scores.shape == (batch, 3)
    np.testing.assert_array_equal(scores, interpret(NETWORK, x))


@pytest.mark.parametrize(
    ("low", "high", "shape"), [(-128, 127, (3, 7)), (0, 255, (5,)), (-32768, 32767, (9,)), (-9, 5, (6,))]
)
def test_a_sample_alone_is_what_it_is_in_a_batch(low: int, high: int, shape: tuple[int, ...]) -> None:
    """Of whatever type and however it lies, one behind another; scores that were handed out stay as they are."""
    builder = Builder(Tensor("x", Kind.INTEGERS, shape, low, high), np.random.default_rng(2))
    builder.flatten()
    builder.linear(4, WeightKind.TERNARY)
    network = builder.network()
    own = np.random.default_rng(3).integers(low, high, (6, *shape), endpoint=True)
    expected, path, found = interpret(network, own), FastPath(map_on_host(network)), []
    kinds = [kind for kind in ("i1", "u1", "i2", "u2", ">i2", "i8", "f4") if np.array_equal(own.astype(kind), own)]
    for kind in kinds:
        turned = np.asfortranarray(own.astype(kind))  # the values of a sample lie apart
        found += [path.run(turned[at : at + 1]) for at in range(len(own))]
    np.testing.assert_array_equal(np.concatenate(found), np.concatenate([expected] * len(kinds)))
    assert len(kinds) >= 3
    for wrong, what in (
        (own[:1] * 0 + high + 1, "takes values from"),
        (own[:1] + 0.5, "fractions"),
        (own[:1, 1:], "shape"),
    ):
        with pytest.raises(DataError, match=what):
            path.run(wrong)


def test_threads_with_a_sample_each_do_not_meet() -> None:
    path, x = FastPath(map_on_host(NETWORK)), random_inputs(NETWORK, 1, 400)
    with ThreadPoolExecutor(4) as pool:
        scores = list(pool.map(lambda at: path.run(x[at : at + 1]), range(len(x))))
    np.testing.assert_array_equal(np.concatenate(scores), interpret(NETWORK, x))


def test_blocks_shrink_with_large_tensors(monkeypatch: pytest.MonkeyPatch) -> None:
    path = FastPath(map_on_host(NETWORK))
    x = random_inputs(NETWORK, 1, 50)
    whole = path.run(x)
    monkeypatch.setattr(fast, "_BLOCK_BYTES", 1)
    assert fast._block_samples(path._program) == 1
    np.testing.assert_array_equal(path.run(x), whole)


@pytest.mark.parametrize("kernel", kernels())
def test_a_chip_with_other_weights_is_the_network_with_them(kernel: fast.Kernel) -> None:
    """No layer is read row by row here: what is certain goes through the fast kernels."""
    rng = np.random.default_rng(5)
    x = random_inputs(NETWORK, 2, 40)
    mapped = on_chip(NETWORK)
    path = FastPath(mapped)
    before = path.run(x, kernel=kernel)
    wrong = meant_values(mapped)
    wrong[rng.random(wrong.shape) < 0.2] *= -1
    ternary = pattern_of(mapped).kind == TERNARY  # a binary cell has no zero to fall to
    wrong[ternary[..., np.newaxis] & (rng.random(wrong.shape) < 0.1)] = 0
    banks = banks_with(wrong)
    program = program_on_chip(mapped, program_of(mapped), weights_on_chip(mapped, banks))
    assert not any(isinstance(each, descriptors.SensedDescriptor) for each in program.descriptors)
    expected = interpret(NETWORK.with_weights(read_weights(mapped, banks)), x)
    assert not np.array_equal(expected, before)
    np.testing.assert_array_equal(path.run(x, banks, kernel=kernel), expected)
    np.testing.assert_array_equal(path.run(x, kernel=kernel), before)


def test_only_the_layers_that_have_to_be_are_read_row_by_row() -> None:
    mapped = on_chip(NETWORK)
    first, last = mapped.linear_stages.values()
    values = np.repeat(meant_values(mapped)[..., np.newaxis], 2, axis=-1)
    behind = values.copy()
    behind[last.tiles[-1].bank, : last.tiles[-1].neurons, last.tiles[-1].inputs :, 0] *= -1
    minus_alone = values.copy()
    minus_alone[first.tiles[0].bank, 0, 0, 0] *= -1  # a layer of integers has no inputs of -1
    clean = program_of(mapped)
    cases = {
        "as meant": (values, 0),
        "where no weight is": (behind, 0),
        "with an input that never comes": (minus_alone, 0),
        "with one input": (_changed(values, last.tiles[0].bank), 1),
    }
    for what, (answers, count) in cases.items():
        banks = programmed(*certain_thresholds(answers), seed=0)
        program = program_on_chip(mapped, clean, weights_on_chip(mapped, banks))
        found = [each for each in program.descriptors if isinstance(each, descriptors.SensedDescriptor)]
        assert len(found) == count, what


def _changed(values: np.ndarray, bank: int) -> np.ndarray:
    changed = values.copy()
    changed[bank, 0, 0, 0] *= -1
    return changed


def test_blocks_and_batches_go_on_with_the_inferences(monkeypatch: pytest.MonkeyPatch) -> None:
    mapped = on_chip(NETWORK)
    path, banks = FastPath(mapped), noisy_banks(meant_values(mapped), 0.2, seed=9)
    x, first = random_inputs(NETWORK, 1, 300), 2**32 - 100
    whole = path.run(x, banks, first_inference=first)
    np.testing.assert_array_equal(whole, interpret(NETWORK, x, sensed_layers(mapped, banks, first)))
    assert not np.array_equal(whole, path.run(x, banks))
    parts = [path.run(x[at : at + 77], banks, first_inference=first + at) for at in range(0, 300, 77)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    monkeypatch.setattr(fast, "_BLOCK_BYTES", 1)
    np.testing.assert_array_equal(path.run(x, banks, first_inference=first), whole)


def test_many_threads_may_read_one_chip() -> None:
    mapped = on_chip(NETWORK)
    path, banks = FastPath(mapped), noisy_banks(meant_values(mapped), 0.2, seed=9)
    x = random_inputs(NETWORK, 1, 512)
    whole = path.run(x, banks)
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda at: path.run(x[at : at + 32], banks, first_inference=at), range(0, 512, 32)))
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_a_chip_needs_rram_and_the_networks_own_banks() -> None:
    x, banks = random_inputs(NETWORK, 0, 1), banks_with(np.ones((1, 32, 32), np.int8))
    with pytest.raises(TargetError, match="no RRAM"):
        FastPath(map_on_host(NETWORK)).run(x, banks)
    with pytest.raises(TargetError, match="1 programmed banks"):
        FastPath(on_chip(NETWORK)).run(x, banks)


@pytest.mark.parametrize(
    "x",
    [
        np.zeros((4, 2, 21), np.int8),
        np.zeros((0, 3, 20), np.int8),
        np.full((300, 2, 20), 128, np.int16),
        np.full((1, 2, 20), np.nan),
        np.full((1, 2, 20), 0.5),
    ],
)
def test_unsuitable_data_are_refused(x: np.ndarray) -> None:
    with pytest.raises(DataError):
        FastPath(map_on_host(NETWORK)).run(x)


def test_many_threads_may_share_one_fast_path() -> None:
    path = FastPath(map_on_host(NETWORK))
    batches = [random_inputs(NETWORK, seed, 64) for seed in range(16)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(path.run, batches))
    for x, scores in zip(batches, together, strict=True):
        np.testing.assert_array_equal(scores, interpret(NETWORK, x))


def test_a_kernel_that_the_processor_lacks_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(fast._KERNELS, "avx2", 99)
    with pytest.raises(ToolError, match="cannot run the kernel 'avx2'"):
        FastPath(map_on_host(NETWORK)).run(random_inputs(NETWORK, 0, 1), kernel="avx2")


def test_a_plan_that_the_runtime_refuses_is_an_error_with_a_remedy() -> None:
    path = FastPath(map_on_host(NETWORK))
    layer = path._program.descriptors[0]
    assert isinstance(layer, descriptors.PanelsDescriptor)
    layer.layer.groups = 7
    with pytest.raises(DeploymentError, match=r"status -6.*compile the model again"):
        path.run(random_inputs(NETWORK, 0, 1))


def test_a_missing_or_damaged_library_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="is missing; install edgebnn again"):
        native.load_library(tmp_path / "libedgebnn.so")
    damaged = tmp_path / "damaged.so"
    damaged.write_bytes(b"\x7fELF and no more")
    with pytest.raises(ToolError, match=r"does not load .* install edgebnn again"):
        native.load_library(damaged)


def test_a_runtime_of_another_version_says_so() -> None:
    """As where the library was compiled from other sources: a function is not there."""
    loaded = native.load_library(native.LIBRARY_PATH)
    with pytest.raises(ToolError, match="is of another version, without 'ebnn_of_tomorrow'; install edgebnn again"):
        loaded.ebnn_of_tomorrow.restype = None
    assert not hasattr(loaded, "__wrapped__")


def test_a_library_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    stage, _ = descriptors.KINDS[3]
    changed = (*descriptors.KINDS[:3], (stage, descriptors.PoolDescriptor), *descriptors.KINDS[4:])
    monkeypatch.setattr(descriptors, "KINDS", changed)
    with pytest.raises(ToolError, match="another version"):
        descriptors.host_library.__wrapped__()
