"""Which integers a tensor really reaches: sums of a few terms, each of which takes few values.

A tensor's range says little where residual branches were put on one grid: two branches of a hundred values each make
ten thousand sums among millions of integers. What is known of each branch alone is taken to be free of the others, so
that nothing that can occur is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, reduce
from math import gcd, prod

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.lattice import Lattice, lattice_of_sums
from edgebnn.network.types import (
    Add,
    Affine,
    Concat,
    Kind,
    Linear,
    MaxPool,
    Node,
    Reshape,
    SumPool,
    Take,
    Tensor,
    Threshold,
)

Integers = npt.NDArray[np.int64]
# A value is the sum of one integer of each set.
Terms = tuple[Integers, ...]

# Values of a set that are kept. Sums of two such sets are so many that float32 cannot tell some of them apart.
_MOST_VALUES = 2**14
# Places that are looked for, times the values of the smaller set: some seconds.
_MOST_WORK = 2**26
_MOST_KEPT = 1024  # sets of terms


class Reachable:
    """What the nodes of a network, as they are added, make of the integers of its inputs."""

    def __init__(self, given: Sequence[Tensor]) -> None:
        self._makers: dict[str, Node] = {}
        self._tensors = {tensor.name: tensor for tensor in given}
        self._work = 0
        self._terms = lru_cache(_MOST_KEPT)(self._made)
        self._lattice = lru_cache(_MOST_KEPT)(self._lattice_of)

    def add(self, node: Node) -> None:
        """The next node."""
        self._makers[node.output.name] = node
        self._tensors[node.output.name] = node.output

    def beside(self, name: str, channel: int, places: Integers) -> tuple[Integers, Integers] | None:
        """The nearest integers of a tensor below each place, and from it on; None where they are too many to be known.

        Where there is none on a side, it is one beyond the tensor's range.
        """
        tensor = self._tensors[name]
        terms = self._terms(name, channel)
        halves = None if terms is None else _merged(terms, 2)
        if halves is None:
            return None
        few, many = sorted((*halves, np.zeros(1, np.int64))[:2], key=len)
        self._work += len(few) * len(places)
        if self._work > _MOST_WORK:
            return None
        below, above = np.full(len(places), tensor.low - 1), np.full(len(places), tensor.high + 1)
        edges = np.concatenate([[tensor.low - 1 - few[-1]], many, [tensor.high + 1 - few[0]]])
        for index, place in enumerate(places.tolist()):
            at = np.searchsorted(many, place - few)
            above[index] = min(above[index], int((few + edges[at + 1]).min()))
            below[index] = max(below[index], int((few + edges[at]).max()))
        return below, above

    def _made(self, name: str, channel: int) -> Terms | None:
        node = self._makers.get(name)
        if node is None:
            return _steps(self._tensors[name])
        source = self._tensors[node.sources[0]]
        match node:
            case Linear():
                return _on_lattice(self._lattice(name), channel)
            case Threshold():
                return _range(node.output.low, node.output.high, node.step)
            case MaxPool():
                return self._terms(source.name, channel)
            case Reshape() if node.output.channels % source.channels == 0:
                return self._terms(source.name, channel * source.channels // node.output.channels)
            case Take():
                return self._terms(source.name, int(node.along[0][channel]))
            case Concat():
                return self._of_joined(node, channel)
            case Add():
                known = [self._terms(each, channel) for each in node.sources]
                return tuple(term for terms in known for term in terms or ()) if None not in known else None
            case SumPool():
                return self._of_pool(node, source, channel)
            case Affine():
                terms = self._terms(source.name, channel)
                return None if terms is None else _on_lines(node, channel, terms)
        return None

    def _lattice_of(self, name: str) -> Lattice:
        node = self._makers[name]
        assert isinstance(node, Linear), "asked for layers alone"
        return lattice_of_sums(node, self._tensors[node.sources[0]], node.weights.astype(np.int16), node.output)

    def _of_joined(self, node: Concat, channel: int) -> Terms | None:
        for name in node.sources:
            channels = self._tensors[name].channels
            if channel < channels:
                return self._terms(name, channel)
            channel -= channels
        return None

    def _of_pool(self, node: SumPool, source: Tensor, channel: int) -> Terms | None:
        terms, taps = self._terms(source.name, channel), prod(node.window.kernel)
        values = None if terms is None else _merged(terms, 1)
        if values is None:
            return None
        (value,) = values
        if any(node.window.pad_begin + node.window.pad_end):
            value = np.union1d(value, [0])
        stride = reduce(gcd, np.diff(value).tolist(), 0)
        return _range(taps * int(value[0]), taps * int(value[-1]), stride or 1)


def _steps(tensor: Tensor) -> Terms | None:
    return _range(tensor.low, tensor.high, 2 if tensor.kind is Kind.BITS else 1)


def _on_lattice(lattice: Lattice, channel: int) -> Terms | None:
    low, high, period = (int(part[channel]) for part in (lattice.low, lattice.high, lattice.period))
    residues = np.unique(lattice.residues[channel])
    if len(residues) * ((high - low) // period + 1) > _MOST_VALUES:
        return None
    return (np.unique(np.concatenate([np.arange(low + (each - low) % period, high + 1, period) for each in residues])),)


def _range(low: int, high: int, stride: int) -> Terms | None:
    return (np.arange(low, high + 1, stride),) if (high - low) // stride < _MOST_VALUES else None


def _merged(terms: Sequence[Integers], most: int) -> Terms | None:
    """The same sums of at most so many sets, the smallest put together first; None where one becomes too large."""
    left = sorted(terms, key=len)
    while len(left) > most:
        one, other = left.pop(0), left.pop(0)
        if len(one) * len(other) > _MOST_VALUES:
            return None
        left = sorted((*left, np.unique(np.add.outer(one, other))), key=len)
    return tuple(left)


def _on_lines(node: Affine, channel: int, terms: Terms) -> Terms | None:
    """What an affine makes of a sum: of each term by itself where it is a factor and an offset."""
    multiplier, offset = node.multiplier[channel].astype(np.int64), node.offset[channel]
    if node.shift == 0 and len(multiplier) == 1:
        first, *others = (np.unique(multiplier[0] * term) for term in terms)
        return (first + offset[0], *others)
    values = _merged(terms, 1)
    if values is None:
        return None
    (value,) = values
    segment = np.searchsorted(node.knees[channel], value, side="right")
    return (np.unique((multiplier[segment] * value + offset[segment]) >> node.shift),)
