"""Formulas and sampled cells agree, 10^8 cells a policy; 2T2R beside 1T1R and its codes is what theory says."""

from __future__ import annotations

import warnings
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from edgebnn.chip.device.cell import Level, StuckShares, TelegraphNoise, pair_rates, ternary_rates
from edgebnn.chip.device.cell_solver import solve_cell
from edgebnn.chip.device.conditions import Conditions
from edgebnn.chip.device.error_formulas import (
    Amplifier,
    SensingWindow,
    SignRates,
    TernaryRates,
    gridded_rate,
    mean_ternary_rates,
    normal_law,
    pair_error_rate,
    single_error_rate,
)
from edgebnn.chip.device.window_formulas import seen, taken, unseen
from edgebnn.chip.study.coded_samples import count_cell_errors
from edgebnn.chip.study.secded import SECDED_8_4, SECDED_72_64, bit_error_rate
from edgebnn.chip.study.ternary_samples import count_ternary_errors
from edgebnn.chip.target_files.loading import load_target
from edgebnn.confidence import Tally
from tests.chip.codes import block_error_rate

RRAM130 = load_target("rram130")
LEVEL = 0.999


def holds(counted: Tally, rate: float) -> None:
    low, high = counted.interval(LEVEL)
    assert low <= rate <= high, f"{counted.wrong} of {counted.trials} for a rate of {rate}"


def test_mean_rates_are_those_of_the_weights_that_come() -> None:
    """(-1, 0, +1) each come so often: what happens to +1 counts by how many +1 there are, and so on."""
    first = TernaryRates(SignRates(0.01, 0.02), SignRates(0.03, 0.04), SignRates(0.05, 0.06))
    second = TernaryRates(SignRates(0.11, 0.12), SignRates(0.13, 0.14), SignRates(0.15, 0.16))
    found = mean_ternary_rates([(first, (1, 1, 3)), (second, (3, 0, 1))])
    assert (found.flip.plus, found.vanish.plus) == pytest.approx((0.035, 0.055))
    assert (found.flip.minus, found.vanish.minus) == pytest.approx((0.095, 0.115))
    assert (found.appear.plus, found.appear.minus) == pytest.approx((0.05, 0.06))
    never = mean_ternary_rates([(first, (1, 0, 0)), (second, (1, 0, 0))])
    assert (never.flip.plus, never.appear.plus) == pytest.approx((0.06, 0.10))


def test_telegraph_noise_raises_its_share_of_reads_by_half_its_amplitude_in_the_mean() -> None:
    quiet = replace(solve_cell(RRAM130, "strong", Conditions()), stuck=(StuckShares(), StuckShares()))
    cell = replace(quiet, telegraph=TelegraphNoise(0.4, 0.3))
    (base, *_), law = replace(quiet, telegraph=TelegraphNoise()).law(Level.HRS), cell.law(Level.HRS)
    assert sum(part.share for part in law) == pytest.approx(1)
    assert sum(part.share for part in law if part.mean > base.mean) == pytest.approx(0.3)
    assert sum(part.share * part.mean for part in law) == pytest.approx(base.mean + 0.3 * 0.2)


def test_without_spreads_all_devices_are_alike() -> None:
    cell = solve_cell(RRAM130, "ultra-low-energy", Conditions()).without_spreads()
    assert all(part.spread == 0 for level in Level for part in cell.law(level))
    assert all(shares == StuckShares() for shares in cell.stuck)


@pytest.mark.parametrize("policy", RRAM130.policies)
def test_10_to_the_8_sampled_cells_err_as_theory_says(policy: str) -> None:
    cell = solve_cell(RRAM130, policy, Conditions())
    counted = count_cell_errors(cell, 20200715, 10**8, [SECDED_8_4, SECDED_72_64])
    assert counted.pair.trials >= 10**8
    holds(counted.pair, pair_rates(cell).mean)
    single = single_error_rate(cell.law(Level.LRS), cell.law(Level.HRS), cell.middle)
    holds(counted.single, single)
    for code, words in counted.words.items():
        holds(words.words, block_error_rate(code, single))
        holds(words.bits, bit_error_rate(code, single))


def test_devices_at_the_strongest_contrast_err_as_theory_says_where_they_err_often() -> None:
    """Under `strong` ten pairs of 10^8 are wrong, which says little; here it is three thousand, by a wider spread."""
    strong = solve_cell(RRAM130, "strong", Conditions())
    cell = replace(strong, lrs=strong.lrs.scaled(1.3), hrs=strong.hrs.scaled(1.3), offset=1.3 * strong.offset)
    counted = count_cell_errors(cell, 20200716, 10**8, [])
    rate = pair_rates(cell).mean
    assert counted.pair.trials * rate > 1000
    holds(counted.pair, rate)
    holds(counted.single, single_error_rate(cell.law(Level.LRS), cell.law(Level.HRS), cell.middle))


@pytest.mark.parametrize(("single", "pair"), [(1e-2, 5e-4), (1e-3, 6e-6)])
def test_1t1r_becomes_2t2r_as_the_formulas_have_it(single: float, pair: float) -> None:
    contrast, spread = 2.0, 1.0 / -float(ndtri(single))
    lrs, hrs = normal_law(0.0, spread), normal_law(contrast, spread)
    assert single_error_rate(lrs, hrs, contrast / 2) == pytest.approx(single)
    assert pair_error_rate(lrs, hrs) == pytest.approx(pair, rel=0.05)


def test_an_amplifiers_offset_and_noise_add_their_variances_to_the_pairs() -> None:
    wider = (0.6**2 + 0.25 / 2) ** 0.5
    sensed = pair_error_rate(normal_law(0.0, 0.6), normal_law(2.0, 0.6), Amplifier(0.3, 0.4))
    assert sensed == pytest.approx(pair_error_rate(normal_law(0.0, wider), normal_law(2.0, wider)))


def test_devices_without_spread_do_not_err() -> None:
    lrs, hrs = normal_law(9.0, 0.0), normal_law(11.0, 0.0)
    assert single_error_rate(lrs, hrs, 10.0) == pair_error_rate(lrs, hrs) == 0
    assert taken(SensingWindow(10.0, 1.0), hrs, lrs, Amplifier()) == 0


def test_without_a_spread_of_the_devices_the_windows_alone_decides() -> None:
    """Rates are the limits of those at a small spread; where the window has none either, they are steps."""
    window = SensingWindow(10.0, 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for spread in (0.0, 1e-320, 1e-300):
            lrs, hrs = normal_law(9.0, spread), normal_law(11.0, spread)
            assert unseen(window, lrs, hrs) == pytest.approx(float(ndtr(-1)), rel=5e-3)
            assert seen(window, hrs, hrs) == pytest.approx(float(ndtr(-1)), rel=5e-3)
        wrong, in_time = float(ndtr(-4)), float(ndtr(1))
        for spread in (0.0, 1e-6):
            lrs, hrs = normal_law(9.0, spread), normal_law(11.0, spread)
            assert taken(window, hrs, lrs, Amplifier(0.3, 0.4)) == pytest.approx(wrong * in_time, rel=1e-3)
        for median, missed, fallen in ((8.0, 1, 0), (10.0, 0, 0), (12.0, 0, 1)):
            lrs, hrs = normal_law(9.0, 0.0), normal_law(11.0, 0.0)
            assert unseen(SensingWindow(median, 0.0), lrs, hrs) == pytest.approx(missed)
            assert seen(SensingWindow(median, 0.0), hrs, hrs) == pytest.approx(fallen)


@given(st.floats(0, 1))
def test_a_gridded_rate_has_30_bits_and_is_the_nearest(rate: float) -> None:
    found = gridded_rate(rate)
    assert found == gridded_rate(found) and abs(found - rate) <= max(rate * 2.0**-30, 5e-324)
    assert gridded_rate(found * (1 + 2.0**-50)) == found == gridded_rate(found * (1 - 2.0**-50))


@pytest.mark.parametrize("supply", [1.2, 0.6])
@pytest.mark.parametrize("policy", ["strong", "ultra-low-energy"])
def test_sampled_ternary_reads_err_as_theory_says(policy: str, supply: float) -> None:
    cell = solve_cell(RRAM130, policy, Conditions(supply_v=supply))
    counted, rates = count_ternary_errors(cell, 3, 2**20), ternary_rates(cell)
    for event in ("sign_flip", "to_zero", "from_zero"):
        holds(getattr(counted, event), getattr(rates, event))


def test_without_a_common_spread_the_tabulated_devices_would_hardly_ever_read_a_zero_as_a_sign() -> None:
    """The policy's devices are too far apart: 18.5 % come from a window that varies from read to read."""
    cell = solve_cell(RRAM130, "strong", Conditions())

    def window(median: float) -> SensingWindow:
        return SensingWindow(median, 0.0)

    def excess(median: float) -> float:
        return unseen(window(median), cell.law(Level.LRS), hrs) - 1e-2

    hrs = cell.law(Level.HRS)
    median = brentq(excess, cell.lrs.ln_median, cell.hrs.ln_median)
    assert seen(window(median), hrs, hrs) < 1e-5


def test_lines_that_miss_the_window_independently_would_turn_signs_a_thousand_times_too_often() -> None:
    """What cell.py says of a window without a spread that both lines share: 1e-2 and 18.5 % bring 1e-3 with them."""
    falls = 1 - (1 - 0.185) ** 0.5
    misses = 1e-2 / (1 - falls)
    lrs, hrs = normal_law(float(ndtri(misses)), 1.0), normal_law(-float(ndtri(falls)), 1.0)
    window = SensingWindow(0.0, 0.0)
    assert unseen(window, lrs, hrs) == pytest.approx(1e-2)
    assert seen(window, hrs, hrs) == pytest.approx(0.185)
    assert taken(window, hrs, lrs, Amplifier()) > misses * falls > 1e-3


def test_stuck_devices_are_told_by_the_level_and_not_by_its_numbers() -> None:
    """Where both levels have the same numbers, too, those stuck in the other one are in the law."""
    cell = replace(solve_cell(RRAM130, "nominal", Conditions()), stuck=(StuckShares(0.1, 0.3), StuckShares(0.2, 0.4)))
    for pair in (cell, replace(cell, hrs=cell.lrs)):
        for level, blb, share in ((Level.LRS, False, 0.3), (Level.HRS, False, 0.1), (Level.HRS, True, 0.2)):
            own = pair.sound().law(level, blb=blb)
            shares = [part.share for part in pair.law(level, blb=blb)]
            assert shares[: len(own)] == pytest.approx([(1 - share) * part.share for part in own])
            assert sum(shares) == pytest.approx(1)
