"""From a chip instance and a pattern to what the programmed banks answer: the error models, each by its name.

`ber`        every synapse by itself: binary weights flip for good at the programming policy's rate, ternary ones are
             read wrong at the rates of the sensing window.
`neighbour`  the model of the authors' code for arXiv 2005.01973: anew in every inference, +-1 is added with the
             probability 2 ber / (1 + p0), p0 the layer's share of zeros, and the result made ternary again.
`table`      as `ber`, with rates that differ from bank to bank, row to row and column to column, or that were measured.
`device`     resistances and sense amplifiers.
"""

from __future__ import annotations

from edgebnn.chip.banks.pattern import Pattern
from edgebnn.chip.banks.programmed_banks import ProgrammedBanks
from edgebnn.chip.device.pulses import pulses_of_all
from edgebnn.chip.energy.programming_cost import ProgrammingCost
from edgebnn.chip.energy.pulse_count import PulseCount
from edgebnn.chip.errors.answers import Answering
from edgebnn.chip.errors.device_model import program_devices, row_pulses
from edgebnn.chip.errors.error_rates import sound_rates
from edgebnn.chip.errors.rate_models import ber_rates, neighbour_rates, program_rates, table_rates
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorKinds, ErrorModel
from edgebnn.chip.target.target import Target

_BLOCK_ROWS = 1024  # whose devices are in memory at once


def program(chip: ChipInstance, target: Target, pattern: Pattern, policy: str) -> ProgrammedBanks:
    """The banks of `chip` after `pattern` was programmed, every row under its policy (unless the chip has its own).

    `policy` is that of a pattern that names none. Raises TargetError for conditions that the target's model does not
    cover.
    """
    answering = Answering(pattern.shape)
    for name, part in pattern.by_policy(chip.policy, policy):
        _program(chip, target, part, name, answering)
    return answering.banks(pattern.geometry, chip.seed, chip.errors is not ErrorModel.NEIGHBOUR)


def _program(chip: ChipInstance, target: Target, pattern: Pattern, policy: str, answering: Answering) -> None:
    """The pattern under one policy."""
    xnor = 0.0 if chip.kinds is ErrorKinds.PROGRAMMING else chip.read_error_rate
    if chip.errors is ErrorModel.DEVICE:
        for attempts, part in pattern.by_attempts(chip.attempts):
            program_devices(chip.with_attempts(attempts), target, part, policy, xnor, answering)
        return
    flips = sound_rates(chip, target, policy)
    match chip.errors:
        case ErrorModel.BER:
            rates = ber_rates(chip, target, policy, flips, pattern)
        case ErrorModel.NEIGHBOUR:
            rates = neighbour_rates(flips.mean, pattern.rows.kinds)
        case ErrorModel.TABLE:
            rates = table_rates(chip, target, policy, flips, pattern)
    program_rates(chip, pattern, rates, xnor, answering)


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
