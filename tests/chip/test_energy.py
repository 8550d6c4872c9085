"""Energy and latency follow from counted events and say what they rest on."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebnn.chip.energy.energy import (
    EnergyGroup,
    inference_energy,
    latency_evidence,
    latency_phases,
    latency_s,
)
from edgebnn.chip.energy.events import Events
from edgebnn.chip.energy.programming_cost import programming_energy, programming_time
from edgebnn.chip.energy.pulse_count import PulseCount
from edgebnn.chip.target.evidence import shares, weakest
from edgebnn.chip.target.quantity import Evidence
from edgebnn.chip.target.target import Target
from edgebnn.chip.target_files.loading import load_target
from edgebnn.errors import TargetError

CHIP, PLAIN = load_target("rram130"), load_target("cortex-m4")

counts = st.builds(Events, **{field.name: st.integers(0, 10**12) for field in fields(Events)})
supplies = st.floats(0.6, 1.2)


def worth(target: Target, **words: Evidence) -> Target:
    """The target with other words on the numbers whose paths these are, '__' for the dots."""
    for path, word in words.items():
        target = _replaced(target, path.split("__"), word)
    return target


def _replaced(section: Any, path: list[str], word: Evidence) -> Any:
    if not path:
        return msgspec.structs.replace(section, evidence=word)
    return msgspec.structs.replace(section, **{path[0]: _replaced(getattr(section, path[0]), path[1:], word)})


def test_each_event_costs_what_the_target_says() -> None:
    events = Events(instructions=3, code_fetches=2, sram_accesses=5, pcsa_reads=7, popcounts=11, thresholds=13)
    parts = inference_energy(events, CHIP).parts_nj()
    leakage = 2e-6 * (3 / 50e6) * 1e9
    assert parts["cpu_instructions"] == pytest.approx(3 * 0.025)
    assert parts["array_sensing"] == pytest.approx(7 * 20e-6)
    expected = 3 * 0.025 + 2 * 0.008 + 5 * 0.005 + 7 * 20e-6 + 11 * 300e-6 + 13 * 500e-6 + leakage
    assert parts["total"] == pytest.approx(expected)


def test_the_cpu_sleeps_while_the_array_works_and_both_take_time() -> None:
    events = Events(instructions=100, array_cycles=400)
    assert latency_s(events, CHIP) == pytest.approx(500 / 50e6)
    times = {phase.name: phase.time_s for phase in latency_phases(events, CHIP)}
    assert times == {"cpu": pytest.approx(100 / 50e6), "array": pytest.approx(400 / 50e6)}
    assert [phase.name for phase in latency_phases(events, PLAIN)] == ["cpu"]


@given(counts)
def test_the_groups_are_the_parts_sorted(events: Events) -> None:
    energy, parts = inference_energy(events, CHIP), inference_energy(events, CHIP).parts_nj()
    groups = {str(group): energy_j * 1e9 for group, energy_j in energy.by_group().items()}
    assert sum(groups.values()) == pytest.approx(parts["total"])
    assert groups == {
        "array": parts["array_sensing"],
        "periphery": pytest.approx(parts["array_popcounts"] + parts["array_thresholds"]),
        "cpu": pytest.approx(parts["cpu_instructions"] + parts["flash_fetches"]),
        "sram": parts["sram_accesses"],
        "leakage": parts["leakage"],
    }
    assert set(
        programming_energy(PulseCount(events.set_pulses, events.reset_pulses), CHIP.policies["strong"]).by_group()
    ) == {EnergyGroup.PROGRAMMING}
    assert set(inference_energy(events, PLAIN).by_group()) == {EnergyGroup.CPU, EnergyGroup.SRAM, EnergyGroup.LEAKAGE}


@given(counts, supplies)
def test_every_part_goes_with_the_square_of_the_supply(events: Events, volts: float) -> None:
    nominal, scaled = inference_energy(events, CHIP), inference_energy(events, CHIP, volts)
    for at_nominal, part in zip(nominal.parts, scaled.parts, strict=True):
        assert part.name == at_nominal.name
        assert part.energy_j == pytest.approx(at_nominal.energy_j * (volts / 1.2) ** 2, rel=1e-12)


@given(counts)
def test_the_nominal_supply_is_the_one_that_is_not_named(events: Events) -> None:
    for target in (CHIP, PLAIN):
        assert inference_energy(events, target, 1.2) == inference_energy(events, target)


@pytest.mark.parametrize(
    ("target", "volts", "said"),
    [
        (CHIP, 0.59, "'rram130' works from 0.6 to 1.2 V, not at 0.59 V"),
        (CHIP, 1.21, "'rram130' works from 0.6 to 1.2 V, not at 1.21 V"),
        (CHIP, float("nan"), "not at nan V"),
        (PLAIN, 1.1, "'cortex-m4' is only known to work at 1.2 V, not at 1.1 V"),
    ],
)
def test_a_supply_that_a_target_does_not_work_at_is_refused(target: Target, volts: float, said: str) -> None:
    with pytest.raises(TargetError, match=said):
        inference_energy(Events(instructions=1), target, volts)


@given(st.lists(st.tuples(st.floats(0, 1e12), st.sampled_from(Evidence))))
def test_shares_sum_to_one_and_leave_out_what_is_not_in_use(amounts: list[tuple[float, Evidence]]) -> None:
    found = shares(amounts)
    if sum(amount for amount, _ in amounts) == 0:
        assert found == {}
    else:
        assert sum(found.values()) == pytest.approx(1)
        assert set(found) <= {str(word) for amount, word in amounts if amount > 0}


@given(counts, supplies)
def test_the_shares_of_evidence_sum_to_one(events: Events, volts: float) -> None:
    energy = inference_energy(events, CHIP, volts)
    assert sum(energy.evidence_shares().values()) == pytest.approx(1 if energy.total_j else 0)
    assert sum(latency_evidence(events, CHIP).values()) == pytest.approx(1 if latency_s(events, CHIP) else 0)


def test_programming_rests_on_what_the_policy_says() -> None:
    programming = programming_energy(PulseCount(set_pulses=10, reset_pulses=10), CHIP.policies["strong"])
    assert programming.evidence_shares() == {"recalled": pytest.approx(1)}
    assert programming.total_j == pytest.approx(10 * 120e-12 + 10 * 150e-12)


def test_programming_takes_a_pulse_for_each_step() -> None:
    time = programming_time(PulseCount(steps=14), CHIP.policies["low-energy"])
    assert time.time_s == pytest.approx(14 * 300e-9) and time.evidence is Evidence.ASSUMED


def test_a_derived_number_has_the_weaker_word() -> None:
    assert weakest(Evidence.MEASURED, Evidence.RECALLED, Evidence.ABSTRACT) is Evidence.RECALLED
    assert weakest(Evidence.ASSUMED, Evidence.MEASURED) is Evidence.ASSUMED
    assert weakest(Evidence.MEASURED) is Evidence.MEASURED


def test_an_energy_at_another_supply_rests_on_the_nominal_supply_too() -> None:
    target = worth(CHIP, energy__pcsa_read=Evidence.MEASURED, supply__nominal=Evidence.RECALLED)
    words = {
        volts: {part.name: part.evidence for part in inference_energy(Events(pcsa_reads=1), target, volts).parts}
        for volts in (None, 1.2, 0.9)
    }
    assert words[None]["array_sensing"] is words[1.2]["array_sensing"] is Evidence.MEASURED
    assert words[0.9]["array_sensing"] is Evidence.RECALLED
    assert words[0.9]["cpu_instructions"] is Evidence.ASSUMED


def test_leakage_rests_on_the_times_that_it_flows() -> None:
    target = worth(CHIP, power__leakage=Evidence.MEASURED, cpu__clock=Evidence.MEASURED)
    target = worth(target, cpu__cycles_per_instruction=Evidence.ABSTRACT)

    def word(events: Events) -> Evidence:
        (leakage,) = (part for part in inference_energy(events, target).parts if part.name == "leakage")
        return leakage.evidence

    assert word(Events(instructions=1)) is Evidence.ABSTRACT
    assert word(Events(instructions=1, array_cycles=1)) is Evidence.ASSUMED


def test_a_host_has_no_energy_model() -> None:
    with pytest.raises(TargetError, match="no energy model"):
        inference_energy(Events(instructions=1), load_target("host"))


TIMED = (
    "cpu__clock",
    *(f"array__{name}" for name in ("cycles_per_row", "cycles_per_layer", "columns", "sense_amplifiers")),
)


@pytest.mark.parametrize("guessed", TIMED)
def test_the_arrays_time_rests_on_the_weakest_number_in_it(guessed: str) -> None:
    sure = worth(CHIP, **dict.fromkeys(TIMED, Evidence.MEASURED))
    for target, word in ((sure, Evidence.MEASURED), (worth(sure, **{guessed: Evidence.ASSUMED}), Evidence.ASSUMED)):
        _, array = latency_phases(Events(array_cycles=1), target)
        assert array.evidence is word
