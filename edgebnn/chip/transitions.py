"""Weights that turn into others at given rates, whatever the physical cause."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import sqrt

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from edgebnn.chip.normal import WHOLE, probability_below
from edgebnn.chip.philox import Domain, draw
from edgebnn.chip.reading import SLICES, Thresholds

Rates = npt.NDArray[np.float64]
Values = npt.NDArray[np.int8]

_GRID = 2.0**-20  # of a quantile, as in `cell.py`


@dataclass(frozen=True, eq=False)
class Transitions:
    """Rates for each synapse or row, float64, of a shape that fits (rows, 32).

    flip: of a binary weight. sign_flip, to_zero, from_zero: of a ternary one; 0 turns into -1 and +1 alike.
    """

    flip: Rates
    sign_flip: Rates
    to_zero: Rates
    from_zero: Rates

    def spread_out(self, shift: Rates, spread: float) -> Transitions:
        """Rates that differ from synapse to synapse, shift (rows, 32), around the same mean.

        Each rate becomes Q(z - shift), the shift being normal with this spread. With z = sqrt(1 + spread^2) Q^-1(rate)
        the mean over all places is the rate again.
        """
        return Transitions(*(_spread_out(getattr(self, each.name), shift, spread) for each in fields(self)))

    def replaced(self, where: npt.NDArray[np.bool_], others: Transitions) -> Transitions:
        """The rates of `others` at the synapses (rows, 32) that are flagged."""
        pairs = ((getattr(self, each.name), getattr(others, each.name)) for each in fields(self))
        return Transitions(*(np.where(where, new, old) for old, new in pairs))

    def thresholds(self, values: Values, ternary: npt.NDArray[np.bool_]) -> tuple[Thresholds, Thresholds]:
        """2^32 times the probability of becoming -1, and at most 0; uint64 (rows, 32) for values (rows, 32)."""
        kind = ternary[:, np.newaxis]
        turned = np.where(kind, _scaled(self.sign_flip), _scaled(self.flip))
        whole = np.uint64(WHOLE)
        zero = np.where(kind, np.minimum(_scaled(self.to_zero), whole - turned), np.uint64(0))
        half = _scaled(self.from_zero / 2)
        minus = np.select([values > 0, values < 0], [turned, whole - turned - zero], half)
        at_most_zero = np.select([values > 0, values < 0], [turned + zero, whole - turned], whole - half)
        return minus, at_most_zero


def rates(flip: float = 0, sign_flip: float = 0, to_zero: float = 0, from_zero: float = 0) -> Transitions:
    """The same rates for every synapse."""
    return Transitions(*(np.full((1, 1), each, np.float64) for each in (flip, sign_flip, to_zero, from_zero)))


def neighbours(rate: float | Rates) -> Transitions:
    """Every weight turns at this rate: a binary one into its opposite, a ternary one into a neighbour."""
    each = np.atleast_2d(np.asarray(rate, np.float64))
    return Transitions(each, np.zeros_like(each), each, each)


def turned(minus: Thresholds, at_most_zero: Thresholds, u: npt.NDArray[np.uint32]) -> Values:
    """The values (rows, 32) that draws u of the same shape bring about."""
    drawn = u.astype(np.uint64)
    return np.where(drawn < minus, -1, np.where(drawn < at_most_zero, 0, 1)).astype(np.int8)


def misread(
    minus: Thresholds, at_most_zero: Thresholds, ternary: npt.NDArray[np.bool_], rate: float
) -> tuple[Thresholds, Thresholds]:
    """Thresholds (rows, 32, 2) once each XNOR is wrong at this rate besides: a sign turns, a 0 becomes either sign.

    On a ternary row +-1 is then read as 0. All of it in float64, whose products are the same everywhere.
    """
    negative, zero = minus.astype(np.float64), (at_most_zero - minus).astype(np.float64)
    positive = WHOLE - negative - zero
    kind = ternary[:, np.newaxis, np.newaxis]
    new_negative = negative * (1 - rate) + np.where(kind, zero / 2, positive) * rate
    new_zero = np.where(kind, zero * (1 - rate) + (negative + positive) * rate, 0.0)
    first = np.rint(new_negative).astype(np.uint64)
    return first, np.minimum(first + np.rint(new_zero).astype(np.uint64), np.uint64(WHOLE))


def uniform(seed: int, domain: Domain, bank_row: npt.NDArray[np.int64], event: int) -> npt.NDArray[np.uint32]:
    """A random number of 32 bits for each column, uint32 (rows, 32), its bits in slices as `reading.py` has them."""
    words = np.concatenate([draw(seed, domain, bank_row, 0, event, block) for block in range(SLICES // 4)], axis=-1)
    lanes = np.unpackbits(np.ascontiguousarray(words, "<u4").view(np.uint8), axis=-1, bitorder="little")
    bits = lanes.reshape(len(bank_row), SLICES, 32).swapaxes(1, 2)  # (rows, column, slice), the highest first
    drawn: npt.NDArray[np.uint32] = (
        np.ascontiguousarray(np.packbits(bits, axis=-1)).view(">u4")[..., 0].astype(np.uint32)
    )
    return drawn


def _scaled(rate: Rates) -> Thresholds:
    return np.rint(rate * WHOLE).astype(np.uint64)


def _spread_out(rate: Rates, shift: Rates, spread: float) -> Rates:
    """Where there is no rate there is none anywhere; `rate` is that of all synapses, (1, 1)."""
    (mean,) = rate.flat
    if not 0 < mean < 1:
        return rate
    z = round(float(ndtri(mean)) * sqrt(1 + spread**2) / _GRID) * _GRID
    return probability_below(z + shift) / WHOLE
