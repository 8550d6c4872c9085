"""Every storage format gives the counts that were stored, and says which are missing."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from edgebnn.devices.recording import read_recording
from edgebnn.devices.wfdb_samples import STORAGE
from edgebnn.errors import DataError
from tests.devices.wfdb_files import BITS, COMPRESSED, write_record

pytest.importorskip("wfdb")


def _signals(storage: int, frames: int, signals: int) -> np.ndarray:
    random = np.random.default_rng(storage + frames)
    most = (1 << (BITS[storage] - 1)) - 1
    if storage == 8:
        return np.cumsum(random.integers(-127, 128, (frames, signals)), axis=0)
    counts = random.integers(-most, most + 1, (frames, signals))
    counts[:2] = [[most], [-most]]
    return counts


@pytest.mark.parametrize("frames", [500, 501, 502, 503])
@pytest.mark.parametrize("signals", [1, 2, 3])
@pytest.mark.parametrize("storage", sorted(STORAGE))
def test_counts_are_exact_in_every_format(tmp_path: Path, storage: int, signals: int, frames: int) -> None:
    if storage in COMPRESSED:
        pytest.importorskip("soundfile")
    counts = _signals(storage, frames, signals)
    path = write_record(tmp_path, "r", counts, storage=storage)
    for index in range(signals):
        read = read_recording(path, str(index))
        assert read.adc.dtype.kind == "i"
        assert (read.adc == counts[:, index]).all() and not len(read.gaps)
    header = path.with_suffix(".hea")
    header.write_text(header.read_text().replace(f" 360 {frames}", " 360"))
    last = read_recording(path, str(signals - 1)).adc
    assert (last[:frames] == counts[:, -1]).all() and len(last) - frames in (0, 1, 2)  # a last group has room for more


@pytest.mark.parametrize("storage", sorted(set(STORAGE) - {8}))
def test_the_count_that_says_no_sample_is_a_gap_in_which_the_last_value_is_held(tmp_path: Path, storage: int) -> None:
    if storage in COMPRESSED:
        pytest.importorskip("soundfile")
    counts = _signals(storage, 400, 2)
    counts[[0, 1, 200, 201, 399], 0] = -(1 << (BITS[storage] - 1))
    read = read_recording(write_record(tmp_path, "r", counts, storage=storage))
    expected = counts[:, 0].copy()
    expected[[0, 1]], expected[[200, 201]], expected[399] = expected[2], expected[199], expected[398]
    assert (read.adc == expected).all()
    assert (read.gaps.starts.tolist(), read.gaps.ends.tolist()) == ([0, 200, 399], [2, 202, 400])
    assert (read.gaps.samples, len(read.gaps)) == (5, 3)
    assert not len(read_recording(tmp_path / "r", "V1").gaps)


@pytest.mark.parametrize("storage", sorted(STORAGE))
def test_blocks_join_without_a_seam(tmp_path: Path, storage: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if storage in COMPRESSED:
        pytest.importorskip("soundfile")
    monkeypatch.setattr("edgebnn.devices.wfdb_samples._BLOCK_SAMPLES", 50)
    counts = _signals(storage, 401, 3)
    path = write_record(tmp_path, "r", counts, storage=storage)
    for index in range(3):
        assert (read_recording(path, str(index)).adc == counts[:, index]).all()


def test_leads_that_are_not_taken_are_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sparse file holds as many as a header can name; one lead, its copy and some masks are all that is needed."""
    monkeypatch.setattr("edgebnn.devices.wfdb_samples._BLOCK_SAMPLES", 1 << 16)
    frames, leads = 200_000, 8
    write_record(tmp_path, "r", np.zeros((2, leads), np.int64), lines=[f"200 16 0 0 0 0 V{i}" for i in range(1, 9)])
    header = tmp_path / "r.hea"
    header.write_text(header.read_text().replace(" 360 2\n", f" 360 {frames}\n"))
    with (tmp_path / "r.dat").open("r+b") as file:
        file.truncate(2 * frames * leads)
    read_recording(tmp_path / "r")  # what is imported once
    tracemalloc.start()
    try:
        read = read_recording(tmp_path / "r")
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(read.adc) == frames and len(read.leads_without_signal) == 0
    assert most < 4 * 8 * frames, most


def test_deprecations_of_the_package_reach_nobody(tmp_path: Path) -> None:
    """Not even where the user makes warnings errors."""
    path = write_record(tmp_path, "r", _signals(16, 400, 1))
    program = "import sys; from edgebnn.devices.recording import read_recording; read_recording(sys.argv[1])"
    command = [sys.executable, "-W", "error", "-c", program, str(path)]
    assert subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stderr == ""


def test_a_record_without_any_sample_is_refused(tmp_path: Path) -> None:
    path = write_record(tmp_path, "r", np.full((400, 1), -(1 << 15)))
    with pytest.raises(DataError, match="all 400 of the lead are missing"):
        read_recording(path)


def test_counts_beyond_16_bits_and_any_baseline_are_kept(tmp_path: Path) -> None:
    counts = np.linspace(-(1 << 31) + 1, (1 << 31) - 1, 400).astype(np.int64)[:, None]
    path = write_record(tmp_path, "r", counts, storage=32, lines=["3600000.0(-2000000000)/uV 32 0 0 0 0 II"])
    read = read_recording(path)
    assert (read.adc == counts[:, 0] + 2_000_000_000).all()
    assert read.counts_per_mv == pytest.approx(3.6e9)


@pytest.mark.parametrize("storage", [8, 16, 212, 310])
def test_a_signal_that_lags_is_moved_and_its_end_is_missing(tmp_path: Path, storage: int) -> None:
    counts = _signals(storage, 400, 3)
    path = write_record(tmp_path, "r", counts, storage=storage)
    header = path.with_suffix(".hea")
    lines = header.read_text().splitlines()
    lines[2:] = [
        lines[2].replace(f" {storage} ", f" {storage}:7 ", 1),
        lines[3].replace(f" {storage} ", f" {storage}:30 ", 1),
    ]
    header.write_text("\n".join(lines) + "\n")
    for name, skew in (("MLII", 0), ("V1", 7), ("V2", 30)):
        read = read_recording(path, name)
        index = ("MLII", "V1", "V2").index(name)
        assert (read.adc[: 400 - skew] == counts[skew:, index]).all()
        assert read.gaps.samples == skew and len(read.adc) == 400
    header.write_text("\n".join([lines[0].replace(" 400", " 370"), *lines[1:]]) + "\n")
    read = read_recording(path, "V2")  # the file has what lies behind the record's end
    assert (read.adc == counts[30:, 2]).all() and not len(read.gaps)


def test_several_samples_a_frame_are_read_at_their_own_rate(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    fast, slow = random.integers(-500, 500, (100, 4)), random.integers(-500, 500, (100, 1))
    stored = np.concatenate([slow, fast], axis=1).astype("<i2")
    (tmp_path / "r.dat").write_bytes(bytes(10) + stored.tobytes())
    (tmp_path / "r.hea").write_text("r 2 90 100\nr.dat 16+10 9/mmHg 12 0 0 0 0 ABP\nr.dat 16x4+10 200 12 0 0 0 0 II\n")
    read = read_recording(tmp_path / "r")
    assert (read.lead, read.fs_hz) == ("II", 360.0)
    assert (read.adc == fast.reshape(-1)).all()


def test_signals_in_files_of_their_own_need_only_that_of_the_lead(tmp_path: Path) -> None:
    counts = _signals(16, 400, 1)
    write_record(tmp_path, "b", counts)
    (tmp_path / "r.hea").write_text("r 2 360 400\na.dat 16 1/mmHg 16 0 0 0 0 ABP\nb.dat 16 200 16 0 0 0 0 V5\n")
    assert (read_recording(tmp_path / "r").adc == counts[:, 0]).all()
    with pytest.raises(DataError, match=r"names the signal file 'a\.dat', which is not beside it"):
        read_recording(tmp_path / "r", "ABP")


@pytest.mark.parametrize(
    ("storage", "content", "said"),
    [
        (16, bytes(799), "shorter than its header claims: 399 of 400 frames"),
        (16, b"", "0 of 400 frames"),
        (212, bytes(599), "399 of 400 frames"),
        (516, b"no flac at all", "no sound FLAC file"),
        (999, bytes(800), "the format 999, which is unknown; the known are 8, 16, "),
    ],
)
def test_a_short_or_strange_signal_file_is_refused(tmp_path: Path, storage: int, content: bytes, said: str) -> None:
    (tmp_path / "r.dat").write_bytes(content)
    (tmp_path / "r.hea").write_text(f"r 1 360 400\nr.dat {storage} 200 16 0 0 0 0 II\n")
    with pytest.raises(DataError, match=said):
        read_recording(tmp_path / "r")
