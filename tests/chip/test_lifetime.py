"""What a deployment takes over its life, and how long a battery lasts."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebnn.chip.energy.energy import Energy, EnergyGroup, inference_energy
from edgebnn.chip.energy.events import Events
from edgebnn.chip.energy.programming_cost import programming_energy
from edgebnn.chip.energy.pulse_count import PulseCount
from edgebnn.chip.lifetime.lifetime import Usage, lifetime
from edgebnn.chip.target_files.loading import load_target
from edgebnn.errors import TargetError

CHIP = load_target("rram130")
EVENTS = Events(500, 600, 2200, 750_000, 23_000, 3_000, 16_000)
INFERENCE = inference_energy(EVENTS, CHIP)
PROGRAMMING = programming_energy(PulseCount(37_000, 37_000), CHIP.policies["strong"])

usages = st.builds(
    Usage,
    days=st.floats(0.01, 10_000),
    inferences_per_day=st.floats(0, 1e6),
    reprogrammings_per_day=st.floats(0, 1e3),
    channels=st.integers(1, 64),
    sample_rate_hz=st.floats(0.1, 1e5),
)


@given(usages)
def test_a_life_is_the_sum_of_what_happens_in_it(usage: Usage) -> None:
    groups = lifetime(CHIP, usage, INFERENCE, PROGRAMMING).energy.by_group()
    assert usage.sample_rate_hz is not None
    seconds = usage.days * 86_400
    expected = {
        group: energy_j * usage.inferences_per_day * usage.days for group, energy_j in INFERENCE.by_group().items()
    }
    expected[EnergyGroup.LEAKAGE] = 2e-6 * seconds  # all the time, not only during inference
    expected[EnergyGroup.PROGRAMMING] = PROGRAMMING.total_j * (1 + usage.reprogrammings_per_day * usage.days)
    expected[EnergyGroup.FRONT_END] = usage.channels * seconds * (10e-6 + 10e-9 * usage.sample_rate_hz)
    assert groups == {group: pytest.approx(energy_j) for group, energy_j in expected.items()}


@given(usages)
def test_groups_sum_to_the_total_and_shares_to_one(usage: Usage) -> None:
    energy = lifetime(CHIP, usage, INFERENCE, PROGRAMMING).energy
    assert sum(energy.by_group().values()) == pytest.approx(energy.total_j)
    assert sum(energy.evidence_shares().values()) == pytest.approx(1)


@given(usages, st.floats(0, 1e3))
def test_a_life_is_linear_in_its_inferences(usage: Usage, factor: float) -> None:
    def total_j(inferences_per_day: float) -> float:
        return lifetime(
            CHIP, replace(usage, inferences_per_day=inferences_per_day), INFERENCE, PROGRAMMING
        ).energy.total_j

    slope, rest = total_j(1) - total_j(0), total_j(0)
    assert total_j(factor * 1e3) == pytest.approx(rest + slope * factor * 1e3, rel=1e-6)


@given(usages)
def test_mean_power_and_battery_follow_from_the_energy(usage: Usage) -> None:
    life = lifetime(CHIP, usage, INFERENCE, PROGRAMMING)
    assert life.mean_power_w * usage.days * 86_400 == pytest.approx(life.energy.total_j)
    assert life.battery_power_w == pytest.approx(life.mean_power_w / 0.85)
    assert life.battery_days is not None and life.battery_power_w is not None
    assert life.battery_days * 86_400 * life.battery_power_w == pytest.approx(0.225 * 3600 * 3)


def test_the_supply_changes_the_leakage_but_no_programming_and_no_front_end() -> None:
    usage = Usage(sample_rate_hz=360)
    at = {
        volts: lifetime(CHIP, usage, inference_energy(EVENTS, CHIP, volts), PROGRAMMING, volts).energy.by_group()
        for volts in (1.2, 0.6)
    }
    for group, energy_j in at[1.2].items():
        quarter = 1 if group in (EnergyGroup.PROGRAMMING, EnergyGroup.FRONT_END) else 0.25
        assert at[0.6][group] == pytest.approx(energy_j * quarter)


def test_without_a_sample_rate_there_is_no_front_end() -> None:
    assert EnergyGroup.FRONT_END not in lifetime(CHIP, Usage(), INFERENCE).energy.by_group()


def test_a_target_without_a_device_has_no_battery_and_no_front_end() -> None:
    bare = msgspec.structs.replace(CHIP, device=None)
    life = lifetime(bare, Usage(), INFERENCE)
    assert life.battery_days is None and life.battery_power_w is None and life.mean_power_w > 0
    with pytest.raises(TargetError, match="no front end; leave out the sample rate"):
        lifetime(bare, Usage(sample_rate_hz=100), INFERENCE)


def test_where_no_power_flows_no_battery_ends() -> None:
    assert CHIP.power is not None
    silent = msgspec.structs.replace(CHIP.power.leakage, value=0)
    target = msgspec.structs.replace(CHIP, power=msgspec.structs.replace(CHIP.power, leakage=silent))
    life = lifetime(target, Usage(inferences_per_day=0), Energy(()))
    assert life.mean_power_w == 0 and life.battery_days is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"days": 0}, "0 days are out of range; use a number above 0"),
        ({"days": math.nan}, "nan days"),
        ({"days": math.inf}, "inf days"),
        ({"inferences_per_day": -1}, "-1 inferences a day are out of range; use a number from 0"),
        ({"reprogrammings_per_day": math.nan}, "nan reprogrammings a day"),
        ({"sample_rate_hz": 0}, "0 samples a second"),
        ({"channels": 0, "sample_rate_hz": 100}, "0 channels are out of range; use a whole number from 1"),
        ({"channels": 3}, "3 channels have no sample rate; give one"),
    ],
)
def test_a_usage_out_of_range_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(TargetError, match=said):
        Usage(**wrong)
