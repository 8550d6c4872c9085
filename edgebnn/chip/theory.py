"""What error rates follow from medians and spreads: the formulas that sampled chips are held to.

D is the distance of the medians of ln R, s the spread of one device, Q the upper tail of the normal law.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import frexp, hypot, ldexp, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

Floats = npt.NDArray[np.float64]

_BITS = 30  # of a rate: one part in 10^9


@dataclass(frozen=True)
class Window:
    """The sensing window of a ternary read: a line falls in time where its ln R is less than a draw from this law."""

    median: float
    spread: float


@dataclass(frozen=True)
class TernaryRates:
    """How often a ternary weight is read wrong: +1 as -1 or -1 as +1, +-1 as 0, and 0 as +-1."""

    sign_flip: float
    to_zero: float
    from_zero: float


def gridded_rate(rate: float) -> float:
    """The rate in 30 significant bits, far more than it is worth, so that no machine's last bit makes another chip.

    That holds but for values within a last bit of the middle between two of them.
    """
    mantissa, exponent = frexp(rate)
    return ldexp(round(ldexp(mantissa, _BITS)), exponent - _BITS)


def single_error_rate(contrast: float, spread: float) -> float:
    """Q(D / 2s): a 1T1R device against a fixed reference halfway between the medians."""
    return float(_below(-contrast / 2, spread))


def pair_error_rate(contrast: float, spread: float, offset: float = 0.0, noise: float = 0.0) -> float:
    """Q(D / sqrt(2 s^2 + offset^2 + noise^2)): a 2T2R pair read by an amplifier of that offset and noise."""
    width = hypot(sqrt(2) * spread, offset, noise)
    return float(_below(-contrast, width))


def from_zero(window: Window, ln_hrs: float, spread: float) -> float:
    """0 read as +-1: at least one of two HRS falls within the window."""
    z, weight = _normal_law()
    falls = _below(window.median + window.spread * z - ln_hrs, spread)
    return min(float((weight * (1 - (1 - falls) ** 2)).sum()), 1.0)


def to_zero(window: Window, ln_lrs: float, ln_hrs: float, spread: float) -> float:
    """+-1 read as 0: neither LRS nor HRS falls within the window."""
    z, weight = _normal_law()
    ends = window.median + window.spread * z
    return min(float((weight * _below(ln_lrs - ends, spread) * _below(ln_hrs - ends, spread)).sum()), 1.0)


def sign_flip(
    window: Window, ln_lrs: float, ln_hrs: float, spread: float, offset: float = 0.0, noise: float = 0.0
) -> float:
    """+1 read as -1: a line falls within the window, and the amplifier takes HRS for the faster one."""
    # Over u = HRS - LRS, normal of width sqrt(2) s about D, and the mean of both, normal of width s / sqrt(2).
    contrast, middle, amplifier = ln_hrs - ln_lrs, (ln_lrs + ln_hrs) / 2, hypot(offset, noise)
    wide = sqrt(2) * spread
    if wide == 0:
        return float(_below(-contrast, amplifier) * _below(window.median - min(ln_lrs, ln_hrs), window.spread))
    u = np.linspace(contrast - 9 * wide, contrast + 9 * wide, 4001)
    density = np.exp(-(((u - contrast) / wide) ** 2) / 2)
    density /= density.sum()
    wrong = _below(-u, amplifier)
    # The faster line is at the mean less |u| / 2; mean and window together are normal.
    width = hypot(spread / sqrt(2), window.spread)
    in_time = _below(window.median - middle + np.abs(u) / 2, width)
    return float((density * wrong * in_time).sum())


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
