"""The chip in which a network was trained: its devices, cell by cell, where the compiler has their weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from edgebnn.brief import brief
from edgebnn.chip.banks.geometry import cell_number
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorModel
from edgebnn.chip.measured.cells import HIGHEST_OHM, LOWEST_OHM, MAX_CELLS, Measured
from edgebnn.errors import ModelError
from edgebnn.mapping.cells import cell_blocks
from edgebnn.mapping.mapped import MappedNetwork


@dataclass(frozen=True, eq=False)
class LayerOnDevices:
    """Weights +-1 (neurons, inputs), and the resistances behind them in ohm (2, neurons, inputs), BL before BLb."""

    weights: npt.NDArray[np.int8]
    ohm: npt.NDArray[np.float64]

    __repr__ = brief


def trained_chip(mapped: MappedNetwork, layers: Sequence[LayerOnDevices], seed: int = 0) -> ChipInstance:
    """A chip of which the network's cells are the trained devices; sense amplifiers and all else are drawn by `seed`.

    `layers` are those of the network in RRAM, in its order. The cells are taken as if they had been measured, each
    under the weight that it has learnt; the network that is programmed there has just these weights. Raises ModelError
    where the network's weights are not those of the layers, or a resistance is none.
    """
    stages = [node.name for node in mapped.network.linear if node.name in mapped.linear_stages]
    if len(stages) != len(layers):
        raise ModelError(
            f"the network has {len(stages)} layers in RRAM, and {len(layers)} were trained; export it again"
        )
    if sum(layer.weights.size for layer in layers) > MAX_CELLS:
        raise ModelError(f"the network has more than {MAX_CELLS} weights; take a narrower one")
    by_name = dict(zip(stages, layers, strict=True))
    cells, weights, ohms = [], [], []
    for block in cell_blocks(mapped):
        layer = by_name[block.layer]
        if block.bank is None:
            raise ModelError(f"layer '{block.layer}' lies in flash; compile for a target with RRAM")
        rows, columns = (np.arange(extent) for extent in block.values.shape)
        place = np.ix_(block.neuron + rows, block.input + columns * block.input_step)
        if not np.array_equal(block.values, layer.weights[place]):
            raise ModelError(f"layer '{block.layer}' holds other weights than were trained; export the network again")
        cells.append(
            cell_number(block.bank, block.row + rows[:, np.newaxis] * block.row_step, block.column + columns).ravel()
        )
        weights.append(block.values.ravel())
        ohms.append(np.stack([layer.ohm[side][place].ravel() for side in range(2)], axis=-1))
    order = np.argsort(np.concatenate(cells))
    cell, weight, ohm = (np.concatenate(parts)[order] for parts in (cells, weights, ohms))
    if not ((ohm >= LOWEST_OHM) & (ohm <= HIGHEST_OHM)).all():
        raise ModelError(f"a trained device is beyond {LOWEST_OHM:g} to {HIGHEST_OHM:g} ohm; check the device file")
    ln_resistance = np.log(ohm).astype(np.float32)
    digest = sha256(cell.tobytes() + ln_resistance.tobytes()).hexdigest()
    reading = 3 * cell + weight.astype(np.int64) + 1
    measured = Measured(cell, None, ln_resistance, "trained in the devices", digest, reading)
    return ChipInstance(seed, errors=ErrorModel.DEVICE, measured=measured)
