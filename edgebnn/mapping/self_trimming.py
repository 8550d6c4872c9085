"""A network whose chips trim themselves: what the firmware has to know for that, and room for what it finds.

A weight w that is read as w' shifts its neuron's sum by (w' - w) m in the mean, m being the mean of its input without
errors. Firmware that reads its rows back can add that up by a table of the means, and lets the sums start from as much
less: steps of any number, lines and scores behind them are right again, whatever they are. The means are those of the
network without errors, since every layer before is trimmed too.

Sums that are shifted reach further. What reads them has been shown to bear the range that stands in the network, so
that range becomes wider, and shifts are bounded by it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from itertools import product
from math import prod

import numpy as np
import numpy.typing as npt

from edgebnn.choices import choice
from edgebnn.errors import DataError, FitError, ModelError
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.planner import map_network
from edgebnn.network.encoding import Values
from edgebnn.network.interpreter import trace
from edgebnn.network.network import Network
from edgebnn.network.rules import (
    LARGEST_SUM_OF_MEANS,
    MEAN_FRACTIONS,
    affine_reach,
    largest_sum,
    sum_pool_reach,
)
from edgebnn.network.types import (
    Add,
    Affine,
    Border,
    Concat,
    Kind,
    Linear,
    MaxPool,
    MeanInputs,
    Node,
    Reshape,
    SumPool,
    Take,
    Tensor,
)

Means = npt.NDArray[np.float64]

MOST_SAMPLES = 1024  # whose means are as good as those of more
_BLOCK_BYTES = 64 << 20  # of the tensors of the samples that are looked at together
# Shares of a layer's largest sum by which it may be shifted, the first one that its readers bear.
_SHARES = (1, 2, 4)
_LAST_SHARES = (8, 16, 64, 1 << 31)  # where coarser scores are no way out


def self_trimming(mapped: MappedNetwork, x: npt.NDArray[np.generic]) -> MappedNetwork:
    """The network, every layer of which that lies in RRAM is trimmed by each chip, by the mean inputs over a batch x.

    Of many samples the first `MOST_SAMPLES` count. Raises DataError without samples or for unsuitable ones, FitError
    where the target has no RRAM or does not read it back, or where the firmware is without the rows with which it
    compares what it reads.
    """
    network = mapped.network
    if mapped.target.array is None:
        raise FitError(
            f"target '{mapped.target.name}' has no RRAM, so there is nothing to trim; leave out {choice('trim')}"
        )
    if network.trims_itself:
        raise FitError(f"network '{network.name}' is trimmed on the chip already; compile its model")
    in_rram = [node.name for node in network.linear if node.name in mapped.linear_stages]
    means = mean_inputs(network, in_rram, x[:MOST_SAMPLES])
    return map_network(_with_room(network, means), mapped.target, mapped.provenance, mapped.allocation)


def mean_inputs(network: Network, layers: Collection[str], x: npt.NDArray[np.generic]) -> dict[str, Means]:
    """The mean of each input of these layers over a batch x, float64 (groups, I / groups, *kernel) by their names.

    It is the mean over all samples and all places of the window; padding counts as what it is to the layer. DataError
    without samples or for unsuitable ones.
    """
    if len(x) == 0:
        raise DataError("the calibration data hold no sample; give at least one")
    nodes = [node for node in network.linear if node.name in layers]
    sums = {node.name: np.zeros((network.tensors[node.sources[0]].channels, *node.window.kernel)) for node in nodes}
    step = max(1, _BLOCK_BYTES // (8 * sum(tensor.size for tensor in network.tensors.values())))
    for first in range(0, len(x), step):
        values = trace(network, x[first : first + step])
        for node in nodes:
            sums[node.name] += _tap_sums(node, values[node.sources[0]])
    return {
        node.name: (sums[node.name] / (len(x) * prod(node.output.spatial))).reshape(
            node.groups, *node.weights.shape[1:]
        )
        for node in nodes
    }


def _tap_sums(node: Linear, x: Values) -> Values:
    """What each tap of the window reads of each channel, added up: int64 (C, *kernel) of a batch x (B, C, *spatial)."""
    window, extents = node.window, node.output.spatial
    padding = [(0, 0), (0, 0), *zip(window.pad_begin, window.pad_end, strict=True)]
    padded = np.pad(x, padding, constant_values=node.pad_value)
    axes = (0, *range(2, x.ndim))
    sums = np.empty((x.shape[1], *window.kernel), np.int64)
    for tap in product(*(range(size) for size in window.kernel)):
        cut = tuple(
            slice(t * d, t * d + s * (n - 1) + 1, s)
            for t, d, s, n in zip(tap, window.dilation, window.stride, extents, strict=True)
        )
        taken = padded[(slice(None), slice(None), *cut)]
        place: tuple[slice | int, ...] = (slice(None), *tap)
        sums[place] = taken.sum(axis=axes)
    return sums


@dataclass(frozen=True, eq=False)
class _Fixed:
    """Means in integers of 16 bits, in units of 2^-fraction."""

    values: npt.NDArray[np.int16]
    fraction: int


def _fixed(means: Means) -> _Fixed:
    """The finest units in which the means fit, and what wrong weights make of them."""
    lowest, highest = MEAN_FRACTIONS
    for fraction in range(highest, lowest, -1):
        values = np.rint(means * 2.0**fraction)
        sums = np.abs(values).reshape(len(values), -1).sum(axis=1)
        if np.abs(values).max() <= np.iinfo(np.int16).max and sums.max() <= LARGEST_SUM_OF_MEANS:
            return _Fixed(values.astype(np.int16), fraction)
    return _Fixed(np.rint(means * 2.0**lowest).astype(np.int16), lowest)  # of int32 inputs


def _with_room(network: Network, means: Mapping[str, Means]) -> Network:
    """The network with the means of these layers' inputs, each shifted as far as what reads it bears."""
    trims: dict[str, MeanInputs] = {}
    for node in network.linear:
        if node.name not in means:
            continue
        fixed = _fixed(means[node.name])
        reach = largest_sum(node, network.tensors[node.sources[0]])

        def found(network: Network, shares: tuple[int, ...], name: str = node.name, fixed: _Fixed = fixed,
                  reach: int = reach) -> MeanInputs | None:  # fmt: skip
            for share in shares:
                trim = MeanInputs(fixed.values, fixed.fraction, reach // share)
                if _bears(network, {**trims, name: trim}):
                    return trim
            return None

        trim = found(network, _SHARES)
        if trim is None and (coarser := _coarser(network)) is not None and _reads_into_scores(network, node):
            trim = found(coarser, _SHARES)
            network = network if trim is None else coarser
        trims[node.name] = trim or found(network, _LAST_SHARES) or MeanInputs(fixed.values, fixed.fraction, 0)
    return _widened(network, trims)


def _bears(network: Network, trims: Mapping[str, MeanInputs]) -> bool:
    """Whether the network can have these."""
    try:
        _widened(network, trims)
    except ModelError:
        return False
    return True


def _reads_into_scores(network: Network, node: Linear) -> bool:
    """Whether lines alone lie between a layer and the scores."""
    (*_, last) = network.nodes
    return node.output.name in last.sources


def _coarser(network: Network) -> Network | None:
    """The network whose scores are counted in units twice as large, rounded to nearest; None where they are no lines.

    A line without a shift stays one: half of its multipliers, rounded, are as near to the model as they were before.
    """
    (*before, last) = network.nodes
    if not isinstance(last, Affine):
        return None
    old = last.output
    scores = replace(old, scale=2 * old.scale, low=old.low // 2 - 1, high=old.high // 2 + 1)
    if last.shift == 0 and last.multiplier.shape[1] == 1:
        source = network.tensors[last.sources[0]]
        furthest = 2 * max(abs(source.low), abs(source.high))  # of sums that are shifted as far as they reach
        multiplier = np.rint(last.multiplier / 2).astype(np.int32)
        reach = (furthest + 1) // 2 + 1
        scores = replace(scores, low=scores.low - reach, high=scores.high + reach)
        line = replace(last, multiplier=multiplier, offset=last.offset + 1 >> 1, output=scores)
        error = scores.scale * reach
    else:
        rounding = (1 << last.shift) - (1 << last.shift >> 1)
        line = replace(last, offset=last.offset + rounding, shift=last.shift + 1, output=scores)
        error = old.scale
    try:
        return replace(network, nodes=(*before, line), score_error=network.score_error + error)
    except ModelError:
        return None


def _widened(network: Network, trims: Mapping[str, MeanInputs]) -> Network:
    """The network with these, and with the ranges that its sums then have. ModelError where a node cannot bear them."""
    tensors: dict[str, Tensor] = {entry.name: entry.tensor for entry in network.inputs}
    nodes: list[Node] = []
    for node in network.nodes:
        sources = [tensors[name] for name in node.sources]
        if isinstance(node, Linear) and node.name in trims:
            node = replace(node, border=node.border or _no_border(node), trim=trims[node.name])
        low, high = _reach(node, sources)
        node = _with_range(node, low, high)
        nodes.append(node)
        tensors[node.output.name] = node.output
    return replace(network, nodes=tuple(nodes))


def _no_border(node: Linear) -> Border:
    """One zone, in which sums start from 0."""
    zones = tuple(np.zeros(extent, np.uint16) for extent in node.output.spatial)
    return Border(zones, np.zeros((*(1 for _ in zones), node.neurons), np.int32))


def _reach(node: Node, sources: list[Tensor]) -> tuple[int, int]:
    """The range of what a node makes, at least the one that it states where its values are int32."""
    source, output = sources[0], node.output
    match node:
        case Reshape() | Take() | MaxPool():
            return source.low, source.high
        case Linear():
            reach = largest_sum(node, source)
            low, high = -reach, reach
        case Add():
            low, high = sum(each.low for each in sources), sum(each.high for each in sources)
        case SumPool():
            low, high = sum_pool_reach(node, source)
        case Concat() if output.kind in (Kind.SUMS, Kind.SCORES):
            low, high = min(each.low for each in sources), max(each.high for each in sources)
        case Affine() if output.kind in (Kind.SUMS, Kind.SCORES):
            low, high = affine_reach(node, source)
        case _:
            return output.low, output.high
    return min(low, output.low), max(high, output.high)


def _with_range(node: Node, low: int, high: int) -> Node:
    if (low, high) == (node.output.low, node.output.high):
        return node
    widen: Callable[..., Node] = replace
    return widen(node, output=replace(node.output, low=low, high=high))
