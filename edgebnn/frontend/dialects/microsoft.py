"""onnxruntime's own quantised operators (domain com.microsoft). It only recognises.

What each rounds was tried with onnxruntime 1.32 on a processor with AVX2, at every pair of integers and every tie. A
sum, a product and an average add the zero point before they round half to even, the others behind it, as QuantizeLinear
does. A sum multiplies each operand by its scale in the output's and adds at once (fused multiply-add).
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from edgebnn.frontend.algebra.fused_multiply_add import multiply_add
from edgebnn.frontend.dialects import qdq
from edgebnn.frontend.dialects.channel_order import channels_first, operands_channels_first
from edgebnn.frontend.dialects.conv_gemm_batchnorm import check_matrix
from edgebnn.frontend.dialects.output_operators import ENDINGS, softmax
from edgebnn.frontend.dialects.pooling_and_padding import POOLS
from edgebnn.frontend.dialects.qdq import in_turn, integer_weights, range_of, saturated, whole, zero_point
from edgebnn.frontend.dialects.quantisers import check_bits, scale_operand, shifted
from edgebnn.frontend.onnx.graph import Array, OnnxNode
from edgebnn.frontend.operations import (
    Averaging,
    Call,
    Dialect,
    Dropping,
    Elementwise,
    Joining,
    Operand,
    Operands,
    Operation,
    Recogniser,
    Term,
    WeightedSum,
    transposed,
)
from edgebnn.frontend.problems import Refusal

_X = Operand(0)
_NONE = np.zeros((), np.float32)


def _unit(operands: Operands, scale: int) -> tuple[Array, Array]:
    """The one scale and the one zero point at operands `scale` and `scale` + 1."""
    unit, zero = scale_operand(operands, scale), zero_point(operands, scale + 1)
    if unit.ndim or zero.ndim:
        raise Refusal("has scales or zero points that differ along an operand or its output", "use one for each")
    return unit, zero


def _real(operands: Operands, index: int) -> Call:
    """What an operand is worth, whose scale and zero point follow it."""
    scale, zero = _unit(operands, index + 1)
    if operands.optional(index) is not None:
        raise Refusal("works on a constant", "export the model with its constants folded")
    return Call("Mul", (shifted("Sub", Call("ToFloat", (Operand(index),)), zero), scale))


def _quantised(operands: Operands, term: Term, scale: int, like: int) -> Elementwise:
    """A term as integers of the scale and zero point at operands `scale` and `scale` + 1, typed as by `_integers`."""
    unit, zero = _unit(operands, scale)
    return _integers(operands, Call("Div", (term, unit)), zero, (scale + 1, like))


def _integers(operands: Operands, share: Term, zero: Array, typed: tuple[int, ...]) -> Elementwise:
    """A term rounded half to even, plus a zero point, within the type of the first operand of `typed` that is there."""
    like = next((index for index in typed if operands.has(index)), None)
    if like is None:
        raise Refusal("has no zero points, so nothing says of which type its integers are", "give it zero points of 0")
    low, high = range_of(operands.constant(like, "zero points").dtype.name)
    check_bits(operands, (high - low).bit_length())
    return Elementwise(saturated(share, zero, low, high), result="integer", takes=("integer",))


def _qlinear_add(node: OnnxNode, operands: Operands) -> Operation:
    """The sum of integers of two scales, or of integers and constants, as integers of a third.

    Both are multiplied by their scales in the output's, from the second on added to what the zero points come to.
    """
    (one, zero), (other, other_zero), (unit, last) = (_unit(operands, index) for index in (1, 4, 6))
    order = [(0, one / unit, zero), (3, other / unit, other_zero)]
    if _spread(operands, 0):  # a constant that goes with many is added to the zero points first
        order.reverse()
    (_, factor, shift), (_, other_factor, other_shift) = order
    total: Term = np.asarray(last - multiply_add(factor, shift, np.asarray(other_factor * other_shift)), np.float32)
    for index, factor, _ in reversed(order):
        value = operands.optional(index)
        term = Call("ToFloat", (Operand(index),)) if value is None else whole(value).astype(np.float32)
        if isinstance(term, Call) or isinstance(total, Call):
            total = Call("MulAdd", (term, factor, total))
        else:
            total = multiply_add(term, factor, np.asarray(total))
    return _integers(operands, total, _NONE, (7, 2))


def _spread(operands: Operands, index: int) -> bool:
    """Whether an operand is a constant of which each value goes with many, one behind the other, of the other one."""
    value = operands.optional(index)
    return value is not None and (value.ndim == 0 or value.shape[-1] == 1)


def _qlinear_mul(node: OnnxNode, operands: Operands) -> Operation:
    """The product of integers with constants, as integers of another scale."""
    if operands.optional(0) is None and operands.optional(3) is None:
        raise Refusal("multiplies two values of the network", "products with constants are mapped, others are not")
    (one, zero), (other, other_zero), (unit, last) = (_unit(operands, index) for index in (1, 4, 6))
    terms: list[Term] = []
    for index, shift in ((0, zero), (3, other_zero)):
        value = operands.optional(index)
        varying = shifted("Sub", Call("ToFloat", (Operand(index),)), shift)
        terms.append(varying if value is None else np.asarray(whole(value).astype(np.float32) - shift))
    share = Call("Mul", (Call("Mul", tuple(terms)), np.asarray(one * other / unit)))
    return _integers(operands, shifted("Add", share, last), _NONE, (7, 2))


def _qlinear_leaky_relu(node: OnnxNode, operands: Operands) -> Operation:
    """Integers below zero times a constant, as integers of another scale."""
    slope = np.array(node.number("alpha", 0.01), np.float32)
    return _quantised(operands, Call("PRelu", (_real(operands, 0), slope)), scale=3, like=2)


def _qlinear_concat(node: OnnxNode, operands: Operands) -> Operation:
    """Integers of several scales one behind the other, as integers of one."""
    count = len(operands.present) - 2
    if count < 3 or count % 3:
        raise Refusal("does not have a scale and a zero point for each value that it joins", "export the model again")
    rank = len(operands.shape(2))
    axis = node.integer("axis", 1)
    if not -rank <= axis < rank or axis % rank == 0:
        raise Refusal("joins along the batch axis, or one that is not there", "join channels or features")
    places = range(2, 2 + count, 3)
    if any(operands.optional(place) is not None for place in places):
        raise Refusal("joins constants to values of the network", "leave the constants out, or pad instead")
    return Joining(axis % rank, tuple(_quantised(operands, _real(operands, at), scale=0, like=at + 2) for at in places))


def _qlinear_average_pool(node: OnnxNode, operands: Operands) -> Operation:
    """The mean under a window of integers, as integers of another scale."""
    rank = len(operands.shape(0))
    last = bool(node.integer("channels_last", 0))
    mean = POOLS["AveragePool"](node, operands_channels_first(operands, rank) if last else operands)
    real = Elementwise(_real(operands, 0), takes=("integer",))
    unit, zero = _unit(operands, 3)
    steps = replace(_integers(operands, shifted("Add", Call("Div", (_X, unit)), zero), _NONE, (4, 2)), takes=("float",))
    return in_turn(real, channels_first(mean, rank) if last else mean, steps)


def _qlinear_global_average_pool(node: OnnxNode, operands: Operands) -> Operation:
    """The mean of each channel of integers, as integers of another scale.

    It is their sum times one factor.
    """
    shape, last = operands.shape(0), bool(node.integer("channels_last", 0))
    count = np.float32(prod(shape[1:-1] if last else shape[2:]))
    (unit, _), (out, zero) = _unit(operands, 1), _unit(operands, 3)
    sums = Averaging(None, divides=False)
    share = Call("Mul", (_X, np.asarray(unit / (out * count))))
    steps = replace(_integers(operands, share, zero, (4, 2)), takes=("float",))
    return in_turn(qdq.input_less_zero(operands, 2), channels_first(sums, len(shape)) if last else sums, steps)


def _qgemm(node: OnnxNode, operands: Operands) -> Operation:
    """A dense layer of integers with int32 biases, as integers of another scale or as real numbers."""
    if node.integer("transA", 0):
        raise Refusal("transposes its input", "put the batch axis first")
    input_scale, weight_scale = scale_operand(operands, 1), scale_operand(operands, 4)
    if input_scale.ndim:
        raise Refusal("has scales that differ along its input", "use one scale for the layer's input")
    sums = in_turn(qdq.input_less_zero(operands, 2), _dense(node, operands))
    factor = np.asarray(np.float32(node.number("alpha", 1.0)) * input_scale * weight_scale, np.float32)
    if not operands.has(7):
        return in_turn(sums, Elementwise(Call("Mul", (_X, factor))))
    unit, zero = _unit(operands, 7)
    share = Call("Mul", (_X, np.asarray(factor / unit)))
    return in_turn(sums, replace(_integers(operands, share, zero, (8, 2)), takes=("float",)))


def _dense(node: OnnxNode, operands: Operands) -> WeightedSum:
    """QGemm's sums of integers."""
    given, zeros = operands.constant(3, "weights"), zero_point(operands, 5)
    check_matrix(operands, given.shape, maps=False)
    across = bool(node.integer("transB", 0))
    weights = integer_weights(operands, 3, zeros[:, np.newaxis] if across and zeros.ndim else zeros)
    bias = whole(operands.constant(6, "biases")).reshape(-1) if operands.has(6) else None
    if bias is not None and not np.array_equal(bias.astype(np.float32), bias):
        raise Refusal("has biases that float32 does not hold", "use coarser scales")
    return WeightedSum(weights if across else transposed(weights), None if bias is None else bias.astype(np.float32))


def _qlinear_softmax(node: OnnxNode, operands: Operands) -> Operation:
    """Probabilities of the classes as integers, at the end of a model: left out.

    Its attribute `opset` says which axes it is over, whatever the model's own is.
    """
    return _left_out(softmax(node, operands, node.integer("opset", operands.opset)))


def _qlinear_sigmoid(node: OnnxNode, operands: Operands) -> Operation:
    """The sigmoid of integers: left out at the end of a model, elsewhere integers of another scale."""
    steps = _quantised(operands, Call("Sigmoid", (_real(operands, 0),)), scale=3, like=2)
    return _left_out(ENDINGS["Sigmoid"](node, operands), otherwise=steps)


def _left_out(operation: Operation, otherwise: Elementwise | None = None) -> Operation:
    assert isinstance(operation, Dropping), "an ending is left out"
    return replace(operation, leaves="levels", otherwise=otherwise)


OPERATORS: dict[str, Recogniser] = {
    "DequantizeLinear": qdq.OPERATORS["DequantizeLinear"],
    "QGemm": _qgemm,
    "QLinearAdd": _qlinear_add,
    "QLinearAveragePool": _qlinear_average_pool,
    "QLinearConcat": _qlinear_concat,
    "QLinearGlobalAveragePool": _qlinear_global_average_pool,
    "QLinearLeakyRelu": _qlinear_leaky_relu,
    "QLinearMul": _qlinear_mul,
    "QLinearSigmoid": _qlinear_sigmoid,
    "QLinearSoftmax": _qlinear_softmax,
    "QuantizeLinear": qdq.OPERATORS["QuantizeLinear"],
}

MICROSOFT = Dialect("onnxruntime", frozenset(("com.microsoft",)), OPERATORS)
