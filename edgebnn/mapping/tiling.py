"""Tiles of 32 x 32 synapses and the banks they go to."""

from __future__ import annotations

from collections.abc import Mapping

from edgebnn.chip.target import COLUMNS, Array
from edgebnn.errors import FitError
from edgebnn.mapping.plan import Tile


def tiles_of(neurons: int, fan_in: int, array: Array, first_bank: int) -> tuple[Tile, ...]:
    """The tiles of a layer in linear placement: block of neurons after block, within it word after word of inputs."""
    rows = array.rows.integer("count")
    words = -(-fan_in // COLUMNS)
    return tuple(
        Tile(
            bank=first_bank + (neuron // rows) * words + word,
            neuron=neuron,
            neurons=min(rows, neurons - neuron),
            word=word,
            inputs=min(COLUMNS, fan_in - word * COLUMNS),
        )
        for neuron in range(0, neurons, rows)
        for word in range(words)
    )


def banks_of(neurons: int, fan_in: int, array: Array) -> int:
    """Banks that a layer takes."""
    return -(-neurons // array.rows.integer("count")) * -(-fan_in // COLUMNS)


def check_parallel(node: str, fan_in: int, array: Array) -> None:
    """FitError where a neuron spans more banks than the chip can add up in one cycle."""
    words, limit = -(-fan_in // COLUMNS), array.parallel_banks.integer("count")
    if words > limit:
        raise FitError(
            f"layer '{node}': a fan-in of {fan_in} spans {words} banks, but the target adds up at most {limit}; "
            f"use a layer with at most {limit * COLUMNS} inputs a neuron, or a target with more array.parallel_banks"
        )


def check_banks(needed: Mapping[str, int], array: Array, target: str) -> None:
    """FitError where the layers (node -> banks) need more banks than the chip has."""
    total, limit = sum(needed.values()), array.banks.integer("count")
    if total > limit:
        largest = max(needed, key=lambda node: needed[node])
        raise FitError(
            f"the network needs {total} RRAM banks, but target '{target}' has {limit}; the largest layer, '{largest}', "
            f"takes {needed[largest]}: make it smaller, raise array.banks in a copy of the target file "
            "(--target FILE), or compile for a target with weights in flash (--target cortex-m4)"
        )
