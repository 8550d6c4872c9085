"""What error rates follow from the laws of ln R: the formulas that sampled chips are held to.

A law is a mixture of normal laws. For one normal law each, D the distance of the medians, s the spread of one device
and Q the upper tail of the normal law, the rates are Q(D / 2s) of one device and Q(D / sqrt(2 s^2 + ...)) of a pair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import frexp, hypot, ldexp
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy

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
class SensingWindow:
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


def mean_ternary_rates(parts: Sequence[tuple[TernaryRates, tuple[int, int, int]]]) -> TernaryRates:
    """The mean over weights of which (-1, 0, +1) each come so often; of weights that never come, over the parts."""
    if len(parts) == 1:
        return parts[0][0]

    def mean(event: str, sign: str, value: int) -> float:
        rates = [getattr(getattr(rates, event), sign) for rates, _ in parts]
        weights = [counts[value + 1] for _, counts in parts]
        return float(np.average(rates, weights=weights if any(weights) else None))

    return TernaryRates(
        flip=SignRates(mean("flip", "plus", 1), mean("flip", "minus", -1)),
        vanish=SignRates(mean("vanish", "plus", 1), mean("vanish", "minus", -1)),
        appear=SignRates(mean("appear", "plus", 0), mean("appear", "minus", 0)),
    )


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
    low, high = parts(lrs), parts(hrs)
    late = low.share @ below(low.mean - reference, low.spread)
    early = high.share @ below(reference - high.mean, high.spread)
    return float(late + early) / 2


def pair_error_rate(lrs: Law, hrs: Law, amplifier: Amplifier = Amplifier()) -> float:
    """Of a 2T2R pair: the amplifier takes the line that is to be in HRS for the faster one."""
    fast, slow = parts(lrs), parts(hrs)
    distance = np.subtract.outer(fast.mean, slow.mean)
    spread = np.hypot(np.hypot.outer(fast.spread, slow.spread), hypot(amplifier.offset, amplifier.noise))
    return float(fast.share @ below(distance, spread) @ slow.share)


class Parts(NamedTuple):
    """The parts of a law, an element each."""

    share: Floats
    mean: Floats
    spread: Floats


@lru_cache(maxsize=256)
def parts(law: Law) -> Parts:
    """The parts of a law side by side."""
    return Parts(*np.array([(part.share, part.mean, part.spread) for part in law]).T)


def below(distance: Any, spread: Any) -> Any:
    """How often a normal number of this spread is below a distance: a step, one half at 0, where the spread is 0."""
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        return scipy.special.ndtr(np.where(np.equal(distance, 0), 0.0, np.divide(distance, spread)))
