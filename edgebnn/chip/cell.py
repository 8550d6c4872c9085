"""Devices and sense amplifiers under given conditions: the spreads that make the tabulated error rates come out.

ln R of both states is normal. Both bit lines discharge through their device; the time until a line has fallen to the
amplifier's switching point is R C ln(V / V_m), so ln t and ln R differ by a constant, and all that follows is in ln R:

* A differential pair is read wrong with the probability Q(D / sqrt(2 s^2 + offset^2 + noise^2)), D = ln(HRS / LRS), s
  the spread of one device. The policy's bit error rate thus fixes s.
* An input offset of so many volts moves the switching point, and so ln t by volts / (V_m ln(V / V_m)).
* A ternary read is 0 where neither line has fallen within the sensing window. The window and its spread from read to
  read, which both lines share, are fitted to the table of ternary errors. Without such a common spread the table cannot
  come out: independent lines would turn a sign at least as often as both an LRS misses the window and an HRS does not,
  which at 1e-2 and 18.5 % is 1e-3, a thousand times the table's bound.

docs/physics.md has the derivations.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import exp, hypot, inf, log, log10, sqrt

import numpy as np
from scipy.constants import Boltzmann
from scipy.optimize import brentq
from scipy.special import ndtri

from edgebnn.chip.conditions import Conditions
from edgebnn.chip.physics import Physics
from edgebnn.chip.supply import supply_v
from edgebnn.chip.target import Policy, Target
from edgebnn.chip.theory import Window, from_zero, gridded_rate, pair_error_rate, to_zero
from edgebnn.errors import TargetError

# What is solved is rounded to this, far beyond its worth, and rates by `gridded_rate`: no machine's last bit can then
# make another chip, but for values within a last bit of the grid's middle.
_GRID = 2.0**-20
_LARGEST = 700.0  # of what is in ln R: beyond it R itself is no finite number
_SAME_KELVIN = 1e-6
_DAY = 86_400.0


@dataclass(frozen=True)
class Cell:
    """A 2T2R cell and its sense amplifier; everything in ln R, the medians in ln ohm.

    device_spread, cycle_spread: standard deviations of a device's own deviation and of each programming pulse's.
    offset, noise: those of the sense amplifier, fixed and at each read. window, window_spread: median and standard
    deviation of the largest ln R through which a bit line falls in time. window_s: the median as a time in seconds.
    """

    ln_lrs: float
    ln_hrs: float
    device_spread: float
    cycle_spread: float
    offset: float
    noise: float
    window: float
    window_spread: float
    window_s: float

    @property
    def contrast(self) -> float:
        """D, the distance of the medians."""
        return self.ln_hrs - self.ln_lrs

    @property
    def spread(self) -> float:
        """s, the standard deviation of ln R of one device in one state."""
        return sqrt(self.device_spread**2 + self.cycle_spread**2)


def solve_cell(target: Target, policy_name: str, conditions: Conditions) -> Cell:
    """The cell under a policy and conditions.

    Raises TargetError for a target without [physics], for conditions beyond what the target's model covers, and where
    its numbers contradict each other.
    """
    physics, policy = physics_of(target), target.policy(policy_name)
    supply, temperature = supply_v(target, conditions.supply_v), temperature_k(target, conditions.temperature_k)
    reference = physics.temperature.reference.si("temperature")
    lrs, hrs = _medians(policy)
    spread = _spread(target, policy_name, aged_rate(target, policy_name, conditions.cycles))
    window, window_spread = _window(target, supply)
    factor = _discharge(physics, supply, temperature, target.name)
    # The window is a time of the clock, so a warmer amplifier, which switches earlier, sees further with it.
    warmed = window + log(_discharge(physics, supply, reference, target.name).times) - log(factor.times)
    share = physics.variability.device_share.si("ratio")
    found = {
        "ln_lrs": lrs + _conduction(physics, temperature, target.name),
        "ln_hrs": hrs + _activation(physics, temperature) - _lost(physics, conditions) * (hrs - lrs),
        "device_spread": spread * sqrt(share),
        "cycle_spread": spread * sqrt(1 - share),
        "offset": physics.sense.offset.si("voltage") / factor.volts,
        "noise": physics.sense.noise.si("voltage") * sqrt(temperature / reference) / factor.volts,
        "window": warmed,
        "window_spread": window_spread,
    }
    if not all(abs(value) <= _LARGEST for value in (*found.values(), window)):
        raise TargetError(
            f"[physics] and policies.{policy_name} of '{target.name}' give no devices that could exist: check the size "
            "and the units of their numbers"
        )
    seconds = exp(window) * physics.sense.capacitance.si("capacitance") * factor.times
    return Cell(**{name: round(value / _GRID) * _GRID for name, value in found.items()}, window_s=seconds)


def physics_of(target: Target) -> Physics:
    """The target's [physics]; TargetError where it has none."""
    if target.physics is None:
        raise TargetError(
            f"target '{target.name}' describes no devices ([physics]), so its errors have no dependence on devices, "
            "cycles, supply or temperature; use rram130, or leave those options out"
        )
    return target.physics


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


def aged_rate(target: Target, policy_name: str, cycles: int) -> float:
    """The 2T2R bit error rate after so many programming cycles at nominal supply and reference temperature.

    TargetError where the cycles are beyond the policy's endurance, about which the model says nothing.
    """
    policy = target.policy(policy_name)
    rate, endurance = policy.bit_error_rate.si("ratio"), policy.endurance.si("cycles")
    if not 0 <= cycles <= endurance:
        raise TargetError(
            f"{cycles} programming cycles are out of range: devices programmed under '{policy_name}' endure "
            f"{endurance:g}; choose fewer, or another policy"
        )
    if cycles == 0:
        return rate
    ageing = physics_of(target).ageing
    onset = ageing.onset.si("ratio") * endurance
    if rate == 0 or cycles <= onset:
        return rate
    grown = (cycles / onset) ** ageing.exponent.si("ratio") if onset else inf
    worst = ageing.worst.si("ratio")
    return max(rate, min(gridded_rate(min(rate * grown, worst)), worst))


@dataclass(frozen=True)
class _Discharge:
    """times: ln(V / V_m), the discharge time in units of RC. volts: what an input voltage is divided by to be ln t."""

    times: float
    volts: float


def _discharge(physics: Physics, supply: float, temperature: float, name: str) -> _Discharge:
    sense = physics.sense
    warmer = temperature - physics.temperature.reference.si("temperature")
    threshold = sense.threshold.si("voltage") - sense.threshold_drift.si("voltage drift") * warmer
    switching = supply - threshold
    if not (switching > 0 and supply / switching > 1):
        raise TargetError(
            f"at {supply:g} V the sense amplifiers of '{name}' do not work: their transistors' threshold is "
            f"{threshold:.3g} V; choose a higher supply"
        )
    times = log(supply / switching)
    return _Discharge(times, switching * times)


def _medians(policy: Policy) -> tuple[float, float]:
    assert policy.lrs is not None and policy.hrs is not None, "target_rules asks for them where there is [physics]"
    return log(policy.lrs.si("resistance")), log(policy.hrs.si("resistance"))


def _spread(target: Target, policy_name: str, rate: float) -> float:
    """s of one device, such that a pair errs at `rate` under nominal conditions."""
    physics = physics_of(target)
    lrs, hrs = _medians(target.policy(policy_name))
    reference = physics.temperature.reference.si("temperature")
    volts = _discharge(physics, supply_v(target, None), reference, target.name).volts
    amplifier = hypot(physics.sense.offset.si("voltage"), physics.sense.noise.si("voltage")) / volts
    if rate == 0:
        return 0.0
    pair = (hrs - lrs) / -float(ndtri(rate)) if rate < 0.5 else inf
    if not amplifier <= pair < inf:
        raise TargetError(
            f"policies.{policy_name} of '{target.name}' states a bit error rate of {rate:g}, which no spread of its "
            "devices gives: lower physics.sense.offset, or move lrs and hrs"
        )
    return sqrt((pair - amplifier) / 2) * sqrt(pair + amplifier)


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
    per_kelvin = physics.temperature.hrs_activation.si("energy") / Boltzmann
    return per_kelvin * (1 / temperature - 1 / physics.temperature.reference.si("temperature"))


def _lost(physics: Physics, conditions: Conditions) -> float:
    """The share of D that is lost since programming; TargetError beyond the time for which the law holds."""
    onset, longest = physics.retention.onset.si("time"), physics.retention.longest.si("time")
    if conditions.retention_s > longest:
        raise TargetError(
            f"{conditions.retention_s / _DAY:g} days since programming are out of range: the model reaches to "
            f"{longest / _DAY:,.0f}; choose fewer"
        )
    if conditions.retention_s <= onset:
        return 0.0
    return min(physics.retention.drift.si("ratio") * (log10(conditions.retention_s) - log10(onset)), 1.0)


def _window(target: Target, supply: float) -> tuple[float, float]:
    """Median and spread of the sensing window at a supply: straight lines between the nearest tabulated ones.

    TargetError beyond the outermost of them, where nothing is known of it.
    """
    fits = sorted(_fits(target))
    supplies = [fit[0] for fit in fits]
    if not supplies[0] <= supply <= supplies[-1]:
        reach = f"at {supplies[0]:g} V alone" if len(fits) == 1 else f"from {supplies[0]:g} to {supplies[-1]:g} V"
        raise TargetError(
            f"[physics.ternary] of '{target.name}' describes the sense amplifiers {reach}, not at {supply:g} V; choose "
            "a supply within, or add a table for this one"
        )
    _, windows, spreads = zip(*fits, strict=True)
    return float(np.interp(supply, supplies, windows)), float(np.interp(supply, supplies, spreads))


def _fits(target: Target) -> list[tuple[float, float, float]]:
    """(supply, window, its spread) for each row of the table of ternary errors."""
    physics = physics_of(target)
    name = physics.sense.window_policy
    lrs, hrs = _medians(target.policy(name))
    spread = _spread(target, name, target.policy(name).bit_error_rate.si("ratio"))
    found = []
    for label, row in physics.ternary.items():
        window = _fit(lrs, hrs, spread, row.to_zero.si("ratio"), row.from_zero.si("ratio"))
        if window is None:
            raise TargetError(
                f"physics.ternary.{label} of '{target.name}' cannot come out of devices programmed under '{name}': "
                "move its to_zero and from_zero, or the policy's lrs, hrs and bit_error_rate"
            )
        found.append((row.supply.si("voltage"), window.median, window.spread))
    return found


@lru_cache(maxsize=64)
def _fit(lrs: float, hrs: float, spread: float, wanted_to: float, wanted_from: float) -> Window | None:
    """The window that gives both rates, or None where none does; nested roots, both functions being monotonic."""
    try:
        return _root(lrs, hrs, spread, wanted_to, wanted_from)
    except (ValueError, RuntimeError):  # brentq's words for no change of sign, and for no convergence
        return None


def _root(lrs: float, hrs: float, spread: float, wanted_to: float, wanted_from: float) -> Window | None:

    def window_at(width: float) -> Window:
        def excess(median: float) -> float:
            return _quantile(to_zero(Window(median, width), lrs, hrs, spread)) - _quantile(wanted_to)

        reach = 9 * (width + spread)
        return Window(brentq(excess, lrs - reach, hrs + reach, xtol=1e-12), width)

    def excess(width: float) -> float:
        return _quantile(from_zero(window_at(width), hrs, spread)) - _quantile(wanted_from)

    narrowest, widest = 1e-3 * (hrs - lrs), 3 * (hrs - lrs)
    if not excess(narrowest) < 0 < excess(widest):
        return None
    return window_at(brentq(excess, narrowest, widest, xtol=1e-12))


def _quantile(rate: float) -> float:
    """That of the normal law, finite at 0 and 1 too, so that roots can be looked for between them."""
    return float(ndtri(min(max(rate, 2.0**-1070), 1 - 2.0**-53)))


def cell_error_rate(cell: Cell) -> float:
    """The 2T2R bit error rate of a cell."""
    return gridded_rate(pair_error_rate(cell.contrast, cell.spread, cell.offset, cell.noise))
