"""Weights that turn into others at given rates, whatever the physical cause."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cache, cached_property, lru_cache
from math import sqrt

import numpy as np
import numpy.typing as npt
import scipy

from edgebnn.chip.banks.pattern import RowKinds, Rows
from edgebnn.chip.banks.programmed_banks import Thresholds
from edgebnn.chip.device.c_structs import Turns, chip_library
from edgebnn.chip.device.cell_counts import Kernel, kernel_number
from edgebnn.chip.device.error_formulas import SignRates, TernaryRates
from edgebnn.chip.random.normal import WHOLE, probability_below
from edgebnn.words import Words

Rates = npt.NDArray[np.float64]
Values = npt.NDArray[np.int8]

_GRID = 2.0**-20  # of a quantile, as in `device/cell.py`


@dataclass(frozen=True, eq=False)
class Transitions:
    """Rates for each synapse or row, float64, of a shape that fits (rows, 32).

    flip_plus, flip_minus: of a binary weight +1, and -1. plus_to_minus, plus_to_zero, ...: of a ternary one.
    """

    flip_plus: Rates
    flip_minus: Rates
    plus_to_minus: Rates
    plus_to_zero: Rates
    minus_to_plus: Rates
    minus_to_zero: Rates
    zero_to_plus: Rates
    zero_to_minus: Rates

    def spread_out(self, shift: Rates, spread: float) -> Transitions:
        """Rates that differ from synapse to synapse, shift (rows, 32), around the same mean.

        Each rate becomes Q(z - shift), the shift being normal with this spread. With z = sqrt(1 + spread^2) Q^-1(rate)
        the mean over all places is the rate again.
        """
        rates = [getattr(self, each.name) for each in fields(self)]
        spread_rates = {float(rate.item()): rate for rate in rates}  # few of them differ
        for mean, rate in spread_rates.items():
            spread_rates[mean] = _spread_out(rate, shift, spread)
        return Transitions(*(spread_rates[float(rate.item())] for rate in rates))

    def replaced(self, where: npt.NDArray[np.bool_], others: Transitions) -> Transitions:
        """The rates of `others` at the synapses (rows, 32) that are flagged."""
        pairs = ((getattr(self, each.name), getattr(others, each.name)) for each in fields(self))
        return Transitions(*(np.where(where, new, old) for old, new in pairs))

    def thresholds(self, values: Values, ternary: npt.NDArray[np.bool_]) -> tuple[Thresholds, Thresholds]:
        """2^32 times the probability of becoming -1, and at most 0; uint64 (rows, 32) for values (rows, 32)."""
        kind, whole = ternary[:, np.newaxis], np.uint64(WHOLE)
        if not ternary.any() and values.all():
            turning = np.where(values > 0, _scaled(self.flip_plus), whole - _scaled(self.flip_minus))
            return turning, turning
        falls = np.where(kind, _scaled(self.plus_to_minus), _scaled(self.flip_plus))
        rises = np.where(kind, _scaled(self.minus_to_plus), _scaled(self.flip_minus))
        plus_zero = np.where(kind, np.minimum(_scaled(self.plus_to_zero), whole - falls), np.uint64(0))
        minus_zero = np.where(kind, np.minimum(_scaled(self.minus_to_zero), whole - rises), np.uint64(0))
        zero_minus = _scaled(self.zero_to_minus)
        zero_plus = np.minimum(_scaled(self.zero_to_plus), whole - zero_minus)
        signs = [values > 0, values < 0]
        minus = np.select(signs, [falls, whole - rises - minus_zero], zero_minus)
        at_most_zero = np.select(signs, [falls + plus_zero, whole - rises], whole - zero_plus)
        return minus, at_most_zero

    @lru_cache(maxsize=64)  # noqa: B019  few rates are asked for, chip after chip
    def laws(self, kinds: RowKinds) -> Laws:
        """The thresholds of each kind of rows, where the rates are of a shape that fits (kinds, 3)."""
        values = np.broadcast_to(np.array([-1, 0, 1], np.int8), (len(kinds.ternary), 3))
        return Laws(*self.thresholds(values, kinds.ternary))

    @cached_property
    def nothing(self) -> bool:
        """Whether every weight stays what it is."""
        return not any(getattr(self, each.name).any() for each in fields(self))


@dataclass(frozen=True, eq=False)
class Laws:
    """Thresholds of 2^32 by the kind of a row and the weight, -1, 0 or +1: uint64 (kinds, 3) each."""

    minus: Thresholds
    at_most_zero: Thresholds

    @cached_property
    def table(self) -> Thresholds:
        """`ebnn_law` of each kind, uint64 (kinds, 2, 3)."""
        return np.ascontiguousarray(np.stack(np.broadcast_arrays(self.minus, self.at_most_zero), axis=1), np.uint64)

    @cached_property
    def open(self) -> npt.NDArray[np.bool_]:
        """Which kinds leave anything uncertain, bool (kinds,)."""
        table = self.table
        return np.asarray(((table > 0) & (table < np.uint64(WHOLE))).any(axis=(1, 2)))


def turn_by_law(
    seed: int, event: int, rows: Rows, laws: Laws, kernel: Kernel = "auto"
) -> tuple[Words, Words]:  # fmt: skip
    """(sign, nonzero) of what rows hold once each weight turned as the law of its row's kind says, uint32 (rows,).

    The draws are those of the synapse at the programming cycle `event`: what is wrong at one rate is at a higher one.
    """
    turns = Turns.of(seed, event, rows)
    table = laws.table
    turns.laws = table.ctypes.data
    if rows.kinds.ternary.any():
        return _turned(turns, len(rows.row), kernel)
    sign = np.empty(len(rows.row), np.uint32)  # a binary row stays one
    chip_library().ebnn_turn(turns, sign.ctypes.data, None, kernel_number(kernel))
    return sign, rows.nonzero


def turn_by_thresholds(
    seed: int, event: int, rows: Rows, minus: Thresholds, at_most_zero: Thresholds
) -> tuple[Words, Words]:
    """The same with thresholds of each synapse, uint64 (rows, 32)."""
    turns = Turns.of(seed, event, rows)
    first, second = (np.ascontiguousarray(each, np.uint64) for each in (minus, at_most_zero))
    turns.minus, turns.at_most_zero = first.ctypes.data, second.ctypes.data
    return _turned(turns, len(rows.row), "auto")


def _turned(turns: Turns, rows: int, kernel: Kernel) -> tuple[Words, Words]:
    sign, nonzero = np.empty(rows, np.uint32), np.empty(rows, np.uint32)
    chip_library().ebnn_turn(turns, sign.ctypes.data, nonzero.ctypes.data, kernel_number(kernel))
    return sign, nonzero


@cache
def none() -> Transitions:
    """Every weight stays what it is."""
    return Transitions(*(np.zeros((1, 1)) for _ in fields(Transitions)))


@lru_cache(maxsize=64)
def binary_flips(flips: SignRates) -> Transitions:
    """Binary weights alone turn, at a rate of each sign."""
    return replace(none(), flip_plus=_everywhere(flips.plus), flip_minus=_everywhere(flips.minus))


@lru_cache(maxsize=64)
def ternary_reads(read: TernaryRates) -> Transitions:
    """Ternary weights alone are read as others."""
    return replace(
        none(),
        plus_to_minus=_everywhere(read.flip.plus),
        minus_to_plus=_everywhere(read.flip.minus),
        plus_to_zero=_everywhere(read.vanish.plus),
        minus_to_zero=_everywhere(read.vanish.minus),
        zero_to_plus=_everywhere(read.appear.plus),
        zero_to_minus=_everywhere(read.appear.minus),
    )


@lru_cache(maxsize=64)
def neighbours(rate: float) -> Transitions:
    """Every weight turns at this rate: a binary one into its opposite, a ternary one into a neighbour."""
    return turning(rate, rate, rate)


def neighbours_by_sign(plus: Rates, minus: Rates) -> Transitions:
    """As `neighbours`, +1 and -1 at rates of their own and a 0 at their mean."""
    found = turning(plus, plus, (plus + minus) / 2)
    return replace(found, flip_minus=minus, minus_to_zero=minus)


def turning(flip: float | Rates, to_zero: float | Rates, from_zero: float | Rates) -> Transitions:
    """Rates of turning alike for both signs: of binary weights, of ternary ones to 0, and of 0 to either sign."""
    each, lost, found = (np.atleast_2d(np.asarray(rate, np.float64)) for rate in (flip, to_zero, from_zero))
    still = np.zeros_like(lost)
    return Transitions(
        flip_plus=each,
        flip_minus=each,
        plus_to_minus=still,
        plus_to_zero=lost,
        minus_to_plus=still,
        minus_to_zero=lost,
        zero_to_plus=found / 2,
        zero_to_minus=found / 2,
    )


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


def _everywhere(rate: float) -> Rates:
    return np.full((1, 1), rate, np.float64)


def _scaled(rate: Rates) -> Thresholds:
    return np.rint(rate * WHOLE).astype(np.uint64)


def _spread_out(rate: Rates, shift: Rates, spread: float) -> Rates:
    """Where there is no rate there is none anywhere; `rate` is that of all synapses, (1, 1)."""
    (mean,) = rate.flat
    if not 0 < mean < 1:
        return rate
    z = round(float(scipy.special.ndtri(mean)) * sqrt(1 + spread**2) / _GRID) * _GRID
    return probability_below(z + shift) / WHOLE
