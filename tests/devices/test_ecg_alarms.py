"""Alarms: rhythms that are known, and what holds of any."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgebnn.devices.ecg_alarms import Alarm, AlarmKind, alarms

NO_GAP = np.zeros((0, 2))


def rhythm(kinds: str, interval_s: float = 0.8) -> list[Alarm]:
    """V is premature, N another beat, ? one that nobody judged, _ a place without a beat; signal up to the last."""
    beats = np.array([place for place, kind in enumerate(kinds) if kind != "_"])
    told = np.array([kind for kind in kinds if kind != "_"])
    moments_s = (1 + beats) * interval_s
    return alarms(moments_s, told == "V", told != "?", np.array([[0.0, (1 + len(kinds)) * interval_s]]), NO_GAP)


def kinds_of(found: list[Alarm]) -> list[tuple[str, int]]:
    return [(alarm.kind.value, alarm.beats) for alarm in found]


def test_two_in_a_row_are_a_couplet_and_three_a_run() -> None:
    assert kinds_of(rhythm("NNVNN")) == []
    assert kinds_of(rhythm("NNVVNN")) == [("couplet", 2)]
    assert kinds_of(rhythm("NVVVNNVVVVV")) == [("run", 3), ("run", 5)]
    assert rhythm("NVVVN", 1.0) == [Alarm(AlarmKind.RUN, 2.0, 4.0, 3)]


def test_every_other_beat_is_bigeminy_from_three_on() -> None:
    assert kinds_of(rhythm("NVNVNN")) == []
    assert kinds_of(rhythm("NNVNVNVNN")) == [("bigeminy", 3)]
    assert kinds_of(rhythm("VNVNVVNVNV")) == [("bigeminy", 3), ("couplet", 2), ("bigeminy", 3)]


def test_a_beat_that_nobody_judged_ends_what_it_lies_in() -> None:
    assert kinds_of(rhythm("NV?VN")) == []
    assert kinds_of(rhythm("VNVN?NVNV")) == []


def test_a_pause_is_longer_than_3_s_also_up_to_the_ends_of_the_signal() -> None:
    assert kinds_of(rhythm("NN__NN", 0.99)) == []
    assert rhythm("N___N", 1.0) == [Alarm(AlarmKind.PAUSE, 1.0, 5.0, 0)]
    assert rhythm("N____", 1.0) == [Alarm(AlarmKind.PAUSE, 1.0, 6.0, 0)]
    none = np.zeros(0, np.bool_)
    assert alarms(np.zeros(0), none, none, np.array([[2.0, 9.0]]), NO_GAP) == [Alarm(AlarmKind.PAUSE, 2.0, 9.0, 0)]


def test_rates_are_those_of_eight_intervals() -> None:
    assert kinds_of(rhythm("N" * 20, 0.61)) == [] == kinds_of(rhythm("N" * 20, 1.19))
    assert kinds_of(rhythm("N" * 8, 0.5)) == []
    assert rhythm("N" * 9, 0.5) == [Alarm(AlarmKind.TACHYCARDIA, 0.5, 4.5, 9)]
    assert kinds_of(rhythm("N" * 20, 1.25)) == [("bradycardia", 20)]


def test_nothing_goes_across_a_stretch_without_signal() -> None:
    moments_s = np.array([1.0, 2.0, 3.0, 10.0, 11.0, 12.0])
    is_pvc = np.array([False, False, True, True, False, False])
    judged = np.ones(6, np.bool_)
    assert kinds_of(alarms(moments_s, is_pvc, judged, np.array([[0.0, 13.0]]), NO_GAP)) == [
        ("couplet", 2),
        ("pause", 0),
    ]
    off_s = np.array([[4.0, 9.0], [13.0, 13.5]])
    found = alarms(moments_s, is_pvc, judged, np.array([[0.0, 4.0], [9.0, 13.0]]), off_s)
    assert found == [Alarm(AlarmKind.LEAD_OFF, 4.0, 9.0, 0)]


@given(st.text("VN?", max_size=40))
def test_each_run_is_where_a_reader_of_the_letters_sees_it(kinds: str) -> None:
    runs = [len(run) for run in kinds.replace("?", "N").split("N") if len(run) >= 2]
    found = [alarm.beats for alarm in rhythm(kinds) if alarm.kind in (AlarmKind.COUPLET, AlarmKind.RUN)]
    assert found == runs
