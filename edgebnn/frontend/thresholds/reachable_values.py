"""Which integers a tensor of the network really reaches, and what the model's float32 has there.

A tensor's range says little where residual branches were put on one grid: two branches of a hundred values each make
ten thousand sums among millions of integers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import prod

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.algebra.approximate_operators import is_approximate
from edgebnn.frontend.algebra.directions import UNKNOWN
from edgebnn.frontend.algebra.expression import Expression, Leaf, parts
from edgebnn.frontend.algebra.fused_multiply_add import Floats
from edgebnn.frontend.algebra.integer_sets import IntegerGrid, grid_of_sums
from edgebnn.frontend.algebra.monotonicity import directions
from edgebnn.frontend.thresholds.float32_evaluation import float32_bounds
from edgebnn.frontend.thresholds.value_combinations import (
    Added,
    Combinations,
    Integers,
    Lined,
    Model,
    Spaced,
    Values,
    merged,
    values_of,
    within,
)
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

# Values of a branch that are kept one by one.
_MOST_VALUES = 2**14
# Places that are looked at for one channel, and for all: some seconds.
_MOST_LOOKED_AT = 2**21
_MOST_WORK = 2**24
_TOGETHER = 16  # channels of which values are made at once
_MOST_KEPT = 128  # times as many channels whose values are kept


@dataclass(frozen=True, eq=False)
class Branch:
    """What is added or joined: a tensor, the one that it was made of, and what the model computes of that.

    Without `rounds` that is a product which the addition does not round by itself.
    """

    tensor: Tensor
    base: Tensor
    expression: Expression
    rounds: bool = True

    @cached_property
    def leaf(self) -> Leaf:
        """The integers of `base` as the model sees them."""
        return next(part for part in parts(self.expression) if isinstance(part, Leaf))

    @cached_property
    def _known(self) -> tuple[bool, npt.NDArray[np.int8]]:
        """Whether float32 computes it to the bit, and the direction of each channel."""
        base = self.base
        return not is_approximate(self.expression), directions(self.expression, base.channels, base.low, base.high)

    def model(self, channel: int | Integers, values: Values) -> tuple[Floats, Floats] | None:
        """The model's own numbers at values of the base, of one channel or one each; None where they are not known."""
        exactly, direction = self._known
        if not exactly:
            return None
        low, high = float32_bounds(self.expression, self.leaf, channel, values, self.rounds)
        return None if np.any((direction[channel] == UNKNOWN) & (low != high)) else (low, high)


class Reachable:
    """What the nodes of a network, as they are added, make of the integers of its inputs."""

    def __init__(self, given: Sequence[Tensor]) -> None:
        self._makers: dict[str, Node] = {}
        self._tensors = {tensor.name: tensor for tensor in given}
        self._branches: dict[str, tuple[Branch, ...]] = {}
        self._left = _MOST_WORK
        self._of_some = lru_cache(_MOST_KEPT)(self._made)
        self._grid = lru_cache(_MOST_KEPT)(self._grid_of)

    def add(self, node: Node, branches: Sequence[Branch] = ()) -> None:
        """The next node, and where it adds or joins values of the model, what these are."""
        self._makers[node.output.name] = node
        self._tensors[node.output.name] = node.output
        self._branches[node.output.name] = tuple(branches)

    def is_grid(self, name: str) -> bool:
        """Whether no more is known of a tensor than the grid of a layer's sums."""
        return isinstance(self._makers.get(name), Linear)

    def near(self, name: str, channel: int, low: Integers, high: Integers) -> Iterator[Values | None]:
        """What a channel of a tensor reaches from low to high, both (W,), piece by piece.

        The last piece is None where there may be more than was looked at.
        """
        found = self._found(name, channel) if self._left > 0 else None
        left = min(_MOST_LOOKED_AT, self._left)
        for values, _, work in within(found, low, high) if found is not None else ():
            left, self._left = left - work, self._left - work
            yield values
            if left < 0:
                break
        if found is None or left < 0:
            yield None

    def _found(self, name: str, channel: int) -> Combinations | None:
        return self._of_some(name, channel // _TOGETHER)[channel % _TOGETHER]

    def _made(self, name: str, block: int) -> list[Combinations | None]:
        """What each channel of a block of them reaches."""
        first = block * _TOGETHER
        channels = range(first, min(first + _TOGETHER, self._tensors[name].channels))
        node = self._makers.get(name)
        match node:
            case Add():
                return self._of_sum(node, channels)
            case Affine():
                lines = self._lines(node, self._from(node.sources[0], channels), channels, _unknown)
                return _applied(lines)
        return [self._of_one(node, name, channel) for channel in channels]

    def _of_one(self, node: Node | None, name: str, channel: int) -> Combinations | None:
        if node is None:
            tensor = self._tensors[name]
            return _range(tensor.low, tensor.high, 2 if tensor.kind is Kind.BITS else 1)
        source = self._tensors[node.sources[0]]
        match node:
            case Linear():
                return _on_grid(self._grid(name), channel)
            case Threshold():
                return _range(node.output.low, node.output.high, node.step)
            case MaxPool():
                return self._bare(source, [channel])[0]
            case Reshape() if node.output.channels % source.channels == 0:
                return self._found(source.name, channel * source.channels // node.output.channels)
            case Take():
                return self._found(source.name, int(node.along[0][channel]))
            case Concat():
                return self._of_joined(node, channel)
            case SumPool():
                return self._of_pool(node, source, channel)
        return None

    def _grid_of(self, name: str) -> IntegerGrid:
        node = self._makers[name]
        assert isinstance(node, Linear), "asked for layers alone"
        return grid_of_sums(node, self._tensors[node.sources[0]], node.weights.astype(np.int16), node.output)

    def _from(self, name: str, channels: Iterable[int]) -> list[Combinations | None]:
        return [self._found(name, channel) for channel in channels]

    def _of_joined(self, node: Concat, channel: int) -> Combinations | None:
        branches = self._branches[node.output.name]
        for place, name in enumerate(node.sources):
            channels = self._tensors[name].channels
            if channel < channels:
                found = (
                    self._of_branch(branches[place], [channel])
                    if branches
                    else self._bare(self._tensors[name], [channel])
                )
                return found[0]
            channel -= channels
        return None

    def _of_sum(self, node: Add, channels: Sequence[int]) -> list[Combinations | None]:
        branches = self._branches[node.output.name]
        one, other = (
            [self._of_branch(branch, channels) for branch in branches]
            if branches
            else [self._bare(self._tensors[name], channels) for name in node.sources]
        )
        return [self._sum(node, bool(branches), *both) for both in zip(one, other, strict=True)]

    def _sum(self, node: Add, known: bool, one: Combinations | None, other: Combinations | None) -> Combinations | None:
        if one is None or other is None:
            return None
        if not known and not isinstance(one, Values) and not isinstance(other, Values):  # two parts of one layer
            return _range(node.output.low, node.output.high, 1)
        for few, many in ((one, other), (other, one)):
            values = merged(few, _MOST_VALUES)
            if values is not None:
                return Added(values, many)
        return None

    def _of_branch(self, branch: Branch, channels: Sequence[int]) -> list[Combinations | None]:
        found = self._from(branch.base.name, channels)
        node = self._makers.get(branch.tensor.name)
        if branch.tensor.name == branch.base.name:
            kept = isinstance(branch.expression, Leaf)
            lines = [
                each
                if each is None or (kept and _of_model(each))
                else _same(each, branch.tensor, channel, branch.model)
                for channel, each in zip(channels, found, strict=True)
            ]
            return _applied(lines)
        if isinstance(node, Affine) and node.sources[0] == branch.base.name:
            return _applied(self._lines(node, found, channels, branch.model))
        return self._bare(branch.tensor, channels)

    def _bare(self, tensor: Tensor, channels: Sequence[int]) -> list[Combinations | None]:
        """The same integers, without the model's own numbers."""
        found = self._from(tensor.name, channels)
        return _applied(
            [
                None if each is None else _same(each, tensor, channel, _unknown)
                for channel, each in zip(channels, found, strict=True)
            ]
        )

    @staticmethod
    def _lines(
        node: Affine, found: Sequence[Combinations | None], channels: Iterable[int], model: Model
    ) -> list[Combinations | None]:
        return [
            None if each is None else _lined(each, node, channel, model)
            for channel, each in zip(channels, found, strict=True)
        ]

    def _of_pool(self, node: SumPool, source: Tensor, channel: int) -> Combinations | None:
        found, taps = self._found(source.name, channel), prod(node.window.kernel)
        values = None if found is None else merged(found, _MOST_VALUES)
        if values is None:
            return None
        value = values.integers
        if any(node.window.pad_begin + node.window.pad_end):
            value = np.union1d(value, [0])
        stride = int(np.gcd.reduce(np.diff(value)))
        return _range(taps * int(value.min()), taps * int(value.max()), stride or 1)


def _range(low: int, high: int, stride: int) -> Combinations:
    count = (high - low) // stride + 1
    return Values(np.arange(low, high + 1, stride)) if count <= _MOST_VALUES else Spaced(low, stride, count)


def _on_grid(grid: IntegerGrid, channel: int) -> Combinations | None:
    low, high, period = (int(part[channel]) for part in (grid.low, grid.high, grid.period))
    residues = np.unique(grid.residues[channel])
    if len(residues) == 1:
        start = low + (int(residues[0]) - low) % period
        return _range(start, high - (high - start) % period, period)
    if len(residues) * ((high - low) // period + 1) > _MOST_VALUES:
        return Spaced(low, 1, high - low + 1)
    every = [np.arange(low + (each - low) % period, high + 1, period) for each in residues.tolist()]
    return Values(np.unique(np.concatenate(every)))


def _of_model(found: Combinations) -> bool:
    """Whether the model's own numbers are known, not only what the integers are worth."""
    match found:
        case Values():
            return found.model is not None
        case Added():
            return found.few.model is not None and _of_model(found.many)
    return isinstance(found, Lined)


def _unknown(channel: int | Integers, values: Values) -> None:
    """What the model has where only the integers are known."""


def _same(found: Combinations, tensor: Tensor, channel: int, model: Model) -> Lined:
    one, none = np.ones(1, np.int64), np.zeros(0, np.int64)
    return Lined(channel, found, one, 0 * one, none, 0, (tensor.low, tensor.high), model)


def _lined(found: Combinations, node: Affine, channel: int, model: Model) -> Lined:
    multiplier, offset, knees = (part[channel].astype(np.int64) for part in (node.multiplier, node.offset, node.knees))
    return Lined(channel, found, multiplier, offset, knees, node.shift, (node.output.low, node.output.high), model)


def _applied(lines: Sequence[Combinations | None]) -> list[Combinations | None]:
    """Lines of one tensor's channels, and instead of them their values where those of their sources are kept."""
    found = list(lines)
    kinds: dict[bool, list[int]] = {}
    for place, line in enumerate(lines):
        if isinstance(line, Lined) and isinstance(line.source, Values):
            kinds.setdefault(line.source.model is None, []).append(place)
    for places in kinds.values():
        of_kind = [line for line in (lines[place] for place in places) if isinstance(line, Lined)]
        for place, values in zip(places, values_of(of_kind), strict=True):
            found[place] = values
    return found
