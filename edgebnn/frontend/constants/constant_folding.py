"""Constant folding: what exporters leave as a subgraph on initializers becomes an array again.

The size of a result is known before it is made, and the whole of a model's folding is bounded, so a small file cannot
ask for a large array or for endless work. What each operator means stands in `folds.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from edgebnn.frontend.constants.folded_operators import ELEMENTWISE, FOLDS, Arguments, operand_of, shape_operand
from edgebnn.frontend.onnx.graph import Array, OnnxNode
from edgebnn.frontend.operations import Quantised
from edgebnn.frontend.problems import Refusal

# Elements of one folded constant, and of all of them in one model: six times the weights of a binary ResNet-18.
MAX_FOLDED_ELEMENTS = 2**25
MAX_WORK = 2**26

# What moves constants about, or changes their scale, and leaves their integers known.
_MOVES = frozenset(
    ("Dropout", "Flatten", "Gather", "Identity", "Reshape", "Slice", "Squeeze", "Tile", "Transpose", "Unsqueeze")
)
_SCALES = frozenset(("Div", "Mul", "Neg"))

_SMALLER = "export the model with its constants folded"


class Folder:
    """Folds the constant nodes of one model and keeps count of the work."""

    def __init__(self, opset: int) -> None:
        self._opset = opset
        self._work = 0

    def fold(self, node: OnnxNode, arguments: Sequence[Array | Quantised | None]) -> Array | Quantised:
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
        self, node: OnnxNode, arguments: Sequence[Array | Quantised | None], plain: Arguments
    ) -> Array | Quantised:
        """Quantised constants times, or divided by, others; where the others make them larger they are plain again."""
        values = self._folded(node, plain)
        old = next(argument for argument in arguments if isinstance(argument, Quantised))
        if values.shape != old.values.shape or (node.operator == "Div" and old is not arguments[0]):
            return values
        # A scale keeps its sign, since the integers' own says which of the values are negative.
        full = np.broadcast_to(old.scale, values.shape)
        scale = self._folded(
            node, [full if argument is old else other for argument, other in zip(arguments, plain, strict=True)]
        )
        flip = np.where((scale < 0) != (full < 0), -1, 1)
        return Quantised(values, old.integers * flip, np.where(flip < 0, -scale, scale))

    def _folded(self, node: OnnxNode, arguments: Arguments) -> Array:
        if len(node.outputs) != 1:
            raise Refusal("gives several constants at once", _SMALLER)
        elements = _size(node, arguments, self._opset)
        self._work += elements
        if elements > MAX_FOLDED_ELEMENTS or self._work > MAX_WORK:
            raise Refusal(f"makes a constant of {elements} elements, too many to fold", _SMALLER)
        try:
            with np.errstate(all="ignore"):
                return np.asarray(FOLDS[node.operator](node, arguments, self._opset))
        except (ValueError, IndexError, TypeError, ZeroDivisionError, OverflowError) as error:
            # NumPy's own checks of shapes, axes and indices: the operands of this one node do not fit together.
            raise Refusal("has constant operands that do not fit together", "export the model again") from error


def foldable(node: OnnxNode) -> bool:
    """Whether the operator can be folded where all its operands are constants."""
    return not node.domain and node.operator in FOLDS


def folded_operators() -> tuple[str, ...]:
    """The operators that are folded, by name."""
    return tuple(sorted(FOLDS))


def constant_of(node: OnnxNode) -> Array:
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


def _size(node: OnnxNode, arguments: Arguments, opset: int) -> int:
    """Elements of the result, before it is made."""
    match node.operator:
        case "ConstantOfShape":
            return prod(shape_operand(arguments, 0))
        case "Expand":
            shape = shape_operand(arguments, 1)
            return prod(_broadcast(operand_of(arguments, 0).shape, shape))
        case "Tile":
            # NumPy repeats axis by axis, so an axis that is repeated no times does not make it small.
            return max(1, int(operand_of(arguments, 0).size)) * prod(
                max(1, each) for each in shape_operand(arguments, 1)
            )
        case "Concat":
            return sum(int(argument.size) for argument in arguments if argument is not None)
        case "Gather":
            data, indices = operand_of(arguments, 0), operand_of(arguments, 1)
            axis = node.integer("axis", 0)
            if not -data.ndim <= axis < data.ndim:
                raise Refusal("gathers along an axis that is not there", "export the model again")
            along = int(data.shape[axis])
            return int(data.size) // max(along, 1) * int(indices.size)
        case "Range":
            start, limit, delta = (float(operand_of(arguments, index).reshape(-1)[0]) for index in range(3))
            if delta == 0 or not np.isfinite([start, limit, delta]).all():
                raise Refusal("counts in steps of zero", "export the model again")
            return max(0, int(np.ceil((limit - start) / delta)))
        case operator if operator in ELEMENTWISE:
            shapes = [argument.shape for argument in arguments if argument is not None]
            return prod(_broadcast(*shapes))
        case _:
            return max((int(argument.size) for argument in arguments if argument is not None), default=0)


def _broadcast(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError as error:
        raise Refusal("has constant operands of shapes that do not fit together", "export the model again") from error
