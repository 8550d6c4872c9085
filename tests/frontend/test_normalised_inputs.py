"""Inputs that a model normalises before its first layer, padded with 0 behind that, as everybody trains them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebnn.frontend import ReadOptions, read_network
from edgebnn.network import WeightKind
from edgebnn.network.interpreter import trace
from tests.frontend.comparison import assert_same_as_onnxruntime, onnxruntime_values
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


def test_scales_on_one_grid_are_taken_into_int8_weights_exactly(tmp_path: Path) -> None:
    network = assert_same_as_onnxruntime(net(0.5, np.array([1, 2, 4]), channels=3).save(tmp_path), BYTES).network
    assert network.linear[0].weight_kind is WeightKind.INT8 and not network.quantised
    assert sorted(np.unique(np.abs(network.linear[0].weights)).tolist()) == [1, 2, 4]
    assert any("exactly; it became int8" in note for note in network.notes)


def test_other_scales_are_rounded_with_a_note(tmp_path: Path) -> None:
    path = net(MEAN, DEVIATION, channels=3).save(tmp_path)
    network = read_network(path, BYTES)
    assert network.linear[0].weight_kind is WeightKind.INT8 and network.quantised == ("node_conv_2",)
    assert any("rounded to 8 bits" in note for note in network.notes)
    x = random_inputs(network, 0, 64)
    name = next(node.output.name for node in network.nodes if node.kind == "threshold")
    ours, theirs = trace(network, x)[name], onnxruntime_values(path, x)[name]
    assert np.mean(ours != theirs) < 0.005


@st.composite
def normalisations(draw: st.DrawFn) -> tuple[Model, ReadOptions]:
    """Scalar normalisations in front of any padded window of one or two axes, binary or int8 weights, in groups."""
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
    mean = draw(numbers) if draw(st.booleans()) else np.array([draw(numbers) for _ in range(channels)])
    options = ReadOptions(
        draw(st.sampled_from(["uint8", "int8", "int12", "uint1"])),
        draw(st.sampled_from([Fraction(1, 255), Fraction(1), Fraction(3, 2000)])),
    )
    return net(mean, draw(numbers), spatial, channels, groups, window, weights, seed), options


@settings(deadline=None, max_examples=60)
@given(drawn=normalisations())
def test_any_normalisation_equals_onnxruntime(
    drawn: tuple[Model, ReadOptions], tmp_path_factory: pytest.TempPathFactory
) -> None:
    model, options = drawn
    assert_same_as_onnxruntime(model.save(tmp_path_factory.mktemp("normalised")), options, batch=8)
