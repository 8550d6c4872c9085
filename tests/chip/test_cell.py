"""The cell that a target's numbers give: its tables come out of it, and it refuses what the model does not cover."""

from __future__ import annotations

import warnings
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from edgebnn.chip.device.ageing import aged_rate
from edgebnn.chip.device.cell import cell_error_rate, ternary_rates
from edgebnn.chip.device.cell_solver import solve_cell
from edgebnn.chip.device.conditions import KELVIN, Conditions
from edgebnn.chip.device.discharge import amplifier_spreads
from edgebnn.chip.device.sensing_window import _quantile
from edgebnn.chip.target.target import Target
from edgebnn.chip.target_files.device_check import check_solvable
from edgebnn.chip.target_files.loading import load_target
from edgebnn.chip.target_files.rules import check_target
from edgebnn.errors import TargetError

RRAM130 = load_target("rram130")
assert RRAM130.physics is not None
WORST = RRAM130.physics.ageing.worst.si("ratio")
assert RRAM130.physics is not None
PHYSICS = RRAM130.physics
POLICIES = list(RRAM130.policies)
FRESH = Conditions()


def with_value(path: str, value: float, start: Target = RRAM130) -> Target:
    """A target, rram130 by default, with another value in one place of [physics], [policies] or [supply]."""

    def changed(section: Any, names: list[str]) -> Any:
        name, *rest = names
        inner = section[name] if isinstance(section, dict) else getattr(section, name)
        new = changed(inner, rest) if rest else replace(inner, value=value)
        return section | {name: new} if isinstance(section, dict) else replace(section, **{name: new})

    target: Target = changed(start, path.split("."))
    return target


def error_rate(policy: str, conditions: Conditions, target: Target = RRAM130) -> float:
    return cell_error_rate(solve_cell(target, policy, conditions))


@pytest.mark.parametrize("policy", POLICIES)
def test_at_reference_conditions_a_cell_errs_at_its_policys_rate(policy: str) -> None:
    assert error_rate(policy, FRESH) == pytest.approx(RRAM130.policies[policy].bit_error_rate.value, rel=1e-4)


@pytest.mark.parametrize("name", PHYSICS.ternary)
def test_the_table_of_ternary_errors_comes_out_at_its_supplies(name: str) -> None:
    row = PHYSICS.ternary[name]
    conditions = Conditions(supply_v=row.supply.si("voltage"))
    rates = ternary_rates(solve_cell(RRAM130, PHYSICS.sense.window_policy, conditions))
    assert rates.to_zero == pytest.approx(row.to_zero.value, rel=1e-4)
    assert rates.from_zero == pytest.approx(row.from_zero.value, rel=1e-4)
    assert rates.sign_flip < row.sign_flip.value == 1e-6


def test_between_the_tabulated_supplies_the_errors_lie_between_the_tabulated_ones() -> None:
    rates = [ternary_rates(solve_cell(RRAM130, "strong", Conditions(supply_v=v))) for v in (0.6, 0.8, 1.0, 1.2)]
    zeros = [each.from_zero for each in rates]
    assert zeros == sorted(zeros)
    assert all(each.to_zero == pytest.approx(1e-2, rel=0.02) and each.sign_flip < 1e-6 for each in rates)


def test_between_several_tables_the_window_comes_from_the_nearest_and_beyond_them_it_is_refused() -> None:
    """The highest tables of three would once have been taken for the lowest beyond them."""
    target = with_value("supply.nominal", 1.5)
    zeros = [ternary_rates(solve_cell(target, "strong", Conditions(supply_v=v))).from_zero for v in (1.15, 1.19, 1.2)]
    assert zeros == sorted(zeros) and 0.17 < zeros[0] < zeros[-1] < 0.19
    for supply in (1.21, 1.5, None):
        with pytest.raises(TargetError, match=r"describes the sense amplifiers from 0\.6 to 1\.2 V, not at"):
            solve_cell(target, "strong", Conditions(supply_v=supply))


def test_devices_that_overlap_too_much_for_the_table_are_refused() -> None:
    """Even a window that is always the same lets in more than 18.5 % of the zeros where it misses 1e-2 of the LRS."""
    target = with_value("policies.strong.bit_error_rate", 2e-2)
    with pytest.raises(TargetError, match="cannot come out of devices programmed under 'strong'"):
        solve_cell(target, "strong", FRESH)


@pytest.mark.parametrize("policy", POLICIES)
def test_ageing_begins_at_a_share_of_the_endurance_and_goes_with_a_power_of_the_cycles(policy: str) -> None:
    fresh = RRAM130.policies[policy].bit_error_rate.value
    endurance = RRAM130.policies[policy].endurance.integer("cycles")
    onset = endurance // 5
    assert aged_rate(RRAM130, policy, 0) == aged_rate(RRAM130, policy, onset) == fresh
    assert aged_rate(RRAM130, policy, 2 * onset) == pytest.approx(min(4 * fresh, WORST))
    assert aged_rate(RRAM130, policy, endurance) == pytest.approx(min(25 * fresh, WORST))
    assert error_rate(policy, Conditions(cycles=2 * onset)) == pytest.approx(min(4 * fresh, WORST), rel=1e-4)


def test_the_law_of_ageing_leaves_weakly_programmed_devices_a_billion_cycles() -> None:
    """Billions of cycles, arXiv 1902.02528: up to there the rate is that of fresh devices."""
    assert aged_rate(RRAM130, "ultra-low-energy", 10**9) == aged_rate(RRAM130, "ultra-low-energy", 0)


@pytest.mark.parametrize("policy", POLICIES)
def test_warmth_and_time_since_programming_cost_reliability(policy: str) -> None:
    for conditions in (
        [Conditions(temperature_k=KELVIN + celsius) for celsius in (-20, 0, 26.85, 50, 69)],
        [Conditions(retention_s=hours * 3600.0) for hours in (2, 24, 24 * 365)],
    ):
        rates = [error_rate(policy, each) for each in conditions]
        assert rates == sorted(rates) and rates[0] < rates[-1]


@pytest.mark.parametrize(
    ("policy", "rates"),
    [
        ("strong", (1.0e-7, 2.5e-8, 1.6e-8, 4.1e-8, 7.4e-7)),
        ("nominal", (1.0e-5, 7.0e-6, 4.6e-6, 4.6e-6, 8.9e-6)),
        ("low-energy", (2.0e-3, 1.9e-3, 1.7e-3, 1.7e-3, 1.9e-3)),
        ("ultra-low-energy", (3.3e-2, 3.3e-2, 3.2e-2, 3.2e-2, 3.3e-2)),
    ],
)
def test_the_transistor_in_series_first_evens_out_the_devices_and_then_differs_itself(
    policy: str, rates: tuple[float, ...]
) -> None:
    """The table of docs/physics.md."""
    found = [error_rate(policy, Conditions(supply_v=supply)) for supply in (1.2, 0.9, 0.7, 0.65, 0.6)]
    assert found == pytest.approx(rates, rel=0.03)


@pytest.mark.parametrize("policy", POLICIES)
def test_a_low_supply_costs_reliability_where_the_amplifier_alone_feels_it(policy: str) -> None:
    """Without the transistor: an amplifier's offset weighs more."""
    target = replace(RRAM130, physics=replace(PHYSICS, access=None))
    rates = [error_rate(policy, Conditions(supply_v=supply), target) for supply in (1.2, 0.9, 0.6)]
    assert rates == sorted(rates) and rates[0] < rates[-1]


def test_within_the_first_hour_nothing_is_lost() -> None:
    assert solve_cell(RRAM130, "strong", Conditions(retention_s=3600)) == solve_cell(RRAM130, "strong", FRESH)


@pytest.mark.parametrize(
    ("conditions", "sentence"),
    [
        (Conditions(supply_v=1.3), "works from 0.6 to 1.2 V"),
        (Conditions(supply_v=0.5), "works from 0.6 to 1.2 V"),
        (Conditions(temperature_k=KELVIN + 71), "reaches from -20 to 70 C"),
        (Conditions(temperature_k=KELVIN - 21), "reaches from -20 to 70 C"),
        (Conditions(cycles=10**6 + 1), r"endure 1e\+06"),
    ],
)
def test_conditions_beyond_the_model_are_refused(conditions: Conditions, sentence: str) -> None:
    with pytest.raises(TargetError, match=sentence):
        solve_cell(RRAM130, "strong", conditions)


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("physics.sense.offset", 1000, "which no spread of its devices gives"),
        ("physics.sense.threshold", 1.5, "the sense amplifiers of 'rram130' do not work"),
        ("physics.ternary.nominal.to_zero", 1e-12, "physics.ternary.nominal .* cannot come out"),
        ("physics.ternary.nominal.to_zero", 1e-300, "physics.ternary.nominal .* cannot come out"),
        ("physics.ternary.nominal.from_zero", 1e-300, "physics.ternary.nominal .* cannot come out"),
        ("policies.nominal.bit_error_rate", 0.4999999, "give no devices that could exist"),
    ],
)
def test_numbers_that_contradict_each_other_are_refused(path: str, value: float, sentence: str) -> None:
    with pytest.raises(TargetError, match=sentence):
        solve_cell(with_value(path, value), "nominal", FRESH)


def test_an_unknown_policy_and_a_target_without_devices_are_named() -> None:
    with pytest.raises(TargetError, match="no programming policy 'weak'; it has: strong, nominal"):
        solve_cell(RRAM130, "weak", FRESH)
    with pytest.raises(TargetError, match="target 'cortex-m4' describes no devices"):
        solve_cell(load_target("cortex-m4"), "strong", FRESH)


def test_a_policy_without_errors_has_devices_without_spread() -> None:
    target = with_value("policies.nominal.bit_error_rate", 0)
    assert solve_cell(target, "nominal", FRESH).lrs.spread == 0
    assert error_rate("nominal", FRESH, target) == pytest.approx(0, abs=1e-12)


def test_devices_that_could_not_exist_are_refused_at_the_temperature_that_makes_them() -> None:
    target = with_value("physics.temperature.hrs_activation", 1e3)
    solve_cell(target, "nominal", FRESH)
    with pytest.raises(TargetError, match="give no devices that could exist"):
        solve_cell(target, "nominal", Conditions(temperature_k=260))


def test_where_the_low_resistance_would_vanish_there_is_no_cell() -> None:
    target = with_value("physics.temperature.lrs_drift", 0.03)
    with pytest.raises(TargetError, match="the low resistance of 'rram130' would be none at all"):
        solve_cell(target, "nominal", Conditions(temperature_k=260))


NUMBERS = [path for path, _, _ in RRAM130.quantities() if path.split(".")[0] in ("physics", "policies", "supply")]
EXTREMES = [0, 5e-324, 1e-300, 1e-9, 1e-3, 0.4999, 0.4999999999999999, 1, 1e3, 10**18]


def check_everywhere(changes: list[tuple[str, float]]) -> int:
    """How many cells there are, of two under each policy: whatever is wrong is a TargetError; nothing warns."""
    target, cells = RRAM130, 0
    with warnings.catch_warnings(), suppress(TargetError):
        warnings.simplefilter("error")
        for path, value in changes:
            target = with_value(path, value, target)
        check_target(target, "target")
        with suppress(TargetError):
            check_solvable(target, "target")
        for policy in POLICIES:
            for conditions in (FRESH, Conditions(cycles=10**5, supply_v=0.9, temperature_k=260, retention_s=1e6)):
                with suppress(TargetError):
                    cell = solve_cell(target, policy, conditions)
                    rates = ternary_rates(cell)
                    assert all(0 <= each <= 1 for each in (cell_error_rate(cell), rates.to_zero, rates.from_zero))
                    cells += 1
    return cells


def test_the_shipped_numbers_give_every_cell() -> None:
    assert check_everywhere([]) == 2 * len(POLICIES)


@pytest.mark.parametrize("path", NUMBERS)
def test_a_number_at_its_extremes_gives_cells_or_one_sentence(path: str) -> None:
    for value in EXTREMES:
        check_everywhere([(path, value)])


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(NUMBERS), st.sampled_from(EXTREMES)), min_size=2, max_size=3))
def test_numbers_at_their_extremes_give_cells_or_one_sentence(changes: list[tuple[str, float]]) -> None:
    check_everywhere(changes)


@given(st.floats(260, 340), st.sampled_from([0.7, 0.9, None]))
def test_the_amplifiers_noise_is_thermal_and_their_offset_is_not(kelvin: float, supply: float | None) -> None:
    """Noise in volts goes with the root of the absolute temperature; both see the same volts a unit of ln R."""
    offset, noise = amplifier_spreads(RRAM130, supply, kelvin)
    reference = PHYSICS.temperature.reference.si("temperature")
    volts = PHYSICS.sense.noise.si("voltage") / PHYSICS.sense.offset.si("voltage")
    assert noise / offset == pytest.approx(volts * (kelvin / reference) ** 0.5)


def test_a_rate_has_a_finite_quantile_at_both_of_its_ends() -> None:
    low, high = _quantile(0.0), _quantile(1.0)
    assert -50 < low < _quantile(1e-300) < _quantile(0.5) == 0 < _quantile(0.999) < high < 10
