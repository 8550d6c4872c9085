"""Error models that know rates alone: `ber`, `neighbour` and `table`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import hypot

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.geometry import COLUMNS, Geometry, Numbers
from edgebnn.chip.banks.pattern import Pattern, RowKinds, Rows
from edgebnn.chip.device.cell import ternary_rates
from edgebnn.chip.device.cell_solver import solve_cell
from edgebnn.chip.device.error_formulas import SignRates
from edgebnn.chip.errors.answers import Answering, stored_values
from edgebnn.chip.errors.stuck_synapses import StuckSynapses, stuck_cell
from edgebnn.chip.errors.weight_flips import (
    Laws,
    Transitions,
    binary_flips,
    misread,
    neighbours,
    neighbours_by_sign,
    none,
    ternary_reads,
    turn_by_law,
    turn_by_thresholds,
    turning,
)
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorKinds
from edgebnn.chip.random.normal import normal
from edgebnn.chip.random.philox import Domain, draw
from edgebnn.chip.target.physics import Spatial
from edgebnn.chip.target.quantity import Quantity
from edgebnn.chip.target.target import Target, physics_of
from edgebnn.errors import TargetError

Shifts = npt.NDArray[np.float64]

_BLOCK_ROWS = 1024  # whose thresholds are in memory at once


@dataclass(frozen=True)
class Rates:
    """What programming does to weights, and what each read does: alike for all rows of a kind, or synapse by synapse.

    `everywhere` is of a shape that fits (kinds, 3); `here` gives some rows', of a shape that fits (rows, 32).
    """

    everywhere: tuple[Transitions, Transitions] | None = None
    here: Callable[[Rows], tuple[Transitions, Transitions]] | None = None


def program_rates(chip: ChipInstance, pattern: Pattern, rates: Rates, xnor: float, answering: Answering) -> None:
    """What the chip's rows answer with the pattern in them; each XNOR is wrong at the rate `xnor` besides."""
    if rates.everywhere is not None:
        _program_by_law(chip, pattern.rows, rates.everywhere, xnor, answering)
    else:
        assert rates.here is not None, "rates are one or the other"
        for rows in pattern.blocks(_BLOCK_ROWS):
            _program_each(chip, rows, rates.here(rows), xnor, answering)


def ber_rates(chip: ChipInstance, target: Target, policy: str, flips: SignRates, pattern: Pattern) -> Rates:
    """Binary weights flip for good at the rates of their signs; ternary ones are read wrong at those of the window.

    Where the user gave the rate, or the target describes no sensing window, ternary weights turn into a neighbour for
    good at that rate instead.
    """
    stages, with_stuck = _stages(chip, target, policy, flips, pattern), _with_stuck(chip, target, policy)
    return Rates(everywhere=stages) if with_stuck is None else Rates(here=lambda rows: with_stuck(rows, *stages))


def table_rates(chip: ChipInstance, target: Target, policy: str, flips: SignRates, pattern: Pattern) -> Rates:
    """The rates of `ber` as they differ by bank, row and column; a cell that was measured has its own."""
    stages, with_stuck = _stages(chip, target, policy, flips, pattern), _with_stuck(chip, target, policy)
    spatial = physics_of(target).spatial
    spread, shifts = spatial_spread(spatial), SpatialShifts(chip.seed, pattern.geometry, pattern.rows.stripe, spatial)

    def here(rows: Rows) -> tuple[Transitions, Transitions]:
        before, after = stages
        if spread:
            shift = shifts.of(rows.stripe, rows.row)
            before, after = (each.spread_out(shift, spread) for each in (before, after))
        if with_stuck is not None:
            before, after = with_stuck(rows, before, after)
        if chip.measured is not None and chip.measured.error_rate is not None and chip.kinds is not ErrorKinds.READ:
            measured, index = chip.measured.places(rows.cell)
            rates = neighbours_by_sign(*np.moveaxis(chip.measured.error_rate[index], -1, 0))
            before, after = before.replaced(measured, rates), after.replaced(measured, none())
        return before, after

    return Rates(here=here)


def neighbour_rates(rate: float, kinds: RowKinds) -> Rates:
    """Of all weights the share `rate` is wrong, drawn anew in every inference.

    +-1 is added to a ternary weight with the probability 2 rate / (1 + p0), p0 being its layer's share of zeros, and
    the result made ternary again; a binary weight turns. Raises TargetError for a rate that this cannot reach.
    """
    added = 2 * rate / (1 + kinds.zero_share[:, np.newaxis])
    if (added[kinds.ternary] > 1).any():
        most = (1 + float(kinds.zero_share[kinds.ternary].min())) / 2
        raise TargetError(
            f"neighbour errors cannot make a share of {rate:g} of the ternary weights wrong: in a layer of this "
            f"network the largest is {most:.3g}; choose a smaller bit error rate"
        )
    return Rates(everywhere=(none(), turning(rate, added / 2, added)))


class SpatialShifts:
    """By what the normal quantile of each synapse's error rate differs from the mean, on a chip of this seed.

    A sum of what bank, row and column add, each normal. Known in the given stripes, int64 (n,); all stripes of a bank
    have the same bank and the same rows.
    """

    def __init__(self, seed: int, geometry: Geometry, stripe: Numbers, spatial: Spatial) -> None:
        stripes = np.unique(stripe)
        self._place = np.zeros(int(stripes.max(initial=-1)) + 1, np.int64)
        self._place[stripes] = np.arange(len(stripes))
        first = stripes // geometry.words * geometry.words
        rows = geometry.bank_row(first[:, np.newaxis], np.arange(geometry.rows))

        def drawn(spread: Quantity, place: Numbers, within: npt.ArrayLike) -> Shifts:
            found = normal(draw(seed, Domain.SPATIAL, place, np.asarray(within, np.int64))[..., 0])
            return np.asarray(spread.si("ratio") * found.astype(np.float64))

        self._bank = drawn(spatial.bank, geometry.bank_row(first, 0), COLUMNS)
        self._row = drawn(spatial.row, rows, COLUMNS + 1)
        self._column = drawn(spatial.column, geometry.bank_row(stripes, 0)[:, np.newaxis], np.arange(COLUMNS))

    def of(self, stripe: Numbers, row: Numbers) -> Shifts:
        """Those of some rows of these stripes, int64 (rows,); float64 (rows, 32)."""
        place = self._place[stripe]
        return np.asarray((self._bank[place] + self._row[place, row])[:, np.newaxis] + self._column[place])


def spatial_spread(spatial: Spatial) -> float:
    """The standard deviation of the shifts."""
    return hypot(*(each.si("ratio") for each in (spatial.bank, spatial.row, spatial.column)))


def _stages(
    chip: ChipInstance, target: Target, policy: str, flips: SignRates, pattern: Pattern
) -> tuple[Transitions, Transitions]:
    """What programming does, and what each read does."""
    given = chip.bit_error_rate is not None or target.physics is None
    programming = neighbours(flips.mean) if given else binary_flips(flips)
    before = none() if chip.kinds is ErrorKinds.READ else programming
    # Binary rows want no sensing window, and so no devices that it would have to fit.
    if not pattern.rows.kinds.ternary.any() or given or chip.kinds is ErrorKinds.PROGRAMMING:
        return before, none()
    return before, ternary_reads(ternary_rates(solve_cell(target, policy, chip.conditions).sound()))


def _with_stuck(
    chip: ChipInstance, target: Target, policy: str
) -> Callable[[Rows, Transitions, Transitions], tuple[Transitions, Transitions]] | None:
    """Brings the synapses with stuck devices into what programming and each read do; None where a chip has none."""
    cell = stuck_cell(chip, target, policy)
    if cell is None:
        return None
    stuck = StuckSynapses(cell)

    def model(rows: Rows, before: Transitions, after: Transitions) -> tuple[Transitions, Transitions]:
        before = stuck.programming(chip.seed, rows.bank_row, before)
        if rows.ternary.any() and chip.kinds is not ErrorKinds.PROGRAMMING:
            after = stuck.reading(chip.seed, rows.bank_row, after)
        return before, after

    return model


def _program_by_law(
    chip: ChipInstance, rows: Rows, stages: tuple[Transitions, Transitions], xnor: float, answering: Answering
) -> None:
    programming, reading = stages
    stored = rows.sign, rows.nonzero
    if not programming.nothing:
        stored = turn_by_law(chip.seed, chip.conditions.cycles, rows, programming.laws(rows.kinds))
    laws = reading.laws(rows.kinds)
    if xnor:
        found = misread(laws.minus[..., np.newaxis], laws.at_most_zero[..., np.newaxis], rows.kinds.ternary, xnor)
        laws = Laws(*(each[..., 0] for each in found))
    answering.by_law(rows, *stored, laws)


def _program_each(
    chip: ChipInstance, rows: Rows, stages: tuple[Transitions, Transitions], xnor: float, answering: Answering
) -> None:
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
