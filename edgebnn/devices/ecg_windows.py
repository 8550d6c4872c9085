"""What the ECG patch asks its network of each beat, as its C computes it in integers, on this machine."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.devices.beats import CHANNELS, LENGTH
from edgebnn.devices.ecg_chain import MISSING
from edgebnn.devices.ecg_stream import Streamed
from edgebnn.errors import DataError
from edgebnn.native import library

BEHIND = 4 * LENGTH
"""Codes without a signal behind a recording's end, with which the last beats have their turn."""

_BEAT, _LEAD_OFF = 2, 4
_BLOCK = 1 << 16
_PENDING = 8
_pointer, _word, _size = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_size_t
_FOUND = np.dtype([("place", np.uint32), ("ago", np.uint32), ("interval", np.uint32)])  # ebnn_host_ecg_beat
_TURN = np.dtype(
    [("place", np.uint32), ("ago", np.uint32), ("interval", np.uint32), ("judged", np.uint32), ("gap", np.uint32)]
)


@dataclass(frozen=True, eq=False)
class BeatTurns:
    """The beats in the order of their R peaks, as the network is asked of them.

    asked: int64 (n,), the code at 240 Hz with which each had its turn. peaks: int64 (n,), the codes of the R peaks.
    intervals: int64 (n,), codes from the beat before, at most 960, 0
    where unknown. judged: bool (n,), whether enough of the window has a signal. behind_gap: bool (n,), whether a code
    without a signal lies behind the beat before, or no beat does. inputs: int8 (n, CHANNELS, LENGTH),
    what `edgebnn.devices.beats.beat_windows` has in floats; 0 of beats that are not judged.
    """

    asked: npt.NDArray[np.int64]
    peaks: npt.NDArray[np.int64]
    intervals: npt.NDArray[np.int64]
    judged: npt.NDArray[np.bool_]
    behind_gap: npt.NDArray[np.bool_]
    inputs: npt.NDArray[np.int8]

    def chosen(self, which: npt.NDArray[np.bool_]) -> BeatTurns:
        """Some of them, by bool (n,)."""
        return BeatTurns(
            asked=self.asked[which],
            peaks=self.peaks[which],
            intervals=self.intervals[which],
            judged=self.judged[which],
            behind_gap=self.behind_gap[which],
            inputs=self.inputs[which],
        )


def beat_turns(codes: npt.NDArray[Any], streamed: Streamed) -> BeatTurns:
    """Runs the C over int16 (n,) codes and what `stream` found in them; BEHIND codes without a signal go on behind.

    Raises DataError for codes and answers that are not of one another.
    """
    if codes.dtype != np.int16 or codes.shape != streamed.lead_off.shape:
        raise DataError(f"codes {codes.dtype} {codes.shape} are not those of a stream {streamed.lead_off.shape}")
    native = _windows_library()
    flags = np.where(streamed.lead_off, _LEAD_OFF, 0).astype(np.uint8)
    flags[streamed.certain] |= _BEAT
    flags = np.concatenate([flags, np.full(BEHIND, _LEAD_OFF, np.uint8)])
    whole = np.concatenate([codes, np.full(BEHIND, MISSING, np.int16)])
    state = np.zeros(-(-native.ebnn_host_ecg_windows_bytes() // 8), np.uint64)
    native.ebnn_ecg_windows_start(state.ctypes.data)
    asked, turns, inputs = [], [np.empty(0, _TURN)], [np.empty((0, CHANNELS, LENGTH), np.int8)]
    for start in range(0, len(whole), _BLOCK):
        block, end = whole[start : start + _BLOCK], start + _BLOCK
        begin, behind = np.searchsorted(streamed.certain, [start, end])
        found = np.zeros(behind - begin, _FOUND)
        found["ago"] = streamed.ago[begin:behind]
        room = len(found) + _PENDING
        of_block, cut = np.zeros(room, _TURN), np.zeros((room, CHANNELS, LENGTH), np.int8)
        many = native.ebnn_host_ecg_cut(
            state.ctypes.data,
            block.ctypes.data,
            len(block),
            flags[start:end].ctypes.data,
            found.ctypes.data,
            of_block.ctypes.data,
            cut.ctypes.data,
        )
        asked.append(of_block["place"][:many].astype(np.int64) + start)
        turns.append(of_block[:many])
        inputs.append(cut[:many])
    moments, said = np.concatenate(asked), np.concatenate(turns)
    return BeatTurns(
        asked=moments,
        peaks=moments - said["ago"],
        intervals=said["interval"].astype(np.int64),
        judged=said["judged"] == 1,
        behind_gap=said["gap"] == 1,
        inputs=np.concatenate(inputs),
    )


@cache
def _windows_library() -> ctypes.CDLL:
    """The library with the functions of windows of `runtime/host/ebnn_host_ecg.h` declared."""
    native = library()
    native.ebnn_host_ecg_windows_bytes.restype = _size
    native.ebnn_ecg_windows_start.argtypes = [_pointer]
    native.ebnn_ecg_windows_start.restype = None
    native.ebnn_host_ecg_cut.argtypes = [_pointer, _pointer, _word, _pointer, _pointer, _pointer, _pointer]
    native.ebnn_host_ecg_cut.restype = _word
    return native
