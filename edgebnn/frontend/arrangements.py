"""Axes split, put in another order and joined again: where that is a permutation within each axis (channel shuffle)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.views import Shape, View


@dataclass(frozen=True)
class Factor:
    """A part of an axis of the network: index i of it, from 0 to `extent`, adds i * stride to the place."""

    axis: int
    stride: int
    extent: int


@dataclass(frozen=True)
class Arrangement:
    """Each axis of the model (the batch not counted) as factors of the network's axes, the slowest first."""

    axes: tuple[tuple[Factor, ...], ...]

    @property
    def shape(self) -> Shape:
        """The model's shape."""
        return tuple(prod(factor.extent for factor in axis) for axis in self.axes)

    def transposed(self, order: Sequence[int]) -> Arrangement:
        """The arrangement behind a transposition that puts axis order[i] at place i."""
        return Arrangement(tuple(self.axes[axis] for axis in order))

    def reshaped(self, wanted: Shape) -> Arrangement | None:
        """The arrangement under another shape; None where an axis of that ends inside a factor's stride."""
        waiting = [factor for axis in reversed(self.axes) for factor in reversed(axis)]
        axes = []
        for extent in wanted:
            axis: list[Factor] = []
            while extent > 1:
                factor = waiting.pop()
                if factor.extent > extent:
                    if factor.extent % extent:
                        return None
                    inner = factor.extent // extent
                    waiting.append(Factor(factor.axis, factor.stride, inner))
                    factor = Factor(factor.axis, factor.stride * inner, extent)
                if extent % factor.extent:
                    return None
                axis.append(factor)
                extent //= factor.extent
            axes.append(tuple(axis))
        return Arrangement(tuple(axes))

    def places(self, shape: Shape, view: View) -> list[npt.NDArray[np.int64]] | None:
        """The places along each axis of a network's value of `shape` that the model sees in this arrangement.

        None where the model's axes, in the order of the view, are not the network's axes, each permuted in itself.
        """
        if len(self.axes) != len(shape):
            return None
        found: list[npt.NDArray[np.int64]] = [np.zeros(1, np.int64)] * len(shape)
        for axis, factors in zip(view.axes, self.axes, strict=True):
            if any(factor.axis != axis for factor in factors):
                return None
            places = np.zeros(1, np.int64)
            for factor in factors:
                places = np.add.outer(places, np.arange(factor.extent) * factor.stride).reshape(-1)
            found[axis] = places
        return found if tuple(map(len, found)) == shape else None


def arrangement_of(shape: Shape, view: View) -> Arrangement:
    """How the model sees a value of the network as it is; the view must have no order of its own."""
    return Arrangement(tuple((Factor(axis, 1, shape[axis]),) if shape[axis] > 1 else () for axis in view.axes))
