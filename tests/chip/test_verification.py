"""Program-and-verify against programming once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from edgebnn.chip import verification
from edgebnn.chip.cell import cell_error_rate, solve_cell
from edgebnn.chip.conditions import Conditions
from edgebnn.chip.pulses import Outcome, program_verified
from edgebnn.chip.target_files import load_target
from edgebnn.chip.verification import verify

RRAM130 = load_target("rram130")


@pytest.mark.parametrize("name", list(RRAM130.policies))
def test_further_attempts_cost_what_failed_and_leave_less(name: str) -> None:
    rows = verify(RRAM130, name, Conditions(), attempts=4, cells=1 << 17, seed=3)
    assert [row.attempts for row in rows] == [1, 2, 3, 4]
    policy = RRAM130.policy(name)
    both = policy.set_energy.si("energy") + policy.reset_energy.si("energy")
    pulsed = 1.0
    for before, row in zip((None, *rows), rows, strict=False):
        if before is not None:  # both devices of what was wrong before are pulsed again
            pulsed += before.remaining.share
            assert row.remaining.wrong <= before.remaining.wrong
        assert row.energy_j.value == pytest.approx(both * pulsed)
    assert rows[0].time_s.value == pytest.approx(2 * policy.pulse.si("time"))


def test_many_attempts_are_programmed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And once nothing is wrong any more, further ones change nothing."""
    programmed = []

    def counted(*arguments: Any) -> Iterator[Outcome]:
        for outcome in program_verified(*arguments):
            programmed.append(outcome)
            yield outcome

    monkeypatch.setattr(verification, "program_verified", counted)
    rows = verify(RRAM130, "nominal", Conditions(), attempts=20, cells=1 << 17, seed=5)
    assert [row.attempts for row in rows] == list(range(1, 21)) and 1 < len(programmed) <= 20
    assert rows[0].remaining.wrong > 0 == rows[-1].remaining.wrong
    assert len({row.energy_j.value for row in rows[len(programmed) - 1 :]}) == 1
    for most in (1, len(programmed), 20):
        (*_, alone) = verify(RRAM130, "nominal", Conditions(), attempts=most, cells=1 << 17, seed=5)
        assert alone == rows[most - 1]


def test_a_verified_weak_policy_beats_a_strong_one_at_a_tenth_of_the_energy() -> None:
    """Of this model, not of a paper: the retries are so few that they cost next to nothing."""
    weak = verify(RRAM130, "low-energy", Conditions(), attempts=8, cells=1 << 17, seed=1)[-1]
    strong = verify(RRAM130, "strong", Conditions(), attempts=1, cells=1 << 10, seed=1)[0]
    assert weak.remaining.wrong == 0 and weak.energy_j.value < 0.11 * strong.energy_j.value


def test_once_is_the_pairs_rate_for_either_input() -> None:
    """A synapse counts that either input reads wrong: a little more than the rate, by the amplifier's offset."""
    cell = solve_cell(RRAM130, "ultra-low-energy", Conditions())
    (row,) = verify(RRAM130, "ultra-low-energy", Conditions(), attempts=1, cells=1 << 18, seed=0)
    low, high = row.remaining.interval(0.9999)
    assert cell_error_rate(cell) < high and low < 1.1 * cell_error_rate(cell)
