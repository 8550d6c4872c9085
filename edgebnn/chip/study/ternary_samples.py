"""Sampled ternary weights: devices drawn, and each read once with all of its noise and its sensing window."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.geometry import COLUMNS, SINGLE
from edgebnn.chip.device.cell import Cell
from edgebnn.chip.device.cell_counts import ALTERNATING, NO_ZEROS, sample_resistances
from edgebnn.chip.device.resistances import amplifier_offsets, telegraph_amplitudes
from edgebnn.chip.device.sensing import answer_thresholds
from edgebnn.chip.errors.weight_flips import Values, turned
from edgebnn.chip.random.philox import Domain, draw
from edgebnn.confidence import Tally

_BLOCK_BANKS = 2048  # in memory at a time
_SIGNS = np.where(ALTERNATING >> np.arange(COLUMNS) & 1, 1, -1).astype(np.int8)
_ONE_ROW = replace(SINGLE, rows=1)  # of each bank, so that no two cells have an amplifier in common
_PLUS = 1  # the place of the input +1 among thresholds


@dataclass(frozen=True)
class SignTallies:
    """Of weights +1 and of -1; or of a weight 0 read as +1 and as -1."""

    plus: Tally
    minus: Tally


@dataclass(frozen=True)
class TernaryTallies:
    """flip, vanish: of weights +-1, read as the other sign and as 0. appear: of weights 0 in the same cells."""

    flip: SignTallies
    vanish: SignTallies
    appear: SignTallies

    @property
    def sign_flip(self) -> Tally:
        """Of all weights +-1."""
        return self.flip.plus + self.flip.minus

    @property
    def to_zero(self) -> Tally:
        """Of all weights +-1."""
        return self.vanish.plus + self.vanish.minus

    @property
    def from_zero(self) -> Tally:
        """Of a weight 0, as either sign."""
        return Tally(self.appear.plus.wrong + self.appear.minus.wrong, self.appear.plus.trials)


def count_ternary_errors(cell: Cell, seed: int, cells: int) -> TernaryTallies:
    """One read with the input +1 of at least `cells` weights +-1 and as many 0.

    Each cell is of another bank or column: no two have an amplifier in common, so all reads are independent.
    """
    banks = range(-(-cells // COLUMNS))
    flips, zeros, appeared = (np.zeros(2, np.int64) for _ in range(3))  # of +1 and -1
    for first in range(0, len(banks), _BLOCK_BANKS):
        part = banks[first : first + _BLOCK_BANKS]
        signs, nothing = _read(cell, seed, part, NO_ZEROS), _read(cell, seed, part, 0)
        for place, sign in enumerate((1, -1)):
            of_sign = signs[:, sign == _SIGNS]
            flips[place] += (of_sign == -sign).sum()
            zeros[place] += (of_sign == 0).sum()
            appeared[place] += (nothing == sign).sum()
    trials = len(banks) * COLUMNS
    return TernaryTallies(_tallies(flips, trials // 2), _tallies(zeros, trials // 2), _tallies(appeared, trials))


def _tallies(wrong: npt.NDArray[np.int64], trials: int) -> SignTallies:
    return SignTallies(*(Tally(int(each), trials) for each in wrong))


def _read(cell: Cell, seed: int, banks: range, nonzero: int) -> Values:
    """What row 0 of each bank answers, int8 (banks, 32)."""
    numbers = np.asarray(banks, np.int64)
    resistance = sample_resistances(cell, seed, banks, ALTERNATING, nonzero, _ONE_ROW)[:, 0]
    offsets = amplifier_offsets(seed, numbers, cell)
    ternary: npt.NDArray[np.bool_] = np.ones(len(banks), np.bool_)
    bank_row = numbers << 5
    amplitudes = telegraph_amplitudes(seed, bank_row, cell)
    minus, at_most_zero = answer_thresholds(cell, resistance, offsets, ternary, amplitudes)
    u = draw(seed, Domain.READ, bank_row[:, np.newaxis], np.arange(COLUMNS), event=int(nonzero != 0))[..., 0]
    return turned(minus[..., _PLUS], at_most_zero[..., _PLUS], u)
