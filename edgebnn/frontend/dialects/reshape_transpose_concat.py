"""ONNX operators that move values without changing them: other axes, another order of axes, one behind the other."""

from __future__ import annotations

from math import prod

import numpy as np

from edgebnn.frontend.onnx.graph import OnnxNode, as_integers
from edgebnn.frontend.operations import (
    Forwarding,
    Joining,
    Knowing,
    Operands,
    Operation,
    Rearranging,
    Recogniser,
    Transposing,
)
from edgebnn.frontend.problems import Refusal

_AGAIN = "export the model again"


def _reshape(node: OnnxNode, operands: Operands) -> Operation:
    """Other axes for the same values in the same order."""
    shape = operands.shape(0)
    wanted = list(as_integers(operands.constant(1, "extents"), "extents"))
    if not node.integer("allowzero", 0):
        wanted = [shape[i] if extent == 0 and i < len(shape) else extent for i, extent in enumerate(wanted)]
    if wanted.count(-1) == 1:
        others = -prod(wanted)
        if others <= 0 or prod(shape) % others:
            raise Refusal(f"cannot make {wanted} of the shape {list(shape)}", _AGAIN)
        wanted[wanted.index(-1)] = prod(shape) // others
    return rearranged(shape, tuple(wanted))


def _flatten(node: OnnxNode, operands: Operands) -> Operation:
    """All axes made two, at a given one."""
    shape = operands.shape(0)
    axis = node.integer("axis", 1)
    axis += len(shape) if axis < 0 else 0
    return rearranged(shape, (prod(shape[:axis]), prod(shape[axis:])))


def _squeeze(node: OnnxNode, operands: Operands) -> Operation:
    """Axes of length one dropped."""
    shape = operands.shape(0)
    axes = _axes(node, operands, len(shape))
    if not axes:
        # Without axes ONNX drops every axis of length one; the batch axis has to stay whatever its length.
        axes = tuple(axis for axis, extent in enumerate(shape) if axis and extent == 1)
    if any(shape[axis] != 1 for axis in axes):
        raise Refusal("drops an axis that is longer than one", _AGAIN)
    return rearranged(shape, tuple(extent for axis, extent in enumerate(shape) if axis not in axes))


def _unsqueeze(node: OnnxNode, operands: Operands) -> Operation:
    """Axes of length one put in."""
    shape = operands.shape(0)
    count = operands.constant(1, "axes").size if operands.has(1) else len(node.integers("axes") or ())
    rank = len(shape) + count
    axes = _axes(node, operands, rank)
    if len(set(axes)) != count:
        raise Refusal("names an axis twice", _AGAIN)
    kept = iter(shape)
    return rearranged(shape, tuple(1 if axis in axes else next(kept) for axis in range(rank)))


def axis_of(axis: int, rank: int) -> int:
    """An axis that may count from behind; Refusal where there is none."""
    if not -rank <= axis < rank:
        raise Refusal("names an axis that is not there", _AGAIN)
    return axis % rank


def _axes(node: OnnxNode, operands: Operands, rank: int) -> tuple[int, ...]:
    given = as_integers(operands.constant(1, "axes"), "axes") if operands.has(1) else node.integers("axes") or ()
    return tuple(axis_of(axis, rank) for axis in given)


def _transpose(node: OnnxNode, operands: Operands) -> Operation:
    """Axes in another order, the batch axis in front."""
    shape = operands.shape(0)
    order = node.integers("perm") or tuple(reversed(range(len(shape))))
    if sorted(order) != list(range(len(shape))):
        raise Refusal("has a permutation that does not suit its input", _AGAIN)
    if order[0] != 0:
        raise Refusal("moves the batch axis", "keep the batch in front")
    return Transposing(order)


def _concat(node: OnnxNode, operands: Operands) -> Operation:
    """Several activations one behind the other."""
    rank = len(operands.shape(0))
    axis = axis_of(node.integer("axis", 1), rank)
    if axis == 0:
        raise Refusal("joins along the batch axis", "join channels or features")
    if any(constant is not None for constant in operands.constants):
        raise Refusal("joins constants to values of the network", "leave the constants out, or pad instead")
    return Joining(axis) if len(operands.present) > 1 else Forwarding()


def rearranged(shape: tuple[int, ...], wanted: tuple[int, ...]) -> Rearranging:
    """The reshape to `wanted`; Refusal where that is of another size, or without the batch in front."""
    if any(extent < 1 for extent in wanted) or prod(shape) != prod(wanted):
        raise Refusal(f"cannot make {list(wanted)} of the shape {list(shape)}", _AGAIN)
    if len(wanted) < 2:
        raise BatchLost("leaves no axis behind the batch", "keep an axis of length one", shape)
    if wanted[0] != shape[0]:
        why = f"makes the shape {list(wanted)}, which mixes the batch axis with others"
        raise BatchLost(why, "keep the batch in front", shape)
    return Rearranging(wanted)


class BatchLost(Refusal):
    """A reshape of values of `shape` that keeps no batch in front, or nothing behind it.

    `mixes` says that it puts values of several samples together.
    """

    def __init__(self, reason: str, remedy: str, shape: tuple[int, ...]) -> None:
        super().__init__(reason, remedy)
        self.mixes = shape[0] > 1 and prod(shape[1:]) > 1


def _shape(node: OnnxNode, operands: Operands) -> Operation:
    """The shape, as a constant."""
    shape = operands.shape(0)
    start, end = node.integer("start", 0), node.integer("end", len(shape))
    return Knowing(np.array(shape[start:end], np.int64))


SHAPES: dict[str, Recogniser] = {
    "Concat": _concat,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Shape": _shape,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
