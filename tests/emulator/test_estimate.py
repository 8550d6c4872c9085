"""The estimate: an inference, programming and a whole life, from the firmware and the plan."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given

import edgebnn
from edgebnn.api import Deployment
from edgebnn.chip.device.programming_pulses import program_all
from edgebnn.chip.energy.energy import EnergyGroup
from edgebnn.chip.energy.pulse_count import PulseCount
from edgebnn.chip.errors.device_model import worn_devices
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.lifetime.lifetime import Usage
from edgebnn.emulator.array_events import programming_pulses
from edgebnn.emulator.estimate import estimate
from edgebnn.errors import TargetError, ToolError
from edgebnn.mapping.cells import cell_blocks
from edgebnn.mapping.plan import LinearStage
from edgebnn.mapping.programmed import pattern_of
from edgebnn.models import ECG_PVC
from edgebnn.network import Network
from tests.mapping.test_planner import mapped_on
from tests.networks import networks

pytest.importorskip("unicorn")
pytest.importorskip("ziglang")


@cache
def ecg(target: str = "rram130", policy: str | None = None) -> Deployment:
    return edgebnn.compile(ECG_PVC, target, policy=policy)


def test_ultra_low_energy_programming_takes_a_thirtieth_of_the_strong_one() -> None:
    """What the abstract of arXiv 1904.03652 claims."""
    strong, weak = (ecg(policy=name).estimate().programming for name in ("strong", "ultra-low-energy"))
    assert strong is not None and weak is not None
    assert strong.total_j / weak.total_j == pytest.approx(30, rel=1e-12)


def test_policies_differ_in_programming_alone() -> None:
    strong, weak = ecg(policy="strong").estimate(), ecg(policy="ultra-low-energy").estimate()
    assert strong.energy == weak.energy and strong.latency == weak.latency
    assert strong.programmed is not None and weak.programmed is not None
    assert strong.programmed.time_s == pytest.approx(10 * weak.programmed.time_s)
    assert strong.programmed.endurance is not None and weak.programmed.endurance is not None
    assert (strong.programmed.endurance.reprogrammings, weak.programmed.endurance.reprogrammings) == (10**6, 5 * 10**9)


def programmed_rows(stage: LinearStage) -> int:
    """Rows of banks that hold a layer: one for each neuron of each of its tiles."""
    return sum(tile.neurons for tile in stage.tiles)


@given(networks())
def test_pulses_and_steps_are_those_of_programming_the_memory_map(network: Network) -> None:
    mapped = mapped_on(network)
    rows = list(pattern_of(mapped).blocks(1 << 20))
    outcomes = [program_all(worn_devices(ChipInstance(0), each.bank_row), each.sign, each.nonzero) for each in rows]
    counted = sum((outcome.pulses for outcome in outcomes), PulseCount())
    stages = mapped.linear_stages.values()
    assert counted == sum((programming_pulses(stage, mapped.image) for stage in stages), PulseCount())


@given(networks())
def test_the_programmed_rows_are_those_of_the_memory_map(network: Network) -> None:
    mapped = mapped_on(network)
    rows = {
        (stage.node, tile.bank, row)
        for stage in mapped.linear_stages.values()
        for tile in stage.tiles
        for row in range(tile.neurons)
    }
    assert rows == {
        (block.layer, block.bank, block.row + row) for block in cell_blocks(mapped) for row in range(len(block.values))
    }
    assert len(rows) == sum(programmed_rows(stage) for stage in mapped.linear_stages.values())
    for stage in mapped.linear_stages.values():
        assert (
            programming_pulses(stage, mapped.image).pulses == programmed_rows(stage) * 32 * 2
        )  # every device of a row


def test_a_host_has_neither_energy_nor_latency_nor_banks() -> None:
    found = ecg("host").estimate()
    assert found.energy is found.latency_us is found.programmed is found.lifetime is None


def test_the_latency_is_that_of_its_phases_and_stays_at_every_supply() -> None:
    nominal, low = ecg().estimate(), ecg().estimate(supply_v=0.6)
    assert nominal.supply_v == 1.2 and low.supply_v == 0.6
    assert nominal.latency == low.latency and nominal.latency_us is not None
    assert nominal.latency_us == pytest.approx(sum(phase.time_s for phase in nominal.latency) * 1e6)
    assert sum(nominal.latency_evidence.values()) == pytest.approx(1)
    assert nominal.energy is not None and low.energy is not None
    assert low.energy.total_j == pytest.approx(nominal.energy.total_j / 4)
    assert low.programmed == nominal.programmed


@pytest.mark.parametrize("target", ["rram130", "cortex-m4"])
def test_the_deployment_is_its_inferences_its_programming_and_all_the_time(target: str) -> None:
    days, each_day = 10, 1000
    found = ecg(target).estimate(days=days, inferences_per_day=each_day, sample_rate_hz=360, channels=2)
    assert found.lifetime is not None and found.energy is not None
    groups = found.lifetime.energy.by_group()
    programming = {} if found.provisioning is None else found.provisioning.by_group()
    for group in (EnergyGroup.CPU, EnergyGroup.SRAM):
        once = programming.get(group, 0.0)
        assert groups[group] == pytest.approx(found.energy.by_group()[group] * days * each_day + once)
        assert (once > 0) == (target == "rram130")
    assert groups[EnergyGroup.LEAKAGE] == pytest.approx(2e-6 * days * 86_400)
    assert groups[EnergyGroup.FRONT_END] == pytest.approx(2 * days * 86_400 * (10e-6 + 360 * 10e-9))
    if found.programmed is not None:
        assert found.programmed.marker is not None and found.programming is not None
        once = found.programming.total_j + found.programmed.marker.energy.total_j
        assert groups[EnergyGroup.PROGRAMMING] == pytest.approx(once)
    assert (EnergyGroup.PROGRAMMING in groups) == (target == "rram130")


@pytest.mark.parametrize(
    ("target", "usage", "said"),
    [
        (
            "cortex-m4",
            {"inferences_per_day": 1e8},
            r"times what fits into a day at 2\.\d\d ms an inference; ask for fewer",
        ),
        ("rram130", {"reprogrammings_per_day": 1e9, "inferences_per_day": 0}, "and 3.63 ms a reprogramming"),
        ("cortex-m4", {"reprogrammings_per_day": 1}, "'cortex-m4' has no RRAM, so nothing is reprogrammed"),
        ("cortex-m4", {"supply_v": 0.9}, "is only known to work at 1.2 V"),
        ("host", {"supply_v": 1.2}, "'host' has no supply voltage"),
        ("rram130", {"days": -1}, "-1 days are out of range"),
    ],
)
def test_what_a_target_cannot_do_is_refused(target: str, usage: dict[str, float], said: str) -> None:
    with pytest.raises(TargetError, match=said):
        ecg(target).estimate(**usage)


def test_without_firmware_nothing_is_counted() -> None:
    with pytest.raises(ToolError, match="firmware"):
        estimate(ecg().mapped, None, Usage())


def test_a_reprogramming_takes_the_cpus_time_too() -> None:
    """Pulses alone would fit into the day."""
    deployment = edgebnn.compile(ECG_PVC, policy="ultra-low-energy")
    pulses_s = deployment.estimate().programmed.time_s  # type: ignore[union-attr]
    with pytest.raises(TargetError, match="times what fits into a day"):
        deployment.estimate(inferences_per_day=0, reprogrammings_per_day=0.99 * 86_400 / pulses_s)


def test_boots_that_program_are_reprogrammings() -> None:
    deployment = edgebnn.compile(ECG_PVC, policy="ultra-low-energy", provisioning="boot")
    words = {"inferences_per_day": 0, "days": 1}
    boots, others = (deployment.estimate(**words, **{name: 10}).lifetime  # type: ignore[arg-type]
                     for name in ("boots_per_day", "reprogrammings_per_day"))  # fmt: skip
    assert boots is not None and others is not None and boots.energy == others.energy
    with pytest.raises(TargetError, match=r"s a boot and 1\.49 ms a reprogramming; ask for fewer a day"):
        deployment.estimate(boots_per_day=6e8, reprogrammings_per_day=7e8, inferences_per_day=0)


def test_a_program_of_its_own_is_counted_as_a_first_boot_is() -> None:
    deployments = (
        edgebnn.compile(ECG_PVC, policy="ultra-low-energy", provisioning=mode) for mode in ("once", "separate")
    )
    once, separate = (deployment.estimate(days=1, reprogrammings_per_day=9) for deployment in deployments)
    assert once.provisioning is not None and separate.provisioning is not None
    own, boots = separate.provisioning.by_group(), once.provisioning.by_group()
    assert own.keys() == boots.keys() and EnergyGroup.PROGRAMMING not in own
    for group in (EnergyGroup.CPU, EnergyGroup.SRAM):  # provision.elf reads back what it has programmed
        assert 0 < boots[group] < own[group] < 4 * boots[group]
    assert boots[EnergyGroup.ARRAY] == 0 < own[EnergyGroup.ARRAY]
    assert once.lifetime is not None and separate.lifetime is not None
    life, inferences = separate.lifetime.energy.by_group(), 86_400 * separate.energy.by_group()[EnergyGroup.CPU]  # type: ignore[union-attr]
    assert life[EnergyGroup.CPU] == pytest.approx(inferences + 10 * own[EnergyGroup.CPU])
