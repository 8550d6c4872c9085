"""Which cell holds which weight of which neuron: the rows of `memory_map.csv`, written and read back."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgebnn.mapping.image import read_section
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.plan import LinearStage, WeightStage
from edgebnn.mapping.rows import WORD_BITS, input_order, unpack_rows

SYMBOLS = {1: "+", 0: "0", -1: "-"}
RRAM_COLUMNS = ("bank", "row", "column", "count", "layer", "neuron", "input", "input_step", "values", "policy")
FLASH_COLUMNS = ("word", "bit", "count", "layer", "neuron", "input", "input_step", "values")


@dataclass(frozen=True)
class CellGroup:
    """Neighbouring cells of one row: cell `column + i` holds the weight of input `input + i * input_step`.

    `input` counts within the neuron's weights as the model has them (channel, kernel row, kernel column). `bank` and
    `row` place the cells in RRAM; without RRAM `bank` is None and `row` is the 32-bit word of the weights image.
    """

    bank: int | None
    row: int
    column: int
    layer: str
    neuron: int
    input: int
    input_step: int
    values: str
    policy: str | None


def cell_groups(mapped: MappedNetwork) -> Iterator[CellGroup]:
    """Every cell of the deployment in groups, read from the weights image and the plan's tiles.

    Weights of 8 bits are no cells: they lie in the image as bytes, and no synapse holds them.
    """
    for stage in mapped.linear_stages.values():
        weights = layer_weights(mapped.image, stage)
        order = input_order(stage.fan_in, stage.window)
        width = _row_cells(mapped)
        runs = _runs(order, width)
        banks = {(tile.neuron, tile.word * WORD_BITS): tile.bank for tile in stage.tiles}
        rows = max((tile.neurons for tile in stage.tiles), default=0)
        for neuron, values in enumerate(weights):
            text = "".join(SYMBOLS[int(value)] for value in values)
            for start, stop, step in runs:
                place, column = divmod(start, width)
                yield CellGroup(
                    bank=banks[neuron - neuron % rows, place * width] if banks else None,
                    row=neuron % rows if banks else stage.sign.offset // 4 + neuron * stage.row_words + place,
                    column=column,
                    layer=stage.node,
                    neuron=neuron,
                    input=int(order[start]),
                    input_step=step,
                    values=text[start:stop],
                    policy=stage.policy,
                )


def layer_weights(image: bytes, stage: WeightStage) -> npt.NDArray[np.int8]:
    """A layer's weights (O, n) in the order of its rows, as the image holds them."""
    if not isinstance(stage, LinearStage):
        return read_section(image, stage.weights, "<i1").reshape(-1, stage.fan_in).astype(np.int8)
    shape = (-1, stage.row_words)
    sign = read_section(image, stage.sign, "<u4").reshape(shape).astype(np.uint32)
    if stage.nonzero is None:
        return unpack_rows(sign, None, stage.fan_in)
    nonzero = read_section(image, stage.nonzero, "<u4").reshape(shape).astype(np.uint32)
    return unpack_rows(sign, nonzero, stage.fan_in)


def cells_csv(mapped: MappedNetwork) -> bytes:
    """`memory_map.csv`: a line for every group of cells."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    rram = mapped.target.array is not None
    writer.writerow(RRAM_COLUMNS if rram else FLASH_COLUMNS)
    for group in cell_groups(mapped):
        place = (group.bank, group.row, group.column) if rram else (group.row, group.column)
        weights = (len(group.values), group.layer, group.neuron, group.input, group.input_step, group.values)
        writer.writerow((*place, *weights, group.policy) if rram else (*place, *weights))
    return text.getvalue().encode()


def synapses_in_csv(data: bytes) -> dict[str, int]:
    """Cells of each layer, counted in a `memory_map.csv`."""
    counts: dict[str, int] = {}
    for line in csv.DictReader(io.StringIO(data.decode())):
        counts[line["layer"]] = counts.get(line["layer"], 0) + len(line["values"])
    return counts


def _row_cells(mapped: MappedNetwork) -> int:
    """Cells side by side that have a row's number in common: the columns of a bank, in flash the bits of a word."""
    return WORD_BITS if mapped.target.array is None else mapped.target.array.geometry.columns


def _runs(order: npt.NDArray[np.int64], width: int) -> list[tuple[int, int, int]]:
    """Stretches (start, stop, step) of `order` that stay within a row of `width` cells and grow by one step."""
    runs: list[tuple[int, int, int]] = []
    start = 0
    while start < len(order):
        limit = min(len(order), start - start % width + width)
        step = int(order[start + 1] - order[start]) if start + 1 < limit else 1
        stop = start + 1
        while stop < limit and order[stop] - order[stop - 1] == step:
            stop += 1
        runs.append((start, stop, step))
        start = stop
    return runs
