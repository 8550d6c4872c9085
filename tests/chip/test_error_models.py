"""The four error models: their rates, what they share, and what they are keyed by."""

from __future__ import annotations

from dataclasses import fields
from dataclasses import replace as changed

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from scipy.stats import binomtest

from edgebnn.chip.banks.geometry import SINGLE, cell_number
from edgebnn.chip.banks.pattern import Pattern
from edgebnn.chip.banks.programmed_banks import ProgrammedBanks
from edgebnn.chip.device.cell import cell_error_rate, ternary_rates
from edgebnn.chip.device.cell_solver import solve_cell
from edgebnn.chip.device.conditions import Conditions
from edgebnn.chip.errors.error_rates import chip_rate, model_rates
from edgebnn.chip.errors.programming import program
from edgebnn.chip.errors.spatial_shifts import SpatialShifts, spatial_spread
from edgebnn.chip.errors.weight_flips import Transitions
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorKinds, ErrorModel
from edgebnn.chip.measured.cells import Measured
from edgebnn.chip.target.physics import Spatial
from edgebnn.chip.target.quantity import Evidence
from edgebnn.chip.target_files.loading import load_target
from edgebnn.errors import TargetError
from tests.chip.patterns import binary_pattern, meant, read_all, ternary_pattern

RRAM130 = load_target("rram130")
PHYSICS = RRAM130.physics
POLICIES = list(RRAM130.policies)
BANKS = 256  # a quarter of a million synapses
BINARY, TERNARY = binary_pattern(BANKS), ternary_pattern(BANKS)
CONFIDENCE = 0.9999  # of each interval: there are some dozens of them, with fixed seeds


def programmed(chip: ChipInstance, pattern: Pattern = BINARY, policy: str = "strong") -> ProgrammedBanks:
    return program(chip, RRAM130, pattern, policy)


def contains(successes: int, trials: int, rate: float) -> bool:
    interval = binomtest(successes, trials).proportion_ci(CONFIDENCE, "exact")
    return bool(interval.low <= rate <= interval.high)


def holds(successes: int, trials: int, rate: float) -> None:
    assert contains(successes, trials, rate), f"{successes} of {trials} for a rate of {rate}"


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("errors", ["ber", "device"])
def test_binary_weights_are_wrong_at_the_policys_rate(errors: str, policy: str) -> None:
    chip = ChipInstance(1, errors=ErrorModel(errors), policy=policy)
    wrong = read_all(programmed(chip)) != meant(BINARY)
    holds(int(wrong.sum()), wrong.size, RRAM130.policy(policy).bit_error_rate.si("ratio"))


@pytest.mark.parametrize("supply", [1.2, 0.6])
@pytest.mark.parametrize("errors", ["ber", "device"])
def test_the_table_of_ternary_errors_is_met_at_both_supplies(errors: str, supply: float) -> None:
    """Recalled of arXiv 2007.14234: +-1 as 0 1e-2, 0 as +-1 18.5 % and 6.5 %, +1 as -1 below 1e-6."""
    assert PHYSICS is not None
    (row,) = (each for each in PHYSICS.ternary.values() if each.supply.si("voltage") == supply)
    chip = ChipInstance(5, errors=ErrorModel(errors), conditions=Conditions(supply_v=supply))
    wanted, found = meant(TERNARY), read_all(programmed(chip, TERNARY))
    signs = int((wanted != 0).sum())
    holds(int(((wanted != 0) & (found == 0)).sum()), signs, row.to_zero.si("ratio"))
    holds(int(((wanted == 0) & (found != 0)).sum()), wanted.size - signs, row.from_zero.si("ratio"))
    assert int((wanted * found < 0).sum()) == 0
    assert ternary_rates(solve_cell(RRAM130, "strong", chip.conditions)).sign_flip < row.sign_flip.si("ratio")
    balance = found[(wanted == 0) & (found != 0)]
    holds(int((balance > 0).sum()), balance.size, 0.5)


@pytest.mark.parametrize("policy", POLICIES)
def test_ber_and_device_agree_on_ternary_weights_under_every_policy(policy: str) -> None:
    rates = ternary_rates(solve_cell(RRAM130, policy, Conditions()))
    for errors in (ErrorModel.BER, ErrorModel.DEVICE):
        wanted = meant(TERNARY)
        found = read_all(programmed(ChipInstance(9, errors=errors, policy=policy), TERNARY))
        signs = int((wanted != 0).sum())
        holds(int((wanted * found < 0).sum()), signs, rates.sign_flip)
        holds(int(((wanted != 0) & (found == 0)).sum()), signs, rates.to_zero)
        holds(int(((wanted == 0) & (found != 0)).sum()), wanted.size - signs, rates.from_zero)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("errors", ["ber", "device"])
def test_the_rate_of_a_pattern_is_that_of_its_own_weights_binary_and_ternary(errors: str, policy: str) -> None:
    """A ternary network is read wrong far more often than the binary rate says."""
    chip, name = ChipInstance(9, errors=ErrorModel(errors), policy=policy), policy
    wrong = int((read_all(programmed(chip, TERNARY)) != meant(TERNARY)).sum())
    ternary = chip_rate(chip, RRAM130, name, TERNARY)
    assert ternary.rate is not None and ternary.evidence is Evidence.ASSUMED
    holds(wrong, meant(TERNARY).size, ternary.rate)
    binary = chip_rate(chip, RRAM130, name, BINARY)
    both = Pattern(
        SINGLE,
        *(np.concatenate([getattr(BINARY, each.name), getattr(TERNARY, each.name)]) for each in fields(Pattern)[1:5]),
    )
    assert binary.rate == pytest.approx(RRAM130.policy(policy).bit_error_rate.si("ratio"), rel=1e-3)
    assert chip_rate(chip, RRAM130, name, both).rate == pytest.approx(
        np.average([binary.rate, ternary.rate], weights=[BINARY.kind.size, TERNARY.kind.size])
    )
    given = ChipInstance(9, 0.01, ErrorModel("table"), policy=policy)  # neighbours, at the rate that was given
    assert chip_rate(given, RRAM130, name, TERNARY).rate == 0.01


def test_the_authors_model_makes_the_stated_share_of_weights_wrong() -> None:
    """`ber` is the share of all weights that are wrong, and a zero is wrong twice as often as a sign."""
    wanted = meant(TERNARY)
    found = read_all(programmed(ChipInstance(2, 0.05, ErrorModel.NEIGHBOUR), TERNARY))
    holds(int((found != wanted).sum()), wanted.size, 0.05)
    added = 2 * 0.05 / (1 + TERNARY.zero_share[0, 0])
    holds(int(((wanted == 0) & (found != 0)).sum()), int((wanted == 0).sum()), added)
    holds(int(((wanted != 0) & (found == 0)).sum()), int((wanted != 0).sum()), added / 2)
    assert not (wanted * found < 0).any()
    flipped = read_all(programmed(ChipInstance(2, 0.05, ErrorModel.NEIGHBOUR))) != meant(BINARY)
    holds(int(flipped.sum()), flipped.size, 0.05)


def test_neighbour_errors_are_drawn_anew_in_every_inference_and_at_no_other_time() -> None:
    banks = programmed(ChipInstance(2, 0.05, ErrorModel.NEIGHBOUR), TERNARY)
    first = read_all(banks, number=0, inference=4)
    assert np.array_equal(first, read_all(banks, number=17, inference=4))
    both = (first != meant(TERNARY)) & (read_all(banks, inference=5) != meant(TERNARY))
    holds(int((both & (meant(TERNARY) == 0)).sum()), int((meant(TERNARY) == 0).sum()), 0.0667**2)


def test_table_rates_differ_by_bank_row_and_column() -> None:
    """So wrong synapses crowd: a bank's count spreads more than that of independent synapses would."""
    one, alone = (
        (read_all(programmed(ChipInstance(0, 0.033, errors))) != meant(BINARY)).sum(axis=(1, 2))
        for errors in (ErrorModel.TABLE, ErrorModel.BER)
    )
    assert alone.var() < 2 * alone.mean() and one.var() > 4 * one.mean()
    assert PHYSICS is not None
    bank, row = np.divmod(np.arange(4000 * 32), 32)
    shifts = SpatialShifts(3, SINGLE, bank, PHYSICS.spatial).of(bank, row).reshape(4000, 32, 32)
    # A shift is a sum of the three, whose spreads are those of the target.
    cross = shifts[:, :1, :1] + shifts - shifts[:, :, :1] - shifts[:, :1, :]
    assert np.allclose(cross, 0, atol=1e-12)
    for axis, name in ((2, "row"), (1, "column")):
        spread = shifts.mean(axis=axis).std(axis=1, ddof=1)
        assert np.sqrt((spread**2).mean()) == pytest.approx(getattr(PHYSICS.spatial, name).si("ratio"), rel=0.02)
    means = shifts.mean(axis=(1, 2))
    within = (0.1**2 + 0.1**2) / 32
    assert np.sqrt(means.var(ddof=1) - within) == pytest.approx(PHYSICS.spatial.bank.si("ratio"), rel=0.05)


@pytest.mark.parametrize("rate", [1e-7, 1e-3, 0.033, 0.185, 0.442, 0.9])
def test_a_rate_that_differs_from_place_to_place_keeps_its_mean(rate: float) -> None:
    assert PHYSICS is not None
    spread = spatial_spread(PHYSICS.spatial)
    z = np.linspace(-9, 9, 40001)
    law = np.exp(-(z**2) / 2)
    everywhere = Transitions(*(np.full((1, 1), rate) for _ in fields(Transitions)))
    places = everywhere.spread_out(spread * z[np.newaxis], spread)
    for rates in (getattr(places, field.name) for field in fields(places)):
        assert float((rates[0] * law).sum() / law.sum()) == pytest.approx(rate, rel=1e-3)
        assert rates.min() >= 0 and rates.max() <= 1 and np.ptp(rates) > 0


def test_the_models_agree_where_there_is_one_rate() -> None:
    """With no spatial spread `table` is `ber`, and `ber` at the policy's own rate is `ber` without one."""
    assert PHYSICS is not None
    flat = Spatial(*(replace(getattr(PHYSICS.spatial, name), value=0) for name in ("bank", "row", "column")))
    target = replace(RRAM130, physics=replace(PHYSICS, spatial=flat))
    for pattern in (BINARY, TERNARY):
        table = program(ChipInstance(3, errors=ErrorModel.TABLE), target, pattern, "ultra-low-energy")
        ber = program(ChipInstance(3), target, pattern, "ultra-low-energy")
        assert np.array_equal(read_all(table), read_all(ber))
    given_rate = program(ChipInstance(3, 3.3e-2), RRAM130, BINARY, "ultra-low-energy")
    assert np.array_equal(read_all(given_rate), read_all(program(ChipInstance(3), RRAM130, BINARY, "ultra-low-energy")))


def test_every_xnor_is_wrong_at_the_read_error_rate_whatever_the_weight() -> None:
    for errors in (ErrorModel.BER, ErrorModel.DEVICE, ErrorModel.TABLE):
        banks = programmed(ChipInstance(4, errors=errors, read_error_rate=0.04))
        first, second = (read_all(banks, number=n) != meant(BINARY) for n in (0, 1))
        holds(int(first.sum()), first.size, 0.04)
        holds(int((first & second).sum()), first.size, 0.04**2)  # anew with each read
        for value in (-1, 1):
            here = meant(BINARY) == value
            holds(int(first[here].sum()), int(here.sum()), 0.04)


def test_kinds_divide_the_errors() -> None:
    chip = ChipInstance(6, 0.03, read_error_rate=0.01)
    both, programming, reading = (programmed(changed(chip, kinds=kind)) for kind in ErrorKinds)
    assert programming.certain
    permanent = read_all(programming) != meant(BINARY)
    fresh = read_all(reading) != meant(BINARY)
    holds(int(permanent.sum()), permanent.size, 0.03)
    holds(int(fresh.sum()), fresh.size, 0.01)
    # An XNOR is wrong where just one of both is.
    either = read_all(both) != meant(BINARY)
    holds(int(either.sum()), either.size, 0.03 * 0.99 + 0.97 * 0.01)
    right = int((~either & permanent).sum())
    holds(right, int(permanent.sum()), 0.01)


def test_device_errors_of_programming_stay_and_those_of_reading_come_anew() -> None:
    chip = ChipInstance(6, errors=ErrorModel.DEVICE)
    stays = program(changed(chip, kinds=ErrorKinds.PROGRAMMING), RRAM130, TERNARY, "low-energy")
    assert len(stays.tables) == 0
    assert np.array_equal(read_all(stays, number=0), read_all(stays, number=1, inference=3))
    both = program(chip, RRAM130, TERNARY, "low-energy")
    assert not np.array_equal(read_all(both, number=0), read_all(both, number=1))
    assert np.array_equal(read_all(both, number=8, inference=2), read_all(both, number=8, inference=2))


def test_the_input_swaps_the_branches_of_an_offset_amplifier() -> None:
    """A synapse that only the offset turns is wrong for one input and right for the other."""
    chip = ChipInstance(8, errors=ErrorModel.DEVICE, kinds=ErrorKinds.PROGRAMMING)
    banks = program(chip, RRAM130, BINARY, "ultra-low-energy")
    plus, minus = (read_all(banks, inputs=inputs) != meant(BINARY) for inputs in (0xFFFFFFFF, 0))
    rate = cell_error_rate(changed(solve_cell(RRAM130, "ultra-low-energy", Conditions()), noise=0.0))
    for wrong in (plus, minus):
        holds(int(wrong.sum()), wrong.size, rate)
    assert (plus != minus).any() and (plus & minus).sum() > 0.9 * plus.sum()
    mixed = read_all(banks, inputs=0x0F0F0F0F) != meant(BINARY)
    takes_plus = (0x0F0F0F0F >> np.arange(32) & 1).astype(bool)
    assert np.array_equal(mixed, np.where(takes_plus, plus, minus))


@pytest.mark.parametrize("errors", list(ErrorModel))
def test_a_chip_is_a_function_of_its_seed_and_of_nothing_else(errors: ErrorModel) -> None:
    chip = ChipInstance(77, errors=errors)
    large = ternary_pattern(9)
    parts = large.head(3)
    whole = read_all(program(chip, RRAM130, large, "low-energy"))
    assert np.array_equal(whole[:3], read_all(program(chip, RRAM130, parts, "low-energy")))
    other = read_all(program(changed(chip, seed=78), RRAM130, large, "low-energy"))
    assert not np.array_equal(whole, other)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**63 - 1), low=st.floats(0, 0.5), high=st.floats(0, 0.5))
def test_a_synapse_wrong_at_one_rate_is_wrong_at_every_higher_one(seed: int, low: float, high: float) -> None:
    low, high = sorted((low, high))
    for pattern in (binary_pattern(2), ternary_pattern(2)):
        fewer, more = (read_all(program(ChipInstance(seed, r), RRAM130, pattern, "strong")) for r in (low, high))
        assert not ((fewer != meant(pattern)) & (more == meant(pattern))).any()


def test_ageing_and_conditions_change_the_rates_as_theory_says() -> None:
    for conditions in (
        Conditions(cycles=10**8),
        Conditions(supply_v=0.6),
        Conditions(temperature_k=330.0),
        Conditions(retention_s=3.15e8),
        Conditions(10**9, 0.7, 310.0, 1e6),
    ):
        cell = solve_cell(RRAM130, "low-energy", conditions)
        for errors in (ErrorModel.BER, ErrorModel.DEVICE):
            chip = ChipInstance(10, errors=errors, conditions=conditions)
            wrong = read_all(program(chip, RRAM130, BINARY, "low-energy")) != meant(BINARY)
            holds(int(wrong.sum()), wrong.size, cell_error_rate(cell))
        assert model_rates(ChipInstance(0, conditions=conditions), RRAM130, "low-energy").mean == pytest.approx(
            cell_error_rate(cell), rel=1e-4
        )


def test_another_programming_draws_other_errors() -> None:
    for errors in (ErrorModel.BER, ErrorModel.DEVICE):
        chips = (ChipInstance(1, errors=errors, conditions=Conditions(cycles=n)) for n in (3, 4))
        first, second = (read_all(program(chip, RRAM130, BINARY, "low-energy")) != meant(BINARY) for chip in chips)
        assert not np.array_equal(first, second)
    # Devices keep their own deviation: a bad cell is bad again more often than by chance.
    assert (first & second).sum() > 5 * first.mean() * second.sum()


def test_more_attempts_leave_fewer_wrong_weights() -> None:
    chips = (ChipInstance(3, errors=ErrorModel.DEVICE, attempts=n) for n in (1, 2, 4))
    wrong = [int((read_all(programmed(chip, BINARY, "ultra-low-energy")) != meant(BINARY)).sum()) for chip in chips]
    assert wrong[0] > 3 * wrong[1] > 3 * wrong[2]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seed": -1}, "seed -1"),
        ({"seed": 2**63}, "out of range"),
        ({"bit_error_rate": 1.5}, "bit error rate 1.5"),
        ({"bit_error_rate": float("nan")}, "bit error rate nan"),
        ({"read_error_rate": -0.1}, "read error rate -0.1"),
        ({"attempts": 0}, "0 attempts"),
        ({"attempts": 2}, "only the error model 'device'"),
        ({"errors": ErrorModel.DEVICE, "bit_error_rate": 0.1}, "takes no bit error rate"),
        ({"errors": ErrorModel.NEIGHBOUR, "kinds": ErrorKinds.PROGRAMMING}, "no errors of programming"),
        ({"errors": ErrorModel.NEIGHBOUR, "read_error_rate": 0.1}, "no read error rate"),
    ],
)
def test_what_a_chip_cannot_be(settings: dict[str, object], message: str) -> None:
    with pytest.raises(TargetError, match=message):
        ChipInstance(**{"seed": 0, **settings})  # type: ignore[arg-type]


def test_neighbour_errors_refuse_a_share_that_they_cannot_reach() -> None:
    with pytest.raises(TargetError, match=r"share of 0\.9 of the ternary weights"):
        programmed(ChipInstance(0, 0.9, ErrorModel.NEIGHBOUR), TERNARY)


def test_the_rate_of_a_measured_chip_is_that_of_its_cells() -> None:
    """And what it is worth: measured where every synapse was, else the weaker word."""
    cells = cell_number(*np.unravel_index(np.arange(BANKS * 1024), (BANKS, 32, 32)))
    whole = Measured(cells, np.full((cells.size, 2), 0.2), None, "lab.csv", "0" * 64)
    half = Measured(cells[::2], np.full((cells[::2].size, 2), 0.2), None, "lab.csv", "0" * 64)
    resistances = np.log(np.where(cells[:, np.newaxis] % 4 == 0, [2e5, 1e4], [1e4, 2e5])).astype(np.float32)
    measured = Measured(cells, None, resistances, "lab.csv", "0" * 64)
    for each, rate, word, share in (
        (whole, 0.2, Evidence.MEASURED, 1.0),
        (half, (0.2 + 0.033) / 2, Evidence.SECONDARY, 0.5),
        (measured, 0.25, Evidence.MEASURED, 1.0),
    ):
        errors = ErrorModel.TABLE if each.ln_resistance is None else ErrorModel.DEVICE
        chip = ChipInstance(0, errors=errors, measured=each)
        found = chip_rate(chip, RRAM130, "ultra-low-energy", BINARY)
        assert found.rate == pytest.approx(rate) and found.evidence is word and found.measured_share == share
        wrong = read_all(program(chip, RRAM130, BINARY, "ultra-low-energy")) != meant(BINARY)
        holds(int(wrong.sum()), wrong.size, rate)
    assert chip_rate(ChipInstance(0, errors=ErrorModel.DEVICE, attempts=3), RRAM130, "strong", BINARY).rate is None
