"""Wear of updates that are planned: all of them in the same banks, or each in the next ones, round all banks."""

from __future__ import annotations

from dataclasses import dataclass

from edgebnn.chip.endurance import Wear, weakest_endurance, wear
from edgebnn.chip.target import Target
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
    """So many updates of a network that takes `banks`, of which the chip has room for so many `places`.

    In place a device takes a pulse in each update at most; going round, in one of as many as there are places.
    """

    count: int
    places: int
    in_place: Wearing
    going_round: Wearing


def planned_updates(target: Target, policies: tuple[str, ...], banks: int, count: int) -> PlannedUpdates:
    """The wear of `count` updates under the policies, of which the one that wears out first decides.

    Raises TargetError for a number of updates that is out of range.
    """
    if not 1 <= count <= MOST_UPDATES:
        raise TargetError(f"{count} updates are out of range; plan 1 to {MOST_UPDATES}")
    assert target.array is not None, "updates are of weights in RRAM"
    places = max(1, target.array.banks.integer("count") // max(1, banks))
    return PlannedUpdates(
        count, places, _wearing(target, policies, count), _wearing(target, policies, -(-count // places))
    )


def _wearing(target: Target, policies: tuple[str, ...], cycles: int) -> Wearing:
    weakest = weakest_endurance(target, policies)
    assert weakest is not None, "rows are programmed under one policy at least"
    return Wearing(cycles, cycles <= weakest.cycles, wear(target, weakest.policy, cycles))
