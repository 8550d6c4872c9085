"""Layers on a chip with errors, as the reference computes them: every read of every row by `chip.reading.read`.

Plane by plane and word by word, as the macro does it, but without a line of the C that the other executors share.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from math import prod

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.programmed_banks import ProgrammedBanks, read
from edgebnn.emulator.chip_trim import chip_starts, trimmed_node
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.plan import LinearStage
from edgebnn.mapping.programmed import check_programmed
from edgebnn.mapping.tiling import words_of
from edgebnn.mapping.weight_words import input_order
from edgebnn.network.encoding import Values
from edgebnn.network.interpreter import Rule, bordered, patches_of
from edgebnn.network.types import Linear
from edgebnn.words import Words, pack_words

# Reads at a time: each takes some kilobytes on the way.
_BLOCK_READS = 1 << 14


def sensed_layers(mapped: MappedNetwork, banks: ProgrammedBanks, first_inference: int) -> dict[str, Rule]:
    """The rule of every layer in RRAM, by node name; sample i of a batch is inference `first_inference` + i.

    A chip that trims itself has done so.
    Raises TargetError for banks that are not the network's.
    """
    check_programmed(mapped, banks)
    stages, starts = mapped.linear_stages, chip_starts(mapped, banks)
    return {
        node.name: partial(_sums, trimmed_node(node, starts), stages[node.name], banks, first_inference)
        for node in mapped.network.linear
        if node.name in stages
    }


@dataclass(frozen=True, eq=False)
class _Plane:
    """One bit plane of all inputs, uint32 (B, pixels, groups, words), and what it counts.

    signs: 1 where an input is +1. counting: 1 where an input counts.
    """

    signs: Words
    counting: Words
    weight: int


def _sums(node: Linear, stage: LinearStage, banks: ProgrammedBanks, first_inference: int, x: Values) -> Values:
    """The accumulators int64 (B, neurons, *spatial) of a batch x (B, C, *spatial)."""
    inputs = _inputs(node, stage, x)
    batch, pixels = inputs.shape[:2]
    sums = np.zeros((batch, pixels, node.neurons), np.int64)
    for number, plane in enumerate(_planes(stage, inputs)):
        for tile in stage.tiles:
            neurons = np.arange(tile.neuron, tile.neuron + tile.neurons)
            groups = neurons // (node.neurons // node.groups)
            for held, (sample, pixel) in product(words_of(tile, banks.geometry), _blocks(batch, pixels, tile.neurons)):
                signs = plane.signs[sample, pixel, :, held.word][:, groups]
                counting = plane.counting[sample, pixel, :, held.word][:, groups]
                sign, nonzero = read(
                    banks,
                    held.stripe,
                    neurons - tile.neuron,
                    (pixel * stage.input.planes + number)[:, np.newaxis],
                    (first_inference + sample)[:, np.newaxis],
                    signs,
                )
                active = nonzero & counting
                alike = ~(sign ^ signs) & active
                counts = 2 * np.bitwise_count(alike).astype(np.int64) - np.bitwise_count(active)
                sums[sample[:, np.newaxis], pixel[:, np.newaxis], neurons] += plane.weight * counts
    return bordered(node, np.moveaxis(sums, 1, -1).reshape(batch, *node.output.shape))


def _inputs(node: Linear, stage: LinearStage, x: Values) -> Values:
    """What each neuron of a group reads at each output pixel, int64 (B, pixels, groups, fan-in), in a row's order."""
    patches = patches_of(x, node.window, node.pad_value)  # (B, *out, C, *kernel)
    pixels = prod(patches.shape[1 : 1 + len(node.window.kernel)])
    grouped = patches.reshape(len(x), pixels, node.groups, stage.fan_in)
    return grouped[..., input_order(stage.fan_in, stage.window)]


def _planes(stage: LinearStage, inputs: Values) -> Iterator[_Plane]:
    """The bit planes, the lowest first: one of signs, or those of integers, whose set bits are inputs of +1."""
    if stage.input.pixel_words:
        yield _Plane(pack_words(inputs > 0), pack_words(inputs != 0), 1)
        return
    signed = not stage.input.format.startswith("u")
    for plane in range(stage.input.planes):
        counting = pack_words((inputs >> plane & 1) != 0)
        weight = -(1 << plane) if signed and plane == stage.input.planes - 1 else 1 << plane
        yield _Plane(np.full_like(counting, 0xFFFFFFFF), counting, weight)


def _blocks(batch: int, pixels: int, rows: int) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """All pairs of a sample and an output pixel, in blocks (samples, pixels) that read so many rows in bounds."""
    step = max(1, _BLOCK_READS // rows)
    for first in range(0, batch * pixels, step):
        yield np.divmod(np.arange(first, min(first + step, batch * pixels)), pixels)
