"""ONNX's layers with weights, and batch norm. It only recognises."""

from __future__ import annotations

import numpy as np

from edgebnn.frontend.dialects.channel_order import channels_first
from edgebnn.frontend.dialects.window_attributes import window_of
from edgebnn.frontend.onnx.graph import Array, OnnxNode
from edgebnn.frontend.operations import (
    Call,
    Elementwise,
    Operand,
    Operands,
    Operation,
    Quantised,
    Recogniser,
    WeightedSum,
    scaled,
    shape_of,
    transposed,
)
from edgebnn.frontend.problems import Refusal
from edgebnn.network.types import Window

_AGAIN = "export the model again"

# Gemm's kernels in onnxruntime put the bias in first and add the products in blocks of 256 inputs: up to one block the
# bias is added to the whole sum (tried with onnxruntime 1.32).
_GEMM_BLOCK = 256


def conv(node: OnnxNode, operands: Operands) -> Operation:
    """A convolution over one or two axes, with groups, strides, dilations and padding."""
    weights = operands.weights(1)
    return WeightedSum(
        weights, _bias(operands, 2), conv_window(node, operands, shape_of(weights)), node.integer("group", 1)
    )


def conv_window(node: OnnxNode, operands: Operands, weights: tuple[int, ...]) -> Window:
    """The window of a convolution with weights of this shape."""
    if len(weights) not in (3, 4):
        raise Refusal(f"has weights with {len(weights)} axes", "only 1-d and 2-d convolutions are mapped")
    kernel = weights[2:]
    if node.integers("kernel_shape", kernel) != kernel:
        raise Refusal("has a kernel_shape that is not its weights' shape", _AGAIN)
    return window_of(node, operands, kernel)


def _gemm(node: OnnxNode, operands: Operands) -> Operation:
    """A dense layer: input times weights, with factors and a bias."""
    check_matrix(operands, shape_of(operands.weights(1)), maps=False)
    weights = operands.weights(1)
    if node.integer("transA", 0):
        raise Refusal("transposes its input", "put the batch axis first")
    if not node.integer("transB", 0):
        weights = transposed(weights)
    alpha, beta = node.number("alpha", 1.0), node.number("beta", 1.0)
    neurons, inputs = shape_of(weights)
    bias = None
    if operands.has(2):
        bias = operands.constant(2, "biases")
        if bias.size not in (1, neurons) or (bias.size > 1 and bias.shape[-1] != neurons):
            raise Refusal(f"has a bias of shape {list(bias.shape)} for {neurons} neurons", _AGAIN)
        bias = np.broadcast_to((np.float32(beta) * bias).reshape(-1), (neurons,))
    return WeightedSum(scaled(weights, alpha), bias, bias_first=inputs > _GEMM_BLOCK)


def _matmul(node: OnnxNode, operands: Operands) -> Operation:
    """A dense layer without a bias; on a map, over its last axis at every place."""
    weights = operands.weights(1)
    check_matrix(operands, shape_of(weights), maps=True)
    return dense(operands, weights)


def dense(operands: Operands, weights: Array | Quantised) -> Operation:
    """Operand 0 times weights (inputs, outputs): a dense layer, or one over the last axis of a map at every place."""
    weights = transposed(weights)
    shape = operands.shapes[0]
    spatial = 0 if shape is None else len(shape) - 2
    if not spatial:
        return WeightedSum(weights)
    ones = (1,) * spatial
    window = Window(ones, ones, ones, (0,) * spatial, (0,) * spatial)
    return channels_first(WeightedSum(_with_kernel(weights, spatial), window=window), spatial + 2)


def _with_kernel(weights: Array | Quantised, spatial: int) -> Array | Quantised:
    """A matrix of weights as the kernels of a convolution with windows of one place."""
    if isinstance(weights, Quantised):
        parts = (weights.values, weights.integers, weights.scale)
        return Quantised(*(part.reshape(*part.shape, *(1,) * spatial) for part in parts))
    return weights.reshape(*weights.shape, *(1,) * spatial)


def check_matrix(operands: Operands, weights: tuple[int, ...], maps: bool) -> None:
    """Refusal where operands are not input times a matrix of weights; `maps` says that the input may be a map."""
    if operands.optional(0) is not None:
        raise Refusal("has its constant on the left", "write the layer as input times weights")
    shape = operands.shapes[0]  # unknown behind another problem, but the weights can be judged all the same
    if len(weights) != 2 or (shape is not None and not 2 <= len(shape) <= (4 if maps else 2)):
        raise Refusal("multiplies tensors that are not matrices", "flatten to (batch, features) before a dense layer")


def _bias(operands: Operands, index: int) -> Array | None:
    return operands.constant(index, "biases").reshape(-1) if operands.has(index) else None


def batch_normalization(node: OnnxNode, operands: Operands) -> Operation:
    """Batch norm with constant means and variances.

    As onnxruntime's CPU kernel computes it, bit for bit (tried with optimisations off), in float32: inverse = 1 /
    sqrt(variance + epsilon); factor = scale * inverse; shift = bias - mean * factor; y = x * factor + shift, product
    and sum each rounded.
    """
    if node.integer("training_mode", 0) or len([name for name in node.outputs if name]) > 1:
        raise Refusal("is in training mode", "export the model in evaluation mode (model.eval())")
    names = ("scales", "biases", "means", "variances")
    scale, bias, mean, variance = (operands.constant(i, name) for i, name in enumerate(names, start=1))
    if not scale.shape == bias.shape == mean.shape == variance.shape or scale.ndim != 1:
        raise Refusal("has parameters of different lengths", _AGAIN)
    with np.errstate(all="ignore"):
        inverse = np.float32(1) / np.sqrt(variance + np.float32(node.number("epsilon", 1e-5)))
        factor = scale * inverse
        shift = bias - mean * factor
    if not (np.all(inverse > 0) and np.isfinite(factor).all() and np.isfinite(shift).all()):
        raise Refusal("has a variance that is negative, or parameters out of range", "train the model again")
    axes = (1, -1) + (1,) * (len(operands.shape(0)) - 2)
    return Elementwise(Call("Add", (Call("Mul", (Operand(0), factor.reshape(axes))), shift.reshape(axes))))


LAYERS: dict[str, Recogniser] = {
    "BatchNormalization": batch_normalization,
    "Conv": conv,
    "Gemm": _gemm,
    "MatMul": _matmul,
}
