"""What somebody measured on a real chip, cell by cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgebnn.chip.target import COLUMNS


@dataclass(frozen=True, eq=False)
class Measured:
    """Cells, each by its number (bank << 5 | row) * 32 + column; int64 (n,), rising.

    Either `error_rate`, float64 (n,), or `ln_resistance`, float32 (n, 2): ln R in ln ohm of the device in its low and
    of the one in its high-resistance state, as a cell programmed to +1 has them on BL and BLb. `name` is the file's,
    `sha256` that of its bytes.
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
