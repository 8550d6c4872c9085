"""The error model `ber`: every synapse errs by itself, at the rate of its programming policy."""

from __future__ import annotations

from edgebnn.chip.banks.pattern import Pattern
from edgebnn.chip.errors.rate_model import RateModel, Rates, with_stuck
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.target.target import Target


class BerModel(RateModel):
    """The rates are alike everywhere, but for the synapses with a stuck device."""

    def turns(self, chip: ChipInstance, target: Target, policy: str, pattern: Pattern) -> Rates:
        """As `RateModel` has it."""
        stages, stuck = self._stages(chip, target, policy, pattern), with_stuck(chip, target, policy)
        return Rates(everywhere=stages) if stuck is None else Rates(here=lambda rows: stuck(rows, *stages))
