"""What a chip finds when it trims itself: from what the sums of its neurons start, so that they are right in the mean.

The same as `runtime/macro/ebnn_macro_trim.c` in firmware, to the bit: every word of every row is read once, behind the
marker where there is one, at the chip's first boot.
"""

from __future__ import annotations

from dataclasses import replace
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.programmed_banks import ProgrammedBanks, read, unpack
from edgebnn.chip.random.philox import EVENTS
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.marker import MARKER_WORDS
from edgebnn.mapping.plan import LinearStage
from edgebnn.mapping.programmed import check_programmed
from edgebnn.mapping.tiling import words_of
from edgebnn.mapping.weight_words import fan_in_order, input_order
from edgebnn.network.types import Linear, MeanInputs

Starts = npt.NDArray[np.int32]
Shifts = npt.NDArray[np.int64]

_ALL_COLUMNS = np.uint32(0xFFFFFFFF)


def chip_starts(mapped: MappedNetwork, banks: ProgrammedBanks) -> dict[str, Starts]:
    """What the sums of each trimmed layer start from on a chip, in the shape of its border's `start`, by node name.

    Made once and kept as long as the banks live. Raises TargetError for banks that are not the network's.
    """
    if not mapped.network.trims_itself:
        return {}
    kept = _KEPT.setdefault(banks, WeakKeyDictionary())
    found = kept.get(mapped)
    if found is None:
        shifts = chip_shifts(mapped, banks)
        nodes = {node.name: node for node in mapped.network.linear}
        found = kept[mapped] = {name: _started(nodes[name], shift) for name, shift in shifts.items()}
    return found


def chip_shifts(mapped: MappedNetwork, banks: ProgrammedBanks, boot: int = 0) -> dict[str, Shifts]:
    """By how much the sums of each neuron (O,) of each trimmed layer are too large in the mean, by node name.

    It is what the chip reads at this boot, the first one by default.
    """
    check_programmed(mapped, banks)
    nodes = {node.name: node for node in mapped.network.linear}
    number = 0 if mapped.plan.marker is None else MARKER_WORDS
    found = {}
    for stage in mapped.plan.stages:
        if not isinstance(stage, LinearStage) or stage.trim is None:
            continue
        node = nodes[stage.node]
        assert node.trim is not None and node.border is not None, "a plan trims what its network does"
        wrong = _wrong_sums(node, node.trim, stage, banks, EVENTS - 1 - boot, number)
        found[node.name] = _rounded(wrong, node.trim.fraction - node.border.shift, node.trim.most)
        number += stage.output.channels * stage.row_words
    return found


_KEPT: WeakKeyDictionary[ProgrammedBanks, WeakKeyDictionary[MappedNetwork, dict[str, Starts]]] = WeakKeyDictionary()


def _wrong_sums(
    node: Linear, trim: MeanInputs, stage: LinearStage, banks: ProgrammedBanks, inference: int, number: int
) -> Shifts:
    """What each neuron's wrong weights add in the mean, in units of the means, by one read of each word from `number`
    on."""
    order = input_order(stage.fan_in, stage.window)
    means = trim.values.astype(np.int64).reshape(node.groups, -1)[:, order]
    meant = fan_in_order(node.weights, stage.window)
    sums = np.zeros(node.neurons, np.int64)
    for tile in stage.tiles:
        neurons = np.arange(tile.neuron, tile.neuron + tile.neurons)
        groups = neurons // (node.neurons // node.groups)
        for held in words_of(tile, banks.geometry):
            numbers = number + np.arange(tile.neurons)
            sign, nonzero = read(banks, held.stripe, neurons - tile.neuron, numbers, inference, _ALL_COLUMNS)
            number += tile.neurons
            inputs = slice(32 * held.word, 32 * held.word + held.inputs)
            weights = np.where(unpack(nonzero), np.where(unpack(sign), 1, -1), 0)[:, : held.inputs]
            sums[neurons] += ((weights - meant[neurons, inputs]) * means[groups, inputs]).sum(axis=1)
    return sums


def _rounded(sums: Shifts, down: int, most: int) -> Shifts:
    """In the units of the layer's sums, rounded to nearest, and no further from 0 than `most`."""
    if down > 0:
        return np.asarray(np.clip((sums + (1 << down - 1)) >> down, -most, most))
    bound = most >> -down  # beyond, 64 bits might not hold it
    return np.asarray(np.where(np.abs(sums) > bound, np.sign(sums) * most, np.clip(sums, -bound, bound) << -down))


def _started(node: Linear, shift: Shifts) -> Starts:
    assert node.border is not None, "what is trimmed has a border"
    return (node.border.start - shift).astype(np.int32)


def trimmed_node(node: Linear, starts: dict[str, Starts]) -> Linear:
    """The layer as a chip with these has it."""
    if node.name not in starts or node.border is None:
        return node
    return replace(node, border=replace(node.border, start=starts[node.name]), trim=None)
