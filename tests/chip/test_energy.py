"""Energy and latency follow from counted events and say what they rest on."""

from __future__ import annotations

import pytest

from edgebnn.chip.energy import inference_energy, latency_s, programming_energy
from edgebnn.chip.events import Events
from edgebnn.chip.target_files import load_target
from edgebnn.errors import TargetError

CHIP = load_target("rram130")


def test_each_event_costs_what_the_target_says() -> None:
    events = Events(instructions=3, code_fetches=2, sram_accesses=5, pcsa_reads=7, popcounts=11, thresholds=13)
    parts = inference_energy(events, CHIP).parts_nj()
    leakage = 2e-6 * (3 / 50e6) * 1e9
    assert parts["cpu_instructions"] == pytest.approx(3 * 0.025)
    assert parts["array_sensing"] == pytest.approx(7 * 20e-6)
    expected = 3 * 0.025 + 2 * 0.008 + 5 * 0.005 + 7 * 20e-6 + 11 * 300e-6 + 13 * 500e-6 + leakage
    assert parts["total"] == pytest.approx(expected)


def test_the_cpu_sleeps_while_the_array_works_and_both_take_time() -> None:
    assert latency_s(Events(instructions=100, array_cycles=400), CHIP) == pytest.approx(500 / 50e6)


def test_the_shares_of_evidence_sum_to_one() -> None:
    shares = inference_energy(Events(instructions=10, pcsa_reads=1000), CHIP).evidence_shares()
    assert sum(shares.values()) == pytest.approx(1)
    programming = programming_energy(Events(set_pulses=10, reset_pulses=10), CHIP.policies["strong"])
    assert programming.evidence_shares() == {"recalled": pytest.approx(1)}
    assert programming.total_j == pytest.approx(10 * 120e-12 + 10 * 150e-12)


def test_a_host_has_no_energy_model() -> None:
    with pytest.raises(TargetError, match="no energy model"):
        inference_energy(Events(instructions=1), load_target("host"))
