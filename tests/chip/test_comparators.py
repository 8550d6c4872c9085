"""The comparators: error rate, devices and energy of 2T2R beside 1T1R and its SECDED codes."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace
from scipy.special import ndtri

from edgebnn.chip.device.cell import cell_error_rate
from edgebnn.chip.device.cell_solver import solve_cell
from edgebnn.chip.device.conditions import Conditions
from edgebnn.chip.device.error_formulas import normal_law, pair_error_rate
from edgebnn.chip.study.comparators import Scheme, SchemeFigures, compare
from edgebnn.chip.study.secded import SECDED_8_4, bit_error_rate
from edgebnn.chip.target.quantity import Evidence
from edgebnn.chip.target_files.loading import load_target
from edgebnn.errors import TargetError

RRAM130 = load_target("rram130")
FRESH = Conditions()


def table(policy: str = "nominal", conditions: Conditions = FRESH) -> dict[Scheme, SchemeFigures]:
    return {row.scheme: row for row in compare(RRAM130, policy, conditions)}


def pair_of(spread: float) -> float:
    return pair_error_rate(normal_law(0.0, spread), normal_law(2.0, spread))


def test_at_the_same_redundancy_2t2r_errs_0_62_to_1_03_times_as_often_as_secded() -> None:
    """docs/physics.md: over 1T1R error rates of 1e-4 to 1e-1, an ideal amplifier reading the pair."""
    rates = [1e-4, *np.logspace(-4, -1, 61)[1:].tolist()]
    ratios = [pair_of(-1.0 / float(ndtri(p))) / bit_error_rate(SECDED_8_4, p) for p in rates]
    assert min(ratios) == pytest.approx(0.62, abs=0.005)
    assert max(ratios) == ratios[0] == pytest.approx(1.03, abs=0.005)


def test_devices_and_programming_energy_of_a_bit() -> None:
    rows = table()
    assert [rows[scheme].devices.value for scheme in Scheme] == [1, 2, 1.125, 2]
    for row in rows.values():  # 40 pJ a SET, 50 pJ a RESET, either as likely
        assert row.programming_j.value == pytest.approx(row.devices.value * 45e-12)
    assert rows[Scheme.PAIR].programming_j.value == pytest.approx(40e-12 + 50e-12)


def test_reading_energy_of_a_bit_is_a_sense_for_each_stored_one_and_the_decoders_share() -> None:
    reading = {scheme: row.reading_j.value * 1e15 for scheme, row in table().items() if row.reading_j is not None}
    assert reading == pytest.approx(
        {
            Scheme.SINGLE: 20,
            Scheme.SECDED_8_4: 2 * 20 + 300 / 4,
            Scheme.SECDED_72_64: 1.125 * 20 + 4500 / 64,
            Scheme.PAIR: 20,
        }
    )
    at_half = table(conditions=Conditions(supply_v=0.6))[Scheme.PAIR].reading_j
    assert at_half is not None and at_half.value == pytest.approx(20e-15 / 4)


def test_a_target_that_states_no_decoders_energy_has_none() -> None:
    assert RRAM130.energy is not None
    target = replace(RRAM130, energy=replace(RRAM130.energy, secded_8_4=None))
    rows = {row.scheme: row.reading_j for row in compare(target, "strong", FRESH)}
    assert rows[Scheme.SECDED_8_4] is None and rows[Scheme.SECDED_72_64] is not None


@pytest.mark.parametrize("policy", RRAM130.policies)
def test_the_error_rates_are_in_the_order_that_redundancy_suggests(policy: str) -> None:
    rows = {scheme: row.bit_error_rate.value for scheme, row in table(policy).items()}
    assert rows[Scheme.PAIR] == pytest.approx(cell_error_rate(solve_cell(RRAM130, policy, FRESH)))
    assert rows[Scheme.SECDED_8_4] < rows[Scheme.SECDED_72_64]
    assert rows[Scheme.PAIR] < rows[Scheme.SINGLE] and rows[Scheme.SECDED_8_4] < rows[Scheme.SINGLE]


def test_no_number_gets_a_better_word_than_what_enters_it() -> None:
    rows = table("ultra-low-energy")
    pair, coded = rows[Scheme.PAIR], rows[Scheme.SECDED_8_4]
    assert pair.bit_error_rate.evidence is Evidence.SECONDARY  # the policy's own number
    assert pair.devices.evidence is Evidence.ABSTRACT and pair.programming_j.evidence is Evidence.RECALLED
    assert coded.bit_error_rate.evidence is Evidence.ASSUMED  # through medians and amplifiers
    assert coded.programming_j.evidence is Evidence.ASSUMED  # as if reference and decoder were for free
    aged = table("ultra-low-energy", Conditions(cycles=10))[Scheme.PAIR]
    assert aged.bit_error_rate.evidence is Evidence.ASSUMED


def test_a_target_without_devices_has_no_comparators() -> None:
    with pytest.raises(TargetError, match="describes no devices"):
        compare(load_target("host"), "strong", FRESH)
