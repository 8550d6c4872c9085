"""Error models that know rates alone: `ber`, `neighbour` and `table`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import hypot

import numpy as np
import numpy.typing as npt

from edgebnn.chip.cell import ternary_rates
from edgebnn.chip.geometry import COLUMNS, Geometry, Numbers
from edgebnn.chip.instance import ChipInstance, ErrorKinds
from edgebnn.chip.normal import normal
from edgebnn.chip.pattern import Rows
from edgebnn.chip.philox import Domain, draw
from edgebnn.chip.physics import Spatial
from edgebnn.chip.reading import Thresholds
from edgebnn.chip.solving import solve_cell
from edgebnn.chip.stuck_devices import StuckSynapses, stuck_cell
from edgebnn.chip.target import Target, physics_of
from edgebnn.chip.theory import SignRates
from edgebnn.chip.transitions import (
    Transitions,
    binary_flips,
    neighbours,
    neighbours_by_sign,
    none,
    ternary_reads,
    turned,
    turning,
    uniform,
)
from edgebnn.errors import TargetError

Model = Callable[[Rows], tuple[Thresholds, Thresholds]]
Shifts = npt.NDArray[np.float64]


def ber_answers(chip: ChipInstance, target: Target, policy: str, flips: SignRates) -> Model:
    """Binary weights flip for good at the rates of their signs; ternary ones are read wrong at those of the window.

    Where the user gave the rate, or the target describes no sensing window, ternary weights turn into a neighbour for
    good at that rate instead.
    """
    stages, with_stuck = _stages(chip, target, policy, flips), _with_stuck(chip, target, policy)

    def model(rows: Rows) -> tuple[Thresholds, Thresholds]:
        return _answers(chip, rows, *with_stuck(rows, *stages(rows)))

    return model


def table_answers(chip: ChipInstance, target: Target, policy: str, flips: SignRates) -> Model:
    """The rates of `ber` as they differ by bank, row and column; a cell that was measured has its own."""
    stages, with_stuck = _stages(chip, target, policy, flips), _with_stuck(chip, target, policy)
    spatial = physics_of(target).spatial
    spread = spatial_spread(spatial)

    def model(rows: Rows) -> tuple[Thresholds, Thresholds]:
        before, after = stages(rows)
        if spread:
            shifts = spatial_shifts(chip.seed, rows.geometry, rows.stripe, rows.row, spatial)
            before, after = (each.spread_out(shifts, spread) for each in (before, after))
        before, after = with_stuck(rows, before, after)
        if chip.measured is not None and chip.measured.error_rate is not None and chip.kinds is not ErrorKinds.READ:
            here, index = chip.measured.places(rows.cell)
            before = before.replaced(here, neighbours_by_sign(*np.moveaxis(chip.measured.error_rate[index], -1, 0)))
            after = after.replaced(here, none())
        return _answers(chip, rows, before, after)

    return model


def neighbour_answers(chip: ChipInstance, rate: float) -> Model:
    """Of all weights the share `rate` is wrong, drawn anew in every inference.

    +-1 is added to a ternary weight with the probability 2 rate / (1 + p0), p0 being its layer's share of zeros, and
    the result made ternary again; a binary weight turns. Raises TargetError for a rate that this cannot reach.
    """

    def model(rows: Rows) -> tuple[Thresholds, Thresholds]:
        added = 2 * rate / (1 + rows.zero_share[:, np.newaxis])
        if (added[rows.ternary] > 1).any():
            most = (1 + float(rows.zero_share[rows.ternary].min())) / 2
            raise TargetError(
                f"neighbour errors cannot make a share of {rate:g} of the ternary weights wrong: in a layer of this "
                f"network the largest is {most:.3g}; choose a smaller bit error rate"
            )
        minus, at_most_zero = turning(rate, added / 2, added).thresholds(rows.values, rows.ternary)
        return _both(minus), _both(at_most_zero)

    return model


def spatial_shifts(seed: int, geometry: Geometry, stripe: Numbers, row: Numbers, spatial: Spatial) -> Shifts:
    """By what the normal quantile of each synapse's error rate differs from the mean, float64 (rows, 32).

    A sum of what bank, row and column add, each normal. `stripe` and `row` are int64 (rows,); all stripes of a bank
    have the same bank and the same rows.
    """
    first = stripe // geometry.words * geometry.words
    bank, bank_row, column = (
        geometry.bank_row(*place)[:, np.newaxis] for place in ((first, 0), (first, row), (stripe, 0))
    )
    places = (
        (spatial.bank, bank, np.int64(COLUMNS)),
        (spatial.row, bank_row, np.int64(COLUMNS + 1)),
        (spatial.column, column, np.arange(COLUMNS)),
    )
    shifts = np.zeros((len(stripe), COLUMNS))
    for spread, place, within in places:
        shifts += spread.si("ratio") * normal(draw(seed, Domain.SPATIAL, place, within)[..., 0]).astype(np.float64)
    return shifts


def spatial_spread(spatial: Spatial) -> float:
    """The standard deviation of the shifts."""
    return hypot(*(each.si("ratio") for each in (spatial.bank, spatial.row, spatial.column)))


def _stages(
    chip: ChipInstance, target: Target, policy: str, flips: SignRates
) -> Callable[[Rows], tuple[Transitions, Transitions]]:
    """(what programming does, what each read does) to some rows."""
    given = chip.bit_error_rate is not None or target.physics is None
    programming = neighbours(flips.mean) if given else binary_flips(flips)
    before = none() if chip.kinds is ErrorKinds.READ else programming

    @cache
    def reading() -> Transitions:
        return ternary_reads(ternary_rates(solve_cell(target, policy, chip.conditions).sound()))

    def stages(rows: Rows) -> tuple[Transitions, Transitions]:
        # Binary rows want no sensing window, and so no devices that it would have to fit.
        sensed = rows.ternary.any() and not given and chip.kinds is not ErrorKinds.PROGRAMMING
        return before, reading() if sensed else none()

    return stages


def _with_stuck(
    chip: ChipInstance, target: Target, policy: str
) -> Callable[[Rows, Transitions, Transitions], tuple[Transitions, Transitions]]:
    """Brings the synapses with stuck devices, where a chip has any, into what programming and each read do."""
    cell = stuck_cell(chip, target, policy)
    stuck = None if cell is None else StuckSynapses(cell)

    def model(rows: Rows, before: Transitions, after: Transitions) -> tuple[Transitions, Transitions]:
        if stuck is None:
            return before, after
        before = stuck.programming(chip.seed, rows.bank_row, before)
        if rows.ternary.any() and chip.kinds is not ErrorKinds.PROGRAMMING:
            after = stuck.reading(chip.seed, rows.bank_row, after)
        return before, after

    return model


def _answers(
    chip: ChipInstance, rows: Rows, programming: Transitions, reading: Transitions
) -> tuple[Thresholds, Thresholds]:
    drawn = uniform(chip.seed, Domain.PROGRAM, rows.bank_row, chip.conditions.cycles)
    stored = turned(*programming.thresholds(rows.values, rows.ternary), drawn)
    minus, at_most_zero = reading.thresholds(stored, rows.ternary)
    return _both(minus), _both(at_most_zero)


def _both(thresholds: Thresholds) -> Thresholds:
    """The same for both inputs."""
    return np.repeat(thresholds[..., np.newaxis], 2, axis=-1)
