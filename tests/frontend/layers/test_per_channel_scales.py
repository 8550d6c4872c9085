"""Activations with a scale for each channel, in front of depthwise and grouped layers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import edgebnn
from edgebnn.frontend import ReadOptions, read_network
from edgebnn.frontend.algebra.float32 import UNIT
from edgebnn.frontend.layers.summation_error import dot_error
from edgebnn.network import Affine
from edgebnn.network.interpreter import interpret
from tests.frontend.comparison import assert_same_as_onnxruntime, onnxruntime_values
from tests.frontend.onnx_models import Model, signs

SCALES = np.array([0.1, 0.23, 0.37, 0.51, 0.7, 1.1, 0.05, 0.29], np.float32)
OPTIONS = ReadOptions("int6")


def stepped(scales: npt.NDArray[np.float32], zero: int = 0) -> Model:
    """A convolution, and its sums quantised with these scales, one for each channel."""
    model = Model((1, 7, 7), opset=17)
    model.add("Conv", signs(0, 8, 1, 3, 3), pads=[1, 1, 1, 1])
    points = model.constant(np.full(8, zero), np.uint8)
    steps = model.constant(scales * np.float32(0.25))
    model.add("QuantizeLinear", steps, points, axis=1)
    model.add("DequantizeLinear", steps, points, axis=1)
    return model


def finished(model: Model, groups: int, inputs: int, folder: Path, **attributes: object) -> Path:
    model.add("Conv", signs(1, 16, inputs, 3, 3), group=groups, **attributes)
    model.sign(at_least=True)
    model.add("GlobalAveragePool")
    model.add("Flatten")
    model.add("MatMul", signs(2, 16, 3))
    return model.save(folder)


@pytest.mark.parametrize("pads", [[0, 0, 0, 0], [1, 1, 1, 1]])
def test_a_depthwise_layer_takes_the_scales_into_its_weights(tmp_path: Path, pads: list[int]) -> None:
    path = finished(stepped(SCALES), 8, 1, tmp_path, pads=pads)
    compared = assert_same_as_onnxruntime(path, OPTIONS, batch=64)
    assert compared.scores_compared or compared.excused
    assert compared.network.linear[1].kind == "depthwise2d"


def test_its_sums_are_integers_times_their_channels_scale(tmp_path: Path) -> None:
    """The depthwise sums are the scores: each has its own scale."""
    model = stepped(SCALES)
    model.add("Conv", signs(1, 8, 1, 7, 7), group=8)
    model.add("Flatten")
    path = model.save(tmp_path)
    network = read_network(path, OPTIONS)
    x = np.random.default_rng(0).integers(-32, 32, (50, 1, 7, 7)).astype(np.float32)
    scores = interpret(network, x) * network.output.scale
    assert np.abs(scores - onnxruntime_values(path, x)[model.last]).max() <= network.score_error


def test_signs_of_one_magnitude_each_are_bits(tmp_path: Path) -> None:
    model = Model((1, 7, 7), opset=17)
    model.add("Conv", signs(0, 8, 1, 3, 3), pads=[1, 1, 1, 1])
    condition = model.add("GreaterOrEqual", 0.0)
    alpha = SCALES.reshape(1, 8, 1, 1)
    model.add("Where", inputs=[condition, model.constant(alpha), model.constant(-alpha)])
    model.add("MaxPool", kernel_shape=[2, 2])
    path = finished(model, 8, 1, tmp_path)
    compared = assert_same_as_onnxruntime(path, OPTIONS, batch=64)
    assert compared.network.tensors[compared.network.linear[1].sources[0]].kind.value == "bits"
    x = np.random.default_rng(1).integers(-32, 32, (20, 1, 7, 7)).astype(np.float32)
    deployment = edgebnn.compile(path, target="rram130", input_type="int6")
    assert np.array_equal(deployment.run(x, on="reference"), deployment.run(x, on="fast"))


@pytest.mark.parametrize(("scales", "groups"), [(np.repeat(SCALES[:4], 2), 4), (SCALES, 4), (SCALES, 1)])
def test_groups_of_one_scale_are_read_as_they_are_and_others_on_one_grid(
    tmp_path: Path, scales: npt.NDArray[np.float32], groups: int
) -> None:
    path = finished(stepped(scales), groups, 8 // groups, tmp_path)
    network = assert_same_as_onnxruntime(path, OPTIONS, batch=64).network
    assert any(isinstance(node, Affine) for node in network.nodes[:-1]) == (scales is SCALES)
    assert network.linear[1].weight_kind.value == "binary"


def test_one_large_channel_does_not_make_the_bound_of_all_others(tmp_path: Path) -> None:
    """Means and deviations of 300 features, one of which hardly varies."""
    rng = np.random.default_rng(0)
    deviation = rng.uniform(20, 100, 300).astype(np.float32)
    deviation[7] = 0.05
    model = Model((300,))
    model.add("Sub", rng.uniform(0, 255, 300).astype(np.float32))
    model.add("Div", deviation)
    model.add("MatMul", signs(1, 300, 4))
    path = model.save(tmp_path)
    network = read_network(path, ReadOptions("uint8"))
    x = rng.integers(0, 256, (100, 300)).astype(np.float32)
    seen = np.abs(interpret(network, x) * network.output.scale - onnxruntime_values(path, x)[model.last]).max()
    of_one_for_all = 150 * UNIT * 300 * (255 / deviation).max()
    assert seen <= network.score_error < of_one_for_all / 20


@pytest.mark.parametrize("seed", range(5))
def test_no_order_of_a_sum_rounds_more_than_the_bound(seed: int) -> None:
    """float32 adds one after the other, the largest first, which is the worst order."""
    rng = np.random.default_rng(seed)
    weights = rng.integers(-128, 128, (3, 2, 20)).astype(np.int8)
    weights[0] = rng.choice(np.array([-1, 0, 1], np.int8), size=(2, 20))
    largest = np.exp(rng.normal(0, 3, 6))
    bound = dot_error(weights, largest, groups=3)
    for neuron, given in enumerate(weights):
        scale = np.repeat(largest[2 * neuron : 2 * neuron + 2], 20).reshape(2, 20)
        products = (np.abs(given.astype(np.float64)) * scale).reshape(-1).astype(np.float32)
        for order in (np.argsort(-products), rng.permutation(len(products))):
            total = np.float32(0)
            for product in products[order]:
                total = np.float32(total + product)
            assert abs(float(total) - float(products.astype(np.float64).sum())) <= bound[neuron]
