"""Kernels of the fast path, one thread, layers of 1024 x 1024: against onnxruntime's float32 and int8 on one thread.

Ours start from inputs as the layer before leaves them, as every layer behind the first one does, and write into memory
that is there already. "Packed signs" end in bits behind a threshold, by lists of active inputs. Batches of 256; half of
the inputs are +1 where nothing else is said. Instruction sets that the processor lacks are left out. One vector takes
less time than a call from Python: ours is called from C, and of onnxruntime's time the same call with a matrix of
32 x 32 is taken off; "a call from Python" is both as Python calls them.
"""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from itertools import pairwise
from math import prod
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from benchmarks.rows import Call, Row, in_turns, ratio, seconds
from build_native import find_compiler
from edgebnn.emulator.fast import FastPath, Kernel, kernel_number, kernels
from edgebnn.emulator.program import Program, assemble
from edgebnn.native import LIBRARY_PATH
from edgebnn.network import Kind, Network, Tensor, WeightKind, Window
from tests.networks import Builder
from tests.runtime.firmware_calls import map_on_host

HERE = Path(__file__).resolve().parent
RUNTIME = HERE.parent / "runtime"
SIZE, BATCH = 1024, 256
TURNS = 15
FLOAT, INT8 = "onnxruntime float32", "onnxruntime int8"
ONE_VECTOR = "one vector, int32 out"
CALLS = 200  # of one vector from C
CALLED_SIZE = 32  # of a matrix that takes no time beside the call
DENSITIES = (0.1, 0.3, 0.5, 0.7, 0.9)
# work, kernel -> the goals against float32 and int8
GOALS: dict[tuple[str, Kernel], tuple[float, float]] = {
    ("int32 out", "avx2"): (8, 5),
    ("packed signs out", "avx2"): (12, 7.5),
    ("int32 out", "avx512"): (16, 5),
    ("packed signs out", "avx512"): (22, 7),
    ("ternary, int32 out", "avx512"): (12, 4),
    (ONE_VECTOR, "avx512"): (25, 10),
}
CONVOLUTION_GOAL = 0.8
INT8_GOAL = 0.5
# Twice what bitnet.cpp's I2_S does with ternary weights and int8 on one AVX2 core, which is 92 to 112.
BYTES_GOAL = 2 * 92
THREADS_GOAL = 1.8
# What weights of one bit and trits times bytes were looked up by before, and what else was measured, in turns.
BYTES_TRIED = (
    "Looking up halves of the bytes, whose sums fill a byte twice as fast, and spreading weights out for each vector "
    "made 0.8 of this kernel's speed; products of bytes, with ternary weights spread out for a block of 16 vectors, "
    "0.8, and of 64 between 0.8 (GCC) and 1.03 (clang)"
)
# What else was measured for bits, each against the other in turns.
BITS_TRIED = (
    "loading a row and its place takes as many instructions again as the 4.5 that add it. Look-ups took 1.2 times as "
    "long as lists for sums, of which making numbers of planes is a quarter; full adders of 5 operations took 1.1 "
    "times as long; bringing rows or targets near before they are read gained nothing"
)
VNNI = (
    "onnxruntime multiplies bytes with VNNI on this processor, which the kernel for AVX2 has not: that for AVX-512 has"
)
# The same of AVX-512, on Zen 4.
BYTES_TRIED_512 = (
    "Weights spread out to bytes for vpdpbusd made 0.38 (one vector) to 0.68 (256) of this kernel's speed with bits, "
    "with trits 0.4 (one) to 1.16 (256 vectors of 1024 inputs; 0.65 of 4096); look-ups in registers twice as wide 0.93"
)
BITS_TRIED_512 = (
    "panels whose words are counted so took 1.12 times as long as lists for sums of bits, and 1.14 times for trits; "
    "adding words up by adders before they are counted takes as many instructions as it saves"
)
# A call of a loop is over in a few tenths of a millisecond, so that some are not interrupted.
LIMIT_ROUNDS, LIMIT_TURNS = 100_000, 150


class Work(NamedTuple):
    """A layer at work: the program of the layer alone, its inputs, and where it writes."""

    fast: FastPath
    program: Program
    encoded: np.ndarray
    found: np.ndarray
    macs: int

    def call(self, kernel: Kernel) -> Call:
        return lambda: self.fast.execute(self.program, self.encoded, self.found, kernel=kernel)

    def repeated(self, library: ctypes.CDLL, kernel: Kernel) -> Call:
        """The first sample by itself, CALLS times, called from C."""
        work = np.empty(self.program.scratch_bytes + self.program.sample_bytes, np.uint8)
        number = ctypes.c_int32(kernel_number(kernel))

        def run() -> None:
            areas = [ctypes.c_void_p(area.ctypes.data) for area in (self.encoded, self.found, work)]
            steps = ctypes.c_void_p(self.program.address), ctypes.c_uint32(self.program.count)
            status = library.repeated_call(*steps, *areas, ctypes.c_uint64(CALLS), number)
            if status != 0:
                raise SystemExit(f"the C runtime refuses the layer (status {status})")

        return run

    def in_threads(self, threads: int, kernel: Kernel) -> Call:
        """The batch shared out among so many threads."""
        parts = [slice(at, at + BATCH) for at in range(0, len(self.encoded), BATCH)]
        pool = ThreadPoolExecutor(threads)

        def run(part: slice) -> None:
            self.fast.execute(self.program, self.encoded[part], self.found[part], kernel=kernel)

        return lambda: list(pool.map(run, parts))


def layer(
    weights: WeightKind,
    shape: tuple[int, ...] = (SIZE,),
    neurons: int = SIZE,
    *,
    kind: str = "bits",
    batch: int = BATCH,
    density: float = 0.5,
    packed: bool = False,
    window: Window | None = None,
) -> Work:
    """One layer with random weights and inputs."""
    rng = np.random.default_rng(0)
    tensor = Tensor("x", Kind.BITS, shape, -1, 1) if kind == "bits" else Tensor("x", Kind.INTEGERS, shape, 0, 255)
    network = one_layer(Builder(tensor, rng), weights, neurons, packed, window)
    if kind == "bits":
        x = np.where(rng.random((batch, *shape)) < density, 1, -1).astype(np.int8)
    else:
        x = rng.integers(0, 256, (batch, *shape)).astype(np.uint8)
    fast = FastPath(map_on_host(network))
    alone = fast.program.descriptors[:1]
    program = replace(fast.program, steps=assemble(fast.mapped, alone), descriptors=alone)
    macs = batch * network.linear[0].weights.size * prod(network.linear[0].output.shape[1:])
    return Work(fast, program, fast.encode(x), np.empty((batch, network.output.size), np.int32), macs)


def one_layer(builder: Builder, weights: WeightKind, neurons: int, packed: bool, window: Window | None) -> Network:
    if window is None:
        builder.linear(neurons, weights)
    else:
        builder.linear(neurons, weights, window)
    if packed:
        builder.threshold()
        if window is not None:
            builder.flatten()
        builder.linear(1)
    return builder.network()


def session(integers: bool, batch: int, size: int = SIZE) -> Call:
    """A product with a square matrix in onnxruntime."""
    rng = np.random.default_rng(0)
    numbers, element = (np.uint8, TensorProto.UINT8) if integers else (np.float32, TensorProto.FLOAT)
    matrix = rng.integers(-128, 128, (size, size)).astype(np.int8 if integers else np.float32)
    result = TensorProto.INT32 if integers else TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger" if integers else "MatMul", ["x", "weights"], ["scores"])],
        "dense",
        [helper.make_tensor_value_info("x", element, ["batch", size])],
        [helper.make_tensor_value_info("scores", result, ["batch", size])],
        [numpy_helper.from_array(matrix, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    loaded = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    x = rng.integers(0, 256, (batch, size)).astype(numbers)
    return lambda: loaded.run(None, {"x": x})


def gmacs(turns: list[dict[str, float]], name: str, macs: int) -> float:
    return macs / median(turn[name] for turn in turns) / 1e9


def against_theirs(
    kernel: Kernel, name: str, work: Work, theirs: dict[str, Call], turns: int = TURNS, binds: str = ""
) -> Iterator[Row]:
    """A layer beside both of onnxruntime's."""
    taken = in_turns({**theirs, kernel: work.call(kernel)}, turns)
    speed = gmacs(taken, kernel, work.macs)
    for opponent, goal in zip(theirs, GOALS.get((name, kernel), (None, None)), strict=True):
        times = ratio(taken, opponent, kernel)
        yield Row(f"{kernel}, {name}, {speed:.0f} GMAC/s", times, f"x {opponent}", goal, binds=binds)


@cache
def loops() -> ctypes.CDLL | None:
    """The loops of popcount_limit.c and lookup_limit.c, and repeated_call.c; None without a C compiler."""
    compiler = find_compiler()
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        built = Path(folder) / "limits.so"
        includes = [f"-I{RUNTIME / name}" for name in ("include", "src", "host", "chip")]
        sources = [str(HERE / name) for name in ("popcount_limit.c", "lookup_limit.c", "repeated_call.c")]
        command = [*compiler.command, "-O3", "-std=c99", "-shared", "-fPIC", *includes, *sources]
        subprocess.run([*command, str(LIBRARY_PATH), f"-Wl,-rpath,{LIBRARY_PATH.parent}", "-o", str(built)], check=True)
        return ctypes.CDLL(str(built))


def limit_call(name: str, rounds: int) -> Call | None:
    """A loop that answers how many products it does; None where it cannot be compiled."""
    library = loops()
    if library is None:
        return None
    count = library[name]
    count.restype, count.argtypes = ctypes.c_uint64, [ctypes.c_uint64, ctypes.c_void_p]
    sink = np.ones(1, np.uint64)
    return lambda: count(rounds, sink.ctypes.data)


def limit(name: str) -> float | None:
    """Products a nanosecond in registers, at best; None where the loop cannot be compiled."""
    call = limit_call(name, LIMIT_ROUNDS)
    if call is None:
        return None
    return float(call()) / min(seconds(call) for _ in range(LIMIT_TURNS)) / 1e9


def bound(*limits: tuple[str, str]) -> str:
    """What registers alone reach in this run: the names of loops, and what they do."""
    found = [(what, limit(name)) for name, what in limits]
    parts = [f"{what} make {value:.0f} GMAC/s at best" for what, value in found if value is not None]
    return f"in registers, with nothing loaded or stored, {' and '.join(parts)} in the same run" if parts else ""


def bits_bound(kernel: Kernel) -> str:
    """What binds bits against bits, and what else was tried; nothing of kernels that were not measured so."""
    if kernel == "avx512":
        added, tried = bound(("popcount_limit", "counted words (vpopcntd)")), BITS_TRIED_512
    elif kernel == "avx2":
        listed = ("listing_limit_bits", "additions of listed rows")
        added, tried = bound(listed, ("lookup_limit_bits", "look-ups and additions of bytes")), BITS_TRIED
    else:
        return ""
    return f"{added}; {tried}" if added else ""


def bytes_bound(kernel: Kernel) -> str:
    """The same of bits and trits against bytes."""
    if kernel not in ("avx2", "avx512"):
        return ""
    designs = bound(
        ("lookup_limit_bytes", "look-ups of parts of sums of four bytes, of which ternary weights need twice as many,"),
        ("multiply_limit_bytes", "products of bytes (vpmaddubsw)"),
    )
    return f"{designs}. {BYTES_TRIED_512 if kernel == 'avx512' else BYTES_TRIED}" if designs else ""


def of_two_threads() -> str:
    """How far two threads that share no memory get on this machine."""
    call = limit_call("popcount_limit", 100 * LIMIT_ROUNDS)
    if call is None:
        return ""
    with ThreadPoolExecutor(2) as pool:
        calls = {"1": lambda: [call(), call()], "2": lambda: list(pool.map(lambda _: call(), range(2)))}
        share = ratio(in_turns(calls, TURNS), "1", "2")
    return f"two threads that count bits in registers, and share no memory, are {share:.2f} x one in the same run"


def rows() -> Iterator[Row]:
    theirs = {FLOAT: session(False, BATCH), INT8: session(True, BATCH)}
    taken = in_turns(theirs, TURNS)
    for name in theirs:
        yield Row(name, gmacs(taken, name, BATCH * SIZE * SIZE), "GMAC/s")
    dense = layer(WeightKind.BINARY)
    popcounts = limit("popcount_limit")
    if popcounts is not None:
        yield Row("popcount limit, in registers", popcounts, "GMAC/s")
    for kernel in kernels():
        tried = bits_bound(kernel)
        yield from against_theirs(kernel, "int32 out", dense, theirs, binds=tried)
        if kernel == "portable":
            continue
        signs = layer(WeightKind.BINARY, packed=True)
        yield from against_theirs(kernel, "packed signs out", signs, theirs, binds=tried)
        yield from against_theirs(kernel, "ternary, int32 out", layer(WeightKind.TERNARY), theirs, binds=tried)
        yield from of_one_vector(kernel)
        yield from by_itself(kernel, dense, popcounts)
        yield from of_integers(kernel, theirs[INT8])
    lacking = [name for name in ("avx2", "avx512", "neon") if name not in kernels()]
    yield Row(f"left out, not of this processor: {', '.join(lacking)}", len(lacking), "instruction sets")


def of_one_vector(kernel: Kernel) -> Iterator[Row]:
    """One vector: called from C, and as Python calls it."""
    work, library = layer(WeightKind.BINARY, batch=1), loops()
    theirs = {FLOAT: session(False, 1), INT8: session(True, 1)}
    called = {f"{name}, a call": session(integers, 1, CALLED_SIZE) for name, integers in ((FLOAT, False), (INT8, True))}
    ours = {"Python": work.call(kernel)}
    if library is not None:
        ours["C"] = work.repeated(library, kernel)
    taken = in_turns({**theirs, **called, **ours}, 300)
    for name, goal in zip(theirs, GOALS.get((ONE_VECTOR, kernel), (None, None)), strict=True):
        if library is not None:
            times = median(CALLS * (turn[name] - turn[f"{name}, a call"]) / turn["C"] for turn in taken)
            speed = CALLS * gmacs(taken, "C", work.macs)
            yield Row(f"{kernel}, {ONE_VECTOR}, {speed:.0f} GMAC/s", times, f"x {name}", goal)
        yield Row(f"{kernel}, {ONE_VECTOR}, a call from Python", ratio(taken, name, "Python"), f"x {name}")


def by_itself(kernel: Kernel, dense: Work, popcounts: float | None) -> Iterator[Row]:
    """Beside its own limit, convolutions, densities and threads."""
    signs = {str(density): layer(WeightKind.BINARY, packed=True, density=density) for density in DENSITIES}
    calls = {density: work.call(kernel) for density, work in signs.items()}
    taken = in_turns({"dense": dense.call(kernel), **calls}, TURNS)
    if popcounts is not None:
        yield Row(f"{kernel}, int32 out", gmacs(taken, "dense", dense.macs) / popcounts, "of the popcount limit")
        share = gmacs(taken, "0.5", dense.macs) / popcounts
        yield Row(f"{kernel}, packed signs out", share, "of the popcount limit")
    for density in DENSITIES:
        yield Row(f"{kernel}, packed signs out, {density:.0%} active", ratio(taken, "0.5", str(density)), "x 50 %")
    channels, side, window = 128, 8, Window((3, 3), (1, 1), (1, 1), (1, 1), (1, 1))
    for packed, out in ((False, "int32"), (True, "packed signs")):
        pair = {
            "dense": layer(WeightKind.BINARY, (channels * 9,), 512, packed=packed),
            "convolution": layer(WeightKind.BINARY, (channels, side, side), 512, batch=4, packed=packed, window=window),
        }
        taken = in_turns({name: work.call(kernel) for name, work in pair.items()}, TURNS)
        speeds = [gmacs(taken, name, work.macs) for name, work in pair.items()]
        work = f"{kernel}, 3 x 3 convolution of 128 to 512 channels, {out} out"
        yield Row(work, next(b / a for a, b in pairwise(speeds)), "x dense, same fan-in", CONVOLUTION_GOAL)
    many = layer(WeightKind.BINARY, batch=8 * BATCH)
    taken = in_turns({str(threads): many.in_threads(threads, kernel) for threads in (1, 2)}, TURNS)
    times = ratio(taken, "1", "2")
    yield Row(f"{kernel}, int32 out, two threads", times, "x one thread", THREADS_GOAL, binds=of_two_threads())


def of_integers(kernel: Kernel, int8: Call) -> Iterator[Row]:
    """Inputs of 8 bits."""
    works = {kind.value: layer(kind, kind="uint8") for kind in WeightKind}
    taken = in_turns({INT8: int8, **{name: work.call(kernel) for name, work in works.items()}}, TURNS)
    binds = bytes_bound(kernel)
    for kind in WeightKind:
        speed = gmacs(taken, kind.value, works[kind.value].macs)
        if kind is WeightKind.INT8:
            name = f"{kernel}, int8 weights x uint8, {speed:.0f} GMAC/s"
            vnni = VNNI if kernel == "avx2" and "avx512" in kernels() else ""
            yield Row(name, ratio(taken, INT8, kind.value), f"x {INT8}", INT8_GOAL, binds=vnni)
        else:
            yield Row(f"{kernel}, {kind.value} weights x uint8", speed, "GMAC/s", BYTES_GOAL, binds=binds)
