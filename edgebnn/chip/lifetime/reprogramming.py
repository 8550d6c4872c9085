"""From one pattern in the banks to another: pulses to the devices that change, beside pulses to all of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgebnn.chip.banks.geometry import COLUMNS
from edgebnn.chip.banks.pattern import EMPTY, Pattern, Rows
from edgebnn.chip.device.programming_pulses import program_all, program_changes
from edgebnn.chip.device.resistances import Devices, wanted_low
from edgebnn.chip.energy.pulse_count import PulseCount

_BLOCK_ROWS = 4096


@dataclass(frozen=True)
class Reprogramming:
    """What changes, and what it takes: `synapses` of the new pattern, how many of them are `changed`."""

    synapses: int
    changed: int
    changes_alone: PulseCount
    everything: PulseCount


def reprogram(old: Pattern, new: Pattern) -> Reprogramming:
    """Brings banks that hold `old` to `new`; rows that `new` leaves empty keep what they hold."""
    synapses = changed = 0
    changes_alone = everything = PulseCount()
    for rows in new.blocks(_BLOCK_ROWS):
        before = _devices(old, rows)
        low = wanted_low(rows.sign, rows.nonzero)
        synapses += low.shape[0] * COLUMNS
        changed += int(((low != before.low) | (before.pulse < 0)).any(axis=-1).sum())
        changes_alone += program_changes(before, rows.sign, rows.nonzero).pulses
        everything += program_all(before, rows.sign, rows.nonzero).pulses
    return Reprogramming(synapses, changed, changes_alone, everything)


def _devices(old: Pattern, rows: Rows) -> Devices:
    """The devices of the rows as the old pattern left them; which chip it is does not matter for pulses."""
    known = rows.stripe < old.shape[0]
    place = np.where(known, rows.stripe, 0), rows.row
    held = known & (old.kind[place] != EMPTY)
    low = wanted_low(old.sign[place], old.nonzero[place])
    pulse = np.where(held[:, np.newaxis, np.newaxis], 0, -1) * np.ones_like(low, np.int64)
    return Devices(0, rows.bank_row, low & held[:, np.newaxis, np.newaxis], pulse)
