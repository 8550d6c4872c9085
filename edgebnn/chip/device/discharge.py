"""The discharge of the bit lines: what supply and temperature make of times, voltages and the transistors in series."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, hypot, log, sqrt

from edgebnn.chip.device.cell import LogNormal
from edgebnn.chip.target.physics import Access, Physics
from edgebnn.chip.target.supply import supply_v
from edgebnn.chip.target.target import Target, physics_of
from edgebnn.errors import TargetError


@dataclass(frozen=True)
class Discharge:
    """times: ln(V / V_m), the discharge time in units of RC. volts: what an input voltage is divided by to be ln t."""

    times: float
    volts: float


def discharge(physics: Physics, supply: float, temperature: float, name: str) -> Discharge:
    """At a supply in V and a temperature in K; TargetError where the amplifiers of the target `name` do not work."""
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
    return Discharge(times, switching * times)


def amplifier_spreads(target: Target, supply: float | None, temperature: float | None) -> tuple[float, float]:
    """Offset and noise in ln R; None is the nominal supply or the reference temperature."""
    physics = physics_of(target)
    reference = physics.temperature.reference.si("temperature")
    warmth = reference if temperature is None else temperature
    volts = discharge(physics, supply_v(target, supply), warmth, target.name).volts
    noise = physics.sense.noise.si("voltage") * sqrt(warmth / reference)
    return physics.sense.offset.si("voltage") / volts, noise / volts


def in_series(state: LogNormal, target: Target, supply: float | None) -> LogNormal:
    """A state of the nominal supply at another one: the access transistor in series has another resistance there.

    The target's resistances are those of device and transistor together at the nominal supply. What the transistor adds
    at a lower one moves the median and makes the device's own deviations count less; its threshold, which differs from
    transistor to transistor, counts more. To the first order in the deviations. TargetError where it does not conduct.
    """
    access = physics_of(target).access
    nominal, volts = supply_v(target, None), supply_v(target, supply)
    if access is None or volts == nominal:
        return state
    on, nominal_on = _resistance(access, volts, nominal, target.name), access.resistance.si("resistance")
    before = exp(state.ln_median)
    after = before + on - nominal_on
    rest = state.scaled(before / after)
    spread = on / after * access.mismatch.si("voltage") / _overdrive(access, volts, target.name)
    stated = nominal_on / after * access.mismatch.si("voltage") / _overdrive(access, nominal, target.name)
    # The transistors' part at the nominal supply is in the spread that was solved there.
    added = sqrt(max(spread**2 - stated**2, 0.0))
    return LogNormal(log(after), hypot(rest.device_spread, added), rest.cycle_spread, rest.relaxation_spread)


def _resistance(access: Access, volts: float, nominal: float, name: str) -> float:
    """Of the transistor in its linear region, in ohm."""
    return access.resistance.si("resistance") * _overdrive(access, nominal, name) / _overdrive(access, volts, name)


def _overdrive(access: Access, volts: float, name: str) -> float:
    overdrive = volts - access.threshold.si("voltage")
    if overdrive <= 0:
        raise TargetError(
            f"at {volts:g} V the access transistors of '{name}' do not conduct: their threshold is "
            f"{access.threshold.si('voltage'):.3g} V; choose a higher supply"
        )
    return overdrive
