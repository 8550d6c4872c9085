"""Reading the ECG patch's event log: docs/event-log.md has every byte of it."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from edgebnn.devices.ecg_alarms import AlarmKind
from edgebnn.errors import DataError

DEVICE_BYTES = 4096
"""Of the patch's log: 204 events."""

MOST_BYTES = 1 << 24
"""Longer logs are refused: no patch has so much."""

_HEAD = struct.Struct("<4sHHII")
_RECORD = struct.Struct("<IIIHHI")
_VERSION = 1
_ONGOING = 0x8000
_KINDS = tuple(AlarmKind)  # from 1 on


@dataclass(frozen=True)
class LoggedEvent:
    """number: from 1 on, as they were written. ongoing: it held and went on, else it was over. start_s: since the
    device's first sample, as far as its counter goes (207 days at 240 Hz). beats: at most 65535."""

    number: int
    kind: AlarmKind
    ongoing: bool
    start_s: float
    lasts_s: float
    beats: int


@dataclass(frozen=True)
class EventLog:
    """events: those that could be read, in the order of their numbers. overwritten: how many older ones the ring has no
    room for. damaged: places of records, from 0, that hold no event that can be trusted."""

    rate_hz: int
    records: int
    events: tuple[LoggedEvent, ...]
    overwritten: int
    damaged: tuple[int, ...]


def read_log(data: bytes) -> EventLog:
    """The events of a log.

    A record whose check fails, of a kind that is none, or whose number does not belong to its place, is damaged and
    left out. DataError where the head is damaged, or of another version, or the log is not as long as it says.
    """
    if len(data) > MOST_BYTES:
        raise DataError(f"the event log has {len(data)} bytes; give one of at most {MOST_BYTES}")
    if len(data) < _HEAD.size or data[:4] != b"EBNL":
        raise DataError("this is no event log: it does not begin with EBNL; give the bytes that the device wrote")
    _, version, rate_hz, records, crc = _HEAD.unpack_from(data)
    if crc != zlib.crc32(data[: _HEAD.size - 4]) or rate_hz == 0 or records == 0:
        raise DataError("the event log's head is damaged; read it from the device again")
    if version != _VERSION:
        raise DataError(f"the event log is of version {version}; this edgebnn reads version {_VERSION}")
    if len(data) - _HEAD.size < records * _RECORD.size:
        raise DataError(f"the event log has {len(data)} bytes and says that it holds {records} records; it was cut")
    events: list[LoggedEvent] = []
    damaged: list[int] = []
    for place in range(records):
        record = data[_HEAD.size + place * _RECORD.size :][: _RECORD.size]
        if not any(record):
            continue  # never written
        event = _event(record, place, records, rate_hz)
        if event is None:
            damaged.append(place)
        else:
            events.append(event)
    events.sort(key=lambda event: event.number)
    newest = events[-1].number if events else 0
    recent = [event for event in events if event.number > newest - records]
    damaged += [(event.number - 1) % records for event in events if event.number <= newest - records]
    overwritten = max(newest - records, 0)
    return EventLog(rate_hz, records, tuple(recent), overwritten, tuple(sorted(damaged)))


def _event(record: bytes, place: int, records: int, rate_hz: int) -> LoggedEvent | None:
    number, start, lasts, flagged, beats, crc = _RECORD.unpack(record)
    kind = flagged & ~_ONGOING
    known = crc == zlib.crc32(record[:-4]) and 1 <= kind <= len(_KINDS)
    if not known or number == 0 or (number - 1) % records != place:
        return None
    return LoggedEvent(number, _KINDS[kind - 1], bool(flagged & _ONGOING), start / rate_hz, lasts / rate_hz, beats)
