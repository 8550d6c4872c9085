"""Models whose answer was once another one than onnxruntime's, or that were refused for a wrong reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from edgebnn.errors import ModelError
from edgebnn.frontend import ReadOptions, read_network
from edgebnn.network import interpret
from tests.frontend.comparison import assert_same_as_onnxruntime, onnxruntime_values
from tests.frontend.onnx_models import Model, dense, signs

OPTIONS = ReadOptions("int8")


def refused(model: Model, folder: Path, options: ReadOptions = OPTIONS) -> str:
    with pytest.raises(ModelError) as refusal:
        read_network(model.save(folder), options)
    return str(refusal.value)


def assert_equal(model: Model, folder: Path, options: ReadOptions = OPTIONS, within: float = 0.0) -> None:
    path = model.save(folder)
    network = read_network(path, options)
    x = np.random.default_rng(0).integers(-100, 100, (40, *network.inputs[0].model_shape))
    expected = onnxruntime_values(path, x.astype(np.float32))[model.last]
    assert np.all(np.abs(interpret(network, x) * network.output.scale - expected) <= within)


@pytest.mark.parametrize("kind", [TensorProto.INT8, TensorProto.INT16])
def test_a_cast_that_would_wrap_around_is_refused(tmp_path: Path, kind: int) -> None:
    model = dense(64)
    model.add("Mul", 32.0)
    model.add("Cast", to=kind)
    model.add("Cast", to=TensorProto.FLOAT)
    assert "of a type from" in refused(model, tmp_path)


def test_a_cast_behind_a_clip_is_mapped(tmp_path: Path) -> None:
    model = dense(64)
    model.add("Mul", 0.5)
    model.add("Clip", -128.0, 127.0)
    model.add("Cast", to=TensorProto.INT8)
    model.add("Cast", to=TensorProto.FLOAT)
    model.sign(at_least=True)
    model.add("MatMul", signs(1, 3, 2))
    assert_same_as_onnxruntime(model.save(tmp_path), OPTIONS)


def test_integers_beyond_float32_are_refused(tmp_path: Path) -> None:
    model = Model((8,))
    model.add("Cast", to=TensorProto.INT32)
    for _ in range(2):
        model.add("Add", inputs=[model.last, model.constant(2**24 - 1, np.int32)])
    model.add("Cast", to=TensorProto.FLOAT)
    model.add("MatMul", signs(0, 8, 3))
    assert "integers of up to" in refused(model, tmp_path)


def test_arithmetic_with_an_open_batch_is_refused(tmp_path: Path) -> None:
    model = dense()
    scores = model.last
    model.add("Shape", inputs=["x"])
    model.add("Gather", model.constant(0, np.int64))
    model.add("Cast", to=TensorProto.FLOAT)
    model.add("Mul", inputs=[scores, model.last])
    assert "size of the batch" in refused(model, tmp_path)


def test_a_constant_repeated_for_each_sample_is_refused(tmp_path: Path) -> None:
    model = dense()
    scores = model.last
    model.add("Shape", inputs=["x"])
    model.add("Gather", model.constant(np.array([0]), np.int64))
    model.add("Tile", inputs=[model.constant(np.array([1.0, 2.0, 3.0])), model.last])
    model.add("Add", inputs=[scores, model.last])
    assert "size of the batch" in refused(model, tmp_path)


def test_ones_for_each_sample_are_mapped(tmp_path: Path) -> None:
    model = dense()
    scores = model.last
    model.add("Shape", inputs=[scores])
    model.add("Expand", inputs=[model.constant(np.full((1, 1), 3.0)), model.last])
    model.add("Add", inputs=[scores, model.last])
    assert_equal(model, tmp_path)


def test_a_bias_along_the_batch_is_refused(tmp_path: Path) -> None:
    model = Model((8,), batch=3)
    model.add("Gemm", signs(0, 8, 3), np.arange(3.0).reshape(3, 1))
    assert "bias of shape [3, 1]" in refused(model, tmp_path)


def test_channels_that_are_all_dead(tmp_path: Path) -> None:
    model = dense()
    model.batch_norm(np.zeros(3), np.array([-1.0, 0.0, 1.0]), np.zeros(3), np.ones(3))
    model.sign()
    model.add("MatMul", signs(1, 3, 2))
    assert_equal(model, tmp_path)


@pytest.mark.parametrize("before", [True, False])
def test_a_constant_for_each_channel_of_a_channel_last_input(tmp_path: Path, before: bool) -> None:
    model = Model((5, 6, 3))
    if before:
        model.add("Sub", np.array([1.0, 2.0, 3.0]))
    model.add("Transpose", perm=[0, 3, 1, 2])
    if not before:
        model.add("Sub", np.array([1.0, 2.0, 3.0]).reshape(1, 3, 1, 1))
    model.add("Conv", signs(0, 4, 3, 3, 3))
    model.sign()
    model.add("Flatten")
    model.add("Gemm", signs(1, 48, 5))
    assert_equal(model, tmp_path)


def test_a_model_that_ends_in_a_concatenation(tmp_path: Path) -> None:
    model = dense()
    first = model.last
    model.add("MatMul", inputs=["x", model.constant(signs(5, 8, 2))])
    model.add("Concat", inputs=[first, model.last], axis=1)
    assert_equal(model, tmp_path)


@pytest.mark.parametrize("operator", ["Sum", "Add"])
def test_a_sum_of_three_layers(tmp_path: Path, operator: str) -> None:
    model = Model((8,))
    terms = [model.add("MatMul", inputs=["x", model.constant(signs(seed, 8, 4))]) for seed in range(3)]
    if operator == "Sum":
        model.add("Sum", inputs=terms)
    else:
        model.add("Add", inputs=terms[:2])
        model.add("Add", inputs=[model.last, terms[2]])
    model.sign()
    model.add("MatMul", signs(9, 4, 2))
    assert_equal(model, tmp_path)


def test_a_pool_of_quantised_integers(tmp_path: Path) -> None:
    model = Model((1, 6, 6), TensorProto.UINT8)
    model.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    model.add("DequantizeLinear", 0.5, model.constant(3, np.uint8))
    model.add("Flatten")
    model.add("Gemm", signs(1, 9, 5))
    path = model.save(tmp_path)
    network = read_network(path)
    x = np.random.default_rng(0).integers(0, 256, (20, 1, 6, 6)).astype(np.uint8)
    assert np.array_equal(interpret(network, x) * network.output.scale, onnxruntime_values(path, x)[model.last])


@pytest.mark.parametrize("bound", [6.0, 60.0])
@pytest.mark.parametrize("operator", ["Min", "Max"])
@pytest.mark.parametrize("first", [False, True], ids=["value first", "bound first"])
def test_scores_are_clipped_on_one_side(tmp_path: Path, operator: str, bound: float, first: bool) -> None:
    """Of sums from -50 to 50 the nearer bound cuts some off, and the farther one none."""
    model = Model((8,))
    model.add("Gemm", signs(0, 8, 3), np.array([1.0, -2.0, 0.5], np.float32))
    model.add("Mul", 0.0625)
    limit = model.constant(bound if operator == "Min" else -bound)
    model.add(operator, inputs=[limit, model.last] if first else [model.last, limit])
    assert_equal(model, tmp_path)
