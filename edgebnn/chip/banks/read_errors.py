"""How often each synapse of programmed banks is read otherwise than meant: what one read finds, in the mean."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.programmed_banks import SLICES, ProgrammedBanks, unpack
from edgebnn.chip.random.normal import WHOLE
from edgebnn.words import Words

Probabilities = npt.NDArray[np.float64]

_INPUT = 1  # +1


def wrong_read(banks: ProgrammedBanks, sign: Words, nonzero: Words, given: int = _INPUT) -> Probabilities:
    """The probability that one read with the input +1, or where `given` is 0 with -1, does not answer the weight.

    float64 (banks, rows, 32). `sign` and `nonzero` are the weights, uint32 (banks, rows), as a `Pattern` has them. Most
    answers are certain, with 0 or 1; the others come anew with each read or inference.
    """
    wrong = unpack((sign ^ banks.sign[..., given]) | (nonzero ^ banks.nonzero[..., given])).astype(np.float64)
    place = banks.fresh >= 0
    if place.any():
        table = banks.tables[banks.fresh[place], given]
        minus, at_most_zero = _probability(table, 0), _probability(table, 1)
        plus, there = unpack(sign[place]), unpack(nonzero[place])
        right = np.where(there, np.where(plus, 1 - at_most_zero, minus), at_most_zero - minus)
        wrong[place] = np.where(unpack(table[..., 0]), 1 - right, wrong[place])
    return wrong


def mean_read(banks: ProgrammedBanks, stripe: npt.NDArray[np.int64], sign: bool) -> npt.NDArray[np.float32]:
    """What one read finds in the mean, from -1 to +1, with inputs of +1 where `sign`, else of -1.

    float32 (stripes, rows, 32) for stripes int64 (stripes,).
    """
    given = int(sign)
    plus, there = (unpack(words[stripe, :, given]) for words in (banks.sign, banks.nonzero))
    found = np.where(there, np.where(plus, np.float32(1), np.float32(-1)), np.float32(0))
    fresh = banks.fresh[stripe]
    place = fresh >= 0
    if place.any():
        table = banks.tables[fresh[place], given]
        mean = 1 - _probability(table, 0) - _probability(table, 1)
        found[place] = np.where(unpack(table[..., 0]), mean.astype(np.float32), found[place])
    return found


def _probability(table: Words, which: int) -> Probabilities:
    """That u is below the first or the second threshold of a fresh table, uint32 (rows, words), as (rows, 32)."""
    first = 3 + SLICES * which
    reduced = np.zeros((len(table), 32), np.uint64)
    for k in range(SLICES):
        reduced = reduced << np.uint64(1) | unpack(table[:, first + k]).astype(np.uint64)
    found: Probabilities = np.where(unpack(table[:, 1 + which]), (reduced + np.uint64(1)) / WHOLE, 0.0)
    return found
