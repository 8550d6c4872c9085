"""The fast path as Python sees it: batches, replaced weights, threads, and what it refuses."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from edgebnn import native
from edgebnn.emulator import descriptors, fast
from edgebnn.emulator.fast import FastPath
from edgebnn.emulator.samples import encode_samples
from edgebnn.errors import DataError, DeploymentError, ToolError
from edgebnn.network import Kind, Network, Tensor, WeightKind, Window, interpret
from tests.networks import Builder, random_inputs
from tests.runtime.agreement import kernels
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


def test_blocks_shrink_with_large_tensors(monkeypatch: pytest.MonkeyPatch) -> None:
    path = FastPath(map_on_host(NETWORK))
    x = random_inputs(NETWORK, 1, 50)
    whole = path.run(x)
    monkeypatch.setattr(fast, "_BLOCK_BYTES", 1)
    assert path._block_samples(path._program) == 1
    np.testing.assert_array_equal(path.run(x), whole)


@pytest.mark.parametrize("kernel", kernels())
def test_replaced_weights_are_what_a_chip_with_errors_computes_with(kernel: fast.Kernel) -> None:
    rng = np.random.default_rng(5)
    x = random_inputs(NETWORK, 2, 40)
    path = FastPath(map_on_host(NETWORK))
    before = path.run(x, kernel=kernel)
    wrong = {layer.name: layer.weights.copy() for layer in NETWORK.linear}
    for layer in NETWORK.linear:
        weights = wrong[layer.name]
        weights[rng.random(weights.shape) < 0.2] *= -1
        if layer.weight_kind is WeightKind.TERNARY:  # a binary cell has no zero to fall to
            weights[rng.random(weights.shape) < 0.1] = 0
    expected = interpret(NETWORK.with_weights(wrong), x)
    assert not np.array_equal(expected, before)
    np.testing.assert_array_equal(path.run(x, wrong, kernel=kernel), expected)
    one = {NETWORK.linear[1].name: wrong[NETWORK.linear[1].name]}
    np.testing.assert_array_equal(path.run(x, one, kernel=kernel), interpret(NETWORK.with_weights(one), x))
    np.testing.assert_array_equal(path.run(x, kernel=kernel), before)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"nobody": np.ones((1, 1), np.int8)}, "no layer 'nobody'"),
        ({"linear_0": np.ones((2, 2), np.int8)}, r"shape \(33, 2, 5\), not \(2, 2\)"),
        ({"linear_0": np.full((33, 2, 5), 2, np.int8)}, "-1, 0 and"),
    ],
)
def test_weights_that_are_not_the_layers_are_refused(weights: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(DataError, match=message):
        FastPath(map_on_host(NETWORK)).run(random_inputs(NETWORK, 0, 1), weights)


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


def test_encoded_samples_give_the_same_scores() -> None:
    mapped = map_on_host(NETWORK)
    x = random_inputs(NETWORK, 3, 300)
    path = FastPath(mapped)
    encoded = encode_samples(x, mapped.plan.input)
    np.testing.assert_array_equal(path.run_encoded(encoded), path.run(x).reshape(300, -1))


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
    assert isinstance(layer, descriptors.LinearDescriptor)
    layer.groups = 7
    with pytest.raises(DeploymentError, match=r"status -2.*compile the model again"):
        path.run(random_inputs(NETWORK, 0, 1))


def test_a_missing_or_damaged_library_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="is missing; install edgebnn again"):
        native.load_library(tmp_path / "libedgebnn.so")
    damaged = tmp_path / "damaged.so"
    damaged.write_bytes(b"\x7fELF and no more")
    with pytest.raises(ToolError, match=r"does not load .* install edgebnn again"):
        native.load_library(damaged)


def test_a_library_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    stage, _ = descriptors.KINDS[3]
    changed = (*descriptors.KINDS[:3], (stage, descriptors.PoolDescriptor), *descriptors.KINDS[4:])
    monkeypatch.setattr(descriptors, "KINDS", changed)
    with pytest.raises(ToolError, match="another version"):
        descriptors.host_library.__wrapped__()
