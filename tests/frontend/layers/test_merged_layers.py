"""Layers with nothing but lines between them become one, whose sums are exact; against onnxruntime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgebnn.chip.target_files.loading import load_target
from edgebnn.emulator.fast import FastPath
from edgebnn.errors import ModelError
from edgebnn.frontend import ReadOptions, read_network
from edgebnn.mapping.planner import map_network
from edgebnn.network import Affine, Kind, Linear, Network, Tensor, Threshold, WeightKind
from edgebnn.network.interpreter import interpret, trace
from tests.frontend.comparison import onnxruntime_values
from tests.frontend.onnx_models import Model, signs
from tests.mapping.test_planner import PROVENANCE


def norm(model: Model, channels: int, seed: int) -> str:
    rng = np.random.default_rng(seed)
    gamma = rng.uniform(0.5, 1.5, channels) * rng.choice([-1, 1], channels)
    return model.batch_norm(gamma, rng.normal(0, 1, channels), rng.normal(0, 3, channels), rng.uniform(1, 4, channels))


def int8_weights(model: Model, *shape: int, largest: int = 127) -> str:
    last = model.last
    integers = np.random.default_rng(5).integers(-largest, largest + 1, size=shape)
    name = model.add("DequantizeLinear", inputs=[model.constant(integers, np.int8), model.constant(0.01)])
    model.last = last
    return name


def assert_agrees(model: Model, folder: Path, shape: tuple[int, ...]) -> Network:
    path = model.save(folder)
    network = read_network(path, ReadOptions("int8"))
    x = np.random.default_rng(0).integers(-128, 128, size=(30, *shape)).astype(np.int8)
    ours, theirs = trace(network, x), onnxruntime_values(path, x)
    for node in network.nodes:
        if isinstance(node, Threshold) and node.output.name in theirs:
            off = ours[node.output.name] * node.output.scale != theirs[node.output.name]
            assert np.count_nonzero(off.any(axis=(0, *range(2, off.ndim)))) <= node.ambiguous
    scores = interpret(network, x)
    mapped = map_network(network, load_target("host"), PROVENANCE)
    assert np.array_equal(FastPath(mapped).run(x), scores)
    if not any(node.ambiguous for node in network.nodes if isinstance(node, Threshold)):
        expected = theirs[model.last].reshape(scores.shape)
        assert np.all(np.abs(scores * network.output.scale - expected) <= network.score_error)
    return network


@pytest.mark.parametrize("kind", [WeightKind.BINARY, WeightKind.INT8])
def test_a_temporal_convolution_its_norm_and_a_depthwise_spatial_one(kind: WeightKind, tmp_path: Path) -> None:
    """EEGNet's first layers: over time, then over the electrodes."""
    model = Model((1, 8, 32))
    binary = kind is WeightKind.BINARY
    weights = signs(0, 4, 1, 1, 9) if binary else int8_weights(model, 4, 1, 1, 9)
    model.add("Conv", weights, pads=[0, 4, 0, 4])
    norm(model, 4, 1)
    model.add("Conv", signs(1, 8, 1, 8, 1), np.linspace(-3, 3, 8), group=4)
    norm(model, 8, 2)
    model.sign(at_least=True)
    model.add("Flatten")
    model.add("MatMul", signs(2, 8 * 32, 3))
    network = assert_agrees(model, tmp_path, (1, 8, 32))
    first, _ = (node for node in network.nodes if isinstance(node, Linear))
    assert first.weight_kind is kind and first.window.kernel == (8, 9)


def test_strides_and_dilations_multiply(tmp_path: Path) -> None:
    model = Model((2, 40))
    model.add("Conv", signs(0, 6, 1, 3), group=2, strides=[2], dilations=[3], pads=[2, 1])
    norm(model, 6, 1)
    model.add("Conv", signs(1, 6, 1, 2), group=6, strides=[3], dilations=[2])
    model.sign()
    model.add("Conv", signs(2, 3, 6, 5))
    network = assert_agrees(model, tmp_path, (2, 40))
    first = next(node for node in network.nodes if isinstance(node, Linear))
    assert (first.window.stride, first.window.kernel, first.weight_kind) == ((6,), (11,), WeightKind.TERNARY)


def test_dense_layers_without_a_norm_between(tmp_path: Path) -> None:
    model = Model((12,))
    model.add("Gemm", signs(0, 12, 5), np.arange(5) / 4)
    model.add("Mul", -0.5)
    model.add("MatMul", signs(1, 5, 7))
    network = assert_agrees(model, tmp_path, (12,))
    assert sum(isinstance(node, Linear) for node in network.nodes) == 1


def test_both_are_kept_where_something_else_reads_the_first(tmp_path: Path) -> None:
    model = Model((1, 20))
    first = model.add("Conv", signs(0, 4, 1, 3))
    model.add("Conv", signs(1, 4, 1, 1), group=4)
    model.add("Add", inputs=[model.last, first])
    model.sign()
    model.add("Conv", signs(2, 3, 4, 18))
    network = assert_agrees(model, tmp_path, (1, 20))
    assert sum(isinstance(node, Linear) for node in network.nodes) == 3


def narrow_tensors(network: Network) -> list[Tensor]:
    """What layers read of layers: integers that an affine makes."""
    return [node.output for node in network.nodes if isinstance(node, Affine) and node.output.kind is Kind.INTEGERS]


class TestLayersThatDoNotBecomeOne:
    """Integers of up to 16 bits between them, and a stated bound."""

    def test_a_padded_depthwise_layer_reads_the_sums_themselves(self, tmp_path: Path) -> None:
        model = Model((1, 20))
        model.add("Conv", signs(0, 6, 1, 3))
        norm(model, 6, 1)
        model.add("Conv", signs(1, 6, 1, 3), group=6, pads=[1, 1])
        network = assert_agrees(model, tmp_path, (1, 20))
        (between,) = narrow_tensors(network)
        assert between.high == 3 * 128 and not network.notes
        second = network.linear[1]
        assert second.weight_kind is WeightKind.BINARY and second.border is not None

    @pytest.mark.parametrize("int8", [False, True])
    def test_channels_of_several_slopes_are_rounded(self, int8: bool, tmp_path: Path) -> None:
        model = Model((1, 20))
        model.add("Conv", signs(0, 6, 1, 3))
        norm(model, 6, 1)
        weights = int8_weights(model, 6, 6, 3) if int8 else signs(1, 6, 6, 3)
        model.add("Conv", weights, pads=[1, 1])
        network = assert_agrees(model, tmp_path, (1, 20))
        (between,) = narrow_tensors(network)
        assert between.high > 2**13
        assert "reads the sums of another one" in network.notes[0]

    def test_products_of_weights_beyond_8_bits(self, tmp_path: Path) -> None:
        model = Model((1, 20))
        model.add("Conv", int8_weights(model, 4, 1, 3, largest=40))
        model.add("Conv", int8_weights(model, 4, 1, 3, largest=40), group=4)
        network = assert_agrees(model, tmp_path, (1, 20))
        assert narrow_tensors(network) and not network.notes

    def test_too_many_in_a_row_are_refused(self, tmp_path: Path) -> None:
        model = Model((300,))
        for number in range(3):
            model.add("MatMul", signs(number, 300, 300))
            norm(model, 300, number)
        model.add("MatMul", signs(4, 300, 2))
        with pytest.raises(ModelError, match=r"of 90000 inputs of inputs each, for which 16 bits"):
            read_network(model.save(tmp_path), ReadOptions("int8"))


class TestTheRealLimit:
    def test_of_the_scaling_map_of_xnor_net_is_the_product(self, tmp_path: Path) -> None:
        for inner in (False, True):
            model = Model((3, 6, 6))
            if inner:
                model.add("Conv", signs(0, 3, 3, 3, 3), pads=[1] * 4)
            x = model.last
            model.add("Abs")
            model.add("ReduceMean", axes=[1])
            k = model.add("Conv", np.full((1, 1, 3, 3), 1 / 9), pads=[1] * 4)
            model.last = x
            model.sign()
            y = model.add("Conv", signs(1, 4, 3, 3, 3), pads=[1] * 4)
            model.add("Mul", inputs=[y, k])
            with pytest.raises(ModelError, match=r"\(Mul\) multiplies.*products of two activations are not mapped"):
                read_network(model.save(tmp_path), ReadOptions("int8"))

    def test_of_a_mean_over_channels_is_said(self, tmp_path: Path) -> None:
        model = Model((3, 6, 6))
        model.add("Conv", signs(0, 4, 3, 3, 3))
        model.add("ReduceMean", axes=[1])
        model.sign()
        model.add("Conv", signs(1, 2, 1, 4, 4))
        with pytest.raises(ModelError, match=r"reduces the channels of a map; .*1 x 1 convolution"):
            read_network(model.save(tmp_path), ReadOptions("int8"))


def test_two_inputs_joined_into_one_are_taken_apart_again(tmp_path: Path) -> None:
    """The remedy that a model with two inputs is told: a window of a series and four intervals beside it."""
    model = Model((36,))
    whole = model.last
    model.add("Slice", *(model.constant([number], np.int64) for number in (0, 32, 1)))
    model.add("Reshape", model.constant([-1, 1, 32], np.int64))
    model.add("Conv", signs(0, 6, 1, 5), strides=[3])
    model.sign(at_least=True)
    window = model.add("Flatten")
    model.last = whole
    model.add("Slice", *(model.constant([number], np.int64) for number in (32, 36, 1)))
    model.add("MatMul", signs(1, 4, 8))
    intervals = model.sign(at_least=True)
    model.add("Concat", inputs=[window, intervals], axis=1)
    model.add("MatMul", signs(2, 68, 3))
    assert_agrees(model, tmp_path, (36,))
