"""Devices that are stuck: they stay in one state, at one resistance, whatever they are programmed to.

The first two words of a draw (domain STUCK) of a cell, by the `Geometry.bank_row` of its row and its column there,
belong to BL and BLb. A device stays in LRS where its word is below 2^32 times the share of such devices, and in HRS
where it is among as many of the largest words as the share of those says. `runtime/chip/ebnn_devices.c` draws the same.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.geometry import COLUMNS
from edgebnn.chip.device.cell import Cell, Stuck, cell_error_rates, ternary_rates
from edgebnn.chip.device.cell_solver import solve_cell
from edgebnn.chip.device.devices import BL, BLB, Sticking, StuckIn
from edgebnn.chip.errors.weight_flips import Transitions, binary_flips, ternary_reads
from edgebnn.chip.instance.chip_instance import ChipInstance, ErrorKinds, ErrorModel
from edgebnn.chip.random.normal import WHOLE
from edgebnn.chip.random.philox import Domain, draw
from edgebnn.chip.target.target import Target

_CERTAIN = {StuckIn.NONE: Stuck(), StuckIn.LRS: Stuck(lrs=1.0), StuckIn.HRS: Stuck(hrs=1.0)}


def stuck_cell(chip: ChipInstance, target: Target, policy: str) -> Cell | None:
    """The cell of a chip some of whose devices are stuck; None where none are, or where its errors know no devices."""
    if target.physics is None or target.physics.stuck is None or chip.kinds is ErrorKinds.READ:
        return None
    if chip.errors is ErrorModel.NEIGHBOUR or chip.bit_error_rate is not None:
        return None
    stuck = target.physics.stuck
    if stuck.lrs.si("ratio") == stuck.hrs.si("ratio") == 0:
        return None
    return solve_cell(target, policy, chip.conditions)


def drawn_sticking(seed: int, bank_row: npt.NDArray[np.int64], cell: Cell) -> Sticking | None:
    """A `StuckIn` for each device of some rows, int8 (rows, 32, 2); None where none of such cells is stuck."""
    if cell.stuck == (Stuck(), Stuck()):
        return None
    words = draw(seed, Domain.STUCK, bank_row[:, np.newaxis], np.arange(COLUMNS))[..., :2].astype(np.uint64)
    low = np.array([round(side.lrs * WHOLE) for side in cell.stuck], np.uint64)
    high = np.array([WHOLE - round(side.hrs * WHOLE) for side in cell.stuck], np.uint64)
    return np.select([words < low, words >= high], [StuckIn.LRS, StuckIn.HRS], StuckIn.NONE).astype(np.int8)


class StuckSynapses:
    """What becomes of the weights of synapses with a stuck device, by formula: for each pair of states that stay."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self._rates: dict[tuple[StuckIn, StuckIn, bool], Transitions] = {}

    def programming(self, seed: int, bank_row: npt.NDArray[np.int64], sound: Transitions) -> Transitions:
        """`sound`, but for the synapses (rows, 32) with a stuck device: how binary weights turn for good."""
        return self._replaced(seed, bank_row, sound, False)

    def reading(self, seed: int, bank_row: npt.NDArray[np.int64], sound: Transitions) -> Transitions:
        """`sound`, but for the synapses (rows, 32) with a stuck device: how ternary weights are read wrong."""
        return self._replaced(seed, bank_row, sound, True)

    def _replaced(
        self, seed: int, bank_row: npt.NDArray[np.int64], sound: Transitions, reading: bool
    ) -> Transitions:  # fmt: skip
        sticking = drawn_sticking(seed, bank_row, self.cell)
        assert sticking is not None, "stuck_cell gives cells with stuck devices alone"
        for bl, blb in product(StuckIn, StuckIn):
            here = (sticking[..., BL] == bl) & (sticking[..., BLB] == blb)
            if (bl or blb) and here.any():
                sound = sound.replaced(here, self._of(bl, blb, reading))
        return sound

    def _of(self, bl: StuckIn, blb: StuckIn, reading: bool) -> Transitions:
        key = bl, blb, reading
        if key not in self._rates:
            cell = self.cell.with_stuck(_CERTAIN[bl], _CERTAIN[blb])
            found = ternary_reads(ternary_rates(cell)) if reading else binary_flips(cell_error_rates(cell))
            self._rates[key] = found
        return self._rates[key]
