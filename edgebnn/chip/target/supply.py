"""The supply voltage that a chip works at, and what it does to energies."""

from __future__ import annotations

from edgebnn.chip.target.quantity import Evidence
from edgebnn.chip.target.target import Target
from edgebnn.errors import TargetError


def supply_v(target: Target, asked: float | None) -> float:
    """The supply in V, by default the nominal one; TargetError where the target does not work at the one asked for."""
    if target.supply is None:
        raise TargetError(f"target '{target.name}' has no supply voltage; leave it out")
    high = target.supply.nominal.si("voltage")
    low = high if target.supply.near_threshold is None else target.supply.near_threshold.si("voltage")
    supply = high if asked is None else asked
    if not low <= supply <= high:
        works = f"works from {low:g} to {high:g} V" if low < high else f"is only known to work at {high:g} V"
        raise TargetError(f"target '{target.name}' {works}, not at {supply:g} V; choose a supply that it works at")
    return supply


def energy_scaling(target: Target, asked: float | None) -> tuple[float, tuple[Evidence, ...]]:
    """The factor from energies at the nominal supply to those at the one asked for, and the words that it brings.

    Energies of the tables [energy] and [power] go with the square of the supply. Raises TargetError as `supply_v`.
    """
    volts = supply_v(target, asked)
    assert target.supply is not None, "which supply_v has seen to"
    nominal = target.supply.nominal
    if volts == nominal.si("voltage"):
        return 1.0, ()  # nothing is scaled, so nothing rests on the nominal supply
    return (volts / nominal.si("voltage")) ** 2, (nominal.evidence,)


def off_nominal(target: Target, supply: float) -> float | None:
    """A supply in V; None where it is the nominal one, at which nothing is derived and evidence is not weakened."""
    return None if supply == supply_v(target, None) else supply
