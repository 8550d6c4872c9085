"""The SRAM plan: what is needed at different times shares the same bytes.

The fewest bytes are looked for exactly. A first guess, the largest first, is most often as small as what is needed at
the busiest stage, and nothing can be smaller. Otherwise stays are placed one above another in the order of their
offsets, in every order that can still beat the best plan so far: some optimal plan is among them, since in an optimal
plan every stay may sink onto those below it. That is exponential in the worst case, so it ends after a fixed number
of steps, with the best plan until then, and is left out for very many stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

MOST_STEPS = 20_000
# A step takes time for each of them, and the search is as many calls deep.
MOST_STAYS = 160


class Stay(NamedTuple):
    """Bytes in the work area that are needed from the stage `first` to the stage `last`."""

    bytes: int
    first: int
    last: int

    def meets(self, other: Stay) -> bool:
        """Whether both are needed at some stage."""
        return self.first <= other.last and other.first <= self.last


Offsets = tuple[int, ...]


def plan_arena(stays: Sequence[Stay]) -> Offsets:
    """An offset in bytes for each stay, such that none that meet overlap."""
    first = _largest_first(stays)
    if arena_bytes(stays, first) == least_bytes(stays) or len(stays) > MOST_STAYS:
        return first
    search = _Search(stays, first)
    search.improve()
    return search.best


def least_bytes(stays: Sequence[Stay]) -> int:
    """What is needed at the busiest stage: no plan is smaller."""
    return max((sum(stays[index].bytes for index in alive) for alive in _alive(stays)), default=0)


def arena_bytes(stays: Sequence[Stay], offsets: Offsets) -> int:
    """The end of the highest stay."""
    return max((offset + stay.bytes for stay, offset in zip(stays, offsets, strict=True)), default=0)


def _alive(stays: Sequence[Stay]) -> list[list[int]]:
    """The sets of stays that are needed at once: those at each stage where one begins."""
    stages = sorted({stay.first for stay in stays})
    return [[index for index, stay in enumerate(stays) if stay.first <= stage <= stay.last] for stage in stages]


def _largest_first(stays: Sequence[Stay]) -> Offsets:
    """Largest first, each at the lowest offset where it meets none that is needed at the same time."""
    offsets: dict[int, int] = {}
    for index in sorted(range(len(stays)), key=lambda index: (-stays[index].bytes, stays[index].first, index)):
        offset, stay = 0, stays[index]
        for other in sorted(offsets, key=lambda other: offsets[other]):
            below = offsets[other] + stays[other].bytes
            if stay.meets(stays[other]) and offset < below and offsets[other] < offset + stay.bytes:
                offset = below
        offsets[index] = offset
    return tuple(offsets[index] for index in range(len(stays)))


class _Search:
    """Branch and bound from a first plan; `best` is the smallest one found."""

    def __init__(self, stays: Sequence[Stay], first: Offsets) -> None:
        self.best = first
        self._stays = stays
        self._steps = 0
        self._least = least_bytes(stays)
        self._bytes = arena_bytes(stays, first)
        alive = _alive(stays)
        self._among = [[place for place, these in enumerate(alive) if index in these] for index in range(len(stays))]
        self._meeting = [
            [other for other in range(len(stays)) if other != index and stay.meets(stays[other])]
            for index, stay in enumerate(stays)
        ]
        # Stage by stage: how high those reach that are placed, and how many bytes are left to place.
        self._heights = [0] * len(alive)
        self._left = [sum(stays[index].bytes for index in these) for these in alive]
        self._offsets: dict[int, int] = {}

    def improve(self) -> None:
        """Looks on until nothing smaller is possible, or the steps are used up."""
        self._place(0)

    def _place(self, floor: int) -> None:
        """Goes on from those that are placed, none above `floor`."""
        if len(self._offsets) == len(self._stays):
            found = max(self._heights, default=0)
            if found < self._bytes:
                self.best, self._bytes = tuple(self._offsets[index] for index in range(len(self._stays))), found
            return
        for index, offset in list(self._next(floor)):
            if self._bytes == self._least or self._steps >= MOST_STEPS:
                return
            self._steps += 1
            stages, size = self._among[index], self._stays[index].bytes
            before = [self._heights[stage] for stage in stages]
            for stage in stages:
                self._heights[stage] = offset + size
                self._left[stage] -= size
            self._offsets[index] = offset
            if self._can_win(offset):
                self._place(offset)
            del self._offsets[index]
            for stage, height in zip(stages, before, strict=True):
                self._heights[stage] = height
                self._left[stage] += size

    def _next(self, floor: int) -> Iterator[tuple[int, int]]:
        """Those that may come next, each on top of those that it meets, the lowest and largest first.

        None that leaves room below it for one that it meets: that one might as well come before it.
        """
        left = [index for index in range(len(self._stays)) if index not in self._offsets]
        resting = {index: max(self._heights[stage] for stage in self._among[index]) for index in left}
        ends = {index: max(floor, offset) + self._stays[index].bytes for index, offset in resting.items()}
        for index in sorted(left, key=lambda index: (resting[index], -self._stays[index].bytes, index)):
            offset = resting[index]
            if offset >= floor and all(ends.get(other, offset + 1) > offset for other in self._meeting[index]):
                yield index, offset

    def _can_win(self, floor: int) -> bool:
        """Whether what is left could still end below the best plan, stage by stage, were it stacked without gaps."""
        return all(
            height < self._bytes and (not more or max(height, floor) + more < self._bytes)
            for height, more in zip(self._heights, self._left, strict=True)
        )
