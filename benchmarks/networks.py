"""Whole networks through `Deployment.run`, all of Python counted, against onnxruntime in float32, one thread each.

Large batches on two processors stand against the same on one. Random weights. The MLP is 784-1024-1024-10 with batch
norms; the VGG is that of BinaryConnect and FINN for CIFAR-10.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median
from unittest.mock import patch

import numpy as np
import onnxruntime
from torch import nn

import edgebnn
from benchmarks.rows import Call, Row, in_turns, ratio
from edgebnn import processors
from edgebnn.emulator.fast import FastPath
from edgebnn.processors import usable_processors
from tests.exports import BinaryLinear, export, sign, trained
from tests.zoo import exported, vgg

WIDTHS = (784, 1024, 1024, 10)
THEIRS, OURS, KERNELS = "onnxruntime float32", "edgebnn", "its layers"
SEARCHED = "the search for a smaller plan ended after its 20,000 steps, or has more tensors than it takes on"
# network, type of the input, batch, turns, goal
CASES = (
    ("MLP", "int8", 256, 25, 5),
    ("MLP", "int16", 256, 25, 3),
    ("MLP", "int8", 1, 200, 4),
    ("VGG", "uint8", 16, 7, 10),
    ("VGG", "uint8", 1, 15, 10),
)
MOST_PYTHON_US = 50
LARGE_BATCH, PROCESSORS, TWICE, TURNS_OF_LARGE = 2048, 2, 1.8, 15
TURNS_OF_ONE = 200


def mlp() -> nn.Module:
    layers: list[nn.Module] = []
    for index, (inputs, neurons) in enumerate(pairwise(WIDTHS)):
        layers += [BinaryLinear(inputs, neurons, bias=False), nn.BatchNorm1d(neurons)]
        layers += [sign("sign")] if index < len(WIDTHS) - 2 else []
    return trained(nn.Sequential(*layers), 0)


def rows() -> Iterator[Row]:
    rng = np.random.default_rng(0)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    with tempfile.TemporaryDirectory() as folder:
        paths = {
            "MLP": export(mlp(), WIDTHS[:1], Path(folder) / "mlp.onnx"),
            "VGG": exported(vgg(), (3, 32, 32), Path(folder) / "vgg.onnx"),
        }
        shapes = {"MLP": WIDTHS[:1], "VGG": (3, 32, 32)}
        sessions = {
            name: onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
            for name, path in paths.items()
        }
        for name, kind, batch, turns, goal in CASES:
            deployment = edgebnn.compile(paths[name], "host", input_type=kind)
            info = np.iinfo(kind)
            x = rng.integers(info.min, info.max, (batch, *shapes[name]), endpoint=True).astype(kind)
            given = {sessions[name].get_inputs()[0].name: x.astype(np.float32)}
            calls = {
                THEIRS: lambda session=sessions[name], given=given: session.run(None, given),
                OURS: lambda deployment=deployment, x=x: deployment.run(x),
                KERNELS: kernels_alone(deployment, x),
            }
            taken = in_turns(calls, turns)
            times = ratio(taken, THEIRS, OURS)
            work = f"{name}, {kind} input, batch {batch}"
            yield Row(work, times, f"x {THEIRS}", goal, binds=shares(taken))
            if batch == 1:
                # by themselves, so that both find their weights in the caches
                alone = in_turns({name: calls[name] for name in (OURS, KERNELS)}, TURNS_OF_ONE)
                around = 1e6 * median(turn[OURS] - turn[KERNELS] for turn in alone)
                title = f"{work}: Python around the layers"
                yield Row(title, around, "us", MOST_PYTHON_US, at_least=False, binds=shares(taken))
            elif name == "MLP":
                yield from on_two_processors(f"{name}, {kind} input", deployment, x)
        plan = deployment.mapped.plan  # the VGG's
        larger = plan.work_bytes / plan.least_work_bytes
        yield Row("VGG, work area", larger, "x what its busiest stage needs", 1, at_least=False, binds=SEARCHED)


def on_two_processors(work: str, deployment: edgebnn.Deployment, x: np.ndarray) -> Iterator[Row]:
    """A large batch against the same on one processor; no row where this process may use one alone."""
    if usable_processors() < PROCESSORS:
        return
    large = np.resize(x, (LARGE_BATCH, *x.shape[1:]))

    def run(count: int) -> None:
        with patch.object(processors, "usable_processors", lambda: count):
            deployment.run(large)

    calls = {str(count): lambda count=count: run(count) for count in (1, PROCESSORS)}
    taken = in_turns(calls, TURNS_OF_LARGE)
    one, both = (1e3 * median(turn[name] for turn in taken) for name in calls)
    binds = (
        f"{one:.1f} ms on one processor, {both:.1f} on {PROCESSORS}. Threads are started anew for each call; the "
        "best of 40 turns took 5.9 ms, 5.2 with threads that were kept, and 9.7 on one processor"
    )
    title = f"{work}, batch {LARGE_BATCH:,}, {PROCESSORS} processors"
    yield Row(title, ratio(taken, *calls), "x one processor", TWICE, binds=binds)


def kernels_alone(deployment: edgebnn.Deployment, x: np.ndarray) -> Call:
    """The layers on a batch that is encoded already."""
    fast = FastPath(deployment.mapped)
    encoded, found = fast.encode(x), np.empty((len(x), deployment.mapped.network.output.size), np.int32)
    return lambda: fast.execute(fast.program, encoded, found)


def shares(taken: list[dict[str, float]]) -> str:
    """What a call is made of: the layers' own time, and all that is around them."""
    theirs, ours, kernels = (1e6 * median(turn[name] for turn in taken) for name in (THEIRS, OURS, KERNELS))
    return (
        f"of a call's {ours:.0f} us the layers alone take {kernels:.0f}, the rest is checking, encoding and scaling in "
        f"Python; {THEIRS} takes {theirs:.0f}"
    )
