"""A binary dense layer of 1024 x 1024 at batch 256, one thread: our kernels against onnxruntime in float32.

"kernel" starts from packed bits, as every layer behind the first one does; "call" is `FastPath.run` with its check and
packing of the data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import median

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from benchmarks.rows import Row, in_turns, ratio
from edgebnn.chip.target_files import load_target
from edgebnn.emulator.descriptors import host_library
from edgebnn.emulator.fast import FastPath
from edgebnn.emulator.samples import encode_samples
from edgebnn.mapping.mapped import Provenance
from edgebnn.mapping.planner import map_network
from edgebnn.network import Encoding, Input, Kind, Linear, Network, Tensor, WeightKind

SIZE = 1024
BATCH = 256
TURNS = 30
AVX2_GOAL = 8.0
MACS = BATCH * SIZE * SIZE


def dense_layer(weights: np.ndarray) -> FastPath:
    source = Tensor("x", Kind.BITS, (SIZE,), -1, 1)
    scores = Tensor("scores", Kind.SCORES, (SIZE,), -SIZE, SIZE)
    layer = Linear("dense", ("x",), scores, weights, WeightKind.BINARY)
    network = Network("dense", (Input(source, Encoding("int8")),), (layer,), "")
    provenance = Provenance(
        version="", options="", model_name="dense", model_sha256="", target_name="host", target_sha256=""
    )
    return FastPath(map_network(network, load_target("host"), provenance))


def float_session(weights: np.ndarray) -> onnxruntime.InferenceSession:
    """The same layer as one matrix product in float32, on one thread."""
    matrix = numpy_helper.from_array(np.ascontiguousarray(weights.T, dtype=np.float32), "weights")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "weights"], ["scores"])],
        "dense",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", SIZE])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", SIZE])],
        [matrix],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def rows() -> Iterator[Row]:
    rng = np.random.default_rng(0)
    weights = rng.choice(np.array([-1, 1], np.int8), size=(SIZE, SIZE))
    x = rng.choice(np.array([-1, 1], np.int8), size=(BATCH, SIZE))
    floats = x.astype(np.float32)
    fast, session = dense_layer(weights), float_session(weights)
    encoded = encode_samples(x, fast.mapped.plan.inputs[0].layout)

    theirs = "onnxruntime float32"
    calls: dict[str, Callable[[], np.ndarray]] = {
        theirs: lambda: session.run(None, {"x": floats})[0],
        "portable kernel": lambda: fast.run_encoded(encoded, "portable"),
    }
    if host_library().ebnn_host_has_kernel(1):
        calls["AVX2 kernel"] = lambda: fast.run_encoded(encoded, "avx2")
        calls["AVX2 call"] = lambda: fast.run(x, kernel="avx2")
    expected = weights.astype(np.int32) @ x.T.astype(np.int32)
    for name, call in calls.items():
        if not np.array_equal(call(), expected.T):
            raise ValueError(f"{name} computes something else")
    turns = in_turns(calls, TURNS)
    for name in calls:
        speed = MACS / median(turn[name] for turn in turns) / 1e9
        if name == theirs:
            yield Row(name, speed, "GMAC/s")
        else:
            goal = AVX2_GOAL if name == "AVX2 kernel" else None
            yield Row(f"{name}, {speed:.0f} GMAC/s", ratio(turns, theirs, name), f"x {theirs}", goal)
