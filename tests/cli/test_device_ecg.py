"""`edgebnn device ecg`: a recording through the whole patch."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from edgebnn.api import compile
from edgebnn.devices.ecg_log import read_log
from edgebnn.models import ECG_PVC
from tests.cli.test_commands import document, edgebnn, refused
from tests.devices.records import patient, save
from tests.frontend.onnx_models import dense


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("device") / "ecg"
    compile(ECG_PVC, "cortex-m4").save(folder)
    return folder


def test_a_patient_is_judged_and_the_counts_belong_together(deployed: Path, tmp_path: Path) -> None:
    recording = patient(4)
    path = save(recording, tmp_path)
    found = document("device", "ecg", deployed, "--record", path)
    assert recording.beats is not None and recording.is_pvc is not None
    detector, classifier, whole = (found[part]["counts"] for part in ("detector", "classifier", "end_to_end"))
    assert detector["tp"] + detector["fn"] == len(recording.beats) and detector["tp"] + detector["fp"] == found["beats"]
    assert sum(classifier.values()) <= detector["tp"]
    assert whole["tp"] + whole["fn"] == recording.is_pvc.sum()
    assert whole["tp"] + whole["fp"] == found["pvc_found"] == len(found["pvc_at_s"])
    assert found["detector"]["f1"] >= 0.98 and found["end_to_end"]["f1"] >= 0.9
    assert sum(found["alarm_counts"].values()) == len(found["alarms"])
    text = " ".join(edgebnn("device", "ecg", deployed, "--record", path).stdout.split())
    assert "Not in it yet: the chain as firmware" in text and "they flatter it" not in text


def test_the_event_log_holds_the_alarms(deployed: Path, tmp_path: Path) -> None:
    recording = patient(4, beats=60)
    adc = recording.adc.astype(float)
    adc[7200:9000] = np.nan
    path = save(dataclasses.replace(recording, adc=adc), tmp_path)
    found = document("device", "ecg", deployed, "--record", path, "--log", tmp_path / "events.log")
    log = read_log((tmp_path / "events.log").read_bytes())
    over = [(event.kind.value, round(event.start_s, 6)) for event in log.events if not event.ongoing]
    assert sorted(over) == sorted((alarm["kind"], round(alarm["start_s"], 6)) for alarm in found["alarms"]) and over


def test_a_record_that_the_detector_was_chosen_on_is_said_to_be_one(deployed: Path, tmp_path: Path) -> None:
    path = save(patient(3, beats=20), tmp_path).rename(tmp_path / "mitbih_100.npz")
    found = document("device", "ecg", deployed, "--record", path)
    assert found["detector_tuned_on"] is True
    assert "they flatter it" in " ".join(edgebnn("device", "ecg", deployed, "--record", path).stdout.split())


def test_other_rates_and_networks_are_refused(deployed: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "slow.npz", adc=np.arange(1000), fs=50)
    assert "the device takes 100 to 2000 Hz" in refused("device", "ecg", deployed, "--record", tmp_path / "slow.npz")
    other = tmp_path / "other"
    compile(dense().save(tmp_path), "cortex-m4", input_type="uint8").save(other)
    assert "not one input of 4 channels by 120" in refused("device", "ecg", other, "--record", tmp_path / "slow.npz")
