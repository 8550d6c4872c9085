"""Random integer networks for property tests: every kind of node, odd sizes, weights from a seed.

`networks()` is a hypothesis strategy; what it draws is the shape of a network, and one seed from which weights and
thresholds follow, so a failing example is small and repeats. `random_network(seed)` gives the same without hypothesis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from edgebnn.network.types import (
    Affine,
    Kind,
    Linear,
    MaxPool,
    Network,
    Node,
    Reshape,
    Tensor,
    Threshold,
    WeightKind,
    Window,
)

T = TypeVar("T")

# Lengths at and around the words of 32, the single input, and one that needs many words.
VECTOR_SIZES = (1, 2, 31, 32, 33, 63, 100, 1000)
CHANNELS = (1, 2, 3, 8, 31, 32, 33, 40)
NEURONS = (1, 2, 7, 32, 33, 50)
RANGES = ((0, 255), (-128, 127), (-2048, 2047), (-32768, 32767), (0, 65535), (0, 1), (0, 4095), (-3, 3))


@dataclass
class Builder:
    """A network under construction, layer after layer; `rng` makes weights, thresholds and offsets."""

    input: Tensor
    rng: np.random.Generator
    nodes: list[Node] = field(default_factory=list)

    @property
    def last(self) -> Tensor:
        """The tensor that the next layer reads."""
        return self.nodes[-1].output if self.nodes else self.input

    def linear(
        self,
        neurons: int,
        weight_kind: WeightKind = WeightKind.BINARY,
        window: Window | None = None,
        groups: int = 1,
        pad_value: int = 0,
    ) -> None:
        """A layer of dot products: dense where the window is None, which wants a vector."""
        source, window = self.last, window or Window()
        shape = (neurons, source.channels // groups, *window.kernel)
        alphabet = (-1, 1) if weight_kind is WeightKind.BINARY else (-1, 0, 1)
        weights = self.rng.choice(np.array(alphabet, dtype=np.int8), size=shape)
        bound = prod(shape[1:]) * max(abs(source.low), abs(source.high))
        spatial = window.extents(source.spatial)
        output = Tensor(self._name("sums"), Kind.SUMS, (neurons, *spatial), -bound, bound)
        self.nodes.append(
            Linear(
                self._name("linear"),
                (source.name,),
                output,
                weights,
                weight_kind,
                window,
                groups=groups,
                pad_value=pad_value,
            )
        )

    def threshold(self, kind: Kind = Kind.BITS, steps: int = 1) -> None:
        """A step function to bits, trits, or integers from 0 to `steps`; a few channels are constant."""
        source = self.last
        steps = {Kind.BITS: 1, Kind.TRITS: 2}.get(kind, steps)
        low = 0 if kind is Kind.INTEGERS else -1
        step = 2 if kind is Kind.BITS else 1
        # Close to the middle, where sums of random signs lie, so that outputs are mixed.
        spread = max(2, int((source.high - source.low + 1) ** 0.5))
        middle = (source.low + source.high) // 2
        thresholds = self.rng.integers(middle - spread, middle + spread + 1, size=(source.channels, steps))
        constant = self.rng.random(source.channels) < 0.05
        thresholds[constant] = source.high + 1
        direction = self.rng.choice(np.array([-1, 1], dtype=np.int8), size=source.channels)
        # Sorted so that the count changes one step at a time: upwards the smallest first, downwards the largest.
        thresholds = np.sort(thresholds, axis=1)
        thresholds[direction < 0] = thresholds[direction < 0, ::-1]
        output = Tensor(self._name("steps"), kind, source.shape, low, low + step * steps)
        self.nodes.append(
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
        self.nodes.append(MaxPool(self._name("pool"), (source.name,), output, window, direction))

    def flatten(self) -> None:
        """The map as a vector."""
        source = self.last
        output = Tensor(self._name("flat"), source.kind, (source.size,), source.low, source.high)
        self.nodes.append(Reshape(self._name("flatten"), (source.name,), output))

    def affine(self) -> None:
        """A multiplier and an offset per channel that keep int32."""
        source = self.last
        bound = max(abs(source.low), abs(source.high), 1)
        largest = min((2**31 - 1) // (2 * bound), 2**20)
        multiplier = self.rng.integers(-largest, largest + 1, size=source.channels)
        offset = self.rng.integers(-(2**29), 2**29, size=source.channels)
        limit = largest * bound + 2**29
        output = Tensor(self._name("scaled"), Kind.SCORES, source.shape, -limit, limit, scale=2.0**-10)
        self.nodes.append(
            Affine(
                self._name("affine"),
                (source.name,),
                output,
                multiplier.astype(np.int32),
                offset.astype(np.int32),
            )
        )

    def network(self) -> Network:
        """The network so far, the last tensor made its scores."""
        last = self.nodes[-1]
        scores = Tensor("scores", Kind.SCORES, last.output.shape, last.output.low, last.output.high, last.output.scale)
        nodes = (*self.nodes[:-1], type(last)(**{**vars(last), "output": scores}))
        return Network("random", self.input, nodes, str(self.input.dtype), "0" * 64)

    def _name(self, word: str) -> str:
        return f"{word}_{len(self.nodes)}"


class _Choices:
    """Choices from hypothesis' `draw`, or from a generator where there is no hypothesis."""

    def __init__(self, source: st.DrawFn | np.random.Generator) -> None:
        self.source = source

    def one_of(self, options: Sequence[T]) -> T:
        if isinstance(self.source, np.random.Generator):
            return options[int(self.source.integers(len(options)))]
        return self.source(st.sampled_from(options))

    def integer(self, low: int, high: int) -> int:
        if isinstance(self.source, np.random.Generator):
            return int(self.source.integers(low, high + 1))
        return self.source(st.integers(low, high))


@st.composite
def networks(draw: st.DrawFn, max_layers: int = 3) -> Network:
    """A strategy of networks with up to `max_layers` layers of weights; they end in a dense or a convolution."""
    return _draw_network(_Choices(draw), max_layers)


def random_network(seed: int, max_layers: int = 3) -> Network:
    """The network of a seed, drawn from the same choices as `networks`."""
    return _draw_network(_Choices(np.random.default_rng(seed)), max_layers)


def random_inputs(network: Network, seed: int, batch: int) -> npt.NDArray[np.generic]:
    """A batch (B, *input shape) of the input's element type over its whole range, with the extremes in it."""
    rng = np.random.default_rng(seed)
    tensor = network.input
    shape = (batch, *tensor.shape)
    if tensor.kind is Kind.BITS:
        return rng.choice(np.array([-1, 1]), size=shape).astype(tensor.dtype)
    values = rng.integers(tensor.low, tensor.high + 1, size=shape)
    if batch > 2:
        values[0], values[1] = tensor.low, tensor.high
    return values.astype(tensor.dtype)


def _draw_network(choices: _Choices, max_layers: int) -> Network:
    rank = choices.one_of((0, 1, 2))
    if rank == 0:
        shape: tuple[int, ...] = (choices.one_of(VECTOR_SIZES),)
    else:
        spatial = tuple(choices.integer(1, 9 if rank == 2 else 20) for _ in range(rank))
        shape = (choices.one_of(CHANNELS), *spatial)
    kind = choices.one_of((Kind.BITS, Kind.TRITS, Kind.INTEGERS))
    low, high = choices.one_of(RANGES) if kind is Kind.INTEGERS else (-1, 1)
    builder = Builder(Tensor("x", kind, shape, low, high), np.random.default_rng(choices.integer(0, 2**32 - 1)))
    if kind is Kind.INTEGERS and choices.integer(0, 3) == 0:
        builder.threshold(*_step_kind(choices))
    for remaining in reversed(range(choices.integer(1, max_layers))):
        _draw_layer(builder, choices)
        if remaining:
            builder.threshold(*_step_kind(choices))
            if builder.last.spatial and choices.integer(0, 1):
                builder.pool(_draw_window(choices, builder.last.spatial, pooling=True))
            if builder.last.spatial and choices.integer(0, 3) == 0:
                builder.flatten()
    if choices.integer(0, 1):
        builder.affine()
    return builder.network()


def _step_kind(choices: _Choices) -> tuple[Kind, int]:
    kind = choices.one_of((Kind.BITS, Kind.BITS, Kind.TRITS, Kind.INTEGERS))
    return kind, choices.integer(3, 7) if kind is Kind.INTEGERS else 1


def _draw_layer(builder: Builder, choices: _Choices) -> None:
    weight_kind = choices.one_of((WeightKind.BINARY, WeightKind.TERNARY))
    source = builder.last
    if not source.spatial:
        builder.linear(choices.one_of(NEURONS), weight_kind)
        return
    window = _draw_window(choices, source.spatial, pooling=False)
    padded = any(window.pad_begin + window.pad_end)
    packed = source.kind in (Kind.BITS, Kind.TRITS)
    pad_value = choices.one_of((-1, 0, 1)) if padded and packed else 0
    groups = choices.one_of([g for g in range(1, source.channels + 1) if source.channels % g == 0])
    neurons = choices.one_of(NEURONS) if groups == 1 else groups * choices.integer(1, 2)
    builder.linear(neurons, weight_kind, window, groups, pad_value)


def _draw_window(choices: _Choices, spatial: tuple[int, ...], pooling: bool) -> Window:
    """A window that fits; a pooling one holds at least one true value wherever it stands."""
    axes = []
    for extent in spatial:
        begin, end = choices.integer(0, 2), choices.integer(0, 2)
        if pooling:
            kernel, dilation = choices.integer(1, min(3, extent)), 1
            begin, end = min(begin, kernel - 1), min(end, kernel - 1)
        else:
            kernel = choices.integer(1, min(5, extent + begin + end))
            widest = (extent + begin + end - 1) // (kernel - 1) if kernel > 1 else 2
            dilation = choices.integer(1, min(2, widest))
        axes.append((kernel, choices.integer(1, 3), dilation, begin, end))
    kernel_, stride, dilation_, pad_begin, pad_end = (tuple(column) for column in zip(*axes, strict=True))
    return Window(kernel_, stride, dilation_, pad_begin, pad_end)
