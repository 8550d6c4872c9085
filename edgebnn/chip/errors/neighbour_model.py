"""The error model `neighbour`, of the authors' code for arXiv 2005.01973: other weights in every inference.

+-1 is added with the probability 2 ber / (1 + p0), p0 the layer's share of zeros, and the result made ternary again.
"""

from __future__ import annotations

import numpy as np

from edgebnn.chip.banks.pattern import Pattern, RowKinds
from edgebnn.chip.device.error_formulas import SignRates, TernaryRates
from edgebnn.chip.errors.model import programming_rates
from edgebnn.chip.errors.rate_model import RateModel, Rates
from edgebnn.chip.errors.weight_flips import none, turning
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.target.target import Target
from edgebnn.errors import TargetError


class NeighbourModel(RateModel):
    """All errors come anew in every inference; none is one of programming or of a device."""

    def turns(self, chip: ChipInstance, target: Target, policy: str, pattern: Pattern) -> Rates:
        """As `RateModel` has it."""
        return neighbour_rates(self.sound_rates(chip, target, policy).mean, pattern.rows.kinds)

    def sound_rates(self, chip: ChipInstance, target: Target, policy: str) -> SignRates:
        """As `Model` has it, whatever kinds of errors the chip has."""
        return programming_rates(chip, target, policy)

    def rates(self, chip: ChipInstance, target: Target, policy: str) -> SignRates:
        """As `Model` has it; it knows no devices that could be stuck."""
        return self.sound_rates(chip, target, policy)

    def window_rates(self, chip: ChipInstance, target: Target, policy: str) -> TernaryRates | None:
        """None: ternary weights become a neighbour at the binary rate."""
        return None


def neighbour_rates(rate: float, kinds: RowKinds) -> Rates:
    """Of all weights the share `rate` is wrong, drawn anew in every inference.

    +-1 is added to a ternary weight with the probability 2 rate / (1 + p0), p0 being its layer's share of zeros, and
    the result made ternary again; a binary weight turns. Raises TargetError for a rate that this cannot reach.
    """
    added = 2 * rate / (1 + kinds.zero_share[:, np.newaxis])
    if (added[kinds.ternary] > 1).any():
        most = (1 + float(kinds.zero_share[kinds.ternary].min())) / 2
        raise TargetError(
            f"neighbour errors cannot make a share of {rate:g} of the ternary weights wrong: in a layer of this "
            f"network the largest is {most:.3g}; choose a smaller bit error rate"
        )
    return Rates(everywhere=(none(), turning(rate, added / 2, added)))
