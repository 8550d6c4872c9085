"""What happened on a chip, counted: the common language of the emulator, the estimate and the energy model."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Events:
    """Counts of energy-bearing events.

    instructions: executed by the CPU. code_fetches: 32-bit words fetched from flash, for code (bytes of the executed
    instructions / 4) and for constants (one a read, by CPU or macro). sram_accesses: reads and writes of up to 32 bits,
    by CPU or macro. pcsa_reads: synapses sensed (32 a bank row). popcounts: 32-bit counts (one a bank row).
    thresholds: comparisons, or sums written back where a layer has no thresholds. array_cycles: cycles in which the
    sequencer runs and the CPU sleeps. set_pulses, reset_pulses: devices programmed.
    """

    instructions: int = 0
    code_fetches: int = 0
    sram_accesses: int = 0
    pcsa_reads: int = 0
    popcounts: int = 0
    thresholds: int = 0
    array_cycles: int = 0
    set_pulses: int = 0
    reset_pulses: int = 0

    def __add__(self, other: Events) -> Events:
        return Events(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def __sub__(self, other: Events) -> Events:
        return Events(*(getattr(self, f.name) - getattr(other, f.name) for f in fields(self)))

    def per(self, inferences: int) -> dict[str, float]:
        """Every count divided by a number of inferences."""
        return {f.name: getattr(self, f.name) / inferences for f in fields(self)}
