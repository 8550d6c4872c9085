"""What somebody measured on a real chip, cell by cell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.brief import brief
from edgebnn.chip.banks.geometry import COLUMNS, MAX_BANKS, MAX_COLUMNS, MAX_ROWS
from edgebnn.chip.device.resistances import StuckIn
from edgebnn.errors import DataError

PLACES_A_BANK = MAX_ROWS * MAX_COLUMNS  # numbers that a bank takes, of whatever shape
# Four times the reference chip. What is made of a file stays well below 1 GiB.
MAX_CELLS = 1 << 24
# From a short circuit to what no instrument tells from an open one.
LOWEST_OHM, HIGHEST_OHM = 1.0, 1e15


@dataclass(frozen=True, eq=False)
class Measured:
    """Cells, each by its `geometry.cell_number`; int64 (n,), rising.

    Either `error_rate`, float64 (n, 2), of the weights +1 and -1; or `ln_resistance`, float32 (m, 2), ln R in ln ohm of
    the devices on BL and BLb in each of m readings, or `stuck`, int8 (n, 2), a `StuckIn` for either device, or both.
    `reading`, int64 (m,), never falling, is 3 times the cell's number plus the weight + 1 that it was programmed to,
    repeats one after the other; None where each cell was read once, as +1. `name` is the file's, `sha256` that of its
    bytes. Raises DataError for arrays that are no such thing.
    """

    cell: npt.NDArray[np.int64]
    error_rate: npt.NDArray[np.float64] | None
    ln_resistance: npt.NDArray[np.float32] | None
    name: str
    sha256: str
    reading: npt.NDArray[np.int64] | None = None
    stuck: npt.NDArray[np.int8] | None = None

    __repr__ = brief

    @property
    def readings(self) -> npt.NDArray[np.int64]:
        """`reading`, where it is None too."""
        return 3 * self.cell + 2 if self.reading is None else self.reading

    @property
    def weights(self) -> npt.NDArray[np.int8]:
        """What the cell was programmed to at each reading, int8 (m,)."""
        return (self.readings % 3 - 1).astype(np.int8)

    @property
    def pairs(self) -> npt.NDArray[np.float32]:
        """ln R of the device meant to be in LRS and of the one meant to be in HRS, float32 (k, 2).

        Of every reading of a +1 or -1 in cells of which no device is stuck; none where no resistances were measured.
        """
        if self.ln_resistance is None:
            return np.zeros((0, 2), np.float32)
        wanted = self._of_sound_cells & (self.weights != 0)
        read, plus = self.ln_resistance[wanted], (self.weights[wanted] > 0)[:, np.newaxis]
        found: npt.NDArray[np.float32] = np.where(plus, read, read[:, ::-1])
        return found

    @property
    def zeros(self) -> npt.NDArray[np.float32]:
        """ln R of both devices, meant to be in HRS, at every reading of a 0 in cells of which none is stuck (k, 2)."""
        if self.ln_resistance is None:
            return np.zeros((0, 2), np.float32)
        found: npt.NDArray[np.float32] = self.ln_resistance[self._of_sound_cells & (self.weights == 0)]
        return found

    @property
    def mirrored(self) -> int:
        """How many cells without stuck devices were read as +1 or as -1, and never as the other."""
        if self.ln_resistance is None:
            return 0
        return int(((self._read_as(1) != self._read_as(-1)) & self._sound).sum())

    @property
    def zeros_alone(self) -> int:
        """How many cells without stuck devices were read as 0 and never as +1 or -1: with no device in LRS."""
        if self.ln_resistance is None:
            return 0
        return int((~self._read_as(1) & ~self._read_as(-1) & self._sound).sum())

    @property
    def _sound(self) -> npt.NDArray[np.bool_]:
        """Cells without stuck devices."""
        if self.stuck is None:
            return np.ones(self.cell.shape, np.bool_)
        found: npt.NDArray[np.bool_] = ~np.any(self.stuck, axis=-1)
        return found

    @property
    def _of_sound_cells(self) -> npt.NDArray[np.bool_]:
        """Readings of cells without stuck devices."""
        return self._sound[np.searchsorted(self.cell, self.readings // 3)]

    def _read_as(self, weight: int) -> npt.NDArray[np.bool_]:
        """Cells with a reading of this weight."""
        return np.isin(3 * self.cell + weight + 1, self.readings)

    def places(self, first: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
        """(measured, index) of 32 cells from each of `first` (rows,) on, bool and int64 (rows, 32).

        The index is one of this measurement's cells only where `measured`.
        """
        wanted = first[:, np.newaxis] + np.arange(COLUMNS)
        index = np.minimum(np.searchsorted(self.cell, wanted), len(self.cell) - 1)
        return self.cell[index] == wanted, index

    def __post_init__(self) -> None:
        count = len(self.cell) if self.cell.ndim == 1 else 0
        if not 1 <= count <= MAX_CELLS or self.cell.dtype != np.int64:
            raise DataError(f"a measurement is a list of 1 to {MAX_CELLS} cells, as int64; import its file again")
        if self.cell[0] < 0 or self.cell[-1] >= MAX_BANKS * PLACES_A_BANK or not (np.diff(self.cell) > 0).all():
            raise DataError("the measured cells are not in rising order, each once; import the measurement again")
        of_devices = self.ln_resistance is not None or self.stuck is not None
        if (self.error_rate is None) != of_devices:
            raise DataError("a measurement has either error rates or resistances; import it again")
        if self.error_rate is not None:
            _demand(self.error_rate, np.float64, (count, 2), 0.0, 1.0)
        if self.ln_resistance is not None:
            self._check_readings(self.ln_resistance)
        if self.stuck is not None:
            _demand(self.stuck, np.int8, (count, 2), min(StuckIn), max(StuckIn))
        if not self.name.isprintable() or len(self.name) > 255 or not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise DataError("a measurement has its file's name and SHA-256, printable both; import it again")

    def _check_readings(self, ln_resistance: npt.NDArray[np.float32]) -> None:
        readings = self.readings
        sound = readings.ndim == 1 and 1 <= len(readings) <= MAX_CELLS and readings.dtype == np.int64
        if not sound or (np.diff(readings) < 0).any() or not np.array_equal(np.unique(readings // 3), self.cell):
            raise DataError("the readings are not those of the measured cells, in their order; import them again")
        _demand(ln_resistance, np.float32, (len(readings), 2), log(LOWEST_OHM), log(HIGHEST_OHM))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Measured):
            return NotImplemented
        named = (self.name, self.sha256) == (other.name, other.sha256)
        # None equals None alone.
        return named and all(np.array_equal(getattr(self, name), getattr(other, name)) for name in _ARRAYS)

    def __hash__(self) -> int:
        return hash(self.sha256)

    @property
    def banks(self) -> int:
        """How many banks have a measured cell."""
        return len(np.unique(self.cell // PLACES_A_BANK))


_ARRAYS = ("cell", "error_rate", "ln_resistance", "reading", "stuck")


def _demand(values: npt.NDArray[Any], dtype: npt.DTypeLike, shape: tuple[int, ...], low: float, high: float) -> None:
    # NaN compares as false. The bounds are those of numbers that were rounded.
    near = values.shape == shape and values.dtype == dtype and ((values >= low - 1e-5) & (values <= high + 1e-5)).all()
    if not near:
        raise DataError(f"measured numbers are not {np.dtype(dtype)} from {low:.3g} to {high:.3g}; import them again")
