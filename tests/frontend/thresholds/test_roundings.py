"""What float32 rounds before an ambiguous threshold, and which thresholds lie at a sum that can occur."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from edgebnn.frontend import ReadOptions, read_network
from edgebnn.network.types import Rounding, Threshold
from tests.frontend.comparison import onnxruntime_values
from tests.frontend.onnx_models import Array, Model, signs

OPTIONS = ReadOptions("int8")


def thresholds(model: Model, folder: Path, options: ReadOptions = OPTIONS) -> list[Threshold]:
    network = read_network(model.save(folder), options)
    return [node for node in network.nodes if isinstance(node, Threshold)]


def with_weights(weights: object, inputs: int = 32) -> Model:
    model = Model((inputs,))
    model.add("MatMul", weights)
    return model


def finished(model: Model) -> Model:
    model.sign(at_least=True)
    model.add("MatMul", signs(9, 8, 3))
    return model


def test_scales_in_the_weights(tmp_path: Path) -> None:
    """A sum of zero can occur, and lies at the sign's own step."""
    (step,) = thresholds(finished(with_weights(signs(0, 32, 8) * np.float32(0.3))), tmp_path)
    assert step.roundings == (Rounding.SCALED_WEIGHTS,) and step.ambiguous == step.tied == 8


def test_a_threshold_between_two_sums_is_tied_to_none(tmp_path: Path) -> None:
    """Half a sum's step away there is nothing to tie; float32's bound, of a sum of 4,000 products, reaches so far."""
    model = with_weights(signs(0, 4000, 8) * np.float32(0.3), 4000)
    model.add("Add", np.float32(0.3) * np.full(8, 0.98))
    (step,) = thresholds(finished(model), tmp_path)
    assert step.ambiguous == 8 and step.tied == 0


def test_powers_of_two_round_nothing(tmp_path: Path) -> None:
    (step,) = thresholds(finished(with_weights(signs(0, 32, 8) * np.float32(0.25))), tmp_path)
    assert step.ambiguous == step.tied == 0 and step.roundings == ()


def test_scaled_inputs(tmp_path: Path) -> None:
    model = Model((32,))
    model.add("Mul", np.float32(1 / 255))
    model.add("MatMul", signs(0, 32, 8))
    (step,) = thresholds(finished(model), tmp_path, ReadOptions("uint8"))
    assert step.ambiguous and step.roundings == (Rounding.SCALED_INPUT,)


def test_pairs_of_quantisers(tmp_path: Path) -> None:
    model = Model((32,), opset=17)
    scale, zero = model.constant(0.043), model.constant(0, np.int8)
    for operator in ("QuantizeLinear", "DequantizeLinear"):
        model.add(operator, scale, zero)
    signal, weights = model.last, model.constant(np.random.default_rng(0).integers(-99, 99, (32, 8)), np.int8)
    model.add("DequantizeLinear", inputs=[weights, model.constant(0.011), zero])
    model.add("MatMul", inputs=[signal, model.last])
    (step,) = thresholds(finished(model), tmp_path, ReadOptions())
    assert step.roundings[0] is Rounding.INT8_WEIGHTS and len(step.roundings) == 2 and step.ambiguous


def branches(scales: tuple[float, float]) -> Model:
    """Two layers of the input, each times a scale, added."""
    model, sums = Model((32,)), []
    for seed, scale in enumerate(scales):
        model.last = "x"
        model.add("MatMul", signs(seed, 32, 8))
        sums.append(model.add("Mul", np.float32(scale)))
    model.add("Add", inputs=sums)
    return model


def test_branches_of_unequal_scales(tmp_path: Path) -> None:
    (step,) = thresholds(finished(branches((0.3, 0.7))), tmp_path)
    assert step.ambiguous and step.roundings == (Rounding.JOINT,)


def test_a_mean_of_seven(tmp_path: Path) -> None:
    model = Model((4, 7))
    model.add("Conv", signs(0, 8, 4, 1))
    model.add("GlobalAveragePool")
    model.add("Flatten")
    model.add("Sub", np.float32(1 / 7) * np.arange(8))
    (step,) = thresholds(finished(model), tmp_path)
    assert step.roundings == ((Rounding.MEAN,) if step.ambiguous else ())


@pytest.mark.parametrize("features", [257, 600])
def test_a_bias_that_gemm_adds_first(tmp_path: Path, features: int) -> None:
    model = Model((features,))
    bias = np.random.default_rng(0).standard_normal(8).astype(np.float32) * np.float32(1e-3)
    model.add("Gemm", signs(0, features, 8), bias)
    steps = thresholds(finished(model), tmp_path)
    assert steps[0].roundings == ((Rounding.BIAS_FIRST,) if steps[0].ambiguous else ())


def unequal(scales: Array) -> Model:
    model = Model(scales.shape)
    model.add("Mul", scales)
    model.add("MatMul", signs(0, len(scales), 8))
    return model


def test_unequal_scales_of_a_neurons_inputs(tmp_path: Path) -> None:
    """The band holds what onnxruntime's sums are off, and few of the values that they can have lie in it."""
    model = unequal(np.random.default_rng(0).uniform(0.002, 0.02, 64).astype(np.float32))
    sums = model.last
    (step,) = thresholds(finished(model), tmp_path, ReadOptions("uint8"))
    assert step.ambiguous == 8 and step.roundings == (Rounding.UNEQUAL_SCALES,)
    x = np.random.default_rng(1).integers(0, 256, (300, 64)).astype(np.float32)
    theirs = onnxruntime_values(tmp_path / "model.onnx", x)[sums]
    scales = onnx.numpy_helper.to_array(onnx.load(tmp_path / "model.onnx").graph.initializer[0]).astype(np.float64)
    off = np.abs(x.astype(np.float64) * scales @ signs(0, 64, 8) - theirs)
    assert 0 < off.max() <= step.band < 1e-3 and 0 < step.band_share < 1e-4


def test_multiples_of_one_power_of_two_leave_no_value_in_the_band(tmp_path: Path) -> None:
    model = unequal(np.random.default_rng(0).integers(1, 100, 64).astype(np.float32) / 1024)
    (step,) = thresholds(finished(model), tmp_path, ReadOptions("uint8"))
    assert step.ambiguous == step.band == step.band_share == 0


def test_a_mean_of_fewer_values_at_the_border(tmp_path: Path) -> None:
    """Its sums are brought on one divisor, by whole factors that round nothing: no branches meet there."""
    model = Model((2, 6, 6))
    model.add("Conv", signs(0, 4, 2, 3, 3))
    model.add("Mul", np.float32(0.3))
    model.add("AveragePool", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4, ceil_mode=1)
    model.sign(at_least=True)
    model.add("GlobalMaxPool")
    model.add("Flatten")
    model.add("MatMul", signs(9, 4, 3))
    (step,) = thresholds(model, tmp_path)
    assert step.ambiguous and step.roundings == (Rounding.MEAN,)


def test_a_smooth_function_is_approximated(tmp_path: Path) -> None:
    model = with_weights(signs(0, 32, 8))
    model.add("Sigmoid")
    model.add("Sub", np.float32(1 / (1 + np.exp(-np.float64(2)))))
    (step,) = thresholds(finished(model), tmp_path)
    assert step.ambiguous == 8 and step.roundings[-1] is Rounding.CURVE
