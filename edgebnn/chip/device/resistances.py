"""The resistance of every device: its own deviation, and one for each pulse that it was programmed with.

ln R = median of state and side + (device_spread * z + cycle_spread * z_n + relaxation_spread * y_n), all in float32 and
in this order, so that the same device has the same bits everywhere; the spreads are those of the state, z belongs to
the device for good, z_n and y_n to its n-th programming pulse. Where a pulse went astray, z_n is `tails.width` times as
large. The four words of a draw (domain DEVICE) of a cell, by the `Geometry.bank_row` of its row and its column there,
are, for event 0: z of BL and BLb, z_0 of BL and BLb; for event e > 0: z_(2e - 1) of BL and BLb, z_(2e) of BL and BLb.
Those of domain SETTLING, event n: y_n of BL and BLb, and for each of them the word that says whether pulse n went
astray. A device that is stuck stays in its state at the resistance that its pulse 0 gave it.
`runtime/chip/ebnn_devices.c` draws the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.geometry import COLUMNS, SINGLE, Geometry
from edgebnn.chip.banks.programmed_banks import unpack
from edgebnn.chip.device.cell import Cell
from edgebnn.chip.random.normal import WHOLE, Floats, normal
from edgebnn.chip.random.philox import Domain, draw

Flags = npt.NDArray[np.bool_]
Pulses = npt.NDArray[np.int64]
Sticking = npt.NDArray[np.int8]

BL, BLB = 0, 1  # the sides of a cell, the last axis of every array here


class StuckIn(IntEnum):
    """The state in which a device stays, whatever it is programmed to."""

    NONE = 0
    LRS = 1
    HRS = 2


@dataclass(frozen=True, eq=False)
class Devices:
    """The devices of some rows of a chip.

    bank_row: int64 (rows,), as `Geometry.bank_row` has it. low: bool (rows, 32, 2), whether the device is in its
    low-resistance state, unless it is stuck. pulse: int64 (rows, 32, 2), the number of the last pulse that it was
    programmed with, -1 before the first. stuck: int8 (rows, 32, 2), a `StuckIn` for each device, or None where none is.
    """

    seed: int
    bank_row: npt.NDArray[np.int64]
    low: Flags
    pulse: Pulses
    stuck: Sticking | None = None

    @property
    def in_low(self) -> Flags:
        """Which devices really are in their low-resistance state, bool (rows, 32, 2)."""
        if self.stuck is None:
            return self.low
        return np.asarray(self.low & (self.stuck != StuckIn.HRS) | (self.stuck == StuckIn.LRS))

    @property
    def in_force(self) -> Pulses:
        """The number of the pulse that gave each device its resistance, int64 (rows, 32, 2)."""
        return self.pulse if self.stuck is None else np.where(self.stuck != StuckIn.NONE, 0, self.pulse)

    def ln_resistance(self, cell: Cell) -> Floats:
        """ln R in ln ohm, float32 (rows, 32, 2)."""
        low, pulse = self.in_low, self.in_force
        own, each = device_normals(self.seed, self.bank_row, pulse)

        def of_state(name: str) -> Floats:
            return np.where(low, np.float32(getattr(cell.lrs, name)), np.float32(getattr(cell.hrs, name)))

        relaxed = max(cell.lrs.relaxation_spread, cell.hrs.relaxation_spread) > 0
        words = settling_words(self.seed, self.bank_row, pulse) if relaxed or cell.tails.share else None
        if words is not None and cell.tails.share:
            astray = words[..., 2:] < np.uint64(round(cell.tails.share * WHOLE))
            each = np.where(astray, np.float32(cell.tails.width) * each, each)
        deviation = of_state("device_spread") * own + of_state("cycle_spread") * each
        if words is not None and relaxed:
            deviation = deviation + of_state("relaxation_spread") * normal(words[..., :2])
        shifted = [np.float32(state.ln_median + cell.blb_shift) for state in (cell.lrs, cell.hrs)]
        medians = of_state("ln_median")
        medians[..., BLB] = np.where(low[..., BLB], *shifted)
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


def settling_words(seed: int, bank_row: npt.NDArray[np.int64], pulse: Pulses) -> npt.NDArray[np.uint32]:
    """(y_n of BL and BLb, what says whether pulse n went astray, of BL and BLb), uint32 (rows, 32, 4)."""
    rows, columns = bank_row[:, np.newaxis], np.arange(COLUMNS)
    words = draw(seed, Domain.SETTLING, rows, columns, pulse[..., BL].clip(0))
    if not np.array_equal(pulse[..., BL], pulse[..., BLB]):
        other = draw(seed, Domain.SETTLING, rows, columns, pulse[..., BLB].clip(0))
        words[..., 1::2] = other[..., 1::2]
    return words


def telegraph_amplitudes(seed: int, bank_row: npt.NDArray[np.int64], cell: Cell) -> Floats | None:
    """By how much ln R of each device is higher in its upper state, float32 (rows, 32, 2); None without such noise."""
    if cell.telegraph.amplitude == 0 or cell.telegraph.share == 0:
        return None
    words = draw(seed, Domain.TELEGRAPH, bank_row[:, np.newaxis], np.arange(COLUMNS))[..., :2]
    uniform = (words >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)
    amplitudes: Floats = np.float32(cell.telegraph.amplitude) * uniform
    return amplitudes


def amplifier_offsets(
    seed: int, stripes: npt.NDArray[np.int64], cell: Cell, geometry: Geometry = SINGLE
) -> Floats:  # fmt: skip
    """The input offset of each column's sense amplifier in ln R, float32 (stripes, 32), for good.

    Columns that share an amplifier share its offset, across stripes too.
    """
    words = draw(seed, Domain.OFFSET, *geometry.amplifiers(stripes))
    offsets: Floats = np.float32(cell.offset) * normal(words[..., 0])
    return offsets


def wanted_low(sign: npt.NDArray[np.uint32], nonzero: npt.NDArray[np.uint32]) -> Flags:
    """Which devices a pattern wants in the low-resistance state, bool (rows, 32, 2): BL for +1, BLb for -1."""
    return np.stack([unpack(sign & nonzero), unpack(~sign & nonzero)], axis=-1)
