"""The error model `table`: as `ber`, with rates that differ from place to place, or that were measured."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.geometry import Geometry
from edgebnn.chip.banks.pattern import Pattern, Rows
from edgebnn.chip.errors.model import Flags
from edgebnn.chip.errors.rate_model import RateModel, Rates, Stages, with_stuck
from edgebnn.chip.errors.spatial_shifts import SpatialShifts, spatial_spread
from edgebnn.chip.errors.weight_flips import neighbours_by_sign, none
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorKinds
from edgebnn.chip.target.target import Target, physics_of
from edgebnn.confidence import Tally


class TableModel(RateModel):
    """The rates of `ber` as they differ by bank, row and column; a cell that was measured has its own."""

    def turns(self, chip: ChipInstance, target: Target, policy: str, pattern: Pattern) -> Rates:
        """As `RateModel` has it."""
        stages, stuck = self._stages(chip, target, policy, pattern), with_stuck(chip, target, policy)
        spatial = physics_of(target).spatial
        spread = spatial_spread(spatial)
        shifts = SpatialShifts(chip.seed, pattern.geometry, pattern.rows.stripe, spatial)

        def here(rows: Rows) -> Stages:
            before, after = stages
            if spread:
                shift = shifts.of(rows.stripe, rows.row)
                before, after = (each.spread_out(shift, spread) for each in (before, after))
            if stuck is not None:
                before, after = stuck(rows, before, after)
            if chip.measured is not None and chip.measured.error_rate is not None and chip.kinds is not ErrorKinds.READ:
                measured, index = chip.measured.places(rows.cell)
                rates = neighbours_by_sign(*np.moveaxis(chip.measured.error_rate[index], -1, 0))
                before, after = before.replaced(measured, rates), after.replaced(measured, none())
            return before, after

        return Rates(here=here)

    def measured_rates(
        self, chip: ChipInstance, target: Target, policy: str, rows: Rows
    ) -> tuple[npt.NDArray[np.floating], Flags]:
        """The measured rate of each synapse's weight (rows, 32), and where there is one."""
        assert chip.measured is not None and chip.measured.error_rate is not None, "a chip of error rates"
        here, index = chip.measured.places(rows.cell)
        rates, weight = chip.measured.error_rate[index], rows.values
        return np.select([weight > 0, weight < 0], [rates[..., 0], rates[..., 1]], rates.mean(axis=-1)), here

    def tally(self, wrong: Flags, geometry: Geometry) -> Tally:
        """As `Model` has it: by bank, which adds something of its own to their rates."""
        by_column = wrong.sum(axis=1, dtype=np.int64)
        return Tally.grouped(by_column.reshape(-1, geometry.columns).sum(axis=1), geometry.synapses)
