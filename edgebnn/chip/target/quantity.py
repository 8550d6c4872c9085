"""A physical quantity with its unit, its source and what it is worth."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from edgebnn.errors import TargetError


class Evidence(StrEnum):
    """What a number is worth, the best first; nothing may promote a number beyond what its source supports."""

    MEASURED = "measured"
    ABSTRACT = "abstract"
    AUTHORS_CODE = "authors-code"
    SECONDARY = "secondary"
    RECALLED = "recalled"
    ASSUMED = "assumed"


LARGEST_VALUE = 10**18  # exact in 64 bits, which is what JSON can be relied on for

COUNTED = ("banks", "rows", "synapses", "amplifiers", "cycles", "devices")

# Factor from each unit to the first unit of its dimension.
_DIMENSIONS: dict[str, dict[str, float]] = {
    "energy": {"J": 1.0, "mJ": 1e-3, "uJ": 1e-6, "nJ": 1e-9, "pJ": 1e-12, "fJ": 1e-15, "eV": 1.602176634e-19},
    "power": {"W": 1.0, "mW": 1e-3, "uW": 1e-6, "nW": 1e-9},
    "voltage": {"V": 1.0, "mV": 1e-3},
    "current": {"A": 1.0, "mA": 1e-3, "uA": 1e-6},
    "time": {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "h": 3600.0},
    "frequency": {"Hz": 1.0, "kHz": 1e3, "MHz": 1e6, "GHz": 1e9},
    "resistance": {"ohm": 1.0, "kohm": 1e3, "Mohm": 1e6},
    "capacitance": {"F": 1.0, "pF": 1e-12, "fF": 1e-15},
    "temperature": {"K": 1.0},
    "voltage drift": {"V/K": 1.0, "mV/K": 1e-3},
    "relative drift": {"1/K": 1.0},
    "charge": {"C": 1.0, "mAh": 3.6},
    "memory": {"B": 1.0, "KiB": 1024.0, "MiB": 1024.0**2},
    "ratio": {"1": 1.0},
    "slope": {"1": 1.0},
    "factor": {"times": 1.0},
    "log ratio": {"ln": 1.0},
    "log rise": {"ln/pulse": 1.0},
    "pulse rate": {"1/pulse": 1.0},
    "pulses": {"pulses": 1.0},
    "address": {"address": 1.0},
    # Each thing that is counted is a dimension of its own; who reads a count need not name it again.
    **{thing: {thing: 1.0} for thing in COUNTED},
    "count": dict.fromkeys(COUNTED, 1.0),
}
_WHOLE = (*COUNTED, "address", "memory")


class Quantity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A number as a target file states it."""

    value: int | float
    unit: str
    source: str
    evidence: Evidence

    def si(self, dimension: str) -> float:
        """The value in the first unit of its dimension (J, W, V, A, s, Hz, ohm, F, K, C, B, 1)."""
        return self.value * _DIMENSIONS[dimension][self.unit]

    def integer(self, dimension: str) -> int:
        """The value as a whole number in the first unit of its dimension (bytes, an address, a count)."""
        return int(self.si(dimension))


@dataclass(frozen=True)
class Bounds:
    """What a field's quantity must be: its dimension, and whether zero is refused as well as what is negative."""

    dimension: str
    positive: bool = False


def units_of(bounds: Bounds) -> tuple[str, ...]:
    """The units that a quantity may be stated in."""
    return tuple(_DIMENSIONS[bounds.dimension])


def of(dimension: str, positive: bool = False) -> msgspec.Meta:
    """The annotation of a quantity's field that says its bounds."""
    return msgspec.Meta(extra={"bounds": Bounds(dimension, positive)})


def check(quantity: Quantity, bounds: Bounds, where: str) -> None:
    """Raises TargetError, naming the field, where the quantity is not a sound one within these bounds."""
    dimension, value = bounds.dimension, quantity.value
    units = _DIMENSIONS[dimension]
    if quantity.unit not in units:
        raise TargetError(f"{where} has the unit '{quantity.unit}'; it must be one of {', '.join(units)}")
    # NaN compares as false, so it is not `>= 0`; a whole number of a thousand digits still compares.
    if value > LARGEST_VALUE:
        raise TargetError(f"{where} is larger than {LARGEST_VALUE}; state a finite number, in a larger unit if need be")
    if not value >= 0:
        raise TargetError(f"{where} is {value}; it must be a finite number, zero or more")
    if bounds.positive and quantity.si(dimension) == 0:  # or so small that the unit makes it 0
        raise TargetError(f"{where} is {value}; it must be more than zero")
    if dimension in _WHOLE and quantity.si(dimension) != int(quantity.si(dimension)):
        raise TargetError(f"{where} is {value} {quantity.unit}; it must be a whole number")
    if dimension == "ratio" and value > 1:
        raise TargetError(f"{where} is {value}; it must lie between 0 and 1")
    if not quantity.source.strip():
        raise TargetError(f"{where} has no source; say where the number comes from")


def bounds_of(metadata: tuple[Any, ...]) -> Bounds | None:
    """The bounds in a field's annotations, or None."""
    for item in metadata:
        found = item.extra.get("bounds") if isinstance(item, msgspec.Meta) and item.extra else None
        if isinstance(found, Bounds):
            return found
    return None
