"""What programming banks takes: the energy and the time of the pulses under each policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from edgebnn.brief import brief
from edgebnn.chip.energy.energy import Energy, EnergyGroup, EnergyPart, Phase
from edgebnn.chip.energy.pulse_count import PulseCount
from edgebnn.chip.target.target import Policy, Target


@dataclass(frozen=True)
class ProgrammingCost:
    """`pulses` are by the name of the policy under which rows are programmed; `target` has these policies."""

    target: Target
    pulses: Mapping[str, PulseCount]

    __repr__ = brief

    @cached_property
    def energies(self) -> dict[str, Energy]:
        """The energy under each policy."""
        return {name: programming_energy(count, self.target.policy(name)) for name, count in self.pulses.items()}

    @cached_property
    def times(self) -> dict[str, Phase]:
        """The time under each policy: its pulses, row after row."""
        return {name: programming_time(count, self.target.policy(name)) for name, count in self.pulses.items()}

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


def programming_energy(pulses: PulseCount, policy: Policy) -> Energy:
    """Energy of the pulses alone; their voltages are the policy's, whatever the supply."""
    set_each, reset_each = policy.set_energy, policy.reset_energy
    return Energy(
        (
            EnergyPart(
                "set_pulses", EnergyGroup.PROGRAMMING, pulses.set_pulses * set_each.si("energy"), set_each.evidence
            ),
            EnergyPart(
                "reset_pulses",
                EnergyGroup.PROGRAMMING,
                pulses.reset_pulses * reset_each.si("energy"),
                reset_each.evidence,
            ),
        )
    )


def programming_time(pulses: PulseCount, policy: Policy) -> Phase:
    """How long their steps take, row after row; a row has one for each kind of pulse (`device/programming_pulses.py`).

    What the CPU does in between is not in it.
    """
    return Phase("programming", pulses.steps * policy.pulse.si("time"), policy.pulse.evidence)
