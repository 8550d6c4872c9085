"""A WFDB header (`.hea`) as text that a stranger wrote: the record, its signals or its segments.

After the manual page header(5) of the WFDB Applications Guide, but for names: any file name that the system has,
with dots and blanks too. Dates and times of day are not read, so they may be written in any way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from os.path import isfile
from pathlib import Path

from edgebnn.devices.leads import RecordedSignal
from edgebnn.errors import DataError
from edgebnn.inputs import read_input

DEFAULT_RATE_HZ = 250.0
DEFAULT_GAIN = 200.0

_MOST_BYTES = 1 << 20
_LONGEST_LINE = 1024  # four times what the manual page allows
_MOST_LINES = 20_000  # signals or segments
_LARGEST = 1 << 40  # of any whole number in a header

_RECORD = re.compile(
    r"(?:/(?P<segments>\d+))?\s+(?P<signals>\d+)"
    r"(?:\s+(?P<rate>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)(?:/\S+)?(?:\s+(?P<length>\d+)(?:\s.*)?)?)?",
    re.ASCII,
)
_SIGNAL = re.compile(
    r"(?P<format>\d+)(?:x(?P<per_frame>\d+))?(?::(?P<skew>\d+))?(?:\+(?P<offset>\d+))?"
    r"(?:\s+(?P<gain>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?:\((?P<baseline>-?\d+)\))?(?:/(?P<unit>\S+))?"
    r"(?:\s+(?P<bits>\d+)(?:\s+(?P<zero>-?\d+)(?:\s+(?P<initial>-?\d+)(?:\s+-?\d+(?:\s+-?\d+)?)?)?)?)?"
    r")?(?:\s+(?P<name>\S.*))?",
    re.ASCII,
)


@dataclass(frozen=True)
class SignalSpecification:
    """A signal's line: where its samples lie, and what they mean.

    file: a name beside the header. storage: the number of the format. per_frame: samples in each frame. skew: frames
    that it lags. offset: bytes in front of the samples (samples, where they are compressed). gain: counts per unit.
    baseline: the count that means 0. initial: the first count, on which differences build up.
    """

    file: str
    storage: int
    per_frame: int
    skew: int
    offset: int
    gain: float
    baseline: int
    initial: int
    source: RecordedSignal


@dataclass(frozen=True)
class RecordSegment:
    """A segment's line: its record's name, `~` for a gap, and its length in frames; a layout has the length 0."""

    name: str
    frames: int


@dataclass(frozen=True)
class Header:
    """A record: frames a second, their number (None where the header does not say), and signals or segments."""

    path: Path
    frames_hz: float
    frames: int | None
    signals: tuple[SignalSpecification, ...]
    segments: tuple[RecordSegment, ...]


def read_header(path: Path) -> Header:
    """The header in a file; DataError, with the line, where it is none or too large."""
    lines = _lines(path)
    if not lines:
        raise DataError(f"'{path}' is an empty WFDB header; its first line names record, signals and rate")
    found = _record_line(path, lines[0])
    segments, signals = _whole(path, found["segments"], 0), _whole(path, found["signals"], 0)
    wanted = segments if found["segments"] is not None else signals
    if len(lines) - 1 < wanted or wanted > _MOST_LINES:
        what = "segments" if found["segments"] is not None else "signals"
        raise DataError(
            f"'{path}' promises {wanted} {what} and lists {len(lines) - 1}; add the lines, or copy it again"
        )
    rows = lines[1 : 1 + wanted]
    multiple = found["segments"] is not None
    return Header(
        path=path,
        frames_hz=DEFAULT_RATE_HZ if found["rate"] is None else float(found["rate"]),
        frames=_whole(path, found["length"], 0) or None,
        signals=() if multiple else tuple(_signal(path, row) for row in rows),
        segments=tuple(_segment(path, row) for row in rows) if multiple else (),
    )


def _lines(path: Path) -> list[str]:
    """The lines that are no comments; WFDB headers are ASCII, but names of files need not be."""
    text = read_input(path, _MOST_BYTES, remedy="give the header of a WFDB record").decode("utf-8", "surrogateescape")
    lines = [line.strip() for line in re.split(r"[\r\n]+", text)]
    if "\0" in text or any(len(line) > _LONGEST_LINE for line in lines):
        raise DataError(f"'{path}' is no WFDB header but binary, or has a line of over {_LONGEST_LINE} characters")
    return [line for line in lines if line and not line.startswith("#")]


def _record_line(path: Path, line: str) -> dict[str, str | None]:
    """What stands behind the name, which may have blanks where it is also the file's; any other ends at the first."""
    names = [path.stem] if line.startswith(path.stem) else []
    names += [line[: match.start()] for match in re.finditer(r"/\d+\s|\s", line)]
    for name in names:
        found = _RECORD.fullmatch(line, len(name))
        if name and found is not None:
            return found.groupdict()
    raise DataError(f"'{path}' begins with {_shown(line)}; write the record's name, its signals, rate and length there")


def _signal(path: Path, line: str) -> SignalSpecification:
    splits = [
        (line[: gap.start()], found)
        for gap in re.finditer(r"\s+", line)
        if (found := _SIGNAL.fullmatch(line, gap.end())) is not None
    ]
    if not splits:
        raise DataError(f"'{path}' has the signal {_shown(line)}; write its file, format, gain and name there")
    # A name may have blanks, and what follows it too: the file that is there decides, else the shortest name.
    name, found = next((split for split in splits if isfile(path.parent / split[0])), splits[0])
    if Path(name).name != name:
        raise DataError(f"'{path}' names the signal file {_shown(name)}, which is not beside it; put it there")
    zero = _whole(path, found["zero"], 0)
    return SignalSpecification(
        file=name,
        storage=_whole(path, found["format"], 0),
        per_frame=_whole(path, found["per_frame"], 1) or 1,
        skew=_whole(path, found["skew"], 0),
        offset=_whole(path, found["offset"], 0),
        gain=_gain(path, found["gain"]),
        baseline=_whole(path, found["baseline"], zero),
        initial=_whole(path, found["initial"], zero),
        source=RecordedSignal((found["name"] or "").strip(), found["unit"] or "mV"),
    )


def _gain(path: Path, text: str | None) -> float:
    """Counts per unit; 0 says that nobody has calibrated them, and a sign turns the lead, which does not matter."""
    gain = abs(float(text or 0))
    if gain and not 1e-12 <= gain <= 1e15:
        raise DataError(f"'{path}' states the gain {_shown(text or '')}; write counts per unit there, or 0 for unknown")
    return gain or DEFAULT_GAIN


def _segment(path: Path, line: str) -> RecordSegment:
    name, _, frames = line.rpartition(" ")
    name = name.strip()
    if not name or not re.fullmatch(r"[0-9]{1,12}", frames) or Path(name).name != name:
        raise DataError(f"'{path}' has the segment {_shown(line)}; write the name of a record beside it and its length")
    return RecordSegment(name, int(frames))


def _whole(path: Path, text: str | None, default: int) -> int:
    """A whole number; DataError for one that no header has."""
    if text is None:
        return default
    value = int(text) if len(text) <= 20 else _LARGEST + 1
    if abs(value) > _LARGEST:
        raise DataError(f"'{path}' holds the number {_shown(text)}, which is too large; copy the file again")
    return value


def _shown(text: str) -> str:
    """A piece of the file, quoted, short and without control characters."""
    return ascii(text if len(text) <= 60 else f"{text[:60]}...")


def segment_headers(folder: Path) -> frozenset[str]:
    """The names of the headers in a folder that are segments of another record there; DataError for an unsound one."""
    headers = [read_header(path) for path in sorted(folder.glob("*.hea")) if path.is_file()]
    return frozenset(f"{segment.name}.hea" for header in headers for segment in header.segments)
