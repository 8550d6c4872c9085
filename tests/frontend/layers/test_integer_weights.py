"""Which float tensors are weights: signs, signs and zeros, whole numbers of up to 8 bits; what others are called."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import edgebnn
from edgebnn.errors import ModelError
from edgebnn.frontend import ReadOptions, inspect_model, read_network
from edgebnn.frontend.layers.integer_weights import NeitherBinaryNorTernary, integer_weights
from edgebnn.network.types import WeightKind
from tests.frontend.comparison import assert_same_as_onnxruntime
from tests.frontend.onnx_models import Model

RNG = np.random.default_rng(7)


def test_an_integer_network_kept_in_float_tensors_is_exact(tmp_path: Path) -> None:
    """As DORY, NEMO and Deeploy write it: whole weights, then multiply, add, divide by 2^n, floor and clip."""
    model = Model((3, 8, 8))
    model.add("Conv", RNG.integers(-128, 128, (8, 3, 3, 3)), pads=[1, 1, 1, 1])
    model.add("Mul", RNG.integers(1, 200, (1, 8, 1, 1)))
    model.add("Add", RNG.integers(-5000, 5000, (1, 8, 1, 1)))
    model.add("Div", 2.0**16)
    model.add("Floor")
    model.add("Clip", 0.0, 255.0)
    model.add("Flatten")
    model.add("MatMul", RNG.integers(-8, 8, (512, 5)))
    compared = assert_same_as_onnxruntime(model.save(tmp_path), ReadOptions("uint8"))
    assert [layer.weight_kind for layer in compared.network.linear] == [WeightKind.INT8] * 2
    assert compared.excused == 0 and compared.scores_compared and not compared.network.quantised


@pytest.mark.parametrize("largest", [127, -128])
def test_whole_float_weights_of_8_bits_are_int8_of_scale_1(largest: int) -> None:
    found = integer_weights(np.array([[1, largest], [-1, 1]], np.float32))
    assert found.kind is WeightKind.INT8 and found.exact and found.scale.tolist() == [1, 1]
    assert found.integers.tolist() == [[1, largest], [-1, 1]]


@pytest.mark.parametrize("weights", [[[1, 128], [1, 1]], [[1, -129], [1, 1]], [[0.5, 1], [1, 1]]])
def test_others_are_float_weights(weights: list[list[float]]) -> None:
    with pytest.raises(NeitherBinaryNorTernary, match="neither binary nor ternary: 2 different magnitudes"):
        integer_weights(np.array(weights, np.float32))


def test_whole_weights_of_one_magnitude_stay_binary() -> None:
    assert integer_weights(np.array([[3, -3], [1, 1]], np.float32)).kind is WeightKind.BINARY


@pytest.mark.parametrize(("values", "named"), [((-0.7, 0, 1.3), "-0.7, 0 and 1.3"), ((-0.5, 1.1), "-0.5 and 1.1")])
def test_two_levels_of_their_own_are_called_that(values: tuple[float, ...], named: str, tmp_path: Path) -> None:
    """Trained ternary quantisation (TTQ) and AdaBin."""
    model = Model((40,))
    model.add("MatMul", RNG.choice(np.float32(values), (40, 5)))
    path = model.save(tmp_path)
    with pytest.raises(ModelError, match=rf"values {named} \(.*\) have no common scale.*give calibration=x"):
        read_network(path)
    assert len(inspect_model(path).problems) == 1
    samples = RNG.integers(0, 9, (9, 40)).astype(np.float32)
    assert read_network(path, ReadOptions(calibration=samples)).quantised


def test_weights_that_a_zero_point_takes_beyond_int8_are_two_layers_and_their_sum(tmp_path: Path) -> None:
    """As onnxruntime's quantiser writes uint8 weights."""
    model = Model((3, 6, 6), opset=13)
    scale = model.constant(0.02)
    for shape, zero in (((8, 3, 3, 3), 100), ((4, 8, 2, 2), 0)):
        signal, weights = model.last, RNG.integers(0, 256, shape)
        weights.flat[:2] = 0, 255
        inputs = [model.constant(weights, np.uint8), scale, model.constant(zero, np.uint8)]
        model.add("DequantizeLinear", inputs=inputs)
        model.add("Conv", inputs=[signal, model.last], pads=[1, 1, 1, 1])
        model.sign(at_least=True)
    model.add("Flatten")
    model.add("MatMul", np.where(RNG.random((196, 3)) < 0.5, -1, 1))
    path = model.save(tmp_path)
    compared = assert_same_as_onnxruntime(path, ReadOptions("uint8"))
    network = compared.network
    assert [layer.name for layer in network.linear[:2]] == ["node_conv_1", "node_conv_1#2"]
    whole = network.linear[0].weights.astype(int) + network.linear[1].weights
    assert (whole.min(), whole.max()) == (-100, 155) and len(network.linear) == 6
    deployment = edgebnn.compile(path, target="rram130", input_type="uint8")
    x = RNG.integers(0, 256, (6, 3, 6, 6)).astype(np.uint8)
    scores = deployment.run(x, on="reference")
    assert np.array_equal(scores, deployment.run(x, on="fast"))
    assert np.array_equal(scores[:2], deployment.run(x[:2], on="firmware"))


def test_a_negated_input_may_meet_weights_of_minus_128(tmp_path: Path) -> None:
    model = Model((8,))
    model.add("Neg")
    model.add("MatMul", np.where(np.arange(24).reshape(8, 3) == 5, -128, 3))
    assert_same_as_onnxruntime(model.save(tmp_path), ReadOptions("uint8"))
