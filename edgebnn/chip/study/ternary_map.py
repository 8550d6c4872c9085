"""What ternary weights are read as, from the lowest tabulated supply to the highest one, by theory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from edgebnn.chip.device.cell import ternary_rates
from edgebnn.chip.device.cell_solver import solve_cell
from edgebnn.chip.device.conditions import Conditions
from edgebnn.chip.device.error_formulas import TernaryRates
from edgebnn.chip.device.provenance import ternary_evidence
from edgebnn.chip.target.quantity import Evidence
from edgebnn.chip.target.target import Target, physics_of

_STEPS = 24  # between the tabulated supplies

Shares = Mapping[int, float]


@dataclass(frozen=True)
class Outcomes:
    """Under a policy and at a supply: by weight, what share of the reads answers +1, 0 and -1."""

    policy: str
    supply_v: float
    read_as: Mapping[int, Shares]
    evidence: Evidence


def ternary_map(target: Target, policies: Sequence[str], conditions: Conditions) -> tuple[Outcomes, ...]:
    """Of each policy, by rising supply; the conditions' own supply does not count.

    Raises TargetError for a target without devices, and for conditions beyond its model.
    """
    supplies = map_supplies_v(target)
    return tuple(
        Outcomes(
            name,
            supply,
            outcomes(ternary_rates(solve_cell(target, name, there))),
            ternary_evidence(target, name, there),
        )
        for name in policies
        for supply in supplies
        for there in (replace(conditions, supply_v=supply),)
    )


def outcomes(rates: TernaryRates) -> dict[int, dict[int, float]]:
    """By weight, what share of the reads answers +1, 0 and -1."""
    flip, vanish, appear = rates.flip, rates.vanish, rates.appear
    return {
        1: {1: 1 - vanish.plus - flip.plus, 0: vanish.plus, -1: flip.plus},
        0: {1: appear.plus, 0: 1 - appear.plus - appear.minus, -1: appear.minus},
        -1: {1: flip.minus, 0: vanish.minus, -1: 1 - vanish.minus - flip.minus},
    }


def map_supplies_v(target: Target) -> tuple[float, ...]:
    """The supplies at which ternary reads are followed, with the tabulated ones at the ends."""
    tabulated = [row.supply.si("voltage") for row in physics_of(target).ternary.values()]
    low, high = min(tabulated), max(tabulated)
    return tuple(dict.fromkeys(round(low + (high - low) * step / _STEPS, 6) for step in range(_STEPS + 1)))
