"""Very many cells, each device of which also holds a bit of a SECDED word: what is wrong before and after decoding.

The words are made of neighbouring devices on one side of the cells, BL's and BLb's apart. A code is linear, so what
becomes of errors does not depend on the data: they are decoded as if all data were 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.geometry import SINGLE, Geometry, Numbers
from edgebnn.chip.banks.programmed_banks import unpack
from edgebnn.chip.device.cell import Cell
from edgebnn.chip.device.cell_counts import ALTERNATING, sample_cells, whole_banks
from edgebnn.chip.study.secded import Data, Octets, SecdedCode, decode
from edgebnn.confidence import Tally
from edgebnn.processors import usable_processors

_BLOCK_CELLS = 1 << 20  # in memory of a thread at a time
Flags = npt.NDArray[np.bool_]

_WHOLE_WORDS = 9  # banks: so many make whole words of both codes, of 1 and of 9 octets


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
    each code. Pairs are grouped by their sense amplifier.
    """

    plus: Tally
    minus: Tally
    pair: Tally
    single: Tally
    words: dict[SecdedCode, WordErrors]

    def __add__(self, other: CellErrors) -> CellErrors:
        words = {code: found + other.words[code] for code, found in self.words.items()}
        return CellErrors(
            self.plus + other.plus, self.minus + other.minus, self.pair + other.pair, self.single + other.single, words
        )


def count_cell_errors(
    cell: Cell, seed: int, cells: int, codes: Iterable[SecdedCode], geometry: Geometry = SINGLE
) -> CellErrors:
    """Errors of at least `cells` cells: the freshly programmed ones of whole banks from bank 0 on, half of them +1.

    The counts do not depend on the number of threads. Raises TargetError for more cells than there are numbers for.
    """
    codes, banks = tuple(codes), whole_banks(cells, geometry)
    block = _WHOLE_WORDS * max(1, _BLOCK_CELLS // geometry.synapses // _WHOLE_WORDS)
    parts = [banks[first : first + block] for first in range(0, len(banks), block)]
    with ThreadPoolExecutor(usable_processors()) as pool:
        return reduce(add, pool.map(lambda part: _count(cell, seed, part, codes, geometry), parts))


def word_errors(code: SecdedCode, errors: Octets) -> WordErrors:
    """What decoding leaves of errors, packed bits of words one after the other; an incomplete last word is left out.

    Words take whole octets, the data before the check bits and the lowest bit of an octet first.
    """
    data, check = _words(code, errors)
    wrong = np.bitwise_count(data) + np.bitwise_count(check)
    decoded, _ = decode(code, data, check)
    chosen = np.arange(len(data), dtype=np.uint64) % np.uint64(code.data)
    left = decoded >> chosen & np.uint64(1)
    return WordErrors(Tally(int(left.sum()), len(data)), Tally(int((wrong > 1).sum()), len(data)))


def _count(cell: Cell, seed: int, banks: range, codes: tuple[SecdedCode, ...], geometry: Geometry) -> CellErrors:
    masks = sample_cells(cell, seed, banks, geometry=geometry)
    sides = [np.ascontiguousarray(mask, "<u4").view(np.uint8).ravel() for mask in (masks.bl, masks.blb)]
    wrong, plus = unpack(masks.pair).sum(axis=1, dtype=np.int64), unpack(np.array(ALTERNATING, np.uint32))
    single = sum(int(np.bitwise_count(side).sum(dtype=np.int64)) for side in sides)
    return CellErrors(
        plus=_by_amplifier(wrong, geometry, plus),
        minus=_by_amplifier(wrong, geometry, ~plus),
        pair=_by_amplifier(wrong, geometry, plus | ~plus),
        single=Tally(single, 2 * len(banks) * geometry.synapses),
        words={code: word_errors(code, sides[0]) + word_errors(code, sides[1]) for code in codes},
    )


def _by_amplifier(wrong: Numbers, geometry: Geometry, chosen: Flags) -> Tally:
    """Of how many cells are wrong in each column of each stripe (stripes, 32), those of the chosen columns (32,)."""
    trials = np.broadcast_to(np.where(chosen, geometry.rows, 0), wrong.shape)
    return Tally.grouped(geometry.by_amplifier(np.where(chosen, wrong, 0)), geometry.by_amplifier(trials))


def _words(code: SecdedCode, errors: Octets) -> tuple[Data, Octets]:
    octets = code.length // 8
    words = errors[: len(errors) // octets * octets].reshape(-1, octets)
    if code.data < 8:
        return (words[:, 0] & np.uint8((1 << code.data) - 1)).astype(np.uint64), words[:, 0] >> np.uint8(code.data)
    return np.ascontiguousarray(words[:, : code.data // 8]).view("<u8")[:, 0].astype(np.uint64), words[:, -1]
