"""Scoring a detector of premature ventricular beats (PVC) beat by beat, with the measures of ANSI/AAMI EC57.

Which labels count as a PVC is said in `docs/recordings.md`: EC57's class V without its escape beats.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.devices.beat_counts import BeatCounts
from edgebnn.errors import DataError

PVC = 1
"""The class of a premature ventricular beat among a network's scores; class 0 is any other beat."""

PVC_CODES = "Vr"
"""WFDB's codes of a premature ventricular beat: V, and r where it falls on the T wave before it (R-on-T)."""
OTHER_VENTRICULAR = {"E": "ventricular escape", "F": "fusion of ventricular and normal"}
"""WFDB's codes of ventricular beats that are no PVC: an escape beat comes late, a fusion is half a normal beat."""


@dataclass(frozen=True)
class Detection(BeatCounts):
    """PVC among judged beats, by what they are and what they were called; `tn` are others that were called others."""

    tn: int


def count(predicted: npt.NDArray[Any], is_pvc: npt.NDArray[Any]) -> Detection:
    """Compare two arrays of truth values, both (n,); DataError where their lengths differ."""
    called, true = np.asarray(predicted, np.bool_), np.asarray(is_pvc, np.bool_)
    if called.shape != true.shape:
        raise DataError(f"{called.size} answers and {true.size} labels cannot be compared; give one label per beat")
    return Detection(
        tp=int(np.count_nonzero(called & true)),
        fp=int(np.count_nonzero(called & ~true)),
        fn=int(np.count_nonzero(~called & true)),
        tn=int(np.count_nonzero(~called & ~true)),
    )
