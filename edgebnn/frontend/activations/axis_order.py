"""How the model sees a value that the network holds channel first: with its axes, or its elements, in another order."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from math import prod

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.onnx.graph import Array
from edgebnn.frontend.problems import Refusal

Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class AxisOrder:
    """The model's axis i (the batch not counted) is the network's axis axes[i].

    Of a vector, the model's element j is the network's element order[j], where there is an order.
    """

    axes: tuple[int, ...]
    order: npt.NDArray[np.int64] | None = None

    @property
    def plain(self) -> bool:
        """Whether model and network see the same."""
        return self.order is None and self.axes == tuple(range(len(self.axes)))

    def same(self, other: AxisOrder) -> bool:
        """Whether two values of one shape lie in the network as they do in the model."""
        orders = (self.order, other.order)
        if orders[0] is None or orders[1] is None:
            return orders[0] is orders[1] and self.axes == other.axes
        return np.array_equal(orders[0], orders[1])

    def shape(self, shape: Shape) -> Shape:
        """The model's shape of what has `shape` in the network."""
        return tuple(shape[axis] for axis in self.axes)

    def places(self, shape: Shape) -> npt.NDArray[np.int64]:
        """Where in the network's tensor of `shape` each element of the model's value lies, in an array of its shape."""
        places = np.arange(prod(shape)).reshape(shape)
        return places[self.order] if self.order is not None else places.transpose(self.axes)

    def transposed(self, order: tuple[int, ...]) -> AxisOrder:
        """The view behind a transposition that puts the model's axis order[i] at place i."""
        return AxisOrder(tuple(self.axes[axis] for axis in order), self.order)

    def of_constant(self, constant: Array) -> Array:
        """A constant (batch or 1, *the model's extents or 1) with its axes as the network has them."""
        if self.order is not None:
            if constant.shape[1] == 1:
                return constant
            moved = np.empty_like(constant)
            moved[:, self.order] = constant
            return moved
        places = [1 + self.axes.index(axis) for axis in range(len(self.axes))]
        return np.transpose(constant, (0, *places))


def plain_view(rank: int) -> AxisOrder:
    """The view of a value that model and network see alike."""
    return AxisOrder(tuple(range(rank)))


def view_of_axes(axes: tuple[int, ...]) -> AxisOrder:
    """The view of a value whose first, second, ... axis in the network is the model's axes[0], axes[1], ..."""
    return AxisOrder(tuple(axes.index(axis) for axis in range(len(axes))))


def reshaped_view(shape: Shape, view: AxisOrder, wanted: Shape) -> tuple[Shape, AxisOrder]:
    """What the network holds, and how the model sees it, when the model reshapes a value to `wanted`.

    The network's values stay in their order; Refusal where no order of the new axes is that order.
    """
    if view.plain:
        return wanted, plain_view(len(wanted))
    seen = view.places(shape).reshape(wanted)
    for axes in permutations(range(len(wanted))):
        if np.all(np.diff(seen.transpose(axes).reshape(-1)) == 1):
            return tuple(wanted[axis] for axis in axes), view_of_axes(axes)
    if len(wanted) == 1:
        return wanted, AxisOrder((0,), seen)
    raise Refusal(
        "reshapes a map whose axes were transposed, so that its channels mix with its rows",
        "reshape before the transposition, or flatten to (batch, features)",
    )
