"""Local functions of a model: put in place of their calls, and bounded before anything is copied."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgebnn.errors import ModelError
from edgebnn.frontend import ReadOptions, read_network
from edgebnn.network.interpreter import interpret
from tests.frontend.onnx_models import Model, dense, signs
from tests.frontend.soon import soon

OPTIONS = ReadOptions("bits")
LOCAL = "model.functions"


def function(
    name: str, nodes: list[onnx.NodeProto], outputs: tuple[str, ...] = ("b",), opset: int = 17
) -> onnx.FunctionProto:
    """A function of `a`."""
    imports = [helper.make_opsetid("", opset), helper.make_opsetid(LOCAL, 1)]
    return helper.make_function(LOCAL, name, ["a"], list(outputs), nodes, imports)


def call(name: str, operand: str = "a", result: str = "b") -> onnx.NodeProto:
    return helper.make_node(name, [operand], [result], domain=LOCAL)


def written(folder: Path, *functions: onnx.FunctionProto, last: str) -> Path:
    """The small dense model with a call of the function `last` behind it."""
    model = dense()
    model.nodes.append(call(last, model.last, "called"))
    model.last = "called"
    proto = model.proto()
    proto.functions.extend(functions)
    proto.opset_import.append(helper.make_opsetid(LOCAL, 1))
    path = folder / "model.onnx"
    path.write_bytes(proto.SerializeToString())
    return path


def refused(path: Path, words: str) -> None:
    def read() -> None:
        with pytest.raises(ModelError, match=words):
            read_network(path, OPTIONS)

    soon(read)


def test_a_function_within_a_function(tmp_path: Path) -> None:
    half = helper.make_node("Constant", [], ["half"], value_float=0.5)
    scale = function("scale", [half, helper.make_node("Mul", ["a", "half"], ["b"])])
    twice = function("twice", [call("scale", "a", "c"), call("scale", "c", "b")])
    network = read_network(written(tmp_path, scale, twice, last="twice"), OPTIONS)
    assert network.output.scale == 0.25


def test_weights_made_in_a_function(tmp_path: Path) -> None:
    model = Model((8,))
    latent = model.constant(np.random.default_rng(0).normal(size=(8, 3)))
    model.nodes.append(call("binarize", latent, "weights"))
    model.add("MatMul", inputs=["x", "weights"])
    proto = model.proto()
    proto.functions.append(function("binarize", [helper.make_node("Sign", ["a"], ["b"])]))
    proto.opset_import.append(helper.make_opsetid(LOCAL, 1))
    path = tmp_path / "model.onnx"
    path.write_bytes(proto.SerializeToString())
    x = signs(1, 5, 8)
    weights = np.sign(np.random.default_rng(0).normal(size=(8, 3)))
    assert np.array_equal(interpret(read_network(path, OPTIONS), x), x @ weights)


def test_functions_that_double_again_and_again(tmp_path: Path) -> None:
    functions = [function("f0", [helper.make_node("Neg", ["a"], ["b"])])]
    for index in range(1, 60):
        functions.append(function(f"f{index}", [call(f"f{index - 1}", "a", "c"), call(f"f{index - 1}", "c", "b")]))
    refused(written(tmp_path, *functions, last="f59"), "local functions make .* nodes")


def test_a_constant_copied_with_every_call(tmp_path: Path) -> None:
    """A megabyte in a function that is called a thousand times is a gigabyte."""
    values = helper.make_tensor("t", TensorProto.FLOAT, (2**18,), bytes(2**20), raw=True)
    nodes = [helper.make_node("Constant", [], ["unused"], value=values), helper.make_node("Neg", ["a"], ["b"])]
    names = ["a", *(f"c{index}" for index in range(999)), "b"]
    calls = [call("big", *pair) for pair in pairwise(names)]
    refused(written(tmp_path, function("big", nodes), function("all", calls), last="all"), "bytes")


@pytest.mark.parametrize("cycle", [1, 2, 5])
def test_functions_that_call_themselves(tmp_path: Path, cycle: int) -> None:
    functions = [function(f"f{index}", [call(f"f{(index + 1) % cycle}")]) for index in range(cycle)]
    refused(written(tmp_path, *functions, last="f0"), "calls itself")


def test_functions_nested_too_deep(tmp_path: Path) -> None:
    functions = [function("f0", [helper.make_node("Neg", ["a"], ["b"])])]
    functions += [function(f"f{index}", [call(f"f{index - 1}")]) for index in range(1, 3000)]
    refused(written(tmp_path, *functions, last="f2999"), "nested deeper")


def test_a_function_of_another_opset(tmp_path: Path) -> None:
    older = function("older", [helper.make_node("Neg", ["a"], ["b"])], opset=9)
    refused(written(tmp_path, older, last="older"), "another opset")


def test_a_function_that_makes_nothing(tmp_path: Path) -> None:
    refused(written(tmp_path, function("empty", []), last="empty"), "nothing makes|fit together|made by no node")


def test_a_function_that_is_missing(tmp_path: Path) -> None:
    refused(written(tmp_path, last="missing"), f"domain '{LOCAL}'")


def test_names_that_are_no_text(tmp_path: Path) -> None:
    path = written(tmp_path, function("namednode", [helper.make_node("Neg", ["a"], ["b"])]), last="namednode")
    path.write_bytes(path.read_bytes().replace(b"namednode", b"named\xff\xffde"))
    refused(path, "no text|not an ONNX model")
