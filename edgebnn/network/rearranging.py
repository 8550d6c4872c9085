"""The same network with its neurons in another order and of another polarity: every score stays, to the bit.

The order of a layer's neurons is that of the next layer's inputs, so a permutation of the one undoes that of the other.
A neuron all of whose weights are inverted has the negative sum, and a step function that counts the other way makes the
same of it. Both are free, and decide which weight comes to lie in which cell of a chip.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from edgebnn.network.network import Network
from edgebnn.network.types import (
    Affine,
    Linear,
    MaxPool,
    Node,
    Reshape,
    SumPool,
    Threshold,
)

Order = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_INT32 = np.iinfo(np.int32)


@dataclass(frozen=True, eq=False)
class Rearranged:
    """A layer's neurons as they shall be: neuron p is what was neuron `order[p]`, inverted where `turned[p]`."""

    order: Order
    turned: Flags


@dataclass(frozen=True, eq=False)
class Channels:
    """What carries a layer's channels up to the one layer that reads them: nodes that treat each by itself."""

    between: tuple[Node, ...]
    reader: Linear


def channels_of(network: Network, layer: Linear) -> Channels | None:
    """Where the channels of a layer go, if its neurons can be put into another order; else None.

    They can where one layer reads all of them, and nothing else does.
    """
    if layer.groups != 1:
        return None
    between: list[Node] = []
    name = layer.output.name
    while True:
        readers = [node for node in network.nodes if name in node.sources]
        if len(readers) != 1 or len(readers[0].sources) != 1:
            return None
        (node,) = readers
        if isinstance(node, Linear):
            return Channels(tuple(between), node) if node.groups == 1 else None
        if not isinstance(node, Threshold | MaxPool | SumPool | Affine | Reshape):
            return None
        if isinstance(node, Reshape) and len(node.output.shape) != 1:
            return None
        between.append(node)
        name = node.output.name


def can_turn(network: Network, layer: Linear) -> bool:
    """Whether a layer's neurons can be inverted: what reads their sums is one step function, or one straight line."""
    readers = [node for node in network.nodes if layer.output.name in node.sources]
    if len(readers) != 1:
        return False
    return isinstance(readers[0], Threshold) or (isinstance(readers[0], Affine) and readers[0].knees.shape[1] == 0)


def rearranged(network: Network, layers: Mapping[str, Rearranged]) -> Network:
    """The network with some layers' neurons rearranged, by the layers' names.

    Each must be able to: `channels_of` for an order that is not their own, `can_turn` for the polarity.
    """
    nodes = {node.name: node for node in network.nodes}
    for name, wanted in layers.items():
        layer = nodes[name]
        assert isinstance(layer, Linear), "layers alone have neurons"
        if wanted.turned.any():
            assert can_turn(network, layer), "something else reads the sums"
            nodes |= _turned(network, nodes, layer, wanted.turned[np.argsort(wanted.order)])
        if not np.array_equal(wanted.order, np.arange(layer.neurons)):
            channels = channels_of(network, layer)
            assert channels is not None, "something else reads the channels"
            nodes |= _ordered(nodes, layer, channels, wanted.order)
    return replace(network, nodes=tuple(nodes[node.name] for node in network.nodes))


def _turned(network: Network, nodes: Mapping[str, Node], layer: Linear, turned: Flags) -> dict[str, Node]:
    """The layer and what reads its sums, some neurons inverted."""
    sign = np.where(turned, -1, 1).astype(np.int8)
    reader = nodes[next(node.name for node in network.nodes if layer.output.name in node.sources)]
    own = _layer(nodes, layer)
    border = own.border and replace(own.border, start=own.border.start * sign.astype(np.int32))
    inverted = replace(own, weights=_times(own.weights, sign), border=border)
    column = sign[:, np.newaxis].astype(np.int64)
    if isinstance(reader, Threshold):
        thresholds = np.clip(reader.thresholds * column, _INT32.min, _INT32.max).astype(np.int32)
        other: Node = replace(reader, thresholds=thresholds, direction=reader.direction * sign)
    else:
        assert isinstance(reader, Affine), "a step function or a line"
        other = replace(reader, multiplier=reader.multiplier * column.astype(np.int32))
    return {layer.name: inverted, reader.name: other}


def _ordered(nodes: Mapping[str, Node], layer: Linear, channels: Channels, order: Order) -> dict[str, Node]:
    """The layer, what carries its channels, and the layer that reads them, in this order."""
    own = _layer(nodes, layer)
    found: dict[str, Node] = {
        layer.name: replace(
            own,
            weights=own.weights[order],
            border=own.border and replace(own.border, start=np.ascontiguousarray(own.border.start[..., order])),
        )
    }
    for node in channels.between:
        if isinstance(node, Reshape):  # each channel becomes as many as its map has pixels
            pixels = node.output.channels // len(order)
            order = (order[:, np.newaxis] * pixels + np.arange(pixels)).reshape(-1)
        found[node.name] = _carried(nodes[node.name], order)
    reader = _layer(nodes, channels.reader)
    found[reader.name] = replace(reader, weights=np.ascontiguousarray(reader.weights[:, order]))
    return found


def _carried(node: Node, order: Order) -> Node:
    match node:
        case Threshold():
            return replace(node, thresholds=node.thresholds[order], direction=node.direction[order])
        case MaxPool():
            return replace(node, direction=node.direction[order])
        case Affine():
            constants = (node.multiplier[order], node.offset[order], node.knees[order])
            return replace(node, multiplier=constants[0], offset=constants[1], knees=constants[2])
        case _:
            return node


def _layer(nodes: Mapping[str, Node], layer: Linear) -> Linear:
    """The layer as it is by now."""
    found = nodes[layer.name]
    assert isinstance(found, Linear), "a layer stays one"
    return found


def _times(weights: npt.NDArray[np.int8], sign: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Weights (O, ...) times the sign (O,) of each neuron."""
    return weights * sign.reshape(-1, *(1,) * (weights.ndim - 1))
