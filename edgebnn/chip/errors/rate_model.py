"""Error models that know rates alone: weights that turn when they are programmed, and when they are read."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edgebnn.chip.banks.pattern import Pattern, Rows
from edgebnn.chip.device.cell import ternary_rates
from edgebnn.chip.device.cell_solver import solve_cell
from edgebnn.chip.device.error_formulas import TernaryRates
from edgebnn.chip.errors.answers import Answering, stored_values
from edgebnn.chip.errors.model import Model, xnor_rate
from edgebnn.chip.errors.stuck_synapses import StuckSynapses, stuck_cell
from edgebnn.chip.errors.weight_flips import (
    Laws,
    Transitions,
    binary_flips,
    misread,
    neighbours,
    none,
    ternary_reads,
    turn_by_law,
    turn_by_thresholds,
)
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorKinds
from edgebnn.chip.target.target import Target

_BLOCK_ROWS = 1024  # whose thresholds are in memory at once

Stages = tuple[Transitions, Transitions]  # what programming does, and what each read does


@dataclass(frozen=True)
class Rates:
    """What programming does to weights, and what each read does: alike for all rows of a kind, or synapse by synapse.

    `everywhere` is of a shape that fits (kinds, 3); `here` gives some rows', of a shape that fits (rows, 32).
    """

    everywhere: Stages | None = None
    here: Callable[[Rows], Stages] | None = None


class RateModel(Model):
    """An error model whose weights turn at rates, whatever the physical cause."""

    @abstractmethod
    def turns(self, chip: ChipInstance, target: Target, policy: str, pattern: Pattern) -> Rates:
        """At what rates the pattern's weights turn."""

    def program(self, chip: ChipInstance, target: Target, pattern: Pattern, policy: str, answering: Answering) -> None:
        """As `Model` has it; each XNOR is wrong besides."""
        rates, xnor = self.turns(chip, target, policy, pattern), xnor_rate(chip)
        if rates.everywhere is not None:
            _program_by_law(chip, pattern.rows, rates.everywhere, xnor, answering)
        else:
            assert rates.here is not None, "rates are one or the other"
            for rows in pattern.blocks(_BLOCK_ROWS):
                _program_each(chip, rows, rates.here(rows), xnor, answering)

    def window_rates(self, chip: ChipInstance, target: Target, policy: str) -> TernaryRates | None:
        """As `Model` has it: rates know ternary errors of reading alone."""
        if chip.kinds is ErrorKinds.PROGRAMMING:
            return None
        cell = solve_cell(target, policy, chip.conditions)
        return ternary_rates(cell.sound() if chip.kinds is ErrorKinds.READ else cell)

    def _stages(self, chip: ChipInstance, target: Target, policy: str, pattern: Pattern) -> Stages:
        """What programming does, and what each read does, to synapses of which no device is stuck.

        Binary weights flip for good at the rates of their signs; ternary ones are read wrong at those of the window.
        Where the user gave the rate, or the target describes no sensing window, ternary weights turn into a neighbour
        for good at that rate instead.
        """
        flips = self.sound_rates(chip, target, policy)
        given = chip.bit_error_rate is not None or target.physics is None
        programming = neighbours(flips.mean) if given else binary_flips(flips)
        before = none() if chip.kinds is ErrorKinds.READ else programming
        # Binary rows want no sensing window, and so no devices that it would have to fit.
        if not pattern.rows.kinds.ternary.any() or given or chip.kinds is ErrorKinds.PROGRAMMING:
            return before, none()
        return before, ternary_reads(ternary_rates(solve_cell(target, policy, chip.conditions).sound()))


def with_stuck(
    chip: ChipInstance, target: Target, policy: str
) -> Callable[[Rows, Transitions, Transitions], Stages] | None:
    """Brings the synapses with stuck devices into what programming and each read do; None where a chip has none."""
    cell = stuck_cell(chip, target, policy)
    if cell is None:
        return None
    stuck = StuckSynapses(cell)

    def model(rows: Rows, before: Transitions, after: Transitions) -> Stages:
        before = stuck.programming(chip.seed, rows.bank_row, before)
        if rows.ternary.any() and chip.kinds is not ErrorKinds.PROGRAMMING:
            after = stuck.reading(chip.seed, rows.bank_row, after)
        return before, after

    return model


def _program_by_law(chip: ChipInstance, rows: Rows, stages: Stages, xnor: float, answering: Answering) -> None:
    programming, reading = stages
    stored = rows.sign, rows.nonzero
    if not programming.nothing:
        stored = turn_by_law(chip.seed, chip.conditions.cycles, rows, programming.laws(rows.kinds))
    if reading.nothing and not xnor:
        answering.as_held(rows, *stored)
        return
    laws = reading.laws(rows.kinds)
    if xnor:
        found = misread(laws.minus[..., np.newaxis], laws.at_most_zero[..., np.newaxis], rows.kinds.ternary, xnor)
        laws = Laws(*(each[..., 0] for each in found))
    answering.by_law(rows, *stored, laws)


def _program_each(chip: ChipInstance, rows: Rows, stages: Stages, xnor: float, answering: Answering) -> None:
    programming, reading = stages
    thresholds = programming.thresholds(rows.values, rows.ternary)
    stored = turn_by_thresholds(chip.seed, chip.conditions.cycles, rows, *thresholds)
    if reading.nothing and not xnor:
        answering.by_law(rows, *stored, none().laws(rows.kinds))
        return
    read = reading.thresholds(stored_values(*stored), rows.ternary)
    minus, at_most_zero = (np.repeat(each[..., np.newaxis], 2, axis=-1) for each in read)  # alike for both inputs
    if xnor:
        minus, at_most_zero = misread(minus, at_most_zero, rows.ternary, xnor)
    answering.by_thresholds(rows.place, minus, at_most_zero)
