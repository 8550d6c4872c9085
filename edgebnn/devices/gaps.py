"""Samples that a recording lacks: where they are, and what stands in their place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]


def _none() -> Integers:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False)
class Gaps:
    """Runs of missing samples: from `starts` (k,) up to, but without, `ends` (k,), in increasing order."""

    starts: Integers = field(default_factory=_none)
    ends: Integers = field(default_factory=_none)

    @classmethod
    def of(cls, missing: npt.NDArray[np.bool_]) -> Gaps:
        """The runs of True in (n,)."""
        edges = np.flatnonzero(np.diff(missing, prepend=False, append=False))
        return cls(edges[0::2], edges[1::2])

    def __len__(self) -> int:
        """How many runs."""
        return len(self.starts)

    @property
    def samples(self) -> int:
        """How many samples are missing."""
        return int((self.ends - self.starts).sum())

    def of_at_least(self, samples: float) -> Gaps:
        """The runs of that many samples or more."""
        long = self.ends - self.starts >= samples
        return Gaps(self.starts[long], self.ends[long])

    def within(self, first: npt.NDArray[Any], last: npt.NDArray[Any]) -> Integers:
        """(m,): how many samples are missing from `first` (m,) to `last` (m,), both included."""
        return self._before(np.asarray(last) + 1) - self._before(np.asarray(first))

    def _before(self, places: npt.NDArray[Any]) -> Integers:
        """(m,): how many samples are missing before each place."""
        totals = np.concatenate([[0], np.cumsum(self.ends - self.starts)])
        begun = np.searchsorted(self.starts, places, side="left")
        ends = np.concatenate([[0], self.ends])[begun]  # of the last run that has begun
        return np.asarray(totals[begun] - np.where(begun > 0, np.maximum(ends - places, 0), 0), np.int64)


def held(samples: npt.NDArray[Any], gaps: Gaps) -> npt.NDArray[Any]:
    """The samples (n,) with the last value held through each gap; the first one stands for what lacks before it.

    Needs one sample that is there.
    """
    if not len(gaps):
        return samples
    filled = samples.copy()
    lengths = gaps.ends - gaps.starts
    sources = np.where(gaps.starts > 0, gaps.starts - 1, np.minimum(gaps.ends, len(samples) - 1))
    inside = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    filled[np.repeat(gaps.starts, lengths) + inside] = np.repeat(samples[sources], lengths)
    return filled
