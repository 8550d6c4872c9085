"""The shape of a bank, rows x columns with their sense amplifiers, and the numbers of its cells.

A register, a word of SRAM and a popcount have 32 bits, so a row is handled word by word. A *stripe* is what one word
covers: 32 neighbouring columns of a bank, through all of its rows. Patterns, programmed banks and random draws are kept
stripe by stripe; a bank of 32 columns is one stripe, and then the number of a stripe is that of its bank.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]

COLUMNS = 32  # of a stripe
MAX_BANKS = 1 << 16  # bank numbers have 16 bits
# With 2^16 banks of so many rows and columns the number of every row of every stripe has 32 bits (16 + 5 + 10), as the
# counter of the random draws wants it.
MAX_ROWS = MAX_COLUMNS = 1 << 10
MAX_SYNAPSES = 1 << 30  # of a whole array: the emulator keeps them in memory
_FEWEST_ROW_BITS = 5


@dataclass(frozen=True)
class Geometry:
    """A bank of `rows` x `columns` synapses; so many neighbouring columns take turns at each of its sense amplifiers.

    `columns` is a multiple of 32 and of `sense_amplifiers`; `target_rules` checks that of a target.
    """

    rows: int
    columns: int
    sense_amplifiers: int

    @property
    def words(self) -> int:
        """Words of a row, and stripes of a bank."""
        return self.columns // COLUMNS

    @property
    def synapses(self) -> int:
        """Synapses of a bank."""
        return self.rows * self.columns

    @property
    def reads_per_row(self) -> int:
        """Turns that reading a whole row takes: the columns that share a sense amplifier."""
        return self.columns // self.sense_amplifiers

    @property
    def row_bits(self) -> int:
        """Bits that a row's number takes in a draw's counter, at least those of 32 rows."""
        return max(_FEWEST_ROW_BITS, (self.rows - 1).bit_length())

    def spanned_words(self, inputs: int) -> int:
        """Words that so many inputs take."""
        return -(-inputs // COLUMNS)

    def spanned_banks(self, inputs: int) -> int:
        """Banks, side by side, that so many inputs take."""
        return -(-inputs // self.columns)

    def stripe(self, bank: int, word: int = 0) -> int:
        """The number of a bank's stripe."""
        return bank * self.words + word

    def bank_row(self, stripe: npt.ArrayLike, row: npt.ArrayLike) -> Numbers:
        """The number of a stripe's row, by which its random numbers are drawn; below 2^32."""
        return np.asarray(stripe, np.int64) << self.row_bits | np.asarray(row, np.int64)

    def amplifiers(self, stripe: Numbers) -> tuple[Numbers, Numbers]:
        """(bank_row, lane), int64 (n, 32) each, by which the offset of every column's sense amplifier is drawn."""
        bank, word = np.divmod(stripe[:, np.newaxis], self.words)
        amplifier = (word * COLUMNS + np.arange(COLUMNS)) // self.reads_per_row
        return self.bank_row(bank * self.words + amplifier // COLUMNS, 0), amplifier % COLUMNS

    def by_amplifier(self, counts: Numbers) -> Numbers:
        """Counts (stripes, 32) of whole banks summed over the columns of each sense amplifier, int64 (amplifiers,)."""
        found: Numbers = counts.reshape(-1, self.reads_per_row).sum(axis=1)
        return found


SINGLE = Geometry(rows=32, columns=COLUMNS, sense_amplifiers=COLUMNS)
"""A bank of one stripe with an amplifier for each column: in such ones samples of cells are drawn."""


def cell_number(bank: npt.ArrayLike, row: npt.ArrayLike, column: npt.ArrayLike) -> Numbers:
    """The number of a cell, alike for banks of every shape, and rising from row to row."""
    return (np.asarray(bank, np.int64) * MAX_ROWS + np.asarray(row, np.int64)) * MAX_COLUMNS + np.asarray(
        column, np.int64
    )


def cell_place(cell: npt.ArrayLike) -> tuple[Numbers, Numbers, Numbers]:
    """(bank, row, column) of the cells of these numbers."""
    bank_row, column = np.divmod(np.asarray(cell, np.int64), MAX_COLUMNS)
    bank, row = np.divmod(bank_row, MAX_ROWS)
    return bank, row, column
