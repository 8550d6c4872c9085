"""Graphs that no exporter writes: cycles, names that lead nowhere, infinities, terabytes. One sentence for each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgebnn.errors import ModelError
from edgebnn.frontend import ReadOptions, read_network
from tests.frontend.onnx_models import Model, dense, signs
from tests.frontend.seeds import seeds
from tests.frontend.soon import soon

INFINITY = float("inf")


def refused(content: bytes, folder: Path, words: str = "", input_type: str | None = "int8") -> str:
    path = folder / "model.onnx"
    path.write_bytes(content)

    def read() -> str:
        with pytest.raises(ModelError) as caught:
            read_network(path, ReadOptions(input_type))
        return str(caught.value)

    message = soon(read)
    assert words in message and message.isprintable()
    return message


@pytest.mark.parametrize("name", seeds())
def test_a_weight_that_claims_100_gigabytes_in_every_dialect(tmp_path: Path, name: str) -> None:
    proto = seeds()[name]
    largest = max(proto.graph.initializer, key=lambda tensor: int(np.prod(tensor.dims)))
    largest.dims[:] = [25, 10**9]
    content = proto.SerializeToString()
    assert len(content) < 5000
    refused(content, tmp_path, "MiB", None)


@pytest.mark.parametrize("operator", ["MatMul", "Add", "Outer"])
def test_constants_that_grow_by_broadcasting(tmp_path: Path, operator: str) -> None:
    model = Model((8,))
    column = model.constant(np.ones((30_000, 1)))
    row = model.constant(np.ones((1, 30_000)))
    model.add("MatMul" if operator == "Outer" else operator, inputs=[column, row])
    model.add("MatMul", inputs=["x", model.last])
    refused(model.proto().SerializeToString(), tmp_path)


def test_a_constant_node_that_claims_100_gigabytes(tmp_path: Path) -> None:
    model = dense()
    tensor = TensorProto(data_type=TensorProto.FLOAT, dims=[25, 10**9], raw_data=b"\0" * 8)
    model.nodes.insert(0, helper.make_node("Constant", [], ["huge"], value=tensor))
    model.add("Add", inputs=[model.last, "huge"])
    refused(model.proto().SerializeToString(), tmp_path, "MiB")


@pytest.mark.parametrize("length", [1, 2, 1000])
def test_cycles_of_every_length(tmp_path: Path, length: int) -> None:
    model = dense()
    first = len(model.nodes)
    for _ in range(length):
        model.add("Neg")
    last = model.last
    model.add("Sign")
    model.nodes[first].input[0] = last
    refused(model.proto().SerializeToString(), tmp_path, "cycles")


def test_a_cycle_that_the_output_does_not_need(tmp_path: Path) -> None:
    model = dense()
    scores = model.last
    model.nodes.append(helper.make_node("Neg", ["round"], ["about"]))
    model.nodes.append(helper.make_node("Neg", ["about"], ["round"]))
    model.last = scores
    proto = model.proto()
    refused(proto.SerializeToString(), tmp_path, "cycles")


def _two_nodes_make_it(proto: onnx.ModelProto) -> None:
    proto.graph.node.append(proto.graph.node[0])


def _a_constant_has_the_inputs_name(proto: onnx.ModelProto) -> None:
    proto.graph.node[-1].output[0] = proto.graph.initializer[0].name


def _the_input_is_made_by_a_node(proto: onnx.ModelProto) -> None:
    proto.graph.node[-1].output[0] = "x"


def _twice_one_output(proto: onnx.ModelProto) -> None:
    proto.graph.node[0].output.append(proto.graph.node[0].output[0])


@pytest.mark.parametrize(
    "change",
    [_two_nodes_make_it, _a_constant_has_the_inputs_name, _the_input_is_made_by_a_node, _twice_one_output],
)
def test_a_name_given_to_two_values(tmp_path: Path, change: Callable[[onnx.ModelProto], None]) -> None:
    proto = dense().proto()
    change(proto)
    refused(proto.SerializeToString(), tmp_path, "given to two ")


@pytest.mark.parametrize("version", [0, 8, 26 + 100, -1, 2**40])
@pytest.mark.parametrize("name", seeds())
def test_opsets_that_are_not_known_in_every_dialect(tmp_path: Path, name: str, version: int) -> None:
    proto = seeds()[name]
    for entry in proto.opset_import:
        entry.version = version
    refused(proto.SerializeToString(), tmp_path, "opset", None)


def _infinite_norm(model: Model) -> None:
    model.add("BatchNormalization", *np.ones((4, 3)), epsilon=INFINITY)


def _infinite_gamma(model: Model) -> None:
    model.add("BatchNormalization", np.array([1, INFINITY, 1]), *np.ones((3, 3)))


def _infinite_factor(model: Model) -> None:
    model.add("Mul", INFINITY)


def _infinite_step(model: Model) -> None:
    model.add("MultiThreshold", np.array([[0.0, INFINITY]]), domain="finn", out_dtype="UINT2")


def _infinite_scale(model: Model) -> None:
    model.add("QuantizeLinear", INFINITY, model.constant(0, np.int8))
    model.add("DequantizeLinear", INFINITY, model.constant(0, np.int8))


def _infinite_quant(model: Model) -> None:
    model.add("Quant", INFINITY, 0.0, 2.0, domain="qonnx.custom_op.general", signed=1, narrow=0)


def _infinite_output(model: Model) -> None:
    model.add("MultiThreshold", np.zeros((1, 1)), domain="finn", out_dtype="BINARY", out_scale=INFINITY)


def _infinite_slope(model: Model) -> None:
    model.add("PRelu", INFINITY)
    model.sign()


@pytest.mark.parametrize(
    "change",
    [
        *(_infinite_norm, _infinite_gamma, _infinite_factor, _infinite_step, _infinite_scale, _infinite_quant),
        *(_infinite_output, _infinite_slope),
    ],
)
def test_infinities(tmp_path: Path, change: Callable[[Model], None]) -> None:
    model = dense()
    change(model)
    model.add("MatMul", signs(1, 3, 2))
    refused(model.proto().SerializeToString(), tmp_path)
