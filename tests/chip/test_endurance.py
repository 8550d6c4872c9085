"""How often banks can be programmed."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebnn.chip.lifetime.endurance import endurance, reprogrammings
from edgebnn.chip.target_files.loading import load_target
from edgebnn.errors import TargetError

CHIP = load_target("rram130")


@pytest.mark.parametrize(
    ("policy", "cycles"),
    [("strong", 10**6), ("nominal", 10**8), ("low-energy", 10**9), ("ultra-low-energy", 5 * 10**9)],
)
def test_a_reprogramming_takes_one_of_a_devices_cycles(policy: str, cycles: int) -> None:
    found = endurance(CHIP, policy)
    assert found.policy == policy and found.cycles == found.reprogrammings == cycles
    assert found.evidence is CHIP.policies[policy].endurance.evidence


@given(st.integers(1, 10**12), st.integers(1, 1000))
def test_reprogrammings_are_whole(cycles: int, pulses: int) -> None:
    policy = CHIP.policies["strong"]
    policy = msgspec.structs.replace(policy, endurance=msgspec.structs.replace(policy.endurance, value=cycles))
    found = reprogrammings(policy, pulses)
    assert found * pulses <= cycles < (found + 1) * pulses


def test_years_follow_from_the_rate() -> None:
    found = endurance(CHIP, "strong")
    assert found.years(0) is None
    assert found.years(1) == pytest.approx(1e6 / 365.25)
    assert found.years(24) == pytest.approx(1e6 / 365.25 / 24)


def test_a_policy_that_does_not_exist_is_refused() -> None:
    with pytest.raises(TargetError, match="no programming policy 'weak'"):
        endurance(CHIP, "weak")
