"""Found beats against marked ones by EC57's rules."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebnn.devices.beat_counts import BeatCounts
from edgebnn.devices.beat_matching import match_beats
from edgebnn.devices.recording import detect_beats, read_recording
from edgebnn.errors import DataError

RATE_HZ = 1000
moments = st.lists(st.integers(0, 5000), max_size=25, unique=True).map(lambda ticks: np.array(sorted(ticks)) / RATE_HZ)


def counts(marked: list[float], found: list[float], **options: float) -> tuple[int, int, int]:
    what = match_beats(np.array(marked), np.array(found), **options).counts
    return what.tp, what.fp, what.fn


def test_a_beat_within_the_window_is_found_and_one_beyond_is_both_false_and_missed() -> None:
    assert counts([1.0], [1.125], window_s=0.125) == (1, 0, 0)
    assert counts([1.0], [0.875], window_s=0.125) == (1, 0, 0)
    assert counts([1.0], [1.126], window_s=0.125) == (0, 1, 1)
    assert counts([1.0], [1.149]) == (1, 0, 0)
    assert counts([1.0], [1.151]) == (0, 1, 1)


def test_of_two_beats_the_closer_one_is_the_partner() -> None:
    near = match_beats(np.array([1.0]), np.array([0.9, 1.05]))
    assert (near.found.tolist(), near.counts) == ([1], BeatCounts(1, 1, 0))
    near = match_beats(np.array([0.9, 1.05]), np.array([1.0]))
    assert (near.marked.tolist(), near.counts) == ([1], BeatCounts(1, 0, 1))
    assert match_beats(np.array([1.0]), np.array([0.875, 1.125])).found.tolist() == [0]  # as close: the earlier one


def test_what_lies_before_the_counting_starts_counts_nowhere() -> None:
    marked, found = [1.0, 2.0, 3.0], [0.5, 1.0, 2.6, 3.0]
    assert counts(marked, found) == (2, 2, 1)
    assert counts(marked, found, from_s=1.5) == (1, 1, 1)
    assert counts(marked, found, from_s=9.0) == (0, 0, 0)
    # the pair counts where its mark does
    assert counts([2.0], [1.95], from_s=2.0) == (1, 0, 0)
    assert counts([1.95], [2.0], from_s=2.0) == (0, 0, 0)


def test_shares_are_those_of_the_counts_and_records_add_up() -> None:
    both = BeatCounts(6, 1, 0) + BeatCounts(2, 1, 2)
    assert (both.sensitivity, both.ppv, both.f1) == (0.8, 0.8, 0.8)
    nothing = BeatCounts(0, 0, 0)
    assert (nothing.sensitivity, nothing.ppv, nothing.f1) == (None, None, None)
    assert (BeatCounts(0, 3, 0).sensitivity, BeatCounts(0, 3, 0).ppv) == (None, 0.0)


@pytest.mark.parametrize("wrong", [[2.0, 1.0], [1.0, np.nan], [[1.0]]])
def test_moments_out_of_order_are_refused(wrong: list[float]) -> None:
    with pytest.raises(DataError, match="the found beats are no list of moments"):
        match_beats(np.array([1.0]), np.array(wrong))
    with pytest.raises(DataError, match="the marked beats are no list of moments"):
        match_beats(np.array(wrong), np.array([1.0]))


@pytest.mark.parametrize("window_s", [-0.1, np.nan, np.inf])
def test_a_window_that_is_none_is_refused(window_s: float) -> None:
    with pytest.raises(DataError, match="give a window of 0 s or more"):
        match_beats(np.array([1.0]), np.array([1.0]), window_s=window_s)


@given(moments, moments)
def test_no_beat_has_two_partners_and_all_beats_are_counted(marked: np.ndarray, found: np.ndarray) -> None:
    what = match_beats(marked, found)
    assert (np.diff(what.marked) > 0).all() and (np.diff(what.found) > 0).all()
    assert (np.abs(marked[what.marked] - found[what.found]) <= 0.15).all()
    assert what.counts.tp + what.counts.fn == len(marked)
    assert what.counts.tp + what.counts.fp == len(found)
    # two beats that would go together are left apart only where one of them has a closer one beside it
    for mark in np.delete(marked, what.marked):
        for hit in np.delete(found, what.found):
            apart = abs(mark - hit)
            if apart <= 0.15:
                assert min(np.abs(marked - hit).min(), np.abs(found - mark).min()) < apart


@given(st.integers(0, 2**32 - 1))
def test_wfdb_counts_the_same(seed: int) -> None:
    """On beats at least 0.3 s apart, some moved by up to 0.3 s, some missed, some added."""
    processing = pytest.importorskip("wfdb.processing", reason="the comparison needs the package wfdb")
    random = np.random.default_rng(seed)
    marked = np.cumsum(random.integers(301, 1200, 30))
    found = (marked + random.integers(-120, 121, 30))[random.random(30) > 0.1]
    between = marked[:-1] + np.diff(marked) // 2
    found = np.sort(np.concatenate([found, between[(np.diff(marked) > 700) & (random.random(29) < 0.3)]]))
    theirs = processing.compare_annotations(marked, found, 150)
    ours = match_beats(marked / RATE_HZ, found / RATE_HZ).counts
    assert (ours.tp, ours.fp, ours.fn) == (theirs.tp, theirs.fp, theirs.fn)


def test_wfdb_counts_the_same_on_a_real_record(shared_data: Path) -> None:
    processing = pytest.importorskip("wfdb.processing", reason="the comparison needs the package wfdb")
    pytest.importorskip("sleepecg", reason="finding beats needs the package sleepecg")
    recording = read_recording(shared_data / "ecg" / "mitbih_104.npz")
    assert recording.beats is not None
    found = detect_beats(recording)
    theirs = processing.compare_annotations(recording.beats, found, 54)
    ours = match_beats(recording.beats / recording.fs_hz, found / recording.fs_hz).counts
    assert (ours.tp, ours.fp, ours.fn) == (theirs.tp, theirs.fp, theirs.fn)
    assert ours.fp > 0 and ours.fn > 0
