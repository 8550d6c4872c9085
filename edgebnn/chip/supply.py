"""The supply voltage that a chip works at."""

from __future__ import annotations

from edgebnn.chip.target import Target
from edgebnn.errors import TargetError


def supply_v(target: Target, asked: float | None) -> float:
    """The supply in V, by default the nominal one; TargetError where the target does not work at the one asked for."""
    if target.supply is None:
        raise TargetError(f"target '{target.name}' has no supply voltage; leave it out")
    high = target.supply.nominal.si("voltage")
    low = high if target.supply.near_threshold is None else target.supply.near_threshold.si("voltage")
    supply = high if asked is None else asked
    if not low <= supply <= high:
        raise TargetError(
            f"'{target.name}' works from {low:g} to {high:g} V, not at {supply:g} V; choose a supply within"
        )
    return supply
