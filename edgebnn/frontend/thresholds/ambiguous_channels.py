"""Channels that the model's float32 may answer otherwise than exact arithmetic, at integers that can be reached."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.algebra.approximate_operators import is_approximate, moved
from edgebnn.frontend.algebra.channel_function import Sums
from edgebnn.frontend.algebra.directions import UNKNOWN
from edgebnn.frontend.algebra.evaluation import evaluate
from edgebnn.frontend.algebra.exact_numbers import fractions_of
from edgebnn.frontend.algebra.expression import Expression, Leaf, with_leaf
from edgebnn.frontend.algebra.fused_multiply_add import Floats
from edgebnn.frontend.algebra.integer_sets import IntegerGrid, Integers
from edgebnn.frontend.algebra.monotonicity import directions
from edgebnn.frontend.onnx.graph import Array
from edgebnn.frontend.problems import Refusal
from edgebnn.frontend.thresholds.float32_evaluation import float32_bounds
from edgebnn.frontend.thresholds.step_search import Jumps
from edgebnn.frontend.thresholds.value_combinations import Values

Flags = npt.NDArray[np.bool_]
# What a channel reaches from low to high, both (W,), piece by piece; None at last where there may be more.
Near = Callable[[int, Integers, Integers], Iterator[Values | None]]

# A share of one unit of an accumulator that float64 still adds to the largest without rounding.
_NEXT_TO_NOTHING = 2.0**-20
_MOST_DOUBLINGS = 40
# Once float32 may answer otherwise, how much more is looked at for a value where it surely does.
_MORE_PIECES, _MORE_VALUES = 4, 2**13
# Units in the last place: ends as far apart are those of a layer's sum, and not of the ways to add and multiply.
_WELL_BETWEEN = 4
_APART = 2**34  # more than integers of two channels can be apart


@dataclass(frozen=True, eq=False)
class Doubt:
    """Channels (C,) that are `ambiguous`, and those of them where float32 is known to answer otherwise (`tied`).

    `band` (C,) is how far float32 takes a channel's sums at most, in the model's units, and `share` (C,) about which
    part of the integers that it can hold lies so near to a step; both are 0 where it is not ambiguous.
    """

    ambiguous: Flags
    tied: Flags
    band: Floats
    share: Floats


def ambiguous_channels(
    function: Sums, leaf: Leaf, grid: IntegerGrid, jumps: Jumps, level: float, near: Near | None
) -> Doubt:
    """Where float32 may answer otherwise than exact arithmetic.

    Moved by the error bound of its float32 sum, or evaluated in float32 after that sum, a reachable accumulator beside
    a step must stay on its side. Values half a `level` apart are different ones. Where the accumulator is made of
    others, of which the model's own float32 is known, that decides for each combination.
    """
    ambiguous, tied = np.zeros((2, grid.channels), np.bool_)
    if not np.any(leaf.error > 0) and not is_approximate(function.expression):
        return _doubt(leaf, grid, ambiguous, tied, np.zeros(0, np.int64))
    step = _Step(function, leaf, grid, level)
    channel, points = _on_grid(grid, jumps)
    turned = step.turned(channel, points)
    channel, points = channel[turned], points[turned]
    ambiguous[channel] = True
    if near is None:
        tied[channel[step.tied(channel, points)]] = True
        return _doubt(leaf, grid, ambiguous, tied, channel)
    step = _Step(replace(function, effort=function.effort.beside), leaf, grid, level)
    try:
        windows = _windows(step, jumps, channel, points)
        for suspect in np.unique(channel).tolist():
            own = windows[0] == suspect
            pieces = near(suspect, windows[1][own], windows[2][own])
            ambiguous[suspect], tied[suspect] = _of_reached(step, suspect, pieces)
    except Refusal:  # too many evaluations: the channels that are left stay ambiguous, and none surely
        pass
    return _doubt(leaf, grid, ambiguous, tied, channel)


def _doubt(leaf: Leaf, grid: IntegerGrid, ambiguous: Flags, tied: Flags, turned: Integers) -> Doubt:
    """`turned` (P,) are the channels of the integers beside a step that float32 may take to its other side.

    Each stands for those behind it that lie as near.
    """
    beside = np.bincount(turned, minlength=grid.channels)
    unit = np.abs(leaf.scale.astype(np.float64)) * grid.period / grid.residues.shape[1]
    each = np.maximum(1.0, np.divide(leaf.error, unit, out=np.zeros(grid.channels), where=unit > 0))
    every = np.maximum(1.0, (grid.high - grid.low) / grid.period * grid.residues.shape[1])
    share = np.minimum(1.0, beside * each / every)
    return Doubt(ambiguous, tied, np.where(ambiguous, leaf.error, 0.0), np.where(ambiguous, share, 0.0))


def _of_reached(step: _Step, channel: int, pieces: Iterator[Values | None]) -> tuple[bool, bool]:
    """Whether float32 may answer otherwise at any of the values, and whether it surely does at one."""
    ambiguous, pieces_more, values_more = False, _MORE_PIECES, _MORE_VALUES
    for values in pieces:
        if values is None:
            return True, False
        may, does, undecided = step.otherwise(channel, values)
        ambiguous |= bool(may.any())
        if does.any():
            return True, True
        if ambiguous:
            if undecided:
                break
            pieces_more, values_more = pieces_more - 1, values_more - len(values.integers)
            if pieces_more < 0 or values_more < 0:
                break
    return ambiguous, False


def _windows(step: _Step, jumps: Jumps, turned: Integers, points: Integers) -> tuple[Integers, Integers, Integers]:
    """(channel, lowest, highest integer), all (W,): around a jump all that float32 may take to its other side.

    Around those jumps, and ends of the range, that are next to points in channels `turned`, both (P,), which it may.
    """
    grid, suspects = step.grid, np.unique(turned)
    mine = np.isin(jumps.channel, suspects)
    channel = np.concatenate([suspects, jumps.channel[mine], suspects])
    at = np.concatenate([grid.low[suspects], jumps.at[mine], grid.high[suspects] + 1])
    order = np.lexsort((at, channel))
    channel, at = channel[order], at[order]
    same = channel[1:] == channel[:-1]
    # What lies beyond a neighbouring jump belongs to that one.
    before = np.where(np.append(False, same), np.append(at[:1], at[:-1]), at)
    behind = np.where(np.append(same, False), np.append(at[1:], at[-1:]), at) - 1
    scale = np.abs(step.leaf.rounded[0][channel])
    error = step.leaf.error[channel] / np.where(scale > 0, scale, 1.0)
    # The function itself steps somewhere between `at` and what is reached before it, of which this holds both.
    width = np.maximum(np.ceil(np.minimum(error, 2.0**31)).astype(np.int64) + 1, grid.period[channel])
    for _ in range(_MOST_DOUBLINGS):
        low, high = np.maximum(at - width, before), np.minimum(at + width - 1, behind)
        wider = np.zeros(len(at), np.bool_)
        for beyond, inside in ((low - 1, low > before), (high + 1, high < behind)):
            wider[inside] |= step.turned(channel[inside], beyond[inside])
        if not wider.any():
            break
        width = np.where(wider, 2 * width, width)
    places, apart = np.sort(turned * _APART + points), channel * _APART
    held = np.searchsorted(places, apart + high, side="right") > np.searchsorted(places, apart + low)
    return channel[held], low[held], high[held]


def _on_grid(grid: IntegerGrid, jumps: Jumps) -> tuple[Integers, Integers]:
    """(channel, integer), both (P,), on both sides of every jump and at the ends of the range."""
    every = np.arange(grid.channels)
    after = grid.reached(jumps.channel, jumps.at)
    before = after - grid.period[jumps.channel, np.newaxis]
    sides = np.repeat(jumps.channel, after.shape[1])
    channel = np.concatenate([sides, sides, every, every])
    points = np.concatenate([after.reshape(-1), before.reshape(-1), grid.low, grid.high])
    inside = (points >= grid.low[channel]) & (points <= grid.high[channel])
    points_of = np.unique(np.stack([channel[inside], points[inside]]), axis=1)
    return points_of[0], points_of[1]


@dataclass(frozen=True, eq=False)
class _Step:
    """The model's chain of operators behind sums, and what float32 may make of it."""

    function: Sums
    leaf: Leaf
    grid: IntegerGrid
    level: float

    def turned(self, channel: Integers, points: Integers) -> Flags:
        """Which of the points (P,) float32 may answer otherwise, by the bound of its error."""
        nominal = self.function.at(channel, points)
        others = [self._float32(channel, points, sign) for sign in (0, -1, 1)]
        others += [extreme.at(channel, points) for extreme in self._extremes]
        turned: Flags = np.any([self._apart(other, nominal) for other in others], axis=0)
        return turned

    def tied(self, channel: Integers, points: Integers) -> Flags:
        """Which of the points (P,) lie at a step itself, so that any rounding decides: next to nothing moves them."""
        exact = replace(self.function, rounded=True)
        nominal = exact.at(channel, points)
        nudged = [exact.at(channel, points + nudge) for nudge in (-_NEXT_TO_NOTHING, _NEXT_TO_NOTHING)]
        tied: Flags = np.any([self._apart(other, nominal) for other in nudged], axis=0)
        return tied

    def otherwise(self, channel: int, values: Values) -> tuple[Flags, Flags, bool]:
        """Which of the values (P,) of a channel float32 may answer otherwise, and which of them it surely does.

        The last is whether at all of them the model's own sum is so uncertain that it may answer as exact arithmetic.
        """
        grid, points = self.grid, values.integers
        values = values.at(np.flatnonzero((points >= grid.low[channel]) & (points <= grid.high[channel])))
        channels = np.full(len(values.integers), channel)
        ends = self._model(channel, values)
        if ends is None:
            may = self.turned(channels, values.integers)
            does = may.copy()
            does[may] = self.tied(channels[may], values.integers[may])
            return may, does, False
        nominal = self.function.at(channels, values.integers)
        low, high = (self._apart(end, nominal) for end in ends)
        return low | high, low & high, self._undecided(channel, values)

    def _model(self, channel: int, values: Values) -> tuple[Floats, Floats] | None:
        """The model's own results; None where they are not known."""
        if (values.model is None and not self.leaf.nearest) or self._nearly:
            return None
        low, high = float32_bounds(self.function.expression, self.leaf, channel, values)
        return None if self._directions[channel] == UNKNOWN and np.any(low != high) else (low, high)

    def _undecided(self, channel: int, values: Values) -> bool:
        """Whether the exact sum lies well between the ends of the model's own, at each of the values."""
        if values.model is None or not len(values.integers):
            return False
        scale, offset = self.leaf.rounded
        exact = scale[channel] * values.integers + offset[channel]
        apart = _WELL_BETWEEN * np.spacing(np.abs(exact).astype(np.float32))
        low, high = values.model
        return bool(np.all((low + apart < exact) & (exact < high - apart)))

    def _apart(self, one: Array, other: Array) -> Flags:
        apart: Flags = ~(np.abs(one - other) < self.level / 2)
        return apart

    @cached_property
    def _nearly(self) -> bool:
        return is_approximate(self.function.expression)

    @cached_property
    def _directions(self) -> npt.NDArray[np.int8]:
        return directions(self.function.expression, self.grid.channels, *self.grid.ends)

    def _float32(self, channel: Integers, points: Integers, sign: int) -> Array:
        """What the model's operators make of sums that lie above or below the exact ones by the bound of their error.

        Each operator rounds once and so keeps order: what float32 makes of any sum in between lies between the two.
        """
        scale, offset = self.leaf.rounded
        error = self.leaf.error[channel]
        exact = scale[channel] * points + offset[channel]
        sums = (exact + sign * error).astype(np.float32)
        if sign:
            sums = np.where(error > 0, np.nextafter(sums, np.float32(sign * np.inf)), sums)
        known: dict[Expression, Array] = {self.leaf: sums}
        function = self.function
        with np.errstate(all="ignore"):
            return evaluate(function.expression, channel, points, False, known, function.effort).astype(np.float64)

    @cached_property
    def _extremes(self) -> list[Sums]:
        """The function on such sums, which exact arithmetic decides where there are two of them.

        What is only nearly known behind the sums is as far up and down as the model's own may be.
        """
        ways: tuple[Expression, ...] = (self.function.expression,)
        if self._nearly:
            ways = tuple(moved(self.function.expression, sign) for sign in (1, -1))
        errors = fractions_of(self.leaf.error)
        leaves = [replace(self.leaf, offset=self.leaf.offset + sign * errors) for sign in (-1, 1)]
        rounded = bool(self.leaf.error.any()) or self.function.rounded
        function = replace(self.function, rounded=rounded)
        return [function.of(with_leaf(way, other)) for way in ways for other in (leaves if rounded else leaves[:1])]
