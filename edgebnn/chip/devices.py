"""The resistance of every device: its own deviation, and one for each pulse that it was programmed with.

ln R = median of the state + (device_spread * z + cycle_spread * z_n), all in float32 and in this order, so that the
same device has the same bits everywhere; z belongs to the device for good, z_n to its n-th programming pulse. The four
words of a draw (domain DEVICE) of cell (bank << 5 | row, column) are, for event 0: z of BL and BLb, z_0 of BL and BLb;
for event e > 0: z_(2e - 1) of BL and BLb, z_(2e) of BL and BLb. `runtime/chip/ebnn_devices.c` draws the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgebnn.chip.cell import Cell
from edgebnn.chip.normal import Floats, normal
from edgebnn.chip.philox import Domain, draw
from edgebnn.chip.reading import unpack
from edgebnn.chip.target import COLUMNS

Flags = npt.NDArray[np.bool_]
Pulses = npt.NDArray[np.int64]

BL, BLB = 0, 1  # the sides of a cell, the last axis of every array here


@dataclass(frozen=True, eq=False)
class Devices:
    """The devices of some rows of a chip.

    bank_row: int64 (rows,), bank << 5 | row. low: bool (rows, 32, 2), whether the device is in its low-resistance
    state. pulse: int64 (rows, 32, 2), the number of the last pulse that it was programmed with, -1 before the first.
    """

    seed: int
    bank_row: npt.NDArray[np.int64]
    low: Flags
    pulse: Pulses

    def ln_resistance(self, cell: Cell) -> Floats:
        """ln R in ln ohm, float32 (rows, 32, 2)."""
        own, each = device_normals(self.seed, self.bank_row, self.pulse)
        deviation = np.float32(cell.device_spread) * own + np.float32(cell.cycle_spread) * each
        medians = np.where(self.low, np.float32(cell.ln_lrs), np.float32(cell.ln_hrs))
        found: Floats = medians + deviation
        return found


def device_normals(seed: int, bank_row: npt.NDArray[np.int64], pulse: Pulses) -> tuple[Floats, Floats]:
    """(z, z_n) of each device, float32 (rows, 32, 2)."""
    rows, columns = bank_row[:, np.newaxis], np.arange(COLUMNS)
    first = draw(seed, Domain.DEVICE, rows, columns)
    own = normal(first[..., :2])
    if not pulse.any():  # the usual case, and half of the work
        return own, normal(first[..., 2:])
    each = np.empty_like(own)
    event, later = pulse + 1 >> 1, (pulse + 1 & 1) == 1
    words = first
    for side in (BL, BLB):
        if side == BL or not np.array_equal(event[..., BL], event[..., BLB]):
            words = draw(seed, Domain.DEVICE, rows, columns, event[..., side])
        each[..., side] = normal(np.where(later[..., side], words[..., 2 + side], words[..., side]))
    return own, each


def amplifier_offsets(seed: int, banks: npt.NDArray[np.int64], cell: Cell) -> Floats:
    """The input offset of each column's sense amplifier in ln R, float32 (banks, 32), for good."""
    words = draw(seed, Domain.OFFSET, banks[:, np.newaxis] << 5, np.arange(COLUMNS))
    offsets: Floats = np.float32(cell.offset) * normal(words[..., 0])
    return offsets


def wanted_low(sign: npt.NDArray[np.uint32], nonzero: npt.NDArray[np.uint32]) -> Flags:
    """Which devices a pattern wants in the low-resistance state, bool (rows, 32, 2): BL for +1, BLb for -1."""
    return np.stack([unpack(sign & nonzero), unpack(~sign & nonzero)], axis=-1)
