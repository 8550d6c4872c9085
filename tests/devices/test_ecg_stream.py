"""The streaming ECG chain: the C against its oracle, and the detector against beats that are known."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebnn.devices.beat_counts import BeatCounts
from edgebnn.devices.beat_matching import match_beats
from edgebnn.devices.ecg_chain import MISSING, RATE_HZ, ChainSettings, EcgChain
from edgebnn.devices.ecg_oracle import steps
from edgebnn.devices.ecg_stream import Streamed, stream
from edgebnn.devices.recording import read_recording
from edgebnn.errors import DataError
from edgebnn.resources import resource_folder
from tests.devices.ecg_signals import codes_of, hostile_codes
from tests.devices.records import patient

CHAINS = [EcgChain(mains_hz=50), EcgChain(mains_hz=60)]


def beats_s(found: Streamed) -> np.ndarray:
    """Moments of the R peaks: a sample at 120 Hz lies between its two codes."""
    return np.sort((found.certain - 0.5 - 2 * found.ago) / RATE_HZ)


def agree(chain: EcgChain, codes: np.ndarray) -> int:
    """Holds the C to the oracle, integer by integer; how many beats there were."""
    found = stream(chain.settings(), codes.astype(np.int16))
    said = list(steps(chain.settings(), codes.tolist()))
    assert found.lead_off.tolist() == [step.lead_off for step in said]
    assert found.filtered.tolist() == [step.filtered for step in said if step.filtered is not None]
    assert found.filtered_at.tolist() == [place for place, step in enumerate(said) if step.filtered is not None]
    beats = [(step.beat.certain, step.beat.ago, step.beat.interval) for step in said if step.beat is not None]
    assert list(zip(found.certain, found.ago, found.intervals, strict=True)) == beats
    return len(beats)


@pytest.mark.parametrize("chain", CHAINS, ids=["50 Hz", "60 Hz"])
@pytest.mark.parametrize("scale", [1.0, -0.5, 5.0])
def test_c_and_oracle_agree_on_a_patient(chain: EcgChain, scale: float) -> None:
    assert agree(chain, codes_of(patient(1, beats=30), scale)) >= 28


@settings(max_examples=25)
@given(st.sampled_from(CHAINS), hostile_codes())
def test_c_and_oracle_agree_on_whatever_comes(chain: EcgChain, codes: np.ndarray) -> None:
    agree(chain, codes.astype(np.int64))


@pytest.mark.parametrize("polarity", [1, -1])
@pytest.mark.parametrize("seed", [2, 3, 4])
def test_the_beats_of_a_patient_are_found(seed: int, polarity: int) -> None:
    recording = patient(seed, polarity=polarity)
    assert recording.beats is not None
    found = stream(EcgChain().settings(), codes_of(recording))
    for window_s in (0.15, 0.05):
        counts = match_beats(recording.beats / recording.fs_hz, beats_s(found), window_s=window_s).counts
        assert counts.f1 is not None and counts.f1 >= 0.985, counts


def test_no_beat_is_in_a_gap_and_no_interval_crosses_one() -> None:
    recording = patient(5, beats=60)
    codes = codes_of(recording)
    codes[4000:6000] = MISSING
    codes[9000:10000] = 2047  # an electrode that came off: the amplifier's end
    found = stream(EcgChain().settings(), codes)
    moments = beats_s(found) * RATE_HZ
    assert found.lead_off[4000:6000].all() and found.lead_off[9240:10000].all()
    assert not ((moments > 4000) & (moments < 6000)).any() and not ((moments > 9050) & (moments < 10000)).any()
    for end in (6000, 10000):
        assert found.intervals[np.flatnonzero(found.certain > end)[0]] == 0


@pytest.mark.parametrize("chain", CHAINS, ids=["50 Hz", "60 Hz"])
def test_the_notch_stays_within_the_bound_that_the_header_states(chain: EcgChain) -> None:
    numbers, response = chain.settings(), []
    x1 = x2 = y1 = y2 = 0.0
    for place in range(3000):
        x = float(place == 0)
        y = (numbers.notch_gain * (x + x2) + numbers.notch_near * (x1 - y1) - numbers.notch_far * y2) / 4096
        x1, x2, y1, y2 = x, x1, y, y1
        response.append(abs(y))
    assert sum(response) <= 3 and max(response[-100:]) < 1e-9


def test_blocks_do_not_show() -> None:
    codes = np.resize(codes_of(patient(6, beats=40)), (1 << 17) + 1001)
    agree(EcgChain(), codes)
    assert len(stream(EcgChain().settings(), codes[:0]).certain) == 0


def test_the_settings_are_those_of_the_header_one_after_the_other() -> None:
    header = (resource_folder("runtime") / "signal" / "ebnn_signal.h").read_text(encoding="utf-8")
    struct = header[header.index("typedef struct ebnn_ecg_settings {") : header.index("} ebnn_ecg_settings;")]
    bare = re.sub(r"/\*.*?\*/", "", struct, flags=re.DOTALL)
    declared = [name.strip() for names in re.findall(r"u?int32_t ([^;]*);", bare) for name in names.split(",")]
    assert declared == [field.name for field in fields(ChainSettings)]


def test_other_mains_and_other_codes_are_refused() -> None:
    with pytest.raises(DataError, match="give 50 or 60 Hz"):
        EcgChain(mains_hz=25).settings()
    with pytest.raises(DataError, match="give int16 samples"):
        stream(EcgChain().settings(), np.zeros(4))


def test_the_beats_of_the_shared_records_are_found(shared_data: Path) -> None:
    near, nearer = BeatCounts(0, 0, 0), BeatCounts(0, 0, 0)
    for path in sorted((shared_data / "ecg").glob("mitbih_*.npz")):
        recording = read_recording(path)
        assert recording.beats is not None
        moments = beats_s(stream(EcgChain(mains_hz=60).settings(), codes_of(recording)))
        marked = recording.beats / recording.fs_hz
        counts = match_beats(marked, moments).counts
        assert counts.f1 is not None and counts.f1 >= 0.98, path.name
        near += counts
        nearer += match_beats(marked, moments, window_s=0.05).counts
    assert near.sensitivity is not None and near.sensitivity >= 0.995
    assert near.ppv is not None and near.ppv >= 0.995
    assert nearer.f1 is not None and nearer.f1 >= 0.985


def test_shaking_muscles_raise_the_threshold_and_wide_fast_beats_do_not() -> None:
    random = np.random.default_rng(7)
    without = EcgChain(rough_times=0)
    clean = codes_of(patient(8, beats=120))
    shaking = np.abs(np.sin(np.arange(len(clean)) / 400)) ** 2 * 120 * random.standard_normal(len(clean))
    shaken = np.clip(np.rint(clean + shaking), -2048, 2047).astype(np.int16)
    beats = patient(8, beats=120).beats
    assert beats is not None
    before, after = (
        match_beats(beats / 360, beats_s(stream(chain.settings(), shaken))).counts for chain in (without, EcgChain())
    )
    assert after.fp < before.fp / 2 and after.f1 is not None and before.f1 is not None and after.f1 > before.f1
    time = np.arange(60 * RATE_HZ) / RATE_HZ
    fast = sum(np.exp(-0.5 * ((time - at) / 0.045) ** 2) for at in np.arange(1, 59, 60 / 200))
    codes = np.rint(500 * fast + 8 * random.standard_normal(len(time))).astype(np.int16)
    slow = codes_of(patient(9, beats=60))
    both = np.concatenate([slow, codes])
    assert stream(EcgChain().settings(), both).certain.tolist() == stream(without.settings(), both).certain.tolist()
