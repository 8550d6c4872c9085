"""What ONNX's own checker refuses in a node is refused, by name; what is only odd is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto, helper

from edgebnn.errors import ModelError
from edgebnn.frontend import ReadOptions, read_network
from edgebnn.frontend.onnx.graph import OnnxNode
from edgebnn.frontend.operations import Operands, UnknownOperand
from edgebnn.frontend.problems import Refusal
from tests.frontend.onnx_models import Model, dense, signs
from tests.frontend.seeds import bipolar, seeds


def model() -> Model:
    made = Model((2, 6, 6))
    made.add("Conv", signs(0, 4, 2, 3, 3), kernel_shape=[3, 3])
    made.add("Add", np.ones((1, 4, 1, 1)))
    made.sign()
    made.add("AveragePool", kernel_shape=[2, 2])
    made.add("Flatten")
    made.add("MatMul", signs(1, 36, 3))
    return made


def node(proto: ModelProto, operator: str) -> NodeProto:
    return next(each for each in proto.graph.node if each.op_type == operator)


def read(proto: ModelProto, folder: Path) -> None:
    (folder / "model.onnx").write_bytes(proto.SerializeToString())
    read_network(folder / "model.onnx", ReadOptions("int8"))


DAMAGES = {
    "a third operand of Add": ("Add", lambda it: it.input.append(it.input[1])),
    "a surplus output": ("Conv", lambda it: it.output.append("more")),
    "a second output of Flatten": ("Flatten", lambda it: it.output.append("more")),
    "no operand": ("Flatten", lambda it: it.ClearField("input")),
    "an empty operand that is needed": ("Add", lambda it: it.input.__setitem__(1, "")),
    "an unknown attribute": ("Add", lambda it: it.attribute.append(helper.make_attribute("alpha", 1.0))),
    "an attribute of another operator": ("MatMul", lambda it: it.attribute.append(helper.make_attribute("axis", 1))),
    "a number for a list": ("AveragePool", lambda it: it.attribute.append(helper.make_attribute("strides", 1))),
    "an attribute twice": ("Flatten", lambda it: it.attribute.extend([helper.make_attribute("axis", 1)] * 2)),
    "no kernel": ("AveragePool", lambda it: it.ClearField("attribute")),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_node_that_is_not_valid_onnx_is_named(tmp_path: Path, damage: str) -> None:
    operator, change = DAMAGES[damage]
    proto = model().proto()
    read(proto, tmp_path)
    change(node(proto, operator))
    with pytest.raises(
        ModelError, match=rf"node 'node_{operator.lower()}_\d' \({operator}\) is not valid ONNX: .*again"
    ):
        read(proto, tmp_path)


@pytest.mark.parametrize("name", ["pads", "strides", "dilations"])
@pytest.mark.parametrize("operator", ["Conv", "AveragePool"])
def test_an_empty_list_is_not_one_that_was_left_out(tmp_path: Path, operator: str, name: str) -> None:
    proto = model().proto()
    node(proto, operator).attribute.append(AttributeProto(name=name, type=AttributeProto.INTS))
    with pytest.raises(ModelError, match=rf"\({operator}\) has .*(pads|strides).* that do not suit"):
        read(proto, tmp_path)


@pytest.mark.parametrize("seed", sorted(seeds()))
def test_what_exporters_write_is_valid(tmp_path: Path, seed: str) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(seeds()[seed].SerializeToString())
    try:
        read_network(path, ReadOptions("int8"))
    except ModelError as error:
        assert "is not valid ONNX" not in str(error)


def test_operators_without_their_domain_and_files_without_an_opset_are_read(tmp_path: Path) -> None:
    proto = bipolar().proto()
    proto.ClearField("opset_import")
    proto.opset_import.add(domain="onnx.brevitas", version=1)
    (tmp_path / "model.onnx").write_bytes(proto.SerializeToString())
    read_network(tmp_path / "model.onnx")
    undomained = bipolar()
    for each in undomained.nodes:
        each.domain = ""
    undomained.save(tmp_path)
    read_network(tmp_path / "model.onnx")


def test_a_large_constant_is_not_copied_for_the_checker(tmp_path: Path) -> None:
    made = dense()
    array = onnx.numpy_helper.from_array(np.ones((8, 3), np.float32))
    array.dims[:] = [100_000, 100_000]
    made.nodes.insert(0, helper.make_node("Constant", [], ["unused"], value=array, name="huge"))
    with pytest.raises(ModelError, match="MiB"):
        read(made.proto(), tmp_path)


def _duplicate_name(proto: ModelProto) -> None:
    proto.graph.node[1].name = proto.graph.node[0].name


def _no_name(proto: ModelProto) -> None:
    proto.graph.name = ""


def _version(proto: ModelProto) -> None:
    proto.ir_version = 0


def _output(elements: int, *shape: int | str) -> Callable[[ModelProto], None]:
    def change(proto: ModelProto) -> None:
        name = proto.graph.output[0].name
        proto.graph.output[0].CopyFrom(helper.make_tensor_value_info(name, elements, shape))

    return change


def _type_between(proto: ModelProto) -> None:
    value = helper.make_tensor_value_info(proto.graph.node[0].output[0], TensorProto.INT8, None)
    proto.graph.value_info.append(value)


def _default(proto: ModelProto) -> None:
    proto.graph.input.append(helper.make_tensor_value_info(proto.graph.initializer[0].name, TensorProto.FLOAT, [9]))


def _no_type(proto: ModelProto) -> None:
    proto.graph.input.add(name="more")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (_duplicate_name, "given to two nodes"),
        (_no_name, "no name"),
        (_version, "version 0"),
        (_output(TensorProto.INT64, "batch", 3), "says are integer ones"),
        (_output(TensorProto.FLOAT, "batch", 4), r"shape \[3\] .*the shape \[4\]"),
        (_output(TensorProto.FLOAT, "batch", 3, 1), r"shape \[3\] .*the shape \[3, 1\]"),
        (_type_between, r"node_conv_0.*says are integer ones"),
        (_default, "constant of another type or shape"),
        (_no_type, "input 'more' has no type"),
    ],
)
def test_what_a_file_says_of_itself_has_to_be_so(
    tmp_path: Path, change: Callable[[ModelProto], None], why: str
) -> None:
    """onnxruntime or ONNX's checker, with inference, refuses each of these."""
    proto = model().proto()
    change(proto)
    with pytest.raises(ModelError, match=why):
        read(proto, tmp_path)


PLAIN = [name for name, proto in sorted(seeds().items()) if not any(each.domain for each in proto.graph.node)]


@pytest.mark.parametrize("seed", PLAIN)
def test_what_onnx_infers_of_every_value_is_so(tmp_path: Path, seed: str) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(onnx.shape_inference.infer_shapes(seeds()[seed]).SerializeToString())
    try:
        read_network(path, ReadOptions("int8"))
    except ModelError as error:
        assert "which the file says" not in str(error)


def test_a_list_of_integers_is_nothing_else() -> None:
    values = {"text": "12", "number": 1, "fractions": (1.5, 2.0), "integers": (1, 2)}
    node = OnnxNode("node", "Pad", "custom", (), (), values)
    assert node.integers("integers") == (1, 2) and node.integers("none", (3,)) == (3,) and node.integers("none") is None
    for name in ("text", "number", "fractions"):
        with pytest.raises(Refusal, match="a list of integers"):
            node.integers(name)


@pytest.mark.parametrize("index", [0, 2])
def test_the_shape_of_an_operand_that_is_not_there_is_unknown(index: int) -> None:
    operands = Operands((None,) * index, (None,) * index, ((1, 2),) * index, (True,) * index, (False,) * index, 21)
    with pytest.raises(UnknownOperand):
        operands.shape(index)
