"""ONNX's quantisation: each operator against onnxruntime and onnx.reference, with exact ties, zeros and saturation."""

from __future__ import annotations

from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from edgebnn.errors import ModelError
from edgebnn.frontend import ReadOptions, read_network
from edgebnn.frontend.onnx.graph import Array
from edgebnn.frontend.onnx.tensors import TensorReader
from edgebnn.frontend.operations import Elementwise, Knowing, Quantised
from edgebnn.frontend.problems import Refusal
from edgebnn.network.interpreter import interpret
from tests.frontend.comparison import assert_same_as_onnxruntime, onnxruntime_values
from tests.frontend.one_node import by_onnxruntime, by_reference
from tests.frontend.onnx_models import Model
from tests.frontend.recognised import carried_out, node_of, recognise
from tests.saturation import widest_weight

EIGHT = ("int8", "uint8")
NARROW = ("int4", "uint4", "int2", "uint2")


def floats(*values: float) -> Array:
    return np.array(values, np.float32)


def narrow(values: Any, name: str) -> Array:
    """An array of a type of less than a byte, as the reader of models gives it."""
    values = np.asarray(values)
    tensor = helper.make_tensor("t", getattr(TensorProto, name.upper()), values.shape, values.reshape(-1).tolist())
    return TensorReader(Path()).array(tensor, "t")


def typed(values: Any, name: str) -> Array:
    return narrow(values, name) if name in NARROW else np.asarray(values, name)


def points(scale: float, shape: tuple[int, ...] = (2, 3, 8, 25)) -> Array:
    """Every tie of a scale, and values around them and far away."""
    ties = np.arange(-600, 600, dtype=np.float32) / np.float32(2) * np.float32(scale)
    values = np.resize(ties, shape)
    values[1:] = np.resize(np.nextafter(ties, np.float32(np.inf)), shape)[1:]
    values[0, 0, 0, :4] = floats(0, -0.0, 1e30, -1e30)
    return values


class TestQuantizeLinear:
    """Signals and constants."""

    @pytest.mark.parametrize("name", EIGHT)
    @pytest.mark.parametrize("zero", [0, 3, 7])
    @pytest.mark.parametrize("scale", [1.0, 0.25, 0.1])
    def test_of_a_tensor_equals_onnxruntime_and_the_reference(self, name: str, zero: int, scale: float) -> None:
        x, node = points(scale), node_of("QuantizeLinear", operands=3)
        operands = [x, floats(scale).reshape(()), typed(zero, name)]
        operation = recognise(node, {0: x}, dict(enumerate(operands[1:], start=1)))
        assert isinstance(operation, Elementwise) and operation.result == "integer"
        result = carried_out(operation, x)
        assert np.array_equal(result, by_onnxruntime(node, operands))
        finite = np.abs(x) < 1e9  # the reference wraps beyond int32
        assert np.array_equal(result[finite], by_reference(node, operands)[finite])
        known = recognise(node, {}, dict(enumerate(operands)))
        assert isinstance(known, Knowing) and isinstance(known.value, np.ndarray)
        assert np.array_equal(known.value, result) and known.value.dtype.kind == "i"

    @pytest.mark.parametrize("axis", [1, -3])
    def test_of_channels(self, axis: int) -> None:
        x, node = points(0.3), node_of("QuantizeLinear", operands=3, axis=axis)
        operands = [x, floats(0.3, 0.5, 1.1), np.array([0, -3, 5], np.int8)]
        result = carried_out(recognise(node, {0: x}, dict(enumerate(operands[1:], start=1))), x)
        assert np.array_equal(result, by_onnxruntime(node, operands))

    @pytest.mark.parametrize("name", NARROW)
    def test_to_less_than_a_byte_saturates_at_its_range(self, name: str) -> None:
        x, node = points(0.5), node_of("QuantizeLinear", operands=3)
        x = np.clip(x, -1000, 1000)
        operands = [x, floats(0.5).reshape(()), narrow(1, name)]
        result = carried_out(recognise(node, {0: x}, dict(enumerate(operands[1:], start=1))), x)
        assert np.array_equal(result, by_reference(node, operands, 25).astype(np.int32))
        bits = int(name[-1])
        assert result.max() - result.min() == 2**bits - 1

    def test_without_a_zero_point(self) -> None:
        x = points(1)
        plain = node_of("QuantizeLinear", operands=2)
        result = carried_out(recognise(plain, {0: x}, {1: floats(1)}), x)
        assert result.min() == 0 and result.max() == 255
        told = node_of("QuantizeLinear", operands=2, output_dtype=int(TensorProto.INT4))
        result = carried_out(recognise(told, {0: x}, {1: floats(1)}), x)
        assert result.min() == -8 and result.max() == 7

    def test_weights_of_sixteen_bits(self) -> None:
        w, node = points(0.01), node_of("QuantizeLinear", operands=3)
        operands = [np.clip(w, -9, 9), floats(0.001), np.array([5], np.int16)]
        known = recognise(node, {}, dict(enumerate(operands)))
        assert isinstance(known, Knowing)
        assert np.array_equal(known.value, by_reference(node, [operands[0], operands[1].reshape(()), operands[2][0]]))


class TestDequantizeLinear:
    """Signals and constants."""

    @pytest.mark.parametrize("name", [*EIGHT, "int16", "uint16", *NARROW])
    def test_every_integer_of_a_type(self, name: str) -> None:
        low, high = (
            (0, 2 ** int(name[4:]) - 1)
            if name[0] == "u"
            else (-(2 ** (int(name[3:]) - 1)), 2 ** (int(name[3:]) - 1) - 1)
        )
        x = typed(np.arange(low, high + 1), name)
        node, scale, zero = node_of("DequantizeLinear", operands=3), floats(0.37).reshape(()), typed(1, name)
        expected = by_reference(node, [x, scale, zero], 25)
        known = recognise(node, {}, {0: x, 1: scale, 2: zero})
        assert isinstance(known, Knowing) and isinstance(known.value, Quantised)
        assert np.array_equal(known.value.values, expected)
        assert np.array_equal(known.value.integers, np.arange(low, high + 1) - 1)
        operation = recognise(node, {0: x}, {1: scale, 2: zero})
        assert isinstance(operation, Elementwise) and operation.takes == ("integer",)
        assert np.array_equal(carried_out(operation, x.astype(np.float32)), expected)

    @pytest.mark.parametrize("axis", [0, 1, -1])
    def test_weights_with_a_scale_for_each_of_an_axis(self, axis: int) -> None:
        rng = np.random.default_rng(0)
        w = rng.integers(-128, 128, (4, 4, 4)).astype(np.int8)
        scale, zero = rng.random(4).astype(np.float32) + np.float32(0.1), rng.integers(-4, 5, 4).astype(np.int8)
        node = node_of("DequantizeLinear", operands=3, axis=axis)
        known = recognise(node, {}, {0: w, 1: scale, 2: zero})
        assert isinstance(known, Knowing) and isinstance(known.value, Quantised)
        assert np.array_equal(known.value.values, by_onnxruntime(node, [w, scale, zero]))

    def test_a_bias_in_int32(self) -> None:
        bias = np.array([2**30 + 1, -5, 0, 77], np.int32)
        node, scale = node_of("DequantizeLinear", operands=2), floats(1e-4).reshape(())
        known = recognise(node, {}, {0: bias, 1: scale})
        assert isinstance(known, Knowing) and isinstance(known.value, Quantised)
        assert np.array_equal(known.value.values, by_onnxruntime(node, [bias, scale]))

    def test_a_clip_between_the_two_stays_in_integers(self) -> None:
        x = np.arange(-128, 128, dtype=np.float32)
        low, high = np.array(-2, np.int8), np.array(1, np.int8)
        clip = recognise(node_of("Clip", operands=3), {0: x}, {1: low, 2: high})
        assert isinstance(clip, Elementwise) and (clip.takes, clip.result) == (("integer",), "integer")
        assert np.array_equal(carried_out(clip, x), np.clip(x, -2, 1))


def operands_of(rng: np.random.Generator, name: str, weights: tuple[int, ...], scales: Any, zero: int) -> list[Array]:
    """Scales and zero points of input, weights and output, with many exact ties where scales are powers of two."""
    input_scale, weight_scale, output_scale = scales
    low, high = (0, 256) if name == "uint8" else (-128, 128)
    return [
        floats(input_scale).reshape(()),
        np.array(rng.integers(low, high) // 8, name),
        rng.integers(low, high, weights).astype(name),
        np.asarray(weight_scale, np.float32),
        np.array(1, name),
        floats(output_scale).reshape(()),
        np.array(zero, name),
    ]


POWERS = (0.5, 0.25, 4.0)
ODD = (0.037, 0.011, 0.51)


class TestLayersOfIntegers:
    """Against onnxruntime to the bit; against onnx.reference where no exact half and no float32 rounding is near."""

    @pytest.mark.parametrize(("name", "scales", "zero"), [*product(EIGHT, (POWERS, ODD), (0, 3, 4))])
    def test_qlinear_matmul(self, name: str, scales: tuple[float, ...], zero: int) -> None:
        rng = np.random.default_rng(zero)
        x = rng.integers(0 if name == "uint8" else -100, 100, (64, 9)).astype(name)
        given = operands_of(rng, name, (9, 7), scales, zero)
        node = node_of("QLinearMatMul", operands=8)
        operation = recognise(node, {0: x}, dict(enumerate(given, start=1)))
        result = carried_out(operation, x)
        assert np.array_equal(result, by_onnxruntime(node, [x, *given]))
        assert np.abs(result - by_reference(node, [x, *given])).max() <= (zero % 2)

    @pytest.mark.parametrize("name", EIGHT)
    def test_qlinear_matmul_with_a_scale_for_each_output(self, name: str) -> None:
        rng = np.random.default_rng(5)
        x = rng.integers(0, 100, (64, 9)).astype(name)
        given = operands_of(rng, name, (9, 7), (0.037, rng.random(7) / 10 + 0.01, 0.5), 3)
        given[4] = np.resize(np.array([1, 0, 3], name), 7)
        node = node_of("QLinearMatMul", operands=8)
        result = carried_out(recognise(node, {0: x}, dict(enumerate(given, start=1))), x)
        assert np.array_equal(result, by_onnxruntime(node, [x, *given]))

    @pytest.mark.parametrize(("name", "scales", "zero"), [*product(EIGHT, (POWERS, ODD), (0, 3))])
    def test_qlinear_conv(self, name: str, scales: tuple[float, ...], zero: int) -> None:
        rng = np.random.default_rng(zero)
        x = rng.integers(0 if name == "uint8" else -100, 100, (3, 4, 9, 8)).astype(name)
        given = operands_of(rng, name, (6, 2, 3, 3), scales, zero)
        bias = rng.integers(-5000, 5000, 6).astype(np.int32)
        node = node_of("QLinearConv", operands=9, group=2, pads=[1, 1, 0, 1], strides=[2, 1], kernel_shape=[3, 3])
        result = carried_out(recognise(node, {0: x}, dict(enumerate([*given, bias], start=1))), x)
        assert np.array_equal(result, by_onnxruntime(node, [x, *given, bias]))

    def test_qlinear_conv_with_a_scale_for_each_output(self) -> None:
        rng = np.random.default_rng(6)
        x = rng.integers(0, 256, (2, 3, 6, 6)).astype(np.uint8)
        given = operands_of(rng, "int8", (5, 3, 2, 2), (0.04, rng.random(5) / 10 + 0.01, 0.9), 0)
        for index in (1, 6):
            given[index] = np.array(11, np.uint8)
        given[2] = given[2].clip(-widest_weight(), widest_weight())
        given[4] = np.zeros(5, np.int8)
        node = node_of("QLinearConv", operands=8, pads=[1, 1, 1, 1])
        result = carried_out(recognise(node, {0: x}, dict(enumerate(given, start=1))), x)
        assert np.array_equal(result, by_onnxruntime(node, [x, *given]))

    @pytest.mark.parametrize("zeros", [False, True])
    def test_matmul_integer(self, zeros: bool) -> None:
        rng = np.random.default_rng(7)
        x, w = rng.integers(0, 256, (9, 11)).astype(np.uint8), rng.integers(-128, 128, (11, 4)).astype(np.int8)
        w = w.clip(-widest_weight(), widest_weight())
        given = [np.array(17, np.uint8), rng.integers(-3, 4, 4).astype(np.int8)] if zeros else []
        node = node_of("MatMulInteger", operands=2 + len(given))
        result = carried_out(recognise(node, {0: x}, dict(enumerate([w, *given], start=1))), x)
        assert np.array_equal(result, by_reference(node, [x, w, *given]))
        assert np.array_equal(result, by_onnxruntime(node, [x, w, *given]))

    def test_matmul_integer_at_every_place_of_a_map(self) -> None:
        rng = np.random.default_rng(8)
        x, w = rng.integers(0, 256, (2, 5, 6, 11)).astype(np.uint8), rng.integers(-128, 128, (11, 4)).astype(np.int8)
        node = node_of("MatMulInteger", operands=2)
        assert np.array_equal(carried_out(recognise(node, {0: x}, {1: w}), x), by_reference(node, [x, w]))

    def test_conv_integer(self) -> None:
        rng = np.random.default_rng(9)
        x, w = rng.integers(0, 256, (2, 3, 7, 7)).astype(np.uint8), rng.integers(0, 256, (4, 3, 3, 3)).astype(np.uint8)
        given = [np.array(3, np.uint8), np.array(120, np.uint8)]
        node = node_of("ConvInteger", operands=4, pads=[1, 0, 1, 0], dilations=[1, 2])
        result = carried_out(recognise(node, {0: x}, dict(enumerate([w, *given], start=1))), x)
        assert np.array_equal(result, by_reference(node, [x, w, *given]))


@pytest.mark.parametrize(
    ("operator", "constants", "attributes", "words"),
    [
        ("QuantizeLinear", [floats(1), np.array(0, np.int16)], {}, "16 bits"),
        ("QuantizeLinear", [floats(0)], {}, "zero"),
        ("QuantizeLinear", [floats(1), floats(0)], {}, "float32"),
        ("QuantizeLinear", [floats(1, 2)], {}, "2 scales"),
        ("QuantizeLinear", [floats(1)], {"axis": 5}, ""),
        ("QuantizeLinear", [floats(*range(1, 5))], {"block_size": 2}, "in blocks"),
        ("QuantizeLinear", [floats(1)], {"output_dtype": int(TensorProto.FLOAT8E4M3FN)}, "not an integer"),
        ("QuantizeLinear", [np.float16([1])], {}, "float16"),
        ("DequantizeLinear", [floats(1), np.array(0, np.int64)], {}, ""),
        ("MatMulInteger", [np.zeros((4, 3), np.float32)], {}, "float32"),
        ("MatMulInteger", [np.zeros((4, 3, 2), np.int8)], {}, "not matrices"),
        ("MatMulInteger", [np.zeros((4, 3), np.int8), np.zeros(4, np.int8)], {}, "differ along its input"),
        ("DynamicQuantizeLinear", [], {}, "quantise statically"),
    ],
)
def test_what_is_not_understood(operator: str, constants: list[Array], attributes: dict[str, Any], words: str) -> None:
    node = node_of(operator, operands=1 + len(constants), **attributes)
    if not words:
        recognise(node, {0: np.zeros((2, 4), np.float32)}, dict(enumerate(constants, start=1)))
        return
    with pytest.raises(Refusal, match=words):
        recognise(node, {0: np.zeros((2, 4), np.float32)}, dict(enumerate(constants, start=1)))


class TestTensors:
    """Integers of less than a byte in a file."""

    @pytest.mark.parametrize("name", NARROW)
    @pytest.mark.parametrize("raw", [False, True])
    def test_packed_elements(self, name: str, raw: bool) -> None:
        low = 0 if name[0] == "u" else -(2 ** (int(name[-1]) - 1))
        values = [(index % 2 ** int(name[-1])) + low for index in range(7)]
        tensor = helper.make_tensor("t", getattr(TensorProto, name.upper()), (7,), values)
        if raw:
            data = bytes(tensor.int32_data)
            tensor.ClearField("int32_data")
            tensor.raw_data = data
        assert TensorReader(Path()).array(tensor, "t").astype(np.int64).tolist() == values

    def test_beside_the_model(self, tmp_path: Path) -> None:
        tensor = helper.make_tensor("t", TensorProto.INT4, (5,), [1, -2, 3, -4, 5])
        (tmp_path / "data").write_bytes(bytes(3) + bytes(tensor.int32_data))
        tensor.ClearField("int32_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", "data"), ("offset", "3"), ("length", "3")):
            entry = tensor.external_data.add()
            entry.key, entry.value = key, value
        assert TensorReader(tmp_path).array(tensor, "t").astype(int).tolist() == [1, -2, 3, -4, 5]

    @pytest.mark.parametrize("name", NARROW)
    @pytest.mark.parametrize("dims", [[9], [400_000, 250_000], [2**40]])
    def test_a_shape_that_contradicts_the_data(self, name: str, dims: list[int]) -> None:
        tensor = helper.make_tensor("t", getattr(TensorProto, name.upper()), (4,), [0, 1, 0, 1])
        tensor.dims[:] = dims
        with pytest.raises(ModelError, match=r"holds|MiB"):
            TensorReader(Path()).array(tensor, "t")

    def test_an_input_of_four_bits_is_refused(self, tmp_path: Path) -> None:
        model = Model((8,), TensorProto.INT4)
        model.add("DequantizeLinear", 0.5)
        with pytest.raises(ModelError, match="element type"):
            read_network(model.save(tmp_path))


def quantised_net(seed: int, zero: int, name: str = "uint8") -> Model:
    """Two convolutions and a dense layer between quantise and dequantise pairs, weights of 4 and 8 bits."""
    rng = np.random.default_rng(seed)
    model = Model((2, 8, 8), opset=21, batch="batch")

    def pair(scale: float, zero: int, low: int | None = None, high: int | None = None) -> None:
        scale_name, zero_name = model.constant(scale), model.constant(zero, name)
        model.add("QuantizeLinear", inputs=[model.last, scale_name, zero_name])
        if low is not None:
            model.add("Clip", inputs=[model.last, model.constant(low, name), model.constant(high, name)])
        model.add("DequantizeLinear", inputs=[model.last, scale_name, zero_name])

    def weights(*shape: int, bits: int = 8, axis: int = 0) -> str:
        high = 2 ** (bits - 1) - 1
        integers = model.constant(rng.integers(-high, high + 1, shape), np.int8)
        scale = model.constant(rng.random(shape[axis]) / 50 + 0.01)
        return model.add(
            "DequantizeLinear", inputs=[integers, scale, model.constant(np.zeros(shape[axis]), np.int8)], axis=axis
        )

    pair(0.05, zero)
    x = model.last
    model.add("Conv", inputs=[x, weights(6, 2, 3, 3, bits=4)])
    model.add("Relu")
    pair(0.1, zero, zero, zero + 15)
    x = model.last
    model.add("Conv", inputs=[x, weights(6, 6, 3, 3), model.constant(rng.normal(size=6))], strides=[2, 2])
    pair(0.2, zero)
    model.add("Flatten")
    x = model.last
    dense = weights(24, 4, bits=8, axis=1)
    model.add("MatMul", inputs=[x, dense])
    return model


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("zero", [0, 7])
def test_a_net_of_pairs_equals_onnxruntime(tmp_path: Path, seed: int, zero: int) -> None:
    path = quantised_net(seed, zero).save(tmp_path)
    network = read_network(path, ReadOptions("int8"))
    x = np.random.default_rng(seed).integers(-12, 13, (64, 2, 8, 8)).astype(np.float32)
    scores = interpret(network, x) * network.output.scale
    expected = onnxruntime_values(path, x)[network.output.name]
    assert np.mean(np.abs(scores - expected) <= 1e-4 * np.abs(expected).max()) > 0.95
    assert np.mean(scores.argmax(1) == expected.argmax(1)) > 0.95


def test_a_net_of_integer_layers_equals_onnxruntime(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    model = Model((2, 6, 6), TensorProto.UINT8, opset=21)

    def scale(value: float) -> str:
        return model.constant(value)

    zero = model.constant(0, np.uint8)
    widest = widest_weight()
    first, second = rng.integers(-7, 8, (4, 2, 3, 3)), rng.integers(-widest, widest + 1, (64, 3))
    none = model.constant(0, np.int8)
    model.add(
        "QLinearConv",
        inputs=["x", scale(0.1), zero, model.constant(first, np.int8), scale(0.02), none, scale(0.05), zero],
    )
    model.add("Flatten")
    model.add("MatMulInteger", inputs=[model.last, model.constant(second, np.int8)])
    model.add("Cast", to=TensorProto.FLOAT)
    model.add("Mul", 0.001)
    network = assert_same_as_onnxruntime(model.save(tmp_path), ReadOptions(), batch=64).network
    assert np.array_equal(network.linear[0].weights, first) and np.array_equal(network.linear[1].weights, second.T)


@pytest.mark.parametrize("zeros", [(5, 0, 0), (0, 3, 0), (5, 3, 2), (0, 0, 7)])
def test_integer_layers_with_zero_points_one_behind_the_other(tmp_path: Path, zeros: tuple[int, int, int]) -> None:
    """Layers of equal shapes, so that a value taken for another one would not show in its shape."""
    rng = np.random.default_rng(0)
    model = Model((4, 6, 6), TensorProto.UINT8, opset=21)
    no = model.constant(0, np.int8)
    points = [model.constant(zero, np.uint8) for zero in zeros]
    scale, small = model.constant(0.25), model.constant(0.03)
    for before, behind in pairwise(points):
        weights = model.constant(rng.integers(-7, 8, (4, 4, 1, 1)), np.int8)
        model.add("QLinearConv", inputs=[model.last, scale, before, weights, small, no, scale, behind])
    model.add("Flatten")
    model.add("MatMulInteger", inputs=[model.last, model.constant(rng.integers(-9, 10, (144, 3)), np.int8), points[-1]])
    model.add("Cast", to=TensorProto.FLOAT)
    model.add("Mul", 0.125)
    path = model.save(tmp_path)
    network = read_network(path)
    x = rng.integers(0, 256, (32, 4, 6, 6)).astype(np.uint8)
    assert np.array_equal(interpret(network, x) * network.output.scale, onnxruntime_values(path, x)[model.last])


@pytest.mark.parametrize("zeros", [(5, 3), (200, 0)])
def test_padding_is_the_zero_point(tmp_path: Path, zeros: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    model = Model((2, 6, 6), TensorProto.UINT8, opset=21)
    no, scale, small = model.constant(0, np.int8), model.constant(0.25), model.constant(0.03)
    points = [model.constant(zero, np.uint8) for zero in zeros]
    weights = model.constant(rng.integers(-7, 8, (4, 2, 3, 3)), np.int8)
    model.add("QLinearConv", inputs=["x", scale, points[0], weights, small, no, scale, points[1]], pads=[1, 1, 1, 1])
    model.add("DequantizeLinear", inputs=[model.last, scale, points[1]])
    weights = model.constant(rng.integers(-7, 8, (3, 4, 3, 3)), np.int8)
    signal = model.last
    model.add("DequantizeLinear", inputs=[weights, small, no])
    model.add("Conv", inputs=[signal, model.last], pads=[1, 1, 1, 1])
    path = model.save(tmp_path)
    network = read_network(path)
    x = rng.integers(0, 256, (32, 2, 6, 6)).astype(np.uint8)
    scores, expected = interpret(network, x) * network.output.scale, onnxruntime_values(path, x)[model.last]
    assert np.abs(scores - expected).max() <= 1e-5 * np.abs(expected).max()
