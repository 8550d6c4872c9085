"""A WFDB annotation file (`.atr`): the beats that somebody has marked, and of which kind each is.

After the manual page annot(5) of the WFDB Applications Guide: words of 16 bits, of which the upper six say what and
the lower ten how much later; a word of 0 ends the file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgebnn.errors import DataError
from edgebnn.inputs import read_input

BEATS = {
    1: "N",
    2: "L",
    3: "R",
    4: "a",
    5: "V",
    6: "F",
    7: "J",
    8: "A",
    9: "S",
    10: "E",
    11: "j",
    12: "/",
    13: "Q",
    25: "B",
    30: "?",
    34: "e",
    35: "n",
    38: "f",
    41: "r",
}
"""The codes that mark a beat, as PhysioNet prints them; the others mark rhythm, noise, waves and comments."""

_NOTE, _SKIP, _NUMBER, _SUBTYPE, _CHANNEL, _TEXT = 22, 59, 60, 61, 62, 63
_MOST_BYTES = 1 << 24  # notes included, ten times what two days of beats take
_TICKS = re.compile(rb"## time resolution: *(\d+\.?\d*(?:[eE][+-]?\d+)?)")


@dataclass(frozen=True, eq=False)
class Marks:
    """The beats of an annotation file: when (m,), in ticks from the start, and their codes, one letter each.

    ticks_hz: ticks a second, None where the file does not say, and they are the record's frames.
    """

    ticks: npt.NDArray[np.int64]
    codes: str
    ticks_hz: float | None


def read_marks(path: Path) -> Marks:
    """The beats of an annotation file; DataError where it is none, or ends early."""
    content = _content(path)
    words = memoryview(np.frombuffer(content, "<u2").astype(np.uint16).tobytes()).cast("H")
    now, at = 0, 0
    ticks: list[int] = []
    codes: list[str] = []
    ticks_hz: float | None = None
    last = 0
    try:
        while words[at]:
            kind, low = words[at] >> 10, words[at] & 0x3FF
            at += 1
            if kind == _SKIP:
                later = words[at] << 16 | words[at + 1]
                now += later - (later >> 31 << 32)
                at += 2
            elif kind == _TEXT:
                found = _TICKS.match(content[2 * at : 2 * at + low])
                if found is not None and now == 0 and last == _NOTE:
                    ticks_hz = float(found[1])
                at += (low + 1) // 2
            elif kind not in (_NUMBER, _SUBTYPE, _CHANNEL):
                now += low
                last = kind
                if kind in BEATS:
                    ticks.append(now)
                    codes.append(BEATS[kind])
        rest = words[at + 1 :]
    except IndexError as error:
        raise DataError(
            f"the annotation file '{path}' ends early, without its end mark; copy it again, or delete it to have the "
            "beats found"
        ) from error
    if any(rest):
        raise DataError(
            f"the annotation file '{path}' has {2 * len(rest)} bytes behind its end mark, so part of it was "
            "overwritten; copy it again, or delete it to have the beats found"
        )
    if ticks_hz is not None and not 0 < ticks_hz < 1e9:
        raise DataError(f"the annotation file '{path}' states {ticks_hz:g} ticks a second; write its real resolution")
    return Marks(np.asarray(ticks, np.int64), "".join(codes), ticks_hz)


def _content(path: Path) -> bytes:
    content = read_input(path, _MOST_BYTES, called=f"the annotation file '{path}'")
    if not content:
        raise DataError(f"the annotation file '{path}' is empty; copy it again, or delete it to have the beats found")
    if len(content) % 2:
        raise DataError(
            f"the annotation file '{path}' ends in the middle of a mark ({len(content)} bytes, an odd number); copy it "
            "again, or delete it to have the beats found"
        )
    return content
