"""Which beats of a recording with gaps are judged, and which intervals between them are real."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebnn.devices import beats as coding
from edgebnn.devices import judged as module
from edgebnn.devices.beats import missing_share, rhythm
from edgebnn.devices.gaps import Gaps, held
from edgebnn.devices.judged import JudgedBeats
from edgebnn.devices.recording import Recording, read_recording
from edgebnn.errors import DataError
from tests.devices.records import patient, save

PLACES = np.arange(len(patient(1, beats=60).adc))
MIDDLE = len(PLACES) // 2
BEAT = 8644  # one of its beats


def _lacking(missing: np.ndarray, folder: Path) -> Recording:
    """A patient of 60 beats as an .npz file whose missing samples are NaN."""
    recording = patient(1, beats=60)
    adc = np.where(missing, np.nan, recording.adc.astype(np.float32))
    return read_recording(save(dataclasses.replace(recording, adc=adc), folder))


def _by_hand(recording: Recording, missing: np.ndarray) -> list[bool]:
    """Whether at least half of the samples from 0.4 s before each beat to 0.6 s behind it is there."""
    assert recording.beats is not None
    fs = int(recording.fs_hz)
    return [
        sum(missing[max(beat - 4 * fs // 10, 0) : beat + 6 * fs // 10]) <= fs / 2 for beat in recording.beats.tolist()
    ]


@pytest.mark.parametrize(
    ("missing", "most", "least"),
    [
        (PLACES < 0, 0, 0),
        (PLACES % 360 == 77, 0, 0),
        (PLACES % 3 == 0, 0, 0),
        (abs(PLACES - MIDDLE) < 3600, 27, 20),
        (PLACES > MIDDLE, 32, 26),
        (abs(PLACES - BEAT) > len(PLACES) // 180, 59, 59),
    ],
    ids=["whole", "one a second", "a third", "20 s", "second half", "1 % left"],
)
def test_a_beat_is_judged_where_half_of_its_window_is_there(
    tmp_path: Path, missing: np.ndarray, most: int, least: int
) -> None:
    recording = _lacking(missing, tmp_path)
    judged = JudgedBeats.of(recording)
    assert least <= judged.without_signal <= most
    seen = _by_hand(recording, missing)
    assert recording.beats is not None and recording.is_pvc is not None and judged.is_pvc is not None
    assert (judged.beats == recording.beats[seen]).all() and (judged.is_pvc == recording.is_pvc[seen]).all()
    assert len(judged.windows) == len(judged.beside_gaps) == 60 - judged.without_signal
    assert bool(judged.without_signal or judged.beside_gaps.any()) == bool(missing.any())


@pytest.mark.parametrize(
    "missing",
    [PLACES != MIDDLE, np.random.default_rng(0).random(len(PLACES)) > 0.01, PLACES % 5 != 0],
    ids=["one sample left", "1 % left, scattered", "a fifth left"],
)
def test_a_recording_none_of_whose_beats_can_be_judged_is_refused(tmp_path: Path, missing: np.ndarray) -> None:
    with pytest.raises(DataError, match="'patient1' has no beat that can be judged: around each of its 60 more than"):
        JudgedBeats.of(_lacking(missing, tmp_path))


def test_beats_on_a_flat_line_are_not_judged() -> None:
    """An electrode has come off for 20 s, or for good, while somebody went on marking beats."""
    source = patient(1, beats=60)
    assert source.beats is not None
    off = abs(PLACES - MIDDLE) < 3600
    judged = JudgedBeats.of(dataclasses.replace(source, adc=np.where(off, 1023, source.adc)))
    inside = [bool(off[max(beat - 144, 0) : beat + 217].all()) for beat in source.beats]
    assert judged.without_signal == sum(inside) > 15 and not judged.beside_gaps.any()
    with pytest.raises(DataError, match="or all of it is flat; give another record or lead"):
        JudgedBeats.of(dataclasses.replace(source, adc=np.full(len(PLACES), 7)))


def test_the_usual_beat_is_made_of_what_is_there() -> None:
    """Every beat lacks its beginning or its R peak, or beats lie on a flat line: the usual one is as without."""
    source = patient(1, beats=60)
    assert source.beats is not None
    missing = np.zeros(len(PLACES), np.bool_)
    for index, beat in enumerate(source.beats):
        start = beat - 40 if index % 2 else beat - 144
        missing[start : start + 80] = True
    gaps = Gaps.of(missing)
    assert missing_share(source.beats, source.fs_hz, gaps).min() > 0.2
    whole = coding.beat_windows(source.adc, source.beats, source.fs_hz)[10:, 1].astype(int)
    usual = coding.beat_windows(held(source.adc, gaps), source.beats, source.fs_hz, gaps)[10:, 1]
    assert np.abs(whole - usual).max() <= 8
    flat = np.where(abs(PLACES - MIDDLE) < 3600, 1023, source.adc)
    after = source.beats > MIDDLE + 4000
    usual = coding.beat_windows(flat, source.beats, source.fs_hz)[after, 1].astype(int)
    assert np.abs(usual - coding.beat_windows(source.adc, source.beats, source.fs_hz)[after, 1]).max() <= 8


def test_a_recording_shorter_than_a_window_is_refused() -> None:
    recording = Recording("r", np.arange(359), 360.0, 200.0, np.array([100]), None)
    with pytest.raises(DataError, match=r"'r' lasts 0.997 s, less than the window of one beat; give 1 s or more"):
        JudgedBeats.of(recording)


def test_marked_intervals_across_a_gap_are_real(tmp_path: Path) -> None:
    judged = JudgedBeats.of(_lacking(abs(PLACES - MIDDLE) < 3600, tmp_path))
    whole = JudgedBeats.of(patient(1, beats=60))
    seen = np.isin(whole.beats, judged.beats)
    assert judged.without_signal and (judged.windows[:, 2:] == whole.windows[seen, 2:]).all()


def test_an_interval_in_which_a_detector_may_have_missed_beats_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside a gap of 20 s a detector's beats have the usual interval, not one of 20 s; short gaps change nothing."""
    source = patient(1, beats=60)
    for missing, hidden in ((abs(PLACES - MIDDLE) < 3600, True), (PLACES % 360 == 77, False)):
        recording = dataclasses.replace(_lacking(missing, tmp_path), beats=None, is_pvc=None)
        assert source.beats is not None
        found = source.beats[~missing[source.beats]]
        monkeypatch.setattr(module, "detect_beats", lambda recording, found=found: found)
        judged = JudgedBeats.of(recording)
        whole = rhythm(found)[0]
        assert not judged.marked and not judged.without_signal
        across = int(np.argmax(np.diff(found)))
        assert (judged.windows[across + 1, 2, 0] == judged.windows[across, 3, 0] == 0) == hidden
        others = np.flatnonzero(np.arange(len(found)) != across + 1)
        ratios = np.clip(np.rint((whole - 1) * coding.RATIO_SCALE), -128, 127)[others]
        assert np.abs(judged.windows[others, 2, 0] - ratios).max() <= (16 if hidden else 0)


@given(st.lists(st.tuples(st.integers(100, 500), st.booleans()), min_size=1, max_size=60))
def test_intervals_that_are_not_real_have_no_part_in_what_is_usual(steps: list[tuple[int, bool]]) -> None:
    """The others have the ratios that they would have in a record without the unreal ones."""
    intervals, real = np.array([step for step, _ in steps]), np.array([own for _, own in steps])
    before, after = rhythm(np.r_[0, np.cumsum(intervals)], real)
    alone, behind = rhythm(np.r_[0, np.cumsum(intervals[real])])
    assert (before[1:][~real] == 1).all() and (after[:-1][~real] == 1).all()
    assert (before[1:][real] == alone[1:]).all() and (after[:-1][real] == behind[:-1]).all()


def test_only_gaps_that_can_hide_a_beat_are_long() -> None:
    gaps = Gaps.of(np.repeat([False, True, False, True, False], [10, 35, 10, 36, 10]))
    long = gaps.of_at_least(coding.HIDES_A_BEAT_S * 360)
    assert (long.starts.tolist(), long.ends.tolist()) == ([55], [91])
    assert missing_share(np.array([50]), 360.0, gaps)[0] > 0 and held(np.arange(101), gaps)[60] == 54
