"""What error rates follow from the laws of ln R: the formulas that sampled chips are held to.

A law is a mixture of normal laws. For one normal law each, D the distance of the medians, s the spread of one device
and Q the upper tail of the normal law, the rates are Q(D / 2s) of one device and Q(D / sqrt(2 s^2 + ...)) of a pair.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import frexp, hypot, ldexp
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

Floats = npt.NDArray[np.float64]

_BITS = 30  # of a rate: one part in 10^9


@dataclass(frozen=True)
class Normal:
    """One part of a law of ln R: its share, mean and standard deviation."""

    share: float
    mean: float
    spread: float


Law = tuple[Normal, ...]


@dataclass(frozen=True)
class Window:
    """The sensing window of a ternary read: a line falls in time where its ln R is less than a draw from this law."""

    median: float
    spread: float


@dataclass(frozen=True)
class Amplifier:
    """Standard deviations of its offset and of its noise in ln R."""

    offset: float = 0.0
    noise: float = 0.0


@dataclass(frozen=True)
class SignRates:
    """How often a weight +1 is wrong, and a weight -1."""

    plus: float
    minus: float

    @property
    def mean(self) -> float:
        """Of as many +1 as -1."""
        return (self.plus + self.minus) / 2


@dataclass(frozen=True)
class TernaryRates:
    """How often a ternary weight is read wrong: +1 as -1 and -1 as +1, +1 and -1 as 0, and 0 as +1 and as -1."""

    flip: SignRates
    vanish: SignRates
    appear: SignRates

    @property
    def sign_flip(self) -> float:
        """Of a weight +-1, as the other sign."""
        return self.flip.mean

    @property
    def to_zero(self) -> float:
        """Of a weight +-1, as 0."""
        return self.vanish.mean

    @property
    def from_zero(self) -> float:
        """Of a weight 0, as either sign."""
        return self.appear.plus + self.appear.minus


def normal_law(mean: float, spread: float) -> Law:
    """One normal law."""
    return (Normal(1.0, mean, spread),)


def gridded_rate(rate: float) -> float:
    """The rate in 30 significant bits, far more than it is worth, so that no machine's last bit makes another chip.

    That holds but for values within a last bit of the middle between two of them.
    """
    mantissa, exponent = frexp(rate)
    return ldexp(round(ldexp(mantissa, _BITS)), exponent - _BITS)


def single_error_rate(lrs: Law, hrs: Law, reference: float) -> float:
    """Of 1T1R devices against a fixed reference, as many in one state as in the other: each on its wrong side."""
    above = sum(part.share * float(_below(part.mean - reference, part.spread)) for part in lrs)
    below = sum(part.share * float(_below(reference - part.mean, part.spread)) for part in hrs)
    return (above + below) / 2


def pair_error_rate(lrs: Law, hrs: Law, amplifier: Amplifier = Amplifier()) -> float:
    """Of a 2T2R pair: the amplifier takes the line that is to be in HRS for the faster one."""
    return sum(
        fast.share * slow.share * float(_below(fast.mean - slow.mean, _pair_spread(fast, slow, amplifier)))
        for fast in lrs
        for slow in hrs
    )


def seen(window: Window, first: Law, second: Law) -> float:
    """How often at least one of two lines falls within the window."""
    z, weight = _normal_law()
    ends = window.median + window.spread * z
    return min(float((weight * (1 - _later(first, ends) * _later(second, ends))).sum()), 1.0)


def unseen(window: Window, first: Law, second: Law) -> float:
    """How often neither of two lines falls within the window."""
    z, weight = _normal_law()
    ends = window.median + window.spread * z
    return min(float((weight * _later(first, ends) * _later(second, ends)).sum()), 1.0)


def taken(window: Window, first: Law, second: Law, amplifier: Amplifier = Amplifier()) -> float:
    """How often a line falls within the window and the amplifier takes the first one for the faster."""
    return sum(one.share * other.share * _taken(window, one, other, amplifier) for one in first for other in second)


def _taken(window: Window, first: Normal, second: Normal, amplifier: Amplifier) -> float:
    # Over u = first - second, normal, and the mean of both, which given u is normal too.
    distance, middle = first.mean - second.mean, (first.mean + second.mean) / 2
    sensed = hypot(amplifier.offset, amplifier.noise)
    wide = hypot(first.spread, second.spread)
    if wide == 0:
        fallen = _below(window.median - min(first.mean, second.mean), window.spread)
        return float(_below(-distance, sensed) * fallen)
    u = np.linspace(distance - 9 * wide, distance + 9 * wide, 4001)
    density = np.exp(-(((u - distance) / wide) ** 2) / 2)
    density /= density.sum()
    # The faster line is at the mean less |u| / 2.
    one, other = first.spread / wide, second.spread / wide
    mean = middle + (one**2 - other**2) / 2 * (u - distance)
    in_time = _below(window.median - mean + np.abs(u) / 2, hypot(first.spread * other, window.spread))
    return float((density * _below(-u, sensed) * in_time).sum())


def _pair_spread(fast: Normal, slow: Normal, amplifier: Amplifier) -> float:
    return hypot(fast.spread, slow.spread, amplifier.offset, amplifier.noise)


def _later(law: Law, ends: Floats) -> Floats:
    """How often a line falls later than each of the ends of the window."""
    found: Floats = np.zeros_like(ends)
    for part in law:
        found = found + part.share * _below(part.mean - ends, part.spread)
    return found


def _below(distance: Any, spread: float) -> Any:
    """How often a normal number of this spread is below a distance: a step, one half at 0, where the spread is 0."""
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        return ndtr(np.where(np.equal(distance, 0), 0.0, np.divide(distance, spread)))


@cache
def _normal_law() -> tuple[Floats, Floats]:
    """Nodes and weights of a standard normal number: a fine grid, since integrands are steps where a spread is 0."""
    z: Any = np.linspace(-9, 9, 3601)
    weight = np.exp(-(z**2) / 2)
    return z, weight / weight.sum()
