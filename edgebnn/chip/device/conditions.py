"""What a chip went through and how it works."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from edgebnn.errors import TargetError
from edgebnn.number_checks import check_number, check_whole

KELVIN = 273.15  # 0 C
SECONDS_A_DAY = 86_400.0
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
            days = self.retention_days
            raise TargetError(f"{days:g} days since programming are out of range; use zero or more")

    @classmethod
    def of(
        cls, cycles: int = 0, supply_v: float | None = None, temperature_c: float | None = None,
        retention_days: float = 0.0,
    ) -> Conditions:  # fmt: skip
        """Those that a user says in degrees Celsius and days; the words are those of `Deployment.chip`."""
        check_number(temperature_c=temperature_c, retention_days=retention_days)
        kelvin = None if temperature_c is None else temperature_c + KELVIN
        return cls(cycles, supply_v, kelvin, retention_days * SECONDS_A_DAY)

    @property
    def temperature_c(self) -> float | None:
        """The temperature in degrees Celsius."""
        return None if self.temperature_k is None else self.temperature_k - KELVIN

    @property
    def retention_days(self) -> float:
        """Days since the banks were programmed."""
        return self.retention_s / SECONDS_A_DAY

    @property
    def as_tabulated(self) -> bool:
        """Whether supply, temperature and time since programming are those of the target's tables."""
        return self.supply_v is None and self.temperature_k is None and self.retention_s == 0

    @property
    def words(self) -> tuple[str, ...]:
        """Those that are not nominal, in words."""
        celsius, days = self.temperature_c, self.retention_days
        return (
            *((f"{self.cycles} cycles",) if self.cycles else ()),
            *((f"{self.supply_v:g} V",) if self.supply_v is not None else ()),
            *((f"{celsius:.9g} C",) if celsius is not None else ()),
            *((f"{days:g} days since programming",) if days else ()),
        )


NOMINAL = Conditions()
