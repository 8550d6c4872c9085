"""What a benchmark finds: one figure of one piece of work, and what is asked of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

Call = Callable[[], object]


@dataclass(frozen=True)
class Row:
    """A figure: a ratio taken in one run, a count of instructions, or a time that a user feels.

    `goal` is a least value where `at_least`, else a most value; without one the figure is there to be read. `binds`
    says what keeps a goal from being reached, and of a figure without a goal what it is made of.
    """

    work: str
    value: float
    unit: str
    goal: float | None = None
    at_least: bool = True
    binds: str = ""

    @property
    def reached(self) -> bool:
        """Whether it is as good as was asked."""
        return self.goal is None or (self.value >= self.goal if self.at_least else self.value <= self.goal)

    @property
    def unexplained(self) -> bool:
        """Whether its goal is missed, and nothing says why."""
        return not self.reached and not self.binds


def seconds(call: Call) -> float:
    """The time of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def in_turns(calls: Mapping[str, Call], turns: int) -> list[dict[str, float]]:
    """Seconds of each call in each turn: one behind the other, so that a busy machine meets all alike.

    A first turn, in which caches are filled, is left out.
    """
    return [{name: seconds(call) for name, call in calls.items()} for _ in range(turns + 1)][1:]


def ratio(turns: list[dict[str, float]], theirs: str, ours: str) -> float:
    """How many times as fast `ours` is as `theirs`: the median of each turn's own ratio."""
    return median(turn[theirs] / turn[ours] for turn in turns)
