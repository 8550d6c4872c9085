"""The alarms of the ECG patch as its C tells them, beat by beat, on this machine; and the log that it writes."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from edgebnn.devices.ecg_alarms import Alarm, AlarmKind, AlarmSettings
from edgebnn.devices.ecg_chain import RATE_HZ
from edgebnn.devices.ecg_log import DEVICE_BYTES
from edgebnn.devices.ecg_stream import Streamed
from edgebnn.devices.ecg_windows import BeatTurns
from edgebnn.native import library

_BEAT, _LEAD_OFF = 2, 4
_pointer, _word, _size = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_size_t
_FOUND = np.dtype([(name, np.uint32) for name in ("place", "ago", "interval")])  # ebnn_host_ecg_beat
_TURN = np.dtype([(name, np.uint32) for name in ("place", "ago", "interval", "judged", "gap")])
_EVENT = np.dtype([(name, np.uint32) for name in ("kind", "ongoing", "start", "end", "beats")])


class _Telling(ctypes.Structure):
    """ebnn_host_ecg_telling."""

    _fields_ = (
        *((name, _pointer) for name in ("flags", "beats", "turns", "is_pvc", "events", "log")),
        *((name, _word) for name in ("codes", "turned", "room", "log_bytes", "rate_hz")),
    )


@dataclass(frozen=True)
class Event:
    """What the device told: an alarm that holds from `start` and goes on, or one that was over; codes, `end` included
    or, of pauses and electrodes, the code behind."""

    kind: AlarmKind
    ongoing: bool
    start: int
    end: int
    beats: int

    def alarm(self, rate_hz: float) -> Alarm:
        """In seconds."""
        return Alarm(self.kind, self.start / rate_hz, self.end / rate_hz, self.beats)


@dataclass(frozen=True, eq=False)
class Told:
    """events: in the order in which they were told. log: the bytes of the device's event log behind them."""

    events: list[Event]
    log: bytes

    def alarms(self, rate_hz: float) -> list[Alarm]:
        """Those that were over, in the order in which they began."""
        over = [event.alarm(rate_hz) for event in self.events if not event.ongoing]
        return sorted(over, key=lambda alarm: (alarm.start_s, alarm.kind))


def tell(
    streamed: Streamed,
    turns: BeatTurns,
    is_pvc: npt.NDArray[np.bool_],
    settings: AlarmSettings | None = None,
    log_bytes: int = DEVICE_BYTES,
    rate_hz: int = RATE_HZ,
) -> Told:
    """The alarms of a whole lead: what `stream` and `beat_turns` found, and what each beat was called (n,)."""
    native, codes = _events_library(), len(streamed.lead_off)
    flags = np.where(streamed.lead_off, _LEAD_OFF, 0).astype(np.uint8)
    flags[streamed.certain] |= _BEAT
    found = np.zeros(len(streamed.certain), _FOUND)
    found["place"], found["ago"] = streamed.certain, streamed.ago
    said = np.zeros(len(turns.peaks), _TURN)
    said["place"] = np.minimum(turns.asked, codes - 1)  # those behind the end have their turn with the last code
    said["ago"] = said["place"] - turns.peaks
    said["interval"], said["judged"], said["gap"] = turns.intervals, turns.judged, turns.behind_gap
    called = is_pvc.astype(np.uint8)
    numbers = np.array((settings or AlarmSettings.at(rate_hz)).numbers(), np.uint32)
    log = np.zeros(log_bytes, np.uint8)
    room = 64 + 8 * len(said) + codes // 16
    events = np.zeros(room, _EVENT)
    while True:
        state = np.zeros(-(-native.ebnn_host_ecg_alarms_bytes() // 8), np.uint64)
        native.ebnn_ecg_alarms_start(state.ctypes.data)
        arrays = (flags, found, said, called, events, log)
        telling = _Telling(*(part.ctypes.data for part in arrays), codes, len(said), len(events), log_bytes, rate_hz)
        many = native.ebnn_host_ecg_tell(numbers.ctypes.data, state.ctypes.data, ctypes.byref(telling))
        if many <= len(events):
            break
        events = np.zeros(many, _EVENT)
    kinds = tuple(AlarmKind)  # in the order of the enumeration ebnn_ecg_alarm, from 1 on
    return Told(
        [Event(kinds[kind - 1], bool(on), start, end, beats) for kind, on, start, end, beats in events[:many].tolist()],
        log.tobytes(),
    )


@cache
def _events_library() -> ctypes.CDLL:
    """The library with the functions of alarms of `runtime/host/ebnn_host_ecg.h` declared."""
    native = library()
    native.ebnn_host_ecg_alarms_bytes.restype = _size
    native.ebnn_ecg_alarms_start.argtypes = [_pointer]
    native.ebnn_ecg_alarms_start.restype = None
    native.ebnn_host_ecg_tell.argtypes = [_pointer, _pointer, _pointer]
    native.ebnn_host_ecg_tell.restype = _word
    return native
