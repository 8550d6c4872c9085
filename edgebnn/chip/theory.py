"""What error rates follow from medians and spreads: the formulas that sampled chips are held to.

D is the distance of the medians of ln R, s the spread of one device, Q the upper tail of the normal law.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import hypot, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

Floats = npt.NDArray[np.float64]


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


def single_error_rate(contrast: float, spread: float) -> float:
    """Q(D / 2s): a 1T1R device against a fixed reference halfway between the medians."""
    return float(ndtr(-contrast / 2 / spread)) if spread else 0.0


def pair_error_rate(contrast: float, spread: float, offset: float = 0.0, noise: float = 0.0) -> float:
    """Q(D / sqrt(2 s^2 + offset^2 + noise^2)): a 2T2R pair read by an amplifier of that offset and noise."""
    width = hypot(sqrt(2) * spread, offset, noise)
    return float(ndtr(-contrast / width)) if width else 0.0


def from_zero(window: Window, ln_hrs: float, spread: float) -> float:
    """0 read as +-1: at least one of two HRS falls within the window."""
    z, weight = _normal_law()
    falls = ndtr((window.median + window.spread * z - ln_hrs) / spread)
    return float((weight * (1 - (1 - falls) ** 2)).sum())


def to_zero(window: Window, ln_lrs: float, ln_hrs: float, spread: float) -> float:
    """+-1 read as 0: neither LRS nor HRS falls within the window."""
    z, weight = _normal_law()
    ends = window.median + window.spread * z
    return float((weight * ndtr((ln_lrs - ends) / spread) * ndtr((ln_hrs - ends) / spread)).sum())


def sign_flip(
    window: Window, ln_lrs: float, ln_hrs: float, spread: float, offset: float = 0.0, noise: float = 0.0
) -> float:
    """+1 read as -1: a line falls within the window, and the amplifier takes HRS for the faster one."""
    # Over u = HRS - LRS, normal of width sqrt(2) s about D, and the mean of both, normal of width s / sqrt(2).
    contrast, middle, amplifier = ln_hrs - ln_lrs, (ln_lrs + ln_hrs) / 2, hypot(offset, noise)
    wide = sqrt(2) * spread
    if wide == 0:
        return 0.0
    u = np.linspace(contrast - 9 * wide, contrast + 9 * wide, 4001)
    density = np.exp(-(((u - contrast) / wide) ** 2) / 2)
    density /= density.sum()
    wrong = ndtr(-u / amplifier) if amplifier else (u < 0).astype(np.float64)
    # The faster line is at the mean less |u| / 2; mean and window together are normal.
    width = hypot(spread / sqrt(2), window.spread)
    in_time = ndtr((window.median - middle + np.abs(u) / 2) / width)
    return float((density * wrong * in_time).sum())


@cache
def _normal_law() -> tuple[Floats, Floats]:
    """Nodes and weights of a standard normal number: a fine grid, since integrands are steps where a spread is 0."""
    z: Any = np.linspace(-9, 9, 3601)
    weight = np.exp(-(z**2) / 2)
    return z, weight / weight.sum()
