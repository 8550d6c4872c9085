"""What somebody measured on a real chip, cell by cell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import log

import numpy as np
import numpy.typing as npt

from edgebnn.chip.target import COLUMNS
from edgebnn.errors import DataError

MAX_BANKS = 1 << 16  # bank numbers have 16 bits
MAX_ROWS = 32
BANK_CELLS = MAX_ROWS * COLUMNS  # numbers that a bank takes, of however many rows
# Four times the reference chip. What is made of a file stays well below 1 GiB.
MAX_CELLS = 1 << 24
# From a short circuit to what no instrument tells from an open one.
LOWEST_OHM, HIGHEST_OHM = 1.0, 1e15


@dataclass(frozen=True, eq=False)
class Measured:
    """Cells, each by its number (bank << 5 | row) * 32 + column; int64 (n,), rising.

    Either `error_rate`, float64 (n, 2), of the weights +1 and -1, or `ln_resistance`, float32 (n, 2): ln R in ln ohm of
    the device in its low and of the one in its high-resistance state, as a cell programmed to +1 has them on BL and
    BLb. `name` is the file's, `sha256` that of its bytes. Raises DataError for arrays that are no such thing.
    """

    cell: npt.NDArray[np.int64]
    error_rate: npt.NDArray[np.float64] | None
    ln_resistance: npt.NDArray[np.float32] | None
    name: str
    sha256: str

    def places(self, bank_row: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
        """(measured, index) of the cells of some rows (rows,): bool and int64 (rows, 32); the index only where so."""
        wanted = bank_row[:, np.newaxis] * COLUMNS + np.arange(COLUMNS)
        index = np.minimum(np.searchsorted(self.cell, wanted), len(self.cell) - 1)
        return self.cell[index] == wanted, index

    def __post_init__(self) -> None:
        count = len(self.cell) if self.cell.ndim == 1 else 0
        if not 1 <= count <= MAX_CELLS or self.cell.dtype != np.int64:
            raise DataError(f"a measurement is a list of 1 to {MAX_CELLS} cells, as int64; import its file again")
        if self.cell[0] < 0 or self.cell[-1] >= MAX_BANKS * BANK_CELLS or not (np.diff(self.cell) > 0).all():
            raise DataError("the measured cells are not in rising order, each once; import the measurement again")
        if (self.error_rate is None) == (self.ln_resistance is None):
            raise DataError("a measurement has either error rates or resistances; import it again")
        if self.error_rate is not None:
            _demand(self.error_rate, np.float64, (count, 2), 0.0, 1.0)
        if self.ln_resistance is not None:
            _demand(self.ln_resistance, np.float32, (count, 2), log(LOWEST_OHM), log(HIGHEST_OHM))
        if not self.name.isprintable() or len(self.name) > 255 or not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise DataError("a measurement has its file's name and SHA-256, printable both; import it again")

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
        return len(np.unique(self.cell // BANK_CELLS))


_ARRAYS = ("cell", "error_rate", "ln_resistance")


def _demand(
    values: npt.NDArray[np.floating], dtype: npt.DTypeLike, shape: tuple[int, ...], low: float, high: float
) -> None:
    # NaN compares as false. The bounds are those of numbers that were rounded.
    near = values.shape == shape and values.dtype == dtype and ((values >= low - 1e-5) & (values <= high + 1e-5)).all()
    if not near:
        raise DataError(f"measured numbers are not {np.dtype(dtype)} from {low:.3g} to {high:.3g}; import them again")
