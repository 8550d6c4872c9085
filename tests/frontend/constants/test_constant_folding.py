"""Folded constants against ONNX's own reference implementation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from edgebnn.frontend.constants.constant_folding import Folder, folded_operators
from edgebnn.frontend.onnx.graph import OnnxNode
from edgebnn.frontend.problems import Refusal

RNG = np.random.default_rng(0)
A = RNG.normal(size=(3, 4)).astype(np.float32)
B = RNG.normal(size=(3, 1)).astype(np.float32)
POSITIVE = np.abs(A) + np.float32(0.1)
TRUTH = A > 0


def integers(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


CASES: list[tuple[str, list[Any], dict[str, Any]]] = [
    *[(operator, [A, B], {}) for operator in ("Add", "Sub", "Mul", "Div", "Max", "Min")],
    *[(operator, [A, B], {}) for operator in ("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual")],
    *[(operator, [A], {}) for operator in ("Abs", "Ceil", "Exp", "Floor", "Identity", "Neg", "Relu", "Sign", "Tanh")],
    *[(operator, [POSITIVE], {}) for operator in ("Sqrt", "Reciprocal")],
    ("Round", [np.array([-1.5, -0.5, 0.5, 1.5, 2.4], np.float32)], {}),
    ("Div", [integers(-7, 7, -7, 6), integers(2, -2, -2, 3)], {}),
    ("Pow", [POSITIVE, np.array(2, np.float32)], {}),
    ("Pow", [POSITIVE, np.array([0, 1, 2, 3], np.int64)], {}),
    ("Log", [POSITIVE], {}),
    ("Sum", [A, B, A], {}),
    *[(operator, [A], {"axes": [1], "keepdims": 1}) for operator in ("ReduceL1", "ReduceL2")],
    ("And", [TRUTH, ~TRUTH], {}),
    ("Or", [TRUTH, ~TRUTH], {}),
    ("Not", [TRUTH], {}),
    ("Where", [TRUTH, A, B], {}),
    ("Cast", [A], {"to": TensorProto.INT64}),
    *[(operator, [A, B, np.float32(0.1) * A], {}) for operator in ("Max", "Min")],
    *[(operator, [A], {}) for operator in ("Max", "Min")],
    ("Cast", [TRUTH], {"to": TensorProto.FLOAT}),
    ("CastLike", [TRUTH, A], {}),
    ("Clip", [A, np.array(-0.5, np.float32), np.array(0.5, np.float32)], {}),
    ("Clip", [A, None, np.array(0.5, np.float32)], {}),
    ("Concat", [A, A], {"axis": 1}),
    ("ConstantOfShape", [integers(2, 3)], {}),
    ("Dropout", [A], {}),
    ("Expand", [B, integers(2, 1, 4)], {}),
    ("Flatten", [np.zeros((2, 3, 4), np.float32)], {"axis": 2}),
    ("Gather", [A, integers(2, 0)], {"axis": 0}),
    ("Gather", [A, np.array(-1, np.int64)], {"axis": 1}),
    ("Range", [*(np.array(v, np.int64) for v in (2, 11, 3))], {}),
    *[(operator, [A], {"axes": [1], "keepdims": 0}) for operator in ("ReduceMax", "ReduceMin", "ReduceMean")],
    ("ReduceSum", [A, integers(0)], {"keepdims": 1}),
    ("ReduceMean", [A], {}),
    ("Reshape", [A, integers(0, -1, 2)], {}),
    ("Shape", [A], {}),
    ("Slice", [A, integers(1, 3), integers(3, -100), integers(0, 1), integers(1, -1)], {}),
    ("Slice", [A, integers(1), integers(2**62)], {}),
    ("Squeeze", [B, integers(1)], {}),
    ("Squeeze", [B], {}),
    ("Tile", [A, integers(2, 3)], {}),
    ("Transpose", [A], {}),
    ("Transpose", [np.zeros((2, 3, 4), np.float32)], {"perm": [2, 0, 1]}),
    ("Unsqueeze", [A, integers(0, 3)], {}),
]


def node_of(operator: str, arguments: list[Any], attributes: dict[str, Any]) -> OnnxNode:
    names = tuple("" if value is None else f"i{index}" for index, value in enumerate(arguments))
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in attributes.items()}
    return OnnxNode("node", operator, "", names, ("y",), values)


@pytest.mark.parametrize(("operator", "arguments", "attributes"), CASES, ids=[case[0] for case in CASES])
def test_a_folded_constant_is_what_onnx_says(operator: str, arguments: list[Any], attributes: dict[str, Any]) -> None:
    node = node_of(operator, arguments, attributes)
    folded = Folder(17).fold(node, arguments)
    proto = helper.make_node(operator, list(node.inputs), ["y"], **attributes)
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
        for name, value in zip(node.inputs, arguments, strict=True)
        if name
    ]
    output = helper.make_tensor_value_info("y", TensorProto.UNDEFINED, None)
    model = helper.make_model(
        helper.make_graph([proto], "g", inputs, [output]), opset_imports=[helper.make_opsetid("", 17)]
    )
    feed = {name: value for name, value in zip(node.inputs, arguments, strict=True) if name}
    (expected,) = ReferenceEvaluator(model).run(None, feed)
    assert folded.dtype == expected.dtype and folded.shape == expected.shape
    if folded.dtype.kind == "f":
        np.testing.assert_allclose(folded, expected, rtol=1e-6)
    else:
        assert np.array_equal(folded, expected)


def test_every_operator_that_is_folded_is_tried_here() -> None:
    assert {case[0] for case in CASES} == set(folded_operators())


@pytest.mark.parametrize(
    ("operator", "arguments", "attributes"),
    [
        ("Add", [A, np.zeros((7, 7), np.float32)], {}),
        ("Add", [A, integers(1)], {}),
        ("Reshape", [A, integers(5, 5)], {}),
        ("Gather", [A, integers(9)], {}),
        ("Gather", [A, integers(0)], {"axis": 7}),
        ("Transpose", [A], {"perm": [0, 0]}),
        ("Concat", [A, B], {"axis": 0}),
        ("Squeeze", [A, integers(0)], {}),
        ("ConstantOfShape", [integers(-2)], {}),
        ("ConstantOfShape", [integers(2**40, 2**40)], {}),
        ("Range", [*(np.array(v, np.int64) for v in (0, 5, 0))], {}),
        ("Cast", [A], {"to": 99}),
    ],
)
def test_operands_that_do_not_fit_are_refused(operator: str, arguments: list[Any], attributes: dict[str, Any]) -> None:
    with pytest.raises(Refusal):
        Folder(17).fold(node_of(operator, arguments, attributes), arguments)
