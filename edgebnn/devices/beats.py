"""From a recording and its beats to the network's int8 input: what the ECG device computes for every beat.

The channels of one input, each of `LENGTH` samples at `RATE_HZ` (1 s, the beat at sample `BEFORE`):

0. the beat itself,
1. the patient's usual beat: the median of the last `TEMPLATE_BEATS` beats that did not come early,
2. a plateau: the interval before the beat over the usual interval,
3. a plateau: the interval after it over the usual interval.

A ventricular beat differs from the patient's own usual beat and mostly comes early; stating both relative to the
patient is what carries over to patients who were never seen. Everything is causal but for the interval after the
beat, so the device answers one beat late.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.devices.gaps import Gaps

RATE_HZ = 120
LENGTH = 120
BEFORE = 48
CHANNELS = 4

TEMPLATE_BEATS = 15
RHYTHM_BEATS = 32
EARLY = 0.85
MOST_MISSING = 0.5
"""Share of a window that may be missing in a beat that is judged or part of the usual one: beyond it there is more of
the value that is held in the gap than of the heart. The same share of a period of RATE_HZ makes one of its samples."""
HIDES_A_BEAT_S = 0.1
"""A gap of this length can hide a whole QRS complex, which takes 0.06 to 0.1 s, from a detector."""

TEMPLATE_PEAK = 48
"""Counts of int8 that the usual beat's largest deflection gets: a beat 2.6 times as tall still fits."""
RATIO_SCALE = 128

_CHUNK = 1024

Floats = npt.NDArray[np.float64]


def beat_windows(
    adc: npt.NDArray[Any], beats: npt.NDArray[Any], fs_hz: float, gaps: Gaps | None = None, *, marked: bool = True
) -> npt.NDArray[np.int8]:
    """The network's inputs, int8 (n, CHANNELS, LENGTH), for the n `beats` (increasing sample indexes into `adc`).

    `adc` holds samples at `fs_hz` in any unit: the result does not depend on the gain. Beyond the ends of the
    record the edge value is repeated; an interval that is missing counts as the usual one (ratio 1). A beat without
    signal (see `with_signal`) has a window like the others, but is no part of the usual beat, and neither are the
    samples of other beats that lie in the `gaps`. Between beats that somebody has `marked` an interval is real whatever
    lacks in it; a detector may have missed beats in a gap of HIDES_A_BEAT_S, so that an interval across one is missing.
    """
    if len(beats) == 0:
        return np.zeros((0, CHANNELS, LENGTH), np.int8)
    before, after = rhythm(beats, None if marked else _without_hidden_beats(beats, fs_hz, gaps))
    shapes = _sampled(np.asarray(adc, np.float64), np.asarray(beats, np.float64), fs_hz)
    shapes -= np.median(shapes, axis=1, keepdims=True)
    regular = (before >= EARLY) & with_signal(adc, beats, fs_hz, gaps)
    usual = _usual_beats(shapes, regular, None if gaps is None else _lacking(beats, fs_hz, gaps))
    windows = np.empty((len(beats), CHANNELS, LENGTH), np.int8)
    for some in _chunks(np.arange(len(beats))):
        windows[some] = _windows(shapes[some], usual[some], before[some, None] - 1, after[some, None] - 1)
    return windows


def _windows(shapes: Floats, usual: Floats, before: Floats, after: Floats) -> npt.NDArray[np.int8]:
    """(n, CHANNELS, LENGTH) of shapes and usual beats, both (n, LENGTH), and ratios less 1, both (n, 1)."""
    peak = np.abs(usual).max(axis=1, keepdims=True)
    gain = TEMPLATE_PEAK / np.where(peak > 0, peak, 1.0)
    plateau = np.ones((1, LENGTH))
    channels = (shapes * gain, usual * gain, before * RATIO_SCALE * plateau, after * RATIO_SCALE * plateau)
    return np.clip(np.rint(np.stack(channels, axis=1)), -128, 127).astype(np.int8)


def missing_share(beats: npt.NDArray[Any], fs_hz: float, gaps: Gaps | None) -> Floats:
    """(n,): the share of each beat's window, 0 to 1, that is missing and has other values held in its place."""
    if gaps is None:
        return np.zeros(len(beats))
    first, last = _bounds(beats, fs_hz)
    return np.asarray(gaps.within(first, last) / (last - first + 1), np.float64)


def with_signal(
    adc: npt.NDArray[Any], beats: npt.NDArray[Any], fs_hz: float, gaps: Gaps | None = None
) -> npt.NDArray[np.bool_]:
    """(n,): whether no more than MOST_MISSING of each beat's window is missing, and not all of it flat.

    A flat window is one whose samples are all equal, as where an electrode has come off.
    """
    changes = np.concatenate([[0], np.cumsum(adc[1:] != adc[:-1])])  # before each sample
    first, last = np.clip(_bounds(beats, fs_hz), 0, len(adc) - 1).astype(np.int64)
    return np.asarray((changes[last] > changes[first]) & (missing_share(beats, fs_hz, gaps) <= MOST_MISSING), np.bool_)


def _lacking(beats: npt.NDArray[Any], fs_hz: float, gaps: Gaps) -> npt.NDArray[np.bool_]:
    """(n, LENGTH): whether more than MOST_MISSING of each sample's period lies in the gaps."""
    lacking = np.zeros((len(beats), LENGTH), np.bool_)
    edges = (np.arange(LENGTH + 1) - BEFORE - 0.5) * (fs_hz / RATE_HZ)
    for indexes in _chunks(np.flatnonzero(missing_share(beats, fs_hz, gaps))):
        places = np.asarray(beats, np.float64)[indexes, None] + edges
        first, last = np.floor(places[:, :-1]), np.ceil(places[:, 1:])
        lacking[indexes] = gaps.within(first, last) / (last - first + 1) > MOST_MISSING
    return lacking


def _bounds(beats: npt.NDArray[Any], fs_hz: float) -> tuple[Floats, Floats]:
    """(first, last), each (n,): the samples between which each beat's window lies, both included."""
    step = fs_hz / RATE_HZ
    begin, end = ((edge - BEFORE - 0.5) * step for edge in (0, LENGTH))
    places = np.asarray(beats, np.float64)
    return np.floor(places + begin), np.ceil(places + end)


def _without_hidden_beats(beats: npt.NDArray[Any], fs_hz: float, gaps: Gaps | None) -> npt.NDArray[np.bool_] | None:
    """(n - 1,): whether the interval behind each beat has no gap that could hide another one; None without gaps."""
    if gaps is None:
        return None
    hiding = gaps.of_at_least(HIDES_A_BEAT_S * fs_hz)
    return np.asarray(hiding.within(beats[:-1], beats[1:]) == 0, np.bool_)


def rhythm(beats: npt.NDArray[Any], real: npt.NDArray[np.bool_] | None = None) -> tuple[Floats, Floats]:
    """(before, after), each (n,): the intervals around every beat over the median of the last RHYTHM_BEATS intervals.

    An even number of intervals, so that in bigeminy the median lies between the short and the long ones. Of the
    intervals (n - 1,) those that are not `real` have the ratio 1 and no part in the median.
    """
    intervals = np.diff(np.asarray(beats, np.float64))
    known = np.ones(len(intervals), np.bool_) if real is None else real
    if not known.any():
        return np.ones(len(beats)), np.ones(len(beats))
    latest = np.maximum(np.cumsum(known) - 1, 0)  # for each interval the last real one up to it
    usual = np.maximum(_midmeans(intervals[known]), 1.0)[latest]
    before = np.where(known, intervals / usual, 1.0)
    after = np.where(known, intervals / np.concatenate([usual[:1], usual[:-1]]), 1.0)
    return np.concatenate([[1.0], before]), np.concatenate([after, [1.0]])


def _midmeans(intervals: Floats) -> Floats:
    """(n,): the mean of the middle half of the last RHYTHM_BEATS intervals, fewer at the start."""
    padded = np.concatenate([np.full(RHYTHM_BEATS - 1, np.inf), intervals])
    recent = np.sort(np.lib.stride_tricks.sliding_window_view(padded, RHYTHM_BEATS), axis=1)
    count = np.minimum(np.arange(len(intervals)) + 1, RHYTHM_BEATS)[:, None]
    rank = np.arange(RHYTHM_BEATS)
    middle = (rank >= count // 4) & (rank < count - count // 4)
    return np.asarray(np.where(middle, recent, 0.0).sum(axis=1) / middle.sum(axis=1))


def _sampled(adc: Floats, beats: Floats, fs_hz: float) -> Floats:
    """(n, LENGTH): the mean of the signal over each period of RATE_HZ around each beat.

    The mean over a period, from the running integral, is resampling and anti-alias filter in one, at any `fs_hz`.
    """
    middles = (adc[1:] + adc[:-1]) / 2
    integral = np.concatenate([[0.0], np.cumsum(middles - adc[0])])
    shapes = np.empty((len(beats), LENGTH))
    for some in _chunks(np.arange(len(beats))):
        shapes[some] = _means(adc, integral, beats[some], fs_hz / RATE_HZ)
    return shapes


def _means(adc: Floats, integral: Floats, beats: Floats, step: float) -> Floats:
    """(n, LENGTH): what `_sampled` gives of so many beats, from the integral of `adc` - `adc[0]` up to each sample."""
    edges = beats[:, None] + (np.arange(LENGTH + 1) - BEFORE - 0.5) * step
    last = len(adc) - 1
    inside = np.clip(edges, 0, last)
    whole = np.minimum(inside.astype(np.int64), max(last - 1, 0))
    part = inside - whole
    following = np.minimum(whole + 1, last)
    start = adc[whole] - adc[0]
    slope = adc[following] - adc[whole]
    area = integral[whole] + part * start + part**2 / 2 * slope
    area += np.maximum(edges - last, 0) * (adc[last] - adc[0])
    means: Floats = np.diff(area, axis=1) / step + adc[0]
    return means


def _usual_beats(shapes: Floats, regular: npt.NDArray[np.bool_], lacking: npt.NDArray[np.bool_] | None) -> Floats:
    """(n, LENGTH): for each beat the median of the last TEMPLATE_BEATS regular ones before, else itself."""
    accepted = np.flatnonzero(regular)
    usual = shapes.copy()
    seen = np.searchsorted(accepted, np.arange(len(shapes)))
    for few in range(1, min(TEMPLATE_BEATS, len(accepted) + 1)):
        indexes = np.flatnonzero(seen == few)
        if len(indexes):
            usual[indexes] = _median(shapes, accepted[None, :few], lacking)
    for indexes in _chunks(np.flatnonzero(seen >= TEMPLATE_BEATS)):
        recent = accepted[seen[indexes][:, None] + np.arange(-TEMPLATE_BEATS, 0)]
        usual[indexes] = _median(shapes, recent, lacking)
    return usual


def _median(shapes: Floats, recent: npt.NDArray[np.int64], lacking: npt.NDArray[np.bool_] | None) -> Floats:
    """(m, LENGTH): at each place the median of the `recent` (m, k) beats that do not lack it, or of all that do."""
    values = shapes[recent]
    if lacking is None or not lacking[recent].any():
        return np.asarray(np.median(values, axis=1))
    there = ~lacking[recent]
    there |= ~there.any(axis=1, keepdims=True)
    return np.asarray(np.nanmedian(np.where(there, values, np.nan), axis=1))


def _chunks(indexes: npt.NDArray[np.int64]) -> Iterator[npt.NDArray[np.int64]]:
    for start in range(0, len(indexes), _CHUNK):
        yield indexes[start : start + _CHUNK]
