"""ONNX's own quantisation: quantise and dequantise pairs, and operators on integers. It only recognises.

The arithmetic is that of onnxruntime and of the specification's text: x / scale, or the sum times the scales, in
float32, rounded half to even, then the zero point added, then saturated. onnx.reference differs from both in
QLinearConv and QLinearMatMul: it multiplies in float64 and rounds behind the zero point, so an exact half goes the
other way where the zero point is odd.
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from edgebnn.frontend.dialects.conv_gemm_batchnorm import check_matrix, conv_window, dense
from edgebnn.frontend.dialects.quantisers import check_bits, evaluated, known, scale_operand, shifted
from edgebnn.frontend.onnx.graph import Array, OnnxNode
from edgebnn.frontend.onnx.tensors import whole_range
from edgebnn.frontend.operations import (
    Call,
    Dialect,
    Elementwise,
    Forwarding,
    Knowing,
    Operand,
    Operands,
    Operation,
    OperationSequence,
    Quantised,
    Recogniser,
    Term,
    WeightedSum,
)
from edgebnn.frontend.problems import Refusal

_X = Operand(0)
AS_FLOAT: Term = Call("ToFloat", (_X,))

# The integer types that QuantizeLinear can be told to give, by ONNX's code.
_NAMES = {
    getattr(TensorProto, name): name.lower()
    for name in ("INT8", "UINT8", "INT16", "UINT16", "INT4", "UINT4", "INT2", "UINT2")
    if hasattr(TensorProto, name)
}


def _quantize_linear(node: OnnxNode, operands: Operands) -> Operation:
    """x / scale, rounded half to even, plus the zero point, saturated to the integers of its type."""
    _check_plain(node)
    name = _NAMES.get(node.integer("output_dtype", 0), "uint8")
    if node.integer("output_dtype", 0) and node.integer("output_dtype", 0) not in _NAMES:
        raise Refusal("quantises to something that is not an integer", "quantise to int8 or uint8")
    if operands.has(2):
        name = operands.constant(2, "zero points").dtype.name
    scale, zero = _along(node, operands, scale_operand(operands, 1)), _along(node, operands, zero_point(operands, 2))
    low, high = range_of(name)
    check_bits(operands, (high - low).bit_length())
    term = saturated(Call("Div", (_X, scale)), zero, low, high)
    value = operands.optional(0)
    if value is None:
        return Elementwise(term, result="integer")
    if value.dtype != np.float32:
        raise Refusal(f"quantises constants of type {value.dtype}", "export the model in float32")
    return Knowing(evaluated(term, value).astype(np.int32))


def _dequantize_linear(node: OnnxNode, operands: Operands) -> Operation:
    """An integer less the zero point, times the scale."""
    _check_plain(node)
    scale, zero = _along(node, operands, scale_operand(operands, 1)), _along(node, operands, zero_point(operands, 2))
    value = operands.optional(0)
    if value is None:
        return Elementwise(Call("Mul", (shifted("Sub", AS_FLOAT, zero), scale)), takes=("integer",))
    return known(whole(value) - zero.astype(np.int64), scale)


def _check_plain(node: OnnxNode) -> None:
    if node.integer("block_size", 0):
        raise Refusal("quantises in blocks", "use one scale, or one for each output channel")
    if node.integer("precision", 0) not in (0, TensorProto.FLOAT):
        raise Refusal("divides in another type than float32", "export the model in float32")


def _along(node: OnnxNode, operands: Operands, values: Array) -> Array:
    """A scale or zero point of one axis, shaped to lie along it; one value stays one."""
    if values.ndim == 0:
        return values
    shape = operands.shape(0)
    axis = node.integer("axis", 1)
    if values.ndim != 1 or not -len(shape) <= axis < len(shape) or len(values) != shape[axis]:
        raise Refusal(
            f"has {values.size} scales or zero points for values of shape {list(shape)}", "export the model again"
        )
    placed = [1] * len(shape)
    placed[axis] = -1
    return values.reshape(placed)


def saturated(term: Term, zero: Array, low: int, high: int) -> Call:
    """Rounded half to even, plus the zero point, held within an integer type."""
    term = shifted("Add", Call("Round", (term,)), zero)
    ends = np.array(low, np.float32), np.array(high, np.float32)
    return Call("Min", (Call("Max", (term, ends[0])), ends[1]))


def range_of(name: str) -> tuple[int, int]:
    """The integers of a type that a quantiser gives; Refusal for any other type."""
    found = whole_range(name)
    if found is None:
        raise Refusal(f"quantises to {name}", "quantise to int8 or uint8")
    return found


def zero_point(operands: Operands, index: int) -> Array:
    """A zero point in float32; zero where it is left out."""
    if not operands.has(index):
        return np.zeros((), np.float32)
    value = whole(operands.constant(index, "zero points")).astype(np.float32)
    return value.reshape(()) if value.size == 1 else value


def whole(value: Array) -> Array:
    """Integer constants, of however few bits, in int64."""
    if whole_range(value.dtype.name) is None:
        raise Refusal(f"has integers of type {value.dtype.name}", "quantise to int8 or uint8")
    return value.astype(np.int64)


def integer_weights(operands: Operands, index: int, zero: Array) -> Quantised:
    """Integer weights less their zero point, with the scale 1."""
    weights = whole(operands.constant(index, "weights"))
    integers = weights - zero.astype(np.int64)
    if integers.shape != weights.shape:
        raise Refusal("has weights and zero points of shapes that do not suit", "export the model again")
    return Quantised(integers.astype(np.float32), integers, np.ones((1,) * integers.ndim, np.float32))


def input_less_zero(operands: Operands, zero: int) -> Operation:
    """Operand 0, integers, less its zero point."""
    value = zero_point(operands, zero)
    if value.ndim:
        raise Refusal("has zero points that differ along its input", "use one zero point for the layer's input")
    return Elementwise(Call("Sub", (AS_FLOAT, value)), takes=("integer",)) if value != 0 else Forwarding()


def _convolution(node: OnnxNode, operands: Operands, weights: int, zero: int, bias: Array | None = None) -> WeightedSum:
    """A convolution with integer weights, which lie at operand `weights`, and their zero point at operand `zero`."""
    shape = operands.constant(weights, "weights").shape
    window = conv_window(node, operands, shape)
    zeros = zero_point(operands, zero)
    integers = integer_weights(operands, weights, zeros.reshape(-1, *(1,) * (len(shape) - 1)) if zeros.ndim else zeros)
    return WeightedSum(integers, bias, window, node.integer("group", 1))


def integer_product(operands: Operands, weights: int, zero: int) -> Operation:
    """A matrix product with integer weights (inputs, outputs); a zero point for each output at most."""
    check_matrix(operands, operands.constant(weights, "weights").shape, maps=True)
    return dense(operands, integer_weights(operands, weights, zero_point(operands, zero)))


def in_turn(*operations: Operation) -> OperationSequence:
    """Operations one after the other, chains among them opened and what forwards left out."""
    flat = [each.operations if isinstance(each, OperationSequence) else (each,) for each in operations]
    return OperationSequence(tuple(step for steps in flat for step in steps if not isinstance(step, Forwarding)))


AS_INTEGERS = Elementwise(Call("ToFloat", (_X,)), result="integer", takes=("any",))


def _conv_integer(node: OnnxNode, operands: Operands) -> Operation:
    """A convolution of integers with integers, zero points taken away first."""
    return in_turn(input_less_zero(operands, 2), _convolution(node, operands, weights=1, zero=3), AS_INTEGERS)


def _matmul_integer(node: OnnxNode, operands: Operands) -> Operation:
    """A matrix product of integers with integers, zero points taken away first."""
    return in_turn(input_less_zero(operands, 2), integer_product(operands, weights=1, zero=3), AS_INTEGERS)


def _qlinear_conv(node: OnnxNode, operands: Operands) -> Operation:
    """A convolution of integers, its sums scaled, rounded, shifted and saturated to integers again."""
    bias = whole(operands.constant(8, "biases")) if operands.has(8) else None
    if bias is not None and not np.array_equal(bias.astype(np.float32), bias):
        raise Refusal("has biases that float32 does not hold", "use coarser scales")
    layer = _convolution(
        node, operands, weights=3, zero=5, bias=None if bias is None else bias.astype(np.float32).reshape(-1)
    )
    axes = (1, -1, *(1,) * len(layer.window.kernel))
    return in_turn(input_less_zero(operands, 2), layer, _requantised(operands, axes))


def _qlinear_matmul(node: OnnxNode, operands: Operands) -> Operation:
    """A matrix product of integers, its sums scaled, rounded, shifted and saturated to integers again."""
    shape = operands.shape(0)
    axes = (-1,) if len(shape) == 2 else (1, 1, -1) if len(shape) == 3 else (1, 1, 1, -1)
    product = integer_product(operands, weights=3, zero=5)
    return in_turn(input_less_zero(operands, 2), product, _requantised(operands, axes))


def _requantised(operands: Operands, axes: tuple[int, ...]) -> Elementwise:
    """Sums times (input scale * weight scale / output scale), rounded, plus the zero point, saturated."""
    input_scale, weight_scale, output_scale = (scale_operand(operands, index) for index in (1, 4, 6))
    if input_scale.ndim or output_scale.ndim:
        raise Refusal("has scales that differ along its input or output", "use one scale for each")
    factor = np.asarray(input_scale * weight_scale / output_scale, np.float32)
    zero = zero_point(operands, 7)
    if zero.ndim:
        raise Refusal("has zero points that differ along its output", "use one zero point for it")
    low, high = range_of(operands.constant(7, "zero points").dtype.name)
    check_bits(operands, (high - low).bit_length())
    term = Call("Mul", (_X, factor.reshape(axes) if factor.ndim else factor))
    return Elementwise(saturated(term, zero, low, high), result="integer")


OPERATORS: dict[str, Recogniser] = {
    "ConvInteger": _conv_integer,
    "DequantizeLinear": _dequantize_linear,
    "MatMulInteger": _matmul_integer,
    "QLinearConv": _qlinear_conv,
    "QLinearMatMul": _qlinear_matmul,
    "QuantizeLinear": _quantize_linear,
}


QDQ = Dialect("ONNX, quantised", frozenset(("",)), OPERATORS)
