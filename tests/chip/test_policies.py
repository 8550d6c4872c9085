"""Rows under different programming policies: each is what its own policy makes of it, and figures are of all rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgebnn.chip.banks.geometry import SINGLE, cell_number
from edgebnn.chip.banks.pattern import BINARY, EMPTY, TERNARY, Pattern
from edgebnn.chip.banks.programmed_banks import ProgrammedBanks
from edgebnn.chip.device.conditions import Conditions
from edgebnn.chip.device.error_formulas import SignRates, TernaryRates, mean_ternary_rates
from edgebnn.chip.energy.programming_cost import programming_energy, programming_time
from edgebnn.chip.errors.error_rates import chip_rate, rates_by_policy
from edgebnn.chip.errors.programming import program, programming_cost
from edgebnn.chip.instance.chip_checks import check_chip
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorModel
from edgebnn.chip.measured.cells import Measured
from edgebnn.chip.study.resistance_export import resistance_csv
from edgebnn.chip.target_files.loading import load_target
from edgebnn.errors import TargetError
from edgebnn.report.chip_documents import chip_document

RRAM130 = load_target("rram130")
POLICIES = tuple(RRAM130.policies)
DEVICE = ErrorModel.DEVICE
CHIPS = {
    "ber": ChipInstance(3, conditions=Conditions(cycles=1000)),
    "given": ChipInstance(3, 0.05, read_error_rate=0.01),
    "neighbour": ChipInstance(3, errors=ErrorModel.NEIGHBOUR),
    "table": ChipInstance(3, errors=ErrorModel.TABLE),
    "device": ChipInstance(3, errors=DEVICE, conditions=Conditions(supply_v=0.9)),
    "attempts": ChipInstance(3, errors=DEVICE, attempts=3),
}


def mixed_pattern() -> Pattern:
    """Eight banks of random weights, binary and ternary rows of every policy, and some rows without any."""
    rng = np.random.default_rng(0)
    shape = 8, 32
    sign, nonzero = (rng.integers(0, 2**32, shape, np.uint32) for _ in range(2))
    kind = rng.choice(np.array([EMPTY, BINARY, TERNARY], np.uint8), shape)
    nonzero = np.where(kind == BINARY, np.uint32(0xFFFFFFFF), nonzero) * (kind != EMPTY)
    share = np.where(kind == TERNARY, 0.5, 0.0)
    policy = rng.integers(0, len(POLICIES), shape).astype(np.uint16)
    return Pattern(SINGLE, sign & nonzero, nonzero.astype(np.uint32), kind, share, POLICIES, policy)


PATTERN = mixed_pattern()
BINARY_ROWS = replace(PATTERN, kind=np.where(PATTERN.kind == BINARY, PATTERN.kind, np.uint8(EMPTY)))


def alone(pattern: Pattern) -> Pattern:
    """The same rows in a pattern that names no policy."""
    return replace(pattern, policies=(), policy=None)


def answers(banks: ProgrammedBanks, where: Any) -> list[Any]:
    """What some rows answer, wherever their tables lie."""
    fresh = banks.fresh[where]
    return [banks.sign[where], banks.nonzero[where], fresh >= 0, banks.tables[fresh[fresh >= 0]]]


@pytest.mark.parametrize("chip", CHIPS.values(), ids=CHIPS)
def test_a_row_is_what_its_policy_makes_of_it(chip: ChipInstance) -> None:
    mixed = program(chip, RRAM130, PATTERN, "strong")
    assert PATTERN.policy is not None
    for place, name in enumerate(POLICIES):
        where = (PATTERN.policy == place) & (PATTERN.kind != EMPTY)
        found, wanted = (answers(each, where) for each in (mixed, program(chip, RRAM130, alone(PATTERN), name)))
        assert where.any() and all(map(np.array_equal, found, wanted))
    assert not mixed.nonzero[PATTERN.kind == EMPTY].any()


def test_a_chips_own_policy_takes_the_place_of_all() -> None:
    chip = ChipInstance(3, errors=DEVICE, policy="low-energy")
    found, wanted = program(chip, RRAM130, PATTERN, "strong"), program(chip, RRAM130, alone(PATTERN), "strong")
    assert all(map(np.array_equal, answers(found, ...), answers(wanted, ...)))
    assert [*programming_cost(chip, RRAM130, PATTERN, "strong").pulses] == ["low-energy"]


@pytest.mark.parametrize("attempts", [1, 3])
def test_programming_takes_what_the_rows_of_each_policy_take(attempts: int) -> None:
    chip = ChipInstance(3, errors=DEVICE, attempts=attempts)
    cost = programming_cost(chip, RRAM130, PATTERN, "strong")
    assert [*cost.pulses] == [*POLICIES]
    energy = time = 0.0
    for place, name in enumerate(POLICIES):
        kind = np.where(PATTERN.policy == place, PATTERN.kind, np.uint8(EMPTY))
        single = programming_cost(chip, RRAM130, replace(alone(PATTERN), kind=kind), name)
        assert cost.pulses[name] == single.pulses[name]
        policy = RRAM130.policy(name)
        energy += programming_energy(single.pulses[name], policy).total_j
        time += programming_time(single.pulses[name], policy).time_s
    assert cost.energy.total_j == pytest.approx(energy, rel=1e-12) and cost.time_s == pytest.approx(time, rel=1e-12)
    assert cost.energy.parts_nj()["total"] == pytest.approx(energy * 1e9)
    parts = cost.energy.parts_nj()
    assert parts["set_pulses"] + parts["reset_pulses"] == pytest.approx(parts["total"])
    whole = programming_cost(chip, RRAM130, alone(PATTERN), "strong")
    if attempts == 1:
        assert (cost.set_pulses, cost.reset_pulses) == (whole.set_pulses, whole.reset_pulses)


@pytest.mark.parametrize("pattern", [PATTERN, BINARY_ROWS], ids=["ternary", "binary"])
def test_the_rate_is_the_mean_over_rows(pattern: Pattern) -> None:
    chip = ChipInstance(3)
    each, mean = rates_by_policy(chip, RRAM130, "strong", pattern), chip_rate(chip, RRAM130, "strong", pattern)
    rows = [int(((pattern.policy == place) & (pattern.kind != EMPTY)).sum()) for place in range(len(POLICIES))]
    rates = [each[name].rate for name in POLICIES]
    assert None not in rates and mean.rate == pytest.approx(np.average(rates, weights=rows))  # type: ignore[arg-type]
    assert (mean.signs is None) == (pattern is PATTERN)
    document = chip_document(chip, RRAM130, "strong", pattern)
    assert document["policy"] is None and document["policies"] == [*POLICIES]
    assert [row["bit_error_rate"] for row in document["by_policy"]] == rates
    one = chip_document(ChipInstance(3, policy="nominal"), RRAM130, "strong", pattern)
    assert one["policy"] == "nominal" and [row["policy"] for row in one["by_policy"]] == ["nominal"]


def test_measured_cells_count_under_every_policy() -> None:
    stripe, row = np.nonzero(BINARY_ROWS.kind == BINARY)
    cell = np.sort(cell_number(stripe[:, np.newaxis], row[:, np.newaxis], np.arange(32)).ravel())
    measured = Measured(cell, np.full((len(cell), 2), 0.25), None, "lab.csv", "0" * 64)
    found = chip_rate(ChipInstance(3, errors=ErrorModel.TABLE, measured=measured), RRAM130, "strong", BINARY_ROWS)
    assert found.rate == pytest.approx(0.25) and found.measured_share == 1.0 and found.evidence == "measured"


def test_a_chip_is_one_of_the_target_under_every_policy_in_use() -> None:
    worn = ChipInstance(3, conditions=Conditions(cycles=10**7))
    check_chip(worn, RRAM130, ("low-energy", "ultra-low-energy"))
    with pytest.raises(TargetError, match="'strong' endure"):
        check_chip(worn, RRAM130, ("ultra-low-energy", "strong"))
    check_chip(replace(worn, policy="ultra-low-energy"), RRAM130, ("strong",))


def test_exported_devices_are_those_of_each_policy() -> None:
    """Cell by cell, the lines are those of chips that are programmed under one policy alone."""
    chip = ChipInstance(3, errors=DEVICE)
    mixed = {*b"".join(resistance_csv(chip, RRAM130, "strong", PATTERN)).split()[1:]}
    single = {name: {*b"".join(resistance_csv(chip, RRAM130, name, alone(PATTERN))).split()[1:]} for name in POLICIES}
    assert len(mixed) == len(single["strong"]) and mixed <= set.union(*single.values())
    assert PATTERN.policy is not None
    for line in mixed:
        bank, row, *_ = line.split(b",")
        assert line in single[POLICIES[PATTERN.policy[int(bank), int(row)]]]


def test_ternary_rates_are_the_mean_over_the_weights_that_they_are_of() -> None:
    first, second = (
        TernaryRates(SignRates(r, 2 * r), SignRates(3 * r, 4 * r), SignRates(5 * r, 6 * r)) for r in (1, 2)
    )
    assert mean_ternary_rates([(first, (1, 1, 1))]) is first
    found = mean_ternary_rates([(first, (3, 1, 0)), (second, (1, 1, 0))])
    assert found.flip == SignRates(1.5, 2 * 1.25)  # of +1, which never comes, over both; of -1, of which three in four
    assert found.vanish == SignRates(4.5, 4 * 1.25) and found.appear == SignRates(5 * 1.5, 6 * 1.5)
