"""What an ECG patch calls for help with: alarms from beats, what they were called, and where there is a signal.

`runtime/signal/ebnn_ecg_alarms.c` tells the same beat by beat; `alarms` here is its oracle, with all of it at
hand. No beat and no interval reaches across a stretch without a signal: rhythms end there and begin anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import StrEnum
from itertools import groupby, pairwise
from math import ceil, floor
from typing import Any

import numpy as np
import numpy.typing as npt

PAUSE_S = 3.0
"""Longer without a beat is a pause, as in the ACC/AHA/HRS guideline on bradycardia of 2018."""
SLOW_PER_MIN, FAST_PER_MIN = 50.0, 100.0
"""A mean rate below is bradycardia (the same guideline), one above is tachycardia (of an adult, as it is defined)."""
RATE_INTERVALS = 8
"""So many intervals in a row make a rate."""
BIGEMINY_PVC = 3
"""So many premature beats, each with one other between, make bigeminy."""
LEAD_OFF_S = 1.0
"""So long without a signal is an electrode that is off, chosen here: movements interrupt it for less."""
BURDEN_BEATS, BURDEN_SHARE = 1000, 0.10
"""More than this share of so many judged beats. Both are chosen here and rest on no source that was read; what a
physician calls a burden goes by a day's beats."""
CERTAIN_S = 0.5
"""A beat becomes certain within so long, unless it was searched for: by then a pause is told as ongoing."""

Floats = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]


class AlarmKind(StrEnum):
    """What is wrong; in the order of C's enumeration ebnn_ecg_alarm, which begins with 1."""

    COUPLET = "couplet"  # two premature ventricular beats in a row, and no third
    RUN = "run"  # three or more in a row
    BIGEMINY = "bigeminy"  # every other beat, see BIGEMINY_PVC
    PAUSE = "pause"
    BRADYCARDIA = "bradycardia"
    TACHYCARDIA = "tachycardia"
    LEAD_OFF = "lead off"
    PVC_BURDEN = "PVC burden"  # see BURDEN_BEATS


@dataclass(frozen=True)
class Alarm:
    """From its first beat to its last one, in s from the recording's start; of a pause also the ends of the signal.

    beats: how many belong to it; where it is about premature ventricular beats these alone, of a pause and of an
    electrode none.
    """

    kind: AlarmKind
    start_s: float
    end_s: float
    beats: int


@dataclass(frozen=True)
class AlarmSettings:
    """The struct ebnn_ecg_alarm_settings, member by member: codes, beats in `block` and `burden`."""

    pause: int
    certain: int
    slow: int
    fast: int
    lead_off: int
    block: int
    burden: int

    @classmethod
    def at(cls, rate_hz: int) -> AlarmSettings:
        """The numbers above at so many codes a second."""
        return cls(
            pause=int(PAUSE_S * rate_hz),
            certain=int(CERTAIN_S * rate_hz),
            slow=floor(RATE_INTERVALS * 60 * rate_hz / SLOW_PER_MIN),
            fast=ceil(RATE_INTERVALS * 60 * rate_hz / FAST_PER_MIN),
            lead_off=ceil(LEAD_OFF_S * rate_hz),
            block=BURDEN_BEATS,
            burden=int(BURDEN_BEATS * BURDEN_SHARE),
        )

    def numbers(self) -> tuple[int, ...]:
        """The members in the order of the struct, each a word of 32 bits."""
        return tuple(getattr(self, field.name) for field in fields(self))


def alarms(moments_s: Floats, is_pvc: Truths, judged: Truths, signal_s: Floats, off_s: Floats) -> list[Alarm]:
    """All alarms in the order in which they begin.

    moments_s: (n,), the beats in increasing order. is_pvc: (n,), what was called so; where a beat was not `judged`
    (n,), nobody knows, and no couplet, run or bigeminy goes across. signal_s: (k, 2), from where to where there is a
    signal, in increasing order; off_s: (m, 2), where there is none.
    """
    stretch = np.searchsorted(signal_s[:, 0], moments_s, side="right")
    found: list[Alarm] = []
    for first, last in _alike(stretch):
        inside = slice(first, last)
        found += _rates(moments_s[inside])
        known = judged[inside]
        for begin, end in _alike(known):
            if known[begin]:
                part = slice(first + begin, first + end)
                found += _ectopic(moments_s[part], is_pvc[part])
    for start_s, end_s in signal_s.tolist():
        begin, end = np.searchsorted(moments_s, [start_s, end_s])
        edges = np.concatenate([[start_s], moments_s[begin:end], [end_s]])
        found += [
            Alarm(AlarmKind.PAUSE, float(edges[place]), float(edges[place + 1]), 0)
            for place in np.flatnonzero(np.diff(edges) > PAUSE_S)
        ]
    found += [Alarm(AlarmKind.LEAD_OFF, start, end, 0) for start, end in off_s.tolist() if end - start >= LEAD_OFF_S]
    found += _burden(moments_s[judged], is_pvc[judged])
    return sorted(found, key=lambda alarm: (alarm.start_s, alarm.kind))


def _alike(values: npt.NDArray[Any]) -> Iterator[tuple[int, int]]:
    """(first, behind the last) of each run of equal values."""
    edges = [0, *(np.flatnonzero(values[1:] != values[:-1]) + 1).tolist(), len(values)] if len(values) else []
    yield from pairwise(edges)


def _ectopic(moments_s: Floats, is_pvc: Truths) -> Iterator[Alarm]:
    """Couplets, runs and bigeminy of beats that lie one behind the other."""
    for first, last in _alike(is_pvc):
        if is_pvc[first] and last - first >= 2:
            kind = AlarmKind.COUPLET if last - first == 2 else AlarmKind.RUN
            yield Alarm(kind, float(moments_s[first]), float(moments_s[last - 1]), last - first)
    # Beats that differ from the one before have the same sign once every other one is turned.
    turned = is_pvc ^ (np.arange(len(is_pvc)) % 2 == 1)
    for first, last in _alike(turned):
        premature = first + np.flatnonzero(is_pvc[first:last])
        if len(premature) >= BIGEMINY_PVC:
            start_s, end_s = moments_s[premature[[0, -1]]].tolist()
            yield Alarm(AlarmKind.BIGEMINY, start_s, end_s, len(premature))


def _burden(moments_s: Floats, is_pvc: Truths) -> Iterator[Alarm]:
    """Blocks of judged beats with too large a share of premature ones."""
    for first in range(0, len(is_pvc) - BURDEN_BEATS + 1, BURDEN_BEATS):
        premature = int(np.count_nonzero(is_pvc[first : first + BURDEN_BEATS]))
        if premature > BURDEN_BEATS * BURDEN_SHARE:
            start_s, end_s = moments_s[[first, first + BURDEN_BEATS - 1]].tolist()
            yield Alarm(AlarmKind.PVC_BURDEN, start_s, end_s, premature)


def _rates(moments_s: Floats) -> Iterator[Alarm]:
    """Bradycardia and tachycardia: each as long as the last RATE_INTERVALS intervals say so."""
    lasts_s = moments_s[RATE_INTERVALS:] - moments_s[:-RATE_INTERVALS]
    for kind, wrong in (
        (AlarmKind.BRADYCARDIA, lasts_s > RATE_INTERVALS * 60 / SLOW_PER_MIN),
        (AlarmKind.TACHYCARDIA, lasts_s < RATE_INTERVALS * 60 / FAST_PER_MIN),
    ):
        places = enumerate(wrong.tolist())
        for is_wrong, group in groupby(places, key=lambda place: place[1]):
            if is_wrong:
                windows = [place for place, _ in group]
                last = windows[-1] + RATE_INTERVALS
                yield Alarm(kind, float(moments_s[windows[0]]), float(moments_s[last]), last - windows[0] + 1)
