"""ONNX models written node by node, without PyTorch: quick, and as odd as a test wants them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

Array = npt.NDArray[Any]


class Model:
    """A model under construction: `add` appends a node behind the last value and returns its output's name."""

    def __init__(
        self, shape: tuple[int | str, ...], dtype: int = TensorProto.FLOAT, opset: int = 17, batch: int | str = "batch"
    ) -> None:
        self.inputs = [helper.make_tensor_value_info("x", dtype, [batch, *shape])]
        self.opset = opset
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.last = "x"

    def constant(self, values: Any, dtype: Any = np.float32) -> str:
        """An initializer; returns its name."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype=dtype), name))
        return name

    def input(self, name: str, *shape: int | str, dtype: int = TensorProto.FLOAT, batch: int | str = "batch") -> str:
        """One more input, which becomes the last value; returns its name."""
        self.inputs.append(helper.make_tensor_value_info(name, dtype, [batch, *shape]))
        self.last = name
        return name

    def add(self, operator: str, *constants: Any, inputs: list[str] | None = None, **attributes: Any) -> str:
        """A node on the last value (or on `inputs`) and constants, given as arrays or numbers or by name."""
        names = [value if isinstance(value, str) else self.constant(value) for value in constants]
        operands = [self.last, *names] if inputs is None else inputs
        output = f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, operands, [output], name=f"node_{output}", **attributes))
        self.last = output
        return output

    def batch_norm(self, gamma: Array, beta: Array, mean: Array, variance: Array) -> str:
        """A BatchNormalization node."""
        return self.add("BatchNormalization", gamma, beta, mean, variance)

    def sign(self, at_least: bool = False) -> str:
        """A Sign, or a GreaterOrEqual with a Where of 1 and -1."""
        if not at_least:
            return self.add("Sign")
        condition = self.add("GreaterOrEqual", 0.0)
        return self.add("Where", inputs=[condition, self.constant(1.0), self.constant(-1.0)])

    def proto(self) -> onnx.ModelProto:
        """The model, ending in the last value."""
        classes = self.nodes[-1].op_type == "ArgMax"
        output = helper.make_tensor_value_info(self.last, TensorProto.INT64 if classes else TensorProto.FLOAT, None)
        graph = helper.make_graph(self.nodes, "model", self.inputs, [output], self.constants)
        others = sorted({node.domain for node in self.nodes} - {""})
        opsets = [helper.make_opsetid("", self.opset), *(helper.make_opsetid(name, 1) for name in others)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)

    def save(self, folder: Path, name: str = "model.onnx") -> Path:
        """Writes the model; returns the path."""
        path = folder / name
        path.write_bytes(self.proto().SerializeToString())
        return path


def signs(seed: int, *shape: int) -> Array:
    """Random -1 and +1, float32."""
    return np.random.default_rng(seed).choice(np.array([-1, 1], np.float32), size=shape)


def dense(inputs: int = 8, outputs: int = 3, **options: Any) -> Model:
    """The smallest model that is mapped: one dense layer of +-1 weights on a vector."""
    model = Model((inputs,), **options)
    model.add("MatMul", signs(0, inputs, outputs))
    return model
