"""The numbers of the ECG patch's streaming chain, in the units of the heart, and the integers that its C takes.

The chain itself is `runtime/signal/ebnn_signal.h`; `edgebnn.devices.ecg_oracle` says in Python what it computes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from math import cos, pi, tan

from edgebnn.errors import DataError

RATE_HZ = 240
"""The device's sampling rate: twice that of the network's windows, and mains lie well below half of it."""
BEAT_RATE_HZ = 120
"""The rate of the filtered signal and of the detector."""
COUNTS_PER_MV = 400
"""Of the front end: 12 bits over 10.24 mV, of which ANSI/AAMI EC38 asks 10 mV (signal and electrode wander)."""
MISSING = -32768
"""The code of a sample that is missing: EBNN_ECG_MISSING."""
MAINS_HZ = (50, 60)

TUNED_ON = ("100", "102", "104", "105", "106", "108", "114", "116", "121", "123")
"""The records of the MIT-BIH Arrhythmia Database that the chain's numbers were chosen on, see `EcgChain`."""

_NOTCH_BITS = 12
_SHARE = 256
_SUM_PER_MV = 16 * 12 * 4 * COUNTS_PER_MV  # the most that a sum of 16 curvatures can be of a signal within +-1 mV


@dataclass(frozen=True)
class ChainSettings:
    """The struct ebnn_ecg_settings, member by member: integers, lengths in samples, shares in 1/256."""

    notch_gain: int
    notch_near: int
    notch_far: int
    baseline_shift: int
    lead_off: int
    width: int
    merge: int
    refractory: int
    t_wave: int
    longest: int
    beat_share: int
    t_share: int
    back_share: int
    late: int
    rough_times: int
    rough_most: int
    first_level: int
    lowest: int
    first_interval: int

    def numbers(self) -> tuple[int, ...]:
        """The members in the order of the struct, each a word of 32 bits."""
        return tuple(getattr(self, field.name) for field in fields(self))


def tuned_on(name: str) -> bool:
    """Whether a recording bears the number of a record that the chain's numbers were chosen on."""
    return not set(TUNED_ON).isdisjoint(re.findall(r"[A-Za-z0-9]+", name))


@dataclass(frozen=True)
class EcgChain:
    """What the chain is tuned by.

    The form and the first numbers are after Pan and Tompkins 1985, Hamilton and Tompkins 1986 and Hamilton 2002. Then
    these were chosen among about 60 variants by how well they found the beats of ten records of the MIT-BIH Arrhythmia
    Database (100, 102, 104, 105, 106, 108, 114, 116, 121 and 123). No record was held out: figures on these ten
    flatter the detector, and what it does on others has not been measured. `rough_times` and `rough_most` came later:
    the form, after others were tried, by the false beats of 104, 105 and 108; the numbers by a sweep over all ten
    records, over three of them (100, 106 and 123) with the noise of `benchmarks/ecg_noise.py` added, and over made wide
    fast beats, of which they take none. So nothing is held out of these either.

    mains_hz: 50 or 60. notch_width_hz: 3 dB width; 2 Hz follows what a grid may drift and leaves the QRS alone.
    baseline_shift: a time constant of 2^6 samples at 120 Hz, 0.3 Hz: below the slowest heart's fundamental.
    lead_off_s: no living lead keeps one code of 2.5 uV for 1 s. width_s: a QRS complex and what the filter adds to it.
    merge_s, refractory_s: two beats are not nearer than 0.2 s and 0.17 s (after Hamilton and Tompkins 1986, who have
    0.2 s).
    t_wave_s, t_share: within 0.36 s a wave half as steep as the QRS before is its T wave (after Pan and Tompkins 1985).
    longest_s: after 3 s without a beat levels fall by 1/8 each 0.75 s. beat_share: the threshold between the levels of
    noise and of beats, after Hamilton 2002. back_share, late: a wave above half of the threshold was a beat after all
    where none came for 5/3 of the usual interval (after Pan and Tompkins 1985: 1/2 and 1.66).
    rough_times, rough_most: the threshold where muscles shake the signal, of the roughness between the waves and of the
    beats.
    first_mv, lowest_mv: of a beat before any is known, and below which nothing is one, as a share of `_SUM_PER_MV`.
    first_interval_s: 75 beats a minute.
    """

    mains_hz: int = 50
    notch_width_hz: float = 2.0
    baseline_shift: int = 6
    lead_off_s: float = 1.0
    width_s: float = 16 / 120
    merge_s: float = 25 / 120
    refractory_s: float = 20 / 120
    t_wave_s: float = 0.36
    longest_s: float = 3.0
    beat_share: float = 0.4
    t_share: float = 0.5
    back_share: float = 0.5
    late: float = 5 / 3
    rough_times: int = 8
    rough_most: float = 0.85
    first_mv: float = 0.06
    lowest_mv: float = 0.01
    first_interval_s: float = 0.8

    def settings(self) -> ChainSettings:
        """The integers; DataError for mains that are neither 50 nor 60 Hz."""
        if self.mains_hz not in MAINS_HZ:
            raise DataError(f"mains of {self.mains_hz} Hz have no notch; give 50 or 60 Hz")
        one = 1 << _NOTCH_BITS
        slope = tan(pi * self.notch_width_hz / RATE_HZ)
        far = 2 * round((1 - slope) / (1 + slope) * one / 2)
        gain = (one + far) // 2
        return ChainSettings(
            notch_gain=gain,
            notch_near=round(-2 * gain * cos(2 * pi * self.mains_hz / RATE_HZ)),
            notch_far=far,
            baseline_shift=self.baseline_shift,
            lead_off=round(self.lead_off_s * RATE_HZ),
            width=round(self.width_s * BEAT_RATE_HZ),
            merge=round(self.merge_s * BEAT_RATE_HZ),
            refractory=round(self.refractory_s * BEAT_RATE_HZ),
            t_wave=round(self.t_wave_s * BEAT_RATE_HZ),
            longest=round(self.longest_s * BEAT_RATE_HZ),
            beat_share=round(self.beat_share * _SHARE),
            t_share=round(self.t_share * _SHARE),
            back_share=round(self.back_share * _SHARE),
            late=round(self.late * _SHARE),
            rough_times=self.rough_times,
            rough_most=round(self.rough_most * _SHARE),
            first_level=round(self.first_mv * _SUM_PER_MV),
            lowest=round(self.lowest_mv * _SUM_PER_MV),
            first_interval=round(self.first_interval_s * BEAT_RATE_HZ),
        )
