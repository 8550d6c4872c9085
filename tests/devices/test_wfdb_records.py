"""Headers as people write them, records in several segments, and which of the signals is taken."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from edgebnn.choices import on_the_command_line
from edgebnn.devices.leads import RecordedSignal, TakenBy, candidates
from edgebnn.devices.recording import read_recording
from edgebnn.errors import DataError
from tests.devices.wfdb_files import marks, write_record

pytest.importorskip("wfdb")

SAMPLES = np.random.default_rng(0).integers(-900, 900, (7200, 1))

# fmt: off
LEADS = [
    "I", "II", "III", "MLII", "V", "V1", "V5", "V6", "aVR", "AVL", "avf", "aVF", "MCL1", "MCL", "ECG", "ECG1",
    "ecg2", "EKG", "ML2", "ML5", "CM5", "CC5", "D3", "E-S", "A-S", "A-I", "vx", "VZ", "V4R", "MV1", "II,", "V2-V3",
    "ECG_II", "mod.V1", "MLIII", "ECG lead", "lead II", "Lead I", "ECG lead V", "ECG I filtered", "ECG1-ECG2",
    "ECG (II)", "DI", "DII", "D II", "LeadII", "leadV1", "Ableitung II", "MLII (filt)",
]
OTHERS = [
    "RESP", "Resp", "ABP", "ART", "BP", "PAP", "CVP", "ICP", "PLETH", "PPG", "SpO2", "CO2", "EOG", "EMG", "EEG",
    "Fp1", "C3", "C4-A1", "Fpz", "Fc5.", "O1", "Cz", "M1", "A2", "SV", "HR", "RESP,", "Acc_x", "IMP", "EEG C3",
    "EEG (C4-A1)", "EOG (right)", "Resp (sum)", "ECG-derived respiration", "Resp. Imp.",
]
# fmt: on


def _headed(folder: Path, record_line: str, signal_line: str = "x.dat 16 200 16 0 0 0 0 MLII", name: str = "x") -> Path:
    write_record(folder, "x", SAMPLES)
    (folder / f"{name}.hea").write_text(f"{record_line}\n{signal_line}\n")
    return folder / name


@pytest.mark.parametrize(
    "line",
    [
        "x 1 360 7200",
        "x 1 360",
        "x 1 360 0",
        "x 1 360.0 7200 11:39:16 05/02/2020",
        "x 1 360 7200 2020-02-05 11:39:16",
        "x 1 360 7200 11:39 Feb 5th",
        "x 1 360/360(0) 7200 23:59:59.999",
        "x 1 3.6e2 7200",
        "\n# a comment\n\n  x\t1 \t360   7200  ",
        "another_name 1 360 7200",
        "x-1.b 1 360 7200\r",
    ],
)
def test_a_record_line_may_be_written_so(tmp_path: Path, line: str) -> None:
    read = read_recording(_headed(tmp_path, line))
    assert (read.adc == SAMPLES[:, 0]).all() and (read.fs_hz, read.lead) == (360, "MLII")


def test_without_a_rate_it_is_250_hz(tmp_path: Path) -> None:
    assert read_recording(_headed(tmp_path, "x 1")).fs_hz == 250


def test_frames_may_last_a_second(tmp_path: Path) -> None:
    read = read_recording(_headed(tmp_path, "x 1 1 20", "x.dat 16x360 200 16 0 0 0 0 MLII"))
    assert read.fs_hz == 360 and (read.adc == SAMPLES[:, 0]).all()


@pytest.mark.parametrize("name", ["a.b", "two words", "a.dat", "r/o".replace("/", "~"), "\u00fc-1", "16 200"])
def test_names_may_have_dots_and_blanks(tmp_path: Path, name: str) -> None:
    path = write_record(tmp_path, name, SAMPLES)
    (tmp_path / f"{name}.atr").write_bytes(marks([(400, 1), (900, 41)]))
    for given in (path, tmp_path / f"{name}.hea", tmp_path / f"{name}.atr"):
        read = read_recording(given)
        assert (read.name, read.codes) == (name, "Nr") and (read.adc == SAMPLES[:, 0]).all()


@pytest.mark.parametrize(
    ("line", "baseline", "per_mv", "lead"),
    [
        ("x.dat 16", 0, 200, ""),
        ("x.dat 16 0", 0, 200, ""),
        ("x.dat 16 100(7)/mV", 7, 100, ""),
        ("x.dat 16 100/uV 12 9", 9, 100_000, ""),
        ("x.dat 16 2e5(-7)/V 12 9 5 6 0 lead II", -7, 200, "lead II"),
        ("x.dat 16 .5/\u00b5V 12 0 0 0 0 ECG", 0, 500, "ECG"),
        ("x.dat 16 -200 12 0 0 0 0 V1", 0, 200, "V1"),
    ],
)
def test_a_signal_line_may_be_short_or_long(tmp_path: Path, line: str, baseline: int, per_mv: float, lead: str) -> None:
    read = read_recording(_headed(tmp_path, "x 1 360 7200", line))
    assert (read.adc == SAMPLES[:, 0] - baseline).all()
    assert (read.counts_per_mv, read.lead) == (pytest.approx(per_mv), lead)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("", "is an empty WFDB header"),
        ("# nothing\n", "is an empty WFDB header"),
        ("what is this\n", "begins with 'what is this'"),
        ("x 3 360 7200\nx.dat 16\n", "promises 3 signals and lists 1"),
        ("x/3 1 360 7200\na 7200\n", "promises 3 segments and lists 1"),
        ("x 1 360 7200\nx.dat sixteen\n", "has the signal 'x.dat sixteen'"),
        ("x 1 360 7200\n../x.dat 16\n", "which is not beside it"),
        ("x 1 360 7200\n.. 16\n", r"the signal file '.*\.\.' is a folder"),
        (f"x 1 360 7200\n{'n' * 400} 16\n", "which is not beside it"),
        ("x 1 360 7200\nx.dat 16x99999999\n", "Hz; give a record of 50"),
        ("x 1 1e999 7200\nx.dat 16\n", "claims inf Hz"),
        ("x 1 360 7200\nx.dat 16 1e999\n", "states the gain '1e999'"),
        ("x 1 360 7200\nx.dat 16 200(99999999999999999999999)\n", "which is too large"),
        ("x 1 360 7200\nx.dat 16:8000\n", "skew 8000"),
        ("x 1 360 7200\n~ 0 200 0 0 0 0 0 II\n", "all 7200 of the lead are missing"),
        ("x/1 1 360 7200\n../x 7200\n", "has the segment"),
        ("x/1 1 360 7200\ngone 7200\n", "names the segment 'gone'"),
        ("x/1 1 360 7200\nx 7200\n", "a segment in segments"),
        ("x/1 1 360 7200\n~ 7200\n", "no signal in any segment"),
        ("\x00x 1 360 7200\n", "binary"),
        (f"x 1 360 {'9' * 5000}\n", "binary, or has a line of over 1024"),
    ],
)
def test_a_header_that_cannot_be_is_refused_for_its_reason(tmp_path: Path, header: str, said: str) -> None:
    write_record(tmp_path, "x", SAMPLES)
    (tmp_path / "x.hea").write_text(header)
    with pytest.raises(DataError, match=said) as caught:
        read_recording(tmp_path / "x")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["x.hea", "x.dat", "x.atr"])
def test_what_would_keep_a_reader_waiting_is_named_and_not_opened(tmp_path: Path, name: str) -> None:
    write_record(tmp_path, "x", SAMPLES)
    (tmp_path / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / name)
    with pytest.raises(DataError, match=rf"{name}' is a FIFO"):
        read_recording(tmp_path / "x")


def _segments(folder: Path, master: str) -> Path:
    write_record(folder, "a", SAMPLES[:3000])
    write_record(folder, "b", np.concatenate([-SAMPLES[3000:], SAMPLES[3000:]], axis=1))
    lines = (folder / "b.hea").read_text().splitlines()
    lines[1:] = ["b.dat 16 1/mmHg 16 0 0 0 0 ABP", "b.dat 16 100(50) 16 0 0 0 0 MLII"]
    (folder / "b.hea").write_text("\n".join(lines) + "\n")
    (folder / "layout.hea").write_text("layout 2 360 0\n~ 0 200 16 0 0 0 0 MLII\n~ 0 1/mmHg 16 0 0 0 0 ABP\n")
    (folder / "m.hea").write_text(master)
    return folder / "m"


def test_segments_with_a_layout_are_joined_by_the_leads_name(tmp_path: Path) -> None:
    path = _segments(tmp_path, "m/4 2 360 7300\nlayout 0\na 3000\n~ 100\nb 4200\n")
    path.with_suffix(".atr").write_bytes(marks([(500, 1), (7000, 5)]))
    read = read_recording(path)
    expected = np.r_[SAMPLES[:3000, 0], np.full(100, SAMPLES[2999, 0]), 2 * (SAMPLES[3000:, 0] - 50)]
    np.testing.assert_allclose(read.adc, expected)  # the second half at twice the gain
    assert (read.gaps.starts.tolist(), read.gaps.ends.tolist()) == ([3000], [3100])
    assert read.beats is not None and read.beats.tolist() == [500, 7000]
    pressure = read_recording(path, "ABP")
    assert pressure.gaps.samples == 3100 and (pressure.adc[3100:] == -SAMPLES[3000:, 0]).all()


def test_segments_without_a_layout_are_joined_by_place(tmp_path: Path) -> None:
    write_record(tmp_path, "a", SAMPLES[:3000])
    write_record(tmp_path, "b", SAMPLES[3000:])
    (tmp_path / "m.hea").write_text("m/2 1 360 7200\na 3000\nb 4200\n")
    read = read_recording(tmp_path / "m")
    assert read.adc.dtype.kind == "i" and (read.adc == SAMPLES[:, 0]).all() and not len(read.gaps)


@pytest.mark.parametrize("segmented", [False, True])
@pytest.mark.parametrize("dead", [-32768, 7], ids=["missing", "flat"])
def test_a_lead_without_any_signal_is_passed_over(tmp_path: Path, dead: int, segmented: bool) -> None:
    signals = np.concatenate([np.full_like(SAMPLES, dead), SAMPLES, 2 * SAMPLES], axis=1)
    path = write_record(tmp_path, "r", signals, lines=[f"200 16 0 0 0 0 {name}" for name in ("MLII", "RESP", "V1")])
    if segmented:
        path = tmp_path / "m"
        path.with_suffix(".hea").write_text(f"m/1 3 360 {len(signals)}\nr {len(signals)}\n")
    read = read_recording(path)
    assert (read.lead, read.leads_without_signal) == ("V1", ("MLII",)) and (read.adc == 2 * SAMPLES[:, 0]).all()
    if dead < 0:
        with pytest.raises(DataError, match="all 7200 of the lead are missing"):
            read_recording(path, "MLII")
    else:
        assert read_recording(path, "MLII").lead == "MLII"


@pytest.mark.parametrize(
    ("master", "said"),
    [
        ("m/2 1 360 7200\na 3000\nb 4200\n", "has no lead 'MLII' in place 0"),
        ("m/1 1 360 2999\na 2999\n", "gives segment 'a' 2999 frames at 360 Hz, its own header 3000"),
        ("m/1 1 250 3000\na 3000\n", "at 250 Hz, its own header 3000 at 360 Hz"),
        ("m/1 1 360 4000\na 3000\n", "claims 4000 frames, its segments 3000"),
        ("m/2 1 360\na 3000\n~ 999999999999\n", "give 2 to 64000000 of one lead"),
        ("m/2 2 360 100\nlayout 0\n~ 100\n", "has no sample: all 100 of the lead are missing"),
    ],
)
def test_segments_that_do_not_fit_are_refused(tmp_path: Path, master: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_recording(_segments(tmp_path, master))


@pytest.mark.parametrize("name", LEADS)
def test_the_name_of_a_lead_is_known_and_one_of_another_quantity_is_none(name: str) -> None:
    assert RecordedSignal(name, "mV").is_ecg and RecordedSignal(name, "uV").is_ecg and RecordedSignal(name, "NU").is_ecg
    assert not RecordedSignal(name, "mmHg").is_ecg and not RecordedSignal(name, "%").is_ecg
    assert candidates(
        [RecordedSignal("ABP", "mmHg"), RecordedSignal("ch0", "mV"), RecordedSignal(name, "mV")], None, "r"
    )[0] == (
        2,
        TakenBy.NAME,
    )


@pytest.mark.parametrize("name", OTHERS)
def test_signals_of_other_kinds_are_never_taken_unasked(name: str) -> None:
    source = RecordedSignal(name, "mV")
    assert not source.is_ecg and not source.may_be_ecg
    with pytest.raises(DataError, match=r"no lead of ECG .*; choose the one to judge with lead, or") as caught:
        candidates([source], None, "r")
    with on_the_command_line(), pytest.raises(DataError, match=r"; choose the one to judge with --lead, or"):
        candidates([source], None, "r")
    assert f"0 {name} in mV" in str(caught.value)
    assert candidates([source], name, "r")[0] == (0, TakenBy.CHOICE)


@pytest.mark.parametrize(("name", "unit"), [("ch0", "mV"), ("", "mV"), ("channel 2", "uV"), ("left arm", "\u00b5V")])
def test_an_unknown_name_in_volts_is_taken_where_there_is_no_better(name: str, unit: str) -> None:
    assert candidates([RecordedSignal("RESP", "mV"), RecordedSignal(name, unit)], None, "r")[0] == (1, TakenBy.UNIT)
    assert not RecordedSignal(name, "NU").may_be_ecg


def test_a_lead_is_chosen_by_name_or_number_from_0() -> None:
    sources = [
        RecordedSignal("RESP", "pm"),
        RecordedSignal("V1", "mV"),
        RecordedSignal("MLII", "mV"),
        RecordedSignal("v1", "mV"),
        RecordedSignal("1", "mV"),
    ]
    assert [candidates(sources, wanted, "r")[0][0] for wanted in ("MLII", "mlii", "V1", "v1", "2", "0", "1")] == [
        *(2, 2, 1, 3, 2, 0),
        4,
    ]
    for wanted in ("V2", "5", "-1", ""):
        with pytest.raises(DataError, match="choose a name or a number of: 0 RESP in pm, 1 V1 in mV"):
            candidates(sources, wanted, "r")
    with pytest.raises(DataError, match="2 signals 'II'; give lead=0 or 1"):
        candidates([RecordedSignal("II", "mV"), RecordedSignal("II", "mV")], "II", "r")
    with on_the_command_line(), pytest.raises(DataError, match="2 signals 'II'; give --lead 0 or 1"):
        candidates([RecordedSignal("II", "mV"), RecordedSignal("II", "mV")], "II", "r")
