"""From counted events to energy and latency, with the share that rests on each kind of evidence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from edgebnn.chip.events import Events
from edgebnn.chip.quantity import Evidence, Quantity
from edgebnn.chip.target import Policy, Target
from edgebnn.errors import TargetError


@dataclass(frozen=True)
class Part:
    """The energy of one kind of event, in joules, and what its constant is worth."""

    name: str
    energy_j: float
    evidence: Evidence


@dataclass(frozen=True)
class Energy:
    """An energy, part by part."""

    parts: tuple[Part, ...]

    @property
    def total_j(self) -> float:
        """The sum of all parts in joules."""
        return sum(part.energy_j for part in self.parts)

    def scaled(self, factor: float) -> Energy:
        """Every part times the factor."""
        return Energy(tuple(Part(part.name, part.energy_j * factor, part.evidence) for part in self.parts))

    def parts_nj(self) -> dict[str, float]:
        """Every part in nanojoules and their `total`."""
        return {"total": self.total_j * 1e9} | {part.name: part.energy_j * 1e9 for part in self.parts}

    def evidence_shares(self) -> dict[str, float]:
        """The share of the total that rests on each word of evidence; sums to 1 (empty where there is no energy)."""
        return evidence_shares(self.parts)


def evidence_shares(parts: Iterable[Part]) -> dict[str, float]:
    """The share of the parts' total energy by evidence word, for the words in use."""
    parts = tuple(parts)
    total = sum(part.energy_j for part in parts)
    if total <= 0:
        return {}
    shares = {word: sum(p.energy_j for p in parts if p.evidence is word) / total for word in Evidence}
    return {str(word): share for word, share in shares.items() if share > 0}


def latency_s(events: Events, target: Target) -> float:
    """Seconds that the events take: the CPU's cycles, then those in which it sleeps while the array works."""
    if target.cpu is None:
        raise TargetError(f"target '{target.name}' has no [cpu], so it has no latency; choose another target")
    cycles = events.instructions * target.cpu.cycles_per_instruction.value + events.array_cycles
    return cycles / target.cpu.clock.si("frequency")


def latency_evidence(events: Events, target: Target) -> dict[str, float]:
    """The share of the latency that rests on each word of evidence: a cycle is worth what its weakest constant is."""
    if target.cpu is None:
        return {}
    clock = target.cpu.clock
    counted = [(events.instructions * target.cpu.cycles_per_instruction.value, target.cpu.cycles_per_instruction)]
    if target.array is not None:
        counted.append((events.array_cycles, target.array.cycles_per_row))
    order = list(Evidence)
    return evidence_shares(
        Part("cycles", cycles, max(clock.evidence, each.evidence, key=order.index)) for cycles, each in counted
    )


def inference_energy(events: Events, target: Target) -> Energy:
    """Energy of the events of an inference at the nominal supply, the leakage over its latency included.

    Raises TargetError for a target without an energy model.
    """
    if target.energy is None or target.power is None:
        raise TargetError(f"target '{target.name}' has no energy model; choose another target")
    table = target.energy
    counted: list[tuple[str, int, Quantity | None]] = [
        ("cpu_instructions", events.instructions, table.instruction),
        ("flash_fetches", events.code_fetches, table.code_fetch),
        ("sram_accesses", events.sram_accesses, table.sram_access),
        ("array_sensing", events.pcsa_reads, table.pcsa_read),
        ("array_popcounts", events.popcounts, table.popcount),
        ("array_thresholds", events.thresholds, table.threshold),
    ]
    leakage = target.power.leakage
    return Energy(
        (
            *(
                Part(name, count * each.si("energy"), each.evidence)
                for name, count, each in counted
                if each is not None
            ),
            Part("leakage", leakage.si("power") * latency_s(events, target), leakage.evidence),
        )
    )


def programming_energy(events: Events, policy: Policy) -> Energy:
    """Energy of the programming pulses alone, as the policy's devices take it."""
    return Energy(
        (
            Part("set", events.set_pulses * policy.set_energy.si("energy"), policy.set_energy.evidence),
            Part("reset", events.reset_pulses * policy.reset_energy.si("energy"), policy.reset_energy.evidence),
        )
    )
