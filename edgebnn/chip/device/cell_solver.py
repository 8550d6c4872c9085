"""From a target's numbers, a policy and conditions to the cell: its devices, its amplifier and its sensing window."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log, log10

import scipy

from edgebnn.chip.device.cell import Cell, LogNormal, StuckShares
from edgebnn.chip.device.conditions import SECONDS_A_DAY, Conditions
from edgebnn.chip.device.discharge import amplifier_spreads, discharge, in_series
from edgebnn.chip.device.sensing_window import sensing_window
from edgebnn.chip.device.spread_solver import nominal_cell
from edgebnn.chip.target.physics import Physics
from edgebnn.chip.target.supply import supply_v
from edgebnn.chip.target.target import Target, physics_of
from edgebnn.errors import TargetError

# What is solved is rounded to this, far beyond its worth, and rates by `gridded_rate`: no machine's last bit can then
# make another chip, but for values within a last bit of the grid's middle.
_GRID = 2.0**-20
_LARGEST = 700.0  # of what is in ln R: beyond it R itself is no finite number
_SAME_KELVIN = 1e-6


def solve_cell(target: Target, policy_name: str, conditions: Conditions) -> Cell:
    """The cell under a policy and conditions.

    Raises TargetError for a target without [physics], for conditions beyond what the target's model covers, and where
    its numbers contradict each other.
    """
    physics = physics_of(target)
    supply, temperature = supply_v(target, conditions.supply_v), temperature_k(target, conditions.temperature_k)
    reference = physics.temperature.reference.si("temperature")
    nominal = nominal_cell(target, policy_name, conditions.cycles)
    lrs, hrs = (in_series(state, target, conditions.supply_v) for state in (nominal.lrs, nominal.hrs))
    lost = _lost(physics, conditions) * (hrs.ln_median - lrs.ln_median)
    warmer, cooler = _conduction(physics, temperature, target.name), _activation(physics, temperature) - lost
    offset, noise = amplifier_spreads(target, conditions.supply_v, conditions.temperature_k)
    window = sensing_window(target, supply)
    # The window is a time of the clock, so a warmer amplifier, which switches earlier, sees further with it.
    times = discharge(physics, supply, temperature, target.name).times
    warmed = window.median + log(discharge(physics, supply, reference, target.name).times) - log(times)
    cell = replace(
        nominal,
        lrs=replace(lrs, ln_median=lrs.ln_median + warmer),
        hrs=replace(hrs, ln_median=hrs.ln_median + cooler),
        offset=offset,
        noise=noise,
        window=warmed,
        window_spread=window.spread,
        stuck=(_stuck(physics), _stuck(physics)),
    )
    if not all(abs(value) <= _LARGEST for value in (*_numbers(cell), window.median)):
        raise TargetError(
            f"[physics] and policies.{policy_name} of '{target.name}' give no devices that could exist: check the size "
            "and the units of their numbers"
        )
    seconds = exp(window.median) * physics.sense.capacitance.si("capacitance") * times
    return replace(_rounded(cell), window_s=seconds)


def temperature_k(target: Target, asked: float | None) -> float:
    """The temperature in K, by default the reference one; TargetError where the model does not reach."""
    table = physics_of(target).temperature
    low, high = table.lowest.si("temperature"), table.highest.si("temperature")
    temperature = table.reference.si("temperature") if asked is None else asked
    # 273.15 - 20 is a last bit below 253.15.
    if not low - _SAME_KELVIN <= temperature <= high + _SAME_KELVIN:
        raise TargetError(
            f"the model of '{target.name}' reaches from {low - 273.15:.0f} to {high - 273.15:.0f} C, so "
            f"{temperature - 273.15:g} C is out of range; choose a temperature within it"
        )
    return temperature


def _stuck(physics: Physics) -> StuckShares:
    table = physics.stuck
    return StuckShares() if table is None else StuckShares(table.lrs.si("ratio"), table.hrs.si("ratio"))


def _rounded(cell: Cell) -> Cell:
    def state(each: LogNormal) -> LogNormal:
        spreads = (each.device_spread, each.cycle_spread, each.relaxation_spread)
        return LogNormal(*map(_on_grid, (each.ln_median, *spreads)))

    return replace(
        cell,
        lrs=state(cell.lrs),
        hrs=state(cell.hrs),
        offset=_on_grid(cell.offset),
        noise=_on_grid(cell.noise),
        window=_on_grid(cell.window),
        window_spread=_on_grid(cell.window_spread),
        blb_shift=_on_grid(cell.blb_shift),
    )


def _numbers(cell: Cell) -> tuple[float, ...]:
    states = [each for state in (cell.lrs, cell.hrs) for each in (state.ln_median, state.spread)]
    return (*states, cell.offset, cell.noise, cell.window, cell.window_spread, cell.blb_shift)


def _on_grid(value: float) -> float:
    return round(value / _GRID) * _GRID


def _conduction(physics: Physics, temperature: float, name: str) -> float:
    """How much ln LRS moves with temperature: it conducts like a metal."""
    warmer = temperature - physics.temperature.reference.si("temperature")
    factor = 1 + physics.temperature.lrs_drift.si("relative drift") * warmer
    if factor <= 0:
        raise TargetError(
            f"at {temperature - 273.15:g} C the low resistance of '{name}' would be none at all: lower "
            "physics.temperature.lrs_drift, or raise lowest"
        )
    return log(factor)


def _activation(physics: Physics, temperature: float) -> float:
    """How much ln HRS moves with temperature: it conducts by hopping."""
    per_kelvin = physics.temperature.hrs_activation.si("energy") / scipy.constants.Boltzmann
    return per_kelvin * (1 / temperature - 1 / physics.temperature.reference.si("temperature"))


def _lost(physics: Physics, conditions: Conditions) -> float:
    """The share of D that is lost since programming; TargetError beyond the time for which the law holds."""
    onset, longest = physics.retention.onset.si("time"), physics.retention.longest.si("time")
    if conditions.retention_s > longest:
        raise TargetError(
            f"{conditions.retention_s / SECONDS_A_DAY:g} days since programming are out of range: the model reaches to "
            f"{longest / SECONDS_A_DAY:,.0f}; choose fewer"
        )
    if conditions.retention_s <= onset:
        return 0.0
    return min(physics.retention.drift.si("ratio") * (log10(conditions.retention_s) - log10(onset)), 1.0)
