"""Tiles of as many synapses as a bank has, and the banks they go to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from edgebnn.chip.banks.geometry import COLUMNS, MAX_BANKS, Geometry
from edgebnn.chip.target.target import RramArray
from edgebnn.mapping.plan import Tile
from edgebnn.network.network import Network
from edgebnn.network.types import WeightKind


def tiles_of(neurons: int, fan_in: int, bank: Geometry, numbers: Sequence[int]) -> tuple[Tile, ...]:
    """The tiles of a layer in the banks of these numbers: block of neurons after block, within it bank after bank."""
    spanned = bank.spanned_banks(fan_in)
    return tuple(
        Tile(
            bank=numbers[neuron // bank.rows * spanned + place],
            neuron=neuron,
            neurons=min(bank.rows, neurons - neuron),
            word=place * bank.words,
            inputs=min(bank.columns, fan_in - place * bank.columns),
        )
        for neuron in range(0, neurons, bank.rows)
        for place in range(spanned)
    )


@dataclass(frozen=True)
class BankSpan:
    """The lowest and the highest number of some banks, and how many of them there are."""

    first: int
    last: int
    count: int

    @classmethod
    def of(cls, tiles: Sequence[Tile]) -> BankSpan:
        """That of the banks of one tile or more."""
        numbers = [tile.bank for tile in tiles]
        return cls(min(numbers), max(numbers), len(numbers))

    @property
    def whole(self) -> bool:
        """Whether every bank between the lowest and the highest is one of them."""
        return self.last - self.first + 1 == self.count


class TileWord(NamedTuple):
    """A word of a tile's rows: the stripe that holds it, its place in the rows of the layer, and how many inputs."""

    stripe: int
    word: int
    inputs: int


def words_of(tile: Tile, bank: Geometry) -> Iterator[TileWord]:
    """The words of a tile's rows; those of a bank behind the last input hold nothing."""
    for place in range(bank.spanned_words(tile.inputs)):
        inputs = min(COLUMNS, tile.inputs - place * COLUMNS)
        yield TileWord(bank.stripe(tile.bank, place), tile.word + place, inputs)


def banks_of(neurons: int, fan_in: int, bank: Geometry) -> int:
    """Banks that a layer takes."""
    return -(-neurons // bank.rows) * bank.spanned_banks(fan_in)


def banks_needed(network: Network, bank: Geometry) -> dict[str, int]:
    """Banks of each layer with binary or ternary weights, by its name."""
    return {
        node.name: banks_of(node.neurons, node.fan_in, bank)
        for node in network.linear
        if node.weight_kind is not WeightKind.INT8
    }


def has_bank_numbers(network: Network, array: RramArray | None) -> bool:
    """Whether every bank that the network needs can be numbered; so it is without RRAM."""
    return array is None or sum(banks_needed(network, array.geometry).values()) <= MAX_BANKS


def banks_at_once(network: Network, bank: Geometry) -> dict[str, int]:
    """Banks that a neuron of each such layer spans, whose counts the chip adds up in one cycle."""
    return {
        node.name: bank.spanned_banks(node.fan_in) for node in network.linear if node.weight_kind is not WeightKind.INT8
    }
