"""What the sense amplifiers answer: the state of programmed banks, and one read of them.

A synapse is read together with its input: the PCSA's cross-coupled branches are swapped where the input is -1, so its
offset helps one sign of the product and hinders the other. What is read may therefore depend on the input, and, with
noise, on the read. Both are held here for each synapse and each input:

* the most likely answer, -1, 0 or +1, which mostly is certain, and
* where it is not, two thresholds of a fresh random number u of 32 bits: -1 where u is below the first,
  else 0 where u is below the second, else +1.

u is drawn in bit slices, its highest bits first: word k of a draw holds bit 31 - k of the u of all 32 columns. Almost
always a few words decide all of them, and the others are not drawn. `runtime/chip/ebnn_sense.c` does the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.geometry import COLUMNS, Geometry
from edgebnn.chip.random.philox import Domain, draw
from edgebnn.words import Words, pack_words, unpack_words

Thresholds = npt.NDArray[np.uint64]

SLICES = 32
# Words of one input's part of a fresh table: lanes that are uncertain, lanes that may be -1, lanes that may be at most
# 0, and the bit slices of (threshold - 1) of both.
TABLE_WORDS = 3 + 2 * SLICES


@dataclass(frozen=True, eq=False)
class Answers:
    """What rows answer; input 0 is -1, input 1 is +1.

    sign, nonzero: most likely answers, uint32 (stripes, rows, 2), bit = column; where `nonzero` is 0, so is `sign`.
    fresh: int32 (stripes, rows), the row's place in `tables`, or -1 where every answer is certain. tables: uint32
    (n, 2, TABLE_WORDS), see above.
    """

    sign: Words
    nonzero: Words
    fresh: npt.NDArray[np.int32]
    tables: Words


@dataclass(frozen=True, eq=False)
class HeldRows:
    """Rows that every read finds as they are; uint32 (rows,) each.

    place: their numbers among all rows of all stripes. sign, nonzero: their weights, bit = column.
    """

    place: Words
    sign: Words
    nonzero: Words


@dataclass(frozen=True, eq=False)
class ProgrammedBanks:
    """What programmed banks answer.

    shape: stripes and rows. make: their answers, asked for when they are wanted.
    seed: key of the fresh draws. each_read: they come anew with each read, else with each inference.
    marker: makes the last banks of the chip, in which a marker says that it was programmed; firmware alone asks for
    them. None where there is none. held: all rows with weights, where that says as much as the answers; else None.
    """

    geometry: Geometry
    shape: tuple[int, int]
    make: Callable[[], Answers]
    seed: int
    each_read: bool = True
    marker: Callable[[], ProgrammedBanks] | None = None
    held: HeldRows | None = None

    @cached_property
    def answers(self) -> Answers:
        """What they answer, made once."""
        return self.make()

    @property
    def sign(self) -> Words:
        """As `Answers` has it."""
        return self.answers.sign

    @property
    def nonzero(self) -> Words:
        """As `Answers` has it."""
        return self.answers.nonzero

    @property
    def fresh(self) -> npt.NDArray[np.int32]:
        """As `Answers` has it."""
        return self.answers.fresh

    @property
    def tables(self) -> Words:
        """As `Answers` has it."""
        return self.answers.tables

    @property
    def certain(self) -> bool:
        """Whether every answer is certain and the same for both inputs: the weights, read once, say everything."""
        if self.held is not None:
            return True
        same = all(np.array_equal(plane[..., 0], plane[..., 1]) for plane in (self.sign, self.nonzero))
        return same and len(self.tables) == 0

    def of(self, stripes: list[int] | npt.NDArray[np.int64]) -> ProgrammedBanks:
        """Some stripes alone, in this order: to be looked at, since what is drawn for a read goes by their numbers."""
        found = Answers(self.sign[stripes], self.nonzero[stripes], self.fresh[stripes], self.tables)
        stripe_count, rows = found.fresh.shape
        return ProgrammedBanks(self.geometry, (stripe_count, rows), lambda: found, self.seed, self.each_read)


def read(
    banks: ProgrammedBanks, stripe: npt.ArrayLike, row: npt.ArrayLike, number: npt.ArrayLike, inference: npt.ArrayLike,
    inputs: npt.ArrayLike,
) -> tuple[Words, Words]:  # fmt: skip
    """(sign, nonzero), uint32, of the weights as one read finds them; all arguments are broadcast to one shape.

    `inputs` has a bit for each column, 1 for +1. `number` tells the reads of a row within an inference apart.
    """
    stripe, row, number, inference, inputs = np.broadcast_arrays(
        np.asarray(stripe, np.int64),
        np.asarray(row, np.int64),
        np.asarray(number, np.uint64),
        np.asarray(inference, np.uint64),
        np.asarray(inputs, np.uint32),
    )
    sign = np.asarray(_choose(banks.sign[stripe, row], inputs))
    nonzero = np.asarray(_choose(banks.nonzero[stripe, row], inputs))
    place = np.asarray(banks.fresh[stripe, row])
    open_reads = place >= 0
    if open_reads.any():
        table = _choose(np.moveaxis(banks.tables[place[open_reads]], -1, 0), inputs[open_reads])
        bank_row = banks.geometry.bank_row(stripe, row)
        event = bank_row[open_reads], (number if banks.each_read else np.zeros_like(number))[open_reads]
        below_first, below_second = _below(table, banks.seed, *event, inference[open_reads])
        lanes = table[0]
        sign[open_reads] = sign[open_reads] & ~lanes | ~below_second & lanes
        nonzero[open_reads] = nonzero[open_reads] & ~lanes | (below_first | ~below_second) & lanes
    return sign, nonzero


def pack(lanes: npt.NDArray[np.bool_]) -> Words:
    """Flags (..., 32) as uint32 (...), bit = column."""
    return pack_words(lanes)[..., 0]


def unpack(words: Words) -> npt.NDArray[np.bool_]:
    """uint32 (...) as flags (..., 32)."""
    return unpack_words(words[..., np.newaxis], COLUMNS).view(np.bool_)


def _choose(both: Words, inputs: Words) -> Words:
    """Lane by lane that of the two words (..., 2) which belongs to the lane's input."""
    chosen: Words = both[..., 0] & ~inputs | both[..., 1] & inputs
    return chosen


def _below(
    table: Words, seed: int, bank_row: npt.NDArray[np.int64], number: npt.NDArray[np.uint64],
    inference: npt.NDArray[np.uint64],
) -> tuple[Words, Words]:  # fmt: skip
    """Whether u is below each threshold, lane by lane; `table` is uint32 (TABLE_WORDS, reads)."""
    found = []
    undecided = [table[0].copy(), table[0].copy()]
    less = [np.zeros_like(table[0]), np.zeros_like(table[0])]
    words = np.empty((len(bank_row), 4), np.uint32)
    for k in range(SLICES):
        if k % 4 == 0:
            if not (undecided[0] | undecided[1]).any():
                break
            words = draw(seed, Domain.READ, bank_row, number, inference, block=k // 4)
        u = words[:, k % 4]
        for which in (0, 1):
            bit = table[3 + SLICES * which + k]
            less[which] |= undecided[which] & ~u & bit
            undecided[which] &= ~(u ^ bit)
    for which in (0, 1):  # equal to (threshold - 1) is below the threshold
        found.append((less[which] | undecided[which]) & table[1 + which])
    return found[0], found[1]
