"""Builds integer networks node by node, with weights, thresholds and lines from a seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import prod

import numpy as np

from edgebnn.network.network import Network
from edgebnn.network.rules import largest_sum
from edgebnn.network.types import (
    MAX_SUM,
    Add,
    Affine,
    Border,
    Concat,
    Encoding,
    Input,
    Kind,
    Linear,
    MaxPool,
    Node,
    Reshape,
    SumPool,
    Take,
    Tensor,
    Threshold,
    WeightKind,
    Window,
)


@dataclass
class Builder:
    """A network under construction, node after node; `rng` makes weights, thresholds and offsets.

    Every method reads `last` and makes its own output the last tensor; `resume` goes back to another one.
    """

    input: Tensor
    rng: np.random.Generator
    nodes: list[Node] = field(default_factory=list)
    resumed: Tensor | None = None
    others: list[Input] = field(default_factory=list)  # inputs beside the first

    @property
    def last(self) -> Tensor:
        """The tensor that the next node reads."""
        return self.resumed or (self.nodes[-1].output if self.nodes else self.input)

    def resume(self, tensor: Tensor) -> None:
        """The next node reads this tensor: a branch."""
        self.resumed = tensor

    def linear(
        self,
        neurons: int,
        weight_kind: WeightKind = WeightKind.BINARY,
        window: Window | None = None,
        groups: int = 1,
        pad_value: int = 0,
        border: bool = False,
    ) -> None:
        """A layer of dot products: dense where the window is None, which wants a vector; `border`: random starts."""
        source, window = self.last, window or Window()
        shape = (neurons, source.channels // groups, *window.kernel)
        largest = max(abs(source.low), abs(source.high))
        if weight_kind is WeightKind.INT8:
            reach = min(128, MAX_SUM // (prod(shape[1:]) * max(largest, 1)))
            weights = self.rng.integers(-reach, min(reach, 127) + 1, size=shape).astype(np.int8)
        else:
            alphabet = (-1, 1) if weight_kind is WeightKind.BINARY else (-1, 0, 1)
            weights = self.rng.choice(np.array(alphabet, dtype=np.int8), size=shape)
        spatial = window.extents(source.spatial)
        output = Tensor(self._name("sums"), Kind.SUMS, (neurons, *spatial), -MAX_SUM, MAX_SUM)
        node = Linear(
            self._name("linear"),
            (source.name,),
            output,
            weights,
            weight_kind,
            window,
            groups=groups,
            pad_value=pad_value,
            border=self._border(neurons, spatial, prod(shape[1:]) * largest) if border else None,
        )
        bound = largest_sum(node, source)
        self._append(replace(node, output=replace(output, low=-bound, high=bound)))

    def _border(self, neurons: int, spatial: tuple[int, ...], reach: int) -> Border:
        """Random zones and starts, as large as the sums, which are shifted as far as int32 allows or not at all."""
        drawn = (self.rng.integers(0, int(self.rng.integers(1, 5)), size=extent) for extent in spatial)
        zones = tuple(np.unique(each, return_inverse=True)[1].astype(np.uint16) for each in drawn)
        counts = tuple(int(each.max()) + 1 for each in zones)
        most = max(0, min(16, 29 - (128 * reach).bit_length()))
        shift = int(self.rng.choice([0, most, most // 2]))
        largest = min(reach << shift, 2**28)
        start = self.rng.integers(-largest, largest + 1, size=(*counts, neurons)).astype(np.int32)
        return Border(zones, start, shift)

    def threshold(
        self, kind: Kind = Kind.BITS, steps: int = 1, low: int = 0, step: int = 1, even: bool = False
    ) -> None:
        """A step function to bits, trits, or `steps` steps of `step` from `low`; a few channels are constant.

        Its thresholds are drawn near the middle of the range or, where `even`, lie on a line but for a few.
        """
        source = self.last
        steps = {Kind.BITS: 1, Kind.TRITS: 2}.get(kind, steps)
        low = low if kind is Kind.INTEGERS else -1
        step = {Kind.BITS: 2, Kind.TRITS: 1}.get(kind, step)
        shape = (source.channels, steps)
        # Close to the middle, where sums of random signs lie, so that outputs are mixed.
        spread = max(2, int((source.high - source.low + 1) ** 0.5))
        middle = (source.low + source.high) // 2
        if even:
            distance = self.rng.uniform(0.2, 4 * spread / steps + 1, size=(source.channels, 1))
            start = self.rng.uniform(middle - spread, middle + spread, size=(source.channels, 1))
            thresholds = np.ceil(start + distance * (np.arange(steps) - steps / 2)).astype(np.int64)
            thresholds += self.rng.choice([-1, 0, 1], p=[0.01, 0.98, 0.01], size=shape)
        else:
            thresholds = self.rng.integers(middle - spread, middle + spread + 1, size=shape)
        thresholds[self.rng.random(source.channels) < 0.05] = source.high + 1
        thresholds = np.clip(thresholds, -(2**31), 2**31 - 1)
        direction = self.rng.choice(np.array([-1, 1], dtype=np.int8), size=source.channels)
        # Sorted so that the count changes one step at a time: upwards the smallest first, downwards the largest.
        thresholds = np.sort(thresholds, axis=1)
        thresholds[direction < 0] = thresholds[direction < 0, ::-1]
        output = Tensor(self._name("steps"), kind, source.shape, low, low + step * steps)
        self._append(
            Threshold(
                self._name("threshold"),
                (source.name,),
                output,
                thresholds.astype(np.int32),
                direction,
                low=low,
                step=step,
            )
        )

    def pool(self, window: Window) -> None:
        """Max pooling, the smallest in some channels."""
        source = self.last
        direction = self.rng.choice(np.array([-1, 1], dtype=np.int8), size=source.channels)
        shape = (source.channels, *window.extents(source.spatial))
        output = Tensor(self._name("pooled"), source.kind, shape, source.low, source.high)
        self._append(MaxPool(self._name("pool"), (source.name,), output, window, direction))

    def sum_pool(self, window: Window) -> None:
        """The sums under a window."""
        source, taps = self.last, prod(window.kernel)
        shape = (source.channels, *window.extents(source.spatial))
        output = Tensor(self._name("summed"), Kind.SUMS, shape, taps * min(source.low, 0), taps * max(source.high, 0))
        self._append(SumPool(self._name("sumpool"), (source.name,), output, window))

    def add(self, other: Tensor) -> None:
        """The sum with another tensor of the same shape."""
        source = self.last
        output = Tensor(self._name("sum"), Kind.SUMS, source.shape, source.low + other.low, source.high + other.high)
        self._append(Add(self._name("add"), (source.name, other.name), output))

    def concat(self, before: Sequence[Tensor]) -> None:
        """The last tensor behind others of its kind and map."""
        sources = (*before, self.last)
        shape = (sum(source.channels for source in sources), *self.last.spatial)
        low, high = min(source.low for source in sources), max(source.high for source in sources)
        output = Tensor(self._name("joined"), self.last.kind, shape, low, high)
        self._append(Concat(self._name("concat"), tuple(source.name for source in sources), output))

    def flatten(self) -> None:
        """The map as a vector."""
        source = self.last
        output = Tensor(self._name("flat"), source.kind, (source.size,), source.low, source.high)
        self._append(Reshape(self._name("flatten"), (source.name,), output))

    def take(self, extents: Sequence[int]) -> None:
        """So many random places along each axis, some of them twice, in any order."""
        source = self.last
        places = [self.rng.integers(0, have, size=want) for have, want in zip(source.shape, extents, strict=True)]
        output = Tensor(self._name("taken"), source.kind, tuple(extents), source.low, source.high)
        self._append(Take(self._name("take"), (source.name,), output, np.concatenate(places).astype(np.int32)))

    def narrow(self, bits: int) -> None:
        """Lines that make integers of so many bits of sums, which a layer can read."""
        shift = max(abs(self.last.low), abs(self.last.high), 1).bit_length()
        self.affine(1, shift, 2 ** (bits - 1) - 1, Kind.INTEGERS)

    def affine(self, segments: int = 1, shift: int = 0, reach: int = MAX_SUM, kind: Kind = Kind.SUMS) -> None:
        """Random lines in fixed point, bent where there are several segments, that stay within +-`reach`."""
        source, shape = self.last, (self.last.channels, segments)
        bound = max(abs(source.low), abs(source.high), 1)
        largest = max(1, min((reach // 2 << shift) // bound, 2**31 - 1, 2 ** (20 + shift)))
        multiplier = self.rng.integers(-largest, largest, endpoint=True, size=shape).astype(np.int32)
        farthest = min(reach // 4 << shift, 2**60)
        offset = self.rng.integers(-farthest, farthest, size=shape)
        knees = np.sort(self.rng.integers(source.low - 1, source.high + 2, size=(shape[0], segments - 1)), axis=1)
        limit = ((largest * bound) >> shift) + (farthest >> shift) + 1
        output = Tensor(self._name("scaled"), kind, source.shape, -limit, limit, scale=2.0**-10)
        knees = np.clip(knees, -(2**31), 2**31 - 1).astype(np.int32)
        self._append(Affine(self._name("affine"), (source.name,), output, multiplier, offset, knees, shift))

    def network(self, encoding: Encoding | None = None) -> Network:
        """The network so far, the last tensor made its scores."""
        last = self.nodes[-1]
        nodes = (*self.nodes[:-1], replace(last, output=replace(last.output, name="scores", kind=Kind.SCORES)))
        first = Input(self.input, encoding or Encoding(str(self.input.dtype)))
        return Network("random", (first, *self.others), nodes, "0" * 64)

    def _append(self, node: Node) -> None:
        self.nodes.append(node)
        self.resumed = None

    def _name(self, word: str) -> str:
        return f"{word}_{len(self.nodes)}"
