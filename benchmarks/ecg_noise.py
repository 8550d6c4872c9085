"""Noise that an ECG meets, made here from a seed, and how much of it a signal-to-noise ratio stands for.

Each kind is a shape of its own, scaled to the same power: baseline wander, muscle, electrode motion, mains.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfilt

Floats = npt.NDArray[np.float64]


def baseline_wander(samples: int, rate_hz: float, random: np.random.Generator) -> Floats:
    """Breath and posture: white noise between 0.05 and 0.7 Hz."""
    return _band(samples, rate_hz, random, 0.05, 0.7)


def muscle(samples: int, rate_hz: float, random: np.random.Generator) -> Floats:
    """Electromyogram: white noise above 20 Hz, in bursts that swell and fade over some seconds."""
    strength = np.abs(_band(samples, rate_hz, random, 0.02, 0.3)) + 0.3
    return _band(samples, rate_hz, random, 20.0, min(100.0, 0.45 * rate_hz)) * strength


def electrode_motion(samples: int, rate_hz: float, random: np.random.Generator) -> Floats:
    """A pulled electrode: about one step a second that decays over 0.05 to 0.5 s, and 1 to 10 Hz between."""
    pulls = np.zeros(samples)
    for place in np.flatnonzero(random.random(samples) < 1 / rate_hz).tolist():
        decay = np.exp(-np.arange(int(2 * rate_hz)) / (random.uniform(0.05, 0.5) * rate_hz))
        part = decay[: samples - place]
        pulls[place : place + len(part)] += random.normal() * part
    slow = _band(samples, rate_hz, random, 1.0, 10.0)
    steps = np.asarray(sosfilt(butter(2, 15.0, "lowpass", fs=rate_hz, output="sos"), pulls), np.float64)
    return steps / max(float(steps.std()), 1e-12) + 0.5 * slow / float(slow.std())


def mains(samples: int, rate_hz: float, random: np.random.Generator) -> Floats:
    """60 Hz, which drifts by 0.1 Hz and swells, and a third of it at 120 Hz where the rate has that."""
    hz = 60.0 + 0.1 * np.sin(2 * np.pi * np.arange(samples) / rate_hz / 37.0)
    phase = 2 * np.pi * np.cumsum(hz) / rate_hz + random.uniform(0, 2 * np.pi)
    swell = 1 + 0.3 * np.sin(2 * np.pi * np.arange(samples) / rate_hz / 11.0 + random.uniform(0, 2 * np.pi))
    harmonic = 0.33 * np.sin(2 * phase) if rate_hz > 250 else 0.0
    return np.asarray(swell * (np.sin(phase) + harmonic), np.float64)


KINDS: dict[str, Callable[[int, float, np.random.Generator], Floats]] = {
    "baseline wander": baseline_wander,
    "muscle": muscle,
    "electrode motion": electrode_motion,
    "mains": mains,
}


def qrs_power(signal: Floats, beats: npt.NDArray[np.int64], rate_hz: float) -> float:
    """A sine's power that is as large as the usual QRS complex: its peak to peak, squared, over 8.

    As PhysioNet's `nst` does: from 50 ms before to 50 ms behind each beat; the mean without the lowest and highest 5 %.
    """
    half = round(0.05 * rate_hz)
    inside = beats[(beats >= half) & (beats < len(signal) - half)]
    cut = signal[inside[:, None] + np.arange(-half, half + 1)]
    heights = np.sort(np.ptp(cut, axis=1))
    trim = len(heights) // 20
    return float(np.mean(heights[trim : len(heights) - trim]) ** 2 / 8)


def noisy(signal: Floats, beats: npt.NDArray[np.int64], rate_hz: float, kind: str, snr_db: float, seed: int) -> Floats:
    """The signal (n,) with noise of one of KINDS at `snr_db` added, the same for the same seed."""
    random = np.random.default_rng([seed, sorted(KINDS).index(kind)])
    noise = KINDS[kind](len(signal), rate_hz, random)
    noise -= noise.mean()
    power = qrs_power(signal, beats, rate_hz) / 10 ** (snr_db / 10)
    return signal + noise * np.sqrt(power / np.mean(noise**2))


def _band(samples: int, rate_hz: float, random: np.random.Generator, low_hz: float, high_hz: float) -> Floats:
    """White noise between two frequencies, of standard deviation 1."""
    sections = butter(2, (low_hz, high_hz), "bandpass", fs=rate_hz, output="sos")
    found = np.asarray(sosfilt(sections, random.standard_normal(samples)), np.float64)
    return found / max(float(found.std()), 1e-12)
