"""Devices that are stuck: they stay in one state, at one resistance, whatever they are programmed to.

The first two words of a draw (domain STUCK) of a cell, by the `Geometry.bank_row` of its row and its column there,
belong to BL and BLb. A device stays in LRS where its word is below 2^32 times the share of such devices, and in HRS
where it is among as many of the largest words as the share of those says. `runtime/chip/ebnn_devices.c` draws the same.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.geometry import COLUMNS
from edgebnn.chip.device.cell import Cell, StuckShares
from edgebnn.chip.device.resistances import Sticking, StuckIn
from edgebnn.chip.random.normal import WHOLE
from edgebnn.chip.random.philox import Domain, draw


def drawn_sticking(seed: int, bank_row: npt.NDArray[np.int64], cell: Cell) -> Sticking | None:
    """A `StuckIn` for each device of some rows, int8 (rows, 32, 2); None where none of such cells is stuck."""
    if cell.stuck == (StuckShares(), StuckShares()):
        return None
    words = draw(seed, Domain.STUCK, bank_row[:, np.newaxis], np.arange(COLUMNS))[..., :2].astype(np.uint64)
    low = np.array([round(side.lrs * WHOLE) for side in cell.stuck], np.uint64)
    high = np.array([WHOLE - round(side.hrs * WHOLE) for side in cell.stuck], np.uint64)
    return np.select([words < low, words >= high], [StuckIn.LRS, StuckIn.HRS], StuckIn.NONE).astype(np.int8)
