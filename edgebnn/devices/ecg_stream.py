"""The ECG patch's streaming chain as its C computes it, on this machine: the text that goes into firmware."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.devices.ecg_chain import ChainSettings
from edgebnn.errors import DataError
from edgebnn.native import library

_FILTERED, _BEAT, _LEAD_OFF = 1, 2, 4
_WORD = ctypes.c_int32


class _Candidate(ctypes.Structure):
    _fields_ = [("height", _WORD), ("steep", _WORD), ("age", _WORD), ("ago", _WORD)]


class _State(ctypes.Structure):
    """ebnn_ecg_state, of which only `filtered` is read here."""

    _fields_ = [
        *((name, _WORD) for name in ("x1", "x2", "y1", "y2", "pair", "half", "baseline", "filtered")),
        *(("shape", _WORD * 16), ("curvature", _WORD), ("magnitudes", _WORD * 64), ("sum", _WORD), ("at", _WORD)),
        *(("candidate", _Candidate), ("spare", _Candidate), ("falling", _WORD)),
        *(("beats", _WORD * 8), ("noises", _WORD * 8), ("intervals", _WORD * 8)),
        *((name, _WORD) for name in ("beat", "noise", "interval", "beat_level", "noise_level", "usual", "steep")),
        *((name, _WORD) for name in ("since", "since_peak", "known", "code", "unchanged", "running")),
    ]


class _Beat(ctypes.Structure):
    _fields_ = [("ago", ctypes.c_uint32), ("interval", ctypes.c_uint32)]


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
    native, state, beat = library(), _State(), _Beat()
    chain = (ctypes.c_int32 * len(settings.numbers()))(*settings.numbers())
    step = native.ebnn_ecg_step
    step.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int16, ctypes.c_void_p]
    step.restype = ctypes.c_uint32
    state_at, beat_at, chain_at = ctypes.addressof(state), ctypes.addressof(beat), ctypes.addressof(chain)
    native.ebnn_ecg_start(ctypes.c_void_p(chain_at), ctypes.c_void_p(state_at))
    filtered: list[tuple[int, int]] = []
    beats: list[tuple[int, int, int]] = []
    off = np.zeros(len(codes), np.bool_)
    for place, code in enumerate(codes.tolist()):
        flags = step(chain_at, state_at, code, beat_at)
        if flags & _FILTERED:
            filtered.append((place, state.filtered))
        if flags & _BEAT:
            beats.append((place, beat.ago, beat.interval))
        if flags & _LEAD_OFF:
            off[place] = True
    samples = np.array(filtered, np.int64).reshape(-1, 2)
    found = np.array(beats, np.int64).reshape(-1, 3)
    return Streamed(
        filtered=samples[:, 1].astype(np.int32),
        filtered_at=samples[:, 0],
        certain=found[:, 0],
        ago=found[:, 1],
        intervals=found[:, 2],
        lead_off=off,
    )
