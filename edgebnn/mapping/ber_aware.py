"""Placement by bit error rate: good cells for the weights that matter, and for each cell a weight that it reads well.

The harm of a placement is the sum over all weights of how much the weight matters (`network.sensitivity`) times how
often its cell reads it wrong (`chip.error_map`). Three things are free, since they change no score: which bank takes
which tile, the order of a layer's neurons, which is that of the next layer's inputs, and the polarity of each neuron.
Banks are sorted, the best one for the tile that matters most, which is optimal where the harm is a product of the two.
Orders are assignment problems: of neurons to rows, whose costs are those of the rows, each with the better polarity,
and of the next layer's columns that go with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from edgebnn.chip.banks.geometry import COLUMNS, Geometry
from edgebnn.chip.errors.error_map import ErrorMap, batch_map, error_map
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.choices import choice
from edgebnn.errors import TargetError
from edgebnn.mapping.first_order import column_counts, sensitivities_of, tile_counts
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.plan import LinearStage, MarkerPlan, Tile
from edgebnn.mapping.tiling import words_of
from edgebnn.mapping.weight_words import fan_in_order, input_order
from edgebnn.network.network import Network
from edgebnn.network.rearranging import Flags, Order, Rearranged, can_turn, channels_of, rearranged
from edgebnn.network.sensitivity import Sensitivity
from edgebnn.network.types import Linear

Floats = npt.NDArray[np.float32]
Costs = npt.NDArray[np.float64]

_SWEEPS = 2  # over all layers: the order of one is part of the costs of the next


@dataclass(frozen=True, eq=False)
class BerAware:
    """The network as it is to be placed, the bank of each tile in the plan's order, and what that is expected to do.

    orders, turned: the model's own number of each neuron of a layer, and which are inverted, by the layers' names.
    banks_alone, harm: of the harm of linear placement what is left with the chosen banks alone, and with all of it.
    linear_counts, counts: how much each tile counts before and after, by the layers' names. rates: how often each bank
    errs, (banks,), under the policy of the layer `worst`, which does the most harm where it lies linearly. These are
    empty where nobody asked where the chip errs.
    """

    network: Network
    banks: tuple[int, ...]
    orders: dict[str, Order]
    turned: dict[str, Flags]
    banks_alone: float
    harm: float
    linear_counts: dict[str, list[float]] = field(default_factory=dict)
    counts: dict[str, list[float]] = field(default_factory=dict)
    rates: Costs = field(default_factory=lambda: np.zeros(0))
    worst: str = ""


def place_by_errors(
    mapped: MappedNetwork, chip: ChipInstance | None, x: npt.NDArray[np.generic], readings: int
) -> BerAware:
    """The best placement found of a network that is mapped linearly, for a chip, or for all chips of the target.

    The batch x, as the network's inputs take it, shows which weights matter; so many readings show where the chip errs.
    Raises DataError for unsuitable samples, TargetError for a target without RRAM and for what its model does not
    cover.
    """
    maps = maps_of(mapped, chip, readings)
    return ber_aware(mapped, maps, sensitivities_of(mapped.network, x))


def expected_harm(
    mapped: MappedNetwork, chip: ChipInstance | None, x: npt.NDArray[np.generic], readings: int
) -> dict[str, Costs]:
    """What each word of each row is expected to do as the network lies, float64 (O, row words), by the layers' names.

    Arguments and errors are those of `place_by_errors`.
    """
    maps = maps_of(mapped, chip, readings)
    counts = sensitivities_of(mapped.network, x)
    return {
        node.name: _Layer(node, mapped.linear_stages[node.name], maps[node.name], counts[node.name]).word_harms()
        for node in mapped.network.linear
        if node.name in mapped.linear_stages
    }


def maps_of(mapped: MappedNetwork, chip: ChipInstance | None, readings: int) -> dict[str, ErrorMap]:
    """Where each layer's banks err, by its name: alike for layers of one policy and one kind of weights.

    Raises TargetError for a target without RRAM and for what its model does not cover.
    """
    target, wanted = mapped.target, mapped.plan.banks
    found: dict[tuple[str, bool], ErrorMap] = {}
    of_layers = {}
    for name, stage in mapped.linear_stages.items():
        policy, ternary = (chip.policy if chip else None) or stage.policy, stage.is_ternary
        if policy is None:
            raise TargetError(
                f"target '{target.name}' has no RRAM, so there is nothing to place; leave out {choice('placement')}"
            )
        if (policy, ternary) not in found:
            found[policy, ternary] = (
                batch_map(target, policy, wanted, ternary)
                if chip is None
                else error_map(chip, target, policy, wanted, readings, ternary)
            )
        of_layers[name] = found[policy, ternary]
    return of_layers


def ber_aware(
    mapped: MappedNetwork,
    maps: Mapping[str, ErrorMap],
    counts: Mapping[str, Sensitivity],
    banks: Sequence[int] | None = None,
) -> BerAware:
    """The best placement found of a network that is mapped linearly, where each layer's banks err as its map says.

    `banks` are those of the tiles in linear placement's order, where they are not to be chosen.
    """
    layers = [
        _Layer(node, mapped.linear_stages[node.name], maps[node.name], counts[node.name])
        for node in mapped.network.linear
        if node.name in mapped.linear_stages
    ]
    harms = [layer.harm() for layer in layers]
    linear, worst = sum(harms), layers[harms.index(max(harms))] if layers else None
    linear_counts = {layer.node.name: layer.tile_counts() for layer in layers}
    banks = _choose_banks(layers, mapped.plan.marker) if banks is None else banks
    for layer in layers:
        layer.move([banks[tile.bank] for tile in layer.stage.tiles])
    in_banks = sum(layer.harm() for layer in layers)
    network, by_name = mapped.network, {layer.node.name: layer for layer in layers}
    for _ in range(_SWEEPS):
        for name in by_name:
            network = _arrange(network, name, by_name)
    tiles = [tile for layer in layers for tile in layer.stage.tiles]
    return BerAware(
        network,
        tuple(banks[tile.bank] for tile in tiles),
        {name: layer.order for name, layer in by_name.items()},
        {name: layer.turned for name, layer in by_name.items()},
        in_banks / linear if linear else 1.0,
        sum(layer.harm() for layer in layers) / linear if linear else 1.0,
        linear_counts,
        {name: layer.tile_counts() for name, layer in by_name.items()},
        np.zeros(0) if worst is None else bank_rates(worst.map),
        "" if worst is None else worst.node.name,
    )


class _Layer:
    """A layer under placement: weights as rows, rates of its cells by weight, how much each row and column counts.

    Rows are neurons, in the order that is being found, and columns the places of a row.
    """

    def __init__(self, node: Linear, stage: LinearStage, errors: ErrorMap, counts: Sensitivity) -> None:
        self.stage, self.map = stage, errors
        self.order, self.turned = np.arange(node.neurons), np.zeros(node.neurons, np.bool_)
        self.node, self.neurons, self.channels = node, counts.neurons, counts.inputs
        self.move([tile.bank for tile in stage.tiles])

    def move(self, banks: list[int]) -> None:
        """The layer's tiles to these banks."""
        pairs = list(zip(self.stage.tiles, banks, strict=True))
        shape = self.node.neurons, self.stage.fan_in
        self.rates = {
            weight: _gathered(rates, self.map.geometry, pairs, shape) for weight, rates in self.map.rates.items()
        }

    @property
    def rows(self) -> npt.NDArray[np.int8]:
        """The weights (O, n) in the order of a row's columns."""
        return fan_in_order(self.node.weights, self.stage.window)

    @property
    def columns(self) -> Costs:
        """How much each column counts, (n,)."""
        return column_counts(self.node, self.stage, self.channels)

    def tile_counts(self) -> list[float]:
        """How much each tile counts."""
        return tile_counts(self.stage, self.neurons, self.columns)

    def row_costs(self) -> tuple[Costs, Costs]:
        """The harm of each neuron in each row, as it is and inverted, float64 (O, O).

        Of a weight that is not 0 in a cell, the harm is that of a -1, and by what that of a +1 differs from it more
        where it is one: so one product of matrices does for both.
        """
        rows, columns, rates = self.rows, self.columns.astype(np.float32), self.rates
        differing = ((rows > 0) * columns) @ (rates[1] - rates[-1]).T
        if 0 in rates:
            there, absent = (rows != 0) * columns, (rows == 0) * columns
            minus, plus = (there @ rates[weight].T + absent @ rates[0].T for weight in (-1, 1))
        else:
            minus, plus = rates[-1] @ columns, rates[1] @ columns
        both = (np.asarray(costs, np.float64) for costs in (minus + differing, plus - differing))
        straight, inverted = (costs * self.neurons[:, np.newaxis] for costs in both)
        return straight, inverted

    def column_costs(self, channels: int) -> Costs:
        """The harm of each channel's weights in the columns of each channel, float64 (channels, channels).

        With groups of columns, one of each channel, of taps or pixels.
        """
        order = input_order(self.stage.fan_in, self.stage.window)
        places = np.argsort(order).reshape(channels, -1)  # the columns of each channel
        by_column, columns, rates = np.ascontiguousarray(self.rows.T), self.columns, self.rates
        neurons = self.neurons.astype(np.float32)
        # As in `row_costs`, and by columns, which lie apart in a row.
        minus = np.ascontiguousarray(rates[-1].T)
        differing = np.ascontiguousarray((rates[1] - rates[-1]).T)
        zero = np.ascontiguousarray((rates[0] - rates[-1]).T) if 0 in rates else None
        costs = np.zeros((channels, channels))
        for group in places.T:
            held = by_column[group]
            each = ((held > 0) * neurons) @ differing[group].T + minus[group] @ neurons
            if zero is not None:
                each += ((held == 0) * neurons) @ zero[group].T
            costs += each * columns[group][:, np.newaxis]
        return costs

    def word_harms(self) -> Costs:
        """That of each word of each row, float64 (O, row words)."""
        rows, columns = self.rows, self.columns
        each = sum((rows == weight) * rates for weight, rates in self.rates.items()) * columns
        starts = np.arange(0, len(columns), COLUMNS)
        return np.asarray(np.add.reduceat(each, starts, axis=1) * self.neurons[:, np.newaxis])

    def harm(self) -> float:
        """That of the layer as it is."""
        rows, columns = self.rows, self.columns.astype(np.float32)
        each = sum((((rows == weight) * rates) @ columns) for weight, rates in self.rates.items())
        return float((np.asarray(each, np.float64) * self.neurons).sum())


def _gathered(
    rates: Floats, geometry: Geometry, tiles: list[tuple[Tile, int]], shape: tuple[int, int]
) -> Floats:  # fmt: skip
    """The rate of the cell of each row and column of a layer, float32 (O, n)."""
    found = np.zeros(shape, np.float32)
    for tile, bank in tiles:
        for held in words_of(tile, geometry):
            stripe = geometry.stripe(bank, held.word - tile.word)
            rows = slice(tile.neuron, tile.neuron + tile.neurons)
            found[rows, held.word * COLUMNS :][:, : held.inputs] = rates[stripe, : tile.neurons, : held.inputs]
    return found


def _choose_banks(layers: list[_Layer], marker: MarkerPlan | None) -> list[int]:
    """The bank of each tile, by the tile's number in linear placement: the best bank for the tile that counts most.

    Those of the marker are not free.
    """
    counts, end = np.array([count for layer in layers for count in layer.tile_counts()]), marker.bank if marker else inf
    maps = {id(layer.map): layer.map for layer in layers}
    rankings = {name: iter(_ranking(each)) for name, each in maps.items()}  # what is taken stays taken
    map_of_tile = [id(layer.map) for layer in layers for _ in layer.stage.tiles]
    banks, taken = np.zeros(len(counts), np.int64), set[int]()
    for tile in np.argsort(-counts, kind="stable"):
        banks[tile] = next(bank for bank in rankings[map_of_tile[tile]] if bank not in taken and bank < end)
        taken.add(int(banks[tile]))
    return [int(bank) for bank in banks]


def _ranking(errors: ErrorMap) -> list[int]:
    """The banks, those that err least first."""
    return [int(bank) for bank in np.argsort(bank_rates(errors), kind="stable")]


def bank_rates(errors: ErrorMap) -> Costs:
    """How often the cells of each bank read +1 and -1 wrong, in the mean, (banks,)."""
    rate = np.mean([errors.rates[weight].mean(axis=(1, 2), dtype=np.float64) for weight in (1, -1)], axis=0)
    return np.asarray(rate.reshape(-1, errors.geometry.words).mean(axis=1))


def _arrange(network: Network, name: str, layers: Mapping[str, _Layer]) -> Network:
    """The network with one layer's neurons in the best order and polarity, while all other layers stay."""
    layer = layers[name]
    channels = channels_of(network, layer.node)
    reader = None if channels is None else layers.get(channels.reader.name)
    straight, inverted = layer.row_costs()
    costs, turned = straight, np.zeros(straight.shape, np.bool_)
    if can_turn(network, layer.node):
        turned = inverted < straight
        costs = np.minimum(straight, inverted)
    order = np.arange(len(costs))
    if channels is not None:
        if reader is not None:
            costs = costs + reader.column_costs(len(costs))
        neurons, places = linear_sum_assignment(costs)
        order[places] = neurons
    chosen = Rearranged(order, turned[order, np.arange(len(order))])
    layer.order = layer.order[order]
    layer.turned = layer.turned[order] ^ chosen.turned
    layer.neurons = layer.neurons[order]
    if reader is not None:
        reader.channels = reader.channels.reshape(len(order), -1)[order].reshape(-1)
    network = rearranged(network, {name: chosen})
    for node in network.linear:
        if node.name in layers:
            layers[node.name].node = node
    return network
