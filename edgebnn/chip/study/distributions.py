"""How the resistances of sampled devices lie around the medians of their states."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.geometry import COLUMNS, Geometry
from edgebnn.chip.device.cell import Cell
from edgebnn.chip.device.cell_counts import ALTERNATING, sample_resistances, whole_banks
from edgebnn.chip.device.resistances import BL, BLB
from edgebnn.chip.random.normal import Floats

QUANTILES = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)
BIN_DECADES = 0.05  # width of a bin; bins begin at whole multiples of it
_MOST_CELLS = 1 << 18  # enough for a picture, whatever the sample of the error rates

# BL is in LRS where the sign is +1, BLb where it is -1.
_PLUS = (ALTERNATING >> np.arange(COLUMNS) & 1) != 0


@dataclass(frozen=True)
class Distribution:
    """Resistances of sampled devices in one state.

    quantiles_ohm: at QUANTILES. first_bin: log10 of the lowest bin's lower end in ohm, over BIN_DECADES. counts: how
    many devices lie in each bin from there on.
    """

    quantiles_ohm: tuple[float, ...]
    first_bin: int
    counts: tuple[int, ...]


def distributions(cell: Cell, seed: int, cells: int, geometry: Geometry) -> tuple[Distribution, Distribution]:
    """Of LRS and HRS, as the first of the sampled cells have them: one device of each state a cell."""
    resistance = _sampled(cell, seed, cells, geometry)
    low, high = np.where(_PLUS, BL, BLB), np.where(_PLUS, BLB, BL)
    return _distribution(_side(resistance, low)), _distribution(_side(resistance, high))


def side_distributions(cell: Cell, seed: int, cells: int, geometry: Geometry) -> tuple[Distribution, ...]:
    """Of LRS on BL and on BLb, HRS on BL and on BLb, as the same cells have them: half of them are +1."""
    resistance = _sampled(cell, seed, cells, geometry)
    chosen = ((BL, _PLUS), (BLB, ~_PLUS), (BL, ~_PLUS), (BLB, _PLUS))
    return tuple(_distribution(resistance[..., columns, side].ravel()) for side, columns in chosen)


def _sampled(cell: Cell, seed: int, cells: int, geometry: Geometry) -> Floats:
    banks = whole_banks(min(cells, _MOST_CELLS), geometry)
    return sample_resistances(cell, seed, banks, geometry=geometry)


def _side(resistance: Floats, side: npt.NDArray[np.int64]) -> Floats:
    """The device on the given side (32,) of each cell."""
    chosen: Floats = resistance[..., np.arange(COLUMNS), side].ravel()
    return chosen


def _distribution(ln_resistance: Floats) -> Distribution:
    bins = np.floor(ln_resistance / np.log(10) / BIN_DECADES).astype(np.int64)
    first = int(bins.min())
    quantiles = np.exp(np.quantile(ln_resistance.astype(np.float64), QUANTILES))
    return Distribution(tuple(quantiles.tolist()), first, tuple(np.bincount(bins - first).tolist()))
