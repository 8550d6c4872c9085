"""The devices of a measured chip: each as it was read in the state that it is in, as far as it was.

A reading says what both devices of a cell were when it was programmed to +1 (LRS on BL, HRS on BLb), -1 (HRS, LRS) or 0
(HRS, HRS). A device takes the reading of its cell's weight first, then any other one in which it was in the same state,
and for want of that the mirror image: what the other device was in that state. A 0 takes no mirror image, which would
make both of its devices the same one. The n-th pulse shows the n-th reading of several, and after the last the first
again. A stuck device keeps the first of its readings, that of its own state before others, and has no mirror image.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.geometry import COLUMNS
from edgebnn.chip.device.resistances import BL, BLB, Devices, Flags, Sticking, StuckIn
from edgebnn.chip.measured.cells import Measured
from edgebnn.chip.random.normal import Floats

_PLUS, _MINUS, _ZERO = 1, -1, 0
_LOW = {BL: _PLUS, BLB: _MINUS}  # the weight with which a side is in LRS
_OTHER = {BL: BLB, BLB: BL}

WeightAndSide = tuple[int, int]  # weight, side


def measured_sticking(
    measured: Measured, first: npt.NDArray[np.int64], drawn: Sticking | None
) -> Sticking | None:  # fmt: skip
    """As `drawn`, but measured cells (rows, 32) are stuck where the measurement says so, and nowhere else.

    `first` are the numbers of the rows' first cells, int64 (rows,).
    """
    if drawn is None and measured.stuck is None:
        return None
    here, index = measured.places(first)
    found = np.zeros((*here.shape, 2), np.int8) if drawn is None else drawn.copy()
    found[here] = StuckIn.NONE if measured.stuck is None else measured.stuck[index][here]
    return found


def with_measured(
    measured: Measured, first: npt.NDArray[np.int64], devices: Devices, drawn: Floats
) -> tuple[Floats, Flags]:  # fmt: skip
    """ln R as measured where it was, else as drawn, float32 (rows, 32, 2), and bool (rows, 32): what is known of cells.

    `first` are the numbers of the rows' first cells, int64 (rows,). Known is a cell of which both devices were measured
    in their states, or one is stuck by measurement.
    """
    found, known = drawn.copy(), np.zeros(drawn.shape, np.bool_)
    here, _ = measured.places(first)
    stuck = np.zeros(drawn.shape, np.int8) if devices.stuck is None else devices.stuck * here[..., np.newaxis]
    if measured.ln_resistance is not None:
        readings = _Readings(measured, first, devices)
        for side in (BL, BLB):
            for where, sources in _choices(devices.low, stuck, side):
                values, read = readings.first_of(sources, side)
                found[..., side] = np.where(where & read, values, found[..., side])
                known[..., side] |= where & read
    return found, here & (known.all(axis=-1) | (stuck != StuckIn.NONE).any(axis=-1))


def _choices(low: Flags, stuck: Sticking, side: int) -> list[tuple[Flags, list[WeightAndSide]]]:
    """Which devices of a side take their resistance from which readings, the first that there is."""
    other, lrs, hrs = _OTHER[side], _LOW[side], -_LOW[side]
    free = stuck[..., side] == StuckIn.NONE
    mirrored = stuck[..., other] == StuckIn.NONE
    is_low, is_zero = low[..., side], ~low.any(axis=-1)
    in_lrs: list[WeightAndSide] = [(lrs, side)]
    in_hrs: list[WeightAndSide] = [(hrs, side), (_ZERO, side)]
    return [
        (free & is_low & mirrored, [*in_lrs, (hrs, other)]),
        (free & is_low & ~mirrored, in_lrs),
        (free & ~is_low & ~is_zero & mirrored, [*in_hrs, (lrs, other)]),
        (free & ~is_low & ~is_zero & ~mirrored, in_hrs),
        (free & is_zero, in_hrs[::-1]),
        (stuck[..., side] == StuckIn.LRS, [*in_lrs, *in_hrs]),
        (stuck[..., side] == StuckIn.HRS, [*in_hrs, *in_lrs]),
    ]


class _Readings:
    """The readings of the cells of some rows: for each weight where they begin in the measurement, and how many."""

    def __init__(self, measured: Measured, first: npt.NDArray[np.int64], devices: Devices) -> None:
        assert measured.ln_resistance is not None, "asked for where there are any"
        self.ln_resistance = measured.ln_resistance
        # A stuck device stays at the first of its readings.
        self.pulse = devices.in_force.clip(0)
        cell = first[:, np.newaxis] + np.arange(COLUMNS)
        self.runs = {}
        for weight in (_MINUS, _ZERO, _PLUS):
            begin, end = (np.searchsorted(measured.readings, 3 * cell + weight + 1, side) for side in ("left", "right"))
            self.runs[weight] = begin, end - begin

    def first_of(self, sources: Sequence[WeightAndSide], side: int) -> tuple[Floats, Flags]:
        """ln R (rows, 32) by the first of the sources that there is for a device on `side`, and where there is one."""
        values = np.zeros(self.pulse.shape[:-1], np.float32)
        read = np.zeros(values.shape, np.bool_)
        for weight, of_side in sources:
            first, count = self.runs[weight]
            there = ~read & (count > 0)
            place = first + self.pulse[..., side] % np.maximum(count, 1)
            values[there] = self.ln_resistance[place[there], of_side]
            read |= there
        return values, read
