"""Elements put elsewhere without a change: reshapes, transpositions and takings, one after the other, as one move.

A channel shuffle is a reshape that splits axes, a transposition, and a reshape that joins them; windows of a map side
by side (im2col) are gathers by matrices. On the way values have more axes than a network's tensors, or split channels
that are joined again. So the steps are put together, and what they make is taken at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from math import prod

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.activations.axis_order import AxisOrder, Shape
from edgebnn.frontend.onnx.graph import Graph, OnnxNode
from edgebnn.frontend.operations import Rearranging, Taking, Transposing

Places = npt.NDArray[np.int64]
Move = Rearranging | Transposing | Taking

MOST_AXES = 3  # of a network's tensor
_SHUFFLE = ("Reshape", "Transpose", "Reshape")


@dataclass(frozen=True, eq=False)
class Moves:
    """Where in the network's tensor each element of the model's value lies, in an array of its shape without the batch.

    `steps` are the moves so far, `least` is how many are known to come one after the other.
    """

    places: Places
    least: int = 1
    steps: tuple[tuple[OnnxNode, Move], ...] = ()

    @property
    def shape(self) -> Shape:
        """The model's shape."""
        return self.places.shape

    @property
    def goes_on(self) -> bool:
        """Whether another step has to come before a network's tensor can hold the value."""
        return len(self.shape) > MOST_AXES or len(self.steps) < self.least

    @property
    def stays_small(self) -> bool:
        """Whether a network's tensor could hold what each of the steps makes."""
        return all(not isinstance(step, Rearranging) or len(step.shape) <= MOST_AXES + 1 for _, step in self.steps)

    def then(self, node: OnnxNode, move: Move) -> Moves:
        """The moves and one more."""
        return replace(self, places=_moved(self.places, move), steps=(*self.steps, (node, move)))

    def shape_after(self, move: Move) -> Shape:
        """The model's shape behind one more move."""
        match move:
            case Rearranging():
                return move.shape[1:]
            case Transposing():
                return tuple(self.shape[axis - 1] for axis in move.order[1:])
            case Taking():
                return (*self.shape[: move.axis - 1], len(move.places), *self.shape[move.axis :])


def begin(shape: Shape, view: AxisOrder, least: int) -> Moves:
    """No move yet of a network's value of `shape`, which the model sees in `view`."""
    return Moves(view.places(shape), least)


def steps_from(graph: Graph, node: OnnxNode) -> int:
    """How many moves belong together from a node on: those of a shuffle, each read by the next one alone, or one."""
    for number, operator in enumerate(_SHUFFLE, start=1):
        if node.operator != operator or node.domain:
            return 1
        if number < len(_SHUFFLE):
            readers = graph.readers(node.outputs[0])
            if len(readers) != 1 or node.outputs[0] == graph.output:
                return 1
            node = readers[0]
    return len(_SHUFFLE)


def _moved(places: Places, move: Move) -> Places:
    match move:
        case Rearranging():
            return places.reshape(move.shape[1:])
        case Transposing():
            return places.transpose([axis - 1 for axis in move.order[1:]])
        case Taking():
            return places.take(move.places, axis=move.axis - 1)


def axis_by_axis(places: Places, shape: Shape, view: AxisOrder) -> tuple[list[Places], AxisOrder] | None:
    """The places along each axis of a network's value of `shape`, and how the model sees what is taken so.

    None where elements are taken in another way than axis by axis. `view` is how the model saw the value before.
    """
    if places.ndim != len(shape):
        return None
    lines = [np.unravel_index(_line(places, axis), shape) for axis in range(places.ndim)]
    found: dict[int, int] = {}  # the network's axis of each of the model's
    for axis, line in enumerate(lines):
        moving = [inner for inner, along in enumerate(line) if np.any(along != along[0])]
        if len(moving) > 1 or any(inner in found.values() for inner in moving):
            return None
        if moving:
            found[axis] = moving[0]
    for axis in range(places.ndim):  # the others take one place again and again
        if axis not in found:
            free = [inner for inner in (view.axes[axis], *range(len(shape))) if inner not in found.values()]
            found[axis] = free[0]
    axes = tuple(found[axis] for axis in range(places.ndim))
    along = [np.asarray(lines[axes.index(inner)][inner], np.int64) for inner in range(len(shape))]
    strides = [prod(shape[inner + 1 :]) for inner in range(len(shape))]
    whole = reduce(np.add.outer, (stride * each for stride, each in zip(strides, along, strict=True)))
    return (along, AxisOrder(axes)) if np.array_equal(whole.transpose(axes), places) else None


def _line(places: Places, axis: int) -> Places:
    """The places along one axis, at the beginning of all others."""
    return places[tuple(slice(None) if other == axis else 0 for other in range(places.ndim))]
