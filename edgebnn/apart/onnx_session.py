"""onnxruntime on a model that was checked, in a process of its own (`onnx_worker.py`).

onnxruntime is native code that no bound of ours reaches: here a model can neither crash it under our feet, nor take the
machine's memory, nor keep it busy for ever. It never sees the model's file, only the graph that was read and checked.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from edgebnn.apart.onnx_worker import (
    ANSWERS,
    MODEL,
    MOST_MEMORY_BYTES,
    PROBLEM,
    RANGES,
    REQUEST,
    WorkerProblem,
    WorkerRequest,
    samples_file,
)
from edgebnn.apart.process import run_apart
from edgebnn.arrays import Array, read_npy
from edgebnn.errors import DataError, ToolError
from edgebnn.scratch import scratch_folder

Range = tuple[float, float]

GET_ONNXRUNTIME = "pip install 'edgebnn[onnxruntime]'"


@dataclass(frozen=True, eq=False)
class RunnableModel:
    """A checked model as one piece of bytes, its external data and local functions in place.

    It has one output, and no node that this does not need. `name` is its file's name, printable; `sha256` that of the
    file and its external data; `domains` those of its nodes.
    """

    name: str
    content: bytes
    sha256: str
    domains: frozenset[str]


class SessionProblem(Exception):
    """onnxruntime does not take the model (`stage` is `load`), or does not run it on the samples (`run`)."""

    def __init__(self, stage: str, why: str) -> None:
        super().__init__(why)
        self.stage = stage
        self.why = why


def has_onnxruntime() -> bool:
    """Whether the package is installed, which is optional: only what runs the ONNX model itself needs it."""
    return importlib.util.find_spec("onnxruntime") is not None


def need_onnxruntime(what_for: str) -> None:
    """ToolError where the package is missing: before the work, if that can be."""
    if not has_onnxruntime():
        raise ToolError(f"{what_for} needs the package onnxruntime; {GET_ONNXRUNTIME}")


def answers_of(
    model: RunnableModel, x: Sequence[Array], *, block: int, most_batch: int, seconds: float
) -> Array:  # fmt: skip
    """The model's output for samples x (B, ...) of each of its inputs, `block` at once where it leaves that open.

    SessionProblem says why there is none: also where the model insists on more than `most_batch` samples at once.
    """
    request = WorkerRequest(values=None, block=block, most_batch=most_batch)
    with scratch_folder() as folder:
        _run(model, x, request, folder, seconds)
        try:
            return read_npy(folder / ANSWERS)
        except DataError as error:
            raise SessionProblem("run", "its answers are no numbers, or too many") from error


def ranges_of(
    model: RunnableModel, x: Sequence[Array], values: Sequence[str], *, most_batch: int, seconds: float
) -> dict[str, Range]:  # fmt: skip
    """The lowest and the highest number of each of the values for the samples; SessionProblem as `answers_of`."""
    request = WorkerRequest(values=list(values), block=1, most_batch=most_batch)
    with scratch_folder() as folder:
        _run(model, x, request, folder, seconds)
        return msgspec.json.decode((folder / RANGES).read_bytes(), type=dict[str, Range])


def _run(model: RunnableModel, x: Sequence[Array], request: WorkerRequest, folder: Path, seconds: float) -> None:
    need_onnxruntime(f"running '{model.name}' itself")
    (folder / MODEL).write_bytes(model.content)
    for number, samples in enumerate(x):
        np.save(folder / samples_file(number), samples, allow_pickle=False)
    (folder / REQUEST).write_bytes(msgspec.json.encode(request))
    ended = run_apart("edgebnn.apart.onnx_worker", [str(folder)], seconds)
    if ended == 0:
        return
    if ended is None:
        raise SessionProblem("run", f"it takes longer than {seconds:.0f} s")
    problem = folder / PROBLEM
    if problem.exists():
        said = msgspec.json.decode(problem.read_bytes(), type=WorkerProblem)
        raise SessionProblem(said.stage, said.why)
    raise SessionProblem("run", f"it fails, or needs more than {MOST_MEMORY_BYTES >> 30} GiB of memory")
