"""Programming pulses that were counted, and the steps that rows took for them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PulseCount:
    """Pulses to devices, and the steps that rows took for them."""

    set_pulses: int = 0
    reset_pulses: int = 0
    steps: int = 0

    def __add__(self, other: PulseCount) -> PulseCount:
        return PulseCount(
            self.set_pulses + other.set_pulses, self.reset_pulses + other.reset_pulses, self.steps + other.steps
        )

    @property
    def pulses(self) -> int:
        """Of both kinds, to all devices."""
        return self.set_pulses + self.reset_pulses
