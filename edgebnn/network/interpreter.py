"""The NumPy interpreter of a `Network`: the oracle that every other executor is held to.

It follows the definition of each node and nothing else: no packing, no bit tricks, no layout.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import singledispatch
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.network.encoding import Values, encode
from edgebnn.network.network import Network
from edgebnn.network.types import (
    Add,
    Affine,
    Concat,
    Kind,
    Linear,
    MaxPool,
    Reshape,
    SumPool,
    Take,
    Tensor,
    Threshold,
    Window,
)

# Integer matrix products go through float64 and its BLAS: exact while every partial sum stays below 2**53, and
# an int32 accumulator does.
_PRODUCT = np.float64

# What a node makes of its sources on a batch, in the place of its definition.
Rule = Callable[..., Values]


def interpret(
    network: Network, x: npt.NDArray[np.generic], rules: Mapping[str, Rule] | None = None
) -> npt.NDArray[np.int32]:
    """Scores of a batch x as the network's inputs take it; the answer is int32 (B, *output shape).

    `rules` take the place of the definitions of the nodes that they name: on a chip with errors a layer is another
    function. Raises DataError where x has another shape or values outside the range.
    """
    return trace(network, x, rules)[network.output.name].astype(np.int32)


def trace(network: Network, x: npt.NDArray[np.generic], rules: Mapping[str, Rule] | None = None) -> dict[str, Values]:
    """Every tensor of the network for a batch, by name, as int64 with the batch axis in front."""
    values = encode(network, x)
    for node in network.nodes:
        sources = [values[name] for name in node.sources]
        rule = (rules or {}).get(node.name)
        made = run(node, *sources) if rule is None else rule(*sources)
        values[node.output.name] = _wrapped(node.output, made) if rules else made
    return values


def _wrapped(tensor: Tensor, made: Values) -> Values:
    """Sums as int32 holds them: other rules may leave the range in which the network's own values were shown to be."""
    return made.astype(np.int32).astype(np.int64) if tensor.kind in (Kind.SUMS, Kind.SCORES) else made


@singledispatch
def run(node: object, *sources: Values) -> Values:
    """One node on a batch."""
    raise TypeError(f"the interpreter has no rule for {type(node).__name__}")


@run.register
def _linear(node: Linear, *sources: Values) -> Values:
    (x,) = sources
    return bordered(node, dots(node, node.weights, x).astype(np.int64))


def dots(node: Linear, weights: npt.NDArray[Any], x: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """The layer's dot products (B, O, *output extents) with these weights, numbers of the shape of its own."""
    batch, channels = x.shape[:2]
    groups, neurons = node.groups, node.neurons
    patches = patches_of(x, node.window, node.pad_value)  # (B, *out, C, *kernel)
    spatial = patches.shape[1 : 1 + len(node.window.kernel)]
    patches = patches.reshape(batch, *spatial, groups, channels // groups * int(np.prod(node.window.kernel, dtype=int)))
    rows = weights.reshape(groups, neurons // groups, -1)
    sums = np.einsum("b...gi,goi->b...go", patches.astype(_PRODUCT), rows.astype(_PRODUCT), optimize=True)
    return np.moveaxis(sums.reshape(batch, *spatial, neurons), -1, 1)


def bordered(node: Linear, products: Values) -> Values:
    """A layer's sums from its dot products (B, O, *output extents)."""
    return products if node.border is None else (products << node.border.shift) + node.border.starts()


@run.register
def _threshold(node: Threshold, *sources: Values) -> Values:
    (x,) = sources
    direction = node.direction.astype(np.int64)
    thresholds = np.sort(node.thresholds * direction[:, np.newaxis], axis=1)
    count = np.empty_like(x)
    for channel in range(x.shape[1]):
        count[:, channel] = np.searchsorted(thresholds[channel], direction[channel] * x[:, channel], side="right")
    levels: Values = node.low + node.step * count
    return levels


@run.register
def _max_pool(node: MaxPool, *sources: Values) -> Values:
    (x,) = sources
    direction = node.direction.astype(np.int64).reshape(1, -1, *(1,) * (x.ndim - 2))
    lowest = np.iinfo(np.int64).min // 2
    patches = patches_of(x * direction, node.window, lowest)
    rank = len(node.window.kernel)
    largest = patches.max(axis=tuple(range(patches.ndim - rank, patches.ndim)))
    pooled: Values = np.moveaxis(largest, -1, 1) * direction
    return pooled


@run.register
def _reshape(node: Reshape, *sources: Values) -> Values:
    (x,) = sources
    return x.reshape(x.shape[0], *node.output.shape)


@run.register
def _take(node: Take, *sources: Values) -> Values:
    (x,) = sources
    for axis, places in enumerate(node.along, start=1):
        x = np.take(x, places, axis=axis)
    return x


@run.register
def _sum_pool(node: SumPool, *sources: Values) -> Values:
    (x,) = sources
    patches = patches_of(x, node.window, 0)
    rank = len(node.window.kernel)
    sums: Values = np.moveaxis(patches.sum(axis=tuple(range(patches.ndim - rank, patches.ndim))), -1, 1)
    return sums


@run.register
def _add(node: Add, *sources: Values) -> Values:
    one, other = sources
    return one + other


@run.register
def _concat(node: Concat, *sources: Values) -> Values:
    return np.concatenate(sources, axis=1)


@run.register
def _affine(node: Affine, *sources: Values) -> Values:
    (x,) = sources
    shape = (1, -1) + (1,) * (x.ndim - 2)
    segment = np.zeros_like(x)
    for knee in node.knees.T.astype(np.int64):
        segment += knee.reshape(shape) <= x
    channel = np.arange(x.shape[1]).reshape(shape)
    multiplier, offset = node.multiplier.astype(np.int64), node.offset
    values: Values = (multiplier[channel, segment] * x + offset[channel, segment]) >> node.shift
    return values


def patches_of(x: Values, window: Window, pad_value: int) -> Values:
    """Every window of x (B, C, *spatial) as (B, *output extents, C, *kernel), padded with `pad_value`."""
    rank = len(window.kernel)
    padding = [(0, 0), (0, 0), *zip(window.pad_begin, window.pad_end, strict=True)]
    padded = np.pad(x, padding, constant_values=pad_value)
    extents = window.extents(x.shape[2:])
    patches = np.empty((x.shape[0], *extents, x.shape[1], *window.kernel), dtype=np.int64)
    for tap in product(*map(range, window.kernel)):
        cut = tuple(
            slice(t * d, t * d + s * (n - 1) + 1, s)
            for t, d, s, n in zip(tap, window.dilation, window.stride, extents, strict=True)
        )
        taken = padded[(slice(None), slice(None), *cut)]
        patches[(slice(None),) * (rank + 2) + tap] = np.moveaxis(taken, 1, -1)
    return patches
