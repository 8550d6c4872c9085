"""Small models of every dialect, with weights drawn from a seed: what the fuzz test damages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from tests.frontend.onnx_models import Model, signs

QONNX = "qonnx.custom_op.general"


def _rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def _norm(model: Model, channels: int, seed: int) -> None:
    rng = _rng(seed)
    gamma, beta, mean = rng.normal(size=(3, channels))
    model.batch_norm(gamma, beta, 3 * mean, rng.uniform(0.5, 9, channels))


def plain() -> Model:
    """PyTorch: convolutions, batch norm, GreaterOrEqual and Where, max pool, dense."""
    model = Model((2, 6, 6))
    model.add("Conv", signs(0, 4, 2, 3, 3), np.zeros(4), pads=[1, 1, 1, 1])
    _norm(model, 4, 1)
    model.sign(at_least=True)
    model.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    model.add("Flatten")
    model.add("Gemm", signs(1, 5, 36), transB=1)
    return model


def subgraphs() -> Model:
    """Latent weights through Sign, Mul, Where and Transpose; a clip before the sign; softmax at the end."""
    model = Model((10,), opset=11)
    latent = model.constant(_rng(0).normal(size=(6, 10)))
    scaled = model.add("Mul", inputs=[model.add("Sign", inputs=[latent]), model.constant(0.5)])
    model.add("MatMul", inputs=["x", model.add("Transpose", inputs=[scaled], perm=[1, 0])])
    model.add("Clip", -1.0, 1.0)
    model.sign()
    last = model.last
    above = model.add("Greater", inputs=[model.constant(_rng(1).normal(size=(6, 3))), model.constant(0.3)])
    weights = model.add("Where", inputs=[above, model.constant(1.0), model.constant(0.0)])
    model.add("MatMul", inputs=[last, weights])
    model.add("Add", np.array([0.5, -1.0, 0.25]))
    model.add("Softmax", axis=1)
    return model


def bipolar() -> Model:
    """QONNX: BipolarQuant on input, weights and activations."""
    model = Model((12,), opset=9)
    one = model.constant(1.0)
    weights = model.add("BipolarQuant", inputs=[model.constant(_rng(0).normal(size=(12, 6))), one], domain=QONNX)
    model.add("BipolarQuant", inputs=["x", one], domain=QONNX)
    model.add("MatMul", inputs=[model.last, weights])
    _norm(model, 6, 1)
    model.add("BipolarQuant", 0.5, domain="onnx.brevitas")
    model.add("MatMul", signs(2, 6, 3))
    model.add("TopK", model.constant([1], np.int64), axis=-1)
    model.nodes[-1].output.append("indices")
    return model


def multi_bit() -> Model:
    """QONNX: Quant of several bits on maps, an average that Trunc cuts, Quant on weights."""
    model = Model((2, 4, 4), opset=13, batch=1)

    def quant(value: str, scale: float, bits: float, signed: int) -> str:
        inputs = [value, *(model.constant(number) for number in (scale, 0.0, bits))]
        return model.add("Quant", inputs=inputs, domain=QONNX, signed=signed, narrow=1, rounding_mode="ROUND")

    weights = quant(model.constant(_rng(0).normal(size=(4, 2, 3, 3))), 1.0, 2.0, 1)
    quant("x", 0.25, 3.0, 1)
    model.add("Conv", inputs=[model.last, weights], pads=[1, 1, 1, 1])
    quant(model.last, 0.5, 2.0, 0)
    model.add("AveragePool", kernel_shape=[2, 2], strides=[2, 2])
    constants = [model.constant(number) for number in (0.125, 0.0, 4.0, 2.0)]
    model.add("Trunc", inputs=[model.last, *constants], domain=QONNX, rounding_mode="FLOOR")
    model.add("Reshape", model.constant([1, -1], np.int64))
    model.add("MatMul", signs(1, 16, 3))
    return model


def popcount() -> Model:
    """FINN's oldest: bits of 0 and 1 between XnorPopcountMatMul."""
    rng = _rng(0)
    model = Model((9,), TensorProto.INT8, opset=11, batch=1)
    model.add("Cast", to=TensorProto.FLOAT)
    model.add("MultiThreshold", rng.integers(-9, 9, (9, 1)), domain="finn", out_dtype="BINARY")
    model.add("XnorPopcountMatMul", rng.integers(0, 2, (9, 6)), domain="finn")
    model.add("MultiThreshold", rng.integers(3, 6, (6, 1)), domain="finn", out_dtype="BINARY")
    model.add("XnorPopcountMatMul", rng.integers(0, 2, (6, 3)), domain="finn")
    return model


def streamlined() -> Model:
    """FINN: MultiThreshold and pools with the channels last."""
    model = Model((2, 6, 6), TensorProto.UINT8, opset=11, batch=1)
    finn = "finn.custom_op.general"
    model.add("Cast", to=TensorProto.FLOAT)
    model.add("Conv", signs(1, 4, 2, 3, 3), kernel_shape=[3, 3])
    model.add("Transpose", perm=[0, 2, 3, 1])
    steps = np.sort(_rng(2).integers(-900, 900, (4, 3)), 1)
    model.add("MultiThreshold", steps, domain=finn, data_layout="NHWC", out_dtype="INT2", out_bias=-2.0)
    model.add("MaxPoolNHWC", domain=finn, kernel_shape=[2, 2], strides=[2, 2], pads=[0, 0, 0, 0])
    model.add("Reshape", model.constant([1, -1], np.int64))
    model.add("MatMul", signs(3, 16, 4))
    return model


def quantised() -> Model:
    """QDQ: int8 weights with a scale for each channel, uint8 activations, a clip of integers between the two."""
    model = Model((2, 8), opset=13)
    rng = _rng(0)

    def pair(value: str, scale: float, *bounds: int) -> None:
        zero = model.constant(0, np.uint8)
        model.add("QuantizeLinear", inputs=[value, model.constant(scale), zero])
        if bounds:
            model.add("Clip", inputs=[model.last, *(model.constant(bound, np.uint8) for bound in bounds)])
        model.add("DequantizeLinear", inputs=[model.last, model.constant(scale), zero])

    pair("x", 0.1)
    signal = model.last
    integers = model.constant(rng.integers(-127, 128, (3, 2, 3)), np.int8)
    scales = model.constant(rng.uniform(0.01, 0.1, 3))
    weights = model.add("DequantizeLinear", inputs=[integers, scales, model.constant(np.zeros(3), np.int8)], axis=0)
    bias = model.add("DequantizeLinear", inputs=[model.constant([3, -4, 5], np.int32), model.constant(0.01)])
    model.add("Conv", inputs=[signal, weights, bias], pads=[1, 1])
    model.add("Relu")
    pair(model.last, 0.05, 0, 15)
    model.add("Flatten")
    model.add("Gemm", signs(1, 24, 3))
    return model


def integer_operators() -> Model:
    """QLinearConv with a bias and QLinearMatMul, on integers throughout."""
    model = Model((2, 5, 5), TensorProto.UINT8, opset=13)
    rng = _rng(0)

    def pair(scale: float, dtype: Any) -> list[str]:
        return [model.constant(scale), model.constant(0, dtype)]

    weights = model.constant(rng.integers(-128, 128, (4, 2, 3, 3)), np.int8)
    bias = model.constant(rng.integers(-500, 500, 4), np.int32)
    inputs = ["x", *pair(0.02, np.uint8), weights, *pair(0.01, np.int8), *pair(0.25, np.uint8), bias]
    model.add("QLinearConv", inputs=inputs, strides=[2, 2])
    model.add("Flatten")
    last = model.constant(rng.integers(-128, 128, (16, 3)), np.int8)
    inputs = [model.last, *pair(0.25, np.uint8), last, *pair(0.5, np.int8), *pair(2.0, np.uint8)]
    model.add("QLinearMatMul", inputs=inputs)
    model.add("DequantizeLinear", 2.0, model.constant(0, np.uint8))
    return model


def residual() -> Model:
    """Bi-Real: sums around signed convolutions, PRelu, shifts, a path that halves the map."""
    model = Model((3, 8, 8))
    model.add("Conv", signs(0, 4, 3, 3, 3), pads=[1, 1, 1, 1])
    _norm(model, 4, 0)
    for block in range(2):
        shortcut = model.last
        model.add("Add", _rng(block).normal(size=(1, 4, 1, 1)))
        model.sign()
        model.add("Conv", signs(block, 4, 4, 3, 3), pads=[1, 1, 1, 1], strides=[1 + block] * 2)
        _norm(model, 4, block + 1)
        branch = model.last
        if block:
            model.last = shortcut
            shortcut = model.add("AveragePool", kernel_shape=[2, 2], strides=[2, 2])
        model.add("Add", inputs=[branch, shortcut])
        model.add("PRelu", np.full((4, 1, 1), 0.25))
    model.add("GlobalAveragePool")
    model.add("Flatten")
    model.sign()
    model.add("MatMul", signs(5, 4, 3))
    return model


def channels_last() -> Model:
    """Larq through tf2onnx: transposes around layers, padding with ones, samples with their channels last."""
    model = Model((6, 6, 2), opset=12)
    model.add("Transpose", perm=[0, 3, 1, 2])
    model.add("Conv", signs(0, 4, 2, 3, 3))
    model.add("Transpose", perm=[0, 2, 3, 1])
    model.add("Mul", np.array([0.5, -1.0, 2.0, 1.0]))
    model.add("Add", np.array([3.0, 0.0, -5.0, 1.0]))
    model.sign(at_least=True)
    model.add("Transpose", perm=[0, 3, 1, 2])
    model.add("Pad", model.constant([0, 0, 1, 1, 0, 0, 1, 1], np.int64), 1.0)
    model.add("Conv", signs(1, 4, 4, 3, 3), strides=[2, 2])
    model.add("Transpose", perm=[0, 2, 3, 1])
    model.sign()
    model.add("Reshape", model.constant([-1, 16], np.int64))
    model.add("MatMul", signs(2, 16, 3))
    return model


def qonnx_channels_last() -> Model:
    """QONNX's layers with their channels last."""
    model = Model((2, 6, 6), opset=11, batch=1)
    last: dict[str, Any] = {"domain": "qonnx.custom_op.channels_last"}
    model.add("Transpose", perm=[0, 2, 3, 1])
    model.add("Conv", signs(0, 4, 3, 3, 2), kernel_shape=[3, 3], **last)
    model.add("BatchNormalization", np.ones(4), np.zeros(4), np.arange(4), np.ones(4), **last)
    model.sign(at_least=True)
    model.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2], **last)
    model.add("Reshape", model.constant([1, -1], np.int64))
    model.add("MatMul", signs(1, 16, 3))
    return model


def joined() -> Model:
    """Two branches that meet in a Concat, a mean over the map, a final arg max."""
    model = Model((2, 10))
    model.add("Conv", signs(0, 4, 2, 3), pads=[1, 1])
    model.sign()
    shared = model.last
    branches = []
    for kernel in (1, 3):
        model.last = shared
        model.add("Conv", signs(kernel, 3, 4, kernel), pads=[kernel // 2] * 2)
        model.sign()
        branches.append(model.last)
    model.add("Concat", inputs=branches, axis=1)
    model.add("AveragePool", kernel_shape=[2], strides=[2])
    model.sign()
    model.add("Conv", signs(4, 5, 6, 2), dilations=[2])
    model.add("ReduceMean", axes=[2], keepdims=0)
    model.add("Mul", 0.125)
    model.add("ArgMax", axis=1)
    return model


def depthwise() -> Model:
    """Grouped and depthwise convolutions by rule-made padding, integers of the input through a cast, Min and Max."""
    model = Model((4, 12), TensorProto.INT16, opset=18)
    model.add("Cast", to=TensorProto.FLOAT)
    model.add("Conv", signs(0, 8, 1, 3), group=4, auto_pad="SAME_UPPER")
    model.add("Max", -200.0)
    model.add("Min", 200.0)
    model.sign(at_least=True)
    model.add("Conv", signs(1, 4, 4, 4), group=2, strides=[3])
    model.add("Div", np.full((4, 1), 3.0))
    model.sign()
    model.add("Flatten")
    model.add("MatMul", signs(2, 12, 2))
    return model


def narrow() -> Model:
    """Weights in ONNX's own INT4, and a bool input."""
    model = Model((10,), TensorProto.BOOL, opset=21)
    model.add("Cast", to=TensorProto.FLOAT)
    signal = model.last
    integers = [int(number) for number in _rng(0).integers(-8, 8, 60)]
    model.constants.append(helper.make_tensor("int4", TensorProto.INT4, (10, 6), integers))
    weights = model.add("DequantizeLinear", inputs=["int4", model.constant(0.1)])
    model.add("MatMul", inputs=[signal, weights])
    model.sign()
    model.add("MatMul", signs(1, 6, 3))
    return model


def _with_functions(model: onnx.ModelProto) -> onnx.ModelProto:
    """The activation of `plain` made a local function that calls another one."""
    opset = [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]
    step = helper.make_function(
        "local",
        "Step",
        ["x"],
        ["y"],
        [
            helper.make_node("Constant", [], ["zero"], value_float=0.0),
            helper.make_node("GreaterOrEqual", ["x", "zero"], ["above"]),
            helper.make_node("Cast", ["above"], ["one"], to=TensorProto.FLOAT),
            helper.make_node("Constant", [], ["two"], value_float=2.0),
            helper.make_node("Mul", ["one", "two"], ["twice"]),
            helper.make_node("Constant", [], ["less"], value_float=1.0),
            helper.make_node("Sub", ["twice", "less"], ["y"]),
        ],
        opset,
    )
    outer = helper.make_function(
        "local", "Activation", ["x"], ["y"], [helper.make_node("Step", ["x"], ["y"], domain="local")], opset
    )
    model.functions.extend([step, outer])
    model.opset_import.append(helper.make_opsetid("local", 1))
    first, then = (node for node in model.graph.node if node.op_type in ("GreaterOrEqual", "Where"))
    call = helper.make_node("Activation", [first.input[0]], [then.output[0]], name="call", domain="local")
    nodes = [node for node in model.graph.node if node not in (first, then)]
    nodes.insert(2, call)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def _proto(make: Callable[[], Model]) -> onnx.ModelProto:
    model = make()
    proto = model.proto()
    if make is bipolar:
        proto.graph.output[0].name = "indices"
    return proto


_MODELS = (
    *(plain, subgraphs, bipolar, multi_bit, popcount, streamlined, quantised, integer_operators),
    *(residual, channels_last, qonnx_channels_last, joined, depthwise, narrow),
)


def seeds() -> dict[str, onnx.ModelProto]:
    """Every model by name."""
    found = {make.__name__: _proto(make) for make in _MODELS}
    return found | {"functions": _with_functions(_proto(plain))}
