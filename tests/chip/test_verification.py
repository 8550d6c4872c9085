"""Program-and-verify against programming once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from edgebnn.chip.device.cell import cell_error_rate
from edgebnn.chip.device.cell_solver import solve_cell
from edgebnn.chip.device.conditions import Conditions
from edgebnn.chip.device.programming_pulses import ProgrammedDevices, program_verified
from edgebnn.chip.study import verify_cost
from edgebnn.chip.study.verify_cost import verify
from edgebnn.chip.target_files.loading import load_target

RRAM130 = load_target("rram130")


@pytest.mark.parametrize("name", list(RRAM130.policies))
def test_further_attempts_cost_what_failed_and_leave_less(name: str) -> None:
    rows = verify(RRAM130, name, Conditions(), attempts=4, cells=1 << 17, seed=3)
    assert [row.attempts for row in rows] == [1, 2, 3, 4]
    policy = RRAM130.policy(name)
    both = policy.set_energy.si("energy") + policy.reset_energy.si("energy")
    energies = [row.energy_j.value / both for row in rows]
    assert energies[0] == pytest.approx(1)
    for before, row in pairwise(rows):
        assert row.remaining.wrong <= before.remaining.wrong
    # Both devices of what was not accepted are pulsed again: of what reads wrong, and of a few close calls by noise.
    again = energies[1] - energies[0]
    assert rows[0].remaining.share * 0.9 <= again <= rows[0].remaining.share * 1.1 + 1e-4
    assert rows[0].time_s.value == pytest.approx(2 * policy.pulse.si("time"))


def test_many_attempts_are_programmed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And once all are accepted, further ones change nothing."""
    programmed = []

    def counted(*arguments: Any) -> Iterator[ProgrammedDevices]:
        for outcome in program_verified(*arguments):
            programmed.append(outcome)
            yield outcome

    monkeypatch.setattr(verify_cost, "program_verified", counted)
    rows = verify(RRAM130, "nominal", Conditions(), attempts=20, cells=1 << 17, seed=5)
    assert [row.attempts for row in rows] == list(range(1, 21)) and 1 < len(programmed) <= 20
    assert rows[0].remaining.wrong > rows[-1].remaining.wrong
    assert len({row.energy_j.value for row in rows[len(programmed) - 1 :]}) == 1
    for most in (1, len(programmed), 20):
        (*_, alone) = verify(RRAM130, "nominal", Conditions(), attempts=most, cells=1 << 17, seed=5)
        assert alone == rows[most - 1]


def test_a_verified_weak_policy_beats_a_strong_one_at_a_tenth_of_the_energy() -> None:
    """Of this model, not of a paper: the retries are so few that they cost next to nothing."""
    weak = verify(RRAM130, "low-energy", Conditions(), attempts=8, cells=1 << 17, seed=1)[-1]
    strong = verify(RRAM130, "strong", Conditions(), attempts=1, cells=1 << 10, seed=1)[0]
    assert weak.remaining.share < 1e-4 and weak.energy_j.value < 0.11 * strong.energy_j.value


def test_once_is_the_pairs_rate_for_either_input() -> None:
    """A synapse counts that either input reads wrong: a little more than the rate, by the amplifier's offset."""
    cell = solve_cell(RRAM130, "ultra-low-energy", Conditions())
    (row,) = verify(RRAM130, "ultra-low-energy", Conditions(), attempts=1, cells=1 << 18, seed=0)
    low, high = row.remaining.interval(0.9999)
    assert cell_error_rate(cell) < high and low < 1.1 * cell_error_rate(cell)


def test_what_was_verified_fresh_ages() -> None:
    """Reads after programming know nothing of the years to come: ten of them cost what they cost a distant cell."""
    ten_years = Conditions(retention_s=3650 * 86_400.0)
    fresh, aged, guarded = (
        verify(RRAM130, "ultra-low-energy", conditions, attempts=5, cells=1 << 16, seed=3, guard_band=guard)[-1]
        for conditions, guard in ((Conditions(), 0.0), (ten_years, 0.0), (ten_years, 0.2))
    )
    assert fresh.remaining.share < 1e-3
    low, high = aged.remaining.interval(0.9999)
    # 8.4e-3 is what a calculation written apart from this code found.
    assert low < 8.4e-3 < high
    assert guarded.remaining.share < 0.1 * aged.remaining.share
    assert fresh.energy_j.value == aged.energy_j.value < guarded.energy_j.value < 1.3 * aged.energy_j.value
