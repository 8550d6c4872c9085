"""A limit of the chip or the compiler is what a user reads first, whatever else is refused around it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgebnn.frontend import ReadOptions, inspect_model, read_network
from tests.frontend.onnx_models import Model, dense, signs

FLOATS = np.random.default_rng(0).normal


def squeeze_excite(model: Model) -> None:
    model.add("Conv", signs(0, 4, 2, 3, 3))
    model.add("Relu")
    conv = model.last
    model.add("GlobalAveragePool")
    model.add("Conv", FLOATS(size=(4, 4, 1, 1)))
    model.add("Sigmoid")
    model.add("Mul", inputs=[conv, model.last])


def quantised_gate(model: Model) -> None:
    """A squeeze-excite gate between quantised values."""
    scale, point = model.constant(np.float32(0.05)), model.constant(np.uint8(128), np.uint8)
    model.add("QuantizeLinear", scale, point)
    whole = model.last
    model.add("DequantizeLinear", scale, point)
    model.add("Conv", FLOATS(size=(2, 2, 1, 1)))
    model.add("QuantizeLinear", scale, point)
    model.add("QLinearMul", inputs=[whole, scale, point, model.last, *(scale, point) * 2], domain="com.microsoft")
    model.add("DequantizeLinear", scale, point)


def attention(model: Model) -> None:
    model.add("Reshape", model.constant([0, 8, 9], np.int64))
    model.add("Transpose", perm=[1, 0, 2])
    model.add("Transpose", perm=[1, 0, 2])
    keys = model.last
    queries = model.add("MatMul", FLOATS(size=(9, 9)))
    model.add("Transpose", inputs=[keys], perm=[0, 2, 1])
    model.add("MatMul", inputs=[queries, model.last])


def recurrent(model: Model) -> None:
    model.add("Reshape", model.constant([0, 8, 9], np.int64))
    model.add("Transpose", perm=[1, 0, 2])
    model.add("LSTM", FLOATS(size=(1, 12, 9)), FLOATS(size=(1, 12, 3)), hidden_size=3)


def group_norm(model: Model) -> None:
    model.add("Conv", FLOATS(size=(4, 2, 3, 3)))
    model.add("Reshape", model.constant([0, 2, 1, 1, -1], np.int64))
    model.add("InstanceNormalization", np.ones(2), np.zeros(2))


def layer_norm(model: Model) -> None:
    """As exporters wrote it before opset 17."""
    model.add("Conv", FLOATS(size=(4, 2, 3, 3)))
    model.add("Flatten")
    sums = model.last
    model.add("ReduceMean", axes=[-1])
    model.add("Sub", inputs=[sums, model.last])
    centred = model.last
    model.add("Pow", 2.0)
    model.add("ReduceMean", axes=[-1])
    model.add("Add", 1e-5)
    model.add("Sqrt")
    model.add("Div", inputs=[centred, model.last])


def range_of_each_sample(model: Model) -> None:
    model.add("Flatten")
    model.add("MatMul", FLOATS(size=(72, 8)))
    sums = model.last
    model.add("ReduceMax", axes=[1])
    model.add("Div", inputs=[sums, model.last])


def shares_inside(model: Model) -> None:
    model.add("Conv", FLOATS(size=(4, 2, 3, 3)))
    model.add("Softmax", axis=1)
    model.add("Conv", signs(1, 4, 4, 3, 3))


def unrolled(model: Model) -> None:
    """A recurrent layer of two steps as PyTorch's dynamo exporter writes it: time in front, each step by itself."""
    model.add("Reshape", model.constant([0, 2, 36], np.int64))
    steps = model.add("Transpose", perm=[1, 0, 2])
    inputs, state = model.constant(signs(0, 36, 8)), model.constant(signs(1, 8, 8))
    last = model.add("MatMul", inputs=[model.add("Gather", model.constant(0, np.int64), axis=0), inputs])
    for step in (0, 1):
        taken = model.add("Gather", inputs=[steps, model.constant(step, np.int64)], axis=0)
        given = model.add("MatMul", inputs=[taken, inputs])
        kept = model.add("MatMul", inputs=[last, state])
        model.add("Add", inputs=[given, kept])
        last = model.add("Tanh")


LIMITS: list[tuple[Callable[[Model], None], str, str]] = [
    (squeeze_excite, "Mul", "products of two activations"),
    (quantised_gate, "QLinearMul", "as a squeeze-excite gate"),
    (attention, "MatMul", "as attention does"),
    (recurrent, "LSTM", "carries a state"),
    (unrolled, "MatMul", "as a recurrent layer written step by step"),
    (group_norm, "InstanceNormalization", "normalises each sample"),
    (layer_norm, "Div", "normalises each sample"),
    (range_of_each_sample, "Div", "quotients of two activations"),
    (shares_inside, "Softmax", "inside the network"),
]


@pytest.mark.parametrize(("part", "operator", "reason"), LIMITS, ids=[part.__name__ for part, _, _ in LIMITS])
def test_the_limit_comes_first(tmp_path: Path, part: Callable[[Model], None], operator: str, reason: str) -> None:
    model = Model((2, 6, 6))
    part(model)
    first, *others = inspect_model(model.save(tmp_path), ReadOptions("int8")).problems
    assert first.operator == operator and reason in first.reason and first.remedy
    assert first.node not in {problem.node for problem in others}


def test_what_multiplies_a_value_with_a_function_of_itself_is_no_limit(tmp_path: Path) -> None:
    model = dense()
    sums = model.last
    model.add("Sigmoid")
    model.add("Mul", inputs=[sums, model.last])
    model.add("Sub", np.array([0.1, 0.2, 0.3]))
    model.sign()
    model.add("MatMul", signs(1, 3, 2))
    read_network(model.save(tmp_path), ReadOptions("bits"))
