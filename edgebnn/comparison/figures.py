"""The figures that deployments are compared by and that a budget can bound: names, units, and which way is better."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

_ENERGY = MappingProxyType({"pJ": -12, "nJ": -9, "uJ": -6, "mJ": -3, "J": 0})
_TIME = MappingProxyType({"ns": -9, "us": -6, "ms": -3, "s": 0})
_KIB = 1024


class Dimension(Enum):
    """What a figure measures, and how a value of it is written."""

    ENERGY = "an energy in pJ, nJ, uJ, mJ or J"
    TIME = "a time in ns, us, ms or s"
    SIZE = "a size in B, KB or KiB (1,024 B), MB or MiB"
    COUNT = "a whole number without a unit"
    LIFE = "a time in h, days or years (of 365 days)"
    SHARE = "a share, such as 0.95 or 95%"


@dataclass(frozen=True)
class Figure:
    """A figure of a deployment.

    name: what budgets and tables call it. field: its name in JSON, with the unit. unit: that of its values. least:
    whether a budget is the least that it may be, and not the most.
    """

    name: str
    field: str
    dimension: Dimension
    unit: str
    least: bool = False

    def factor(self, unit: str) -> tuple[int, int] | None:
        """(numerator, denominator) of one of `unit` in units of the figure; None for a unit that it has not."""
        match self.dimension:
            case Dimension.ENERGY | Dimension.TIME:
                powers = _ENERGY if self.dimension is Dimension.ENERGY else _TIME
                if unit not in powers:
                    return None
                power = powers[unit] - powers[self.unit]
                return (10**power, 1) if power >= 0 else (1, 10**-power)
            case Dimension.SIZE:
                sizes = {"B": 1, "KB": _KIB, "KiB": _KIB, "MB": _KIB**2, "MiB": _KIB**2}
                return (sizes[unit], 1) if unit in sizes else None
            case Dimension.LIFE:
                return {"h": (1, 24), "days": (1, 1), "years": (365, 1)}.get(unit)
            case Dimension.COUNT:
                return (1, 1) if unit == "" else None
            case Dimension.SHARE:
                return {"": (1, 1), "%": (1, 100)}.get(unit)

    @property
    def example(self) -> str:
        """A value that is one."""
        return {
            Dimension.ENERGY: "60nJ",
            Dimension.TIME: "2.5ms",
            Dimension.SIZE: "16KB",
            Dimension.COUNT: "40",
            Dimension.LIFE: "2years",
            Dimension.SHARE: "0.95",
        }[self.dimension]


FIGURES: tuple[Figure, ...] = (
    Figure("accuracy", "accuracy", Dimension.SHARE, "", least=True),
    Figure("energy", "energy_nj", Dimension.ENERGY, "nJ"),
    Figure("latency", "latency_us", Dimension.TIME, "us"),
    Figure("flash", "flash_bytes", Dimension.SIZE, "B"),
    Figure("sram", "sram_bytes", Dimension.SIZE, "B"),
    Figure("banks", "banks", Dimension.COUNT, ""),
    Figure("synapses", "synapses", Dimension.COUNT, ""),
    Figure("programming", "programming_uj", Dimension.ENERGY, "uJ"),
    Figure("battery", "battery_days", Dimension.LIFE, "days", least=True),
)
"""Accuracy without bit errors; energy and latency of one inference; flash with code and weights; energy of programming
all banks once; how long the battery lasts."""
