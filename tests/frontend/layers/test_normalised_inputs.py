"""Inputs that a model normalises before its first layer, padded with 0 behind that, as everybody trains them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

from edgebnn.frontend import ReadOptions
from edgebnn.network import Affine, Threshold, WeightKind
from edgebnn.network.interpreter import trace
from tests.frontend.comparison import assert_same_as_onnxruntime
from tests.frontend.onnx_models import Array, Model, signs
from tests.networks import random_inputs

BYTES = ReadOptions("uint8", Fraction(1, 255))
MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def per_channel(values: Array, rank: int) -> Array:
    return np.asarray(values, np.float32).reshape(-1, *(1,) * rank)


def net(
    mean: Array | float,
    deviation: Array | float,
    spatial: tuple[int, ...] = (8, 9),
    channels: int = 1,
    groups: int = 1,
    window: dict[str, list[int]] | None = None,
    weights: Array | None = None,
    seed: int = 0,
) -> Model:
    """(x - mean) / deviation, a convolution padded with zeros, batch norm, sign, and a second convolution."""
    rng, rank = np.random.default_rng(seed), len(spatial)
    model = Model((channels, *spatial))
    model.add("Sub", mean if np.ndim(mean) == 0 else per_channel(mean, rank))
    model.add("Div", deviation if np.ndim(deviation) == 0 else per_channel(deviation, rank))
    if weights is None:
        weights = signs(seed, 4 * groups, channels // groups, *(3,) * rank)
    model.add("Conv", weights, group=groups, **(window or {"pads": [1] * 2 * rank}))
    neurons = len(weights)
    gamma, beta, center = (rng.uniform(0.5, 2, neurons), rng.normal(size=neurons), 3 * rng.normal(size=neurons))
    model.batch_norm(*(each.astype(np.float32) for each in (gamma, beta, center, rng.uniform(1, 2, neurons))))
    model.sign(at_least=True)
    model.add("Conv", signs(seed + 1, 3, neurons, *(1,) * rank))
    return model


@pytest.mark.parametrize(("mean", "deviation", "shift"), [(0.5, 0.5, 1), (0.25, 4.0, 2), (0.1307, 0.3081, 14)])
@pytest.mark.parametrize("channels", [1, 3])
def test_one_normalisation_leaves_the_weights_binary(
    tmp_path: Path, mean: float, deviation: float, shift: int, channels: int
) -> None:
    compared = assert_same_as_onnxruntime(net(mean, deviation, channels=channels).save(tmp_path), BYTES, batch=64)
    layer = compared.network.linear[0]
    assert layer.weight_kind is WeightKind.BINARY and layer.pad_value == 0
    assert layer.border is not None and layer.border.shift == shift - (shift == 14 and channels == 3)
    assert compared.scores_compared and not compared.network.quantised


def test_a_mean_that_is_an_integer_of_the_sensor_pads_with_it(tmp_path: Path) -> None:
    network = assert_same_as_onnxruntime(net(0.2, 0.1).save(tmp_path), ReadOptions("uint8", Fraction(1, 5))).network
    assert network.linear[0].border is not None  # float32's 0.2 is no fifth
    network = assert_same_as_onnxruntime(net(0.5, 0.1).save(tmp_path), ReadOptions("uint8", Fraction(1, 2))).network
    assert (network.linear[0].pad_value, network.linear[0].border) == (1, None)


def test_batch_norm_on_the_raw_input(tmp_path: Path) -> None:
    model = Model((2, 20))
    model.batch_norm(*(np.array(each, np.float32) for each in ([1.5, -1.5], [0.2, 0.1], [0.4, 0.6], [0.1, 0.1])))
    model.add("Conv", signs(0, 5, 2, 5), pads=[2, 2], strides=[2])
    model.sign()
    model.add("Flatten")
    model.add("MatMul", signs(1, 50, 3))
    compared = assert_same_as_onnxruntime(model.save(tmp_path), BYTES, batch=64)
    layer = compared.network.linear[0]
    assert compared.scores_compared and layer.weight_kind is WeightKind.BINARY and layer.border is not None
    assert np.array_equal(layer.weights[:, 1], -signs(0, 5, 2, 5)[:, 1])


def test_a_depthwise_layer_takes_each_channels_scale_exactly(tmp_path: Path) -> None:
    compared = assert_same_as_onnxruntime(net(MEAN, DEVIATION, channels=3, groups=3).save(tmp_path), BYTES, batch=64)
    assert compared.scores_compared and compared.network.linear[0].weight_kind is WeightKind.BINARY


def test_scales_with_a_common_unit_leave_the_weights_binary_exactly(tmp_path: Path) -> None:
    network = assert_same_as_onnxruntime(net(0.5, np.array([1, 2, 4]), channels=3).save(tmp_path), BYTES).network
    assert network.linear[0].weight_kind is WeightKind.BINARY and not network.quantised
    grid = network.nodes[0]
    assert isinstance(grid, Affine) and grid.multiplier.ravel().tolist() == [4, 2, 1] and grid.shift == 0
    assert any("integers of 10 bits hold them exactly" in note for note in network.notes)


def batch_normalised(*gamma: float) -> Model:
    """Batch norm on a raw map whose channels have scales of their own, some of them negative, and a layer behind it."""
    rng, channels = np.random.default_rng(1), len(gamma)
    model = Model((channels, 6, 6))
    mean, variance = rng.uniform(0, 1, channels), rng.uniform(0.1, 1, channels)
    each = (np.array(gamma), rng.normal(size=channels), mean, variance)
    model.batch_norm(*(part.astype(np.float32) for part in each))
    model.add("Conv", signs(2, 5, channels, 3, 3), strides=[2, 2], pads=[0, 1, 1, 0])
    model.add("Sub", 0.7)
    model.sign(at_least=True)
    model.add("Conv", signs(3, 2, 5, 1, 1))
    return model


def flattened() -> Model:
    """Colours with deviations of their own in front of a dense layer on the flattened picture."""
    model = Model((3, 4, 5))
    model.add("Sub", per_channel(MEAN, 2))
    model.add("Div", per_channel(DEVIATION, 2))
    model.add("Flatten")
    model.add("MatMul", signs(4, 60, 7))
    model.add("Add", np.linspace(-3, 3, 7, dtype=np.float32))
    model.sign()
    model.add("MatMul", signs(5, 7, 2))
    return model


def behind_a_quantiser() -> Model:
    """The model's own quantiser of its input, and a normalisation behind it."""
    model = Model((3, 6, 6), opset=19)
    scale, zero = model.constant(1 / 64), model.constant(128, np.uint8)
    model.add("QuantizeLinear", scale, zero)
    model.add("DequantizeLinear", scale, zero)
    model.add("Mul", per_channel([1.5, -0.7321, 1.1234], 2))
    model.add("Conv", signs(6, 4, 3, 3, 3))
    model.add("Add", 0.3127)
    model.sign()
    model.add("Conv", signs(7, 2, 4, 1, 1))
    return model


def float64_values(model: Model, x: Array) -> dict[str, Array]:
    """Every value of a model by name, its operators computed in float64."""
    proto = model.proto()
    for node in proto.graph.node:
        proto.graph.output.extend(onnx.ValueInfoProto(name=name) for name in node.output)
    for constant in proto.graph.initializer:
        if constant.data_type == onnx.TensorProto.FLOAT:
            constant.CopyFrom(
                numpy_helper.from_array(numpy_helper.to_array(constant).astype(np.float64), constant.name)
            )
    names = [name for node in proto.graph.node for name in node.output]
    return dict(zip(names, ReferenceEvaluator(proto).run(names, {"x": x.astype(np.float64)}), strict=True))


CIFAR = np.array([0.2470, 0.2435, 0.2616])
LEADS = np.random.default_rng(3).uniform(0.2, 3, 12)
OF_SEVERAL_SCALES = {
    "ImageNet": (net(MEAN, DEVIATION, channels=3), BYTES),
    "CIFAR-10": (net([0.4914, 0.4822, 0.4465], CIFAR, channels=3, window={"strides": [2, 2]}), BYTES),
    "12 leads": (net(0.1, LEADS, (40,), 12), ReadOptions("int12", Fraction(1, 200))),
    "16 bits": (net(0.1, DEVIATION, channels=3), ReadOptions("uint16", Fraction(1, 65535))),
    "int8 input": (net(0.0, DEVIATION, channels=3), ReadOptions("int8", Fraction(1, 128))),
    "groups": (net(0.3, np.array([1, 0.3, 0.7, 0.7, 5, 0.9]), channels=6, groups=3), BYTES),
    "int8 weights": (
        net(MEAN, DEVIATION, channels=3, weights=np.random.default_rng(8).integers(-90, 128, (4, 3, 3, 3))),
        BYTES,
    ),
    "batch norm": (batch_normalised(1.5, -0.4, 2.2, -0.01), BYTES),
    "dense": (flattened(), BYTES),
    "quantiser": (behind_a_quantiser(), ReadOptions()),
}


@pytest.mark.parametrize(("model", "options"), OF_SEVERAL_SCALES.values(), ids=OF_SEVERAL_SCALES)
def test_channels_of_several_scales_are_decided_as_real_numbers_are(
    tmp_path: Path, model: Model, options: ReadOptions
) -> None:
    path = model.save(tmp_path)
    compared = assert_same_as_onnxruntime(path, options, batch=32)
    network = compared.network
    assert not network.quantised and any("scales of their own" in note for note in network.notes)
    x = random_inputs(network, 0, 64)
    values, real = trace(network, x), float64_values(model, x)
    name = next(node.output.name for node in network.nodes if isinstance(node, Threshold) and node.output.name in real)
    assert np.array_equal(values[name], real[name].reshape(values[name].shape))


@pytest.mark.parametrize("axis", [1, 2])
def test_colours_along_another_axis_than_the_first_are_normalised_before_the_transpose(
    tmp_path: Path, axis: int
) -> None:
    """A picture as cameras give it, (rows, columns, colours), or with the colours of each row together."""
    order = [2, 0, 1] if axis == 2 else [1, 0, 2]
    shape = [5, 6, 7]
    shape[axis] = 3
    model = Model(tuple(shape))
    for operator, values in (("Sub", MEAN), ("Div", DEVIATION)):
        model.add(operator, np.moveaxis(per_channel(values, 2), 0, axis))
    model.add("Transpose", perm=[0, *(1 + place for place in order)])
    model.add("Conv", signs(0, 4, 3, 3, 3))
    model.sign(at_least=True)
    model.add("Conv", signs(1, 3, 4, 1, 1))
    compared = assert_same_as_onnxruntime(model.save(tmp_path), BYTES, batch=32)
    assert compared.network.inputs[0].tensor.shape == tuple(shape[place] for place in order)


@st.composite
def normalisations(draw: st.DrawFn) -> tuple[Model, ReadOptions]:
    """Normalisations in front of any padded window of one or two axes, binary or int8 weights, in groups."""
    rank, groups = draw(st.integers(1, 2)), draw(st.integers(1, 3))
    kernel = [draw(st.integers(1, 4)) for _ in range(rank)]
    dilations = [draw(st.integers(1, 2)) for _ in range(rank)]
    spatial = tuple(draw(st.integers(1 + d * (k - 1), 12)) for k, d in zip(kernel, dilations, strict=True))
    window = {
        "pads": [draw(st.integers(0, 4)) for _ in range(2 * rank)],
        "strides": [draw(st.integers(1, 3)) for _ in range(rank)],
        "dilations": dilations,
    }
    seed, channels = draw(st.integers(0, 2**16)), groups * draw(st.integers(1, 2))
    weights = signs(seed, 2 * groups, channels // groups, *kernel)
    if draw(st.booleans()):
        weights = np.random.default_rng(seed).integers(-128, 128, weights.shape).astype(np.float32)
    numbers = st.floats(1 / 64, 3, width=32)
    mean, deviation = (
        draw(numbers) if draw(st.booleans()) else np.array([draw(numbers) for _ in range(channels)]) for _ in range(2)
    )
    options = ReadOptions(
        draw(st.sampled_from(["uint8", "int8", "int12", "uint1"])),
        draw(st.sampled_from([Fraction(1, 255), Fraction(1), Fraction(3, 2000)])),
    )
    return net(mean, deviation, spatial, channels, groups, window, weights, seed), options


@settings(deadline=None, max_examples=60)
@given(drawn=normalisations())
def test_any_normalisation_equals_onnxruntime(
    drawn: tuple[Model, ReadOptions], tmp_path_factory: pytest.TempPathFactory
) -> None:
    model, options = drawn
    assert_same_as_onnxruntime(model.save(tmp_path_factory.mktemp("normalised")), options, batch=8)
