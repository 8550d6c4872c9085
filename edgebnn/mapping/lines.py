"""Steps that lie on a line: for each channel a fixed-point line that, with a few exceptions, counts as its table does.

A table of 255 thresholds takes 1,020 bytes a channel, the line through them 13. A model that rounds in float32 moves
some of its thresholds by one from any line; these are listed as exceptions. What is taken gives the very count of the
table at every integer of the source's range, so nobody can tell which of the two ran.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# multiplier * y + offset stays inside int64 for every int32 y, and the last step's level below the offset's bound.
_LARGEST_OFFSET = 1 << 61
_LARGEST_SHIFT = 52
_MULTIPLIER_BITS = 31
_MOST_EXCEPTIONS = 2**16 - 1  # of a layer: the runtime's indices are 16 bits wide

# Halvings of the slopes that are possible. The first bracket is as wide as a few units of y, and a slope that fits is
# rarely nearer to one that does not than a thousandth of that; only where few thresholds are in range it is wider.
_ROUNDS = 48


@dataclass(frozen=True, eq=False)
class Lines:
    """count = (multiplier * y + offset) >> shift, between 0 and the number of steps; an entry a channel.

    `exceptions` holds, for each threshold k that the line passes one too early (2 k + 1) or one too late (2 k), an
    entry; those of channel c are at `first[c]` to `first[c + 1]`. Both are empty where no channel has an exception.
    """

    multiplier: npt.NDArray[np.int32]
    offset: npt.NDArray[np.int64]
    shift: npt.NDArray[np.uint8]
    first: npt.NDArray[np.uint16]
    exceptions: npt.NDArray[np.uint16]


@dataclass(frozen=True, eq=False)
class _Bounds:
    """What a line has to keep to: at least `level` at `reached`, less than it at `missed`; all (C, K).

    Where a threshold lies outside the range, one of the two says nothing: `must_reach` and `must_miss` tell.
    """

    level: Integers
    reached: Integers
    missed: Integers
    must_reach: Flags
    must_miss: Flags

    def of(self, channels: npt.NDArray[np.intp]) -> _Bounds:
        """The same for some of the channels."""
        return _Bounds(*(part[channels] for part in vars(self).values()))


def fit_lines(thresholds: npt.NDArray[np.int32], low: Integers, high: Integers) -> Lines | None:
    """A line for every channel, or None where one has none or the table takes no more bytes.

    `thresholds` (C, K) ascend, the count is how many of them are <= y; `low` and `high` (C,) bound y.
    """
    bounds = _bounds(thresholds.astype(np.int64), low[:, np.newaxis], high[:, np.newaxis])
    multiplier, offset, shift = _closest_lines(bounds)
    if np.any(np.abs(offset) >= _LARGEST_OFFSET) or not _in_int32(multiplier, offset, shift, low, high):
        return None
    listed = _exceptions(bounds, multiplier, offset, shift)
    if listed is None:
        return None
    first, exceptions = listed
    lines = Lines(multiplier.astype(np.int32), offset, shift.astype(np.uint8), first, exceptions)
    return lines if sum(part.nbytes for part in vars(lines).values()) < 4 * thresholds.size else None


def _bounds(thresholds: Integers, low: Integers, high: Integers) -> _Bounds:
    level = np.broadcast_to(np.arange(1, thresholds.shape[1] + 1), thresholds.shape)
    reached, missed = np.maximum(thresholds, low), np.minimum(thresholds - 1, high)
    return _Bounds(level, reached, missed, thresholds <= high, thresholds > low)


def _closest_lines(bounds: _Bounds) -> tuple[Integers, Integers, Integers]:
    """(multiplier, offset, shift) of a line that keeps to all bounds, or misses them by as little as possible.

    By how much a slope misses its bounds, with the best offset, is a convex function of the slope.
    """
    channels = len(bounds.level)
    # Where the count is the same over the whole range, the line is that number.
    multiplier, shift = np.zeros(channels, np.int64), np.zeros(channels, np.int64)
    offset = bounds.must_reach.sum(axis=1)
    left = np.flatnonzero((bounds.must_reach & bounds.must_miss).any(axis=1))
    smallest, largest = _first_slopes(bounds.of(left))
    best = np.full(channels, np.inf)
    for _ in range(_ROUNDS):
        if not len(left):
            break
        # What spans more than a factor of four is halved in its logarithm.
        slope = np.where(largest > 4 * smallest, np.sqrt(smallest * largest), (smallest + largest) / 2)
        m, s = _fixed_point(slope)
        o, missed_by, way = _tried(bounds.of(left), m, s)
        better = missed_by < best[left]
        improved = left[better]
        best[improved] = missed_by[better]
        multiplier[improved], offset[improved], shift[improved] = m[better], o[better], s[better]
        smallest, largest = np.where(way > 0, slope, smallest), np.where(way < 0, slope, largest)
        open_ = (missed_by > 0) & (way != 0)
        left, smallest, largest = left[open_], smallest[open_], largest[open_]
    return multiplier, offset, shift


def _first_slopes(bounds: _Bounds) -> tuple[Reals, Reals]:
    """Between which slopes a line lies that misses the first and the last threshold in range by two at most."""
    inside = bounds.must_reach & bounds.must_miss
    rows = np.arange(len(inside))
    first = inside.argmax(axis=1)
    last = inside.shape[1] - 1 - inside[:, ::-1].argmax(axis=1)
    climb = (last - first).astype(np.float64)
    distance = (bounds.reached[rows, last] - bounds.reached[rows, first]).astype(np.float64)
    known = (climb > 0) & (distance > 4)
    smallest = np.where(known, climb / (distance + 4), 2.0**-40)
    largest = np.where(known, climb / np.where(known, distance - 4, 1), inside.shape[1] + 1.0)
    return smallest, largest


def _fixed_point(slope: Reals) -> tuple[Integers, Integers]:
    """(multiplier, shift) with as many bits as there are."""
    _, exponent = np.frexp(slope)
    shift = np.clip(_MULTIPLIER_BITS - exponent.astype(np.int64), 0, _LARGEST_SHIFT)
    multiplier = np.rint(np.ldexp(slope, shift)).astype(np.int64)
    return np.clip(multiplier, 1, np.iinfo(np.int32).max), shift


def _tried(bounds: _Bounds, multiplier: Integers, shift: Integers) -> tuple[Integers, Reals, Integers]:
    """(offset, by how much the line misses its worst bound, in levels, 0 for none; whether to climb more or less)."""
    rows = np.arange(len(multiplier))
    m, level = multiplier[:, np.newaxis], bounds.level << shift[:, np.newaxis]
    far = np.int64(np.iinfo(np.int64).max // 4)
    at_least = np.where(bounds.must_reach, level - m * bounds.reached, -far)
    at_most = np.where(bounds.must_miss, level - 1 - m * bounds.missed, far)
    i, j = at_least.argmax(axis=1), at_most.argmin(axis=1)
    demanded, allowed = at_least[rows, i], at_most[rows, j]
    over = demanded // 2 - allowed // 2  # half of it, which int64 holds
    offset = np.where(demanded <= allowed, demanded, demanded - over)
    missed_by = np.where(demanded <= allowed, 0.0, np.ldexp(over.astype(np.float64) + 1, -shift))
    return offset, missed_by, np.sign(bounds.reached[rows, i] - bounds.missed[rows, j])


def _exceptions(
    bounds: _Bounds, multiplier: Integers, offset: Integers, shift: Integers
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint16]] | None:
    """(first, exceptions) as in `Lines`; None where a line is off by more than one, or climbs over levels."""
    level = bounds.level << shift[:, np.newaxis]
    flat = multiplier == 0
    m = np.where(flat, 1, multiplier)[:, np.newaxis]
    passed = -((offset[:, np.newaxis] - level) // m)  # the first y at which the line has reached the level
    late = np.where(bounds.must_reach & ~flat[:, np.newaxis], passed - bounds.reached, 0)
    early = np.where(bounds.must_miss & ~flat[:, np.newaxis], bounds.missed + 1 - passed, 0)
    wrong = (late > 0) | (early > 0)
    steep = (multiplier >= 1 << shift) & wrong.any(axis=1)
    if late.max() > 1 or early.max() > 1 or steep.any() or np.count_nonzero(wrong) > _MOST_EXCEPTIONS:
        return None
    if not wrong.any():
        return np.empty(0, np.uint16), np.empty(0, np.uint16)
    first = np.concatenate([[0], np.cumsum(wrong.sum(axis=1))])
    _, steps = np.nonzero(wrong)
    return first.astype(np.uint16), (2 * steps + (early[wrong] > 0)).astype(np.uint16)


def _in_int32(multiplier: Integers, offset: Integers, shift: Integers, low: Integers, high: Integers) -> bool:
    """Whether the lines stay inside int32 over their whole range, before they are cut off at 0 and the last step."""
    ends = [(multiplier * at + offset) >> shift for at in (low, high)]
    limits = np.iinfo(np.int32)
    return all(bool(np.all((limits.min <= end) & (end <= limits.max))) for end in ends)
