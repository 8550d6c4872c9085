"""onnxruntime's own operators (com.microsoft), as its quantiser and optimiser write them, against onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

import edgebnn
from edgebnn.errors import ModelError
from edgebnn.frontend import ReadOptions, read_network
from edgebnn.frontend.onnx.graph import Array
from edgebnn.frontend.operations import Dropping
from edgebnn.frontend.problems import Refusal
from edgebnn.network.interpreter import interpret, trace
from edgebnn.network.types import Threshold
from tests.frontend.comparison import assert_same_as_onnxruntime, layers_that_differ, onnxruntime_values
from tests.frontend.one_node import by_onnxruntime
from tests.frontend.onnx_models import Model, signs
from tests.frontend.recognised import carried_out, node_of, recognise

DOMAIN = "com.microsoft"


# Scales and zero points of the operands and the result: with ties, without, and with ties but for float32's rounding.
SCALES = [
    (0.5, 3, 0.25, 7, 0.5, 11),
    (0.5, 0, 0.5, 0, 1.0, 1),
    (0.1, 3, 0.23, 7, 0.31, 11),
    (0.17, 101, 0.13, 120, 0.2, 77),
]


def scale(value: float) -> Array:
    return np.array(value, np.float32)


def point(value: int, name: str = "uint8") -> Array:
    return np.array(value, name)


class TestOneNode:
    """Every pair of integers, or every integer, against onnxruntime."""

    @pytest.mark.parametrize("scales", SCALES)
    @pytest.mark.parametrize("name", ["uint8", "int8"])
    def test_sum_of_two_signals(self, scales: tuple[float, ...], name: str) -> None:
        low = int(np.iinfo(name).min)
        x, y = (each.reshape(1, -1).astype(name) for each in np.mgrid[low : low + 256, low : low + 256])
        a, za, b, zb, c, zc = scales
        constants = {
            **{1: scale(a), 2: point(int(za), name), 4: scale(b), 5: point(int(zb), name)},
            **{6: scale(c), 7: point(int(zc), name)},
        }
        node = node_of("QLinearAdd", DOMAIN, operands=8)
        operation = recognise(node, {0: x, 3: y}, constants)
        result = carried_out(operation, *(x if k == 0 else y if k == 3 else constants[k] for k in range(8)))
        expected = by_onnxruntime(node, [x if k == 0 else y if k == 3 else constants[k] for k in range(8)])
        assert np.array_equal(result, expected)

    @pytest.mark.parametrize("scales", SCALES)
    @pytest.mark.parametrize("operator", ["QLinearAdd", "QLinearMul"])
    def test_sum_and_product_with_constants(self, operator: str, scales: tuple[float, ...]) -> None:
        x, y = (each.reshape(1, -1).astype(np.uint8) for each in np.mgrid[:256, :256])
        a, za, b, zb, c, zc = scales
        constants = [y, scale(b), point(int(zb)), scale(c), point(int(zc))]
        node = node_of(operator, DOMAIN, operands=8)
        given = [scale(a), point(int(za)), *constants]
        operation = recognise(node, {0: x}, dict(enumerate(given, start=1)))
        assert np.array_equal(carried_out(operation, x), by_onnxruntime(node, [x, *given]))
        mirrored = [y[:, :1], *given[:2], x, *given[3:]]  # one constant on the left
        operation = recognise(node, {3: x}, {index: each for index, each in enumerate(mirrored) if index != 3})
        assert np.array_equal(carried_out(operation, *mirrored), by_onnxruntime(node, mirrored))

    @pytest.mark.parametrize("scales", [(0.5, 128, 0.25, 7), (0.1, 100, 0.07, 11), (0.5, 128, 1.0, 2)])
    def test_leaky_relu(self, scales: tuple[float, ...]) -> None:
        x, node = np.arange(256, dtype=np.uint8).reshape(1, -1), node_of("QLinearLeakyRelu", DOMAIN, 5, alpha=0.25)
        given = [scale(scales[0]), point(int(scales[1])), scale(scales[2]), point(int(scales[3]))]
        operation = recognise(node, {0: x}, dict(enumerate(given, start=1)))
        assert np.array_equal(carried_out(operation, x), by_onnxruntime(node, [x, *given]))

    def test_leaky_relu_without_a_zero_point_of_its_result(self) -> None:
        """The type is that of the operand then (onnxruntime itself crashes there)."""
        x, node = (
            np.arange(-128, 128).astype(np.int8).reshape(1, -1),
            node_of("QLinearLeakyRelu", DOMAIN, 4, alpha=0.25),
        )
        operation = recognise(node, {0: x}, {1: scale(0.5), 2: point(3, "int8"), 3: scale(0.25)})
        real = (x.astype(np.float32) - 3) * 0.5
        expected = np.clip(np.rint(np.where(real < 0, real * 0.25, real) / 0.25), -128, 127)
        assert np.array_equal(carried_out(operation, x), expected)

    @pytest.mark.parametrize("last", [0, 1])
    @pytest.mark.parametrize("scales", [(0.5, 128, 0.5, 7), (0.25, 3, 0.5, 1), (0.125, 0, 1.0, 1)])
    @pytest.mark.parametrize("operator", ["QLinearAveragePool", "QLinearGlobalAveragePool"])
    def test_means_that_float32_holds(self, operator: str, scales: tuple[float, ...], last: int) -> None:
        x = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 8)).astype(np.uint8)
        window = {"kernel_shape": [2, 2], "strides": [2, 2]} if operator == "QLinearAveragePool" else {}
        node = node_of(operator, DOMAIN, 5, channels_last=last, **window)
        given = [scale(scales[0]), point(int(scales[1])), scale(scales[2]), point(int(scales[3]))]
        operation = recognise(node, {0: x}, dict(enumerate(given, start=1)))
        assert np.array_equal(carried_out(operation, x), by_onnxruntime(node, [x, *given]))

    def test_mean_of_a_map(self) -> None:
        x = np.random.default_rng(1).integers(0, 256, (2000, 8, 3, 4)).astype(np.uint8)
        node, given = node_of("QLinearGlobalAveragePool", DOMAIN, 5), [scale(0.06), point(7), scale(0.01), point(11)]
        operation = recognise(node, {0: x}, dict(enumerate(given, start=1)))
        assert np.array_equal(carried_out(operation, x), by_onnxruntime(node, [x, *given]))

    @pytest.mark.parametrize("across", [0, 1])
    @pytest.mark.parametrize("integers", [0.5, 0.07, None])
    def test_dense_layer(self, across: int, integers: float | None) -> None:
        rng = np.random.default_rng(0)
        x, bias = rng.integers(0, 256, (50, 20)).astype(np.uint8), rng.integers(-999, 999, 7).astype(np.int32)
        weights = rng.integers(-60, 60, (7, 20) if across else (20, 7)).astype(np.int8)
        given = [scale(0.125), point(3), weights, scale(0.0625), point(0, "int8"), bias]
        given += [scale(integers), point(11)] if integers else []
        node = node_of("QGemm", DOMAIN, 1 + len(given), transB=across, alpha=0.7)
        operation = recognise(node, {0: x}, dict(enumerate(given, start=1)))
        assert np.array_equal(carried_out(operation, x), by_onnxruntime(node, [x, *given]))

    @pytest.mark.parametrize("axis", [1, -1])
    def test_concatenation(self, axis: int) -> None:
        """Every integer of each, at scales with ties and without; on a map, along channels and along rows."""
        x = np.arange(256, dtype=np.uint8).reshape(1, 4, 8, 8)
        units = [(0.5, 3), (0.1, 128), (0.3, 77)]
        given: list[Array] = [scale(0.2), point(11)]
        for unit, zero in units:
            given += [x, scale(unit), point(zero)]
        node = node_of("QLinearConcat", DOMAIN, len(given), axis=axis)
        signals = {2 + 3 * place: x for place in range(len(units))}
        operation = recognise(node, signals, {k: each for k, each in enumerate(given) if k not in signals})
        assert np.array_equal(carried_out(operation, *given), by_onnxruntime(node, given))

    @pytest.mark.parametrize("opset", [12, 13])
    @pytest.mark.parametrize("shape", [(5,), (5, 1), (1, 5), (5, 1, 1), (1, 1, 5), (5, 2, 2), (1, 5, 2)])
    def test_a_softmax_is_left_out_where_it_is_over_all_of_a_sample(self, shape: tuple[int, ...], opset: int) -> None:
        """Its own attribute says what its axis means, and onnxruntime which values add up to one."""
        x = np.random.default_rng(0).integers(0, 256, (2, *shape)).astype(np.uint8)
        given = [scale(0.02), point(3), scale(1 / 256), point(0)]
        for axis in range(-1 - len(shape), 1 + len(shape)):
            node = node_of("QLinearSoftmax", DOMAIN, 5, axis=axis, opset=opset)
            whole = by_onnxruntime(node, [x, *given]).astype(np.float64).reshape(2, -1).sum(axis=1) / 256
            over_all = bool(np.all(np.abs(whole - 1) < 0.05))
            try:
                left_out = isinstance(recognise(node, {0: x[:1]}, dict(enumerate(given, start=1))), Dropping)
            except Refusal as refusal:
                assert "not over all scores of each sample" in str(refusal)
                left_out = False
            assert left_out == over_all, axis

    def test_a_product_of_two_signals_and_an_output_of_no_type_are_refused(self) -> None:
        x = np.zeros((1, 8), np.uint8)
        units = {1: scale(1), 2: point(0), 4: scale(1), 5: point(0), 6: scale(1), 7: point(0)}
        with pytest.raises(Refusal, match="multiplies two values of the network"):
            recognise(node_of("QLinearMul", DOMAIN, 8), {0: x, 3: x}, units)
        with pytest.raises(Refusal, match="nothing says of which type"):
            recognise(node_of("QLinearAdd", DOMAIN, 7), {0: x, 3: x}, {1: scale(1), 4: scale(1), 6: scale(1)})


@pytest.mark.parametrize(("unit", "taps", "ambiguous"), [(0.1, 2, 3), (0.1, 3, 0), (0.1875, 2, 0)])
def test_a_mean_is_a_step_off_only_at_ties_that_float32_rounds(
    unit: float, taps: int, ambiguous: int, tmp_path: Path
) -> None:
    """onnxruntime adds products of the scale one by one, so that a tie goes by which values make the sum."""
    model = Model((3, 6, 6), TensorProto.UINT8)
    zero = model.constant(128, np.uint8)
    model.add("QLinearAveragePool", unit, zero, unit, zero, domain=DOMAIN, kernel_shape=[taps] * 2, strides=[taps] * 2)
    integers = model.last
    model.add("DequantizeLinear", unit, zero)
    model.add("Conv", signs(0, 4, 3, 1, 1))
    path = saved(model, tmp_path)
    network = read_network(path)
    (steps,) = (node for node in network.nodes if isinstance(node, Threshold))
    assert (steps.ambiguous, steps.tied) == (ambiguous, ambiguous)
    x = np.random.default_rng(0).integers(0, 256, (500, 3, 6, 6)).astype(np.uint8)
    off = trace(network, x)[steps.output.name] + 128 - onnxruntime_values(path, x)[integers].astype(np.int64)
    sums = x.reshape(500, 3, 6 // taps, taps, 6 // taps, taps).sum(axis=(3, 5), dtype=np.int64)
    tied = 2 * sums % taps**2 == 0
    assert np.all(off[~tied | (sums % taps**2 == 0)] == 0) and np.abs(off).max() <= 1
    assert bool(off.any()) == bool(ambiguous)


def test_a_sigmoid_of_integers_between_layers(tmp_path: Path) -> None:
    """Every one of the 256 integers, against onnxruntime."""
    model = Model((256,), TensorProto.UINT8, opset=17)
    model.add(
        "QLinearSigmoid",
        *(model.constant(0.05), model.constant(117, np.uint8), model.constant(1 / 256), model.constant(0, np.uint8)),
        domain=DOMAIN,
    )
    model.add("DequantizeLinear", model.constant(1 / 256), model.constant(0, np.uint8))
    model.add("MatMul", signs(0, 256, 3))
    path = saved(model, tmp_path)
    network = read_network(path)
    x = np.random.default_rng(0).permuted(np.tile(np.arange(256, dtype=np.uint8), (20, 1)), axis=1)
    expected = onnxruntime_values(path, x)[model.last]
    assert np.abs(interpret(network, x) * network.output.scale - expected).max() <= network.score_error


class _Samples(CalibrationDataReader):
    """Random samples for onnxruntime's quantiser."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        rng = np.random.default_rng(5)
        self._left = iter([{"x": rng.standard_normal((16, *shape)).astype(np.float32)} for _ in range(4)])

    def get_next(self) -> Any:
        return next(self._left, None)


def float_model() -> Model:
    """A residual sum, both averages, a concatenation, a leaky one and a softmax, of floats."""
    rng = np.random.default_rng(2)
    weights = lambda *shape: (rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)  # noqa: E731
    model = Model((3, 12, 12), opset=17)
    first = model.add("Conv", weights(8, 3, 3, 3), weights(8, 1)[:, 0], pads=[1, 1, 1, 1])
    model.add("LeakyRelu", alpha=0.1)
    second = model.add("Conv", weights(8, 8, 3, 3), pads=[1, 1, 1, 1])
    model.add("Add", inputs=[first, second])
    pooled = model.add("AveragePool", kernel_shape=[3, 3], strides=[3, 3])  # a ninth is never a tie
    third = model.add("Conv", weights(4, 8, 1, 1))
    model.add("Concat", inputs=[pooled, third], axis=1)
    model.add("GlobalAveragePool")
    model.add("Flatten")
    model.add("Gemm", weights(12, 5), weights(5, 1)[:, 0])
    model.add("Softmax")
    return model


def quantised(folder: Path, style: QuantFormat) -> Path:
    """What onnxruntime's own quantiser makes of the model: int8 weights below 7 bits, so that its kernels are exact."""
    source, target = float_model().save(folder, "float.onnx"), folder / "quantised.onnx"
    quantize_static(
        source, target, _Samples((3, 12, 12)), quant_format=style, per_channel=False, reduce_range=True,
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
        extra_options={"ForceQuantizeNoInputCheck": True},
    )  # fmt: skip
    return target


@pytest.mark.parametrize("style", [QuantFormat.QOperator, QuantFormat.QDQ])
def test_a_file_of_its_quantiser(style: QuantFormat, tmp_path: Path) -> None:
    path = quantised(tmp_path, style)
    operators = {node.op_type for node in onnx.load(path).graph.node}
    if style is QuantFormat.QOperator:
        assert {"QLinearAdd", "QLinearAveragePool", "QLinearGlobalAveragePool", "QLinearConcat", "QGemm"} <= operators
        assert {"QLinearSoftmax", "QLinearLeakyRelu"} <= operators
    deployment = edgebnn.compile(path, target="host")
    network = deployment.mapped.network
    assert network.inputs[0].encoding.quantizer is not None and network.ends_in == "classes"
    x = np.random.default_rng(9).standard_normal((100, 3, 12, 12)).astype(np.float32)
    scores = deployment.run(x, on="reference")
    assert np.array_equal(scores, deployment.run(x, on="fast"))
    assert np.array_equal(scores[:4], deployment.run(x[:4], on="firmware"))
    theirs = onnxruntime_values(path, x)
    shares = layers_that_differ(network, x, theirs)
    shares.pop(network.nodes[-2].name)  # the last one goes by the name of the softmax, which is left out
    assert shares or style is QuantFormat.QOperator
    assert all(share < 2e-3 for share in shares.values()), shares
    logits = theirs["gemm_9_quantized" if style is QuantFormat.QOperator else "gemm_9_DequantizeLinear_Output"]
    assert np.abs(scores - logits).max() < 1e-3 * network.output.scale


def saved(model: Model, folder: Path) -> Path:
    """The model with its domain said, as files of onnxruntime have it."""
    proto = model.proto()
    proto.opset_import.append(helper.make_opsetid(DOMAIN, 1))
    path = folder / "model.onnx"
    onnx.save(proto, path)
    return path


@pytest.mark.parametrize("name", ["uint8", "int8"])
def test_pairs_of_its_domain_are_those_of_onnx(name: str, tmp_path: Path) -> None:
    """onnxruntime's quantiser writes them so for 4 and 16 bits where the opset is below 21."""
    model = Model((8,), opset=13)
    zero = model.constant(128 if name == "uint8" else 3, np.dtype(name))
    for operator in ("QuantizeLinear", "DequantizeLinear"):
        model.add(operator, 0.05, zero, domain=DOMAIN)
    scale, none = model.constant(0.5), model.constant(0, np.int8)
    weights = model.constant(np.random.default_rng(0).integers(-100, 100, (8, 6)), np.int8)
    signal = model.last
    model.add("DequantizeLinear", inputs=[weights, scale, none], domain=DOMAIN)
    model.add("MatMul", inputs=[signal, model.last])
    model.sign(at_least=True)
    model.add("MatMul", signs(1, 6, 3))
    compared = assert_same_as_onnxruntime(saved(model, tmp_path), ReadOptions(), batch=64)
    assert compared.network.inputs[0].encoding.quantizer is not None
    assert [layer.weight_kind.value for layer in compared.network.linear] == ["int8", "binary"]


def test_what_its_optimiser_fuses_is_refused_with_a_remedy_for_it(tmp_path: Path) -> None:
    model = Model((8,), opset=13)
    model.add("FusedMatMul", signs(0, 8, 3), domain=DOMAIN)
    with pytest.raises(ModelError, match=r"FusedMatMul.*; export the model without onnxruntime's optimiser"):
        read_network(saved(model, tmp_path))
