"""Folded constants against ONNX's own node tests: those that every back end is held to."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, NamedTuple

import numpy as np
import pytest
from onnx import TensorProto, numpy_helper
from onnx.backend.test.case import node as node_tests
from onnx.backend.test.case.test_case import TestCase

from edgebnn.frontend.constants.constant_folding import Folder, folded_operators
from edgebnn.frontend.onnx.graph import OnnxNode
from edgebnn.frontend.onnx.parser import _nodes
from edgebnn.frontend.onnx.tensors import TensorReader, dtype_name
from edgebnn.frontend.problems import Refusal

# What is refused, by a part of the test's name, and what the refusal says; all else is answered as ONNX wants it.
REFUSED = {
    "_mask": "several constants at once",
    "training_dropout": "training mode",
    "reduce_max_empty_set": "do not fit together",
    "reduce_min_empty_set": "do not fit together",
}


class Case(NamedTuple):
    name: str
    node: OnnxNode
    opset: int
    arguments: list[np.ndarray | None]
    expected: np.ndarray
    rtol: float
    atol: float


@cache
def cases(operator: str) -> tuple[Case, ...]:
    """The tests of an operator, of element types that constants can have.

    Of onnx's modules the operator's alone is imported: its public loader makes all 1,900 tests, which takes seconds.
    """
    names = [module.name for module in iter_modules(node_tests.__path__)]
    wanted = operator.lower()
    module = next(name for name in names if name.replace("_", "") in (wanted, f"{wanted}op"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import_module(f"{node_tests.__name__}.{module}")
    tests = [test for test in node_tests._NodeTestCases if test.model.graph.node[0].op_type == operator]
    return tuple(case for test in tests for case in cases_of(test))


def cases_of(test: TestCase) -> Iterator[Case]:
    proto = test.model.graph.node[0]
    if len(test.model.graph.node) != 1 or proto.domain or proto.op_type not in folded_operators():
        return
    opset = next(entry.version for entry in test.model.opset_import if not entry.domain)
    for inputs, outputs in test.data_sets:
        if all(is_read(value) for value in (*inputs, outputs[0])):
            node = next(iter(_nodes([proto], TensorReader(Path()))))
            given = iter(map(as_array, inputs))
            arguments = [next(given) if name else None for name in node.inputs]
            yield Case(test.name, node, opset, arguments, as_array(outputs[0]), test.rtol, test.atol)


def is_read(value: Any) -> bool:
    if isinstance(value, TensorProto):
        return dtype_name(value.data_type) is not None
    return isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biuf"


def as_array(value: Any) -> np.ndarray:
    return numpy_helper.to_array(value) if isinstance(value, TensorProto) else np.asarray(value)


@pytest.mark.parametrize("operator", folded_operators())
def test_a_folded_operator_passes_the_tests_of_onnx(operator: str) -> None:
    answered = 0
    for case in cases(operator):
        refusal = next((says for part, says in REFUSED.items() if part in case.name), None)
        if refusal is not None:
            with pytest.raises(Refusal, match=refusal):
                Folder(case.opset).fold(case.node, case.arguments)
            continue
        folded = Folder(case.opset).fold(case.node, case.arguments)
        assert isinstance(folded, np.ndarray) and folded.dtype == case.expected.dtype, case.name
        assert folded.shape == case.expected.shape, case.name
        if folded.dtype.kind == "f":
            np.testing.assert_allclose(folded, case.expected, rtol=case.rtol, atol=case.atol, err_msg=case.name)
        else:
            assert np.array_equal(folded, case.expected), case.name
        answered += 1
    assert answered, "a folded operator without a test of ONNX"
