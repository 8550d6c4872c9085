"""How much each layer and each tile in RRAM matters to first order, from `network.sensitivity`, summed over weights."""

from __future__ import annotations

from math import prod

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.geometry import COLUMNS
from edgebnn.mapping.plan import LinearStage
from edgebnn.mapping.weight_words import input_order
from edgebnn.network.network import Network
from edgebnn.network.sensitivity import Sensitivity, sensitivities
from edgebnn.network.types import Linear

Floats = npt.NDArray[np.float64]

_MOST_SAMPLES, _MOST_BYTES = 256, 512 << 20  # that show which weights matter, and what they may take


def sensitivities_of(network: Network, x: npt.NDArray[np.generic]) -> dict[str, Sensitivity]:
    """Those of `network.sensitivity` from the first samples of a batch x, as many as memory holds."""
    gathered = max(16 * node.fan_in * node.groups * prod(node.output.spatial) for node in network.linear)
    a_sample = gathered + 8 * sum(tensor.size for tensor in network.tensors.values())
    return sensitivities(network, x[: max(1, min(_MOST_SAMPLES, _MOST_BYTES // a_sample))])


def column_counts(node: Linear, stage: LinearStage, channels: Floats) -> Floats:
    """How much each column of a layer's rows counts, (n,), where each input channel counts so much, (C,).

    Rows of several groups have other channels in a column: it counts as they do in the mean.
    """
    order = input_order(stage.fan_in, stage.window)
    taps = node.weights[0, 0].size
    return np.asarray(channels.reshape(node.groups, -1).mean(axis=0)[order // taps])


def tile_counts(stage: LinearStage, neurons: Floats, columns: Floats) -> list[float]:
    """How much each tile counts, where neurons and columns count so much."""
    return [
        float(neurons[tile.neuron :][: tile.neurons].sum() * columns[tile.word * COLUMNS :][: tile.inputs].sum())
        for tile in stage.tiles
    ]
