"""`edgebnn estimate`: the JSON that other tools rely on, the tables, and options that do not fit."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

import edgebnn as package
from edgebnn.api import Deployment
from edgebnn.chip.energy.energy import EnergyGroup
from edgebnn.chip.target.quantity import Evidence
from edgebnn.models import ECG_PVC
from edgebnn.report.documents import estimate_document
from edgebnn.report.tables import show_estimate
from tests.cli.test_commands import document, edgebnn, refused
from tests.frontend.onnx_models import Model, signs
from tests.report.printing import printed

TARGETS = ("rram130", "cortex-m4", "host")


@cache
def ecg(target: str) -> Deployment:
    return package.compile(ECG_PVC, target)


def shown(target: str, **usage: Any) -> str:
    deployment = ecg(target)
    return printed(show_estimate, estimate_document(deployment, deployment.estimate(**usage)))


def test_the_document_adds_up() -> None:
    found = document(
        "estimate", ECG_PVC, "--policy", "ultra-low-energy", "--vdd", 0.8, "--sample-rate", 360, "--days", 9
    )
    assert found["supply_v"] == 0.8 and found["policy"] == "ultra-low-energy"
    energy, groups = found["energy_per_inference_nj"], found["energy_groups_nj"]
    assert sum(groups.values()) == pytest.approx(energy["total"])
    assert set(groups) == {"array", "periphery", "cpu", "sram", "leakage"}
    assert {part["part"]: part["energy_nj"] for part in found["energy_parts"]} | {"total": energy["total"]} == energy
    assert sum(found["latency_parts_us"].values()) == pytest.approx(found["latency_per_inference_us"])
    assert found["programming_time_us"] == pytest.approx(36_992 / 32 * 2 * 0.1)
    life = found["deployment"]
    assert life["days"] == 9 and life["inferences"] == 9 * 86_400 and life["reprogrammings"] == 0
    joules = dict(life["energy_j"])
    total = joules.pop("total")
    assert sum(joules.values()) == pytest.approx(total) and set(joules) == {str(group) for group in EnergyGroup}
    assert sum(part["energy_j"] for part in life["energy_parts"]) == pytest.approx(total)
    once = found["programming_energy_uj"] + found["marker_energy_uj"]
    assert joules["programming"] == pytest.approx(once / 1e6)
    assert found["provisioning"] == "once" and found["programming_energy_per_boot_uj"] == 0 < found["boot_energy_uj"]
    assert life["mean_power_uw"] == pytest.approx(total / (9 * 86_400) * 1e6)
    assert 0 < life["battery_days"] < 10_000
    assert life["battery"] == {"name": "CR2032", "charge_mah": 225, "voltage_v": 3, "evidence": "assumed"}
    assert life["leakage_share"] == pytest.approx(joules["leakage"] / total)
    assert found["endurance"] == {
        "policy": "ultra-low-energy",
        "cycles": 5 * 10**9,
        "reprogrammings": 5 * 10**9,
        "evidence": "assumed",
        "years": None,
        "worn": {
            "cycles": 5 * 10**9,
            "bit_error_rate": 0.25,
            "fresh_bit_error_rate": 0.033,
            "doubled_after": pytest.approx(2**0.5 * 1e9, rel=1e-6),
            "evidence": "assumed",
        },
        "at_the_end": {
            "cycles": 0,
            "bit_error_rate": 0.033,
            "fresh_bit_error_rate": 0.033,
            "doubled_after": pytest.approx(2**0.5 * 1e9, rel=1e-6),
            "evidence": "secondary",
        },
    }
    evidence = (found["evidence"], found["latency_evidence"], found["programming_evidence"], life["evidence"])
    for shares in (*evidence, found["programming_time_evidence"]):
        assert sum(shares.values()) == pytest.approx(1) and set(shares) <= set(Evidence)


def test_emulate_has_the_groups_too(tmp_path: Any) -> None:
    import numpy as np

    ecg("rram130").save(tmp_path / "out")
    np.savez(tmp_path / "data.npz", x=np.zeros((2, 4, 120), np.int8))
    found = document("emulate", tmp_path / "out", "--data", tmp_path / "data.npz", "--chips", 0)
    assert sum(found["energy_groups_nj"].values()) == pytest.approx(found["energy_per_inference_nj"]["total"])


def test_a_life_with_updates_says_when_the_banks_wear_out() -> None:
    words = ("estimate", ECG_PVC, "--policy", "strong", "--reprogrammings-per-day")
    found = document(*words, 24)
    assert found["endurance"]["years"] == pytest.approx(1e6 / 24 / 365.25)
    assert found["deployment"]["reprogrammings"] == 24 * 365 and not any("wear out" in note for note in found["notes"])
    (note,) = (note for note in document(*words, 10_000)["notes"] if "wear out" in note)
    assert "under policy 'strong' they wear out after 1,000,000 reprogrammings of 3,650,000" in note


def test_a_fleet_is_so_many_devices_and_each_update_programs_all_banks_again() -> None:
    one = document("estimate", ECG_PVC, "--days", 730, "--reprogrammings-per-day", 4 / 365)
    found = document("estimate", ECG_PVC, "--days", 730, "--updates-per-year", 4, "--devices", 1000)
    assert one["fleet"] is None
    fleet, life, memory = found["fleet"], found["deployment"], found["memory"]
    assert fleet["updates"] == life["reprogrammings"] == 8 and fleet["devices"] == 1000
    assert life["energy_j"]["total"] == pytest.approx(one["deployment"]["energy_j"]["total"])
    assert fleet["energy_j"] == pytest.approx(1000 * life["energy_j"]["total"])
    each = (found["programming_energy_uj"] + found["marker_energy_uj"] + found["provisioning_energy_uj"]) / 1e6
    assert fleet["programming_energy_j"] == pytest.approx(9 * 1000 * each, rel=1e-3)
    assert fleet["update_bytes"] == memory["code_bytes"] + memory["weights_bytes"]
    assert fleet["sent_bytes"] == 8 * 1000 * fleet["update_bytes"]
    assert fleet["batteries"] == pytest.approx(1000 * 730 / life["battery_days"])
    text = " ".join(shown("rram130", updates_per_year=4, devices=1000).split())
    assert "1,000 devices for 365 days" in text and "4 (4 a year of 365 days)" in text and "of CR2032" in text
    assert any("receive an update" in note for note in found["notes"])


def test_updates_of_software_send_and_program_nothing() -> None:
    found = document("estimate", ECG_PVC, "--target", "cortex-m4", "--updates-per-year", 4)
    assert found["fleet"]["programming_energy_j"] == 0 == found["deployment"]["reprogrammings"]
    assert found["fleet"]["sent_bytes"] == 4 * found["fleet"]["update_bytes"] > 0
    result = edgebnn("estimate", ECG_PVC, "--target", "host", "--devices", 4)
    assert result.exit_code == 2 and "leave out --devices" in result.stderr


def test_a_quantiser_that_stays_outside_is_said_beside_the_energy(tmp_path: Any) -> None:
    model = Model((12,))
    model.sign(at_least=True)
    model.add("MatMul", signs(0, 12, 3))
    path = model.save(tmp_path)
    assert document("estimate", path)["inputs_outside"] == [{"name": "x", "values": 12}]
    assert document("estimate", path, "--input-type", "int8")["inputs_outside"] == []
    text = " ".join(edgebnn("estimate", path).stdout.split())
    assert "not counted in them the model's own quantiser of input 'x', outside the firmware: 12 numbers" in text


def test_a_host_has_memory_alone() -> None:
    found = document("estimate", ECG_PVC, "--target", "host")
    assert found["memory"]["synapses"] == 36_992
    for name in ("supply_v", "energy_per_inference_nj", "energy_groups_nj", "deployment", "endurance"):
        assert found[name] is None
    assert not found["energy_parts"] and not found["latency_parts_us"] and found["programming_time_us"] is None


@pytest.mark.parametrize("target", TARGETS)
def test_the_tables_fit_into_80_columns(target: str) -> None:
    text = shown(target)
    assert ("Deployed for 365 days" in text) == ("One inference" in text) == (target != "host")
    assert ("array sensing" in text) == ("endurance" in text) == (target == "rram130")


def test_the_tables_have_every_group_with_its_share_and_word() -> None:
    usage = {"sample_rate_hz": 250, "channels": 2, "reprogrammings_per_day": 0.5}
    life = shown("rram130", **usage, inferences_per_day=0.25).partition("Deployed for")[2]
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in life.splitlines() if line.startswith("│")]
    names = [name for name, *_ in rows]
    assert names[0] == "total" and {"array sensing", "periphery", "cpu", "programming", "leakage", "front end"} < set(
        names
    )
    assert all(share.endswith("%") for _, _, share, _ in rows)
    words = {name: word for name, _, _, word in rows}
    assert words["leakage"] == "assumed" and words["set pulses"] == "recalled" and words["programming"] == ""
    text = " ".join(life.split())
    assert "inferences 91.2 (0.25 a day)" in text and "at the start, then 182 times" in text
    assert "<1% recalled, >99% assumed constants" in text and "years at this rate" in text


def test_what_is_left_out_is_said() -> None:
    assert "the front end and its samples are left out" in " ".join(shown("rram130").split())
    assert "left out; a sample rate" not in " ".join(shown("rram130", sample_rate_hz=360).split())


def test_where_most_of_the_energy_leaks_away_it_is_said() -> None:
    assert "leakage, which flows all the time, is 97% of the energy of 365 days" in " ".join(shown("rram130").split())
    assert "leakage, which flows" not in shown("rram130", sample_rate_hz=360)
    assert "leakage, which flows" not in shown("cortex-m4")


def test_the_battery_is_named_and_may_be_another() -> None:
    assert "CR2032, 225 mAh, self-discharge left out" in " ".join(shown("rram130").split())
    own, other = (document("estimate", ECG_PVC, *words)["deployment"] for words in ((), ("--battery", "100, 1.5")))
    assert other["battery_days"] / own["battery_days"] == pytest.approx(100 * 1.5 / (225 * 3))
    assert other["battery"]["name"] == "own" and other["battery"]["charge_mah"] == pytest.approx(100)


def test_the_networks_own_notes_are_told() -> None:
    deployment = ecg("cortex-m4")
    network = replace(deployment.mapped.network, notes=("the input is quantised before the firmware",))
    told = replace(deployment, mapped=replace(deployment.mapped, network=network))
    assert estimate_document(told, deployment.estimate())["notes"][0] == network.notes[0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--target host --battery CR2032", "target 'host' has no energy model; leave out --battery"),
        ("--channels 2", "--channels goes with --sample-rate"),
        ("--target host --days 3 --vdd 1.2", "target 'host' has no energy model; leave out --vdd, --days"),
        ("--days 0", "--days"),
        ("--inferences-per-day -1", "--inferences-per-day"),
        ("--sample-rate 0", "--sample-rate"),
    ],
)
def test_options_that_do_not_fit_are_wrong_usage(words: str, said: str) -> None:
    result = edgebnn("estimate", ECG_PVC, *words.split())
    assert result.exit_code == 2 and said in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--vdd 0.3", "works from 0.6 to 1.2 V, not at 0.3 V"),
        ("--vdd nan", "not at nan V"),
        ("--days nan", "nan days are out of range"),
        ("--inferences-per-day 1e9", "times what fits into a day"),
        ("--battery CR1", "there is no battery 'CR1'; use one of"),
        ("--target cortex-m4 --reprogrammings-per-day 1", "has no RRAM, so nothing is reprogrammed"),
    ],
)
def test_what_cannot_be_is_one_sentence(words: str, said: str) -> None:
    assert said in refused("estimate", ECG_PVC, *words.split())
