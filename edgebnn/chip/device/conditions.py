"""What a chip went through and how it works."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from edgebnn.errors import TargetError
from edgebnn.number_checks import check_number, check_whole

KELVIN = 273.15  # 0 C
MOST_CYCLES = 1 << 40  # far beyond any endurance, and few enough to be counted everywhere
MOST_GUARD_BAND = 20.0  # in ln R, beyond what any two states are apart


@dataclass(frozen=True)
class Conditions:
    """None stands for the target's nominal supply or reference temperature.

    cycles: programming cycles before this one. retention_s: seconds since the banks were programmed. Raises TargetError
    for what is no such number; whether a target's model covers them is another matter.
    """

    cycles: int = 0
    supply_v: float | None = None
    temperature_k: float | None = None
    retention_s: float = 0.0

    def __post_init__(self) -> None:
        check_whole(cycles=self.cycles)
        check_number(supply_v=self.supply_v, temperature_k=self.temperature_k, retention_s=self.retention_s)
        if not 0 <= self.cycles <= MOST_CYCLES:
            raise TargetError(f"{self.cycles} programming cycles are out of range; use 0 to {MOST_CYCLES:g}")
        if self.supply_v is not None and not (isfinite(self.supply_v) and self.supply_v > 0):
            raise TargetError(f"the supply voltage {self.supply_v:g} V is out of range; use a positive number")
        kelvin = self.temperature_k
        if kelvin is not None and not (isfinite(kelvin) and kelvin > 0):
            raise TargetError(
                f"the temperature {kelvin - KELVIN:.9g} C ({kelvin:.9g} K) is out of range; absolute zero is -273.15 C"
            )
        if not (isfinite(self.retention_s) and self.retention_s >= 0):
            days = self.retention_s / 86_400
            raise TargetError(f"{days:g} days since programming are out of range; use zero or more")

    @property
    def as_tabulated(self) -> bool:
        """Whether supply, temperature and time since programming are those of the target's tables."""
        return self.supply_v is None and self.temperature_k is None and self.retention_s == 0

    @property
    def words(self) -> tuple[str, ...]:
        """Those that are not nominal, in words."""
        kelvin, days = self.temperature_k, self.retention_s / 86_400
        return (
            *((f"{self.cycles} cycles",) if self.cycles else ()),
            *((f"{self.supply_v:g} V",) if self.supply_v is not None else ()),
            *((f"{kelvin - KELVIN:.9g} C",) if kelvin is not None else ()),
            *((f"{days:g} days since programming",) if days else ()),
        )


NOMINAL = Conditions()
