"""Accuracy with its interval, and the accuracy that bit errors cost as a paired difference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.confidence import LEVEL, Interval, exact_interval

RESAMPLES = 2000
# Resamples drawn at once: 2,000 of 10,000 samples would be 160 MB.
_DRAWN = 100
# Parts of a drop, of chips by samples, that are there as float64 at once: 2 MB.
_MOST_PARTS = 1 << 18

Flags = npt.NDArray[np.bool_]
Part = Callable[[slice], npt.NDArray[np.signedinteger[Any]]]


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
    clean = without_errors.view(np.int8)
    parts = [lambda block, each=each: clean[block] - each[:, block].view(np.int8) for each in with_errors]
    return _mean_drops(parts, with_errors[0].shape, seed)


def mean_drops(differences: Sequence[npt.NDArray[np.signedinteger[Any]]], seed: int) -> list[AccuracyDrop]:
    """The drops whose parts (chips, samples) are these, right without errors minus right with them; all of one shape.

    What is resampled is the same for all of them.
    """
    parts = [lambda block, each=each: each[:, block] for each in differences]
    return _mean_drops(parts, differences[0].shape, seed)


def _mean_drops(parts: Sequence[Part], shape: tuple[int, ...], seed: int) -> list[AccuracyDrop]:
    """The same from parts (chips, samples) that are made a block of samples at a time: together they would take nine
    times the memory of the answers themselves.

    All sums are whole numbers, which float64 adds up exactly, whatever the blocks.
    """
    chips, samples = shape
    width = max(1, _MOST_PARTS // chips)
    blocks = [slice(start, start + width) for start in range(0, samples, width)]
    sums = [sum(int(part(block).sum(dtype=np.int64)) for block in blocks) for part in parts]
    differing = [place for place, part in enumerate(parts) if any(part(block).any() for block in blocks)]
    for_chips, for_samples = np.random.default_rng(seed), np.random.default_rng(seed)
    for _ in range(0, RESAMPLES, _DRAWN):
        _resampled(chips, for_samples)  # the samples' draws follow all of the chips'
    found = np.zeros((len(parts), RESAMPLES))
    for start in range(0, RESAMPLES if differing else 0, _DRAWN):
        drawn = slice(start, start + _DRAWN)
        of_chips, of_samples = _resampled(chips, for_chips).astype(np.float64), _resampled(samples, for_samples)
        for place in differing:
            for block in blocks:
                of_block = of_chips @ parts[place](block).astype(np.float64)
                found[place, drawn] += (of_block * of_samples[:, block]).sum(axis=1)
    total = chips * samples
    return [_drop(each / total, resampled / total, samples) for each, resampled in zip(sums, found, strict=True)]


def _resampled(count: int, draw: np.random.Generator) -> npt.NDArray[np.int64]:
    """How often each of so many is in a resample, (`_DRAWN`, count)."""
    return draw.multinomial(count, np.full(count, 1 / count), size=_DRAWN)


def _drop(mean: float, resampled: npt.NDArray[np.float64], samples: int) -> AccuracyDrop:
    tail = (1 - LEVEL) / 2
    low, high = (float(v) for v in np.quantile(resampled, [tail, 1 - tail]))
    unseen = exact_interval(0, samples)[1]
    return AccuracyDrop(mean, (min(low, mean - unseen), max(high, mean + unseen)))
