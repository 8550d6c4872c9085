"""Tiles of 32 x 32 synapses and the banks they go to."""

from __future__ import annotations

from edgebnn.chip.target import COLUMNS, Array
from edgebnn.mapping.plan import Tile
from edgebnn.network.types import Network, WeightKind


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


def banks_needed(network: Network, array: Array) -> dict[str, int]:
    """Banks of each layer with binary or ternary weights, by its name."""
    return {
        node.name: banks_of(node.neurons, node.fan_in, array)
        for node in network.linear
        if node.weight_kind is not WeightKind.INT8
    }


def banks_at_once(network: Network) -> dict[str, int]:
    """Banks that a neuron of each such layer spans, whose counts the chip adds up in one cycle."""
    return {node.name: -(-node.fan_in // COLUMNS) for node in network.linear if node.weight_kind is not WeightKind.INT8}
