"""What the network is asked of each beat: the C against its oracle, and against the windows in floats."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebnn.api import compile
from edgebnn.devices import beats as floats
from edgebnn.devices.ecg_chain import MISSING, EcgChain
from edgebnn.devices.ecg_front_end import FrontEnd
from edgebnn.devices.ecg_stream import Streamed, stream
from edgebnn.devices.ecg_windows import BeatTurns, beat_turns
from edgebnn.devices.ecg_windows_oracle import expected_turns
from edgebnn.devices.gaps import Gaps, held
from edgebnn.devices.recording import read_recording
from edgebnn.emulator.samples import encode_batch
from edgebnn.errors import DataError
from edgebnn.models import ECG_PVC
from edgebnn.resources import resource_folder
from tests.devices.ecg_signals import codes_of, hostile_codes
from tests.devices.records import patient


def agree(codes: np.ndarray, streamed: Streamed) -> BeatTurns:
    """Holds the C to the oracle, integer by integer."""
    found, expected = beat_turns(codes, streamed), expected_turns(codes, streamed)
    for field in fields(BeatTurns):
        assert np.array_equal(getattr(found, field.name), getattr(expected, field.name)), field.name
    return found


@settings(max_examples=25)
@given(hostile_codes())
def test_c_and_oracle_agree_on_whatever_comes(codes: np.ndarray) -> None:
    agree(codes, stream(EcgChain().settings(), codes))


@settings(max_examples=40)
@given(st.integers(0, 9999), st.sampled_from([0.0, 0.0005, 0.003]), st.sampled_from([3, 40, 300, 1500]))
def test_c_and_oracle_agree_on_beats_that_no_detector_finds(seed: int, gaps: float, apart: int) -> None:
    random = np.random.default_rng(seed)
    codes = random.integers(-2048, 2048, 9000).astype(np.int16)
    codes[: random.integers(0, 9000)] = 7
    off = np.convolve(random.random(9000) < gaps, np.ones(random.integers(1, 60)))[:9000] > 0
    certain = np.unique(np.cumsum(random.integers(1, 2 * apart, 9000 // apart)))
    certain = certain[certain < 9000][:80]
    ago = random.integers(0, random.choice([20, 500, 40000]), len(certain))
    none = np.zeros(0, np.int32)
    agree(codes, Streamed(none, none.astype(np.int64), certain, ago, 0 * certain, off))


@pytest.mark.parametrize("polarity", [1, -1])
def test_the_windows_are_those_in_floats(polarity: int) -> None:
    codes = codes_of(patient(4, beats=60, polarity=polarity))
    codes[5000:5060] = MISSING
    codes[9000:9900] = MISSING
    streamed = stream(EcgChain().settings(), codes)
    found, off = agree(codes, streamed), Gaps.of(streamed.lead_off)
    lacking = codes.copy()
    lacking[:] = held(codes, off)
    expected = floats.beat_windows(lacking, found.peaks, 240.0, off, marked=False)
    assert np.array_equal(found.judged, floats.with_signal(lacking, found.peaks, 240.0, off))
    assert np.count_nonzero(~found.judged) <= 2 < 50 < np.count_nonzero(found.judged)
    far = np.abs(expected[found.judged].astype(int) - found.inputs[found.judged])
    # The first beat's window begins before the first sample, which its shape does not count as a signal.
    assert far.max() <= 2 and np.mean(far > 1) < 0.001


def test_a_beat_is_asked_of_when_the_next_one_is_known_and_an_alone_one_after_its_wait() -> None:
    codes = np.random.default_rng(1).integers(-9, 9, 6000).astype(np.int16)
    certain, off = np.array([1000, 1250, 1500]), np.zeros(6000, np.bool_)
    none = np.zeros(0, np.int32)
    found = agree(codes, Streamed(none, none.astype(np.int64), certain, np.array([30, 30, 30]), 0 * certain, off))
    assert found.peaks.tolist() == [939, 1189, 1439] and found.intervals.tolist() == [0, 250, 250]
    assert found.asked.tolist() == [1250, 1500, 1439 + 800]
    assert found.inputs[:, 2:, 0].tolist() == [[0, 0], [0, 0], [0, 127]]


def test_the_numbers_are_those_of_the_windows_that_networks_are_trained_on() -> None:
    header = (resource_folder("runtime") / "signal" / "ebnn_signal.h").read_text(encoding="utf-8")
    defined = {name: int(value) for name, value in re.findall(r"#define EBNN_ECG_(\w+) \(?(-?\d+)", header)}
    assert (defined["CHANNELS"], defined["LENGTH"]) == (floats.CHANNELS, floats.LENGTH)
    assert (defined["BEFORE"], defined["RHYTHM"]) == (floats.BEFORE, floats.RHYTHM_BEATS)
    assert (defined["PEAK"], defined["RATIO"]) == (floats.TEMPLATE_PEAK, floats.RATIO_SCALE)
    assert defined["SHAPES"] == floats.TEMPLATE_BEATS + 1 and defined["HIDES"] == floats.HIDES_A_BEAT_S * 240
    assert (floats.EARLY, floats.MOST_MISSING) == (17 / 20, 1 / 2)


def test_an_input_is_in_memory_as_the_shipped_network_takes_it() -> None:
    mapped = compile(ECG_PVC, "cortex-m4").mapped
    codes = codes_of(patient(2, beats=8))
    inputs = beat_turns(codes, stream(EcgChain().settings(), codes)).inputs
    assert encode_batch(mapped.network, mapped.plan, inputs).tobytes() == inputs.tobytes()


def test_answers_of_other_codes_are_refused() -> None:
    codes = np.arange(500, dtype=np.int16)
    streamed = stream(EcgChain().settings(), codes)
    for other in (codes[:9], codes.astype(np.int32)):
        with pytest.raises(DataError, match="not those of a stream"):
            beat_turns(other, streamed)


def test_the_windows_of_the_shared_records_are_those_in_floats(shared_data: Path) -> None:
    for path in sorted((shared_data / "ecg").glob("mitbih_*.npz")):
        codes = FrontEnd.of(read_recording(path)).codes
        found = beat_turns(codes, stream(EcgChain(mains_hz=60).settings(), codes))
        expected = floats.beat_windows(codes, found.peaks, 240.0, None, marked=False)
        assert found.judged.all()
        assert np.mean(np.abs(expected.astype(int) - found.inputs) > 1) < 0.001, path.name
