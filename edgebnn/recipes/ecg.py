"""The ECG recipe: records of a folder, a split between patients, training, the test, and the ONNX file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from edgebnn.choices import choice
from edgebnn.devices import beats as coding
from edgebnn.devices.judged import JudgedBeats
from edgebnn.devices.pvc import PVC, Detection, count
from edgebnn.devices.recording import read_recording
from edgebnn.devices.wfdb_header import segment_headers
from edgebnn.errors import DataError
from edgebnn.files import write_whole
from edgebnn.json_types.recordings import TestedRecordDocument, TrainedDocument
from edgebnn.nn.ecg import EcgNet, Training, evaluate, train
from edgebnn.nn.ecg_augment import Coding
from edgebnn.nn.onnx_export import onnx_bytes

EPOCHS = Training.epochs

UNSEEN = "unseen"
SEEN = "seen"
"""Whether the network that judged a record had trained on it."""


@dataclass(frozen=True, eq=False)
class Patients:
    """The beats of all records: x int8 (n, channels, length), is_pvc bool (n,), record (n,) the index into names.

    beside_gaps: bool (n,), whether samples are missing in a beat's window, and the last value was held there.
    without_signal: for each name how many beats were left out, since more than half of their windows is missing or
    all of it flat.
    """

    names: tuple[str, ...]
    x: npt.NDArray[np.int8]
    is_pvc: npt.NDArray[np.bool_]
    record: npt.NDArray[np.int64]
    beside_gaps: npt.NDArray[np.bool_]
    without_signal: tuple[int, ...]

    @classmethod
    def read(cls, folder: Path, lead: str | None = None) -> Patients:
        """All .npz and WFDB records of a folder; DataError where there is none, or one has no labels.

        A record that is a segment of another one is read as part of that one alone. Of each WFDB record this `lead` is
        taken, by name or number from 0, or the first lead of ECG.
        """
        if not folder.is_dir():
            raise DataError(f"'{folder}' is no folder; name one with .npz or WFDB records by {choice('data')}")
        segments = segment_headers(folder)
        paths = sorted(
            path for path in folder.iterdir() if path.suffix in (".npz", ".hea") and path.name not in segments
        )
        if not paths:
            raise DataError(f"'{folder}' holds no .npz or WFDB records; name another folder by {choice('data')}")
        names: list[str] = []
        read: list[JudgedBeats] = []
        for path in paths:
            recording = read_recording(path, None if path.suffix == ".npz" else lead)
            if recording.beats is None or recording.is_pvc is None or len(recording.beats) == 0:
                raise DataError(f"'{path}' has no labelled beats to learn from; add beat and is_pvc, or take it away")
            if recording.name in names:
                raise DataError(f"'{folder}' holds the record '{recording.name}' twice; take one away")
            names.append(recording.name)
            read.append(JudgedBeats.of(recording))
        return cls(
            names=tuple(names),
            x=np.concatenate([judged.windows for judged in read]),
            is_pvc=np.concatenate([judged.is_pvc for judged in read if judged.is_pvc is not None]),
            record=np.repeat(np.arange(len(names)), [len(judged.beats) for judged in read]),
            beside_gaps=np.concatenate([judged.beside_gaps for judged in read]),
            without_signal=tuple(judged.without_signal for judged in read),
        )

    def index(self, name: str) -> int:
        """The record's index; its number alone will do (`106` for `mitbih_106`). DataError where there is none."""
        matches = [i for i, own in enumerate(self.names) if own == name or own.endswith(f"_{name}")]
        if len(matches) != 1:
            raise DataError(f"there is no single record '{name}' to leave out; choose of: {', '.join(self.names)}")
        return matches[0]


def data_folder(given: Path | None) -> Path:
    """The folder of the records: as given, of $EDGEBNN_DATA, or beside the current one."""
    if given is not None:
        return given
    root = os.environ.get("EDGEBNN_DATA")
    return (Path(root) if root else Path("..") / "shared" / "data") / "ecg"


def epochs_of_training(epochs: int, binary: bool) -> int:
    """How many epochs one training takes for a network of `epochs` epochs, its teachers' among them."""
    return Training(epochs=epochs).all_epochs(binary)


def train_ecg(
    patients: Patients,
    output: Path,
    *,
    seed: int = 0,
    epochs: int = Training.epochs,
    leave_out: Sequence[str] = (),
    folds: bool = False,
    binary: bool = True,
    progress: Callable[[str], None] = lambda _: None,
) -> TrainedDocument:
    """Train, test, and write `output` (a binary network only); what `--json` prints.

    With `folds` each record that is not left out is also judged by a network that never saw it. `progress` hears of
    each epoch of each training (see `epochs_of_training`).
    """
    settings = Training(seed=seed, epochs=epochs)
    left = {patients.index(name) for name in leave_out}
    learnt = [index for index in range(len(patients.names)) if index not in left]
    results: list[tuple[int, str, Detection]] = []
    if folds:
        for index in learnt:
            others = [other for other in learnt if other != index]
            model = _trained(patients, others, settings, binary, f"all but {patients.names[index]}", progress)
            results.append((index, UNSEEN, _judged(model, patients, index)))
    what = "all but those left out" if left else "all records"
    model = _trained(patients, learnt, settings, binary, what, progress)
    results += [(index, UNSEEN, _judged(model, patients, index)) for index in sorted(left)]
    if not folds:
        results += [(index, SEEN, _judged(model, patients, index)) for index in learnt]
    exported = onnx_bytes(model, torch.zeros((1, *patients.x.shape[1:]), dtype=torch.int8)) if binary else None
    if exported is not None:
        write_whole(output, exported)
    pooled = []
    for split in (UNSEEN, SEEN):
        parts = [result for _, own, result in results if own == split]
        if parts:
            pooled.append(_row("all", split, reduce(add, parts)))
    return {
        "recipe": "ecg",
        "weights": "binary" if binary else "float",
        "seed": seed,
        "epochs": settings.epochs,
        "records": [
            _row(patients.names[index], split, result)
            for index, split, result in sorted(results, key=lambda result: result[0])
        ],
        "pooled": pooled,
        "beats_beside_gaps": {
            name: int(patients.beside_gaps[patients.record == index].sum()) for index, name in enumerate(patients.names)
        },
        "beats_without_signal": dict(zip(patients.names, patients.without_signal, strict=True)),
        "model": None if exported is None else str(output),
        "model_sha256": None if exported is None else hashlib.sha256(exported).hexdigest(),
    }


def _trained(
    patients: Patients,
    records: list[int],
    settings: Training,
    binary: bool,
    what: str,
    progress: Callable[[str], None],
) -> EcgNet:
    if not records:
        raise DataError("no record is left to learn from; leave out fewer, or add records")
    chosen = np.isin(patients.record, records)
    meaning = Coding(coding.BEFORE, coding.TEMPLATE_PEAK, coding.RATIO_SCALE)
    parts = patients.x[chosen], patients.is_pvc[chosen], patients.record[chosen]

    def after_epoch(network: str, epoch: int, loss: float) -> None:
        progress(f"{what}: {network}, epoch {epoch}, loss {loss:.3f}")

    return train(*parts, meaning, settings, binary=binary, progress=after_epoch)


def _judged(model: EcgNet, patients: Patients, index: int) -> Detection:
    chosen = patients.record == index
    scores = evaluate(model, patients.x[chosen])
    return count(scores.argmax(axis=1) == PVC, patients.is_pvc[chosen])


def _row(name: str, split: str, result: Detection) -> TestedRecordDocument:
    return {
        "record": name,
        "split": split,
        "sensitivity": result.sensitivity,
        "ppv": result.ppv,
        "f1": result.f1,
        "counts": {"tp": result.tp, "fp": result.fp, "fn": result.fn, "tn": result.tn},
    }
