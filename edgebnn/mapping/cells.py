"""Which cell holds which weight of which neuron: the lines of `memory_map.csv`, written and read back."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import Literal

import numpy as np
import numpy.typing as npt

from edgebnn.mapping import halves, subsets
from edgebnn.mapping.active import stored_weights
from edgebnn.mapping.image import read_section
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.plan import LinearStage, SubsetSections, Tile, WeightStage, weight_sections
from edgebnn.mapping.weight_words import input_order, unpack_rows
from edgebnn.words import WORD_BITS

_NEURONS = ("rows", "count", "layer", "neuron", "input", "input_step", "sign", "nonzero")
RRAM_COLUMNS = ("bank", "row", "column", *_NEURONS, "policy")
FLASH_COLUMNS = ("word", "bit", "word_step", *_NEURONS, "along")
# Of a block, so that the longest line can be read with the bounds that CSV readers and spreadsheets have.
_MOST_ROWS, _MOST_COLUMNS = 32, 1024


@dataclass(frozen=True, eq=False)
class CellBlock:
    """A block of cells, of a layer's neighbouring neurons: `values`, int8 (rows, count), are their weights.

    The cell in column `column` + i of row `row` + r * `row_step` holds the weight `values[r, i]`: of neuron
    `neuron` + r and input `input` + i * `input_step`, or, where inputs are rows and a row's cells lie along neurons, of
    neuron `neuron` + i and input `input` + r * `input_step`. Inputs count within the neuron's weights as the model has
    them (channel, kernel row, kernel column). `bank`, `row` and `column` place cells in RRAM; without RRAM `bank` is
    None, `row` a 32-bit word of the weights image, and `column` a bit from there on, which may lie in a word behind it.
    """

    bank: int | None
    row: int
    row_step: int
    column: int
    layer: str
    neuron: int
    input: int
    input_step: int
    values: npt.NDArray[np.int8]
    policy: str | None
    along: Literal["inputs", "neurons"] = "inputs"


def cell_blocks(mapped: MappedNetwork) -> Iterator[CellBlock]:
    """Every cell of the deployment in blocks, read from the weights image and the plan's tiles.

    Weights of 8 bits are no cells: they lie in the image as bytes, and no synapse holds them.
    """
    for stage in mapped.linear_stages.values():
        weights = layer_weights(mapped.image, stage)
        if stage.subsets is not None:
            yield from _nibbles(stage, stage.subsets, weights)
        elif stage.halves is not None:
            yield from _halves(stage, weights)
        else:
            yield from _rows_of_neurons(stage, weights) if stage.active is None else _rows_of_inputs(stage, weights)


def _rows_of_neurons(stage: LinearStage, weights: npt.NDArray[np.int8]) -> Iterator[CellBlock]:
    order = input_order(stage.fan_in, stage.window)
    first_word = weight_sections(stage)[0].offset // 4
    tiles = stage.tiles or tuple(_flash_tiles(stage))
    runs = {
        (word, inputs): _runs(order[word * WORD_BITS :][:inputs], _MOST_COLUMNS)
        for word, inputs in {(tile.word, tile.inputs) for tile in tiles}
    }
    for tile in tiles:
        start = tile.word * WORD_BITS
        for begin, end, step in runs[tile.word, tile.inputs]:
            for row in range(0, tile.neurons, _MOST_ROWS):
                neuron = tile.neuron + row
                neurons = slice(neuron, min(neuron + _MOST_ROWS, tile.neuron + tile.neurons))
                in_flash = first_word + neuron * stage.row_words + tile.word
                yield CellBlock(
                    bank=tile.bank if stage.tiles else None,
                    row=row if stage.tiles else in_flash,
                    row_step=1 if stage.tiles else stage.row_words,
                    column=begin,
                    layer=stage.node,
                    neuron=neuron,
                    input=int(order[start + begin]),
                    input_step=step,
                    values=weights[neurons, start + begin : start + end],
                    policy=stage.policy,
                )


def _rows_of_inputs(stage: LinearStage, weights: npt.NDArray[np.int8]) -> Iterator[CellBlock]:
    """A row is a word: an input's weights of 32 neurons."""
    order = input_order(stage.fan_in, stage.window)
    first_word = weight_sections(stage)[0].offset // 4
    for neuron in range(0, len(weights), WORD_BITS):
        for begin, end, step in _runs(order, _MOST_ROWS):
            yield CellBlock(
                bank=None,
                row=first_word + neuron // WORD_BITS * stage.fan_in + begin,
                row_step=1,
                column=0,
                layer=stage.node,
                neuron=neuron,
                input=int(order[begin]),
                input_step=step,
                values=weights[neuron : neuron + WORD_BITS, begin:end].T,
                policy=None,
                along="neurons",
            )


def _halves(stage: LinearStage, weights: npt.NDArray[np.int8]) -> Iterator[CellBlock]:
    """A row is a word, of which the lower half has an input's weights and the upper one those of the 16th behind it."""
    order = input_order(stage.fan_in, stage.window)
    first_word = weight_sections(stage)[0].offset // 4
    half = halves.MOST_NEURONS
    for first in range(0, stage.fan_in, half):
        word, upper = divmod(first, WORD_BITS)
        for begin, end, step in _runs(order[first : first + half], _MOST_ROWS):
            yield CellBlock(
                bank=None,
                row=first_word + word * half + begin,
                row_step=1,
                column=upper,
                layer=stage.node,
                neuron=0,
                input=int(order[first + begin]),
                input_step=step,
                values=weights[:, first + begin : first + end].T,
                policy=None,
                along="neurons",
            )


def _nibbles(stage: LinearStage, sections: SubsetSections, weights: npt.NDArray[np.int8]) -> Iterator[CellBlock]:
    """A row is a word, of which a neuron has a bit of four: the first of each four inputs, the second, and so on."""
    neurons = len(weights) // stage.groups
    blocks, fours = subsets.blocks_of(neurons, stage.fan_in)
    places = subsets.column_order(stage.fan_in, sections.window)
    order = input_order(stage.fan_in, sections.window)[places]
    first_word = sections.plus.offset // 4
    runs = [_runs(order[phase :: subsets.INPUTS_TOGETHER], _MOST_ROWS) for phase in range(subsets.INPUTS_TOGETHER)]
    for neuron in range(len(weights)):
        group, within = divmod(neuron, neurons)
        block, nibble = divmod(within, subsets.NEURONS_TOGETHER)
        word = first_word + (group * blocks + block) * fours
        for phase, stretches in enumerate(runs):
            taken = slice(phase, None, subsets.INPUTS_TOGETHER)
            for begin, end, step in stretches:
                yield CellBlock(
                    bank=None,
                    row=word + begin,
                    row_step=1,
                    column=nibble * subsets.INPUTS_TOGETHER + phase,
                    layer=stage.node,
                    neuron=neuron,
                    input=int(order[taken][begin]),
                    input_step=step,
                    values=weights[neuron, places[taken][begin:end]].reshape(-1, 1),
                    policy=None,
                    along="neurons",
                )


def layer_weights(image: bytes, stage: WeightStage) -> npt.NDArray[np.int8]:
    """A layer's weights (O, n) in the order of its rows, as the image holds them."""
    if not isinstance(stage, LinearStage):
        return read_section(image, stage.weights, "<i1").reshape(-1, stage.fan_in).astype(np.int8)
    first, *second = (read_section(image, part, "<u4").astype(np.uint32, copy=False) for part in weight_sections(stage))
    if stage.active is not None:
        return stored_weights(first, second[0] if second else None, stage.output.channels, stage.fan_in)
    if stage.subsets is not None:
        return subsets.stored_weights(stage, stage.subsets, first, second[0] if second else None)
    if stage.halves is not None:
        return halves.stored_weights(first, stage.output.channels, stage.fan_in)
    shape = (-1, stage.row_words)
    return unpack_rows(first.reshape(shape), second[0].reshape(shape) if second else None, stage.fan_in)


def cells_csv(mapped: MappedNetwork) -> bytes:
    """`memory_map.csv`: a line for every block of cells.

    `sign` holds a hexadecimal number for each row, whose bit i is set where the weight in column `column` + i is +1;
    `nonzero`, of ternary layers alone, one whose bit i is set where that weight is not 0.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    ternary = {name for name, stage in mapped.linear_stages.items() if stage.is_ternary}
    rram = mapped.target.array is not None
    writer.writerow(RRAM_COLUMNS if rram else FLASH_COLUMNS)
    for block in cell_blocks(mapped):
        rows, count = block.values.shape
        nonzero = hexadecimal(block.values != 0) if block.layer in ternary else ""
        weights = (rows, count, block.layer, block.neuron, block.input, block.input_step)
        signs = (hexadecimal(block.values > 0), nonzero)
        if rram:
            writer.writerow((block.bank, block.row, block.column, *weights, *signs, block.policy))
        else:
            writer.writerow((block.row, block.column, block.row_step, *weights, *signs, block.along))
    return text.getvalue().encode()


def hexadecimal(bits: npt.NDArray[np.bool_]) -> str:
    """Rows of bits (R, n) as R numbers of equally many digits, the first bit of a row the lowest of its number."""
    octets = np.packbits(bits, axis=1, bitorder="little")[:, ::-1]
    return octets.tobytes().hex(" ", octets.shape[1])


def synapses_in_csv(data: bytes) -> dict[str, int]:
    """Cells of each layer, counted in a `memory_map.csv`."""
    counts: Counter[str] = Counter()
    lines = csv.reader(io.StringIO(data.decode()))
    columns = itemgetter(*map(next(lines).index, ("layer", "rows", "count")))
    for layer, rows, count in map(columns, lines):
        counts[layer] += int(rows) * int(count)
    return counts


def _flash_tiles(stage: LinearStage) -> Iterator[Tile]:
    """The whole layer as if a bank held whole rows of it, up to the longest block."""
    for start in range(0, stage.fan_in, _MOST_COLUMNS):
        inputs = min(_MOST_COLUMNS, stage.fan_in - start)
        yield Tile(bank=0, neuron=0, neurons=stage.output.channels, word=start // WORD_BITS, inputs=inputs)


def _runs(order: npt.NDArray[np.int64], longest: int) -> list[tuple[int, int, int]]:
    """Stretches (start, stop, step) of `order` that grow by one step, none of them longer than `longest`."""
    runs: list[tuple[int, int, int]] = []
    start = 0
    while start < len(order):
        limit = min(len(order), start + longest)
        step = int(order[start + 1] - order[start]) if start + 1 < limit else 1
        stop = start + 1
        while stop < limit and order[stop] - order[stop - 1] == step:
            stop += 1
        runs.append((start, stop, step))
        start = stop
    return runs
