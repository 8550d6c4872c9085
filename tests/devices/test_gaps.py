"""Missing samples: found, held, and which beats they touch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebnn.devices import beats as coding
from edgebnn.devices.beats import beat_windows, missing_share
from edgebnn.devices.gaps import Gaps, held
from edgebnn.devices.recording import read_recording
from tests.devices.records import patient

masks = st.lists(st.booleans(), min_size=1, max_size=60).filter(lambda mask: not all(mask))


@given(masks)
def test_the_last_value_is_held_through_each_gap(mask: list[bool]) -> None:
    samples = np.arange(len(mask)) + 100
    gaps = Gaps.of(np.array(mask))
    expected, last = [], samples[mask.index(False)]
    for value, lacks in zip(samples, mask, strict=True):
        last = last if lacks else value
        expected.append(last)
    assert held(samples, gaps).tolist() == expected
    assert gaps.samples == sum(mask)


@given(masks, st.lists(st.tuples(st.integers(-5, 65), st.integers(0, 20)), max_size=20))
def test_the_missing_samples_of_a_stretch_are_counted(mask: list[bool], stretches: list[tuple[int, int]]) -> None:
    first = np.array([start for start, _ in stretches], np.int64)
    last = first + np.array([length for _, length in stretches], np.int64)
    inside = [sum(mask[max(a, 0) : max(b + 1, 0)]) for a, b in zip(first, last, strict=True)]
    assert Gaps.of(np.array(mask)).within(first, last).tolist() == inside


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.longdouble])
def test_nan_is_a_gap_and_integers_stay_as_they_are(tmp_path: Path, kind: type) -> None:
    adc = np.arange(1000).astype(kind)
    adc[[0, 500, 501]] = np.nan
    np.savez(tmp_path / "r.npz", adc=adc, fs=360)
    read = read_recording(tmp_path / "r.npz")
    assert read.adc.dtype in (np.float32, np.float64)  # what filters take
    assert read.adc[[0, 500, 501, 502]].tolist() == [1, 499, 499, 502] and read.gaps.samples == 3
    for values in (np.r_[np.arange(999), -32768].astype(np.int16), np.r_[np.arange(999), 2**40]):
        np.savez(tmp_path / "r.npz", adc=values, fs=360)
        read = read_recording(tmp_path / "r.npz")
        assert read.adc.dtype == values.dtype and (read.adc == values).all() and not len(read.gaps)


def test_beats_beside_gaps_are_told_and_are_no_part_of_the_usual_beat() -> None:
    recording = patient(1, beats=60)
    assert recording.beats is not None
    missing = np.zeros(len(recording.adc), np.bool_)
    missing[recording.beats[20] : recording.beats[26]] = True
    gaps = Gaps.of(missing)
    share = missing_share(recording.beats, recording.fs_hz, gaps)
    assert share.max() == 1 and np.flatnonzero(share).tolist() == [
        *range(20, 26),
        26,
    ]  # the window of 26 begins 0.4 s before it
    windows = beat_windows(held(recording.adc, gaps), recording.beats, recording.fs_hz, gaps)
    whole = beat_windows(recording.adc, recording.beats, recording.fs_hz)
    assert (windows[:20] == whole[:20]).all()
    usual = windows[27:, 1].astype(int)
    assert np.abs(usual - whole[27:, 1]).max() <= 6  # other regular beats, none of them flat
    assert not missing_share(recording.beats, recording.fs_hz, None).any()


def test_a_sample_that_lacks_now_and_then_changes_next_to_nothing() -> None:
    recording = patient(1, beats=60)
    assert recording.beats is not None
    missing = np.arange(len(recording.adc)) % 360 == 77  # one a second, so that every beat is beside one
    gaps = Gaps.of(missing)
    assert (missing_share(recording.beats, recording.fs_hz, gaps) > 0).all()
    windows = beat_windows(held(recording.adc, gaps), recording.beats, recording.fs_hz, gaps).astype(int)
    whole = beat_windows(recording.adc, recording.beats, recording.fs_hz)
    assert np.abs(windows[:, 1] - whole[:, 1]).max() <= 8 and np.abs(windows - whole).mean() < 0.3


def test_a_window_is_marked_from_its_first_sample_to_its_last() -> None:
    beats, fs_hz = np.array([1000]), 360.0
    step = fs_hz / coding.RATE_HZ
    first, last = 1000 - (coding.BEFORE + 0.5) * step, 1000 + (coding.LENGTH - coding.BEFORE - 0.5) * step
    for place, told in ((first - 2, False), (first, True), (1000, True), (last, True), (last + 2, False)):
        missing = np.arange(2000) == int(place)
        assert (missing_share(beats, fs_hz, Gaps.of(missing)) > 0).tolist() == [told], place
