"""What a ternary read answers, by formula: whether a bit line falls within the sensing window, and which is taken.

The integrals are over one number each: the window's end, or the distance of the two devices of a pair. All pairs of the
parts of two laws are computed at once.
"""

from __future__ import annotations

from functools import cache, lru_cache
from math import ceil, hypot
from typing import Any, NamedTuple

import numpy as np

from edgebnn.chip.device.error_formulas import Amplifier, Floats, Law, SensingWindow, below, parts

_REACH = 9.0  # standard deviations on either side: beyond it lies 1e-19
_FINEST = 3600  # steps over the window's reach, where lines have no spread and the integrand is a step itself
_STEP = 0.7  # in units of the integrand's own width: sums of such steps are exact to a last bit
_NODES = 16  # of a panel


def seen(window: SensingWindow, first: Law, second: Law) -> float:
    """How often at least one of two lines falls within the window."""
    ends, weight = _ends(window, first, second)
    return min(float((weight * (1 - _later(first, ends) * _later(second, ends))).sum()), 1.0)


@lru_cache(maxsize=16)  # BL and BLb often have one law
def unseen(window: SensingWindow, first: Law, second: Law) -> float:
    """How often neither of two lines falls within the window."""
    ends, weight = _ends(window, first, second)
    return min(float((weight * _later(first, ends) * _later(second, ends)).sum()), 1.0)


@lru_cache(maxsize=16)  # BL and BLb often have one law
def taken(window: SensingWindow, first: Law, second: Law, amplifier: Amplifier) -> float:
    """How often a line falls within the window and the amplifier takes the first one for the faster."""
    one, other = parts(first), parts(second)
    places = [place.ravel() for place in np.indices((len(first), len(second)))]
    pairs = _Pairs(*(column[places[0]] for column in one[1:]), *(column[places[1]] for column in other[1:]))
    share = one.share[places[0]] * other.share[places[1]]
    sensed, still = hypot(amplifier.offset, amplifier.noise), pairs.wide == 0
    return float(
        (share[still] * _of_still(pairs.where(still), window, sensed)).sum()
        + (share[~still] * _of_spread(pairs.where(~still), window, sensed)).sum()
    )


class _Pairs(NamedTuple):
    """Pairs of normal laws, an element each."""

    mean: Floats
    spread: Floats
    other_mean: Floats
    other_spread: Floats

    @property
    def wide(self) -> Floats:
        """The spread of their distance."""
        return np.hypot(self.spread, self.other_spread)

    def where(self, flags: Any) -> _Pairs:
        """Those that are flagged."""
        return _Pairs(*(each[flags] for each in self))


def _ends(window: SensingWindow, *laws: Law) -> tuple[Floats, Floats]:
    """Ends of the window and their weights, close enough for the narrowest of the lines."""
    narrowest = [float(parts(law).spread.min()) for law in laws]
    with np.errstate(divide="ignore", over="ignore"):
        width = np.sum(np.array([window.spread, *narrowest]) ** -2.0) ** -0.5
    steps = ceil(min(_FINEST, 2 * _REACH * window.spread / (_STEP * width))) if width > 0 else _FINEST
    z, weight = _normal_law(steps)
    return window.median + window.spread * z, weight


@cache
def _normal_law(steps: int) -> tuple[Floats, Floats]:
    """Nodes and weights of a standard normal number."""
    z: Any = np.linspace(-_REACH, _REACH, steps + 1)
    weight = np.exp(-(z**2) / 2)
    return z, weight / weight.sum()


def _later(law: Law, ends: Floats) -> Floats:
    """How often a line falls later than each of the ends of the window."""
    share, mean, spread = parts(law)
    found: Floats = share @ below(mean[:, np.newaxis] - ends, spread[:, np.newaxis])
    return found


def _of_still(pairs: _Pairs, window: SensingWindow, sensed: float) -> Floats:
    """As `taken`, of devices without a spread."""
    first = np.minimum(pairs.mean, pairs.other_mean)
    found: Floats = below(pairs.other_mean - pairs.mean, sensed) * below(window.median - first, window.spread)
    return found


def _of_spread(pairs: _Pairs, window: SensingWindow, sensed: float) -> Floats:
    """As `taken`, over u = first - second, normal; and given u the mean of both lines is normal too."""
    distance, middle = pairs.mean - pairs.other_mean, (pairs.mean + pairs.other_mean) / 2
    wide = pairs.wide
    one, other = pairs.spread / wide, pairs.other_spread / wide
    # The faster line is at the mean less |u| / 2, so its way to the window's end is `tie` at u = 0, and grows with u**1
    # by `one`^2 below and by `other`^2 above.
    tie = window.median - middle + (one**2 - other**2) / 2 * distance
    spread = np.hypot(pairs.spread * other, window.spread)

    u, weight, pair = _panels(distance, wide, sensed, tie, spread, one**2, other**2)
    density = np.exp(-(((u - distance[pair]) / wide[pair]) ** 2) / 2) / (wide[pair] * np.sqrt(2 * np.pi))
    way = tie[pair] + np.where(u > 0, other[pair] ** 2, -(one[pair] ** 2)) * u
    integrand = weight * density * below(-u, sensed) * below(way, spread[pair])
    return np.bincount(pair, integrand, minlength=len(distance)).astype(np.float64)


def _panels(
    distance: Floats, wide: Floats, sensed: float, tie: Floats, spread: Floats, under: Floats, over: Floats
) -> tuple[Floats, Floats, Any]:
    """Nodes, weights and the number of the pair of each, by Gauss's rule between the places where something changes:
    the density around its middle, the amplifier's decision around 0, and the window's on either side of it."""
    edges = [distance, distance - _REACH * wide, distance + _REACH * wide]
    edges += [np.full_like(distance, place * _REACH * sensed) for place in (-1, 0, 1)]
    for side, slope in ((-1, under), (1, over)):
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            edges += [side * np.nan_to_num((place * _REACH * spread - tie) / slope) for place in (-1, 0, 1)]
    inside = np.sort(np.clip(edges, edges[1], edges[2]), axis=0)
    half = np.diff(inside, axis=0).T / 2
    pair, panel = np.nonzero(half)
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    width = half[pair, panel][:, np.newaxis]
    u = inside.T[pair, panel][:, np.newaxis] + width * (1 + nodes)
    return u.ravel(), (width * weights).ravel(), np.repeat(pair, _NODES)
