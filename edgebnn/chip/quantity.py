"""A physical quantity with its unit, its source and what it is worth."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Any

import msgspec

from edgebnn.errors import TargetError


class Evidence(StrEnum):
    """What a number is worth; nothing may promote a number to a better word than its source supports."""

    ABSTRACT = "abstract"
    AUTHORS_CODE = "authors-code"
    SECONDARY = "secondary"
    RECALLED = "recalled"
    ASSUMED = "assumed"
    MEASURED = "measured"


# Factor from each unit to the first unit of its dimension.
_DIMENSIONS: dict[str, dict[str, float]] = {
    "energy": {"J": 1.0, "mJ": 1e-3, "uJ": 1e-6, "nJ": 1e-9, "pJ": 1e-12, "fJ": 1e-15},
    "power": {"W": 1.0, "mW": 1e-3, "uW": 1e-6, "nW": 1e-9},
    "voltage": {"V": 1.0, "mV": 1e-3},
    "current": {"A": 1.0, "mA": 1e-3, "uA": 1e-6},
    "time": {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9},
    "frequency": {"Hz": 1.0, "kHz": 1e3, "MHz": 1e6, "GHz": 1e9},
    "charge": {"C": 1.0, "mAh": 3.6},
    "memory": {"B": 1.0, "KiB": 1024.0, "MiB": 1024.0**2},
    "ratio": {"1": 1.0},
    "address": {"address": 1.0},
    "count": {"banks": 1.0, "rows": 1.0, "synapses": 1.0, "cycles": 1.0, "devices": 1.0},
}


class Quantity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A number as a target file states it."""

    value: int | float
    unit: str
    source: str
    evidence: Evidence

    def si(self, dimension: str) -> float:
        """The value in the first unit of its dimension (J, W, V, A, s, Hz, C, B, 1)."""
        return self.value * _DIMENSIONS[dimension][self.unit]

    def integer(self, dimension: str) -> int:
        """The value as a whole number in the first unit of its dimension (bytes, an address, a count)."""
        return int(self.si(dimension))


def of(dimension: str) -> msgspec.Meta:
    """The annotation of a quantity's field that says its dimension."""
    return msgspec.Meta(extra={"dimension": dimension})


def check(quantity: Quantity, dimension: str, where: str) -> None:
    """Raises TargetError, naming the field, where the quantity is not a sound one of this dimension."""
    units = _DIMENSIONS[dimension]
    if quantity.unit not in units:
        raise TargetError(f"{where} has the unit '{quantity.unit}'; it must be one of {', '.join(units)}")
    if not math.isfinite(quantity.value) or quantity.value < 0:
        raise TargetError(f"{where} is {quantity.value}; it must be a finite number, zero or more")
    if dimension in ("count", "address", "memory") and quantity.si(dimension) != int(quantity.si(dimension)):
        raise TargetError(f"{where} is {quantity.value} {quantity.unit}; it must be a whole number")
    if dimension == "ratio" and quantity.value > 1:
        raise TargetError(f"{where} is {quantity.value}; it must lie between 0 and 1")
    if not quantity.source.strip():
        raise TargetError(f"{where} has no source; say where the number comes from")


def dimension_of(metadata: tuple[Any, ...]) -> str | None:
    """The dimension in a field's annotations, or None."""
    for item in metadata:
        if isinstance(item, msgspec.Meta) and item.extra and "dimension" in item.extra:
            return str(item.extra["dimension"])
    return None
