"""Channels that the model's float32 may answer otherwise than exact arithmetic, at integers that can be reached."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.approximation import is_approximate, moved
from edgebnn.frontend.chains import Sums
from edgebnn.frontend.expressions import Expression, Leaf, evaluate, fractions_of, with_leaf
from edgebnn.frontend.graph import Array
from edgebnn.frontend.jumps import Jumps
from edgebnn.frontend.lattice import Integers, Lattice

Flags = npt.NDArray[np.bool_]
# The nearest integers that a channel can reach below places, and from these on; None where nothing more is known than
# the lattice says.
Beside = Callable[[int, Integers], tuple[Integers, Integers] | None]

# A share of one unit of an accumulator that float64 still adds to the largest without rounding.
_NEXT_TO_NOTHING = 2.0**-20


def ambiguous_channels(
    chain: Sums, leaf: Leaf, lattice: Lattice, jumps: Jumps, level: float, beside: Beside | None
) -> tuple[Flags, Flags]:
    """Channels (C,) that are ambiguous, and those of them of which an integer lies at a step itself.

    Moved by the error bound of its float32 sum, or evaluated in float32 after that sum, a reachable accumulator beside
    a step must stay on its side. Values half a `level` apart are different ones.
    """
    none = np.zeros(lattice.channels, np.bool_)
    if not np.any(leaf.error > 0) and not is_approximate(chain.expression):
        return none, none
    channel, points = _on_lattice(lattice, jumps)
    suspects = np.unique(channel[_turned(chain, leaf, level, channel, points)])
    channel, points = _reached(lattice, jumps, suspects, channel, points, beside)
    turned = _turned(chain, leaf, level, channel, points)
    ambiguous = none.copy()
    ambiguous[channel[turned]] = True
    tied = none.copy()
    tied[channel[turned][_tied(chain, level, channel[turned], points[turned])]] = True
    return ambiguous, tied


def _on_lattice(lattice: Lattice, jumps: Jumps) -> tuple[Integers, Integers]:
    """(channel, integer), both (P,), on both sides of every jump and at the ends of the range."""
    every = np.arange(lattice.channels)
    after = lattice.reached(jumps.channel, jumps.at)
    before = after - lattice.period[jumps.channel, np.newaxis]
    sides = np.repeat(jumps.channel, after.shape[1])
    channel = np.concatenate([sides, sides, every, every])
    points = np.concatenate([after.reshape(-1), before.reshape(-1), lattice.low, lattice.high])
    inside = (points >= lattice.low[channel]) & (points <= lattice.high[channel])
    return channel[inside], points[inside]


def _reached(
    lattice: Lattice, jumps: Jumps, suspects: Integers, channel: Integers, points: Integers, beside: Beside | None
) -> tuple[Integers, Integers]:
    """The points of the suspects, nothing but integers that they reach where these are known."""
    channels, numbers = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for suspect in suspects.tolist():
        low, high = lattice.low[suspect], lattice.high[suspect]
        near = beside and beside(suspect, np.array([*jumps.at[jumps.channel == suspect], low, high + 1], np.int64))
        found = points[channel == suspect] if near is None else np.concatenate(near)
        numbers.append(found[(found >= low) & (found <= high)])
        channels.append(np.full(len(numbers[-1]), suspect))
    return np.concatenate(channels), np.concatenate(numbers)


def _turned(chain: Sums, leaf: Leaf, level: float, channel: Integers, points: Integers) -> Flags:
    """Which of the points (P,) float32 may answer otherwise."""
    nominal = replace(chain, exactly=True).at(channel, points)
    others = [_float32(chain, leaf, channel, points, sign) for sign in (0, -1, 1)]
    others += [extreme.at(channel, points) for extreme in _extremes(chain, leaf)]
    turned: Flags = np.any([~(np.abs(other - nominal) < level / 2) for other in others], axis=0)
    return turned


def _float32(chain: Sums, leaf: Leaf, channel: Integers, points: Integers, sign: int) -> Array:
    """What the model's operators make of sums that lie above or below the exact ones by the bound of their error.

    Each operator rounds once and so keeps order: what float32 makes of any sum in between lies between the two.
    """
    scale, offset = leaf.rounded
    exact = scale[channel] * points + offset[channel]
    sums = (exact + sign * leaf.error[channel]).astype(np.float32)
    if sign:
        sums = np.where(leaf.error[channel] > 0, np.nextafter(sums, np.float32(sign * np.inf)), sums)
    known: dict[Expression, Array] = {leaf: sums}
    with np.errstate(all="ignore"):
        return evaluate(chain.expression, channel, points, False, known, chain.effort).astype(np.float64)


def _extremes(chain: Sums, leaf: Leaf) -> list[Sums]:
    """The chain in exact arithmetic on such sums.

    What is only nearly known behind the sums is as far up and down as the model's own may be.
    """
    ways: tuple[Expression, ...] = (chain.expression,)
    if is_approximate(chain.expression):
        ways = tuple(moved(chain.expression, sign) for sign in (1, -1))
    errors = fractions_of(leaf.error)
    leaves = [replace(leaf, offset=leaf.offset + sign * errors) for sign in (-1, 1)]
    return [replace(chain, expression=with_leaf(way, other), exactly=True) for way in ways for other in leaves]


def _tied(chain: Sums, level: float, channel: Integers, points: Integers) -> Flags:
    """Which of the points (P,) lie at a step itself, so that any rounding decides: next to nothing moves them over."""
    exact = replace(chain, exactly=True)
    nominal = exact.at(channel, points)
    nudged = [exact.at(channel, points + nudge) for nudge in (-_NEXT_TO_NOTHING, _NEXT_TO_NOTHING)]
    tied: Flags = np.any([np.abs(other - nominal) >= level / 2 for other in nudged], axis=0)
    return tied
