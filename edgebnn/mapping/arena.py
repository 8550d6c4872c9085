"""The SRAM plan: buffers that are alive at different times share the same bytes.

The fewest bytes are looked for exactly. A first guess, largest buffers first, is most often as small as what lives at
the busiest stage, and nothing can be smaller. Otherwise buffers are placed one above another in the order of their
offsets, in every order that can still beat the best plan so far: some optimal plan is among them, since in an optimal
plan every buffer may sink onto those below it. That is exponential in the worst case, so it ends after a fixed number
of steps, with the best plan until then, and is left out for very many buffers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from edgebnn.mapping.plan import Buffer

MOST_STEPS = 20_000
# A step takes time for each of them, and the search is as many calls deep.
MOST_BUFFERS = 80

Lives = Mapping[str, tuple[int, int]]
Offsets = dict[str, int]


def plan_arena(sizes: Mapping[str, int], lives: Lives) -> tuple[Buffer, ...]:
    """An offset for every tensor: `sizes` in bytes, `lives` the first and last stage at which it is needed."""
    search = _Search(sizes, lives, _largest_first(sizes, lives))
    if len(sizes) <= MOST_BUFFERS:
        search.improve()
    placed = [
        Buffer(tensor=name, offset=offset, bytes=sizes[name], first=lives[name][0], last=lives[name][1])
        for name, offset in search.best.items()
    ]
    return tuple(sorted(placed, key=lambda buffer: (buffer.first, buffer.offset)))


def least_bytes(sizes: Mapping[str, int], lives: Lives) -> int:
    """What lives at the busiest stage: no plan is smaller."""
    alive = ([name for name in sizes if _lives_at(lives[name], stage)] for stage in _stages(lives))
    return max((sum(sizes[name] for name in names) for names in alive), default=0)


def arena_bytes(sizes: Mapping[str, int], offsets: Offsets) -> int:
    """The end of the highest buffer."""
    return max((offset + sizes[name] for name, offset in offsets.items()), default=0)


def _largest_first(sizes: Mapping[str, int], lives: Lives) -> Offsets:
    """Largest first, each at the lowest offset where it meets no buffer that lives at the same time."""
    offsets: Offsets = {}
    for name in sorted(sizes, key=lambda name: (-sizes[name], lives[name], name)):
        offset = 0
        for other in sorted(offsets, key=lambda other: offsets[other]):
            above, below = offset + sizes[name], offsets[other] + sizes[other]
            if _meet(lives[name], lives[other]) and offset < below and offsets[other] < above:
                offset = below
        offsets[name] = offset
    return offsets


@dataclass
class _Search:
    """Branch and bound from a first plan; `best` is the smallest one found."""

    sizes: Mapping[str, int]
    lives: Lives
    best: Offsets
    steps: int = 0

    def improve(self) -> None:
        """Looks on until nothing smaller is possible, or the steps are used up."""
        self._stages = _stages(self.lives)
        self._least = least_bytes(self.sizes, self.lives)
        self._bytes = arena_bytes(self.sizes, self.best)
        self._among = {
            name: [stage for stage in self._stages if _lives_at(life, stage)] for name, life in self.lives.items()
        }
        self._meeting = {
            name: [other for other in self.sizes if other != name and _meet(life, self.lives[other])]
            for name, life in self.lives.items()
        }
        self._place({}, dict.fromkeys(self._stages, 0), 0)

    def _place(self, offsets: Offsets, heights: dict[int, int], floor: int) -> None:
        """Goes on from buffers at `offsets`, none above `floor`, that reach up to `heights` at each stage."""
        if len(offsets) == len(self.sizes):
            found = max(heights.values(), default=0)
            if found < self._bytes:
                self.best, self._bytes = dict(offsets), found
            return
        for name, offset in self._next(offsets, heights, floor):
            if self._bytes == self._least or self.steps >= MOST_STEPS:
                return
            self.steps += 1
            higher = heights | dict.fromkeys(self._among[name], offset + self.sizes[name])
            if self._can_win({**offsets, name: offset}, higher, offset):
                self._place({**offsets, name: offset}, higher, offset)

    def _next(self, offsets: Offsets, heights: dict[int, int], floor: int) -> Iterator[tuple[str, int]]:
        """The buffers that may come next, each on top of those that it meets, the lowest and largest first.

        None that leaves room below it for one that it meets: that one might as well come before it.
        """
        left = {
            name: max(floor, max(heights[stage] for stage in self._among[name]))
            for name in self.sizes
            if name not in offsets
        }
        resting = {name: max(heights[stage] for stage in self._among[name]) for name in left}
        for name in sorted(left, key=lambda name: (resting[name], -self.sizes[name], name)):
            meeting = (other for other in self._meeting[name] if other in left)
            if resting[name] >= floor and all(left[other] + self.sizes[other] > resting[name] for other in meeting):
                yield name, resting[name]

    def _can_win(self, offsets: Offsets, heights: dict[int, int], floor: int) -> bool:
        """Whether what is left could still end below the best plan, stage by stage, were it stacked without gaps."""
        above = dict.fromkeys(self._stages, 0)
        for name, size in self.sizes.items():
            if name not in offsets:
                for stage in self._among[name]:
                    above[stage] += size
        return all(
            heights[stage] < self._bytes and (not more or max(heights[stage], floor) + more < self._bytes)
            for stage, more in above.items()
        )


def _stages(lives: Lives) -> list[int]:
    """One stage for each set of buffers that can be alive at once: those at which a life begins."""
    return sorted({first for first, _ in lives.values()})


def _lives_at(life: tuple[int, int], stage: int) -> bool:
    return life[0] <= stage <= life[1]


def _meet(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]
