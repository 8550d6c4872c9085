"""Fleets: sums over devices and updates, and numbers that are none."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebnn.chip.energy.energy import Energy, EnergyGroup, EnergyPart
from edgebnn.chip.lifetime.fleet import Fleet, fleet_totals
from edgebnn.chip.lifetime.lifetime import Lifetime, Usage
from edgebnn.chip.target.quantity import Evidence
from edgebnn.errors import TargetError


def life(days: float, joules: float, again: float = 0, battery_days: float | None = None) -> Lifetime:
    energy = Energy((EnergyPart("leakage", EnergyGroup.LEAKAGE, joules, Evidence.ASSUMED),))
    return Lifetime(Usage(days=days, reprogrammings_per_day=again), energy, None, None, battery_days)


@given(st.integers(1, 10**9), st.floats(0, 1000), st.floats(1, 10_000), st.floats(0, 1e6))
def test_all_devices_take_what_one_takes_each(devices: int, updates: float, days: float, joules: float) -> None:
    one, all_ = (
        fleet_totals(Fleet(count, updates), life(days, joules, updates / 365, battery_days=days * 2), 1e-5, 8200)
        for count in (1, devices)
    )
    assert all_.energy_j == pytest.approx(one.energy_j * devices) and one.energy_j == joules
    assert all_.programming_j == pytest.approx(devices * 1e-5 * (1 + updates * days / 365))
    assert all_.batteries == pytest.approx(devices / 2) and all_.updates == one.updates
    assert all_.sent_bytes == pytest.approx(8200 * devices * days / 365 * updates)


def test_a_year_has_365_days() -> None:
    assert fleet_totals(Fleet(1, 4), life(365, 1), 0, 100).updates == 4
    unknown = fleet_totals(Fleet(5, 4), life(365, 1), 0, None)
    assert unknown.sent_bytes is None and unknown.batteries is None


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"devices": 0}, "0 devices are out of range"),
        ({"devices": 10**13}, "out of range"),
        ({"devices": 1.5}, "devices is 1.5; give a whole number"),
        ({"updates_per_year": -1}, "-1 updates a year are out of range"),
        ({"updates_per_year": float("nan")}, "nan updates a year are out of range"),
        ({"updates_per_year": "often"}, "updates_per_year is 'often'; give a number"),
    ],
)
def test_what_is_no_fleet_is_refused(words: dict[str, Any], sentence: str) -> None:
    with pytest.raises(TargetError, match=sentence):
        Fleet(**words)
