"""Which integers a channel of a tensor reaches, of which integers before it, and what the model's float32 has there.

A residual sum of two branches of a hundred values each has ten thousand combinations among millions of integers. Which
of them lie near a step is found branch by branch. What is known of each branch alone is taken to be free of the
others, so that nothing that can occur is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.algebra.fused_multiply_add import Floats, rounded_sum

Integers = npt.NDArray[np.int64]

# Windows that are looked at together: few at first, as one that holds something may be enough.
_FIRST_TOGETHER, _MOST_TOGETHER = 2**13, 2**18
_NOWHERE = 2**62
_APART = 2**40  # more than integers of two channels can be apart


@dataclass(frozen=True, eq=False)
class Values:
    """Integers (P,), in rising order where they are a branch of something, and the model's own numbers there.

    These lie from `low` to `high`, both (P,): apart where the model's sum has no one float32 value. Both are None where
    no more is known of them than what the integers are worth.
    """

    integers: Integers
    low: Floats | None = None
    high: Floats | None = None

    @property
    def model(self) -> tuple[Floats, Floats] | None:
        """`low` and `high`."""
        return None if self.low is None or self.high is None else (self.low, self.high)

    def at(self, places: Integers) -> Values:
        """Some of them."""
        picked = (part if part is None else part[places] for part in (self.low, self.high))
        return Values(self.integers[places], *picked)

    def sorted(self) -> Values:
        """The same in rising order, each once."""
        return self.at(_rising(self, self.integers))


@dataclass(frozen=True, eq=False)
class Spaced:
    """So many integers that lie `stride` apart: too many to be kept one by one."""

    start: int
    stride: int
    count: int

    def within(self, low: Integers, high: Integers) -> tuple[Values, Integers]:
        """Those from low to high, both (W,), and the window (P,) that each lies in."""
        first = np.maximum(-((self.start - low) // self.stride), 0)
        last = np.minimum((high - self.start) // self.stride, self.count - 1)
        window, places = _spread(first, np.maximum(last - first + 1, 0))
        return Values(self.start + self.stride * places), window


@dataclass(frozen=True, eq=False)
class Added:
    """A sum of one of `few` values and one of `many`; float32 adds what the model has of both."""

    few: Values
    many: Combinations


# What the model's own numbers are at values (P,) of a tensor, of one channel or of a channel (P,) each; None where that
# is not known.
Model = Callable[[int | Integers, Values], tuple[Floats, Floats] | None]


@dataclass(frozen=True, eq=False)
class Lined:
    """(multiplier * n + offset) >> shift of the integers n of `source`, segment by segment as in `Affine`.

    They lie from `ends[0]` to `ends[1]`; `model` gives the model's own numbers of the channel for Values of the source.
    """

    channel: int
    source: Combinations
    multiplier: Integers
    offset: Integers
    knees: Integers
    shift: int
    ends: tuple[int, int]
    model: Model

    def of(self, values: Values) -> Values:
        """What it makes of values of the source."""
        segment = np.searchsorted(self.knees, values.integers, side="right")
        integers = (self.multiplier[segment] * values.integers + self.offset[segment]) >> self.shift
        return Values(integers, *(self.model(self.channel, values) or ()))


Combinations = Values | Spaced | Added | Lined


def values_of(lines: Sequence[Lined]) -> list[Values]:
    """What lines of one tensor's channels make of their sources, which are Values of one kind; in rising order.

    All at once: of a channel alone there are too few to be worth NumPy's while.
    """
    sources = [line.source for line in lines if isinstance(line.source, Values)]
    which = np.repeat(np.arange(len(lines)), [len(source.integers) for source in sources])
    integers = np.concatenate([source.integers for source in sources])
    ends = [source.model for source in sources if source.model is not None]
    of_all = Values(integers, *(np.concatenate(end) for end in zip(*ends, strict=True)))
    knees, multiplier, offset = (
        np.stack([getattr(line, name) for line in lines]) for name in ("knees", "multiplier", "offset")
    )
    segment = np.zeros(len(integers), np.int64)
    for knee in knees.T:
        segment += knee[which] <= integers
    made = (multiplier[which, segment] * integers + offset[which, segment]) >> lines[0].shift
    model = lines[0].model(np.array([line.channel for line in lines])[which], of_all)
    if model is None and len(lines) > 1:  # of some channel not known
        return [values for line in lines for values in values_of([line])]
    made_of_all = Values(made, *(model or ()))
    order = _rising(made_of_all, which * _APART + made)
    made_of_all = made_of_all.at(order)
    first = np.searchsorted(which[order], np.arange(1, len(lines)))
    parts = [made_of_all.integers, *(made_of_all.model or ())]
    return [Values(*columns) for columns in zip(*(np.split(part, first) for part in parts), strict=True)]


def _rising(values: Values, keys: Integers) -> Integers:
    """The places of values in the order of their keys (P,), each once; integers of equal keys are the same."""
    rises = np.diff(keys)
    if np.all(rises > 0):
        return np.arange(len(keys))
    columns = (keys, *(values.model or ()))
    if np.any(rises < 0) or len(columns) > 1:
        order = np.lexsort(columns[::-1])
        columns = tuple(column[order] for column in columns)
    else:
        order = np.arange(len(keys))
    again = np.all([np.diff(column) == 0 for column in columns], axis=0)
    kept: Integers = order[np.append(True, ~again)]
    return kept


def within(found: Combinations, low: Integers, high: Integers) -> Iterator[tuple[Values, Integers, int]]:
    """All combinations whose integer lies from low to high, both (W,), ends included; piece by piece.

    Of each piece the values, the window (P,) that each lies in, and how many places were looked at for it. Values in
    the middle of a branch come first.
    """
    match found:
        case Values():
            first = np.searchsorted(found.integers, low)
            held = np.flatnonzero(np.append(found.integers, _NOWHERE)[first] <= high)  # of many windows a few
            end = np.searchsorted(found.integers, high[held], side="right")
            window, places = _spread(first[held], end - first[held])
            yield found.at(places), held[window], len(low)
        case Spaced():
            values, window = found.within(low, high)
            yield values, window, len(low) + len(window)
        case Added():
            yield from _within_sum(found, low, high)
        case Lined():
            yield from _within_lines(found, low, high)


def _within_sum(found: Added, low: Integers, high: Integers) -> Iterator[tuple[Values, Integers, int]]:
    count = len(found.few.integers)
    order = np.argsort(np.abs(np.arange(count) - count // 2), kind="stable")
    begin, together = 0, _FIRST_TOGETHER
    while begin < count:
        few = found.few.at(order[begin : begin + max(1, together // max(len(low), 1))])
        begin, together = begin + len(few.integers), min(4 * together, _MOST_TOGETHER)
        lows, highs = (np.subtract.outer(end, few.integers).reshape(-1) for end in (low, high))
        for values, window, work in within(found.many, lows, highs):
            one = few.at(window % len(few.integers))
            yield added(one, values), window // len(few.integers), work


def _within_lines(found: Lined, low: Integers, high: Integers) -> Iterator[tuple[Values, Integers, int]]:
    """Each segment by itself, since it only rises or only falls."""
    least = np.clip(low, found.ends[0], found.ends[1] + 1) << found.shift
    most = ((np.clip(high, found.ends[0] - 1, found.ends[1]) + 1) << found.shift) - 1
    far = np.int64(2**40)
    starts, ends = np.array([-far, *found.knees]), np.array([*(found.knees - 1), far])
    for multiplier, offset, start, end in zip(found.multiplier, found.offset, starts, ends, strict=True):
        if multiplier == 0:
            holds = (least <= offset) & (offset <= most)
            begin, stop = np.where(holds, -far, far), np.where(holds, far, -far)
        else:
            first, last = (least, most) if multiplier > 0 else (most, least)
            begin, stop = -((offset - first) // multiplier), (last - offset) // multiplier
        for values, window, work in within(found.source, np.maximum(begin, start), np.minimum(stop, end)):
            yield found.of(values), window, work


def _spread(first: Integers, count: Integers) -> tuple[Integers, Integers]:
    """(window, place), both (P,), of so many places (W,) from the first (W,) on in each window."""
    window = np.repeat(np.arange(len(first)), count)
    return window, np.arange(len(window)) - np.repeat(np.cumsum(count) - count, count) + first[window]


def added(one: Values, other: Values) -> Values:
    """The sums, place by place; float32 adds, rounding once."""
    integers = one.integers + other.integers
    if one.model is None or other.model is None:
        return Values(integers)
    return Values(integers, *(rounded_sum(x, y) for x, y in zip(one.model, other.model, strict=True)))


def merged(found: Combinations, most: int) -> Values | None:
    """All of it as values; None where these are more than `most`."""
    match found:
        case Values():
            return found
        case Spaced():
            return Values(found.start + found.stride * np.arange(found.count)) if found.count <= most else None
        case Lined():
            values = merged(found.source, most)
            return None if values is None else found.of(values).sorted()
        case Added():
            many = merged(found.many, most)
            if many is None or len(found.few.integers) * len(many.integers) > most:
                return None
            few, other = np.divmod(np.arange(len(found.few.integers) * len(many.integers)), len(many.integers))
            return added(found.few.at(few), many.at(other)).sorted()
