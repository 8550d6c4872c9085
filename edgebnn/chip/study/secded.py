"""SECDED codes, the comparators of 2T2R: one wrong bit of a word is corrected, two are detected.

Both are Hsiao codes: the columns of the parity-check matrix are the words of odd weight, the lightest first, so that a
syndrome of even weight means two errors (Hsiao, "A class of optimal minimum odd-weight-column SEC-DED codes", IBM J.
Res. Dev. 1970). Of 8 bits that is the extended Hamming code. A word whose error was detected but not corrected is left
as it was read.

How often a decoded bit is wrong, where the bits of a word are wrong independently of each other with probability p:
with the error e, its syndrome s and the column h of a data bit,

    P(wrong) = p + P(s = h) - 2 P(e = 1 there and s = h)

since the decoder turns the bit exactly where s = h. By the Walsh transform over all y in GF(2)^r,

    P(s = h) = 2^-r  sum_y  (-1)^(y.h)  (1 - 2p)^(columns j with y.h_j = 1)

and the last term is p times the probability that the other bits have the syndrome 0. Both are polynomials in 1 - 2p
with whole coefficients, evaluated in fractions: nothing cancels, however small p is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from functools import cache
from itertools import chain, combinations

import numpy as np
import numpy.typing as npt

Data = npt.NDArray[np.uint64]
Octets = npt.NDArray[np.uint8]


class DecoderVerdict(IntEnum):
    """What the decoder took a word for."""

    SOUND = 0
    CORRECTED = 1
    DETECTED = 2


@dataclass(frozen=True)
class SecdedCode:
    """A SECDED code of `data` (at most 64) and `checks` (at most 8) bits."""

    data: int
    checks: int

    @property
    def length(self) -> int:
        """Bits of a word."""
        return self.data + self.checks

    @property
    def redundancy(self) -> float:
        """Bits stored for each bit of data."""
        return self.length / self.data

    @property
    def columns(self) -> tuple[int, ...]:
        """The syndrome of each bit: those of the data, then those of the check bits."""
        return _columns(self.data, self.checks)


SECDED_8_4 = SecdedCode(4, 4)
SECDED_72_64 = SecdedCode(64, 8)


def encode(code: SecdedCode, data: Data) -> Octets:
    """The check bits of words of data, bit i of each being data bit i; any shape."""
    check = np.zeros(data.shape, np.uint8)
    for k in range(code.checks):
        mask = sum(1 << i for i, column in enumerate(code.columns[: code.data]) if column >> k & 1)
        check |= (np.bitwise_count(data & np.uint64(mask)) & np.uint8(1)) << np.uint8(k)
    return check


def decode(code: SecdedCode, data: Data, check: Octets) -> tuple[Data, Octets]:
    """(data, DecoderVerdict) of words as they were read, of any shape."""
    syndrome = encode(code, data) ^ check
    turned, outcome = _decisions(code)
    return data ^ turned[syndrome], outcome[syndrome]


def bit_error_rate(code: SecdedCode, rate: float) -> float:
    """How often a bit of decoded data is wrong, on the average over a word, where stored bits are at this rate."""
    matched, matched_others = _polynomials(code)
    p = Fraction(rate)
    q = 1 - 2 * p
    return float(p + (_value(matched, q) - 2 * p * _value(matched_others, q)) / (code.data << code.checks))


@cache
def _columns(data: int, checks: int) -> tuple[int, ...]:
    odd = chain.from_iterable(combinations(range(checks), weight) for weight in range(3, checks + 1, 2))
    heavy = [sum(1 << bit for bit in bits) for bits in odd][:data]
    return (*heavy, *(1 << bit for bit in range(checks)))


@cache
def _decisions(code: SecdedCode) -> tuple[Data, Octets]:
    """For each syndrome: the data bits that are turned, and the DecoderVerdict."""
    turned = np.zeros(1 << code.checks, np.uint64)
    outcome = np.full(1 << code.checks, DecoderVerdict.DETECTED, np.uint8)
    outcome[0] = DecoderVerdict.SOUND
    outcome[list(code.columns)] = DecoderVerdict.CORRECTED
    turned[list(code.columns[: code.data])] = np.uint64(1) << np.arange(code.data, dtype=np.uint64)
    return turned, outcome


@cache
def _polynomials(code: SecdedCode) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Coefficients by power of 1 - 2p, summed over the data bits, times 2^checks.

    Of the probability that the syndrome is the bit's column, and that the other bits' syndrome is 0.
    """
    matched: Counter[int] = Counter()
    others: Counter[int] = Counter()
    for y in range(1 << code.checks):
        odd = [(y & column).bit_count() & 1 for column in code.columns]
        power = sum(odd)
        for of_bit in odd[: code.data]:
            matched[power] += -1 if of_bit else 1
            others[power - of_bit] += 1
    powers = range(code.length + 1)
    return tuple(matched[k] for k in powers), tuple(others[k] for k in powers)


def _value(coefficients: Iterable[int], q: Fraction) -> Fraction:
    total = Fraction(0)
    for coefficient in reversed(tuple(coefficients)):
        total = total * q + coefficient
    return total
