"""What the ECG patch asks its network of each beat, said once more in NumPy: the oracle for `ebnn_ecg_windows.c`.

Written from the description, not from the C: all codes are there at once, moments are absolute and no ring wraps. Equal
to the C in every integer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.devices.beats import BEFORE, CHANNELS, LENGTH, RATIO_SCALE, RHYTHM_BEATS, TEMPLATE_BEATS, TEMPLATE_PEAK
from edgebnn.devices.ecg_stream import Streamed
from edgebnn.devices.ecg_windows import BEHIND, BeatTurns

_LEAD = 2 * BEFORE + 1
_SPAN = 2 * LENGTH + 1
_HIDES, _WAIT, _LONGEST, _RING, _PENDING, _NEVER = 24, 800, 960, 1024, 8, 1 << 16

Integers = npt.NDArray[np.int64]


@dataclass
class _Beat:
    """A beat that waits: its R peak, when it became certain, the interval before it, and the ratios around it."""

    peak: int
    certain: int
    interval: int
    before: int
    early: bool
    gap: bool
    after: int | None = None
    settled: int = 0  # when `after` was known


@dataclass
class _Rhythm:
    """The last intervals, and how many of how much in sum the usual one is."""

    intervals: list[int] = field(default_factory=list)
    count: int = 0
    total: int = 0

    def ratio(self, interval: int) -> int:
        """The interval over the usual one, less 1, rounded, halves away from 0."""
        return _nearest(RATIO_SCALE * (interval * self.count - self.total), self.total) if self.total else 0

    def remember(self, interval: int) -> None:
        self.intervals = [*self.intervals, interval][-RHYTHM_BEATS:]
        edge = len(self.intervals) // 4
        middle = sorted(self.intervals)[edge : len(self.intervals) - edge]
        self.count, self.total = len(middle), sum(middle)


def _nearest(value: int, by: int) -> int:
    rounded = (2 * abs(value) + by) // (2 * by)
    return max(-128, min(127, rounded if value >= 0 else -rounded))


def expected_turns(codes: npt.NDArray[Any], streamed: Streamed) -> BeatTurns:
    """What `beat_turns` has to answer."""
    off = np.concatenate([streamed.lead_off, np.ones(BEHIND, np.bool_)])
    values = _held(np.concatenate([np.clip(codes.astype(np.int64), -2048, 2047), np.zeros(BEHIND, np.int64)]), off)
    beats, asked = _in_turn(streamed, off)
    shapes: list[tuple[Integers, npt.NDArray[np.bool_]]] = []
    inputs = np.zeros((len(beats), CHANNELS, LENGTH), np.int8)
    judged = np.zeros(len(beats), np.bool_)
    for place, (beat, turn) in enumerate(zip(beats, asked, strict=True)):
        within = np.arange(_SPAN) + beat.peak - _LEAD
        missing = np.where(within < 0, True, off[np.maximum(within, 0)])
        window = values[np.maximum(within, 0)]
        over = turn - beat.peak + _LEAD >= _RING
        judged[place] = not over and np.ptp(window) > 0 and 2 * np.count_nonzero(missing) <= _SPAN
        if not judged[place]:
            continue
        sums = window[:-2:2] + 2 * window[1:-1:2] + window[2::2]
        shape = sums - (np.sort(sums)[LENGTH // 2 - 1 : LENGTH // 2 + 1].sum() + 1) // 2
        lacks = missing[:-2:2].astype(int) + missing[1:-1:2] + missing[2::2] >= 2
        usual = _usual(shapes) if shapes else shape
        largest = max(1, int(np.abs(usual).max()))
        for channel, wave in enumerate((shape, usual)):
            inputs[place, channel] = [_nearest(TEMPLATE_PEAK * value, largest) for value in wave.tolist()]
        inputs[place, 2], inputs[place, 3] = beat.before, beat.after or 0
        if not beat.early:
            shapes = [*shapes, (shape, lacks)][-TEMPLATE_BEATS:]
    return BeatTurns(
        asked=np.array(asked, np.int64),
        peaks=np.array([beat.peak for beat in beats], np.int64),
        intervals=np.array([beat.interval for beat in beats], np.int64),
        judged=judged,
        behind_gap=np.array([beat.gap for beat in beats], np.bool_),
        inputs=inputs,
    )


def _held(values: Integers, off: npt.NDArray[np.bool_]) -> Integers:
    """The last code with a signal through each stretch without; the first one for what lacks before it."""
    there = np.flatnonzero(~off)
    if not len(there):
        return np.zeros_like(values)
    last = np.searchsorted(there, np.arange(len(values)), side="right") - 1
    return np.asarray(values[there[np.maximum(last, 0)]], np.int64)


def _in_turn(streamed: Streamed, off: npt.NDArray[np.bool_]) -> tuple[list[_Beat], list[int]]:
    """The beats with their ratios, and the code with which each has its turn: both as long as the codes go on."""
    hiding = np.flatnonzero(np.convolve(off, np.ones(_HIDES, int))[: len(off)] == _HIDES)  # the gap is that long by now
    rhythm, beats, asked = _Rhythm(), list[_Beat](), list[int]()
    for certain, ago in zip(streamed.certain.tolist(), streamed.ago.tolist(), strict=True):
        back = _within(2 * ago + 1, certain, off)
        peak, interval = certain - back, 0
        if beats and min(certain - beats[-1].peak, _NEVER) <= back:
            continue
        if beats:
            _settle(beats[-1], certain - 1, hiding, rhythm)
        waiting = [turn for turn in _turns(beats, asked) if turn is None or turn >= certain]
        if len(waiting) == _PENDING:
            continue
        before, early = 0, False
        if beats:
            hidden = bool(np.any((hiding > beats[-1].certain) & (hiding <= certain)))
            if not hidden:
                interval = min(min(certain - beats[-1].peak, _NEVER) - back, _LONGEST)
            if beats[-1].after is None:
                beats[-1].after, beats[-1].settled = rhythm.ratio(interval) if interval else 0, certain
            if interval:
                rhythm.remember(interval)
                before, early = rhythm.ratio(interval), 20 * interval * rhythm.count < 17 * rhythm.total
        gap = not beats or bool(off[beats[-1].certain + 1 : certain + 1].any())
        beats.append(_Beat(peak, certain, interval, before, early, gap))
    if beats:
        _settle(beats[-1], len(off) - 1, hiding, rhythm)
    asked = [turn for turn in _turns(beats, []) if turn is not None and turn < len(off)]
    return beats[: len(asked)], asked


def _within(back: int, certain: int, off: npt.NDArray[np.bool_]) -> int:
    """A beat does not lie before its stretch of signal."""
    nothing = np.flatnonzero(off[: certain + 1])
    stretch = certain - int(nothing[-1]) if len(nothing) else certain + 1
    return max(stretch - 1, 0) if stretch < _NEVER and back >= stretch else back


def _settle(beat: _Beat, until: int, hiding: Integers, rhythm: _Rhythm) -> None:
    """A gap behind the beat, or nothing for as long as it waits: whichever comes first up to there."""
    gap = hiding[hiding > beat.certain]
    gap_at = int(gap[0]) if len(gap) else _NEVER**2
    late_at = max(beat.peak + _WAIT, beat.certain)
    if beat.after is None and min(gap_at, late_at) <= until:
        beat.settled = min(gap_at, late_at)
        beat.after = 0 if gap_at <= late_at else rhythm.ratio(_WAIT)


def _turns(beats: list[_Beat], asked: list[int]) -> list[int | None]:
    """When each has its turn, one a code and in order; None of the last one while nothing is known behind it."""
    turns: list[int | None] = []
    last = -1
    for beat in beats:
        if beat.after is None:
            turns.append(None)
            continue
        last = max(last + 1, beat.peak + _SPAN - _LEAD - 1, beat.settled, beat.certain)
        turns.append(last)
    return turns


def _usual(shapes: list[tuple[Integers, npt.NDArray[np.bool_]]]) -> Integers:
    """At each place the median of the shapes that do not lack it, or of all where all do; halves are rounded down."""
    values, lacks = np.array([shape for shape, _ in shapes]), np.array([lack for _, lack in shapes])
    lacks &= ~lacks.all(axis=0)
    medians = np.nanmedian(np.where(lacks, np.nan, values), axis=0)
    return np.asarray(np.floor(medians), np.int64)
