"""A patient who does not exist: narrow beats on time, and wide early ones, with known labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgebnn.devices.recording import Recording

COUNTS_PER_MV = 200


def patient(seed: int, *, beats: int = 200, fs_hz: int = 360, pvc_share: float = 0.15, polarity: int = 1) -> Recording:
    """Gaussian QRS and T waves over noise; PVC are wide, early and followed by a pause."""
    random = np.random.default_rng(seed)
    is_pvc = random.random(beats) < pvc_share
    is_pvc[:5] = False
    is_pvc[1:] &= ~is_pvc[:-1]
    usual_s = random.uniform(0.7, 0.95)
    intervals = usual_s * (1 + 0.02 * random.standard_normal(beats))
    intervals[is_pvc] *= 0.6
    intervals[1:][is_pvc[:-1]] *= 1.4
    times = 1 + np.cumsum(intervals)
    width_s, t_mv = random.uniform(0.012, 0.02), random.uniform(0.1, 0.3)
    wide_s, side = random.uniform(0.04, 0.06), random.choice([-1, 1])
    time = np.arange(int((times[-1] + 1) * fs_hz)) / fs_hz
    signal = 0.02 * random.standard_normal(len(time))
    for moment, wide in zip(times, is_pvc, strict=True):
        near = slice(max(0, int((moment - 0.5) * fs_hz)), int((moment + 0.8) * fs_hz))
        t = time[near] - moment
        if wide:
            signal[near] += side * 1.4 * _wave(t, 0, wide_s) - side * 0.5 * _wave(t, 0.28, 0.07)
        else:
            signal[near] += _wave(t, 0, width_s) + t_mv * _wave(t, 0.25, 0.05) + 0.1 * _wave(t, -0.16, 0.025)
    adc = np.rint(polarity * COUNTS_PER_MV * signal).astype(np.int16)
    marks = np.rint(times * fs_hz).astype(np.int64)
    return Recording(f"patient{seed}", adc, float(fs_hz), float(COUNTS_PER_MV), marks, is_pvc)


def save(recording: Recording, folder: Path) -> Path:
    """The recording as an .npz file of the documented layout."""
    path = folder / f"{recording.name}.npz"
    np.savez(
        path,
        adc=recording.adc,
        fs=np.int32(recording.fs_hz),
        counts_per_mv=np.int32(recording.counts_per_mv),
        beat=np.asarray(recording.beats, np.int32),
        is_pvc=np.asarray(recording.is_pvc, np.uint8),
    )
    return path


def _wave(t: np.ndarray, middle: float, width: float) -> np.ndarray:
    return np.exp(-0.5 * ((t - middle) / width) ** 2)
