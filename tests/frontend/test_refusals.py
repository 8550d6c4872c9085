"""What is not mapped is refused by the node's name, with the reason and the remedy; all of it at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgebnn.errors import ModelError
from edgebnn.frontend import ReadOptions, inspect_model, read_network
from tests.frontend.onnx_models import Model, dense, signs

OPTIONS = ReadOptions("bits")


def refusal(model: Model, folder: Path, options: ReadOptions = OPTIONS) -> str:
    with pytest.raises(ModelError) as caught:
        read_network(model.save(folder), options)
    return str(caught.value)


def test_weights_that_are_neither_binary_nor_ternary(tmp_path: Path) -> None:
    weights = signs(0, 8, 3)
    weights[:4, 1] *= 0.5
    weights[4, 1] = 0.25
    model = Model((8,))
    model.add("MatMul", weights)
    message = refusal(model, tmp_path)
    assert "node_matmul_0" in message and "3 different magnitudes in output channel 1" in message
    assert "binarize" in message


def test_magnitudes_that_differ_in_the_last_bit_are_different(tmp_path: Path) -> None:
    weights = signs(0, 8, 3)
    weights[0, 0] = np.nextafter(np.float32(1), np.float32(2))
    model = Model((8,))
    model.add("MatMul", weights)
    assert "2 different magnitudes in output channel 0" in refusal(model, tmp_path)


@pytest.mark.parametrize("operator", ["Relu", "Abs"])
def test_an_activation_that_gives_no_steps(tmp_path: Path, operator: str) -> None:
    model = dense()
    model.add("Mul", np.array([0.3, 0.4, 0.5]))
    model.add(operator)
    model.add("MatMul", signs(1, 3, 2))
    message = refusal(model, tmp_path)
    assert operator.lower()[:3] in message.lower() and "put a sign" in message


@pytest.mark.parametrize(("operator", "more"), [("ConvTranspose", 1), ("Log", 0), ("NonMaxSuppression", 1)])
def test_an_operator_that_is_not_mapped(tmp_path: Path, operator: str, more: int) -> None:
    model = dense()
    model.add(operator, *[np.ones((3, 3))] * more)
    model.add("MatMul", signs(1, 3, 2))
    assert f"({operator}) is an operator that is not mapped; " in refusal(model, tmp_path)


def test_a_function_that_is_left_out_at_the_end_stands_inside(tmp_path: Path) -> None:
    model = dense()
    model.add("Softmax")
    model.add("MatMul", signs(1, 3, 2))
    message = refusal(model, tmp_path)
    assert "node_softmax_1" in message and "let the network end in it" in message


def test_an_operator_of_an_unknown_domain(tmp_path: Path) -> None:
    model = dense()
    model.add("Secret", domain="com.example")
    assert "domain 'com.example'" in refusal(model, tmp_path)


def test_a_pool_of_an_activation_that_rises_and_falls(tmp_path: Path) -> None:
    model = Model((1, 8))
    model.add("Conv", signs(0, 3, 1, 3))
    model.add("Abs")
    model.add("MaxPool", kernel_shape=[2])
    model.sign()
    model.add("Conv", signs(1, 2, 3, 2))
    assert "rises and falls" in refusal(model, tmp_path)


def test_a_product_of_two_layers(tmp_path: Path) -> None:
    model = dense(8, 8)
    first = model.sign()
    model.add("MatMul", signs(1, 8, 8))
    model.add("Mul", inputs=[model.last, first])
    assert "products of two activations are not mapped" in refusal(model, tmp_path)


def test_a_padding_that_is_no_number(tmp_path: Path) -> None:
    model = Model((1, 8))
    model.add("Pad", model.constant([0, 0, 1, 0, 0, 1], np.int64), np.float32(-np.inf))
    model.add("Conv", signs(0, 2, 1, 3))
    assert "padded with -inf" in refusal(model, tmp_path, ReadOptions("int8"))


def test_channels_of_several_scales_whose_padding_leaves_no_grid(tmp_path: Path) -> None:
    model = Model((2, 8))
    model.add("Sub", 1e9)
    model.add("Div", np.array([[1.0], [300.1]]))
    model.add("Conv", signs(0, 2, 2, 3), pads=[1, 1])
    assert "sums of 32 bits leave 45 steps for each" in refusal(model, tmp_path, ReadOptions("int8"))


def test_sums_that_int32_does_not_hold(tmp_path: Path) -> None:
    model = Model((70_000,))
    model.add("MatMul", signs(0, 70_000, 1))
    assert "int32" in refusal(model, tmp_path, ReadOptions("int16"))


def test_a_model_without_layers(tmp_path: Path) -> None:
    model = Model((8,))
    model.add("Mul", 2.0)
    assert "without a layer of weights" in refusal(model, tmp_path)


def test_a_transpose_that_moves_values(tmp_path: Path) -> None:
    model = Model((4, 6))
    model.add("Conv", signs(0, 4, 4, 1))
    model.sign()
    model.add("Transpose", perm=[0, 2, 1])
    model.add("Conv", signs(0, 2, 6, 3))
    assert "axes are in another order" in refusal(model, tmp_path)


def test_a_batch_norm_in_training_mode(tmp_path: Path) -> None:
    model = dense()
    model.add("BatchNormalization", *np.ones((4, 3)), training_mode=1)
    assert "evaluation mode" in refusal(model, tmp_path)


@pytest.mark.parametrize(
    ("weights", "options"),
    [((4, 3, 3), {}), ((4, 4, 9), {}), ((4, 2, 3), {"group": 3}), ((4, 4, 3), {"strides": [0]}), ((4, 4, 3, 3), {})],
)
def test_shapes_that_do_not_fit(tmp_path: Path, weights: tuple[int, ...], options: dict[str, object]) -> None:
    model = Model((4, 8))
    model.add("Conv", signs(0, *weights), **options)
    assert "node_conv_0" in refusal(model, tmp_path)


def test_every_problem_is_found_at_once(tmp_path: Path) -> None:
    model = Model((1, 8, 8))
    rng = np.random.default_rng(0)
    for inputs in (1, 4, 4):
        model.add("Conv", rng.normal(size=(4, inputs, 3, 3)), pads=[1, 1, 1, 1])
        model.add("Relu")
    model.add("InstanceNormalization", np.ones(4), np.ones(4))
    model.add("Flatten")
    model.add("Gemm", rng.normal(size=(3, 4)), transB=1)
    inspection = inspect_model(model.save(tmp_path), ReadOptions("uint8"))
    assert inspection.network is None
    assert [problem.operator for problem in inspection.problems] == [
        "InstanceNormalization",
        "Conv",
        "Conv",
        "Conv",
        "Gemm",
    ]
    assert all(problem.node and problem.reason and problem.remedy for problem in inspection.problems)
    assert "4 more" in refusal(model, tmp_path)
