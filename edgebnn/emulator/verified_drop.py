"""The accuracy that fresh chips lost, and the loss of them that an allowed one is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

from edgebnn.confidence import exact_interval
from edgebnn.emulator.accuracy import AccuracyDrop, Flags, accuracy_drop


@dataclass(frozen=True)
class VerifiedDrop(AccuracyDrop):
    """The mean drop with its interval, and that of each chip by itself, fractions of the same samples, sorted."""

    of_chips: tuple[float, ...]

    @classmethod
    def of(cls, without_errors: Flags, with_errors: Flags, seed: int) -> VerifiedDrop:
        """Of answers that were right, as `accuracy_drop` takes them."""
        drop = accuracy_drop(without_errors, with_errors, seed)
        # Answers are counted before they are divided: what is just allowed is not to be missed by rounding.
        each = (without_errors.sum() - with_errors.sum(axis=1)) / len(without_errors)
        return cls(drop.mean, drop.interval, tuple(np.sort(each).tolist()))

    def bound(self, chip_yield: float | None) -> float:
        """What has to be at most the allowed drop.

        The upper end of the mean's interval; or, for a yield, the drop that so large a share of all chips keeps to on
        these samples, by the lower end of the exact 95 % interval of that share: infinite where so few chips cannot
        show it.
        """
        if chip_yield is None:
            return self.interval[1]
        count = len(self.of_chips)
        shown = (drop for kept, drop in enumerate(self.of_chips, 1) if exact_interval(kept, count)[0] >= chip_yield)
        return next(shown, inf)

    def chips_within(self, allowed: float) -> int:
        """How many of the chips lost no more than that."""
        return sum(drop <= allowed for drop in self.of_chips)


def chips_to_show(chip_yield: float) -> int:
    """How many chips show a yield, if all of them keep to what is allowed."""
    count = 1
    while exact_interval(count, count)[0] < chip_yield:
        count += 1
    return count
