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

    def touch(self, first: npt.NDArray[Any], last: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """(m,): whether a sample is missing from `first` (m,) to `last` (m,), both included."""
        if not len(self):
            return np.zeros(len(first), np.bool_)
        following = np.searchsorted(self.ends, first, side="right")  # the first run that ends behind `first`
        there = following < len(self)
        return np.asarray(there & (self.starts[np.minimum(following, len(self) - 1)] <= last), np.bool_)


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
