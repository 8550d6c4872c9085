"""Checkpoints of a training: one .npz file of numbers and JSON, which is read without unpickling anything.

Names of arrays say what they are of: `model/layers.0.weight`, `optimizer/3/exp_avg`, `best/...`, `part/sampler/...`;
the array `json` holds UTF-8 text: what the training was told, how far it is, its log, and its learning rates.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from torch import Tensor

from edgebnn.arrays import NpzArrays
from edgebnn.errors import DataError
from edgebnn.files import write_whole

FORMAT = 1
_MOST_TEXT_BYTES = 1 << 24

Setting = str | int | float | bool | None
Settings = Mapping[str, Setting]
"""What a training was told: a checkpoint of another one is no place to go on from."""


class Epoch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one epoch came to: mean loss, the learning rate at its end, and the score of what was held out, if any."""

    epoch: int
    loss: float
    learning_rate: float
    score: float | None = None


class Progress(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The text of a checkpoint: all of it that is no array, and the shape of each array by its name."""

    format: int
    settings: dict[str, Setting]
    log: list[Epoch]
    best_epoch: int
    learning_rates: list[float]
    schedule: dict[str, Any]
    parts: dict[str, dict[str, int | float]]
    shapes: dict[str, list[int]] = {}


Tensors = dict[str, Tensor]


def write_checkpoint(path: Path, progress: Progress, tensors: Mapping[str, Tensor]) -> None:
    """The file, whole or not at all; DataError where it cannot be written."""
    buffer = io.BytesIO()
    arrays = {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}
    whole = msgspec.structs.replace(progress, shapes={name: list(array.shape) for name, array in arrays.items()})
    text = np.frombuffer(msgspec.json.encode(whole), np.uint8)
    np.savez(buffer, allow_pickle=False, json=text, **arrays)
    write_whole(path, buffer.getvalue())


def read_checkpoint(path: Path, settings: Settings) -> tuple[Progress, Tensors]:
    """What `write_checkpoint` wrote; DataError where it is unsound, or of a training that was told something else."""
    arrays = NpzArrays(path)
    if "json" not in arrays:
        raise DataError(f"'{path}' is no checkpoint: it has no array 'json'; name another file, or take it away")
    text = arrays["json"]
    if text.dtype != np.uint8 or text.ndim != 1 or text.nbytes > _MOST_TEXT_BYTES:
        raise DataError(f"'{path}' is no checkpoint: its array 'json' is no text; name another file, or take it away")
    try:
        progress = msgspec.json.decode(text.tobytes(), type=Progress)
    except (msgspec.DecodeError, RecursionError) as error:
        raise DataError(f"'{path}' is no sound checkpoint ({error}); name another file, or take it away") from error
    if progress.format != FORMAT:
        raise DataError(f"'{path}' is a checkpoint of format {progress.format}, not {FORMAT}; train anew")
    for name in sorted({*progress.settings, *settings}):
        before, now = (each.get(name) for each in (progress.settings, settings))
        if before != now:
            raise DataError(
                f"'{path}' is of a training with {name} {before}, not {now}; go on with the same, or name another place"
            )
    found = {name: torch.from_numpy(arrays[name].copy()) for name in arrays if name != "json"}
    if {name: list(tensor.shape) for name, tensor in found.items()} != progress.shapes:
        raise DataError(f"'{path}' is no sound checkpoint: arrays are missing or changed; take it away, and train anew")
    return progress, found


def with_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> Tensors:
    """The tensors under names that begin so."""
    return {f"{prefix}/{name}": tensor for name, tensor in tensors.items()}


def without_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> Tensors:
    """Those whose names begin so, without that."""
    return {
        name.removeprefix(f"{prefix}/"): tensor for name, tensor in tensors.items() if name.startswith(f"{prefix}/")
    }
