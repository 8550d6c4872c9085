"""Many devices that live alike: how many, and how often all of them get new weights."""

from __future__ import annotations

from dataclasses import dataclass

from edgebnn.brief import brief
from edgebnn.chip.lifetime.lifetime import Lifetime
from edgebnn.errors import TargetError
from edgebnn.number_checks import check_number, check_whole

DAYS_A_YEAR = 365
"""A year of a life: the least that makes four updates a year four in 365 days."""

_MOST_DEVICES = 10**12
_MOST_UPDATES = 1e6


@dataclass(frozen=True)
class Fleet:
    """Devices of one deployment, each of which gets a new version of it so often a year of 365 days.

    Raises TargetError for numbers out of range.
    """

    devices: int = 1
    updates_per_year: float = 0

    __repr__ = brief

    def __post_init__(self) -> None:
        check_whole(devices=self.devices)
        check_number(updates_per_year=self.updates_per_year)
        if not 1 <= self.devices <= _MOST_DEVICES:
            raise TargetError(
                f"{self.devices} devices are out of range; use a whole number from 1 to {_MOST_DEVICES:,}"
            )
        if not 0 <= self.updates_per_year <= _MOST_UPDATES:
            raise TargetError(
                f"{self.updates_per_year:g} updates a year are out of range; use a number from 0 to {_MOST_UPDATES:g}"
            )

    @property
    def updates_per_day(self) -> float:
        """Updates of one device a day."""
        return self.updates_per_year / DAYS_A_YEAR


@dataclass(frozen=True)
class FleetTotals:
    """What all devices of a fleet take over their life together.

    updates: of one device in its life. energy_j: of all devices, everything included, and programming_j the part of it
    that programs banks, the first time included. batteries: how many of them it takes, None where none is known.
    flash_bytes: code and weights of one device, which each update sends; sent_bytes: to all devices in all updates.
    None where no firmware was built.
    """

    fleet: Fleet
    updates: float
    energy_j: float
    programming_j: float
    batteries: float | None
    flash_bytes: int | None

    __repr__ = brief

    @property
    def sent_bytes(self) -> float | None:
        """What is sent to all devices over their life."""
        return None if self.flash_bytes is None else self.flash_bytes * self.updates * self.fleet.devices


def fleet_totals(fleet: Fleet, life: Lifetime, programming_j: float, flash_bytes: int | None) -> FleetTotals:
    """The totals of a fleet each of whose devices has this life; `programming_j` is what programming it once takes."""
    days = life.usage.days
    batteries = None if life.battery_days is None else fleet.devices * days / life.battery_days
    return FleetTotals(
        fleet=fleet,
        updates=days * fleet.updates_per_day,
        energy_j=fleet.devices * life.energy.total_j,
        programming_j=fleet.devices * programming_j * (1 + life.usage.reprogrammings),
        batteries=batteries,
        flash_bytes=flash_bytes,
    )
