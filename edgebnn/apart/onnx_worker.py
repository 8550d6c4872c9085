"""The process that onnxruntime runs in: `python -m edgebnn.apart.onnx_worker FOLDER`.

FOLDER holds the model, the samples and the request; it gets the answers, or what onnxruntime says instead of them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from edgebnn.apart.process import bound_memory
from edgebnn.arrays import Array, read_npy

if TYPE_CHECKING:
    import onnxruntime

MODEL, REQUEST = "model.onnx", "request.json"
ANSWERS, RANGES, PROBLEM = "answers.npy", "ranges.json", "problem.json"
MOST_MEMORY_BYTES = 6 << 30

_LONGEST = 300  # characters of what it says


def samples_file(number: int) -> str:
    """The name of the file with the samples of an input."""
    return f"samples.{number}.npy"


class WorkerRequest(msgspec.Struct, frozen=True):
    """What is wanted: the ranges of these values, or without any the answers of the output."""

    values: list[str] | None
    block: int
    most_batch: int


class WorkerProblem(msgspec.Struct, frozen=True):
    """At which stage (`load`, `run`) it ended, and why."""

    stage: str
    why: str


class _Failed(Exception):
    def __init__(self, stage: str, why: str) -> None:
        super().__init__(why)
        self.problem = WorkerProblem(stage, why)


def main() -> None:
    """Bounds this process, then `run`."""
    bound_memory(MOST_MEMORY_BYTES)
    sys.exit(run(Path(sys.argv[1])))


def run(folder: Path) -> int:
    """0 where the answers were written into the folder, 1 where the problem was."""
    try:
        _answer(folder, msgspec.json.decode((folder / REQUEST).read_bytes(), type=WorkerRequest))
    except _Failed as failed:
        (folder / PROBLEM).write_bytes(msgspec.json.encode(failed.problem))
        return 1
    return 0


def _answer(folder: Path, request: WorkerRequest) -> None:
    content = (folder / MODEL).read_bytes()
    session = _session(content if request.values is None else _with_outputs(content, request.values))
    samples = [read_npy(folder / samples_file(number)) for number in range(len(session.get_inputs()))]
    names = [session.get_outputs()[0].name] if request.values is None else request.values
    try:
        blocks = _blocks(session, samples, names, request)
        if request.values is None:
            answers = np.concatenate([block[0] for block in blocks])[: len(samples[0])]
            np.save(folder / ANSWERS, answers, allow_pickle=False)
        else:
            (folder / RANGES).write_bytes(msgspec.json.encode(_ranges(names, blocks)))
    except _Failed:
        raise
    except Exception as error:  # onnxruntime's exceptions have no common base class
        raise _Failed("run", _said(error)) from error


def _with_outputs(content: bytes, names: list[str]) -> bytes:
    """The model with these values, which its layers read, among its outputs."""
    import onnx

    model = onnx.load_model_from_string(content)
    present = {output.name for output in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in present)
    return bytes(model.SerializeToString())


def _session(content: bytes) -> onnxruntime.InferenceSession:
    """Without graph optimisations: they fuse Conv and BatchNormalization and so move exact zeros across a sign."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions have no common base class
        raise _Failed("load", _said(error)) from error


def _blocks(
    session: onnxruntime.InferenceSession, samples: list[Array], names: list[str], request: WorkerRequest
) -> Iterator[list[Array]]:
    """The named values for one block of samples after the other, the last one filled up by repetition.

    A model that takes one sample at once may leave out the axis of samples.
    """
    entries = session.get_inputs()
    fixed = next((entry.shape[0] for entry in entries if isinstance(entry.shape[0], int)), None)
    if fixed is not None and not 1 <= fixed <= request.most_batch:
        raise _Failed("load", f"it insists on {fixed} samples at once, and {request.most_batch} are the most")
    batch = fixed or request.block
    for start in range(0, len(samples[0]), batch):
        blocks = [part[start : start + batch] for part in samples]
        filled = [block if fixed is None else np.resize(block, (fixed, *block.shape[1:])) for block in blocks]
        made = session.run(names, {entry.name: block for entry, block in zip(entries, filled, strict=True)})
        yield [_in_front(values, len(filled[0])) for values in made] if request.values is None else made


def _in_front(values: Array, samples: int) -> Array:
    """Values with the axis of samples in front, which a model that takes one sample at once may leave out."""
    if values.shape[:1] == (samples,):
        return values
    if samples != 1:
        raise _Failed("load", "its output does not have the samples in front")
    return values[np.newaxis]


def _ranges(names: list[str], blocks: Iterator[list[Array]]) -> dict[str, tuple[float, float]]:
    found: dict[str, tuple[float, float]] = {}
    for block in blocks:
        for name, values in zip(names, block, strict=True):
            if not np.isfinite(values).all():
                raise _Failed("run", "a value of it is not finite")
            low, high = found.get(name, (np.inf, -np.inf))
            found[name] = min(low, float(np.min(values))), max(high, float(np.max(values)))
    return found


def _said(error: Exception) -> str:
    return " ".join(str(error).split()).encode("utf-8", "replace").decode()[:_LONGEST]


if __name__ == "__main__":
    main()
