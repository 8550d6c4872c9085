"""What programming banks takes: the energy and the time of the pulses under each policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from edgebnn.chip.device.pulses import PulseCount
from edgebnn.chip.energy.energy import Energy, Phase, programming_energy, programming_time
from edgebnn.chip.energy.events import Events
from edgebnn.chip.target.target import Target


@dataclass(frozen=True)
class ProgrammingCost:
    """`pulses` are by the name of the policy under which rows are programmed; `target` has these policies."""

    target: Target
    pulses: Mapping[str, PulseCount]

    @cached_property
    def energies(self) -> dict[str, Energy]:
        """The energy under each policy."""
        return {
            name: programming_energy(
                Events(set_pulses=count.set_pulses, reset_pulses=count.reset_pulses), self.target.policy(name)
            )
            for name, count in self.pulses.items()
        }

    @cached_property
    def times(self) -> dict[str, Phase]:
        """The time under each policy: its pulses, row after row."""
        return {name: programming_time(count.steps, self.target.policy(name)) for name, count in self.pulses.items()}

    @property
    def energy(self) -> Energy:
        """All of it; each policy has its own parts."""
        return Energy(tuple(part for energy in self.energies.values() for part in energy.parts))

    @property
    def time_s(self) -> float:
        """Seconds of pulses."""
        return sum(phase.time_s for phase in self.times.values())

    @property
    def set_pulses(self) -> int:
        """SETs of all devices."""
        return sum(count.set_pulses for count in self.pulses.values())

    @property
    def reset_pulses(self) -> int:
        """RESETs of all devices."""
        return sum(count.reset_pulses for count in self.pulses.values())
