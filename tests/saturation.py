"""How wide int8 weights may be for onnxruntime's own integer kernels to sum their products with uint8 exactly here.

On processors with AVX2 but without VNNI they add pairs of products in 16 bits, which saturate (docs/exactness.md): two
weights of 64 and two inputs of 255 are the most that fits. What the product computes is exact everywhere.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper

_LENGTH = 64  # far beyond a kernel's block


@cache
def widest_weight() -> int:
    """127 where the sums are exact for all weights, else 64."""
    sizes = {"x": (TensorProto.UINT8, [1, _LENGTH]), "w": (TensorProto.INT8, [_LENGTH, 16])}
    inputs = [helper.make_tensor_value_info(name, *size) for name, size in sizes.items()]
    output = helper.make_tensor_value_info("y", TensorProto.INT32, [1, 16])
    graph = helper.make_graph([helper.make_node("MatMulInteger", ["x", "w"], ["y"])], "sums", inputs, [output])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=9)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    feeds = {"x": np.full((1, _LENGTH), 255, np.uint8), "w": np.full((_LENGTH, 16), 127, np.int8)}
    (sums,) = session.run(None, feeds)
    return 127 if (np.asarray(sums) == _LENGTH * 255 * 127).all() else 64
