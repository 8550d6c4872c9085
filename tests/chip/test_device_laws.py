"""Tails, relaxation, telegraph noise, states and signs of their own: by docs/physics.md alone, beside the model.

The twin below is written from that page, with NumPy's own generator; it shares no code with the model but the numbers
of the target and the spread and the shift that were solved.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import binomtest

from edgebnn.chip.banks.geometry import SINGLE, cell_number
from edgebnn.chip.banks.pattern import BINARY, Pattern
from edgebnn.chip.banks.programmed_banks import unpack
from edgebnn.chip.device.cell import Cell, cell_error_rates, pair_rates, ternary_rates
from edgebnn.chip.device.cell_solver import solve_cell
from edgebnn.chip.device.conditions import Conditions
from edgebnn.chip.errors.error_rates import chip_rate
from edgebnn.chip.errors.programming import program
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorModel
from edgebnn.chip.measured.cells import Measured
from edgebnn.chip.study.characterise import Request, characterise
from edgebnn.chip.study.coded_samples import count_cell_errors
from edgebnn.chip.study.comparators import Scheme, scheme_error_rate
from edgebnn.chip.study.ternary_samples import count_ternary_errors
from edgebnn.chip.target.target import Target
from edgebnn.chip.target_files.loading import load_target, parse_target, read_target_file
from edgebnn.errors import TargetError

POLICY = "ultra-low-energy"
TEXT, WHERE = read_target_file("rram130")
SIGNS = """error_rate_plus = {{ value = {}, unit = "1", source = "a test", evidence = "assumed" }}
error_rate_minus = {{ value = {}, unit = "1", source = "a test", evidence = "assumed" }}
"""


def target_with(policy: str = "", **numbers: str) -> Target:
    """rram130 with other numbers: `tails_share="0.1"` sets physics.tails.share."""
    text = TEXT
    for name, value in numbers.items():
        table, _, field = name.partition("_")
        head, tail = text.split(f"[physics.{table}]\n", 1)
        lines = tail.split("\n")
        stated = f'{field} = {{ value = {value}, source = "a test", evidence = "assumed" }}'
        place = next((i for i, line in enumerate(lines) if line.startswith(f"{field} ")), None)
        lines[0 if place is None else place : 0 if place is None else place + 1] = [stated]
        text = f"{head}[physics.{table}]\n" + "\n".join(lines)
    if policy:
        text = text.replace(f"[policies.{POLICY}]\n", f"[policies.{POLICY}]\n{policy}")
    return parse_target(text, WHERE)


LAWS: dict[str, dict[str, Any]] = {
    "tails": {"tails_share": '0.1, unit = "1"', "tails_width": '3, unit = "times"'},
    "relaxation": {"relaxation_share": '0.4, unit = "1"'},
    "telegraph": {"telegraph_amplitude": '0.5, unit = "ln"'},
    "states": {"variability_lrs_spread": '0.5, unit = "times"', "variability_hrs_spread": '1.5, unit = "times"'},
    "signs": {"policy": SIGNS.format(0.044, 0.022)},
    "all": {
        "policy": SIGNS.format(0.044, 0.022),
        "tails_share": '0.1, unit = "1"',
        "relaxation_share": '0.3, unit = "1"',
        "telegraph_amplitude": '0.5, unit = "ln"',
        "variability_lrs_spread": '0.7, unit = "times"',
    },
}
each_law = pytest.mark.parametrize("law", LAWS)


@dataclass(frozen=True)
class Twin:
    """ln R of BL and BLb of cells programmed to +1 and to -1, and how often reads are wrong; from the page alone."""

    cell: Cell
    cells: int = 400_000

    def lines(self, draws: np.random.Generator, low: bool, blb: bool, read: bool) -> npt.NDArray[np.float64]:
        state = self.cell.lrs if low else self.cell.hrs
        z, z_n, y_n = draws.standard_normal((3, self.cells))
        astray = draws.random(self.cells) < self.cell.tails.share
        found = state.ln_median + self.cell.blb_shift * blb + state.device_spread * z
        found += state.cycle_spread * np.where(astray, self.cell.tails.width, 1) * z_n + state.relaxation_spread * y_n
        if read:
            upper = draws.random(self.cells) < self.cell.telegraph.share
            found += upper * draws.random(self.cells) * self.cell.telegraph.amplitude
        return found

    def wrong(self, seed: int, sign: int) -> int:
        draws = np.random.default_rng(seed)
        lrs = self.lines(draws, True, sign < 0, True)
        hrs = self.lines(draws, False, sign > 0, True)
        sensed = draws.normal(0, self.cell.offset, self.cells) + draws.normal(0, self.cell.noise, self.cells)
        return int((lrs > hrs + sensed).sum())


def holds(wrong: int, trials: int, rate: float) -> None:
    interval = binomtest(wrong, trials).proportion_ci(0.9999, "exact")
    assert interval.low <= rate <= interval.high, f"{wrong} of {trials} for a rate of {rate}"


@each_law
def test_the_policys_rates_come_out_whatever_is_switched_on(law: str) -> None:
    rates = cell_error_rates(solve_cell(target_with(**LAWS[law]), POLICY, Conditions()))
    plus, minus = (0.044, 0.022) if "policy" in LAWS[law] else (0.033, 0.033)
    assert rates.plus == pytest.approx(plus, rel=1e-4) and rates.minus == pytest.approx(minus, rel=1e-4)


@each_law
def test_the_formulas_are_those_of_a_twin_written_from_the_page(law: str) -> None:
    cell = solve_cell(target_with(**LAWS[law]), POLICY, Conditions())
    twin, rates = Twin(cell), pair_rates(cell)
    for seed, (sign, rate) in enumerate(((1, rates.plus), (-1, rates.minus))):
        holds(twin.wrong(seed, sign), twin.cells, rate)


@each_law
def test_cells_sampled_in_c_err_as_the_formulas_say(law: str) -> None:
    cell = solve_cell(target_with(**LAWS[law]), POLICY, Conditions())
    counted, rates = count_cell_errors(cell, 7, 10**6, []), pair_rates(cell)
    holds(counted.plus.wrong, counted.plus.trials, rates.plus)
    holds(counted.minus.wrong, counted.minus.trials, rates.minus)
    holds(counted.single.wrong, counted.single.trials, scheme_error_rate(cell, Scheme.SINGLE))


def test_sampled_ternary_reads_have_their_devices_telegraph_noise() -> None:
    cell = solve_cell(target_with(**LAWS["telegraph"]), POLICY, Conditions())
    counted, rates = count_ternary_errors(cell, 7, 2**19), ternary_rates(cell)
    for event in ("sign_flip", "to_zero", "from_zero"):
        tally = getattr(counted, event)
        holds(tally.wrong, tally.trials, getattr(rates, event))


def uniform_banks(banks: int, sign: int) -> Pattern:
    word = np.uint32(0xFFFFFFFF if sign > 0 else 0)
    shape = (banks, 32)
    nonzero, kind = np.full(shape, np.uint32(0xFFFFFFFF)), np.full(shape, BINARY, np.uint8)
    return Pattern(SINGLE, np.full(shape, word), nonzero, kind, np.zeros(shape))


@pytest.mark.parametrize(
    ("law", "errors"),
    # Rates by themselves know nothing of devices, but tell signs apart.
    [(law, ErrorModel.DEVICE) for law in LAWS] + [("signs", ErrorModel.BER), ("signs", ErrorModel.TABLE)],
)
def test_a_chips_wrong_weights_have_the_rates_of_their_signs(law: str, errors: ErrorModel) -> None:
    """Most likely answers of a chip without the noise of reads; telegraph noise is one, so it is left out there."""
    target = target_with(**{name: value for name, value in LAWS[law].items() if name != "telegraph_amplitude"})
    cell = solve_cell(target, POLICY, Conditions())
    chip = ChipInstance(11, errors=errors)
    quiet = replace(cell, noise=0.0)
    rates = pair_rates(quiet)
    for sign, rate in ((1, rates.plus), (-1, rates.minus)):
        banks = program(chip, target, uniform_banks(256, sign), POLICY)
        wrong = int((unpack(banks.sign[..., 1]) != (sign > 0)).sum())
        if errors is ErrorModel.TABLE:  # whole banks and rows err more or less: no independent trials
            assert wrong / (256 * 1024) == pytest.approx(rate, rel=0.15)
        else:
            holds(wrong, 256 * 1024, rate)
    signs = chip_rate(chip, target, POLICY).signs
    assert signs is not None and (signs.plus, signs.minus) == pytest.approx((rates.plus, rates.minus), rel=0.01)


def test_relaxation_is_what_limits_verifying() -> None:
    """Verified without it, read with it: attempts no longer help where the variance comes afterwards."""
    left = []
    for share in ("0", "0.4"):
        target = target_with(relaxation_share=f'{share}, unit = "1"')
        chip = ChipInstance(5, errors=ErrorModel.DEVICE, attempts=6)
        banks = program(chip, target, uniform_banks(64, 1), POLICY)
        left.append(int((~unpack(banks.sign[..., 1])).sum()) / 65536)
    assert left[0] < 1e-3 < 5e-3 < left[1] < 0.033


def test_telegraph_noise_makes_reads_of_a_chip_differ() -> None:
    target = target_with(telegraph_amplitude='0.5, unit = "ln"')
    chip = ChipInstance(5, errors=ErrorModel.DEVICE)
    steady, noisy = (program(chip, each, uniform_banks(4, 1), POLICY) for each in (load_target("rram130"), target))
    uncertain = [int(np.bitwise_count(banks.tables[:, 1, 0]).sum()) for banks in (steady, noisy)]
    assert uncertain[1] > 2 * uncertain[0]


def test_a_transistor_in_series_lets_the_rate_depend_on_the_supply() -> None:
    target = load_target("rram130")
    nominal, low = (cell_error_rates(solve_cell(target, "strong", Conditions(supply_v=v))).mean for v in (1.2, 0.6))
    assert nominal == pytest.approx(1e-7, rel=1e-4) and 4 < low / nominal < 12
    worse = target_with(access_mismatch='80, unit = "mV"')
    assert cell_error_rates(solve_cell(worse, "strong", Conditions())).mean == pytest.approx(1e-7, rel=1e-4)
    many = cell_error_rates(solve_cell(worse, "strong", Conditions(supply_v=0.61))).mean
    assert many > 1e-5
    with pytest.raises(TargetError, match="do not conduct"):
        solve_cell(target_with(access_threshold='0.7, unit = "V"'), "strong", Conditions(supply_v=0.65))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"policy": SIGNS.format(0.05, 0.05)}, "their mean is 0.05"),
        ({"policy": SIGNS.format(0.05, 0.05).split("\n")[0] + "\n"}, "go together"),
        ({"relaxation_share": '0.8, unit = "1"'}, "add up to more than 1"),
        ({"tails_width": '0.5, unit = "times"'}, "physics.tails.width is below 1"),
        ({"access_resistance": '5, unit = "kohm"'}, "physics.access.resistance is not below policies.strong.lrs"),
    ],
)
def test_numbers_that_contradict_each_other_are_refused(changes: dict[str, str], said: str) -> None:
    with pytest.raises(TargetError, match=said):
        target_with(**changes)


def test_a_sign_that_never_errs_has_rates_and_no_devices() -> None:
    target = target_with(policy=SIGNS.format(0.066, 0))
    with pytest.raises(TargetError, match=r"0\.066 for \+1 and 0 for -1, which no spread"):
        program(ChipInstance(1, errors=ErrorModel.DEVICE), target, uniform_banks(1, 1), POLICY)
    plus, minus = (program(ChipInstance(1), target, uniform_banks(64, sign), POLICY) for sign in (1, -1))
    holds(int((~unpack(plus.sign[..., 1])).sum()), 65536, 0.066)
    assert not minus.sign.any()


def test_measured_rates_of_each_sign_are_those_of_a_chips_weights() -> None:
    """A chip on which only +1 fails; the mean rate says nothing of it."""
    cells = cell_number(*np.unravel_index(np.arange(64 * 1024), (64, 32, 32)))
    rates = np.tile([[0.2, 0.05]], (cells.size, 1))
    measured = Measured(cells, rates, None, "lab.csv", "0" * 64)
    chip, target = ChipInstance(3, errors=ErrorModel.TABLE, measured=measured), load_target("rram130")
    for sign, rate in ((1, 0.2), (-1, 0.05)):
        pattern = uniform_banks(64, sign)
        banks = program(chip, target, pattern, POLICY)
        holds(int((unpack(banks.sign[..., 1]) != (sign > 0)).sum()), cells.size, rate)
        assert chip_rate(chip, target, POLICY, pattern).rate == pytest.approx(rate)


def test_both_signs_are_counted_apart_on_sampled_cells() -> None:
    target = target_with(policy=SIGNS.format(0.044, 0.022))
    found = characterise(target, Request(policy=POLICY, cells=400_000)).rates[0]
    for rate, stated in ((found.plus, 0.044), (found.minus, 0.022)):
        assert rate.theory.value == pytest.approx(stated, rel=1e-4) and rate.sampled.trials == 200_192
        holds(rate.sampled.wrong, rate.sampled.trials, stated)
    both = found.rates[Scheme.PAIR].sampled
    assert both.wrong == found.plus.sampled.wrong + found.minus.sampled.wrong
