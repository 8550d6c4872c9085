"""Where a function of one integer per channel changes, every place of it.

Where its operators show it to be monotone, bisection finds them: float32 operations round once and rounding keeps
order, so two equal values have only that value between them. What turns at places that can be told, such as SiLU, is
monotone between them, and what comes behind a quantiser changes where that does. Elsewhere the whole range is
evaluated.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.algebra.channel_function import ChannelFunction, sums_of
from edgebnn.frontend.algebra.directions import UNKNOWN
from edgebnn.frontend.algebra.exact_numbers import Effort
from edgebnn.frontend.algebra.expression import Expression, Leaf
from edgebnn.frontend.algebra.integer_sets import IntegerGrid, Integers
from edgebnn.frontend.algebra.monotonicity import directions, has_steps, staircase_within
from edgebnn.frontend.onnx.graph import Array
from edgebnn.frontend.problems import Refusal
from edgebnn.frontend.thresholds.turning_points import Turns, turns_of

# Points that are evaluated where bisection does not apply: in float32, and exactly, which is slower.
MAX_POINTS = 2**24
MAX_EXACT_POINTS = 2**17
MAX_LEVELS = 256
# Points that are evaluated at once: every operator's values are held meanwhile.
_BLOCK = 2**18


@dataclass(frozen=True, eq=False)
class Jumps:
    """Where the function changes: in `channel`, from `before` at the grid point left of `at` to `after` at `at`."""

    channel: Integers
    at: Integers
    before: Array
    after: Array


def all_jumps(function: ChannelFunction, grid: IntegerGrid) -> tuple[Jumps, Array, dict[float, Fraction]]:
    """The jumps, the values at the grid's start (C,), and what each value that occurs is exactly."""
    every = np.arange(grid.channels)
    first = function.at(every, grid.start)
    jumps = _jumps(function, grid)
    labels, where = np.unique(np.concatenate([first, jumps.after]), return_index=True)
    channel = np.concatenate([every, jumps.channel])[where]
    at = np.concatenate([grid.start, jumps.at])[where]
    values = dict(zip(labels.tolist(), function.exact(channel, at).tolist(), strict=True))
    jumps, first = _without_unreachable_zero(jumps, first, grid)
    occurring = np.unique(np.concatenate([first, jumps.after])).tolist()
    return jumps, first, {label: values[label] for label in occurring}


def observed_directions(expression: Expression, leaf: Leaf, grid: IntegerGrid, effort: Effort) -> npt.NDArray[np.int8]:
    """`directions`, with those channels looked at over their whole range whose operators do not show one.

    NotMonotone where a channel both rises and falls, Refusal where it is too wide to be looked at.
    """
    direction = directions(expression, grid.channels, *grid.ends).copy()
    others = np.flatnonzero(direction == UNKNOWN)
    if others.size:
        if not has_steps(expression):
            raise _turning(int(others[0]))
        jumps = _jumps(sums_of(expression, leaf, effort), grid)
        rises = np.asarray(jumps.after > jumps.before, dtype=np.bool_)
        rising = np.bincount(jumps.channel[rises], minlength=grid.channels) > 0
        falling = np.bincount(jumps.channel[~rises], minlength=grid.channels) > 0
        check_monotone(rising, falling)
        direction[others] = (rising.astype(np.int8) - falling.astype(np.int8))[others]
    return direction


def check_monotone(rising: npt.NDArray[np.bool_], falling: npt.NDArray[np.bool_]) -> None:
    """NotMonotone where a channel (C,) both rises and falls."""
    if np.any(rising & falling):
        raise _turning(int(np.flatnonzero(rising & falling)[0]))


class NotMonotone(Refusal):
    """A channel rises and falls where it must do one of them."""


def _turning(channel: int) -> NotMonotone:
    return NotMonotone(
        f"reads what rises and falls with the sum before it (channel {channel}), so that its largest value is not that "
        "of the largest sum",
        "put a sign or a quantiser before the pool",
    )


def _jumps(function: ChannelFunction, grid: IntegerGrid) -> Jumps:
    direction = directions(function.expression, grid.channels, *grid.ends)
    others = np.flatnonzero(direction == UNKNOWN)
    turns = turns_of(function, grid) if others.size else None
    scanned = others if turns is None else others[:0]
    bisected = np.setdiff1d(np.arange(grid.channels), scanned)
    found = [_bisected(function, grid, *_monotone_pieces(grid, bisected, turns))]
    if scanned.size:
        found.append(_of_levels(function, grid, scanned) or _scanned(function, grid, scanned))
    channel, at, before, after = (np.concatenate([getattr(jump, name) for jump in found]) for name in vars(found[0]))
    order = np.lexsort((at, channel))
    return Jumps(channel[order], at[order], before[order], after[order])


def _monotone_pieces(grid: IntegerGrid, channels: Integers, turns: Turns | None) -> tuple[Integers, Integers, Integers]:
    """Intervals between which nothing turns: their channels, and their first and last grid points, by index."""
    pieces: list[tuple[int, int, int]] = []
    for channel in channels.tolist():
        start, stride, last = (int(part[channel]) for part in (grid.start, grid.stride, grid.count - 1))
        places = set() if turns is None else {(turn - start) // stride for turn in turns[channel]}
        ends = sorted({0, last} | {place for each in places for place in (each, each + 1) if 0 < place < last})
        pieces += [(channel, first, end) for first, end in pairwise(ends)]
    channel, first, end = np.array(pieces, np.int64).reshape(-1, 3).T
    return channel, first, end


def _bisected(function: ChannelFunction, grid: IntegerGrid, channels: Integers, low: Integers, high: Integers) -> Jumps:
    """The jumps in monotone intervals: those with different ends are halved until they are one step wide."""
    start, stride = grid.start, grid.stride
    before, after = (function.at(channels, start[channels] + stride[channels] * end) for end in (low, high))
    done: list[Jumps] = []
    found = np.zeros(grid.channels, np.int64)
    turning = bool(np.any(np.bincount(channels) > 1))
    most = 2 * MAX_LEVELS if turning else MAX_LEVELS
    while True:
        differs = np.asarray(before != after, dtype=np.bool_)
        channels, low, high, before, after = (part[differs] for part in (channels, low, high, before, after))
        single = high - low == 1
        at = start[channels] + stride[channels] * high
        done.append(Jumps(channels[single], at[single], before[single], after[single]))
        wide = ~single
        channels, low, high, before, after = (part[wide] for part in (channels, low, high, before, after))
        if not channels.size:
            break
        # Every interval that is left holds a jump at least.
        found += np.bincount(done[-1].channel, minlength=grid.channels)
        if np.max(found + np.bincount(channels, minlength=grid.channels)) > most:
            raise _too_many_levels()
        middle = (low + high) // 2
        between = function.at(channels, start[channels] + stride[channels] * middle)
        channels = np.concatenate([channels, channels])
        low, high = np.concatenate([low, middle]), np.concatenate([middle, high])
        before, after = np.concatenate([before, between]), np.concatenate([between, after])
    return Jumps(*(np.concatenate([getattr(part, name) for part in done]) for name in vars(done[0])))


def _of_levels(function: ChannelFunction, grid: IntegerGrid, channels: Integers) -> Jumps | None:
    """The jumps of channels that depend on their integer through the levels of steps alone: some of those steps.

    None where they do not. So any function of a quantiser's levels can be found.
    """
    within = staircase_within(function.expression, grid.channels, *grid.ends)
    if within is None:
        return None
    steps = _bisected(function.of(within), grid, *_monotone_pieces(grid, channels, None))
    before = function.at(steps.channel, steps.at - grid.stride[steps.channel])
    after = function.at(steps.channel, steps.at)
    kept = np.asarray(before != after, dtype=np.bool_)
    return Jumps(steps.channel[kept], steps.at[kept], before[kept], after[kept])


def _scanned(function: ChannelFunction, grid: IntegerGrid, channels: Integers) -> Jumps:
    """The jumps of channels whose operators do not show a direction: every point is evaluated."""
    points = int(grid.count[channels].sum())
    if points > (MAX_EXACT_POINTS if function.exactly else MAX_POINTS):
        raise Refusal(
            "cannot be shown to rise and fall at a few places alone of the sum before it",
            "use a plain sign or quantiser",
        )
    done = []
    for channel in channels:
        numbers = grid.start[channel] + grid.stride[channel] * np.arange(grid.count[channel])
        blocks = np.array_split(numbers, len(numbers) // _BLOCK + 1)
        values = np.concatenate([function.at(np.full(len(block), channel), block) for block in blocks])
        changes = np.flatnonzero(np.asarray(values[1:] != values[:-1], dtype=np.bool_))
        if len(changes) > 2 * MAX_LEVELS:
            raise _too_many_levels()
        done.append(Jumps(np.full(len(changes), channel), numbers[changes + 1], values[changes], values[changes + 1]))
    return Jumps(*(np.concatenate([getattr(part, name) for part in done]) for name in vars(done[0])))


def _too_many_levels() -> Refusal:
    return Refusal(f"takes more than {MAX_LEVELS} different values", "end the activation in a sign")


def _reaches(grid: IntegerGrid, channels: Integers, first: Integers, last: Integers) -> npt.NDArray[np.bool_]:
    """Whether channels (P,) can reach an integer from first to last, both (P,)."""
    low, high = np.maximum(first, grid.low[channels]), np.minimum(last, grid.high[channels])
    return np.asarray(np.any(grid.reached(channels, low) <= high[:, np.newaxis], axis=1), dtype=np.bool_)


def _without_unreachable_zero(jumps: Jumps, first: Array, grid: IntegerGrid) -> tuple[Jumps, Array]:
    """The jumps without the zeros of a sign, where in no channel the accumulator can take a value that gives zero.

    The grid is wider than what the weights as they are can reach; a zero that only broken weights would reach must
    not make trits of bits. Such a zero is joined to the level above it.
    """
    levels = np.unique(np.concatenate([first, jumps.after]))
    if len(levels) != 3 or levels[1] != 0 or levels[0] != -levels[2]:
        return jumps, first
    top = levels[2]
    last = grid.start + grid.stride * (grid.count - 1)
    following = np.zeros(len(jumps.channel), np.bool_)
    following[:-1] = jumps.channel[1:] == jumps.channel[:-1]
    end = last[jumps.channel].copy()
    end[following] = (jumps.at - grid.stride[jumps.channel])[1:][following[:-1]]
    zero = np.asarray(jumps.after == 0, dtype=np.bool_)
    reached = zero & _reaches(grid, jumps.channel, jumps.at, end)
    initial = np.asarray(first == 0, dtype=np.bool_)
    first_end = last.copy()
    jumping, leftmost = np.unique(jumps.channel, return_index=True)
    first_end[jumping] = jumps.at[leftmost] - grid.stride[jumping]
    reached_first = initial & _reaches(grid, np.arange(grid.channels), grid.start, first_end)
    if reached.any() or reached_first.any():
        return jumps, first
    before = np.where(np.asarray(jumps.before == 0, dtype=np.bool_), top, jumps.before)
    after = np.where(zero, top, jumps.after)
    kept = np.asarray(before != after, dtype=np.bool_)
    joined = Jumps(jumps.channel[kept], jumps.at[kept], before[kept], after[kept])
    return joined, np.where(initial, top, first)
