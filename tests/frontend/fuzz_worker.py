"""Reads damaged models one after another and says on stdout what came of each (`-m tests.frontend.fuzz_worker`).

A process of its own, so that a crash, a hang or too much memory is the fault of the file whose line is missing.
"""

from __future__ import annotations

import io
import json
import resource
import sys
import tempfile
import time
import traceback
from fractions import Fraction
from pathlib import Path

import numpy as np
import onnx

from edgebnn.chip.target_files.loading import load_target
from edgebnn.emulator.agreement import same_as_model
from edgebnn.emulator.fast import FastPath
from edgebnn.emulator.onnx_runtime import run_onnxruntime
from edgebnn.errors import EdgeBNNError
from edgebnn.frontend import Inspection, ReadOptions, inspect_model, runnable_model
from edgebnn.mapping.mapped import MappedNetwork, Provenance
from edgebnn.mapping.planner import map_network
from edgebnn.network import Network, Threshold, interpret
from edgebnn.report.inspection import inspect_document, show_inspect
from edgebnn.report.terminal import Terminal
from tests.frontend.mutations import mutant
from tests.frontend.seeds import seeds
from tests.networks import random_inputs
from tests.onnx_here import onnxruntime_here

MOST_SECONDS = 2.0
MOST_BYTES = 10**9
# Beyond this nothing is allocated: a file that asks for more fails here before it hurts the machine.
_ADDRESS_SPACE = 8 * 10**9
_MOST_MACS = 10**6  # of a network that is run too

OPTIONS = (
    ReadOptions(),
    ReadOptions("bits"),
    ReadOptions("int8"),
    ReadOptions("uint4"),
    ReadOptions("uint8", Fraction(1, 255)),
)


def main(first: int, count: int) -> None:
    """Files `first` to `first + count - 1`: a line before each, and one with what came of it behind it."""
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    models = list(seeds().values())
    with tempfile.TemporaryDirectory() as folder, onnxruntime_here():
        for index in range(first, first + count):
            print(json.dumps({"begins": index}), flush=True)
            content = mutant(models, index)
            print(
                json.dumps({"index": index, **judged(content, Path(folder), index, models[index % len(models)])}),
                flush=True,
            )


def judged(content: bytes, folder: Path, index: int, seed: onnx.ModelProto) -> dict[str, object]:
    """`outcome` is refused, read or failed, then with `why`; all that a user does with a model is done to it.

    `seed` is the model that was damaged.
    """
    path = folder / "model.onnx"
    path.write_bytes(content)
    before = _peak_bytes()
    start = time.process_time()
    outcome, why = "refused", ""
    options = _options(seed, index)
    try:
        inspection = inspect_model(path, options)
        if inspection.network is not None:
            outcome = "read"
        _shown(inspection)
    except EdgeBNNError as error:
        why = "" if str(error).isprintable() else "the message holds control characters"
    except BaseException:
        why = _traceback()
    seconds = time.process_time() - start
    if not why and outcome == "read" and inspection.network is not None:
        # What calibration rounds here, the model does not.
        why = _run(inspection.network, index, path if options.calibration is None else None)
    if not why and seconds > MOST_SECONDS:
        why = f"took {seconds:.1f} s"
    if not why and before <= MOST_BYTES < _peak_bytes():
        why = f"took {_peak_bytes() >> 20} MiB of memory, {before >> 20} MiB before it"
    return {"outcome": "failed" if why else outcome, "why": why, "seconds": round(seconds, 3), "peak": _peak_bytes()}


def _options(seed: onnx.ModelProto, index: int) -> ReadOptions:
    """Every way to read a model in turn; in one of six, with samples of the shape that it had before the damage."""
    if index // 16 % 6 < len(OPTIONS):
        return OPTIONS[index // 16 % 6]
    shape = [dim.dim_value for dim in seed.graph.input[0].type.tensor_type.shape.dim[1:]]
    samples = np.random.default_rng(index).normal(0, 3, (4, *shape)).astype(np.float32)
    return ReadOptions(calibration=samples)


def _shown(inspection: Inspection) -> None:
    console = Terminal(file=io.StringIO(), width=80, color_system=None)
    show_inspect(console, inspect_document(inspection, load_target("rram130")))


def _run(network: Network, index: int, path: Path | None) -> str:
    """What is wrong when the network is mapped and run, beside onnxruntime on its file too; "" where nothing is."""
    if sum(node.macs for node in network.linear) > _MOST_MACS or network.inputs[0].tensor.size > _MOST_MACS:
        return ""
    try:
        provenance = Provenance(
            version="", options="", model_name="m", model_sha256="", target_name="host", target_sha256=""
        )
        mapped = map_network(network, load_target("host"), provenance)
        x = random_inputs(network, index, 12)
        scores = interpret(network, x)
        if not np.array_equal(FastPath(mapped).run(x), scores):
            return "the fast path gives other scores than the interpreter"
        return "" if path is None else _beside_onnxruntime(mapped, path, x, scores)
    except EdgeBNNError:
        return ""
    except BaseException:
        return _traceback()
    return ""


def _beside_onnxruntime(mapped: MappedNetwork, path: Path, x: np.ndarray, scores: np.ndarray) -> str:
    """What is wrong beside onnxruntime's answers, where it takes the file and float32 decides every threshold."""
    network = mapped.network
    if any(node.ambiguous for node in network.nodes if isinstance(node, Threshold)):
        return ""
    answers = run_onnxruntime(runnable_model(path), mapped, x)
    if answers.dtype.kind == "f" and answers.size != scores.size:
        return ""
    return "" if same_as_model(scores, answers, network).whole else "onnxruntime gives other scores"


def _traceback() -> str:
    """The innermost calls; a hostile file's names are part of messages, and long."""
    return "\n".join(line[:200] for line in traceback.format_exc().splitlines()[-15:])


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
