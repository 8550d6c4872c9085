"""Wear of updates that are planned: all of them in the same banks, or each in the next ones, round all banks."""

from __future__ import annotations

from dataclasses import dataclass

from edgebnn.chip.lifetime.endurance import Wear, weakest_endurance, wear
from edgebnn.chip.target.target import Target
from edgebnn.errors import TargetError

MOST_UPDATES = 10**12


@dataclass(frozen=True)
class Wearing:
    """cycles: the most that a device takes. endured: whether it survives them. worn: None where that cannot be said."""

    cycles: int
    endured: bool
    worn: Wear | None


@dataclass(frozen=True)
class PlannedUpdates:
    """So many updates of a network's weights, for which the chip has so many `places`.

    In place a device takes a pulse in each update at most; going round, in one of as many as there are places. marker:
    the cells that show that the chip is programmed, which stay where they are; None where there are none.
    """

    count: int
    places: int
    in_place: Wearing
    going_round: Wearing
    marker: Wearing | None


@dataclass(frozen=True)
class Marker:
    """The policy under which a marker is programmed, and how often each of its cells is in an update."""

    policy: str
    programmings: int


def planned_updates(
    target: Target, policies: tuple[str, ...], places: int, count: int, marker: Marker | None = None
) -> PlannedUpdates:
    """The wear of `count` updates under the policies, of which the one that wears out first decides.

    Raises TargetError for a number of updates that is out of range.
    """
    if not 1 <= count <= MOST_UPDATES:
        raise TargetError(f"{count} updates are out of range; plan 1 to {MOST_UPDATES}")
    return PlannedUpdates(
        count,
        places,
        _wearing(target, policies, count),
        _wearing(target, policies, -(-count // places)),
        None if marker is None else _wearing(target, (marker.policy,), marker.programmings * count),
    )


def _wearing(target: Target, policies: tuple[str, ...], cycles: int) -> Wearing:
    weakest = weakest_endurance(target, policies)
    assert weakest is not None, "rows are programmed under one policy at least"
    return Wearing(cycles, cycles <= weakest.cycles, wear(target, weakest.policy, cycles))
