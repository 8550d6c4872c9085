"""ONNX's operators on floats, each against onnxruntime, and what of them is refused."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from edgebnn.errors import ModelError
from edgebnn.frontend import ReadOptions, read_network
from edgebnn.frontend.dialects.unsupported_operators import REMEDIES
from edgebnn.frontend.onnx.graph import Array
from edgebnn.frontend.operations import Averaging, Dropping, Joining, OperationSequence, Transposing
from edgebnn.frontend.problems import Refusal
from tests.frontend.comparison import assert_same_as_onnxruntime
from tests.frontend.one_node import by_onnxruntime
from tests.frontend.onnx_models import Model, signs
from tests.frontend.recognised import carried_out, node_of, recognise


def normal(*shape: int, seed: int = 0) -> Array:
    """Random numbers with zeros of both signs among them."""
    rng = np.random.default_rng(seed)
    values = rng.normal(scale=2, size=shape).astype(np.float32)
    values[rng.random(shape) < 0.1] = 0
    values[rng.random(shape) < 0.1] = np.float32(-0.0)
    return values


def compared(
    operator: str, x: Array, *constants: Array, opset: int = 21, close: bool = False, **attributes: Any
) -> Any:
    """Carries out what is recognised and holds it to onnxruntime; returns the operation."""
    node = node_of(operator, operands=1 + len(constants), **attributes)
    constants = tuple(np.asarray(constant) for constant in constants)
    operation = recognise(node, {0: x}, dict(enumerate(constants, start=1)), opset)
    expected = by_onnxruntime(node, [x, *constants], opset)
    result = carried_out(operation, x)
    assert result.shape == expected.shape
    assert np.allclose(result, expected, rtol=1e-6, atol=1e-6) if close else np.array_equal(result, expected)
    return operation


def refused(operator: str, x: Array, *constants: Array, words: str, opset: int = 21, **attributes: Any) -> None:
    node = node_of(operator, operands=1 + len(constants), **attributes)
    with pytest.raises(Refusal, match=words):
        recognise(node, {0: x}, dict(enumerate(constants, start=1)), opset)


X = normal(2, 3, 8, 9)


class TestElementwise:
    """The same function of every element."""

    @pytest.mark.parametrize("alpha", [0.01, 0.3, 0.0, 1.5])
    def test_leaky_relu(self, alpha: float) -> None:
        compared("LeakyRelu", X, alpha=alpha)

    @pytest.mark.parametrize("slope", [(1, 1, 1), (3, 1, 1)])
    def test_prelu(self, slope: tuple[int, ...]) -> None:
        compared("PRelu", X, np.random.default_rng(0).random(slope).astype(np.float32))

    @pytest.mark.parametrize(("alpha", "beta"), [(0.2, 0.5), (1 / 6, 0.5), (0.25, 0.5)])
    def test_hard_sigmoid(self, alpha: float, beta: float) -> None:
        compared("HardSigmoid", X, alpha=alpha, beta=beta)

    def test_sum_of_several(self) -> None:
        compared("Sum", X, np.float32([0.3]), np.float32([[[1]], [[2]], [[3]]]))

    @pytest.mark.parametrize("operator", ["Add", "Sub", "Mul", "Div"])
    def test_a_constant_along_the_last_axis_of_a_map(self, operator: str) -> None:
        compared(operator, normal(2, 5, 6, 4), np.float32([0.5, 2, -3, 0.7]))

    @pytest.mark.parametrize("operator", ["Add", "Sub", "Mul", "Max"])
    def test_integers(self, operator: str) -> None:
        x = np.arange(-20, 20, dtype=np.int64).reshape(2, 20)
        operation = compared(operator, x, np.array([3], np.int64))
        assert (operation.result, operation.takes) == ("integer", ("integer",))
        x = x.astype(np.int32)
        assert compared("Less", x, np.array([3], np.int32)).result == "bool"
        refused("Div", x, np.array([3], np.int32), words="divides integers")
        refused("Add", x, np.array([2**25], np.int32), words="beyond")
        if operator != "Max":
            refused(operator, x.astype(np.int8), np.array([3], np.int8), words="wrap around; cast to float32")

    def test_clips_by_attribute_and_by_operand(self) -> None:
        compared("Clip", X, opset=6, min=-0.5, max=1.0)
        compared("Clip", X, opset=6, max=1.0)
        compared("Clip", X, np.float32(-0.5), np.float32(1))
        compared("Clip", X, np.float32(1), np.float32(-1))
        refused("Clip", X, np.float32([1, 2]), words="not one number")


class TestMeans:
    """Averages, over windows and over whole maps."""

    @pytest.mark.parametrize("kernel", [[2, 2], [3, 3], [8, 9], [1, 4]])
    @pytest.mark.parametrize("strides", [[1, 1], [2, 3]])
    def test_average_pool(self, kernel: list[int], strides: list[int]) -> None:
        operation = compared("AveragePool", X, close=True, kernel_shape=kernel, strides=strides)
        assert isinstance(operation, Averaging) and operation.window is not None

    def test_average_pool_over_one_axis(self) -> None:
        compared("AveragePool", normal(2, 3, 20), close=True, kernel_shape=[4], strides=[3])

    @pytest.mark.parametrize("counts", [0, 1])
    @pytest.mark.parametrize("pads", [[1, 1, 1, 1], [0, 2, 1, 0]])
    def test_padding_counts_where_the_model_says_so(self, pads: list[int], counts: int) -> None:
        given: dict[str, Any] = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": pads}
        operation = compared("AveragePool", X, close=True, count_include_pad=counts, **given)
        assert operation.pads_count == bool(counts)

    def test_padding_that_no_window_reaches_does_not_matter(self) -> None:
        x = normal(1, 2, 6)
        operation = compared("AveragePool", x, close=True, kernel_shape=[2], strides=[3], pads=[0, 1])
        assert operation.window.pad_end == (0,) and operation.divisors is None

    @pytest.mark.parametrize("extent", range(5, 9))
    @pytest.mark.parametrize("kernel", [2, 3, 4])
    @pytest.mark.parametrize("counts", [0, 1])
    def test_extents_that_are_rounded_up(self, extent: int, kernel: int, counts: int) -> None:
        """Whether or not the padding counts, what lies behind it does not."""
        for stride, pads in product((1, 2, 3), ((0, 0), (1, 1), (0, 1), (1, 0))):
            given = {"kernel_shape": [kernel], "strides": [stride], "pads": list(pads), "count_include_pad": counts}
            compared("AveragePool", normal(1, 2, extent), close=True, ceil_mode=1, **given)

    def test_both_axes_rounded_up(self) -> None:
        given: dict[str, Any] = {"kernel_shape": [2, 3], "strides": [2, 2], "ceil_mode": 1, "pads": [1, 0, 0, 1]}
        for counts in (0, 1):
            compared("AveragePool", normal(2, 3, 7, 8), close=True, count_include_pad=counts, **given)

    def test_windows_of_padding_alone_are_refused(self) -> None:
        refused("AveragePool", normal(1, 2, 6), words="wholly in the padding", kernel_shape=[1], pads=[1, 0])

    @pytest.mark.parametrize("given", [{"ceil_mode": 1}, {"auto_pad": "SAME_UPPER"}])
    @pytest.mark.parametrize("operator", ["AveragePool", "MaxPool"])
    def test_a_window_over_other_axes(self, operator: str, given: dict[str, Any]) -> None:
        refused(operator, normal(2, 3, 8), words="2 axes of a map with 1", kernel_shape=[2, 2], **given)
        refused(operator, X, words="1 axes of a map with 2", kernel_shape=[2], **given)

    def test_dilated_windows(self) -> None:
        compared("AveragePool", X, close=True, kernel_shape=[2, 2], dilations=[2, 3])

    def test_the_whole_map(self) -> None:
        assert compared("GlobalAveragePool", X, close=True) == Averaging(None)

    @pytest.mark.parametrize("keepdims", [0, 1])
    @pytest.mark.parametrize("axes", [[2, 3], [-1, -2], [1, 2], [2], [3], [1]])
    @pytest.mark.parametrize("operator", ["ReduceMean", "ReduceMax"])
    def test_reduced_axes(self, operator: str, axes: list[int], keepdims: int) -> None:
        x = normal(2, 4, 5, 6)
        if axes == [1]:
            x = x[:, :, :, 0]
        compared(operator, x, np.array(axes, np.int64), close=True, keepdims=keepdims)
        opset = 17
        compared(operator, x, opset=opset, close=True, keepdims=keepdims, axes=axes)

    @pytest.mark.parametrize("axes", [[0], [1, 3], [1, 2, 3], [0, 2, 3]])
    def test_axes_that_are_not_those_of_a_map(self, axes: list[int]) -> None:
        refused("ReduceMean", X, np.array(axes, np.int64), words="reduces the axes")
        refused("ReduceMean", X, np.array([7], np.int64), words="not there")
        refused("ReduceMean", normal(2, 8), np.array([1], np.int64), words="reduces the axes")


class TestPads:
    """A constant around a map."""

    def test_channels_first_and_last(self) -> None:
        first = np.array([0, 0, 1, 2, 0, 0, 2, 0], np.int64)
        assert not isinstance(compared("Pad", X, first, np.float32(1)), OperationSequence)
        last = np.array([0, 1, 2, 0, 0, 2, 0, 0], np.int64)
        assert isinstance(compared("Pad", X, last, np.float32(-1)), OperationSequence)
        compared("Pad", X, np.array([1, 2, 0, 2], np.int64), np.float32(1), np.array([2, -1], np.int64))

    @pytest.mark.parametrize(
        "pads", [[1, 0, 0, 0, 0, 0, 0, 0], [0, 1, 0, 1, 0, 0, 0, 0], [0, 0, -1, 0, 0, 0, 0, 0], [0, 0, 1]]
    )
    def test_other_axes(self, pads: list[int]) -> None:
        refused("Pad", X, np.array(pads, np.int64), words="spatial axes alone")

    def test_several_values(self) -> None:
        refused("Pad", X, np.array([0, 0, 1, 1] * 2, np.int64), np.float32([1, 2]), words="one constant")


class TestMoves:
    """Values that only change their places."""

    @pytest.mark.parametrize("perm", [[0, 2, 3, 1], [0, 3, 1, 2], [0, 1, 3, 2]])
    def test_transpose(self, perm: list[int]) -> None:
        assert compared("Transpose", X, perm=perm) == Transposing(tuple(perm))

    def test_a_transpose_that_only_renames(self) -> None:
        assert compared("Transpose", normal(2, 3, 1, 1), perm=[0, 2, 3, 1]) == Transposing((0, 2, 3, 1))

    def test_the_batch_stays_in_front(self) -> None:
        refused("Transpose", X, words="batch", perm=[1, 0, 2, 3])

    @pytest.mark.parametrize("axis", [1, 2, -1])
    def test_concat(self, axis: int) -> None:
        y = normal(2, 3, 8, 9, seed=1)
        node = node_of("Concat", operands=2, axis=axis)
        operation = recognise(node, {0: X, 1: y}, {})
        assert isinstance(operation, Joining) and (operation.axis, operation.parts) == (axis % 4, ())
        assert np.array_equal(carried_out(operation, X, y), by_onnxruntime(node, [X, y]))

    def test_concat_with_a_constant_or_along_the_batch(self) -> None:
        refused("Concat", X, X, words="constants", axis=1)
        with pytest.raises(Refusal, match="batch axis"):
            recognise(node_of("Concat", operands=2, axis=0), {0: X, 1: X}, {})


@pytest.mark.parametrize("spatial", [(), (5,), (5, 6)])
def test_a_matrix_product_over_the_last_axis(spatial: tuple[int, ...]) -> None:
    x, w = signs(0, 2, *spatial, 7), signs(1, 7, 4)
    compared("MatMul", x, w)
    refused("MatMul", x, signs(1, 2, 7, 4), words="not matrices")


@pytest.mark.parametrize("operator", ["Sigmoid", "Tanh", "Softmax"])
def test_a_final_function_that_keeps_the_order_is_left_out(operator: str) -> None:
    operation = recognise(node_of(operator), {0: normal(2, 5)}, {})
    assert isinstance(operation, Dropping) and operator in operation.note


@pytest.mark.parametrize("operator", sorted(REMEDIES))
def test_what_is_refused_by_name_has_a_remedy(operator: str) -> None:
    with pytest.raises(Refusal, match="is an operator that is not mapped") as caught:
        recognise(node_of(operator), {0: X}, {})
    assert caught.value.remedy == REMEDIES[operator] and len(caught.value.remedy) > 20


@pytest.mark.parametrize(
    ("operator", "word"), [("LSTM", "recurrent"), ("ConvTranspose", "larger by copies"), ("Log", "sign")]
)
def test_a_remedy_fits_its_operator(operator: str, word: str) -> None:
    assert word in REMEDIES[operator]


def two_branches(folder: Path, join: str) -> Path:
    """Two layers on one sign whose results are added or joined, and a layer behind them."""
    model = Model((4, 6, 6))
    model.add("Conv", signs(0, 4, 4, 3, 3), pads=[1, 1, 1, 1])
    sign = model.sign(at_least=True)
    left = model.add("Conv", inputs=[sign, model.constant(signs(1, 4, 4, 3, 3))], pads=[1, 1, 1, 1])
    right = model.add("Conv", inputs=[sign, model.constant(signs(2, 4, 4, 1, 1))])
    model.add(join, inputs=[left, right], **({"axis": 1} if join == "Concat" else {}))
    model.sign(at_least=True)
    model.add("Flatten")
    model.add("MatMul", signs(3, 36 * (8 if join == "Concat" else 4), 3))
    return model.save(folder)


@pytest.mark.parametrize("join", ["Add", "Sub", "Sum", "Concat"])
def test_two_branches_equal_onnxruntime(tmp_path: Path, join: str) -> None:
    assert assert_same_as_onnxruntime(two_branches(tmp_path, join), ReadOptions("bits")).scores_compared


class TestReading:
    """What the reader of a file says before any node is looked at."""

    def test_a_dynamic_axis_is_named(self, tmp_path: Path) -> None:
        model = Model((3, "length"))
        model.add("Sign")
        with pytest.raises(ModelError, match=r"input 'x' has a dynamic extent 'length' at axis 2; .*fixed extents"):
            read_network(model.save(tmp_path))

    def test_a_dynamic_axis_without_a_name(self, tmp_path: Path) -> None:
        model = Model((3, 8))
        model.add("Sign")
        proto = model.proto()
        proto.graph.input[0].type.tensor_type.shape.dim[2].Clear()
        path = tmp_path / "model.onnx"
        path.write_bytes(proto.SerializeToString())
        with pytest.raises(ModelError, match="a dynamic extent at axis 2;"):
            read_network(path)

    def test_several_outputs_are_refused(self, tmp_path: Path) -> None:
        model = Model((8,))
        model.add("MatMul", signs(0, 8, 3))
        proto = model.proto()
        proto.graph.output.append(proto.graph.input[0])
        path = tmp_path / "model.onnx"
        path.write_bytes(proto.SerializeToString())
        with pytest.raises(ModelError, match="2 outputs"):
            read_network(path)


def test_a_model_with_an_element_type_for_constants_alone(tmp_path: Path) -> None:
    model = Model((8,), TensorProto.UINT4)
    model.add("Cast", to=TensorProto.FLOAT)
    with pytest.raises(ModelError, match="no element type"):
        read_network(model.save(tmp_path))
