"""The weights that a chip instance really holds once a mapped network has been programmed onto it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgebnn.chip.instance import ChipInstance, FaultPlanes, read_back
from edgebnn.errors import TargetError
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.plan import LinearStage
from edgebnn.mapping.rows import fan_in_order, input_order, pack_rows, unpack_rows
from edgebnn.network.types import Linear, WeightKind

Weights = npt.NDArray[np.int8]


def fault_planes(mapped: MappedNetwork, chip: ChipInstance) -> FaultPlanes:
    """The chip's faults in the banks that the network uses; TargetError where the target has no RRAM."""
    array = mapped.target.array
    if array is None:
        raise TargetError(
            f"target '{mapped.target.name}' keeps its weights in flash and has no chip instances with bit errors; "
            "compile for a target with RRAM, such as rram130"
        )
    return chip.fault_planes(mapped.plan.banks, array.rows.integer("count"))


def programmed_weights(mapped: MappedNetwork, faults: FaultPlanes) -> dict[str, Weights]:
    """The weights of every layer in RRAM as they read after programming, by node name, shaped as the network's own."""
    stages = mapped.linear_stages
    return {
        node.name: _read_layer(node, stages[node.name], faults) for node in mapped.network.linear if node.name in stages
    }


def wrong_weights(mapped: MappedNetwork, weights: dict[str, Weights]) -> int:
    """How many weights of the network differ from what was meant."""
    layers = (node for node in mapped.network.linear if node.name in weights)
    return sum(int(np.count_nonzero(weights[node.name] != node.weights)) for node in layers)


def _read_layer(node: Linear, stage: LinearStage, faults: FaultPlanes) -> Weights:
    sign, nonzero = pack_rows(fan_in_order(node.weights, stage.window))
    wrong, polarity = np.zeros_like(sign), np.zeros_like(sign)
    for tile in stage.tiles:
        rows = slice(tile.neuron, tile.neuron + tile.neurons)
        wrong[rows, tile.word] = faults.wrong[tile.bank, : tile.neurons]
        polarity[rows, tile.word] = faults.polarity[tile.bank, : tile.neurons]
    ternary = node.weight_kind is WeightKind.TERNARY
    read_sign, read_nonzero = read_back(sign, nonzero, wrong, polarity, ternary)
    flat = np.empty((node.neurons, stage.fan_in), dtype=np.int8)
    order = input_order(stage.fan_in, stage.window)
    flat[:, order] = unpack_rows(read_sign, read_nonzero if ternary else None, stage.fan_in)
    return flat.reshape(node.weights.shape)
