"""The ECG patch's streaming chain as its C computes it, on this machine: the text that goes into firmware."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.devices.ecg_chain import ChainSettings
from edgebnn.errors import DataError, ToolError
from edgebnn.native import library

_FILTERED, _LEAD_OFF = 1, 4
_BLOCK = 1 << 16
_pointer, _word, _size = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_size_t
_BEAT = np.dtype([("place", np.uint32), ("ago", np.uint32), ("interval", np.uint32)])  # ebnn_host_ecg_beat


@dataclass(frozen=True, eq=False)
class Streamed:
    """What a lead's codes gave.

    filtered: int32 (m,), 120 Hz, quarters of a code; filtered_at: int64 (m,), with which code each came. certain: int64
    (k,), the code with which each beat became certain; ago: int64 (k,), samples at 120 Hz from its R peak to there;
    intervals: int64 (k,), before it in the same samples, 0 where unknown. lead_off: bool (n,), codes without a signal.
    """

    filtered: npt.NDArray[np.int32]
    filtered_at: npt.NDArray[np.int64]
    certain: npt.NDArray[np.int64]
    ago: npt.NDArray[np.int64]
    intervals: npt.NDArray[np.int64]
    lead_off: npt.NDArray[np.bool_]


def stream(settings: ChainSettings, codes: npt.NDArray[Any]) -> Streamed:
    """Runs the chain over int16 (n,) codes at 240 Hz; DataError for anything else."""
    if codes.ndim != 1 or codes.dtype != np.int16:
        raise DataError(f"the codes of a lead are {codes.dtype} {codes.shape}; give int16 samples of one lead")
    native = _ecg_library()
    chain = np.array(settings.numbers(), np.int32)
    if chain.nbytes != native.ebnn_host_ecg_settings_bytes():
        raise ToolError(
            "edgebnn's compiled runtime has other settings of the ECG chain; install edgebnn again with pip"
        )
    state = np.zeros(-(-native.ebnn_host_ecg_state_bytes() // 8), np.uint64)
    native.ebnn_ecg_start(chain.ctypes.data, state.ctypes.data)
    beats = np.empty(min(_BLOCK, len(codes)), _BEAT)
    answers = np.empty(len(beats), np.int32)
    flags = np.empty(len(codes), np.uint8)
    filtered, found = [np.empty(0, np.int32)], [np.empty((3, 0), np.int64)]
    for start in range(0, len(codes), _BLOCK):
        block = np.ascontiguousarray(codes[start : start + _BLOCK])
        at = flags[start : start + len(block)]
        many = native.ebnn_host_ecg_run(
            chain.ctypes.data,
            state.ctypes.data,
            block.ctypes.data,
            len(block),
            at.ctypes.data,
            answers.ctypes.data,
            beats.ctypes.data,
        )
        filtered.append(answers[: len(block)][(at & _FILTERED) != 0])
        of_block = beats[:many]
        found.append(np.stack([of_block["place"].astype(np.int64) + start, of_block["ago"], of_block["interval"]]))
    certain, ago, intervals = np.concatenate(found, axis=1)
    return Streamed(
        filtered=np.concatenate(filtered),
        filtered_at=np.flatnonzero(flags & _FILTERED),
        certain=certain,
        ago=ago,
        intervals=intervals,
        lead_off=(flags & _LEAD_OFF) != 0,
    )


@cache
def _ecg_library() -> ctypes.CDLL:
    """The library with the functions of `runtime/host/ebnn_host_ecg.h` declared."""
    native = library()
    native.ebnn_host_ecg_settings_bytes.restype = _size
    native.ebnn_host_ecg_state_bytes.restype = _size
    native.ebnn_ecg_start.argtypes = [_pointer, _pointer]
    native.ebnn_ecg_start.restype = None
    native.ebnn_host_ecg_run.argtypes = [_pointer, _pointer, _pointer, _word, _pointer, _pointer, _pointer]
    native.ebnn_host_ecg_run.restype = _word
    return native
