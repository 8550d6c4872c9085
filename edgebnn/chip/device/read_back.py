"""The read after programming: which synapses it accepts, before anything has aged.

Each synapse is read once with either input, with the noise of one read, and is accepted where both answers are right by
a guard band in ln R: that far apart the lines have to be, and for ternary weights that far from the end of the sensing
window. The four words of a draw (domain VERIFY, event: the synapse's last pulse) are the amplifier's noise with the
inputs -1 and +1, and the window of these two reads; those of block 1 say whether BL and BLb are in the upper state of
their telegraph noise, for each of the inputs. `runtime/chip/ebnn_devices.c` draws the same for the input +1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.geometry import COLUMNS
from edgebnn.chip.device.cell import Cell
from edgebnn.chip.device.resistances import BL, BLB, Devices, telegraph_amplitudes, wanted_low
from edgebnn.chip.device.sensing import INPUTS
from edgebnn.chip.random.normal import WHOLE, Floats, normal
from edgebnn.chip.random.philox import Domain, draw
from edgebnn.words import Words

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ReadBack:
    """How synapses are read after programming: `cell` as it is then, and the `guard_band` in ln R."""

    cell: Cell
    guard_band: float = 0.0

    def accepts(self, devices: Devices, sign: Words, nonzero: Words, ternary: Flags, offsets: Floats) -> Flags:
        """Synapses that read right with both inputs, bool (rows, 32).

        `sign` and `nonzero`, uint32 (rows,), are the wanted weights as in `Pattern`, `ternary` bool (rows,) the rows of
        ternary weights. The synapses are read through their own amplifiers, `offsets` float32 (rows, 32).
        """
        guard = np.float32(self.guard_band)
        event = devices.pulse.max(axis=-1).clip(0)
        words = draw(devices.seed, Domain.VERIFY, devices.bank_row[:, np.newaxis], np.arange(COLUMNS), event)
        bl, blb = self._lines(devices, event)
        noise = np.float32(self.cell.noise) * normal(words[..., :2])
        margin = (blb - bl) + offsets[..., np.newaxis] * INPUTS + noise
        low = wanted_low(sign, nonzero)
        plus, minus = low[..., BL, np.newaxis], low[..., BLB, np.newaxis]
        right = np.where(plus, margin >= guard, np.where(minus, -margin > guard, True))
        if ternary.any():
            window = np.float32(self.cell.window) + np.float32(self.cell.window_spread) * normal(words[..., 2:])
            behind = np.minimum(bl, blb) - window
            in_time = np.where(plus | minus, -behind >= guard, behind > guard)
            right = right & (in_time | ~ternary[:, np.newaxis, np.newaxis])
        return np.asarray(right.all(axis=-1))

    def _lines(self, devices: Devices, event: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
        """ln R on BL and BLb in the reads with the inputs -1 and +1, float32 (rows, 32, 2) each."""
        ln_resistance = devices.ln_resistance(self.cell)[..., np.newaxis].repeat(2, axis=-1)
        amplitudes = telegraph_amplitudes(devices.seed, devices.bank_row, self.cell)
        if amplitudes is not None:
            place = devices.bank_row[:, np.newaxis], np.arange(COLUMNS)
            words = draw(devices.seed, Domain.VERIFY, *place, event, block=1).reshape(ln_resistance.shape)
            upper = words < np.uint64(round(self.cell.telegraph.share * WHOLE))
            ln_resistance = ln_resistance + np.where(upper, amplitudes[..., np.newaxis], np.float32(0))
        return ln_resistance[..., BL, :], ln_resistance[..., BLB, :]
