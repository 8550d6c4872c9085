"""Error models that know rates alone: `ber`, `neighbour` and `table`."""

from __future__ import annotations

from collections.abc import Callable
from math import hypot

import numpy as np
import numpy.typing as npt

from edgebnn.chip.cell import physics_of, solve_cell
from edgebnn.chip.instance import ChipInstance, ErrorKinds
from edgebnn.chip.normal import normal
from edgebnn.chip.pattern import Rows
from edgebnn.chip.philox import Domain, draw
from edgebnn.chip.physics import Spatial
from edgebnn.chip.reading import Thresholds
from edgebnn.chip.target import COLUMNS, Target
from edgebnn.chip.ternary import ternary_rates
from edgebnn.chip.transitions import Transitions, neighbours, rates, turned, uniform
from edgebnn.errors import TargetError

Model = Callable[[Rows], tuple[Thresholds, Thresholds]]
Shifts = npt.NDArray[np.float64]


def ber_answers(chip: ChipInstance, target: Target, policy: str, rate: float) -> Model:
    """Binary weights flip for good at `rate`; ternary ones are read wrong at the rates of the sensing window.

    Where the user gave the rate, or the target describes no sensing window, ternary weights turn into a neighbour for
    good at that rate instead.
    """
    programming, reading = _stages(chip, target, policy, rate)

    def model(rows: Rows) -> tuple[Thresholds, Thresholds]:
        return _answers(chip, rows, programming, reading)

    return model


def table_answers(chip: ChipInstance, target: Target, policy: str, rate: float) -> Model:
    """The rates of `ber` as they differ by bank, row and column; a cell that was measured has its own."""
    programming, reading = _stages(chip, target, policy, rate)
    spatial = physics_of(target).spatial
    spread = spatial_spread(spatial)

    def model(rows: Rows) -> tuple[Thresholds, Thresholds]:
        before, after = programming, reading
        if spread:
            shifts = spatial_shifts(chip.seed, rows.bank_row, spatial)
            before, after = (each.spread_out(shifts, spread) for each in (before, after))
        if chip.measured is not None and chip.measured.error_rate is not None and chip.kinds is not ErrorKinds.READ:
            here, index = chip.measured.places(rows.bank_row)
            before = before.replaced(here, neighbours(chip.measured.error_rate[index]))
            after = after.replaced(here, rates())
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
        turning = Transitions(np.full_like(added, rate), np.zeros_like(added), added / 2, added)
        minus, at_most_zero = turning.thresholds(rows.values, rows.ternary)
        return _both(minus), _both(at_most_zero)

    return model


def spatial_shifts(seed: int, bank_row: npt.NDArray[np.int64], spatial: Spatial) -> Shifts:
    """By what the normal quantile of each synapse's error rate differs from the mean, float64 (rows, 32).

    A sum of what bank, row and column add, each normal.
    """
    bank = (bank_row >> 5 << 5)[:, np.newaxis]
    places = (
        (spatial.bank, bank, np.int64(COLUMNS)),
        (spatial.row, bank_row[:, np.newaxis], np.int64(COLUMNS + 1)),
        (spatial.column, bank, np.arange(COLUMNS)),
    )
    shifts = np.zeros((len(bank_row), COLUMNS))
    for spread, place, within in places:
        shifts += spread.si("ratio") * normal(draw(seed, Domain.SPATIAL, place, within)[..., 0]).astype(np.float64)
    return shifts


def spatial_spread(spatial: Spatial) -> float:
    """The standard deviation of the shifts."""
    return hypot(*(each.si("ratio") for each in (spatial.bank, spatial.row, spatial.column)))


def _stages(chip: ChipInstance, target: Target, policy: str, rate: float) -> tuple[Transitions, Transitions]:
    """(what programming does, what each read does)."""
    none = rates()
    if chip.bit_error_rate is not None or target.physics is None:
        programming, reading = neighbours(rate), none
    else:
        read = ternary_rates(solve_cell(target, policy, chip.conditions))
        programming = rates(flip=rate)
        reading = rates(sign_flip=read.sign_flip, to_zero=read.to_zero, from_zero=read.from_zero)
    return (
        none if chip.kinds is ErrorKinds.READ else programming,
        none if chip.kinds is ErrorKinds.PROGRAMMING else reading,
    )


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
