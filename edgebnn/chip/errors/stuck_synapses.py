"""Synapses with a stuck device, for the error models that know rates: how often their weights turn, by formula."""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt

from edgebnn.chip.device.cell import Cell, StuckShares, cell_error_rates, ternary_rates
from edgebnn.chip.device.cell_solver import solve_cell
from edgebnn.chip.device.resistances import BL, BLB, StuckIn
from edgebnn.chip.device.stuck_devices import drawn_sticking
from edgebnn.chip.errors.weight_flips import Transitions, binary_flips, ternary_reads
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorKinds
from edgebnn.chip.target.target import Target

_CERTAIN = {StuckIn.NONE: StuckShares(), StuckIn.LRS: StuckShares(lrs=1.0), StuckIn.HRS: StuckShares(hrs=1.0)}


def stuck_cell(chip: ChipInstance, target: Target, policy: str) -> Cell | None:
    """The cell of a chip some of whose devices are stuck; None where none are, or where its rate was given."""
    if target.physics is None or target.physics.stuck is None or chip.kinds is ErrorKinds.READ:
        return None
    if chip.bit_error_rate is not None:
        return None
    stuck = target.physics.stuck
    if stuck.lrs.si("ratio") == stuck.hrs.si("ratio") == 0:
        return None
    return solve_cell(target, policy, chip.conditions)


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
