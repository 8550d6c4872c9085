"""From a chip instance and a pattern to what the programmed banks answer, and what programming them takes."""

from __future__ import annotations

from edgebnn.chip.banks.pattern import Pattern
from edgebnn.chip.banks.programmed_banks import ProgrammedBanks
from edgebnn.chip.device.programming_pulses import pulses_of_all
from edgebnn.chip.energy.programming_cost import ProgrammingCost
from edgebnn.chip.energy.pulse_count import PulseCount
from edgebnn.chip.errors.answers import Answering
from edgebnn.chip.errors.device_model import row_pulses
from edgebnn.chip.errors.models import model_of
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.target.target import Target

_BLOCK_ROWS = 1024  # whose devices are in memory at once


def program(chip: ChipInstance, target: Target, pattern: Pattern, policy: str) -> ProgrammedBanks:
    """The banks of `chip` after `pattern` was programmed, every row under its policy (unless the chip has its own).

    `policy` is that of a pattern that names none. Raises TargetError for conditions that the target's model does not
    cover.
    """
    answering = Answering(pattern.shape)
    model = model_of(chip)
    for name, part in pattern.by_policy(chip.policy, policy):
        model.program(chip, target, part, name, answering)
    return answering.banks(pattern.geometry, chip.seed, each_read=not chip.errors.rules.anew)


def programming_cost(chip: ChipInstance, target: Target, pattern: Pattern, policy: str) -> ProgrammingCost:
    """What programming the pattern takes, further attempts included; the arguments are those of `program`."""
    parts = pattern.by_policy(chip.policy, policy)
    return ProgrammingCost(target, {name: _pulses(chip, target, part, name) for name, part in parts})


def _pulses(chip: ChipInstance, target: Target, pattern: Pattern, policy: str) -> PulseCount:
    found = PulseCount()
    for attempts, part in pattern.by_attempts(chip.attempts):
        if attempts == 1:
            found += pulses_of_all(part.rows.nonzero)
        else:
            trying = chip.with_attempts(attempts)
            blocks = part.blocks(_BLOCK_ROWS)
            found += sum((row_pulses(trying, target, policy, rows) for rows in blocks), PulseCount())
    return found
