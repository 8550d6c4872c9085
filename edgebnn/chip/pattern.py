"""What is to be programmed into the banks: the mapping's order, which chips with errors carry out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgebnn.chip.reading import unpack

Words = npt.NDArray[np.uint32]

EMPTY, BINARY, TERNARY = range(3)  # kinds of rows, as in `runtime/emulator/ebnn_macro_model.h`


@dataclass(frozen=True, eq=False)
class Rows:
    """Some rows of a pattern that hold weights, each an entry of int64, uint32, bool or float64 (rows,)."""

    bank: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]
    sign: Words
    nonzero: Words
    ternary: npt.NDArray[np.bool_]
    zero_share: npt.NDArray[np.float64]

    @property
    def bank_row(self) -> npt.NDArray[np.int64]:
        """bank << 5 | row."""
        return self.bank << 5 | self.row

    @property
    def values(self) -> npt.NDArray[np.int8]:
        """The weights, int8 (rows, 32)."""
        return np.where(unpack(self.nonzero), np.where(unpack(self.sign), 1, -1), 0).astype(np.int8)


@dataclass(frozen=True, eq=False)
class Pattern:
    """Rows of banks 0 to n - 1, bit = column.

    sign, nonzero: uint32 (banks, rows); +1 where both are set, -1 where `nonzero` alone is, else 0. Every column of a
    binary row is nonzero. kind: uint8 (banks, rows), EMPTY, BINARY or TERNARY. zero_share: float64 (banks, rows), the
    share of zeros among the weights of the row's layer.
    """

    sign: Words
    nonzero: Words
    kind: npt.NDArray[np.uint8]
    zero_share: npt.NDArray[np.float64]

    @property
    def shape(self) -> tuple[int, int]:
        """Banks and rows of a bank."""
        banks, rows = self.sign.shape
        return banks, rows

    def head(self, banks: int) -> Pattern:
        """The first so many banks."""
        return Pattern(self.sign[:banks], self.nonzero[:banks], self.kind[:banks], self.zero_share[:banks])

    def blocks(self, rows: int) -> Iterator[Rows]:
        """The rows that hold weights, at most so many at a time."""
        bank, row = np.nonzero(self.kind != EMPTY)
        for first in range(0, len(bank), rows):
            place = bank[first : first + rows], row[first : first + rows]
            ternary = self.kind[place] == TERNARY
            yield Rows(*place, self.sign[place], self.nonzero[place], ternary, self.zero_share[place])
