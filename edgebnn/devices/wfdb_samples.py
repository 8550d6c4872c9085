"""The samples of one signal of a WFDB record in one segment, as the counts that are stored.

The package wfdb unpacks them. It reads no header but a plain one that is written here from what `wfdb_header` found:
its own parser stumbles over names with dots, dashed dates and the like.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from os.path import lexists
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.devices.limits import MAX_LEAD_SAMPLES
from edgebnn.devices.wfdb_header import Header, SignalSpecification
from edgebnn.errors import DataError, ToolError
from edgebnn.inputs import open_input
from edgebnn.scratch import scratch_folder

Counts = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Storage:
    """A format of signal files: bytes a sample, None where they are compressed, and the count that says `no sample`."""

    sample_bytes: Fraction | None
    missing: int | None


_DIFFERENCES = 8
STORAGE = {
    _DIFFERENCES: Storage(Fraction(1), None),  # no count to spare
    16: Storage(Fraction(2), -(1 << 15)),
    24: Storage(Fraction(3), -(1 << 23)),
    32: Storage(Fraction(4), -(1 << 31)),
    61: Storage(Fraction(2), -(1 << 15)),
    80: Storage(Fraction(1), -(1 << 7)),
    160: Storage(Fraction(2), -(1 << 15)),
    212: Storage(Fraction(3, 2), -(1 << 11)),
    310: Storage(Fraction(4, 3), -(1 << 9)),
    311: Storage(Fraction(4, 3), -(1 << 9)),
    508: Storage(None, -(1 << 7)),
    516: Storage(None, -(1 << 15)),
    524: Storage(None, -(1 << 23)),
}
"""By its number in a header; source: the manual page signal(5) of the WFDB Applications Guide."""
NO_FILE = 0
"""The format of a signal of which nothing was stored."""

_MOST_FILE_BYTES = 1 << 40  # of which the header's frames are read, within the bounds of `_bounded`
_BLOCK_SAMPLES = 1 << 22  # of all signals of a file, unpacked at once
_READ_SWAPPED = {61: 16}  # 61 is 16 with the high byte first, which wfdb 4.3 fails on


def frames_of(header: Header, index: int) -> int:
    """Frames of the signal's file, as the header says, else as many as the file holds; DataError where it is short."""
    signal = header.signals[index]
    if signal.storage == NO_FILE:
        return _bounded(header, index, header.frames or 0)
    held = _frames_held(header, index)
    if header.frames is not None and held < header.frames:
        raise DataError(
            f"the signal file '{header.path.parent / signal.file}' is shorter than its header claims: {held} of "
            f"{header.frames} frames; copy it again"
        )
    return _bounded(header, index, held if header.frames is None else header.frames)


def read_counts(header: Header, index: int) -> tuple[Counts, Mask]:
    """(counts, missing), each (frames x per_frame,), of a signal; where one is missing its count means nothing.

    Raises DataError for a file that is missing, short or unsound, ToolError without the package wfdb.
    """
    frames, signal = frames_of(header, index), header.signals[index]
    if signal.storage == NO_FILE:
        lacking = frames * signal.per_frame
        return np.zeros(lacking, np.int64), np.ones(lacking, np.bool_)
    # A signal that lags begins `skew` frames later in its file, where there may be so many more.
    stored = min(frames + signal.skew, _frames_held(header, index))
    counts = _unpacked(header, _together(header, index), index, stored)[signal.skew * signal.per_frame :]
    if lacking := frames * signal.per_frame - len(counts):
        counts = np.append(counts, np.zeros(lacking, np.int64))
    missing = np.arange(len(counts)) >= (stored - signal.skew) * signal.per_frame
    if (code := STORAGE[signal.storage].missing) is not None:
        missing |= counts == code
    return counts, missing


def _together(header: Header, index: int) -> list[int]:
    """The indexes of all signals in the file of this one, whose samples alternate frame by frame."""
    signal = header.signals[index]
    together = [i for i, other in enumerate(header.signals) if other.file == signal.file]
    for i in together:
        other = header.signals[i]
        if (other.storage, other.offset) != (signal.storage, signal.offset):
            raise DataError(
                f"'{header.path}' gives the signals of '{signal.file}' different formats or offsets; state one for all"
            )
    return together


def _frames_held(header: Header, index: int) -> int:
    """Whole frames in the signal's file."""
    signal = header.signals[index]
    path = header.path.parent / signal.file
    if signal.storage not in STORAGE:
        known = ", ".join(map(str, STORAGE))
        raise DataError(f"'{header.path}' states the format {signal.storage}, which is unknown; the known are {known}")
    if not lexists(path):
        raise DataError(f"'{header.path}' names the signal file '{signal.file}', which is not beside it; put it there")
    with open_input(path, _MOST_FILE_BYTES, called=f"the signal file '{path}'", remedy="put it there again") as file:
        size = os.fstat(file.fileno()).st_size
    per_frame = sum(header.signals[i].per_frame for i in _together(header, index))
    each = STORAGE[signal.storage].sample_bytes
    if each is None:
        return max(0, _flac_samples(path) - signal.offset) // signal.per_frame
    return int(Fraction(max(0, size - signal.offset)) / (per_frame * each))


def _flac_samples(path: Path) -> int:
    """Samples of each channel of a compressed file."""
    try:
        import soundfile
    except ImportError as error:
        raise ToolError(f"reading '{path}' needs the package soundfile: pip install 'edgebnn[signals]'") from error
    try:
        return int(soundfile.info(str(path)).frames)
    except (RuntimeError, OSError, ValueError) as error:
        raise DataError(f"the signal file '{path}' is no sound FLAC file ({short(error)}); copy it again") from error


def _bounded(header: Header, index: int, frames: int) -> int:
    """The frames, if all samples that unpacking them takes are within bounds."""
    per_frame = header.signals[index].per_frame
    alongside = sum(header.signals[i].per_frame for i in _together(header, index))
    skew = header.signals[index].skew
    too_many = alongside > _BLOCK_SAMPLES or alongside * frames > 4 * MAX_LEAD_SAMPLES
    if too_many or not 1 <= frames <= MAX_LEAD_SAMPLES // per_frame or skew > frames:
        raise DataError(
            f"'{header.path}' claims {alongside} x {frames} samples (skew {skew}); give 2 to {MAX_LEAD_SAMPLES} of one "
            "lead"
        )
    return frames


def _unpacked(header: Header, together: Sequence[int], index: int, frames: int) -> Counts:
    """All samples of the signal in so many frames of its file, without its skew; of the others one block at once."""
    signals, signal = [header.signals[i] for i in together], header.signals[index]
    path = (header.path.parent / signal.file).resolve()
    block = max(1, _BLOCK_SAMPLES // sum(each.per_frame for each in signals))
    counts = np.empty((frames, signal.per_frame), np.int64)
    with scratch_folder() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package stumbles over its own dependencies' deprecations
        (folder / "record.dat").symlink_to(path)
        (folder / "record.hea").write_text(_plain_header(signals, frames))
        for start in range(0, frames, block):
            part = slice(start, min(start + block, frames))
            read = _read_by_wfdb(folder / "record", together.index(index), part, header, path)
            if signal.storage in _READ_SWAPPED:
                read = read.astype(np.int16).byteswap()
            counts[part] = read.reshape(-1, signal.per_frame)
            if signal.storage == _DIFFERENCES and start:  # the package begins each time at the initial count
                counts[part] += counts[start - 1, -1] - signal.initial
    return counts.reshape(-1)


def _read_by_wfdb(record: Path, channel: int, frames: slice, header: Header, file: Path) -> npt.NDArray[Any]:
    """These frames of one channel of a record whose signal file `header` names as `file`."""
    try:
        import wfdb
    except ImportError as error:
        raise ToolError(
            f"reading the signal of '{header.path}' needs the package wfdb: pip install 'edgebnn[signals]'"
        ) from error
    try:
        read = wfdb.rdrecord(
            str(record),
            sampfrom=frames.start,
            sampto=frames.stop,
            physical=False,
            channels=[channel],
            smooth_frames=False,
        )
        return np.asarray(read.e_d_signal[0])
    except Exception as error:  # the package raises whatever a bad byte leads it to
        raise DataError(f"the signal file '{file}' cannot be read ({short(error)}); copy it again") from error


def _plain_header(signals: Sequence[SignalSpecification], frames: int) -> str:
    storage = _READ_SWAPPED.get(signals[0].storage, signals[0].storage)
    lines = [f"record {len(signals)} 1 {frames}"]
    lines += [f"record.dat {storage}x{each.per_frame}+{each.offset} 1(0)/mV 0 0 {each.initial} 0 0" for each in signals]
    return "\n".join(lines) + "\n"


def short(error: Exception) -> str:
    """The first line of what a package has to say."""
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}: {said[0] if said else 'no details'}"
