"""Constant folding: what exporters leave as a subgraph on initializers becomes an array again.

Each operator is a few lines of NumPy with ONNX's meaning. The size of a result is known before it is made, and the
whole of a model's folding is bounded, so a small file cannot ask for a large array or for endless work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from math import prod
from typing import Any

import numpy as np

from edgebnn.frontend.graph import Array, Node, as_integers
from edgebnn.frontend.operations import Quantised
from edgebnn.frontend.problems import Refusal
from edgebnn.frontend.tensors import dtype_name

# Elements of one folded constant, and of all of them in one model: six times the weights of a binary ResNet-18.
MAX_ELEMENTS = 2**25
MAX_WORK = 2**26

Arguments = Sequence[Array | None]

# What moves constants about, or changes their scale, and leaves their integers known.
_MOVES = frozenset(("Dropout", "Flatten", "Gather", "Identity", "Reshape", "Slice", "Squeeze", "Tile", "Transpose"))
_MOVES |= {"Unsqueeze"}
_SCALES = frozenset(("Div", "Mul", "Neg"))

_SMALLER = "export the model with its constants folded"


class Folder:
    """Folds the constant nodes of one model and keeps count of the work."""

    def __init__(self, opset: int) -> None:
        self._opset = opset
        self._work = 0

    def fold(self, node: Node, arguments: Sequence[Array | Quantised | None]) -> Array | Quantised:
        """The only output of a `foldable` node; Refusal where its operands do not fit or its result is too large.

        What only moves quantised constants about, or scales them, leaves them quantised.
        """
        plain = [argument.values if isinstance(argument, Quantised) else argument for argument in arguments]
        first = arguments[0] if arguments else None
        if isinstance(first, Quantised) and node.operator in _MOVES:
            full = np.broadcast_to(first.scale, first.values.shape)
            return Quantised(*(self._folded(node, [part, *plain[1:]]) for part in (first.values, first.integers, full)))
        if sum(isinstance(argument, Quantised) for argument in arguments) == 1 and node.operator in _SCALES:
            return self._rescaled(node, arguments, plain)
        return self._folded(node, plain)

    def _rescaled(
        self, node: Node, arguments: Sequence[Array | Quantised | None], plain: Arguments
    ) -> Array | Quantised:
        """Quantised constants times, or divided by, others; where the others make them larger they are plain again."""
        values = self._folded(node, plain)
        old = next(argument for argument in arguments if isinstance(argument, Quantised))
        if values.shape != old.values.shape or (node.operator == "Div" and old is not arguments[0]):
            return values
        # A scale stays positive, as the integers' own sign says which of the values are.
        full = np.broadcast_to(old.scale, values.shape)
        scale = self._folded(
            node, [full if argument is old else other for argument, other in zip(arguments, plain, strict=True)]
        )
        flip = np.where((scale < 0) != (full < 0), -1, 1)
        return Quantised(values, old.integers * flip, np.where(flip < 0, -scale, scale))

    def _folded(self, node: Node, arguments: Arguments) -> Array:
        if len(node.outputs) != 1:
            raise Refusal("gives several constants at once", _SMALLER)
        elements = _size(node, arguments, self._opset)
        self._work += elements
        if elements > MAX_ELEMENTS or self._work > MAX_WORK:
            raise Refusal(f"makes a constant of {elements} elements, too many to fold", _SMALLER)
        try:
            with np.errstate(all="ignore"):
                return np.asarray(_FOLDS[node.operator](node, arguments, self._opset))
        except (ValueError, IndexError, TypeError, ZeroDivisionError, OverflowError) as error:
            # NumPy's own checks of shapes, axes and indices: the operands of this one node do not fit together.
            raise Refusal("has constant operands that do not fit together", "export the model again") from error


def foldable(node: Node) -> bool:
    """Whether the operator can be folded where all its operands are constants."""
    return not node.domain and node.operator in _FOLDS


def folded_operators() -> tuple[str, ...]:
    """The operators that are folded, by name."""
    return tuple(sorted(_FOLDS))


def constant_of(node: Node) -> Array:
    """The array of a Constant node."""
    for name, dtype in (("value_float", np.float32), ("value_floats", np.float32), ("value_int", np.int64)):
        if name in node.attributes:
            return np.array(node.attributes[name], dtype=dtype)
    if "value_ints" in node.attributes:
        return np.array(node.attributes["value_ints"], dtype=np.int64)
    value = node.attributes.get("value")
    if isinstance(value, np.ndarray):
        return value
    raise Refusal("holds a constant that is not a plain tensor of numbers", "export the model again")


def cast(array: Array, node: Node) -> Array:
    """ONNX Cast of a constant."""
    name = dtype_name(node.integer("to", 0))
    if name is None:
        raise Refusal("casts to an element type that is not read", "export the model in float32")
    return array.astype(name)


def _operand(arguments: Arguments, index: int) -> Array:
    value = arguments[index] if index < len(arguments) else None
    if value is None:
        raise Refusal(f"lacks its operand {index}", "export the model again")
    return value


def _axes(node: Node, arguments: Arguments, index: int) -> tuple[int, ...] | None:
    """Axes from the operand (newer opsets) or the attribute (older ones)."""
    if index < len(arguments) and arguments[index] is not None:
        return as_integers(_operand(arguments, index), "axes")
    return node.integers("axes")


def _shape_operand(arguments: Arguments, index: int) -> tuple[int, ...]:
    shape = as_integers(_operand(arguments, index), "extents")
    if any(extent < 0 for extent in shape):
        raise Refusal("asks for a negative extent", "export the model again")
    return shape


def _size(node: Node, arguments: Arguments, opset: int) -> int:
    """Elements of the result, before it is made."""
    match node.operator:
        case "ConstantOfShape":
            return prod(_shape_operand(arguments, 0))
        case "Expand":
            shape = _shape_operand(arguments, 1)
            return prod(_broadcast(_operand(arguments, 0).shape, shape))
        case "Tile":
            return int(_operand(arguments, 0).size) * prod(_shape_operand(arguments, 1))
        case "Concat":
            return sum(int(argument.size) for argument in arguments if argument is not None)
        case "Gather":
            data, indices = _operand(arguments, 0), _operand(arguments, 1)
            axis = node.integer("axis", 0)
            if not -data.ndim <= axis < data.ndim:
                raise Refusal("gathers along an axis that is not there", "export the model again")
            along = int(data.shape[axis])
            return int(data.size) // max(along, 1) * int(indices.size)
        case "Range":
            start, limit, delta = (float(_operand(arguments, index).reshape(-1)[0]) for index in range(3))
            if delta == 0 or not np.isfinite([start, limit, delta]).all():
                raise Refusal("counts in steps of zero", "export the model again")
            return max(0, int(np.ceil((limit - start) / delta)))
        case operator if operator in _ELEMENTWISE:
            shapes = [argument.shape for argument in arguments if argument is not None]
            return prod(_broadcast(*shapes))
        case _:
            return max((int(argument.size) for argument in arguments if argument is not None), default=0)


def _broadcast(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError as error:
        raise Refusal("has constant operands of shapes that do not fit together", "export the model again") from error


def _binary(function: Callable[[Any, Any], Any]) -> Callable[[Node, Arguments, int], Any]:
    def fold(node: Node, arguments: Arguments, opset: int) -> Any:
        left, right = _operand(arguments, 0), _operand(arguments, 1)
        if left.dtype != right.dtype:
            raise Refusal(f"mixes {left.dtype} with {right.dtype}", "export the model again")
        return function(left, right)

    return fold


def _many(function: Callable[[Any, Any], Any]) -> Callable[[Node, Arguments, int], Any]:
    return lambda node, arguments, opset: reduce(function, (_operand(arguments, i) for i in range(len(arguments))))


def _power(node: Node, arguments: Arguments, opset: int) -> Any:
    base, exponent = _operand(arguments, 0), _operand(arguments, 1)
    return np.power(base, exponent.astype(base.dtype) if base.dtype.kind == "f" else exponent).astype(base.dtype)


def _unary(function: Callable[[Any], Any]) -> Callable[[Node, Arguments, int], Any]:
    return lambda node, arguments, opset: function(_operand(arguments, 0))


def _divide(left: Array, right: Array) -> Any:
    if left.dtype.kind in "iu":
        quotient = np.abs(left) // np.abs(right)  # ONNX truncates towards zero
        return np.where((left < 0) != (right < 0), -quotient, quotient).astype(left.dtype)
    return left / right


def _clip(node: Node, arguments: Arguments, opset: int) -> Any:
    value = _operand(arguments, 0)
    low = arguments[1] if len(arguments) > 1 else None
    high = arguments[2] if len(arguments) > 2 else None
    if opset < 11:
        low = np.array(node.number("min", -np.inf), value.dtype)
        high = np.array(node.number("max", np.inf), value.dtype)
    value = value if low is None else np.maximum(value, low)
    return value if high is None else np.minimum(value, high)


def _constant_of_shape(node: Node, arguments: Arguments, opset: int) -> Any:
    value = node.attributes.get("value", np.zeros(1, np.float32))
    if not isinstance(value, np.ndarray) or value.size != 1:
        raise Refusal("fills with something that is not one number", "export the model again")
    return np.full(_shape_operand(arguments, 0), value.reshape(-1)[0], dtype=value.dtype)


def _reshape(node: Node, arguments: Arguments, opset: int) -> Any:
    value = _operand(arguments, 0)
    wanted = as_integers(_operand(arguments, 1), "extents")
    if not node.integer("allowzero", 0):
        wanted = tuple(value.shape[i] if extent == 0 else extent for i, extent in enumerate(wanted))
    return value.reshape(wanted)


def _flatten(node: Node, arguments: Arguments, opset: int) -> Any:
    value = _operand(arguments, 0)
    axis = node.integer("axis", 1)
    axis = axis + value.ndim if axis < 0 else axis
    return value.reshape(prod(value.shape[:axis]), -1)


def _squeeze(node: Node, arguments: Arguments, opset: int) -> Any:
    return np.squeeze(_operand(arguments, 0), axis=_axes(node, arguments, 1))


def _unsqueeze(node: Node, arguments: Arguments, opset: int) -> Any:
    return np.expand_dims(_operand(arguments, 0), _axes(node, arguments, 1) or ())


def _reduce(function: Callable[..., Any]) -> Callable[[Node, Arguments, int], Any]:
    def fold(node: Node, arguments: Arguments, opset: int) -> Any:
        axes = _axes(node, arguments, 1)
        if not axes and node.integer("noop_with_empty_axes", 0):
            return _operand(arguments, 0)
        return function(_operand(arguments, 0), axis=axes or None, keepdims=bool(node.integer("keepdims", 1)))

    return fold


def _slice(node: Node, arguments: Arguments, opset: int) -> Any:
    value = _operand(arguments, 0)
    starts, ends = (as_integers(_operand(arguments, index), "bounds") for index in (1, 2))
    axes = _axes(node, arguments, 3) or tuple(range(len(starts)))
    steps = as_integers(_operand(arguments, 4), "steps") if len(arguments) > 4 else (1,) * len(starts)
    cut = [slice(None)] * value.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        stop = None if step < 0 and end < -value.shape[axis] else end
        cut[axis] = slice(start, stop, step)
    return value[tuple(cut)]


def _where(node: Node, arguments: Arguments, opset: int) -> Any:
    return np.where(*(_operand(arguments, index) for index in range(3)))


def _relu(node: Node, arguments: Arguments, opset: int) -> Any:
    return np.maximum(_operand(arguments, 0), 0)


_ELEMENTWISE: dict[str, Callable[[Node, Arguments, int], Any]] = {
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

_FOLDS: dict[str, Callable[[Node, Arguments, int], Any]] = {
    **_ELEMENTWISE,
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
    "Shape": _unary(lambda value: np.array(value.shape, np.int64)),
    "Sign": _unary(np.sign),
    "Sqrt": _unary(np.sqrt),
    "Tanh": _unary(np.tanh),
    "Cast": lambda node, arguments, opset: cast(_operand(arguments, 0), node),
    "CastLike": lambda node, arguments, opset: _operand(arguments, 0).astype(_operand(arguments, 1).dtype),
    "Clip": _clip,
    "Concat": lambda node, arguments, opset: np.concatenate(
        [argument for argument in arguments if argument is not None], axis=node.integer("axis", 0)
    ),
    "ConstantOfShape": _constant_of_shape,
    "Dropout": _unary(np.asarray),
    "Expand": lambda node, arguments, opset: (
        _operand(arguments, 0) * np.ones(_shape_operand(arguments, 1), dtype=_operand(arguments, 0).dtype)
    ),
    "Flatten": _flatten,
    "Gather": lambda node, arguments, opset: np.take(
        _operand(arguments, 0), _operand(arguments, 1), axis=node.integer("axis", 0)
    ),
    "Range": lambda node, arguments, opset: np.arange(
        *(_operand(arguments, index).reshape(-1)[0] for index in range(3)), dtype=_operand(arguments, 0).dtype
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
    "Tile": lambda node, arguments, opset: np.tile(_operand(arguments, 0), _shape_operand(arguments, 1)),
    "Transpose": lambda node, arguments, opset: np.transpose(_operand(arguments, 0), node.integers("perm")),
    "Unsqueeze": _unsqueeze,
}
