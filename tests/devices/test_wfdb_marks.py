"""Annotation files: which codes are beats, which of them PVC, when they are, and whether the file is whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebnn.devices.recording import read_recording
from edgebnn.devices.wfdb_marks import BEATS, read_marks
from edgebnn.errors import DataError
from tests.devices.wfdb_files import marks, write_record

TABLE = {
    **{"N": False, "L": False, "R": False, "B": False, "A": False, "a": False, "J": False, "S": False, "V": True},
    **{"r": True, "F": False, "e": False, "j": False, "n": False, "E": False, "/": False, "f": False, "Q": False},
    "?": False,
}


def _record(folder: Path, content: bytes, samples: int = 30_000) -> Path:
    pytest.importorskip("wfdb")
    path = write_record(folder, "r", np.arange(samples)[:, None] % 1000)
    path.with_suffix(".atr").write_bytes(content)
    return path


def test_every_code_of_a_beat_is_one_and_only_v_and_r_are_premature_ventricular(tmp_path: Path) -> None:
    wfdb = pytest.importorskip("wfdb")
    other = ["+", "~", "|", "s", "T", "*", "D", "=", '"', "p", "^", "t", "u", "!", "[", "]", "x", "(", ")", "@"]
    symbols = [*TABLE, *other]
    path = write_record(tmp_path, "r", np.arange(10_000)[:, None] % 900)
    wfdb.wrann("r", "atr", 100 * np.arange(1, len(symbols) + 1), symbols, write_dir=str(tmp_path))
    read = read_recording(path)
    assert read.codes == "".join(TABLE)
    assert read.beats is not None and read.beats.tolist() == [100 * (i + 1) for i in range(len(TABLE))]
    assert read.is_pvc is not None and read.is_pvc.tolist() == list(TABLE.values())
    assert sorted(BEATS.values()) == sorted(TABLE)


def test_marks_in_their_own_ticks_are_turned_into_samples(tmp_path: Path) -> None:
    ticks = [128, 256, 5000]
    read = read_recording(_record(tmp_path, marks([(tick, 1) for tick in ticks], 128)))
    assert read.beats is not None and read.beats.tolist() == [360, 720, round(5000 * 360 / 128)]


def test_marks_of_a_record_in_frames_count_frames(tmp_path: Path) -> None:
    path = _record(tmp_path, marks([(2, 1), (5, 5)]), samples=3600)
    path.with_suffix(".hea").write_text("r 1 1 10\nr.dat 16x360 200 16 0 0 0 0 II\n")
    read = read_recording(path)
    assert read.beats is not None and read.beats.tolist() == [720, 1800]
    path.with_suffix(".atr").write_bytes(marks([(720, 1), (1800, 5)], 360))
    again = read_recording(path)
    assert again.beats is not None and again.beats.tolist() == [720, 1800]
    path.with_suffix(".atr").write_bytes(marks([(720, 1), (1800, 5)]))
    with pytest.raises(DataError, match=r"a beat at 1800 \(in frames of 360 samples\).* states its own ticks a second"):
        read_recording(path)


@given(st.lists(st.tuples(st.integers(0, 3000), st.sampled_from(sorted(BEATS))), min_size=1, max_size=40))
def test_what_is_written_is_read_and_every_shorter_file_is_refused(
    tmp_path_factory: pytest.TempPathFactory, found: list[tuple[int, int]]
) -> None:
    ticks = np.cumsum([later for later, _ in found]).tolist()
    path = tmp_path_factory.mktemp("marks") / "r.atr"
    content = marks(list(zip(ticks, [code for _, code in found], strict=True)), 250)
    path.write_bytes(content)
    read = read_marks(path)
    assert (read.ticks.tolist(), read.codes, read.ticks_hz) == (ticks, "".join(BEATS[code] for _, code in found), 250)
    for size in range(0, len(content), 7):
        path.write_bytes(content[:size])
        with pytest.raises(DataError, match=r"ends early|in the middle of a mark|is empty"):
            read_marks(path)
    path.write_bytes(content + bytes(6))  # padding is no mark
    assert read_marks(path).codes == read.codes


def test_what_wfdb_writes_is_read_alike(tmp_path: Path) -> None:
    wfdb = pytest.importorskip("wfdb")
    samples = np.array([5, 1500, 1501, 90_000, 1_000_000])
    wfdb.wrann(
        "r",
        "atr",
        samples,
        ["N", "V", "+", "r", "F"],
        fs=720,
        aux_note=["", "odd", "(AFIB", "", "even"],
        chan=np.array([0, 1, 0, 2, 0]),
        num=np.array([0, 3, 3, 0, 1]),
        subtype=np.array([0, 0, 1, 0, 2]),
        write_dir=str(tmp_path),
    )
    read = read_marks(tmp_path / "r.atr")
    assert (read.ticks.tolist(), read.codes, read.ticks_hz) == ([5, 1500, 90_000, 1_000_000], "NVrF", 720)


def test_the_real_record_is_whole(shared_data: Path) -> None:
    read = read_marks(shared_data / "ecg" / "wfdb" / "100.atr")
    assert len(read.codes) == 2273 and read.codes.count("V") == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty; copy it again, or delete it"),
        (marks([]), "marks no beat; delete it to have the beats found"),
        (marks([(10, 28)]), "marks no beat; delete it"),
        (marks([(10, 1)]) + b"\x0a\x04\0\0", "4 bytes behind its end mark"),
        (marks([(10, 1)]) + b"\x07", "an odd number"),
        (marks([(10, 1)])[:-2], "ends early"),
        (marks([(-10, 1)]), "marks a beat at -10 .*outside"),
        (marks([(40_000, 1)]), "marks a beat at 40000 .*outside the 30000 samples"),
        (marks([(10, 1)], 0), "0 ticks a second"),
    ],
)
def test_an_unsound_file_is_refused_with_a_remedy(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_recording(_record(tmp_path, content))
