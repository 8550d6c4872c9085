"""From a recording to what the ECG patch's 12-bit ADC would have given: codes at 240 Hz."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from edgebnn.devices.ecg_chain import COUNTS_PER_MV, MISSING, RATE_HZ
from edgebnn.devices.gaps import Gaps
from edgebnn.devices.recording import Recording
from edgebnn.errors import DataError

RECORDED_HZ = (100.0, 2000.0)
"""Rates of recordings that are resampled: below, a QRS complex has lost its edges; above, nothing is gained."""

_LOWEST, _HIGHEST = -2048, 2047
_FINEST = 100  # parts of 1 Hz by which a rate is told


@dataclass(frozen=True, eq=False)
class FrontEnd:
    """codes: int16 (n,), or MISSING where the recording lacks the sample. rate_hz: 240, but for the rounding of a
    recording's odd rate. saturated: how many codes are an end of the ADC's range."""

    codes: npt.NDArray[np.int16]
    rate_hz: float
    saturated: int

    @classmethod
    def of(cls, recording: Recording) -> FrontEnd:
        """The recording's lead, less its median, as behind an input that lets no direct voltage through.

        Raises DataError for a rate outside RECORDED_HZ.
        """
        low, high = RECORDED_HZ
        if not low <= recording.fs_hz <= high:
            raise DataError(
                f"recording '{recording.name}' has {recording.fs_hz:g} samples a second; the device takes {low:g} to "
                f"{high:g} Hz"
            )
        ratio = RATE_HZ / Fraction(recording.fs_hz).limit_denominator(_FINEST)
        missing = _missing(recording.gaps, len(recording.adc))
        codes = _quantised(_resampled(_millivolts(recording, missing), ratio))
        saturated = (codes == _LOWEST) | (codes == _HIGHEST)
        if missing is not None:
            lacking = _missing(_at(recording.gaps, float(ratio)), len(codes))
            assert lacking is not None
            codes[lacking] = MISSING
            saturated &= ~lacking
        return cls(codes, recording.fs_hz * float(ratio), int(np.count_nonzero(saturated)))


def _millivolts(recording: Recording, missing: npt.NDArray[np.bool_] | None) -> npt.NDArray[np.float64]:
    adc = np.asarray(recording.adc, np.float64)
    usual = np.median(adc if missing is None else adc[~missing])
    return np.asarray((adc - usual) / recording.counts_per_mv, np.float64)


def _resampled(signal_mv: npt.NDArray[np.float64], ratio: Fraction) -> npt.NDArray[np.float64]:
    from scipy.signal import resample_poly

    if ratio == 1:
        return signal_mv
    ends = float(signal_mv[0])  # outside, the first value goes on: no step that would ring
    return np.asarray(resample_poly(signal_mv - ends, ratio.numerator, ratio.denominator) + ends, np.float64)


def _quantised(signal_mv: npt.NDArray[np.float64]) -> npt.NDArray[np.int16]:
    return np.clip(np.rint(COUNTS_PER_MV * signal_mv), _LOWEST, _HIGHEST).astype(np.int16)


def _at(gaps: Gaps, ratio: float) -> Gaps:
    """The gaps in samples of another rate, whole samples at their edges included."""
    return Gaps(np.floor(gaps.starts * ratio).astype(np.int64), np.ceil(gaps.ends * ratio).astype(np.int64))


def _missing(gaps: Gaps, samples: int) -> npt.NDArray[np.bool_] | None:
    """(samples,): what lies in a gap; None where there is none."""
    if not len(gaps):
        return None
    edges = np.zeros(samples + 1, np.int64)
    np.add.at(edges, np.minimum(gaps.starts, samples), 1)
    np.add.at(edges, np.minimum(gaps.ends, samples), -1)
    return np.asarray(np.cumsum(edges[:-1]) > 0, np.bool_)
