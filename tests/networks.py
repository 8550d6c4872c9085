"""Random integer networks for property tests: every kind of node, branches, odd sizes, weights from a seed.

`networks()` is a hypothesis strategy; what it draws is the shape of a network, and one seed from which weights and
thresholds follow, so a failing example is small and repeats. `random_network(seed)` gives the same without hypothesis.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from edgebnn.network.batches import joined
from edgebnn.network.network import Network
from edgebnn.network.types import (
    Encoding,
    Input,
    Kind,
    Quantizer,
    Tensor,
    WeightKind,
    Window,
)
from tests.builder import Builder

__all__ = ["Builder", "networks", "random_inputs", "random_network"]

T = TypeVar("T")

# Lengths at and around the words of 32, the single input, and one that needs many words.
VECTOR_SIZES = (1, 2, 31, 32, 33, 63, 100, 1000)
MOST_KEPT = 100  # channels of which a layer makes as many: it still fits into a microcontroller's flash
CHANNELS = (1, 2, 3, 8, 31, 32, 33, 40)
NEURONS = (1, 2, 7, 32, 33, 50)
RANGES = ((0, 255), (-128, 127), (-2048, 2047), (-32768, 32767), (0, 65535), (0, 1), (0, 4095), (-3, 3))
# (steps, low, step) of activations of 2 to 8 bits: few steps are compared one by one, many are searched.
ACTIVATIONS = (
    (3, 0, 1),
    (4, -2, 1),
    (7, 0, 3),
    (8, 0, 1),
    (15, 0, 1),
    (100, -50, 1),
    (255, 0, 1),
    (255, -128, 1),
    (9, 5, 300),
)
WEIGHT_KINDS = (WeightKind.BINARY, WeightKind.TERNARY, WeightKind.INT8)


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
def networks(draw: st.DrawFn, max_layers: int = 3, inputs: int = 1) -> Network:
    """A strategy of networks with up to `max_layers` layers of weights; they end in a dense or a convolution.

    With two `inputs` these meet before the layers, as they are or behind a layer each.
    """
    return _draw_network(_Choices(draw), max_layers, inputs)


def random_network(seed: int, max_layers: int = 3) -> Network:
    """The network of a seed, drawn from the same choices as `networks`."""
    return _draw_network(_Choices(np.random.default_rng(seed)), max_layers)


def random_inputs(network: Network, seed: int, batch: int) -> npt.NDArray[np.generic]:
    """A batch as the network's inputs take it, over their whole ranges, with the extremes in it."""
    rng = np.random.default_rng(seed)
    return joined(network.inputs, {entry.name: _samples(entry, rng, batch) for entry in network.inputs})


def _samples(entry: Input, rng: np.random.Generator, batch: int) -> npt.NDArray[np.generic]:
    tensor, encoding = entry.tensor, entry.encoding
    shape = (batch, *tensor.shape)
    x: npt.NDArray[np.generic]
    if encoding.quantizer is not None:
        thresholds = encoding.quantizer.thresholds.ravel()
        x = rng.normal(0, 2, size=shape).astype(np.float32)
        ties = rng.choice(np.append(thresholds[np.isfinite(thresholds)], 0), size=shape)
        x = np.where(rng.random(shape) < 0.1, ties, x)
    else:
        values = rng.integers(tensor.low, tensor.high + 1, size=shape)
        if tensor.kind is Kind.BITS:
            values = rng.choice(np.array([-1, 1]), size=shape)
        if batch > 2:
            values[0], values[1] = tensor.low, tensor.high
        x = values * np.float64(tensor.scale) + encoding.offset if encoding.dtype == "float32" else values
    if encoding.axes:
        x = np.transpose(x, (0, *(1 + encoding.axes.index(axis) for axis in range(len(encoding.axes)))))
    return x.astype(encoding.dtype)


def _draw_network(choices: _Choices, max_layers: int, inputs: int = 1) -> Network:
    rank = choices.one_of((0, 1, 2))
    if rank == 0:
        shape: tuple[int, ...] = (choices.one_of(VECTOR_SIZES),)
    else:
        spatial = tuple(choices.integer(1, 9 if rank == 2 else 20) for _ in range(rank))
        shape = (choices.one_of(CHANNELS), *spatial)
    kind = choices.one_of((Kind.BITS, Kind.TRITS, Kind.INTEGERS))
    low, high = choices.one_of(RANGES) if kind is Kind.INTEGERS else (-1, 1)
    rng = np.random.default_rng(choices.integer(0, 2**32 - 1))
    scale = choices.one_of((1.0, 1.0, 0.125, 0.01))
    builder = Builder(Tensor("x", kind, shape, low, high, scale), rng)
    if inputs > 1:
        _draw_second_input(builder, choices)
    elif kind is Kind.INTEGERS and choices.integer(0, 3) == 0:
        _draw_steps(builder, choices)
    for remaining in reversed(range(choices.integer(1, max_layers))):
        _draw_block(builder, choices)
        if remaining:
            _draw_steps(builder, choices)
            if builder.last.spatial and choices.integer(0, 1):
                builder.pool(_draw_window(choices, builder.last.spatial, pooling=True))
            if builder.last.spatial and choices.integer(0, 3) == 0:
                builder.flatten()
            if choices.integer(0, 3) == 0:
                _draw_take(builder, choices)
    if choices.integer(0, 1):
        _draw_lines(builder, choices)
    return builder.network(_draw_encoding(builder.input, choices, rng))


def _draw_second_input(builder: Builder, choices: _Choices) -> None:
    """An input beside the first, of a range of its own, and how the two meet."""
    first = builder.input
    joint = choices.one_of(("add", "concat", "layers"))
    fits = [each for each in RANGES if joint != "concat" or _joined_bits(each, (first.low, first.high)) <= 16]
    low, high = choices.one_of(fits) if first.kind is Kind.INTEGERS else (-1, 1)
    channels = first.channels if joint == "add" else choices.one_of(CHANNELS)
    second = Tensor("the other", first.kind, (channels, *first.spatial), low, high)
    builder.others.append(Input(second, _draw_encoding(second, choices, builder.rng)))
    if joint == "layers":
        kind = choices.one_of((Kind.BITS, Kind.TRITS))
        for tensor in (first, second):
            before = builder.last
            builder.resume(tensor)
            _draw_same(builder, choices, choices.one_of(NEURONS))
            _draw_steps(builder, choices, kind)
        builder.concat([before])
    elif joint == "concat":
        builder.concat([second])
    else:
        builder.add(second)
        _draw_steps(builder, choices)


def _joined_bits(one: tuple[int, int], other: tuple[int, int]) -> int:
    return Tensor("joined", Kind.INTEGERS, (1,), min(one[0], other[0]), max(one[1], other[1])).bits


def _draw_encoding(tensor: Tensor, choices: _Choices, rng: np.random.Generator) -> Encoding:
    axes: tuple[int, ...] = ()
    if choices.integer(0, 3) == 0:
        axes = tuple(rng.permutation(len(tensor.shape)).tolist())
    step = 2 if tensor.kind is Kind.BITS else 1
    steps = (tensor.high - tensor.low) // step
    if steps <= 255 and choices.integer(0, 3) == 0:
        thresholds = np.sort(rng.normal(0, 1, size=(tensor.channels, steps)), axis=1).astype(np.float32)
        if choices.integer(0, 3) == 0:
            thresholds[0, -1] = np.inf
        direction = rng.choice(np.array([-1, 1], np.int8), size=tensor.channels)
        return Encoding("float32", axes, Quantizer(thresholds, direction, tensor.low, step))
    return Encoding(choices.one_of((str(tensor.dtype), "float32")), axes)


def _draw_block(builder: Builder, choices: _Choices) -> None:
    """A layer, or several around one tensor; what comes out are sums."""
    source = builder.last
    block = choices.one_of(("layer", "layer", "layer", "layer", "residual", "concat", "sum pool"))
    if block == "sum pool" and source.spatial:
        builder.sum_pool(_draw_window(choices, source.spatial, pooling=bool(choices.integer(0, 1))))
        if choices.integer(0, 1):
            _draw_lines(builder, choices)
        _draw_steps(builder, choices)
        _draw_layer(builder, choices)
    elif block == "residual":
        _draw_residual(builder, choices)
    elif block == "concat":
        _draw_concat(builder, choices)
    else:
        _draw_layer(builder, choices)


def _draw_residual(builder: Builder, choices: _Choices) -> None:
    """A layer's sums, or lines of them, added to its own input, to lines of that, or to another layer's sums."""
    source = builder.last
    # Flattened bits lie as a map, which a layer alone can read.
    plain = not (builder.nodes and builder.nodes[-1].kind == "reshape" and source.kind in (Kind.BITS, Kind.TRITS))
    if plain and source.channels <= MOST_KEPT and choices.integer(0, 1):
        if choices.integer(0, 1):
            builder.affine(choices.integer(1, 3), choices.integer(0, 20), reach=2**20)
        other = builder.last
        builder.resume(source)
        _draw_same(builder, choices, source.channels)
    else:
        channels = choices.one_of(NEURONS)
        _draw_same(builder, choices, channels)
        other = builder.last
        builder.resume(source)
        _draw_same(builder, choices, channels)
    if builder.last.high + other.high >= 2**31 or choices.integer(0, 1):
        builder.affine(1, choices.integer(0, 20), reach=2**20)
        branch = builder.last
        builder.resume(other)
        builder.affine(1, choices.integer(0, 20), reach=2**20)
        other = branch
    builder.add(other)


def _draw_concat(builder: Builder, choices: _Choices) -> None:
    """Two or three branches of one kind side by side, and a layer that reads all of them."""
    source, branches = builder.last, []
    kind = choices.one_of((Kind.BITS, Kind.TRITS, Kind.INTEGERS))
    for _ in range(choices.integer(2, 3)):
        builder.resume(source)
        _draw_same(builder, choices, choices.one_of(NEURONS))
        _draw_steps(builder, choices, kind)
        branches.append(builder.last)
    builder.concat(branches[:-1])
    _draw_layer(builder, choices)


def _draw_take(builder: Builder, choices: _Choices) -> None:
    """A slice, a gather or a shuffle: of some axes all places in their order, of others any."""
    channels, *spatial = builder.last.shape
    builder.take((choices.one_of((channels, *NEURONS)), *(choices.integer(1, extent) for extent in spatial)))


def _draw_lines(builder: Builder, choices: _Choices) -> None:
    builder.affine(choices.one_of((1, 1, 2, 4)), choices.one_of((0, 1, 16, 31, 40)))


def _draw_steps(builder: Builder, choices: _Choices, kind: Kind | None = None) -> None:
    if kind is None and choices.integer(0, 7) == 0:
        builder.narrow(choices.one_of((5, 8, 13)))
        return
    kind = kind or choices.one_of((Kind.BITS, Kind.BITS, Kind.TRITS, Kind.INTEGERS, Kind.INTEGERS))
    # Few enough thresholds for the flash of every target.
    steps, low, step = choices.one_of([each for each in ACTIVATIONS if each[0] * builder.last.channels <= 1 << 16])
    builder.threshold(kind, steps, low, step, even=bool(choices.integer(0, 1)))


def _draw_layer(builder: Builder, choices: _Choices) -> None:
    if builder.last.kind is Kind.INTEGERS and choices.integer(0, 3) == 0:  # inputs of 32 bits
        builder.affine(choices.integer(1, 2), choices.integer(0, 20), reach=2**16)
    source, weight_kind = builder.last, choices.one_of(WEIGHT_KINDS)
    if not source.spatial:
        builder.linear(choices.one_of(NEURONS), weight_kind)
        return
    window = _draw_window(choices, source.spatial, pooling=False)
    pad_value = 0
    if any(window.pad_begin + window.pad_end):
        inside = [value for value in (-1, 0, 1, source.low) if value == 0 or source.low <= value <= source.high]
        pad_value = choices.one_of(inside)
    groups = choices.one_of([g for g in range(1, source.channels + 1) if source.channels % g == 0])
    neurons = choices.one_of(NEURONS) if groups == 1 else groups * choices.integer(1, 5)
    builder.linear(neurons, weight_kind, window, groups, pad_value, border=choices.integer(0, 3) == 0)


def _draw_same(builder: Builder, choices: _Choices, neurons: int) -> None:
    """A layer that keeps the map's extents."""
    spatial = builder.last.spatial
    kernel = tuple(choices.one_of((1, 3)) for _ in spatial)
    ones, pad = (1,) * len(spatial), tuple(k // 2 for k in kernel)
    window = Window(kernel, ones, ones, pad, pad)
    builder.linear(neurons, choices.one_of(WEIGHT_KINDS), window)


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
