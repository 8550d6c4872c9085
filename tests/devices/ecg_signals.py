"""What the ECG patch's ADC may give: patients, and whatever else comes."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from edgebnn.devices.ecg_chain import COUNTS_PER_MV, MISSING, RATE_HZ
from edgebnn.devices.recording import Recording
from tests.devices.records import patient


def codes_of(recording: Recording, scale: float = 1.0) -> np.ndarray:
    """What the front end makes of a recording."""
    from scipy.signal import resample_poly

    ratio = Fraction(RATE_HZ, int(recording.fs_hz))
    mv = scale * np.asarray(recording.adc, np.float64) / recording.counts_per_mv
    resampled = resample_poly(mv, ratio.numerator, ratio.denominator, padtype="line")
    return np.clip(np.rint(COUNTS_PER_MV * resampled), -2048, 2047).astype(np.int16)


_CODE = st.integers(-2048, 2047)
_PARTS = st.one_of(
    st.builds(lambda seed, n: np.random.default_rng(seed).integers(-2048, 2048, n), st.integers(0, 999), st.just(600)),
    st.builds(lambda seed, n: np.random.default_rng(seed).choice([-2048, 2047], n), st.integers(0, 999), st.just(300)),
    st.builds(lambda code, n: np.full(n, code), _CODE, st.integers(1, 700)),
    st.builds(lambda n: np.full(n, MISSING), st.integers(1, 300)),
    st.builds(lambda a, hz: np.rint(a * np.sin(np.arange(700) * 2 * np.pi * hz / 240)), st.integers(1, 2047),
              st.sampled_from([0.3, 5, 17, 50, 60])),
    st.builds(lambda a, every: np.where(np.arange(900) % every == 0, a, 0), _CODE, st.integers(2, 300)),
    st.builds(lambda seed: codes_of(patient(seed, beats=4)), st.integers(0, 5)),
)  # fmt: skip


def hostile_codes() -> st.SearchStrategy[np.ndarray]:
    """int16 (n,): noise, saturation, flat lines, gaps, mains, spikes and hearts, with steps between them."""
    return st.lists(_PARTS, min_size=1, max_size=5).map(lambda parts: np.concatenate(parts).astype(np.int16))
