"""A Bi-Real ResNet-18 for 224 x 224 pixels with random weights, written node by node as PyTorch exports it.

As a script it says how large the file is and what it is made of.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

# (channels, stride) of the eight blocks.
BLOCKS = ((64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1))
PIXELS = 224
CLASSES = 1000


class Writer:
    """Appends nodes to a graph; every method returns the name of the value that it makes."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, values: npt.ArrayLike) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, np.float32), name))
        return name

    def node(self, operator: str, *inputs: str, **attributes: object) -> str:
        name = f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def sign(self, x: str) -> str:
        above = self.node("GreaterOrEqual", x, self.constant(0.0))
        return self.node("Where", above, self.constant(1.0), self.constant(-1.0))

    def binary(self, x: str, outputs: int, inputs: int, kernel: int, stride: int = 1) -> str:
        """A convolution with weights of +-1 and a batch norm."""
        weights = self.constant(self.rng.choice([-1.0, 1.0], size=(outputs, inputs, kernel, kernel)))
        sums = self.node("Conv", x, weights, strides=[stride] * 2, pads=[kernel // 2] * 4)
        gamma, beta = self.rng.uniform(0.2, 1.2, outputs), 0.3 * self.rng.normal(size=outputs)
        mean, variance = self.rng.normal(size=outputs), self.rng.uniform(0.5, 20, outputs)
        return self.node("BatchNormalization", sums, *map(self.constant, (gamma, beta, mean, variance)))

    def block(self, x: str, inputs: int, outputs: int, stride: int) -> str:
        """Two convolutions of signs, each with a sum around it; where the map is halved, a mean and one of 1 x 1."""
        shortcut = x
        if stride > 1:
            halved = self.node("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])
            shortcut = self.binary(self.sign(halved), outputs, inputs, 1)
        x = self.node("Add", self.binary(self.sign(x), outputs, inputs, 3, stride), shortcut)
        return self.node("Add", self.binary(self.sign(x), outputs, outputs, 3), x)


def bi_real_resnet18(seed: int = 0) -> onnx.ModelProto:
    """The model of a seed, for float32 samples (3, 224, 224)."""
    writer = Writer(seed)
    x = writer.binary("x", BLOCKS[0][0], 3, 7, stride=2)
    x = writer.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    channels = BLOCKS[0][0]
    for outputs, stride in BLOCKS:
        x = writer.block(x, channels, outputs, stride)
        channels = outputs
    x = writer.node("Flatten", writer.sign(writer.node("GlobalAveragePool", x)))
    x = writer.node("Gemm", x, writer.constant(writer.rng.choice([-1.0, 1.0], size=(CLASSES, channels))), transB=1)
    graph = helper.make_graph(
        writer.nodes,
        "bi_real_resnet18",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3, PIXELS, PIXELS])],
        [helper.make_tensor_value_info(x, TensorProto.FLOAT, None)],
        writer.constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def save_bi_real_resnet18(path: Path, seed: int = 0) -> Path:
    """The model of a seed as a file."""
    path.write_bytes(bi_real_resnet18(seed).SerializeToString())
    return path


if __name__ == "__main__":
    model = bi_real_resnet18()
    operators = Counter(node.op_type for node in model.graph.node)
    print(
        f"Bi-Real ResNet-18, random weights: {len(model.SerializeToString()) / 1e6:.1f} MB, {operators.total()} nodes"
    )
    print("  " + ", ".join(f"{count} {name}" for name, count in operators.most_common()))
