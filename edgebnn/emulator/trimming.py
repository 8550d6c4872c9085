"""Trimming: thresholds moved so that the wrong weights of one particular chip do the least harm.

Thresholds are digital, so they can make up for what was programmed wrong. Layer by layer, each neuron's sums over
calibration data are compared with those without errors. Wrong weights shift them, by sum_c (w'_c - w_c) m_c with m_c
the mean input, and draw them together, since a weight that turned tells as much against the answer as it told for it.
So a threshold T moves to where it cuts as many of the chip's sums as before: m' + (T - m) s'/s with the means and the
standard deviations of the sums. The next layer is then compared with the trimmed ones before it. The last sums are
shifted back to their means.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod

import numpy as np
import numpy.typing as npt

from edgebnn.brief import brief
from edgebnn.chip.banks.programmed_banks import ProgrammedBanks
from edgebnn.emulator.agreement import same_class
from edgebnn.emulator.fast import FastPath
from edgebnn.errors import DataError, ModelError
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.mean_weights import MeanWeights, mean_weights
from edgebnn.mapping.plan import LinearStage
from edgebnn.mapping.programmed import check_programmed
from edgebnn.network.encoding import Values, encode
from edgebnn.network.interpreter import bordered, dots, run
from edgebnn.network.network import Network
from edgebnn.network.rules import check_node, largest_sum
from edgebnn.network.types import (
    Affine,
    Border,
    Kind,
    Linear,
    Node,
    Tensor,
    Threshold,
)

Floats = npt.NDArray[np.float64]
Shifts = npt.NDArray[np.int64]

_MOST_BYTES = 512 << 20  # of all tensors of all samples, with and without errors
_PATCH_BYTES = 64 << 20  # of a layer's inputs, gathered for some samples at a time
# Sums whose spread says as much of a neuron as its layer's mean does: fewer of them hardly know their own spread.
_SUMS_AS_A_PRIOR = 64
_INT32 = np.iinfo(np.int32)


@dataclass(frozen=True, eq=False)
class Trim:
    """A network trimmed for a chip.

    shifts: by how much each threshold rose, int64 (C, K), by the node's name; of the node that makes the scores, by how
    much its channels' sums were too large, (C, 1). Nodes whose sums did not change have none. Of the `samples` that
    were compared, `same_before` had the class that they have without errors, and `same_after` have it now, where
    weights that are not always read alike count as they are in the mean.
    """

    network: Network
    shifts: dict[str, Shifts]
    samples: int
    same_before: int
    same_after: int

    __repr__ = brief


def trim(mapped: MappedNetwork, banks: ProgrammedBanks, x: npt.NDArray[np.generic]) -> Trim:
    """The network trimmed for the chip whose banks these are, by a batch x as its inputs take it.

    Of many samples as many are compared as memory holds. `trimmed_for` of the network is the caller's to set. Raises
    DataError without samples or for unsuitable ones, TargetError for banks that are not the network's.
    """
    x = _samples_that_fit(mapped.network, x)
    network, shifts, answers = _compared(mapped, banks, x)
    without_errors, trimmed = answers.clean.astype(np.int32), answers.chip.astype(np.int32)
    untrimmed = FastPath(mapped).run(x, banks)
    return Trim(
        network,
        shifts,
        len(x),
        same_before=same_class(untrimmed, without_errors).equal,
        same_after=same_class(trimmed, without_errors).equal,
    )


def trimmed_network(mapped: MappedNetwork, banks: ProgrammedBanks, x: npt.NDArray[np.generic]) -> Network:
    """The network of `trim` alone, where nobody asks what it does."""
    return _compared(mapped, banks, _samples_that_fit(mapped.network, x))[0]


def _samples_that_fit(network: Network, x: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """As many of them as memory holds; DataError where there is none."""
    if len(x) == 0:
        raise DataError("the calibration data hold no sample; give at least one")
    a_sample = 2 * 8 * sum(tensor.size for tensor in network.tensors.values())
    return x[: max(1, _MOST_BYTES // a_sample)]


def _compared(
    mapped: MappedNetwork, banks: ProgrammedBanks, x: npt.NDArray[np.generic]
) -> tuple[Network, dict[str, Shifts], _Pair]:
    """The network trimmed, the shifts by the nodes' names, and the answers without errors and on the trimmed chip."""
    check_programmed(mapped, banks)
    network = mapped.network
    readers = Counter(source for node in network.nodes for source in node.sources)
    values = {name: _Pair(each, each) for name, each in encode(network, x).items()}
    nodes: list[Node] = []
    shifts: dict[str, Shifts] = {}
    for node in network.nodes:
        sources = [values[name] for name in node.sources]
        stage = mapped.linear_stages.get(node.name)
        weights = None if stage is None or not stage.tiles else mean_weights(stage, banks)
        clean, chip = _made(node, stage, weights, sources)
        moved, shift = _trimmed(network, node, sources[0], _Pair(clean, chip))
        if shift is not None:
            shifts[node.name] = shift
            chip = chip - _along_channels(shift, chip) if isinstance(node, Linear) else run(moved, sources[0].chip)
        nodes.append(moved)
        values[node.output.name] = _Pair(clean, chip)
        for name in node.sources:
            readers[name] -= 1
            if readers[name] == 0:
                values.pop(name, None)
    return replace(network, nodes=tuple(nodes)), shifts, values[network.output.name]


@dataclass(frozen=True, eq=False)
class _Pair:
    """A tensor of all samples, (B, C, ...), without errors and on the chip; one array where both are the same."""

    clean: Values
    chip: Values


def _made(
    node: Node, stage: LinearStage | None, weights: MeanWeights | None, sources: list[_Pair]
) -> tuple[Values, Values]:
    """What a node makes without errors, and on the chip before it is trimmed."""
    if isinstance(node, Linear):
        (source,) = sources
        clean = _in_parts(node, lambda x: run(node, x), source.clean)
        if stage is None or weights is None:
            return clean, clean if source.chip is source.clean else _in_parts(node, lambda x: run(node, x), source.chip)
        packed = bool(stage.input.pixel_words)
        return clean, _in_parts(node, lambda x: _mean_sums(node, weights, packed, x), source.chip)
    clean = run(node, *(source.clean for source in sources))
    same = all(source.chip is source.clean for source in sources)
    return clean, clean if same else run(node, *(source.chip for source in sources))


def _in_parts(node: Linear, rule: Callable[[Values], Values], x: Values) -> Values:
    """The rule on some samples after the others: the inputs of all neurons, gathered, take much memory."""
    gathered = 2 * 8 * node.fan_in * node.groups * prod(node.output.spatial)
    step = max(1, _PATCH_BYTES // gathered)
    return np.concatenate([rule(x[first : first + step]) for first in range(0, len(x), step)])


def _mean_sums(node: Linear, weights: MeanWeights, packed: bool, x: Values) -> Values:
    """A layer's sums as the chip reads its weights in the mean, rounded.

    The set bits of integers are inputs of +1; packed inputs are +1, -1, or none.
    """
    if not packed or np.array_equal(weights.minus, weights.plus):
        products = dots(node, weights.plus, x)
    else:
        above = replace(node, pad_value=max(node.pad_value, 0))
        below = replace(node, pad_value=min(node.pad_value, 0))
        products = dots(above, weights.plus, np.maximum(x, 0)) + dots(below, weights.minus, np.minimum(x, 0))
    return bordered(node, np.rint(products).astype(np.int64))


def _trimmed(network: Network, node: Node, source: _Pair, made: _Pair) -> tuple[Node, Shifts | None]:
    """The node as the chip needs it, and by how much it was moved; None where it stays."""
    if isinstance(node, Threshold) and source.chip is not source.clean:
        return _trimmed_threshold(node, network.tensors[node.sources[0]], source)
    if isinstance(node, Affine) and node.output.kind is Kind.SCORES and source.chip is not source.clean:
        shift = np.rint(_shifts(source)).astype(np.int64)
        return _shifted_affine(node, network.tensors[node.sources[0]], shift), shift[:, np.newaxis]
    if isinstance(node, Linear) and node is network.nodes[-1] and made.chip is not made.clean:
        shift = np.rint(_shifts(made)).astype(np.int64)
        return _started(node, network.tensors[node.sources[0]], -shift), shift[:, np.newaxis]
    return node, None


def _trimmed_threshold(node: Threshold, tensor: Tensor, source: _Pair) -> tuple[Threshold, Shifts]:
    """Its thresholds, moved. A sum that just counts, and the one that just does not, lie on both sides of a cut."""
    mean = _means(source.clean)[:, np.newaxis]
    shift, gain = _shifts(source)[:, np.newaxis], _gains(source)[:, np.newaxis]
    before = node.thresholds.astype(np.float64)
    half = node.direction[:, np.newaxis] / 2
    moved = np.rint(mean + shift + (before - half - mean) * gain + half)
    # Those beyond all sums make constants, and stay; the others keep their order among them.
    constant = (before < tensor.low) | (before > tensor.high)
    direction = node.direction[:, np.newaxis].astype(np.int64)
    kept = np.where(constant, before, np.clip(moved, _INT32.min, _INT32.max)).astype(np.int64)
    found = (np.sort(kept * direction, axis=1) * direction).astype(np.int32)
    return replace(node, thresholds=found), found.astype(np.int64) - node.thresholds


def _means(values: Values) -> Floats:
    """The mean of each channel, (C,)."""
    return np.asarray(values.mean(axis=(0, *range(2, values.ndim))))


def _shifts(sums: _Pair) -> Floats:
    """By how much the sums of each channel are too large in the mean, (C,).

    What few samples show of it is noise in part, which would do harm: the shifts of the layer are drawn together by the
    share of their squares that samples which differ among themselves explain (James and Stein).
    """
    each = (sums.chip - sums.clean).reshape(*sums.chip.shape[:2], -1).mean(axis=2)
    shift, samples = np.asarray(each.mean(axis=0)), len(each)
    squares = float((shift**2).sum())
    if samples == 1 or squares == 0:
        return shift
    noise = float(each.var(axis=0, ddof=1).sum()) / samples
    return np.asarray(shift * max(0.0, 1 - noise / squares))


def _gains(sums: _Pair) -> Floats:
    """How much more the sums of each channel spread than without errors, (C,); of few sums, nearer to the layer's."""
    axes = (0, *range(2, sums.clean.ndim))
    clean, chip, count = sums.clean.std(axis=axes), sums.chip.std(axis=axes), sums.clean[:, 0].size
    known = (clean > 0) & (chip > 0)
    log = np.log(np.where(known, chip, 1) / np.where(known, clean, 1))
    layer = float(log[known].mean()) if known.any() else 0.0
    own = count / (count + _SUMS_AS_A_PRIOR)
    return np.asarray(np.exp(np.where(known, layer + (log - layer) * own, 0.0)))


def _along_channels(shift: Shifts, values: Values) -> Shifts:
    """Numbers (C, 1) as they go with values (B, C, ...)."""
    return shift.reshape(-1, *(1,) * (values.ndim - 2))


def _shifted_affine(node: Affine, source: Tensor, shift: Shifts) -> Affine:
    """The line of sums that are larger by the shift.

    Scores that could leave int32 give up their last bit, however far this chip's are shifted: all chips that have a
    shift run the same code.
    """
    if not shift.any():
        return node
    moved = _moved(node, shift)
    furthest = np.full_like(shift, source.high - source.low)
    if all(_bears(_moved(node, by), source) for by in (furthest, -furthest)):
        return moved
    # As before, what is shifted out rounds to nearest.
    rounding = (1 << node.shift) - (1 << node.shift >> 1)
    coarser = replace(node.output, scale=2 * node.output.scale)
    return replace(moved, offset=moved.offset + rounding, shift=node.shift + 1, output=coarser)


def _moved(node: Affine, shift: Shifts) -> Affine:
    by = shift[:, np.newaxis]
    knees = np.clip(node.knees + by, _INT32.min, _INT32.max).astype(np.int32)
    return replace(node, offset=node.offset - node.multiplier.astype(np.int64) * by, knees=knees)


def _bears(node: Affine, source: Tensor) -> bool:
    """Whether its values stay in int32."""
    try:
        check_node(node, (source,))
    except ModelError:
        return False
    return True


def _started(node: Linear, source: Tensor, start: Shifts) -> Linear:
    """The layer, whose sums start from these numbers (O,) besides what they started from."""
    output, old = node.output, node.border
    zones = tuple(np.zeros(extent, np.uint16) for extent in output.spatial)
    empty = np.zeros((*(1 for _ in zones), node.neurons), np.int32)
    border = old or Border(zones, empty)
    started = replace(node, border=replace(border, start=(border.start + start).astype(np.int32)))
    reach = largest_sum(started, source)
    return replace(started, output=replace(output, low=min(output.low, -reach), high=max(output.high, reach)))
