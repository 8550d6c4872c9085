"""Monte Carlo: an MLP 784-1024-1024-10 on chips with bit errors, 1,000 samples a chip, against a plain PyTorch loop.

The loop turns each weight with `torch.where(torch.rand(...) < rate, -w, w)` and multiplies in float32, on one thread.
The other error models are compared with `ber` at the rates of a programming policy. `device` with the noise of its
reads, in which some weights are read anew for every sample, has a row of its own. Chips all of whose reads err anew
(`neighbour`, and `ber` with such a rate) draw every weight for every sample; they have fewer chips.

Ours runs on all processors that this process may use, the PyTorch loop on one thread: titles say so.

Networks of convolutions have rows of their own: a chip's samples by what its wrong weights change, against all of its
products.

A call with the samples of the one before knows their run without errors; one with others has a row of its own.

What errors cost is held to as many runs of the same samples without errors: drawing, programming and lifting chips must
not take more than what evaluating differences saves.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
import torch

import edgebnn
from benchmarks.instructions import small_cifar
from benchmarks.networks import WIDTHS, mlp
from benchmarks.rows import Row, in_turns, ratio, seconds
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorKinds, ErrorModel
from edgebnn.emulator.chip_program import program_on_chip, weights_on_chip
from edgebnn.emulator.fast import FastPath
from edgebnn.emulator.known_run import KnownRun
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.programmed import programmed_banks
from edgebnn.models import ECG_PVC
from edgebnn.processors import usable_processors
from tests.emulator.macro_driver import on_chip
from tests.exports import export
from tests.networks import random_inputs

SAMPLES, CHIPS, TURNS = 1000, 10, 5
GOALS = {1e-2: 10, 1e-4: 25}
RATES = (1e-4, 1e-3, 1e-2)  # of networks of convolutions
MOST_OF_CLEAN = 1.1  # errors may cost a tenth
# Measured with `perf` and the processor's time of a thread, on the 2 cores of docs/performance.md.
BINDS = {
    1e-2: "a chip takes 6 ms of processor time here: 0.65 to draw its 1.86 million weights, 0.3 to put them into "
    "banks, 0.65 to lift them, 0.3 for the rows of its weights, 4.2 to evaluate 1,000 samples",
    1e-4: "a chip takes 2.7 ms of processor time here: 0.65 to draw its 1.86 million weights, 0.3 to put them into "
    "banks, 0.3 to lift them, 0.1 for the rows of its weights, 1.2 to evaluate 1,000 samples",
}
ANEW_CHIPS, ANEW_TURNS, ANEW_RATE = 1, 1, 1e-2
POLICIES = ("strong", "low-energy")
DEVICE_GOAL = 1 / 3
DEVICES = (
    "A cell takes a block of Philox of its own, and its words show by lines that bound them that it is far: 3.4 ms of "
    "a thread with AVX-512, 5.4 with AVX2, and 6.7 with code that draws any kind of device; rounds that the columns of "
    "a row share are made once"
)
TABLE = (
    "Nearly all of that is NumPy's, bank block by bank block: a rate for each weight, its threshold, its comparison "
    "with a random word; ber has one threshold for all weights, and draws only what turns"
)
READ_ANEW = (
    "The rest evaluates each sample with weights that are read anew for it, the more of them the more are uncertain"
)
WHERE = {"device": DEVICES, "device, reads that err anew": READ_ANEW, "table": TABLE}
THEIRS, OURS, CLEAN = "a plain PyTorch loop", "edgebnn", "runs without errors"
FIRST = "samples that no call had before"


def rows() -> Iterator[Row]:
    model = mlp()
    x = np.random.default_rng(0).integers(-128, 128, (SAMPLES, *WIDTHS[:1])).astype(np.int8)
    floats = torch.from_numpy(x.astype(np.float32))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    ours = usable_processors()
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        deployment = edgebnn.compile(export(model, WIDTHS[:1], Path(folder) / "mlp.onnx"), "rram130", input_type="int8")
        for rate, goal in GOALS.items():
            calls = {
                THEIRS: lambda rate=rate: [loop(model, floats, rate, chip) for chip in range(CHIPS)],
                OURS: lambda rate=rate: deployment.emulate(x, chips=CHIPS, ber=rate, firmware_samples=0),
                FIRST: lambda rate=rate: replace(deployment).emulate(x, chips=CHIPS, ber=rate, firmware_samples=0),
                CLEAN: lambda: [deployment.run(x) for _ in range(CHIPS)],
            }
            work = f"{CHIPS} chips at a bit error rate of {rate:g}, {SAMPLES:,} samples each"
            against = f"x {THEIRS}, {ours} threads against 1"
            turns = in_turns(calls, TURNS)
            yield Row(work, ratio(turns, THEIRS, OURS), against, goal, binds=BINDS.get(rate, ""))
            yield Row(f"{work}: {FIRST}", ratio(turns, THEIRS, FIRST), against)
            spent = ratio(turns, OURS, CLEAN)
            clean = f"of {CHIPS} {CLEAN}, {ours} threads both"
            yield Row(f"{work}: time", spent, clean, MOST_OF_CLEAN, at_least=False, binds=BINDS.get(rate, ""))
        yield from device_rows(deployment, x)
        yield from anew_rows(deployment, x)
        yield from convolution_rows("the shipped ECG model", edgebnn.compile(ECG_PVC, "rram130").mapped, SAMPLES)
        yield from convolution_rows("SmallCifar", on_chip(small_cifar()), SAMPLES // 8)
    torch.set_num_threads(threads)


def device_rows(deployment: edgebnn.Deployment, x: np.ndarray) -> Iterator[Row]:
    """The speed of `device` as a share of that of `ber`, in the same turns."""
    for policy in POLICIES:
        models = {
            "ber": ChipInstance(0, policy=policy),
            "device": ChipInstance(0, errors=ErrorModel.DEVICE, kinds=ErrorKinds.PROGRAMMING, policy=policy),
            "device, reads that err anew": ChipInstance(0, errors=ErrorModel.DEVICE, policy=policy),
            "table": ChipInstance(0, errors=ErrorModel.TABLE, policy=policy),
        }
        calls = {
            name: lambda like=like: deployment.emulate(x, chips=CHIPS, like=like, firmware_samples=0)
            for name, like in models.items()
        }
        turns = in_turns(calls, TURNS)
        for name in list(models)[1:]:
            binds = made_of(deployment, models[name], turns, name) + WHERE[name]
            work = f"{name}: {CHIPS} chips of the policy {policy}"
            against = f"x ber, {usable_processors()} threads both"
            yield Row(work, ratio(turns, "ber", name), against, DEVICE_GOAL if name == "device" else None, binds=binds)


def anew_rows(deployment: edgebnn.Deployment, x: np.ndarray) -> Iterator[Row]:
    """The speed of chips all of whose reads err anew, as a share of that of as many whose errors stay."""
    models = {
        "ber": ChipInstance(0, ANEW_RATE),
        "ber, reads that err anew": ChipInstance(0, ANEW_RATE, read_error_rate=ANEW_RATE),
        "neighbour, all of whose reads err anew": ChipInstance(0, ANEW_RATE, ErrorModel.NEIGHBOUR),
    }
    calls = {
        name: lambda like=like: deployment.emulate(x, chips=ANEW_CHIPS, like=like, firmware_samples=0)
        for name, like in models.items()
    }
    turns, weights = in_turns(calls, ANEW_TURNS), deployment.memory.synapses
    for name in list(models)[1:]:
        taken = median(turn[name] for turn in turns)
        reads = ANEW_CHIPS * len(x) * weights
        binds = (
            f"each sample meets {weights / 1e6:.2f} million weights, whose answers are drawn for it alone, bit by bit "
            f"of random words for a row of 32: {reads / taken / 1e6:,.0f} million weights a second. No difference from "
            "a run without errors can be kept"
        )
        work = f"{name}: {ANEW_CHIPS} chip at a rate of {ANEW_RATE:g}"
        yield Row(work, ratio(turns, "ber", name), f"x ber, {usable_processors()} threads both", binds=binds)


def made_of(deployment: edgebnn.Deployment, like: ChipInstance, turns: list[dict[str, float]], name: str) -> str:
    """What it takes to draw and program a chip alone, beside all that a chip takes."""

    def draw() -> None:
        for seed in range(CHIPS):
            programmed_banks(deployment.mapped, replace(like, seed=seed))

    alone = median(seconds(draw) for _ in range(TURNS))
    whole, ber = (median(turn[each] for turn in turns) for each in (name, "ber"))
    parts = (f"{1e3 * took / CHIPS:.1f} ms" for took in (alone, whole, ber))
    return (
        "to draw a chip's {} million cells and read them takes {} on one thread, all that a chip takes {} on all "
        "threads, and a chip of ber {}. "
    ).format(round(deployment.memory.synapses / 1e6, 2), *parts)


def convolution_rows(title: str, mapped: MappedNetwork, samples: int) -> Iterator[Row]:
    """The samples of some chips by differences from the run without errors, which they share, against fresh runs."""
    fast, x = FastPath(mapped), random_inputs(mapped.network, 0, samples)
    encoded, scores = fast.encode(x), np.empty((samples, mapped.network.output.size), np.int32)
    known = KnownRun(fast, encoded)
    for rate in RATES:
        chips = [weights_on_chip(mapped, programmed_banks(mapped, ChipInstance(seed, rate))) for seed in range(CHIPS)]
        calls = {
            "fresh": lambda chips=chips: [
                fast.execute(program_on_chip(mapped, fast.program, chip), encoded, scores) for chip in chips
            ],
            OURS: lambda chips=chips: [fast.execute(known.program(chip), encoded, scores) for chip in chips],
        }
        yield Row(
            f"{title}, {CHIPS} chips at a bit error rate of {rate:g}, {samples:,} samples each",
            ratio(in_turns(calls, TURNS), "fresh", OURS),
            "x fresh runs, 1 thread both",
        )


def loop(model: torch.nn.Module, x: torch.Tensor, rate: float, chip: int) -> torch.Tensor:
    draw = torch.Generator().manual_seed(chip)
    for layer in model:
        if isinstance(layer, torch.nn.Linear):
            weights = torch.sign(layer.weight)
            x = x @ torch.where(torch.rand(weights.shape, generator=draw) < rate, -weights, weights).T
        else:
            x = layer(x)
    return x.argmax(1)
