"""Operators on constants, each a few lines of NumPy with ONNX's meaning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from math import prod
from typing import Any

import numpy as np

from edgebnn.frontend.onnx.graph import Array, OnnxNode, as_integers
from edgebnn.frontend.onnx.tensors import dtype_name
from edgebnn.frontend.problems import Refusal

Arguments = Sequence[Array | None]
Fold = Callable[[OnnxNode, Arguments, int], Any]


def _cast(array: Array, node: OnnxNode) -> Array:
    """ONNX Cast of a constant."""
    name = dtype_name(node.integer("to", 0))
    if name is None:
        raise Refusal("casts to an element type that is not read", "export the model in float32")
    return array.astype(name)


def operand_of(arguments: Arguments, index: int) -> Array:
    """The operand; Refusal where it is left out."""
    value = arguments[index] if index < len(arguments) else None
    if value is None:
        raise Refusal(f"lacks its operand {index}", "export the model again")
    return value


def _axes(node: OnnxNode, arguments: Arguments, index: int) -> tuple[int, ...] | None:
    """Axes from the operand (newer opsets) or the attribute (older ones)."""
    if index < len(arguments) and arguments[index] is not None:
        return as_integers(operand_of(arguments, index), "axes")
    return node.integers("axes")


def shape_operand(arguments: Arguments, index: int) -> tuple[int, ...]:
    """The operand as a shape; Refusal where it is none."""
    shape = as_integers(operand_of(arguments, index), "extents")
    if any(extent < 0 for extent in shape):
        raise Refusal("asks for a negative extent", "export the model again")
    return shape


def _binary(function: Callable[[Any, Any], Any]) -> Fold:
    def fold(node: OnnxNode, arguments: Arguments, opset: int) -> Any:
        left, right = operand_of(arguments, 0), operand_of(arguments, 1)
        if left.dtype != right.dtype:
            raise Refusal(f"mixes {left.dtype} with {right.dtype}", "export the model again")
        return function(left, right)

    return fold


def _many(function: Callable[[Any, Any], Any]) -> Fold:
    return lambda node, arguments, opset: reduce(function, (operand_of(arguments, i) for i in range(len(arguments))))


def _power(node: OnnxNode, arguments: Arguments, opset: int) -> Any:
    base, exponent = operand_of(arguments, 0), operand_of(arguments, 1)
    return np.power(base, exponent.astype(base.dtype) if base.dtype.kind == "f" else exponent).astype(base.dtype)


def _unary(function: Callable[[Any], Any]) -> Fold:
    return lambda node, arguments, opset: function(operand_of(arguments, 0))


def _divide(left: Array, right: Array) -> Any:
    if left.dtype.kind in "iu":
        quotient = np.abs(left) // np.abs(right)  # ONNX truncates towards zero
        return np.where((left < 0) != (right < 0), -quotient, quotient).astype(left.dtype)
    return left / right


def _clip(node: OnnxNode, arguments: Arguments, opset: int) -> Any:
    value = operand_of(arguments, 0)
    low = arguments[1] if len(arguments) > 1 else None
    high = arguments[2] if len(arguments) > 2 else None
    if opset < 11:
        low = np.array(node.number("min", -np.inf), value.dtype)
        high = np.array(node.number("max", np.inf), value.dtype)
    value = value if low is None else np.maximum(value, low)
    return value if high is None else np.minimum(value, high)


def _constant_of_shape(node: OnnxNode, arguments: Arguments, opset: int) -> Any:
    value = node.attributes.get("value", np.zeros(1, np.float32))
    if not isinstance(value, np.ndarray) or value.size != 1:
        raise Refusal("fills with something that is not one number", "export the model again")
    return np.full(shape_operand(arguments, 0), value.reshape(-1)[0], dtype=value.dtype)


def _reshape(node: OnnxNode, arguments: Arguments, opset: int) -> Any:
    value = operand_of(arguments, 0)
    wanted = as_integers(operand_of(arguments, 1), "extents")
    if not node.integer("allowzero", 0):
        wanted = tuple(value.shape[i] if extent == 0 else extent for i, extent in enumerate(wanted))
    return value.reshape(wanted)


def _flatten(node: OnnxNode, arguments: Arguments, opset: int) -> Any:
    value = operand_of(arguments, 0)
    axis = node.integer("axis", 1)
    axis = axis + value.ndim if axis < 0 else axis
    return value.reshape(prod(value.shape[:axis]), -1)


def _squeeze(node: OnnxNode, arguments: Arguments, opset: int) -> Any:
    return np.squeeze(operand_of(arguments, 0), axis=_axes(node, arguments, 1))


def _unsqueeze(node: OnnxNode, arguments: Arguments, opset: int) -> Any:
    return np.expand_dims(operand_of(arguments, 0), _axes(node, arguments, 1) or ())


def _reduce(function: Callable[..., Any]) -> Fold:
    def fold(node: OnnxNode, arguments: Arguments, opset: int) -> Any:
        axes = _axes(node, arguments, 1)
        if not axes and node.integer("noop_with_empty_axes", 0):
            return operand_of(arguments, 0)
        return function(operand_of(arguments, 0), axis=axes or None, keepdims=bool(node.integer("keepdims", 1)))

    return fold


def _slice(node: OnnxNode, arguments: Arguments, opset: int) -> Any:
    value = operand_of(arguments, 0)
    starts, ends = (as_integers(operand_of(arguments, index), "bounds") for index in (1, 2))
    axes = _axes(node, arguments, 3) or tuple(range(len(starts)))
    steps = as_integers(operand_of(arguments, 4), "steps") if len(arguments) > 4 else (1,) * len(starts)
    cut = [slice(None)] * value.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        stop = None if step < 0 and end < -value.shape[axis] else end
        cut[axis] = slice(start, stop, step)
    return value[tuple(cut)]


def _where(node: OnnxNode, arguments: Arguments, opset: int) -> Any:
    return np.where(*(operand_of(arguments, index) for index in range(3)))


def _shape(node: OnnxNode, arguments: Arguments, opset: int) -> Any:
    shape = operand_of(arguments, 0).shape
    return np.array(shape[node.integer("start", 0) : node.integer("end", len(shape))], np.int64)


def _dropout(node: OnnxNode, arguments: Arguments, opset: int) -> Any:
    if len(arguments) > 2 and arguments[2] is not None and np.any(arguments[2]):
        raise Refusal("is in training mode", "export the model in evaluation mode (model.eval())")
    return operand_of(arguments, 0)


def _relu(node: OnnxNode, arguments: Arguments, opset: int) -> Any:
    return np.maximum(operand_of(arguments, 0), 0)


ELEMENTWISE: dict[str, Fold] = {
    "Add": _binary(np.add),
    "Sub": _binary(np.subtract),
    "Mul": _binary(np.multiply),
    "Div": _binary(_divide),
    "Pow": _power,
    "Sum": _many(np.add),
    "Max": _many(np.maximum),
    "Min": _many(np.minimum),
    "Equal": _binary(np.equal),
    "Greater": _binary(np.greater),
    "GreaterOrEqual": _binary(np.greater_equal),
    "Less": _binary(np.less),
    "LessOrEqual": _binary(np.less_equal),
    "And": _binary(np.logical_and),
    "Or": _binary(np.logical_or),
    "Where": _where,
}

FOLDS: dict[str, Fold] = {
    **ELEMENTWISE,
    "Abs": _unary(np.abs),
    "Ceil": _unary(np.ceil),
    "Exp": _unary(np.exp),
    "Floor": _unary(np.floor),
    "Log": _unary(np.log),
    "Identity": _unary(np.asarray),
    "Neg": _unary(np.negative),
    "Not": _unary(np.logical_not),
    "Reciprocal": _unary(np.reciprocal),
    "Relu": _relu,
    "Round": _unary(np.round),
    "Shape": _shape,
    "Sign": _unary(np.sign),
    "Sqrt": _unary(np.sqrt),
    "Tanh": _unary(np.tanh),
    "Cast": lambda node, arguments, opset: _cast(operand_of(arguments, 0), node),
    "CastLike": lambda node, arguments, opset: operand_of(arguments, 0).astype(operand_of(arguments, 1).dtype),
    "Clip": _clip,
    "Concat": lambda node, arguments, opset: np.concatenate(
        [argument for argument in arguments if argument is not None], axis=node.integer("axis", 0)
    ),
    "ConstantOfShape": _constant_of_shape,
    "Dropout": _dropout,
    "Expand": lambda node, arguments, opset: (
        operand_of(arguments, 0) * np.ones(shape_operand(arguments, 1), dtype=operand_of(arguments, 0).dtype)
    ),
    "Flatten": _flatten,
    "Gather": lambda node, arguments, opset: np.take(
        operand_of(arguments, 0), operand_of(arguments, 1), axis=node.integer("axis", 0)
    ),
    "Range": lambda node, arguments, opset: np.arange(
        *(operand_of(arguments, index).reshape(-1)[0] for index in range(3)), dtype=operand_of(arguments, 0).dtype
    ),
    "ReduceL1": _reduce(lambda value, **options: np.sum(np.abs(value), **options)),
    "ReduceL2": _reduce(lambda value, **options: np.sqrt(np.sum(np.square(value), **options))),
    "ReduceMax": _reduce(np.max),
    "ReduceMean": _reduce(np.mean),
    "ReduceMin": _reduce(np.min),
    "ReduceSum": _reduce(np.sum),
    "Reshape": _reshape,
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Tile": lambda node, arguments, opset: np.tile(operand_of(arguments, 0), shape_operand(arguments, 1)),
    "Transpose": lambda node, arguments, opset: np.transpose(operand_of(arguments, 0), node.integers("perm")),
    "Unsqueeze": _unsqueeze,
}
