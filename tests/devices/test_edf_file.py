"""EDF files: what stands in them is read as it is, and what is unsound ends in a sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebnn.devices.edf_file import Mark, read_edf
from edgebnn.errors import DataError
from tests.devices.edf_bytes import EdfField, annotations, edf_bytes

SAMPLES = np.random.default_rng(0).integers(-2000, 2001, (3, 160))


def write(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "run.edf"
    path.write_bytes(content)
    return path


def test_signals_and_annotations_are_read_in_their_units(tmp_path: Path) -> None:
    fields = [
        EdfField("Fc5.", SAMPLES),
        EdfField("ECG", SAMPLES[:, :100], "mV", ("-5", "5")),
        annotations([[("0.5", "1.5", "T1")], [], [("2.25", "", "Augen zu \u00e4")]]),
    ]
    found = read_edf(write(tmp_path, edf_bytes(fields, reserved="EDF+C")))
    assert [(source.name, source.unit) for source in found.sources] == [("Fc5", "uV"), ("ECG", "mV")]
    assert found.rates_hz == (160.0, 100.0) and found.cut_at_s is None
    assert found.marks == (Mark(0.5, 1.5, "T1"), Mark(2.25, 0.0, "Augen zu \u00e4"))
    np.testing.assert_allclose(found.samples(0), SAMPLES.reshape(-1) / 2, atol=1e-9)
    np.testing.assert_allclose(found.samples(1), SAMPLES[:, :100].reshape(-1) / 400, atol=1e-9)


@pytest.mark.parametrize("lost", [1, 100, 320, 500])
def test_a_file_that_is_cut_gives_whole_records_and_says_where_it_ends(tmp_path: Path, lost: int) -> None:
    found = read_edf(write(tmp_path, edf_bytes([EdfField("Oz", SAMPLES)])[:-lost]))
    whole = 2 if lost <= 320 else 1
    assert found.cut_at_s == whole
    np.testing.assert_allclose(found.samples(0), SAMPLES[:whole].reshape(-1) / 2, atol=1e-9)


def test_a_recording_that_was_going_on_has_the_records_of_its_file(tmp_path: Path) -> None:
    found = read_edf(write(tmp_path, edf_bytes([EdfField("Oz", SAMPLES)], records="-1")))
    assert found.cut_at_s is None and found.samples(0).shape == (480,)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "does not begin as an EDF file does"),
        (b"0       ".ljust(200), "does not begin as an EDF file does"),
        (edf_bytes([EdfField("Oz", SAMPLES)], signals="-1"), "says that it has '-1' signals"),
        (edf_bytes([EdfField("Oz", SAMPLES)], signals="9999"), "says that it has '9999' signals"),
        (edf_bytes([EdfField("Oz", SAMPLES)], signals="400"), "ends within its header"),
        (edf_bytes([EdfField("Oz", SAMPLES)], record_s="0"), "is no sound EDF file"),
        (edf_bytes([EdfField("Oz", SAMPLES[:, :0])]), "is no sound EDF file"),
        (edf_bytes([EdfField("Oz", SAMPLES)], reserved="EDF+D"), "discontinuous"),
    ],
)
def test_an_unsound_file_ends_in_a_sentence(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_edf(write(tmp_path, content))


@pytest.mark.parametrize(
    ("field", "said"),
    [
        (EdfField("Oz", SAMPLES, physical=("nan", "1")), "reaches from nan to 1"),
        (EdfField("Oz", SAMPLES, physical=("1", "1")), "reaches from 1 to 1"),
        (EdfField("Oz", SAMPLES, physical=("x", "1")), "is no sound EDF file"),
        (EdfField("Oz", SAMPLES, digital=("5", "5")), "has codes from 5 to 5"),
        (EdfField("Oz", SAMPLES[:, :10]), "has 10 samples a second"),
    ],
)
def test_an_unsound_signal_ends_in_a_sentence_when_it_is_read(tmp_path: Path, field: EdfField, said: str) -> None:
    found = read_edf(write(tmp_path, edf_bytes([field])))
    with pytest.raises(DataError, match=said):
        found.samples(0)


def test_a_sparse_file_of_terabytes_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, edf_bytes([EdfField("Oz", SAMPLES)]))
    with path.open("r+b") as file:
        file.truncate(1 << 40)
    with pytest.raises(DataError, match="more than the 8,589,934,592 that are read"):
        read_edf(path)
    with path.open("r+b") as file:
        file.truncate(1 << 30)
    with pytest.raises(DataError, match="samples, more than 64,000,000"):
        read_edf(path).samples(0)


_WHOLE = edf_bytes([EdfField("Oz", SAMPLES), annotations([[("0.5", "1.5", "T1")], [], []])], reserved="EDF+C")


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 900), st.binary(min_size=1, max_size=9)), min_size=1, max_size=4))
def test_no_damage_to_a_header_ends_in_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, edits: list[tuple[int, bytes]]
) -> None:
    content = bytearray(_WHOLE)
    for at, damage in edits:
        content[at : at + len(damage)] = damage
    try:
        found = read_edf(write(tmp_path_factory.mktemp("edf"), bytes(content)))
        for index in range(len(found.sources)):
            assert np.isfinite(found.samples(index)).all()
    except DataError as error:
        assert "run.edf" in str(error)


def test_the_shared_runs_have_64_electrodes_and_their_tasks(shared_data: Path) -> None:
    found = read_edf(shared_data / "eeg" / "S001R04.edf")
    assert len(found.sources) == 64 and {mark.text for mark in found.marks} == {"T0", "T1", "T2"}
    assert found.samples(63).shape == (20000,) and found.sources[60].name == "O1"
