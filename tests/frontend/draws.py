"""What damaged models are made with: odd numbers, names and types, and draws of a model's own parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, TensorProto

from edgebnn.frontend.dialects.dialect_table import DIALECTS

Draw = np.random.Generator

INTEGERS = (0, 1, 2, 3, 4, 5, 7, 8, 16, 63, 255, 4096, 65_535, 160_000, 2**31 - 1, 2**31, 2**40, 2**62, 2**63 - 1)
FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, 3.0, 1e-45, 1e-30, 1e30, 3.4e38, float("inf"), float("-inf"), float("nan"))
DOMAINS = sorted(
    {domain for dialect in DIALECTS for domain in dialect.domains} | {"ai.onnx", "com.microsoft", "x", "local"}
)
OPERATORS = sorted(
    {operator for dialect in DIALECTS for operator in dialect.operators}
    | {"Identity", "Constant", "ConstantOfShape", "Expand", "Tile", "Range", "Gather", "Shape", "Slice", "Split", "If"}
    | {"Loop", "LSTM", "Resize", "Einsum", "Exp", "Nonsense"}
)
WORDS = ("", "x", "NHWC", "SAME_UPPER", "VALID", "ROUND", "\x1b[31m", "a" * 5000, "..", "\n", "名")
TYPES = (*range(-1, 27), 1, 1, 1, 3, 2, 7, 9)
ATTRIBUTES = (
    *("auto_pad", "axis", "axes", "group", "pads", "strides", "dilations", "kernel_shape", "to", "perm", "alpha"),
    *("transA", "transB", "ceil_mode", "allowzero", "keepdims", "epsilon", "out_bias", "out_scale", "signed"),
)


def pick(draw: Draw, choices: Sequence[Any]) -> Any:
    return choices[int(draw.integers(len(choices)))]


def any_integer(draw: Draw) -> int:
    value: int = pick(draw, INTEGERS)
    return -value if draw.random() < 0.2 else value


def any_node(draw: Draw, model: onnx.ModelProto) -> NodeProto:
    nodes = [*model.graph.node, *(node for function in model.functions for node in function.node)]
    node: NodeProto = pick(draw, nodes) if nodes else model.graph.node.add()
    return node


def any_name(draw: Draw, model: onnx.ModelProto) -> str:
    """The name of any value in the model, or of none."""
    names = [name for node in model.graph.node for name in (*node.input, *node.output)]
    names += [tensor.name for tensor in model.graph.initializer]
    return str(pick(draw, [*names, "x", "", "gone"]))


def any_tensor(draw: Draw, model: onnx.ModelProto) -> TensorProto:
    tensors = model.graph.initializer
    tensor: TensorProto = pick(draw, tensors) if tensors else tensors.add()
    return tensor
