"""Scoring a detector of premature ventricular beats (PVC) beat by beat, with the measures of ANSI/AAMI EC57.

Which labels count as a PVC is said in `docs/recordings.md`: EC57's class V without its escape beats.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.errors import DataError

PVC = 1
"""The class of a premature ventricular beat among a network's scores; class 0 is any other beat."""

PVC_CODES = "Vr"
"""WFDB's codes of a premature ventricular beat: V, and r where it falls on the T wave before it (R-on-T)."""
OTHER_VENTRICULAR = {"E": "ventricular escape", "F": "fusion of ventricular and normal"}
"""WFDB's codes of ventricular beats that are no PVC: an escape beat comes late, a fusion is half a normal beat."""


@dataclass(frozen=True)
class Detection:
    """Beats by what they are and what they were called: true and false positives and negatives."""

    tp: int
    fp: int
    fn: int
    tn: int

    @property
    def sensitivity(self) -> float | None:
        """Share of the PVC that were found, 0 to 1; None where there is no PVC."""
        return _share(self.tp, self.tp + self.fn)

    @property
    def ppv(self) -> float | None:
        """Share of the alarms that were right (positive predictive value), 0 to 1; None where there was no alarm."""
        return _share(self.tp, self.tp + self.fp)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of sensitivity and PPV, 0 to 1; None where there is neither a PVC nor an alarm."""
        return _share(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    def __add__(self, other: Detection) -> Detection:
        """The counts of both records together."""
        return Detection(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn, self.tn + other.tn)


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


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
