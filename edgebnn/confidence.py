"""Shares that were counted, and how far they can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

LEVEL = 0.95

Interval = tuple[float, float]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Groups:
    """Groups of trials with something in common, such as cells of one sense amplifier: how many, and sums over them."""

    number: int
    wrong_squared: int
    wrong_by_trials: int
    trials_squared: int

    @classmethod
    def of(cls, wrong: Numbers, trials: Numbers) -> Groups:
        """Of how many trials of each group went wrong; groups without any do not count."""
        found = wrong**2, wrong * trials, trials**2
        return cls(int((trials > 0).sum()), *(int(each.sum()) for each in found))

    def __add__(self, other: Groups) -> Groups:
        return Groups(
            self.number + other.number,
            self.wrong_squared + other.wrong_squared,
            self.wrong_by_trials + other.wrong_by_trials,
            self.trials_squared + other.trials_squared,
        )

    def around(self, share: float) -> float:
        """The variance of the number of wrong trials, as the groups differ around this share of theirs."""
        squares = self.wrong_squared - 2 * share * self.wrong_by_trials + share**2 * self.trials_squared
        return squares * self.number / (self.number - 1)


@dataclass(frozen=True)
class Tally:
    """How many of so many trials went wrong; independent ones, or such as fall into independent groups."""

    wrong: int
    trials: int
    groups: Groups | None = None

    @classmethod
    def grouped(cls, wrong: npt.ArrayLike, trials: npt.ArrayLike) -> Tally:
        """Of how many trials of each group went wrong."""
        wrongs, sizes = (
            each.ravel() for each in np.broadcast_arrays(*(np.asarray(n, np.int64) for n in (wrong, trials)))
        )
        return cls(int(wrongs.sum()), int(sizes.sum()), Groups.of(wrongs, sizes))

    def __add__(self, other: Tally) -> Tally:
        """Of both, which have no group in common."""
        groups = None if self.groups is None or other.groups is None else self.groups + other.groups
        return Tally(self.wrong + other.wrong, self.trials + other.trials, groups)

    @property
    def share(self) -> float:
        """What share of the trials went wrong."""
        return self.wrong / self.trials

    def interval(self, level: float = LEVEL) -> Interval:
        """The interval of the probability behind it: exact for independent trials.

        Of groups as Korn and Graubard have it (Survey Methodology 24, 193, 1998): the exact one of as many independent
        trials as would vary alike.
        """
        effect = self._design_effect(level)
        return exact_interval(self.wrong / effect, self.trials / effect, level)

    def _design_effect(self, level: float) -> float:
        """How many trials say no more than one independent trial does."""
        if self.groups is None or self.wrong in (0, self.trials):
            return 1.0
        if self.groups.number < 2:
            return float(self.trials)
        independent = self.trials * self.share * (1 - self.share)
        tail = (1 - level) / 2
        fewer: Any = scipy.special.stdtrit(self.groups.number - 1, tail) / scipy.special.stdtrit(self.trials - 1, tail)
        return max(self.groups.around(self.share) / independent, 1.0) * float(fewer) ** 2


def exact_interval(successes: float, trials: float, level: float = LEVEL) -> Interval:
    """The Clopper-Pearson interval of a share; (0, 1) without trials."""
    if trials == 0:
        return 0.0, 1.0
    tail = (1 - level) / 2
    low = float(scipy.special.betaincinv(successes, trials - successes + 1, tail)) if successes else 0.0
    high = float(scipy.special.betaincinv(successes + 1, trials - successes, 1 - tail)) if successes < trials else 1.0
    return low, high
