"""Ternary reads of a target's devices: by theory, counted on sampled cells, and as the target's tables state them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from edgebnn.chip.device.cell import Cell, ternary_rates
from edgebnn.chip.device.cell_solver import solve_cell
from edgebnn.chip.device.conditions import Conditions
from edgebnn.chip.device.provenance import Graded, Rate, ternary_evidence
from edgebnn.chip.study.ternary_map import map_supplies_v
from edgebnn.chip.study.ternary_samples import count_ternary_errors
from edgebnn.chip.target.quantity import Evidence
from edgebnn.chip.target.supply import off_nominal, supply_v
from edgebnn.chip.target.target import Target, physics_of
from edgebnn.confidence import Tally

UPPER_BOUNDS = ("sign_flip",)  # events of which a table states a bound, not a value
TERNARY_EVENTS = {"sign_flip": "flip", "to_zero": "vanish", "from_zero": "appear"}
"""And the field of each that has them by sign."""
_MOST_CELLS = 1 << 18  # NumPy draws them, and more of them would only shorten the intervals


@dataclass(frozen=True)
class TernaryErrorRates:
    """How often ternary weights are read wrong, by event; `tabulated` is empty where no table says so.

    signs: of +1 and of -1, or of 0 as +1 and as -1.
    """

    policy: str
    supply_v: float
    rates: Mapping[str, Rate]
    signs: Mapping[str, tuple[Rate, Rate]]
    tabulated: Mapping[str, Graded]


@dataclass(frozen=True)
class TernaryTheory:
    """The rates of ternary errors by theory at one of many supplies."""

    supply_v: float
    rates: Mapping[str, Graded]


def ternary_errors(
    target: Target, names: Sequence[str], first: Conditions, supplies_v: Sequence[float], cells: int, seed: int
) -> tuple[TernaryErrorRates, ...]:
    """Of each policy at each supply, by default the tabulated ones; the policy of the sensing window comes first."""
    fitted, cells = _fitted(target, names), min(cells, _MOST_CELLS)
    return tuple(
        _errors(target, name, replace(first, supply_v=off_nominal(target, supply)), cells, seed)
        for name in sorted(names, key=lambda name: (name != fitted, names.index(name)))
        for supply in supplies_v or _tabulated_supplies(target)
    )


def above_bounds(found: Sequence[TernaryErrorRates]) -> list[str]:
    """A sentence for each rate by theory that a table says to be lower."""
    return [
        f"under '{errors.policy}' at {errors.supply_v:g} V theory has a +1 read as -1 in "
        f"{errors.rates[event].theory.value:.1e} of the reads, where the target's table has less than "
        f"{bound.value:.0e}: the sensing window is fitted to the table's other two rates, and does not meet this one"
        for errors in found
        for event in UPPER_BOUNDS
        if (bound := errors.tabulated.get(event)) is not None and errors.rates[event].theory.value > bound.value
    ]


def ternary_theory(target: Target, names: Sequence[str], first: Conditions) -> tuple[TernaryTheory, ...]:
    """From the lowest tabulated supply to the highest one; the curve has one word."""
    name, supplies = _fitted(target, names), map_supplies_v(target)
    evidence = ternary_evidence(target, name, replace(first, supply_v=supplies[0]))
    return tuple(
        TernaryTheory(supply, _rates(solve_cell(target, name, replace(first, supply_v=supply)), evidence))
        for supply in supplies
    )


def _fitted(target: Target, names: Sequence[str]) -> str:
    """The policy that the sensing window was fitted for, if it is among those to look at."""
    fitted_for = physics_of(target).sense.window_policy
    return fitted_for if fitted_for in names else names[0]


def _tabulated_supplies(target: Target) -> tuple[float, ...]:
    return tuple(row.supply.si("voltage") for row in physics_of(target).ternary.values())


def _rates(cell: Cell, evidence: Evidence) -> dict[str, Graded]:
    theory = ternary_rates(cell)
    return {event: Graded(getattr(theory, event), evidence) for event in TERNARY_EVENTS}


def _errors(target: Target, name: str, conditions: Conditions, cells: int, seed: int) -> TernaryErrorRates:
    cell = solve_cell(target, name, conditions)
    counted, theory = count_ternary_errors(cell, seed, cells), ternary_rates(cell)
    evidence, volts = ternary_evidence(target, name, conditions), supply_v(target, conditions.supply_v)

    def rate(value: float, tally: Tally) -> Rate:
        return Rate(Graded(value, evidence), tally)

    signs = {}
    for event, field in TERNARY_EVENTS.items():
        by_theory, by_count = getattr(theory, field), getattr(counted, field)
        signs[event] = rate(by_theory.plus, by_count.plus), rate(by_theory.minus, by_count.minus)
    rates = {event: rate(getattr(theory, event), getattr(counted, event)) for event in TERNARY_EVENTS}
    return TernaryErrorRates(name, volts, rates, signs, _tabulated(target, name, volts, conditions))


def _tabulated(target: Target, name: str, volts: float, conditions: Conditions) -> dict[str, Graded]:
    """What the table states for this supply; fresh devices of the window's policy at the reference temperature."""
    physics = physics_of(target)
    there = replace(conditions, supply_v=None)
    if name != physics.sense.window_policy or there != Conditions():
        return {}
    for row in physics.ternary.values():
        if row.supply.si("voltage") == volts:
            stated = {event: getattr(row, event) for event in TERNARY_EVENTS}
            return {event: Graded(number.si("ratio"), number.evidence) for event, number in stated.items()}
    return {}
