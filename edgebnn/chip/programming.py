"""From a chip instance and a pattern to what the programmed banks answer: the error models, each by its name.

`ber`        every synapse by itself: binary weights flip for good at the programming policy's rate, ternary ones are
             read wrong at the rates of the sensing window.
`neighbour`  the model of the authors' code for arXiv 2005.01973: anew in every inference, +-1 is added with the
             probability 2 ber / (1 + p0), p0 the layer's share of zeros, and the result made ternary again.
`table`      as `ber`, with rates that differ from bank to bank, row to row and column to column, or that were measured.
`device`     resistances and sense amplifiers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgebnn.chip.device_model import device_answers, row_pulses, worn_devices
from edgebnn.chip.instance import ChipInstance, ErrorKinds, ErrorModel
from edgebnn.chip.pattern import Pattern, Rows
from edgebnn.chip.pulses import PulseCount, program_all
from edgebnn.chip.rate_models import ber_answers, neighbour_answers, table_answers
from edgebnn.chip.rates import sound_rates
from edgebnn.chip.reading import TABLE_WORDS, Answers, ProgrammedBanks, Thresholds, answers
from edgebnn.chip.target import Target
from edgebnn.chip.transitions import misread

_BLOCK_ROWS = 1024  # whose thresholds are in memory at once

# A model takes rows and gives the thresholds of their answers, uint64 (rows, 32, 2), as `reading.answers` wants them.
Model = Callable[[Rows], tuple[Thresholds, Thresholds]]


def program(chip: ChipInstance, target: Target, pattern: Pattern, policy: str) -> ProgrammedBanks:
    """The banks of `chip` after `pattern` was programmed under `policy` (unless the chip has its own).

    Raises TargetError for conditions that the target's model does not cover.
    """
    model = _model(chip, target, chip.policy or policy)
    xnor = 0.0 if chip.kinds is ErrorKinds.PROGRAMMING else chip.read_error_rate
    found = []
    for rows in pattern.blocks(_BLOCK_ROWS):
        minus, at_most_zero = model(rows)
        if xnor:
            minus, at_most_zero = misread(minus, at_most_zero, rows.ternary, xnor)
        found.append((rows, answers(minus, at_most_zero)))
    return _banks(pattern, found, chip)


def programming_pulses(chip: ChipInstance, target: Target, pattern: Pattern, policy: str) -> PulseCount:
    """The pulses that programming the pattern takes, further attempts included."""
    pulses = PulseCount()
    for rows in pattern.blocks(_BLOCK_ROWS):
        if chip.errors is ErrorModel.DEVICE:
            pulses += row_pulses(chip, target, chip.policy or policy, rows)
        else:
            pulses += program_all(worn_devices(chip, rows.bank_row), rows.sign, rows.nonzero).pulses
    return pulses


def _model(chip: ChipInstance, target: Target, policy: str) -> Model:
    match chip.errors:
        case ErrorModel.BER:
            return ber_answers(chip, target, policy, sound_rates(chip, target, policy))
        case ErrorModel.NEIGHBOUR:
            return neighbour_answers(chip, sound_rates(chip, target, policy).mean)
        case ErrorModel.TABLE:
            return table_answers(chip, target, policy, sound_rates(chip, target, policy))
        case ErrorModel.DEVICE:
            return device_answers(chip, target, policy)


def _banks(pattern: Pattern, found: list[tuple[Rows, Answers]], chip: ChipInstance) -> ProgrammedBanks:
    """The rows' answers at their places; rows that hold nothing answer 0."""
    sign, nonzero = (np.zeros((*pattern.shape, 2), np.uint32) for _ in range(2))
    fresh = np.full(pattern.shape, -1, np.int32)
    tables = [np.zeros((0, 2, TABLE_WORDS), np.uint32)]
    count = 0
    for rows, each in found:
        place = rows.stripe, rows.row
        sign[place], nonzero[place] = each.sign, each.nonzero
        fresh[place] = np.where(each.uncertain, count + np.cumsum(each.uncertain) - 1, -1)
        tables.append(each.tables)
        count += len(each.tables)
    return ProgrammedBanks(
        geometry=pattern.geometry,
        sign=sign,
        nonzero=nonzero,
        fresh=fresh,
        tables=np.concatenate(tables),
        seed=chip.seed,
        each_read=chip.errors is not ErrorModel.NEIGHBOUR,
    )
