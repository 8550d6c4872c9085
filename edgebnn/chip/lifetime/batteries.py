"""Batteries: the cells that ship with edgebnn, that of a target, and a user's own."""

from __future__ import annotations

import re
import reprlib
import tomllib
from dataclasses import dataclass, replace
from functools import cache

import msgspec

from edgebnn.chip.target.evidence import weakest
from edgebnn.chip.target.quantity import Evidence, Quantity
from edgebnn.chip.target.sections import Charge, TargetTable, Voltage
from edgebnn.chip.target.target import Device
from edgebnn.errors import TargetError
from edgebnn.resources import resource_folder

OWN_NAME = "own"
"""What a battery is called that is none of the shipped cells."""

_OWN = re.compile(r"\s*([0-9.eE+-]{1,20})\s*(?:mAh)?\s*,\s*([0-9.eE+-]{1,20})\s*V?\s*")
_MOST = {"mAh": 1e6, "V": 1e3}


class _Cell(TargetTable, frozen=True):
    """A table of `targets/cells/cells.toml`."""

    charge: Charge
    voltage: Voltage


@dataclass(frozen=True)
class Battery:
    """What a cell is called, its nominal charge and its nominal voltage."""

    name: str
    charge: Quantity
    voltage: Quantity

    @property
    def charge_mah(self) -> float:
        """The charge in mAh."""
        return self.charge.si("charge") / 3.6

    @property
    def voltage_v(self) -> float:
        """The voltage in V."""
        return self.voltage.si("voltage")

    @property
    def energy_j(self) -> float:
        """All that it gives: charge times voltage."""
        return self.charge.si("charge") * self.voltage_v

    @property
    def evidence(self) -> Evidence:
        """What these numbers are worth."""
        return weakest(self.charge.evidence, self.voltage.evidence)


@cache
def cells() -> dict[str, Battery]:
    """The cells that ship with edgebnn, by name."""
    text = (resource_folder("targets") / "cells" / "cells.toml").read_text(encoding="utf-8")
    found = msgspec.convert(tomllib.loads(text), dict[str, _Cell])
    return {name: Battery(name, cell.charge, cell.voltage) for name, cell in found.items()}


def battery_of(device: Device) -> Battery:
    """A target's battery, under the name of the shipped cell that has its charge and voltage, where there is one."""
    own = Battery(OWN_NAME, device.battery_charge, device.battery_voltage)
    alike = (
        name for name, cell in cells().items() if (cell.charge_mah, cell.voltage_v) == (own.charge_mah, own.voltage_v)
    )
    return replace(own, name=next(alike, OWN_NAME))


def read_battery(text: str) -> Battery:
    """The battery of `CR2032`, a shipped cell, or of `225,3.0`, mAh and V; TargetError for anything else."""
    if not isinstance(text, str):
        raise TargetError(f"battery is {reprlib.repr(text)}; give a cell's name, or its mAh and V, such as '225,3.0'")
    by_name = {name.casefold(): cell for name, cell in cells().items()}
    if text.casefold() in by_name:
        return by_name[text.casefold()]
    numbers = _OWN.fullmatch(text)
    if numbers is None:
        raise TargetError(
            f"there is no battery '{text}'; use one of {', '.join(cells())}, or its mAh and V, such as 225,3.0"
        )
    return Battery(OWN_NAME, _given(numbers[1], "mAh"), _given(numbers[2], "V"))


def _given(text: str, unit: str) -> Quantity:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= _MOST[unit]:
        raise TargetError(f"a battery of '{text}' {unit} is out of range; use a number above 0, up to {_MOST[unit]:g}")
    return Quantity(value, unit, "given by its user", Evidence.ASSUMED)
