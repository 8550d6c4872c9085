"""Alarms and the event log: the C against the oracle that has all of it at hand, and what a reader makes of bytes."""

from __future__ import annotations

import re
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebnn.devices.ecg_alarms import BIGEMINY_PVC, RATE_INTERVALS, AlarmKind, AlarmSettings, alarms
from edgebnn.devices.ecg_chain import EcgChain
from edgebnn.devices.ecg_events import Told, tell
from edgebnn.devices.ecg_log import EventLog, read_log
from edgebnn.devices.ecg_stream import Streamed, stream
from edgebnn.devices.ecg_windows import BeatTurns, beat_turns
from edgebnn.devices.gaps import Gaps
from edgebnn.errors import DataError
from edgebnn.resources import resource_folder
from tests.devices.ecg_signals import codes_of, hostile_codes
from tests.devices.records import patient

EXACT_HZ = 256
"""Moments are whole multiples of 1/256 s, which floats hold: no rounding on either side of a limit."""


def agree(streamed: Streamed, turns: BeatTurns, is_pvc: np.ndarray) -> Told:
    """Holds the C's alarms to the oracle's, and the log to the events."""
    told = tell(streamed, turns, is_pvc, log_bytes=16 + 20 * 7, rate_hz=EXACT_HZ)
    off, signal = Gaps.of(streamed.lead_off), Gaps.of(~streamed.lead_off)
    signal_s, off_s = (np.stack([part.starts, part.ends], axis=1) / EXACT_HZ for part in (signal, off))
    expected = alarms(turns.peaks / EXACT_HZ, is_pvc, turns.judged, signal_s, off_s)
    assert told.alarms(EXACT_HZ) == expected
    log = read_log(told.log)
    assert log.damaged == () and log.overwritten == max(len(told.events) - 7, 0)
    assert [(event.number, event.kind, event.ongoing, event.beats) for event in log.events] == [
        (number, event.kind, event.ongoing, event.beats) for number, event in enumerate(told.events, 1)
    ][-7:]
    assert [event.start_s + event.lasts_s for event in log.events] == [e.end / EXACT_HZ for e in told.events[-7:]]
    return told


@settings(max_examples=25)
@given(hostile_codes(), st.integers(0, 9))
def test_c_and_oracle_agree_on_whatever_comes(codes: np.ndarray, seed: int) -> None:
    streamed = stream(EcgChain().settings(), codes)
    turns = beat_turns(codes, streamed)
    agree(streamed, turns, np.random.default_rng(seed).random(len(turns.peaks)) < 0.5)


@settings(max_examples=60)
@given(
    st.integers(0, 9999), st.sampled_from([0, 2, 9]), st.sampled_from([90, 150, 290, 900]), st.floats(0, 1)
)  # gaps, codes from beat to beat, premature ones
def test_c_and_oracle_agree_on_any_rhythm(seed: int, gaps: int, apart: int, share: float) -> None:
    random = np.random.default_rng(seed)
    codes = random.integers(-2048, 2048, 60 * apart).astype(np.int16)
    off = np.zeros(len(codes), np.bool_)
    for start in random.integers(0, len(codes), gaps):
        off[start : start + random.integers(1, 700)] = True
    spread = random.choice([2, 40, apart])
    certain = np.cumsum(random.integers(apart - spread // 2, apart + spread // 2 + 1, 70))
    certain = certain[certain < len(codes)]
    certain = certain[~off[certain]]
    ago = random.integers(20, 60, len(certain))
    none = np.zeros(0, np.int32)
    streamed = Streamed(none, none.astype(np.int64), certain, ago, 0 * certain, off)
    turns = beat_turns(codes, streamed)
    judged = turns.judged & (random.random(len(turns.peaks)) < random.choice([0.9, 1.0]))
    turns = BeatTurns(turns.asked, turns.peaks, turns.intervals, judged, turns.behind_gap, turns.inputs)
    agree(streamed, turns, judged & (random.random(len(turns.peaks)) < share))


def test_an_alarm_is_told_when_it_begins_and_when_it_is_over() -> None:
    apart, codes = 100, np.random.default_rng(1).integers(-9, 9, 14_000).astype(np.int16)
    off = np.zeros(14_000, np.bool_)
    off[11_000:12_000] = True
    certain = np.arange(200, 7_000, apart)
    none = np.zeros(0, np.int32)
    streamed = Streamed(none, none.astype(np.int64), certain, 0 * certain + 30, 0 * certain, off)
    turns = beat_turns(codes, streamed)
    called = np.zeros(len(turns.peaks), np.bool_)
    called[20:26] = True
    told = agree(streamed, turns, called)
    assert [(event.kind.value, event.ongoing, event.beats) for event in told.events] == [
        ("tachycardia", True, 9), ("run", True, 3), ("run", False, 6), ("pause", True, 0), ("pause", False, 0),
        ("lead off", True, 0), ("lead off", False, 0), ("pause", True, 0), ("pause", False, 0),
        ("tachycardia", False, len(certain)),
    ]  # fmt: skip


def test_a_block_of_many_premature_beats_is_told() -> None:
    few, many = (np.arange(2500) % step == 0 for step in (10, 9))
    moments_s, judged, whole = np.arange(2500) * 0.75, np.ones(2500, np.bool_), np.array([[0.0, 2500.0]])
    none = np.zeros((0, 2))
    assert AlarmKind.PVC_BURDEN not in {alarm.kind for alarm in alarms(moments_s, few, judged, whole, none)}
    found = [alarm for alarm in alarms(moments_s, many, judged, whole, none) if alarm.kind == AlarmKind.PVC_BURDEN]
    assert [(alarm.start_s, alarm.end_s, alarm.beats) for alarm in found] == [(0, 749.25, 112), (750, 1499.25, 111)]
    codes = np.random.default_rng(1).integers(-9, 9, 2510 * 192).astype(np.int16)
    certain, empty = np.arange(1, 2501) * 192, np.zeros(0, np.int32)
    streamed = Streamed(
        empty, empty.astype(np.int64), certain, 0 * certain + 30, 0 * certain, np.zeros(len(codes), bool)
    )
    turns = beat_turns(codes, streamed)
    agree(streamed, turns, many & turns.judged)


def a_log() -> bytes:
    codes = codes_of(patient(3, beats=60))
    streamed = stream(EcgChain().settings(), codes)
    turns = beat_turns(codes, streamed)
    return tell(streamed, turns, np.arange(len(turns.peaks)) % 4 < 2, log_bytes=16 + 20 * 9).log


def test_a_damaged_record_is_left_out_and_said() -> None:
    whole = a_log()
    before = read_log(whole)
    assert len(before.events) == 9 and before.overwritten > 0 and before.rate_hz == 240
    for place in range(16, len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        found = read_log(bytes(damaged))
        assert found.damaged == ((place - 16) // 20,) and len(found.events) == 8
        assert set(found.events) < set(before.events)


def test_a_record_of_another_place_is_damaged() -> None:
    whole = a_log()
    moved = whole[:16] + whole[36:56] + whole[36:]
    assert read_log(moved).damaged == (0,)


@given(st.binary(max_size=300), st.integers(0, 250), st.integers(0, 3))
def test_any_bytes_give_events_or_a_sentence(noise: bytes, place: int, kind: int) -> None:
    whole = a_log()
    data = (noise, whole[:place], whole[:16] + noise, whole[:place] + noise + whole[place + len(noise) :])[kind]
    try:
        found = read_log(data)
    except DataError as error:
        assert "event log" in str(error)
    else:
        assert isinstance(found, EventLog) and len(found.events) + len(found.damaged) <= found.records


def test_other_versions_and_lengths_are_refused() -> None:
    import zlib

    whole = a_log()
    with pytest.raises(DataError, match="it was cut"):
        read_log(whole[:-1])
    head = b"EBNL\x02\x00" + whole[6:12]
    with pytest.raises(DataError, match="is of version 2"):
        read_log(head + zlib.crc32(head).to_bytes(4, "little") + whole[16:])
    with pytest.raises(DataError, match="head is damaged"):
        read_log(whole[:8] + b"\0" + whole[9:])
    with pytest.raises(DataError, match="at most"):
        read_log(bytes((1 << 24) + 1))


def test_the_settings_and_kinds_are_those_of_the_header() -> None:
    header = (resource_folder("runtime") / "signal" / "ebnn_signal.h").read_text(encoding="utf-8")
    struct = header[
        header.index("typedef struct ebnn_ecg_alarm_settings {") : header.index("} ebnn_ecg_alarm_settings;")
    ]
    bare = re.sub(r"/\*.*?\*/", "", struct, flags=re.DOTALL)
    declared = [name.strip() for names in re.findall(r"uint32_t ([^;]*);", bare) for name in names.split(",")]
    assert declared == [field.name for field in fields(AlarmSettings)]
    enumeration = re.search(r"typedef enum ebnn_ecg_alarm \{(.*?)\}", header, re.DOTALL)
    assert enumeration is not None
    named = re.findall(r"EBNN_ECG_(\w+)", re.sub(r"/\*.*?\*/", "", enumeration[1]))
    shown = ["COUPLET", "RUN", "BIGEMINAL", "PAUSE", "BRADYCARDIA", "TACHYCARDIA", "OFF", "BURDEN"]
    assert named == shown and len(AlarmKind) == len(shown)
    assert [kind.name.replace("LEAD_", "").replace("PVC_", "").replace("MINY", "MINAL") for kind in AlarmKind] == shown
    defined = {name: int(value) for name, value in re.findall(r"#define EBNN_ECG_(\w+) (\d+)u", header)}
    assert (defined["RATE_BEATS"], defined["BIGEMINY"]) == (RATE_INTERVALS + 1, BIGEMINY_PVC)
