"""Stuck devices, by docs/physics.md alone: formulas, sampled cells, every error model, and what verifying mends."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from edgebnn.chip.banks.programmed_banks import unpack
from edgebnn.chip.device.cell import Cell, pair_rates, ternary_rates
from edgebnn.chip.device.cell_solver import solve_cell
from edgebnn.chip.device.conditions import Conditions
from edgebnn.chip.device.resistances import StuckIn
from edgebnn.chip.device.stuck_devices import drawn_sticking
from edgebnn.chip.errors.error_rates import chip_rate, model_rates
from edgebnn.chip.errors.programming import program
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorKinds, ErrorModel
from edgebnn.chip.random.philox import Domain, draw
from edgebnn.chip.study.coded_samples import count_cell_errors
from edgebnn.chip.target.quantity import Evidence
from edgebnn.chip.target.target import Target
from edgebnn.chip.target_files.loading import load_target
from edgebnn.errors import TargetError
from tests.chip.patterns import meant, read_all, ternary_pattern
from tests.chip.test_device_laws import POLICY, holds, target_with, uniform_banks

LRS, HRS = 0.06, 0.03
BANKS = 64


def faulty() -> Target:
    return target_with(stuck_lrs=f'{LRS}, unit = "1"', stuck_hrs=f'{HRS}, unit = "1"')


def cell_of(target: Target, policy: str = POLICY) -> Cell:
    return solve_cell(target, policy, Conditions())


def twin_wrong(cell: Cell, sign: int, cells: int, seed: int) -> int:
    """Pairs that read as the opposite, drawn with NumPy's own generator from the page."""
    draws = np.random.default_rng(seed)

    def line(low: bool) -> np.ndarray:
        u = draws.random(cells)
        in_low = np.where(u < LRS, True, np.where(u >= 1 - HRS, False, low))
        state = [np.where(in_low, getattr(cell.lrs, n), getattr(cell.hrs, n)) for n in ("ln_median", "spread")]
        return state[0] + state[1] * draws.standard_normal(cells)

    bl, blb = line(sign > 0), line(sign < 0)
    margin = blb - bl + draws.normal(0, np.hypot(cell.offset, cell.noise), cells)
    return int((margin < 0 if sign > 0 else margin > 0).sum())


@pytest.mark.parametrize("sign", [1, -1])
def test_the_formula_is_that_of_a_twin_written_from_the_page(sign: int) -> None:
    cell = cell_of(faulty())
    rates = pair_rates(cell)
    holds(twin_wrong(cell, sign, 400_000, sign + 1), 400_000, rates.plus if sign > 0 else rates.minus)


def test_a_pair_that_is_stuck_as_a_whole_makes_one_sign_wrong_for_good() -> None:
    """By hand, for devices so far apart that nothing else errs: which of the nine pairs of states read as what."""
    cell = cell_of(faulty(), "strong")
    free = 1 - LRS - HRS
    wrong = HRS * LRS + 0.5 * (free * LRS + HRS * free + LRS * LRS + HRS * HRS)
    rates = pair_rates(cell)
    assert (rates.plus, rates.minus) == pytest.approx((wrong, wrong), rel=1e-4)


def test_cells_sampled_in_c_err_as_the_formula_says() -> None:
    cell = cell_of(faulty())
    counted, rates = count_cell_errors(cell, 5, 10**6, []), pair_rates(cell)
    holds(counted.plus.wrong, counted.plus.trials, rates.plus)
    holds(counted.minus.wrong, counted.minus.trials, rates.minus)


@pytest.mark.parametrize("errors", [ErrorModel.BER, ErrorModel.TABLE, ErrorModel.DEVICE])
@pytest.mark.parametrize("sign", [1, -1])
def test_every_model_of_devices_errs_at_that_rate(errors: ErrorModel, sign: int) -> None:
    target = faulty()
    chip = ChipInstance(11, errors=errors, kinds=ErrorKinds.PROGRAMMING)
    banks = program(chip, target, uniform_banks(BANKS, sign), POLICY)
    wrong = int((unpack(banks.sign[..., 1]) != (sign > 0)).sum())
    signs = model_rates(chip, target, POLICY)
    rate = signs.plus if sign > 0 else signs.minus
    if errors is ErrorModel.TABLE:  # whole banks and rows err more or less: no independent trials
        assert wrong / (BANKS * 1024) == pytest.approx(rate, rel=0.1)
    else:
        holds(wrong, BANKS * 1024, rate)
    found = chip_rate(chip, target, POLICY, uniform_banks(BANKS, sign))
    assert found.rate == pytest.approx(signs.mean) and found.evidence is Evidence.ASSUMED


@pytest.mark.parametrize("errors", [ErrorModel.BER, ErrorModel.DEVICE])
def test_ternary_weights_are_read_wrong_as_the_formula_says(errors: ErrorModel) -> None:
    target, pattern = faulty(), ternary_pattern(BANKS)
    rates, weights = ternary_rates(cell_of(target)), meant(pattern)
    found = read_all(program(ChipInstance(4, errors=errors), target, pattern, POLICY))
    for weight, other, rate in (
        (1, -1, rates.flip.plus), (-1, 1, rates.flip.minus), (1, 0, rates.vanish.plus), (-1, 0, rates.vanish.minus),
        (0, 1, rates.appear.plus), (0, -1, rates.appear.minus),
    ):  # fmt: skip
        here = weights == weight
        holds(int((here & (found == other)).sum()), int(here.sum()), rate)


def test_the_same_devices_are_stuck_whatever_is_programmed_how_often_and_in_which_model() -> None:
    target = faulty()
    sticking = drawn_sticking(7, np.arange(BANKS * 32).reshape(-1), cell_of(target))
    assert sticking is not None
    words = draw(7, Domain.STUCK, np.arange(BANKS * 32)[:, np.newaxis], np.arange(32))[..., :2] / 2**32
    expected = np.where(words < LRS, StuckIn.LRS, np.where(words >= 1 - HRS, StuckIn.HRS, StuckIn.NONE))
    assert np.array_equal(sticking, expected)
    always_minus = (sticking[..., 0] == StuckIn.HRS) & (sticking[..., 1] == StuckIn.LRS)
    assert always_minus.sum() > 50
    for errors, cycles in product((ErrorModel.BER, ErrorModel.TABLE, ErrorModel.DEVICE), (0, 3)):
        chip = ChipInstance(7, errors=errors, policy="strong", conditions=Conditions(cycles=cycles))
        for sign, wrong in ((1, True), (-1, False)):
            banks = program(chip, target, uniform_banks(BANKS, sign), "strong")
            flags = (unpack(banks.sign[..., 1]) != (sign > 0)).reshape(-1, 32)
            assert (flags[always_minus] == wrong).all()


def test_a_stuck_device_keeps_its_resistance_and_no_attempt_mends_it() -> None:
    target = faulty()
    cell = cell_of(target)
    chips = [ChipInstance(3, errors=ErrorModel.DEVICE, attempts=n) for n in (1, 8)]
    once, often = (unpack(program(chip, target, uniform_banks(BANKS, 1), POLICY).sign[..., 1]) for chip in chips)
    sticking = drawn_sticking(3, np.arange(BANKS * 32), cell)
    assert sticking is not None
    sticking = sticking.reshape(BANKS, 32, 32, 2)
    dead = (sticking[..., 0] == StuckIn.HRS) & (sticking[..., 1] == StuckIn.LRS)
    both = (sticking != StuckIn.NONE).all(axis=-1)
    free = (sticking == StuckIn.NONE).all(axis=-1)
    assert np.array_equal(once[both], often[both]) and often[dead].mean() < 0.1
    assert (~often[free]).mean() < 1e-3 < 0.02 < (~once[free]).mean()


def test_errors_of_reads_alone_and_rates_that_were_given_know_no_stuck_devices() -> None:
    target, sound = faulty(), load_target("rram130")
    for chip in (
        ChipInstance(1, 0.02),
        ChipInstance(1, errors=ErrorModel.NEIGHBOUR),
        ChipInstance(1, errors=ErrorModel.DEVICE, kinds=ErrorKinds.READ),
        ChipInstance(1, kinds=ErrorKinds.READ, read_error_rate=0.1),
    ):
        here, there = (program(chip, each, uniform_banks(8, 1), POLICY) for each in (target, sound))
        assert np.array_equal(here.sign, there.sign) and np.array_equal(here.tables, there.tables)


def test_without_a_share_nothing_changes_and_more_than_all_is_refused() -> None:
    cell = cell_of(load_target("rram130"))
    assert drawn_sticking(1, np.arange(4), cell) is None and cell == replace(cell).sound()
    with pytest.raises(TargetError, match=r"physics.stuck.lrs and physics.stuck.hrs add up to more than 1"):
        target_with(stuck_lrs='0.7, unit = "1"', stuck_hrs='0.4, unit = "1"')
