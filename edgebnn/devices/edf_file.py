"""EDF and EDF+ files: a stranger's signals and annotations, bounded before anything is allocated."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from edgebnn.brief import brief
from edgebnn.devices.leads import RecordedSignal
from edgebnn.devices.limits import MAX_LEAD_SAMPLES, RATES_HZ
from edgebnn.errors import DataError, ToolError

if TYPE_CHECKING:
    from edfio import Edf, EdfSignal

MOST_SIGNALS = 512
_MOST_BYTES = 1 << 33
_MOST_ANNOTATION_BYTES = 1 << 26
_HEADER_BYTES = 256
_LARGEST = 1e15  # sums of so many stay exact enough


@dataclass(frozen=True)
class Mark:
    """An annotation: when it begins, how long it lasts (0 where nobody says), and what it says."""

    onset_s: float
    duration_s: float
    text: str


@dataclass(frozen=True, eq=False)
class EdfFile:
    """The signals of a file, of which none has been read yet, and its annotations in the order of their times.

    cut_at_s: where the file ends, if that is before its header says so, else None.
    """

    path: Path
    sources: tuple[RecordedSignal, ...]
    rates_hz: tuple[float, ...]
    marks: tuple[Mark, ...]
    cut_at_s: float | None
    _signals: tuple[EdfSignal, ...]
    _records: int

    __repr__ = brief

    def samples(self, index: int) -> npt.NDArray[np.float64]:
        """The samples (n,) of a signal in its own unit; DataError for too many, or for a calibration that is none."""
        signal, rate_hz, (low, high) = self._signals[index], self.rates_hz[index], RATES_HZ
        shown = f"'{self.path}': the signal '{self.sources[index].name or index}'"
        if not low <= rate_hz <= high:
            raise DataError(f"{shown} has {rate_hz:g} samples a second; give {low:g} to {high:g}")
        count = self._records * signal.samples_per_data_record
        if count > MAX_LEAD_SAMPLES:
            raise DataError(f"{shown} has {count:,} samples, more than {MAX_LEAD_SAMPLES:,}; cut the recording")
        with _sound(self.path):
            physical, digital = (signal.physical_min, signal.physical_max), (signal.digital_min, signal.digital_max)
            if not all(abs(end) <= _LARGEST for end in physical) or physical[0] == physical[1]:
                raise DataError(f"{shown} reaches from {physical[0]:g} to {physical[1]:g}; mend the file's header")
            if digital[0] >= digital[1]:
                raise DataError(f"{shown} has codes from {digital[0]} to {digital[1]}; mend the file's header")
            return np.array(signal.data, np.float64)


def read_edf(path: Path) -> EdfFile:
    """What an EDF or EDF+ file holds; its samples are read when they are asked for.

    Raises DataError for a file that is missing, unsound, or discontinuous (EDF+D), ToolError without edfio.
    """
    try:
        import edfio
    except ImportError as error:
        raise ToolError("reading EDF needs the package edfio: pip install 'edgebnn[signals]'") from error
    claimed = _check_header(path)
    with _sound(path), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a file that is cut, which `cut_at_s` says
        edf = edfio.read_edf(path, lazy_load_data=True)
        if edf.reserved.startswith("EDF+D"):
            raise DataError(f"'{path}' is a discontinuous EDF+D file; write its stretches to files of their own")
        records, duration_s = edf.num_data_records, float(edf.data_record_duration)
        return EdfFile(
            path=path,
            sources=tuple(RecordedSignal(_trimmed(signal.label), signal.physical_dimension) for signal in edf.signals),
            rates_hz=tuple(float(signal.sampling_frequency) for signal in edf.signals),
            marks=_marks(path, edf),
            cut_at_s=records * duration_s if records < claimed else None,
            _signals=tuple(edf.signals),
            _records=records,
        )


@contextmanager
def _sound(path: Path) -> Iterator[None]:
    """What a stranger's header makes the library stumble over, as a sentence with the file's name."""
    try:
        yield
    except DataError:
        raise
    except (ValueError, ArithmeticError, TypeError, LookupError, NameError, AttributeError, OSError) as error:
        raise DataError(f"'{path}' is no sound EDF file ({error}); convert the recording again") from error


def _check_header(path: Path) -> int:
    """How many data records a file claims, once its own size bounds all that the library will read."""
    if not path.is_file():
        raise DataError(f"'{path}' does not exist or is no file; give an EDF file")
    size = path.stat().st_size
    if size > _MOST_BYTES:
        raise DataError(f"'{path}' has {size:,} bytes, more than the {_MOST_BYTES:,} that are read; cut the recording")
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES).decode("latin-1")
    if len(header) < _HEADER_BYTES or not header.startswith("0       "):
        raise DataError(f"'{path}' does not begin as an EDF file does; give an EDF or EDF+ file")
    records, count = header[236:244].strip(), header[252:256].strip()
    if not re.fullmatch(r"[0-9]{1,4}", count, re.ASCII) or not 1 <= int(count) <= MOST_SIGNALS:
        raise DataError(f"'{path}' says that it has '{count}' signals; give a file of 1 to {MOST_SIGNALS}")
    if size < _HEADER_BYTES * (1 + int(count)):
        raise DataError(f"'{path}' ends within its header; get the whole file")
    # a recording that goes on says -1
    return int(records) if re.fullmatch(r"-?[0-9]{1,7}", records, re.ASCII) else 0


def _marks(path: Path, edf: Edf) -> tuple[Mark, ...]:
    signals = 2 * edf.num_data_records * sum(signal.samples_per_data_record for signal in edf.signals)
    if path.stat().st_size - signals > _MOST_ANNOTATION_BYTES:
        raise DataError(f"'{path}' has more than {_MOST_ANNOTATION_BYTES:,} bytes of annotations; cut the recording")
    marks = [Mark(float(mark.onset), float(mark.duration or 0.0), mark.text) for mark in edf.annotations]
    if not all(math.isfinite(mark.onset_s) and math.isfinite(mark.duration_s) for mark in marks):
        raise DataError(f"'{path}' has an annotation whose time is no number; mend it")
    return tuple(marks)


def _trimmed(label: str) -> str:
    """A label without the dots that some files fill names up with."""
    return label.strip().rstrip(".")
