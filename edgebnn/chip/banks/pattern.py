"""What is to be programmed into the banks: the mapping's order, which chips with errors carry out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.geometry import COLUMNS, Geometry, cell_number
from edgebnn.chip.banks.programmed_banks import unpack
from edgebnn.words import Words

NO_LIMIT = 0  # of attempts at programming: as many as the chip makes
EMPTY, BINARY, TERNARY = range(3)  # kinds of rows, as in `runtime/emulator/ebnn_macro_model.h`


@dataclass(frozen=True, eq=False)
class RowKinds:
    """The kinds of rows that a pattern has: ternary or not, bool (kinds,), and `zero_share`, float64 (kinds,)."""

    ternary: npt.NDArray[np.bool_]
    zero_share: npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Rows:
    """Some rows of stripes that hold weights, each an entry of int64, uint32 or, its place among kinds, uint16
    (rows,)."""

    geometry: Geometry
    stripe: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]
    sign: Words
    nonzero: Words
    kind: npt.NDArray[np.uint16]
    kinds: RowKinds

    @property
    def ternary(self) -> npt.NDArray[np.bool_]:
        """Which of them are, bool (rows,)."""
        return self.kinds.ternary[self.kind]

    @property
    def zero_share(self) -> npt.NDArray[np.float64]:
        """That of each, as `Pattern` has it, float64 (rows,)."""
        return self.kinds.zero_share[self.kind]

    @cached_property
    def place(self) -> Words:
        """The number of each among all rows of all stripes, uint32 (rows,)."""
        return (self.stripe * self.geometry.rows + self.row).astype(np.uint32)

    @cached_property
    def drawn_row(self) -> Words:
        """`bank_row` as C draws by it, uint32 (rows,)."""
        return self.bank_row.astype(np.uint32)

    @property
    def bank_row(self) -> npt.NDArray[np.int64]:
        """The number of each, as `Geometry.bank_row` has it."""
        return self.geometry.bank_row(self.stripe, self.row)

    @property
    def bank(self) -> npt.NDArray[np.int64]:
        """The bank of each."""
        return self.stripe // self.geometry.words

    @property
    def first_column(self) -> npt.NDArray[np.int64]:
        """The column of the bank at which each begins."""
        return self.stripe % self.geometry.words * COLUMNS

    @property
    def cell(self) -> npt.NDArray[np.int64]:
        """The number of each one's first cell, by `cell_number`."""
        return cell_number(self.bank, self.row, self.first_column)

    @property
    def values(self) -> npt.NDArray[np.int8]:
        """The weights, int8 (rows, 32)."""
        return np.where(unpack(self.nonzero), np.where(unpack(self.sign), 1, -1), 0).astype(np.int8)


@dataclass(frozen=True, eq=False)
class Pattern:
    """Rows of the stripes of banks 0 to n - 1, bit = column.

    sign, nonzero: uint32 (stripes, rows); +1 where both are set, -1 where `nonzero` alone is, else 0. Every column of a
    binary row is nonzero. kind: uint8 (stripes, rows), EMPTY, BINARY or TERNARY. zero_share: float64 (stripes, rows),
    the share of zeros among the weights of the row's layer. policy: uint16 (stripes, rows), the place among `policies`
    of the one under which a row is programmed; None where the pattern does not say. attempts: uint16 (stripes, rows),
    the most attempts at a row of a chip that verifies, NO_LIMIT for as many as it makes; None is no limit anywhere.
    """

    geometry: Geometry
    sign: Words
    nonzero: Words
    kind: npt.NDArray[np.uint8]
    zero_share: npt.NDArray[np.float64]
    policies: tuple[str, ...] = ()
    policy: npt.NDArray[np.uint16] | None = None
    attempts: npt.NDArray[np.uint16] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Stripes of all banks, and rows."""
        stripes, rows = self.sign.shape
        return stripes, rows

    @property
    def banks(self) -> int:
        """How many banks there are."""
        return len(self.sign) // self.geometry.words

    def head(self, banks: int) -> Pattern:
        """The first so many banks."""
        end = self.geometry.stripe(banks)
        return replace(
            self,
            sign=self.sign[:end],
            nonzero=self.nonzero[:end],
            kind=self.kind[:end],
            zero_share=self.zero_share[:end],
            policy=None if self.policy is None else self.policy[:end],
            attempts=None if self.attempts is None else self.attempts[:end],
        )

    def by_policy(self, chips_own: str | None, default: str) -> tuple[tuple[str, Pattern], ...]:
        """The rows that are programmed under each policy, alone in a pattern of the same shape.

        `chips_own` is a chip's policy, which takes the place of all others where it has one; `default` that of a
        pattern that names none.
        """
        if chips_own is not None or not self._parts:
            return ((chips_own or default, self),)
        return self._parts

    def by_attempts(self, of_chip: int) -> tuple[tuple[int, Pattern], ...]:
        """The rows that a chip of so many attempts programs with as many, alone in a pattern of the same shape."""
        if of_chip == 1 or not self._limits:
            return ((of_chip, self),)
        return tuple((of_chip if limit == NO_LIMIT else min(of_chip, limit), part) for limit, part in self._limits)

    @cached_property
    def _limits(self) -> tuple[tuple[int, Pattern], ...]:
        """The rows of each limit of attempts."""
        if self.attempts is None:
            return ()
        used = np.unique(self.attempts[self.kind != EMPTY]).tolist()
        if len(used) == 1:
            return ((used[0], self),)
        kinds = (np.where(self.attempts == limit, self.kind, np.uint8(EMPTY)) for limit in used)
        return tuple((limit, replace(self, kind=kind)) for limit, kind in zip(used, kinds, strict=True))

    @cached_property
    def _parts(self) -> tuple[tuple[str, Pattern], ...]:
        """Those of each policy that a row has, in the order of `policies`."""
        if self.policy is None:
            return ()
        used = np.unique(self.policy[self.kind != EMPTY]).tolist()
        if len(used) == 1:
            return ((self.policies[used[0]], self),)
        kinds = (np.where(self.policy == place, self.kind, np.uint8(EMPTY)) for place in used)
        return tuple((self.policies[place], replace(self, kind=kind)) for place, kind in zip(used, kinds, strict=True))

    @cached_property
    def rows(self) -> Rows:
        """All rows that hold weights."""
        stripe, row = np.nonzero(self.kind != EMPTY)
        place = stripe, row
        each = (self.kind[place] == TERNARY) + 1j * self.zero_share[place]
        # Rows of a kind mostly lie behind one another: a sort of all of them would take longer than a chip does.
        heads = np.flatnonzero(np.diff(each, prepend=np.nan) != 0)
        found, kind_of_head = np.unique(each[heads], return_inverse=True)
        kind = np.repeat(kind_of_head, np.diff(heads, append=len(each)))
        kinds = RowKinds(found.real > 0, found.imag)
        return Rows(self.geometry, *place, self.sign[place], self.nonzero[place], kind.astype(np.uint16), kinds)

    def blocks(self, count: int) -> Iterator[Rows]:
        """The same rows, at most so many at a time."""
        rows = self.rows
        for first in range(0, len(rows.row), count):
            here = slice(first, first + count)
            yield Rows(
                self.geometry, rows.stripe[here], rows.row[here], rows.sign[here], rows.nonzero[here], rows.kind[here],
                rows.kinds,
            )  # fmt: skip
