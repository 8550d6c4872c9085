"""How many beats were found, made up and missed, and the measures of ANSI/AAMI EC57 that follow."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Self


@dataclass(frozen=True)
class BeatCounts:
    """Beats of the kind that is looked for: found (`tp`), found where none is (`fp`), and missed (`fn`)."""

    tp: int
    fp: int
    fn: int

    @property
    def sensitivity(self) -> float | None:
        """Share of these beats that were found, 0 to 1; None where there is none."""
        return _share(self.tp, self.tp + self.fn)

    @property
    def ppv(self) -> float | None:
        """Share of what was found that is one (positive predictivity), 0 to 1; None where nothing was found."""
        return _share(self.tp, self.tp + self.fp)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of sensitivity and PPV, 0 to 1; None where there is neither a beat nor anything found."""
        return _share(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    def __add__(self, other: Self) -> Self:
        """The counts of both records together, from which EC57's gross figures come."""
        return type(self)(*(one + another for one, another in zip(astuple(self), astuple(other), strict=True)))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
