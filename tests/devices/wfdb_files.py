"""WFDB files made byte by byte, after the manual pages signal(5), header(5) and annot(5)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]

BITS = {8: 8, 16: 16, 24: 24, 32: 32, 61: 16, 80: 8, 160: 16, 212: 12, 310: 10, 311: 10, 508: 8, 516: 16, 524: 24}
COMPRESSED = {508: "PCM_S8", 516: "PCM_16", 524: "PCM_24"}


def packed(counts: Counts, storage: int) -> bytes:
    """The samples (n,), in the order of the file, in a format that is not compressed; differences are (n,) too."""
    if storage in (16, 32, 61):
        return counts.astype({16: "<i2", 32: "<i4", 61: ">i2"}[storage]).tobytes()
    if storage == 8:
        return counts.astype("i1").tobytes()
    if storage in (80, 160):
        return (counts + (1 << (BITS[storage] - 1))).astype({80: "u1", 160: "<u2"}[storage]).tobytes()
    if storage == 24:
        return counts.astype("<i4").view("u1").reshape(-1, 4)[:, :3].tobytes()
    each = {212: 2, 310: 3, 311: 3}[storage]
    groups = np.append(counts, np.zeros(-len(counts) % each, np.int64)).reshape(-1, each) & ((1 << BITS[storage]) - 1)
    if storage == 212:
        a, b = groups.T
        return np.stack([a & 0xFF, a >> 8 | b >> 8 << 4, b & 0xFF], axis=1).astype("u1").tobytes()
    a, b, c = groups.T
    if storage == 310:
        halves = np.stack([a << 1 | (c & 0x1F) << 11, b << 1 | c >> 5 << 11], axis=1)
        return halves.astype("<u2").tobytes()
    return (a | b << 10 | c << 20).astype("<u4").tobytes()


def write_signals(path: Path, signals: Counts, storage: int) -> None:
    """A signal file of signals (frames, k)."""
    if storage in COMPRESSED:
        import soundfile

        shifted = signals << (32 - BITS[storage])
        soundfile.write(str(path), shifted.astype(np.int32), 360, subtype=COMPRESSED[storage], format="FLAC")
        return
    stored = np.diff(signals, axis=0, prepend=0) if storage == 8 else signals
    path.write_bytes(packed(stored.reshape(-1), storage))


def write_record(folder: Path, name: str, signals: Counts, *, storage: int = 16, lines: Sequence[str] = ()) -> Path:
    """A record of signals (frames, k) at 360 Hz; `lines` are what stands behind the format in each signal's line."""
    write_signals(folder / f"{name}.dat", signals, storage)
    lines = lines or [f"200(0)/mV 16 0 0 0 0 {'MLII' if i == 0 else f'V{i}'}" for i in range(signals.shape[1])]
    rows = "".join(f"{name}.dat {storage} {line}\n" for line in lines)
    (folder / f"{name}.hea").write_text(f"{name} {signals.shape[1]} 360 {len(signals)}\n{rows}")
    return folder / name


def marks(codes: Sequence[tuple[int, int]], ticks_hz: float | None = None) -> bytes:
    """An annotation file of (tick, number of the code), each at most 2^31 behind the one before."""
    words: list[int] = []
    if ticks_hz is not None:
        text = f"## time resolution: {ticks_hz:g}".encode()
        padded = text + bytes(len(text) % 2)
        words += [22 << 10, 63 << 10 | len(text), *np.frombuffer(padded, "<u2").tolist()]
    now = 0
    for tick, code in codes:
        later = tick - now
        if not 0 <= later < 1024:
            words += [59 << 10, later >> 16 & 0xFFFF, later & 0xFFFF]
            later = 0
        words.append(code << 10 | later)
        now = tick
    return np.asarray([*words, 0], "<u2").tobytes()
