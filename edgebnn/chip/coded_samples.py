"""Very many cells, each device of which also holds a bit of a SECDED word: what is wrong before and after decoding.

The words are made of neighbouring devices on one side of the cells, BL's and BLb's apart. A code is linear, so what
becomes of errors does not depend on the data: they are decoded as if all data were 0.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from edgebnn.chip.cell import Cell
from edgebnn.chip.intervals import Tally
from edgebnn.chip.sampling import ALTERNATING, BANK_CELLS, MAX_BANKS, NO_ZEROS, sample_cells
from edgebnn.chip.secded import Code, Data, Octets, decode
from edgebnn.errors import TargetError

_BLOCK_BANKS = 1152  # in memory of a thread at a time; a multiple of 9, so that no word of 9 octets is cut


@dataclass(frozen=True)
class WordErrors:
    """bits: of the decoded data, one of each word, since those of a word go wrong together; it is another bit from word
    to word. words: those of whose bits more than one was wrong.
    """

    bits: Tally
    words: Tally

    def __add__(self, other: WordErrors) -> WordErrors:
        return WordErrors(self.bits + other.bits, self.words + other.words)


@dataclass(frozen=True)
class CellErrors:
    """Of sampled cells: 2T2R pairs programmed to +1 and to -1, their devices as 1T1R, and these as the bits of words of
    each code.
    """

    plus: Tally
    minus: Tally
    single: Tally
    words: dict[Code, WordErrors]

    @property
    def pair(self) -> Tally:
        """Of all 2T2R pairs."""
        return self.plus + self.minus

    def __add__(self, other: CellErrors) -> CellErrors:
        words = {code: found + other.words[code] for code, found in self.words.items()}
        return CellErrors(self.plus + other.plus, self.minus + other.minus, self.single + other.single, words)


def count_cell_errors(cell: Cell, seed: int, cells: int, codes: Iterable[Code]) -> CellErrors:
    """Errors of at least `cells` cells: the freshly programmed ones of whole banks from bank 0 on, half of them +1.

    The counts do not depend on the number of threads. Raises TargetError for more cells than 2^27 banks have.
    """
    if not 1 <= cells <= MAX_BANKS * BANK_CELLS:
        raise TargetError(f"{cells} cells cannot be sampled; use 1 to {MAX_BANKS * BANK_CELLS}")
    codes, banks = tuple(codes), range(-(-cells // BANK_CELLS))
    parts = [banks[first : first + _BLOCK_BANKS] for first in range(0, len(banks), _BLOCK_BANKS)]
    none = Tally(0, 0)
    total = CellErrors(none, none, none, {code: WordErrors(none, none) for code in codes})
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(lambda part: _count(cell, seed, part, codes), parts):
            total += found
    return total


def word_errors(code: Code, errors: Octets) -> WordErrors:
    """What decoding leaves of errors, packed bits of words one after the other; an incomplete last word is left out.

    Words take whole octets, the data before the check bits and the lowest bit of an octet first.
    """
    data, check = _words(code, errors)
    wrong = np.bitwise_count(data) + np.bitwise_count(check)
    decoded, _ = decode(code, data, check)
    chosen = np.arange(len(data), dtype=np.uint64) % np.uint64(code.data)
    left = decoded >> chosen & np.uint64(1)
    return WordErrors(Tally(int(left.sum()), len(data)), Tally(int((wrong > 1).sum()), len(data)))


def _count(cell: Cell, seed: int, banks: range, codes: tuple[Code, ...]) -> CellErrors:
    masks = sample_cells(cell, seed, banks)
    sides = [np.ascontiguousarray(mask, "<u4").view(np.uint8).ravel() for mask in (masks.bl, masks.blb)]
    cells = len(banks) * BANK_CELLS
    plus, minus = (
        Tally(int(np.bitwise_count(masks.pair & np.uint32(sign)).sum(dtype=np.int64)), cells // 2)
        for sign in (ALTERNATING, ALTERNATING ^ NO_ZEROS)
    )
    single = sum(int(np.bitwise_count(side).sum(dtype=np.int64)) for side in sides)
    words = {code: word_errors(code, sides[0]) + word_errors(code, sides[1]) for code in codes}
    return CellErrors(plus, minus, Tally(single, 2 * cells), words)


def _words(code: Code, errors: Octets) -> tuple[Data, Octets]:
    octets = code.length // 8
    words = errors[: len(errors) // octets * octets].reshape(-1, octets)
    if code.data < 8:
        return (words[:, 0] & np.uint8((1 << code.data) - 1)).astype(np.uint64), words[:, 0] >> np.uint8(code.data)
    return np.ascontiguousarray(words[:, : code.data // 8]).view("<u8")[:, 0].astype(np.uint64), words[:, -1]
