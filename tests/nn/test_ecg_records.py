"""What the ECG recipe makes of a folder of recordings, and how it tells of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("wfdb")

from edgebnn.errors import DataError
from edgebnn.recipes.ecg import Patients
from edgebnn.report.tables import show_train
from tests.devices.records import patient, save
from tests.devices.wfdb_files import marks, write_record
from tests.report.printing import printed


def _record(folder: Path, name: str, missing: int = 0) -> None:
    """A record of one ECG and one breath, whose early beats are R-on-T; so many samples lack in its middle."""
    recording = patient(1, beats=60)
    assert recording.beats is not None and recording.is_pvc is not None
    adc = recording.adc.astype(np.int64)
    middle = int(recording.beats[30])
    adc[middle : middle + missing] = -(1 << 15)
    lines = ["1/pm 16 0 0 0 0 RESP", "200/mV 16 0 0 0 0 V1"]
    write_record(folder, name, np.stack([0 * adc, adc], axis=1), lines=lines)
    kinds = np.where(recording.is_pvc, 41, 1)
    (folder / f"{name}.atr").write_bytes(marks(list(zip(recording.beats.tolist(), kinds.tolist(), strict=True))))


def test_training_reads_what_judging_reads(tmp_path: Path) -> None:
    """The same lead, gaps and table of codes; a segment is no record of its own."""
    source = patient(1, beats=60)
    _record(tmp_path, "a")
    _record(tmp_path, "b", missing=3)
    save(source, tmp_path)
    (tmp_path / "whole.hea").write_text(f"whole/1 2 360 {len(source.adc)}\na {len(source.adc)}\n")
    (tmp_path / "a.atr").rename(tmp_path / "whole.atr")
    patients = Patients.read(tmp_path)
    assert patients.names == ("b", "patient1", "whole")
    labels, windows = (np.split(part, 3) for part in (patients.is_pvc, patients.x))
    assert source.is_pvc is not None and source.is_pvc.any()
    assert all((own == source.is_pvc).all() for own in labels)
    assert (windows[1] == windows[2]).all()
    assert [int(part.sum()) for part in np.split(patients.beside_gaps, 3)] == [1, 0, 0]
    assert patients.without_signal == (0, 0, 0)
    with pytest.raises(DataError, match="choose a name or a number of: 0 RESP in pm, 1 V1 in mV"):
        Patients.read(tmp_path, "V2")
    with pytest.raises(DataError, match=r"'b' has no beat that can be judged: .* all of it is flat"):
        Patients.read(tmp_path, "RESP")


def test_beats_without_signal_are_not_trained_on(tmp_path: Path) -> None:
    _record(tmp_path, "a")
    _record(tmp_path, "b", missing=3600)
    patients = Patients.read(tmp_path)
    whole, cut = (patients.record == index for index in (0, 1))
    left_out = patients.without_signal[1]
    assert patients.without_signal[0] == 0 and 8 <= left_out <= 14
    assert (whole.sum(), cut.sum()) == (60, 60 - left_out) and len(patients.x) == len(patients.is_pvc) == 120 - left_out
    source = patient(1, beats=60)
    assert source.is_pvc is not None
    assert (patients.is_pvc[cut] == np.delete(source.is_pvc, range(30, 30 + left_out))).all()
    _record(tmp_path, "c", missing=10**6)
    adc = np.full((len(source.adc), 2), -(1 << 15))
    adc[0] = 7
    write_record(tmp_path, "c", adc, lines=["1/pm 16 0 0 0 0 RESP", "200/mV 16 0 0 0 0 V1"])
    with pytest.raises(DataError, match="'c' has no beat that can be judged"):
        Patients.read(tmp_path)


def test_names_of_records_are_told_whole() -> None:
    name = "a_record_with_a_name_as_long_as_those_of_hospitals_2020-02-05_11-39-16"
    counts = {"tp": 12345, "fp": 12345, "fn": 12345, "tn": 0}
    row = {"record": name, "split": "unseen", "counts": counts, "sensitivity": 1.0, "ppv": 1.0, "f1": 1.0}
    gaps = {"beats_beside_gaps": {name: 7}, "beats_without_signal": {name: 0}}
    text = printed(show_train, {"records": [row], "pooled": [], **gaps, "model": None})
    assert "…" not in text
    cells = [line.split("│")[1].strip() for line in text.splitlines() if line.startswith("│")]
    assert "".join(cells) == name
    assert f"the last value is held: {name} 7." in "".join(text.split("\n")[-3:]).replace("held:", "held: ").replace(
        "  ", " "
    )
