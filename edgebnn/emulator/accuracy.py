"""Accuracy with its interval, and the accuracy that bit errors cost as a paired difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.confidence import LEVEL, Interval, exact_interval

RESAMPLES = 2000

Flags = npt.NDArray[np.bool_]


class Verdict(StrEnum):
    """Whether an allowed drop of accuracy is kept, as far as the data can tell."""

    HOLDS = "holds"
    UNRESOLVED = "unresolved"
    FAILS = "fails"


@dataclass(frozen=True)
class AccuracyDrop:
    """Accuracy without errors minus accuracy with errors, as fractions, over the same samples."""

    mean: float
    interval: Interval

    def verdict(self, allowed: float) -> Verdict:
        """Whether the drop stays within `allowed` (a fraction): only the interval decides, never the mean."""
        low, high = self.interval
        if high <= allowed:
            return Verdict.HOLDS
        return Verdict.FAILS if low > allowed else Verdict.UNRESOLVED


def accuracy_drop(without_errors: Flags, with_errors: Flags, seed: int) -> AccuracyDrop:
    """The paired drop and its 95 % interval over chips and samples.

    `without_errors` (samples,) and `with_errors` (chips, samples) say which answers were right. Chips and samples are
    resampled independently of each other (a crossed bootstrap with a fixed seed), since both are draws: more samples
    do not make up for few chips. A resample of few or unchanged answers cannot show how little is known, so the
    interval is never narrower than the exact one of a change that was seen in none of the samples.
    """
    return accuracy_drops(without_errors, [with_errors], seed)[0]


def accuracy_drops(without_errors: Flags, with_errors: Sequence[Flags], seed: int) -> list[AccuracyDrop]:
    """The drop with errors of each of several kinds, on the same samples and as many chips; see `accuracy_drop`."""
    return mean_drops([without_errors.astype(np.int8) - each.astype(np.int8) for each in with_errors], seed)


def mean_drops(differences: Sequence[npt.NDArray[np.signedinteger[Any]]], seed: int) -> list[AccuracyDrop]:
    """The drops whose parts (chips, samples) are these, right without errors minus right with them; all of one shape.

    What is resampled is the same for all of them.
    """
    chips, samples = differences[0].shape
    draw = np.random.default_rng(seed)
    of_chips = draw.multinomial(chips, np.full(chips, 1 / chips), size=RESAMPLES) / chips
    means = np.zeros((len(differences), RESAMPLES))
    differing = [place for place, difference in enumerate(differences) if difference.any()]
    for start in range(0, RESAMPLES if differing else 0, 100):  # in blocks: 2,000 x 10,000 weights would be 160 MB
        block = slice(start, start + 100)
        of_samples = draw.multinomial(samples, np.full(samples, 1 / samples), size=100) / samples
        for place in differing:
            each = differences[place].astype(np.float64)
            means[place, block] = np.einsum("rc,cs,rs->r", of_chips[block], each, of_samples, optimize=True)
    return [_drop(difference, resampled) for difference, resampled in zip(differences, means, strict=True)]


def _drop(difference: npt.NDArray[np.signedinteger[Any]], resampled: npt.NDArray[np.float64]) -> AccuracyDrop:
    tail = (1 - LEVEL) / 2
    low, high = (float(v) for v in np.quantile(resampled, [tail, 1 - tail]))
    mean = float(difference.mean())
    unseen = exact_interval(0, difference.shape[1])[1]
    return AccuracyDrop(mean, (min(low, mean - unseen), max(high, mean + unseen)))
