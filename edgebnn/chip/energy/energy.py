"""From counted events to energy and latency, part by part, each with what it is worth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from edgebnn.brief import brief
from edgebnn.chip.energy.events import Events
from edgebnn.chip.target.evidence import shares, weakest
from edgebnn.chip.target.quantity import Evidence, Quantity
from edgebnn.chip.target.supply import energy_scaling
from edgebnn.chip.target.target import ChipPower, EventEnergy, Target
from edgebnn.errors import TargetError


class EnergyGroup(StrEnum):
    """What energy is spent on, from the array outwards."""

    ARRAY = "array"  # sensing the synapses
    PERIPHERY = "periphery"  # popcounts and thresholds
    CPU = "cpu"  # instructions, and what flash gives to the CPU and to the macro
    SRAM = "sram"
    PROGRAMMING = "programming"
    LEAKAGE = "leakage"
    FRONT_END = "front_end"  # amplifiers and samples


@dataclass(frozen=True)
class EnergyPart:
    """The energy of one kind of event, in joules, and what it is worth."""

    name: str
    group: EnergyGroup
    energy_j: float
    evidence: Evidence


@dataclass(frozen=True)
class Energy:
    """An energy, part by part."""

    parts: tuple[EnergyPart, ...]

    __repr__ = brief

    @property
    def total_j(self) -> float:
        """The sum of all parts in joules."""
        return sum((part.energy_j for part in self.parts), 0.0)

    def scaled(self, factor: float) -> Energy:
        """Every part times the factor."""
        return Energy(tuple(replace(part, energy_j=part.energy_j * factor) for part in self.parts))

    def by_group(self) -> dict[EnergyGroup, float]:
        """The joules of each group that has a part; they sum to the total."""
        used = {part.group for part in self.parts}
        return {
            group: sum(part.energy_j for part in self.parts if part.group is group)
            for group in EnergyGroup
            if group in used
        }

    def parts_nj(self) -> dict[str, float]:
        """Every part in nanojoules, those of one name together, and their `total`."""
        found = {"total": self.total_j * 1e9}
        for part in self.parts:
            found[part.name] = found.get(part.name, 0.0) + part.energy_j * 1e9
        return found

    def evidence_shares(self) -> dict[str, float]:
        """The share of the total that rests on each word of evidence; sums to 1 (empty where there is no energy)."""
        return shares((part.energy_j, part.evidence) for part in self.parts)


@dataclass(frozen=True)
class Phase:
    """A stretch of time, in seconds, and what it is worth."""

    name: str
    time_s: float
    evidence: Evidence


def latency_phases(events: Events, target: Target) -> tuple[Phase, ...]:
    """The time of the `cpu`, then that in which it sleeps while the `array` works, where there is one.

    The clock is the target's at every supply: how far it would have to fall near the threshold is not modelled. Raises
    TargetError for a target without [cpu].
    """
    if target.cpu is None:
        raise TargetError(f"target '{target.name}' has no [cpu], so it has no latency; choose another target")
    clock, each, array = target.cpu.clock, target.cpu.cycles_per_instruction, target.array
    hz = clock.si("frequency")
    cpu = Phase("cpu", events.instructions * each.value / hz, weakest(clock.evidence, each.evidence))
    if array is None:
        return (cpu,)
    numbers = (clock, array.cycles_per_row, array.cycles_per_layer, array.columns, array.sense_amplifiers)
    word = weakest(*(number.evidence for number in numbers))
    return cpu, Phase("array", events.array_cycles / hz, word)


def latency_s(events: Events, target: Target) -> float:
    """Seconds that the events take, the sum of the `latency_phases`; TargetError for a target without [cpu]."""
    return sum(phase.time_s for phase in latency_phases(events, target))


def latency_evidence(events: Events, target: Target) -> dict[str, float]:
    """The share of the latency that rests on each word of evidence; empty for a target without [cpu]."""
    return {} if target.cpu is None else phase_evidence(latency_phases(events, target))


def phase_evidence(phases: tuple[Phase, ...]) -> dict[str, float]:
    """The share of the phases' time that rests on each word of evidence."""
    return shares((phase.time_s, phase.evidence) for phase in phases)


def inference_energy(events: Events, target: Target, supply_v: float | None = None) -> Energy:
    """Energy of the events of an inference, the leakage over its latency included.

    At a supply in V other than the nominal one every part goes with the square of the supply, as [energy] and [power]
    state it; the clock stays. Raises TargetError for a target without an energy model, or for a supply that it does
    not work at.
    """
    table, _ = _tables(target)
    counted: list[tuple[str, EnergyGroup, int, Quantity | None]] = [
        ("cpu_instructions", EnergyGroup.CPU, events.instructions, table.instruction),
        ("flash_fetches", EnergyGroup.CPU, events.code_fetches, table.code_fetch),
        ("sram_accesses", EnergyGroup.SRAM, events.sram_accesses, table.sram_access),
        ("array_sensing", EnergyGroup.ARRAY, events.pcsa_reads, table.pcsa_read),
        ("array_popcounts", EnergyGroup.PERIPHERY, events.popcounts, table.popcount),
        ("array_thresholds", EnergyGroup.PERIPHERY, events.thresholds, table.threshold),
    ]
    factor, scaling = energy_scaling(target, supply_v)
    parts = [
        EnergyPart(name, group, count * each.si("energy") * factor, weakest(each.evidence, *scaling))
        for name, group, count, each in counted
        if each is not None
    ]
    phases = latency_phases(events, target)
    leakage = leakage_energy(target, sum(phase.time_s for phase in phases), supply_v)
    words = [phase.evidence for phase in phases if phase.time_s]  # this time was derived, so its words count
    return Energy((*parts, replace(leakage, evidence=weakest(leakage.evidence, *words))))


def leakage_energy(target: Target, time_s: float, supply_v: float | None = None) -> EnergyPart:
    """What leaks away in so many seconds at this supply in V; TargetError as `inference_energy`."""
    _, power = _tables(target)
    factor, scaling = energy_scaling(target, supply_v)
    leakage = power.leakage
    return EnergyPart(
        "leakage", EnergyGroup.LEAKAGE, leakage.si("power") * time_s * factor, weakest(leakage.evidence, *scaling)
    )


def _tables(target: Target) -> tuple[EventEnergy, ChipPower]:
    if target.energy is None or target.power is None:
        raise TargetError(f"target '{target.name}' has no energy model; choose another target")
    return target.energy, target.power
