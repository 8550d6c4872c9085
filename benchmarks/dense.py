"""A binary dense layer of 1024 x 1024 at batch 256: our kernels against onnxruntime in float32, one thread each.

The three are timed in turns, so that whatever else the machine does meets all of them alike; times are medians, ratios
medians of each turn's own ratio. "kernel" starts from packed bits, as every layer behind the first one does; "call" is
`FastPath.run` with its check and packing of the data. The exit code is 1 where AVX2 is not 3 times as fast.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from statistics import median

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

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
REQUIRED_RATIO = 3.0
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


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> int:
    rng = np.random.default_rng(0)
    weights = rng.choice(np.array([-1, 1], np.int8), size=(SIZE, SIZE))
    x = rng.choice(np.array([-1, 1], np.int8), size=(BATCH, SIZE))
    floats = x.astype(np.float32)
    fast, session = dense_layer(weights), float_session(weights)
    encoded = encode_samples(x, fast.mapped.plan.inputs[0].layout)

    calls: dict[str, Callable[[], np.ndarray]] = {
        "onnxruntime float32": lambda: session.run(None, {"x": floats})[0],
        "portable kernel": lambda: fast.run_encoded(encoded, "portable"),
    }
    if host_library().ebnn_host_has_kernel(1):
        calls["AVX2 kernel"] = lambda: fast.run_encoded(encoded, "avx2")
        calls["AVX2 call"] = lambda: fast.run(x, kernel="avx2")
    expected = weights.astype(np.int32) @ x.T.astype(np.int32)
    for name, call in calls.items():
        if not np.array_equal(call(), expected.T):
            print(f"{name} computes something else")
            return 1

    turns = [{name: seconds(call) for name, call in calls.items()} for _ in range(TURNS)]
    ratios = {name: median(turn["onnxruntime float32"] / turn[name] for turn in turns) for name in calls}
    print(f"dense {SIZE} x {SIZE}, batch {BATCH}, one thread, medians of {TURNS} turns (seed 0)")
    print(f"  {'':20}  {'ms':>7}  {'GMAC/s':>7}  {'ratio':>6}")
    for name in calls:
        time_s = median(turn[name] for turn in turns)
        print(f"  {name:20}  {time_s * 1e3:7.3f}  {MACS / time_s / 1e9:7.1f}  {ratios[name]:6.2f}")
    if "AVX2 kernel" not in calls:
        print("  this processor has no AVX2, so nothing is required of it")
        return 0
    enough = ratios["AVX2 kernel"] >= REQUIRED_RATIO
    print(f"  AVX2 kernel against onnxruntime: {REQUIRED_RATIO:g} x required, {'reached' if enough else 'MISSED'}")
    return 0 if enough else 1


if __name__ == "__main__":
    sys.exit(main())
