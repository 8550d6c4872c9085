"""Shares that were counted, and how far they can be trusted."""

from __future__ import annotations

from dataclasses import dataclass

from scipy.special import betaincinv

LEVEL = 0.95

Interval = tuple[float, float]


@dataclass(frozen=True)
class Tally:
    """How many of so many independent trials went wrong."""

    wrong: int
    trials: int

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.wrong + other.wrong, self.trials + other.trials)

    @property
    def share(self) -> float:
        """What share of the trials went wrong."""
        return self.wrong / self.trials

    def interval(self, level: float = LEVEL) -> Interval:
        """The exact interval of the probability behind it."""
        return exact_interval(self.wrong, self.trials, level)


def exact_interval(successes: int, trials: int, level: float = LEVEL) -> Interval:
    """The Clopper-Pearson interval of a share; (0, 1) without trials."""
    if trials == 0:
        return 0.0, 1.0
    tail = (1 - level) / 2
    low = float(betaincinv(successes, trials - successes + 1, tail)) if successes else 0.0
    high = float(betaincinv(successes + 1, trials - successes, 1 - tail)) if successes < trials else 1.0
    return low, high
