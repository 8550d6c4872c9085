"""Scoring a beat detector by the rules of ANSI/AAMI EC57: which beats that were found are which that somebody marked.

A found beat and a marked one are the same where they lie within 150 ms of each other and neither has a closer partner
beside it. What a pair was called is another matter: see `edgebnn.devices.pvc`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.devices.beat_counts import BeatCounts
from edgebnn.errors import DataError

EC57_WINDOW_S = 0.15
"""How far a found beat may lie from the marked one; ANSI/AAMI EC57, and the default of PhysioNet's `bxb`."""

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class BeatMatch:
    """marked, found: int64 (k,), increasing indexes of the beats of each pair. counts: what that is worth."""

    marked: Integers
    found: Integers
    counts: BeatCounts


def match_beats(
    marked_s: npt.NDArray[Any], found_s: npt.NDArray[Any], *, window_s: float = EC57_WINDOW_S, from_s: float = 0.0
) -> BeatMatch:
    """Pairs of the beats `marked_s` (n,) and `found_s` (m,), moments in increasing order, in s.

    Of two beats within the window of a third the closer one is its partner, the earlier one where both are as close.
    What lies before `from_s` is left out of the counts, as EC57 lets a detector learn for the first 5 minutes; a pair
    counts where its marked beat does. Raises DataError for moments that are not finite or not in order, and a window
    that is negative or no number.
    """
    if not 0 <= window_s < np.inf:
        raise DataError(f"beats cannot be matched within {window_s:g} s; give a window of 0 s or more")
    marked, found = _moments("marked", marked_s), _moments("found", found_s)
    pairs = np.array(_pairs(marked.tolist(), found.tolist(), window_s), np.int64).reshape(-1, 2)
    counted = marked[pairs[:, 0]] >= from_s
    alone = np.ones(len(found), np.bool_)
    alone[pairs[:, 1]] = False
    tp = int(np.count_nonzero(counted))
    return BeatMatch(
        marked=pairs[counted, 0],
        found=pairs[counted, 1],
        counts=BeatCounts(
            tp=tp,
            fp=int(np.count_nonzero(alone & (found >= from_s))),
            fn=int(np.count_nonzero(marked >= from_s)) - tp,
        ),
    )


def _pairs(marked: list[float], found: list[float], window_s: float) -> list[tuple[int, int]]:
    """Walks along both lists at once; whichever beat is the earlier one is paired or given up at each step."""
    pairs: list[tuple[int, int]] = []
    i = j = 0
    while i < len(marked) and j < len(found):
        apart = abs(found[j] - marked[i])
        if found[j] <= marked[i]:
            closer = j + 1 < len(found) and abs(found[j + 1] - marked[i]) < apart
        else:
            closer = i + 1 < len(marked) and abs(found[j] - marked[i + 1]) < apart
        if apart <= window_s and not closer:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif found[j] <= marked[i]:
            j += 1
        else:
            i += 1
    return pairs


def _moments(which: str, moments_s: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    moments = np.asarray(moments_s, np.float64)
    if moments.ndim != 1 or not np.isfinite(moments).all() or (np.diff(moments) < 0).any():
        raise DataError(f"the {which} beats are no list of moments in increasing order; sort them and drop what is NaN")
    return moments
