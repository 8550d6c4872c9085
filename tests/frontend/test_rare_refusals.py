"""What exporters hardly ever write, and damaged files: refused with a sentence of its own, by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from edgebnn.errors import ModelError
from edgebnn.frontend import ReadOptions, read_network
from tests.frontend.onnx_models import Model, dense, signs

OPTIONS = ReadOptions("int8")


def image() -> Model:
    """A map of four channels behind a convolution."""
    model = Model((2, 6, 6))
    model.add("Conv", signs(0, 4, 2, 3, 3))
    return model


def yes_or_no() -> Model:
    model = image()
    model.add("GreaterOrEqual", 0.0)
    return model


def by_place() -> Model:
    model = dense(8, 4)
    model.add("Where", inputs=[model.constant([True, False, True, True], np.bool_), model.last, model.constant(0.5)])
    return model


def a_pool_of_yes() -> Model:
    model = yes_or_no()
    model.add("MaxPool", kernel_shape=[2, 2])
    return model


def yes_as_input() -> Model:
    model = yes_or_no()
    model.add("Conv", signs(1, 3, 4, 3, 3))
    return model


def padded(operator: str, *constants: object) -> Callable[[], Model]:
    def made() -> Model:
        model = image()
        model.add("Pad", model.constant([0, 0, 1, 1, 0, 0, 1, 1], np.int64))
        model.add(operator, *constants)
        return model

    return made


def padded_twice() -> Model:
    model = image()
    for _ in range(2):
        model.add("Pad", model.constant([0, 0, 1, 1, 0, 0, 1, 1], np.int64))
    model.add("Conv", signs(1, 3, 4, 3, 3))
    return model


def maps_of_two_sizes() -> Model:
    model = image()
    one = model.sign()
    model.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    model.add("Concat", inputs=[one, model.last], axis=1)
    return model


def a_sum_of_two_sizes() -> Model:
    model = image()
    one = model.sign()
    model.add("Conv", signs(1, 4, 4, 4, 4))
    model.add("Add", inputs=[one, model.last])
    return model


def transposed_input(operator: str) -> Callable[[], Model]:
    def made() -> Model:
        model = Model((8,), batch=8)
        model.add(operator, signs(0, 8, 3), transA=1)
        return model

    return made


def batch_norm_of_two_lengths() -> Model:
    model = dense(8, 4)
    model.batch_norm(np.ones(4), np.ones(4), np.zeros(4), np.ones(3))
    return model


def an_aspect_ratio() -> Model:
    model = image()
    sizes = model.constant([1, 4, 8, 8], np.int64)
    model.add("Resize", inputs=[model.last, "", "", sizes], mode="nearest", keep_aspect_ratio_policy="not_larger")
    return model


def a_negative_padding() -> Model:
    model = Model((2, 6, 6))
    model.add("Conv", signs(0, 4, 2, 3, 3), pads=[-1, 0, 0, 0])
    return model


def weights_that_are_not_numbers() -> Model:
    weights = signs(0, 8, 3)
    weights[2, 1] = np.nan
    model = Model((8,))
    model.add("MatMul", weights)
    return model


CASES: dict[str, tuple[Callable[[], Model], str]] = {
    "by place": (by_place, "chooses elements by place, not by value"),
    "a pool of yes and no": (a_pool_of_yes, "pools a comparison's yes or no"),
    "a layer of yes and no": (yes_as_input, "works on a comparison's yes or no"),
    "a sum on a padded map": (padded("Add", 1.0), "works on a padded map"),
    "a shape of a padded map": (padded("Flatten"), "works on a padded map"),
    "padded twice": (padded_twice, "pads a map that is padded already"),
    "maps of two sizes": (maps_of_two_sizes, "joins maps of different shapes"),
    "a sum of two sizes": (a_sum_of_two_sizes, "combines values of shapes [4, 4, 4] and [4, 1, 1]"),
    "a transposed input": (transposed_input("Gemm"), "transposes its input"),
    "parameters of two lengths": (batch_norm_of_two_lengths, "has parameters of different lengths"),
    "an aspect ratio": (an_aspect_ratio, "keeps an aspect ratio"),
    "a negative padding": (a_negative_padding, "has a negative or very large padding"),
    "weights that are no numbers": (weights_that_are_not_numbers, "holds NaN or infinity"),
}


@pytest.mark.parametrize("name", CASES)
def test_it_is_refused_with_a_sentence_of_its_own(name: str, tmp_path: Path) -> None:
    model, sentence = CASES[name]
    with pytest.raises(ModelError) as caught:
        read_network(model().save(tmp_path), OPTIONS)
    assert sentence in str(caught.value)


def no_nodes(proto: onnx.ModelProto) -> None:
    del proto.graph.node[:]


def no_name(proto: onnx.ModelProto) -> None:
    proto.graph.name = ""


def no_type(proto: onnx.ModelProto) -> None:
    proto.graph.input[0].type.Clear()


def read_from_nowhere(proto: onnx.ModelProto) -> None:
    proto.graph.node[0].input[0] = "nowhere"


def nine_axes(proto: onnx.ModelProto) -> None:
    proto.graph.initializer[0].dims[:] = [1] * 7 + [8, 3]


def functions_in_functions(proto: onnx.ModelProto) -> None:
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("mine", 1)]
    for depth in range(70):
        inner = helper.make_node(f"F{depth + 1}", ["a"], ["b"], domain="mine" if depth < 69 else "")
        inner.op_type = inner.op_type if depth < 69 else "Identity"
        proto.functions.append(helper.make_function("mine", f"F{depth}", ["a"], ["b"], [inner], opsets))
    proto.opset_import.append(opsets[1])
    proto.graph.node.append(helper.make_node("F0", [proto.graph.node[-1].output[0]], ["deep"], domain="mine"))
    proto.graph.output[0].name = "deep"


def a_function_that_calls_itself(proto: onnx.ModelProto) -> None:
    function = helper.make_function(
        "mine", "Again", ["a"], ["b"], [helper.make_node("Again", ["a"], ["b"], domain="mine")],
        [helper.make_opsetid("", 17), helper.make_opsetid("mine", 1)],
    )  # fmt: skip
    proto.functions.append(function)
    proto.opset_import.append(helper.make_opsetid("mine", 1))
    proto.graph.node.append(helper.make_node("Again", [proto.graph.node[-1].output[0]], ["again"], domain="mine"))
    proto.graph.output[0].name = "again"


def many_values(proto: onnx.ModelProto) -> None:
    proto.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 2**40


DAMAGES: dict[str, tuple[Callable[[onnx.ModelProto], None], str]] = {
    "no nodes": (no_nodes, "the file holds no network, or it is truncated"),
    "no name": (no_name, "the file's graph has no name, which ONNX asks for"),
    "an input of no type": (no_type, "input 'x' has no type"),
    "a value that nothing makes": (read_from_nowhere, "reads 'nowhere', which nothing makes"),
    "a tensor of nine axes": (nine_axes, "has 9 axes, and up to 8 are read"),
    "functions in functions": (functions_in_functions, "nested deeper than"),
    "a function that calls itself": (a_function_that_calls_itself, "'Again' calls itself"),
    "a huge input": (many_values, "input 'x' has more than"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_file_is_refused_with_a_sentence_of_its_own(name: str, tmp_path: Path) -> None:
    damage, sentence = DAMAGES[name]
    proto = dense(8, 3).proto()
    damage(proto)
    path = tmp_path / "model.onnx"
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(ModelError) as caught:
        read_network(path, OPTIONS)
    assert sentence in str(caught.value)
