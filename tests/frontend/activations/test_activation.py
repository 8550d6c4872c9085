"""Where nodes of the network stand: thresholds before pools, reshapes, padding, names, scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from edgebnn.errors import ModelError
from edgebnn.frontend import ReadOptions, read_network
from edgebnn.frontend.activations.activation import MAX_CHANNELS, MAX_TENSOR_SIZE, check_size
from edgebnn.frontend.problems import Refusal
from edgebnn.mapping.network_document import document_of
from edgebnn.network.interpreter import interpret
from edgebnn.network.network import Network
from edgebnn.network.types import Affine, Kind, Linear, MaxPool, Threshold
from tests.frontend.comparison import assert_same_as_onnxruntime
from tests.frontend.onnx_models import Model, dense, signs
from tests.networks import random_inputs

OPTIONS = ReadOptions("bits")


def kinds(network: Network) -> list[str]:
    return [type(node).__name__ for node in network.nodes]


def conv(channels: int = 4, size: int = 6, **options: object) -> Model:
    model = Model((channels, size, size))
    model.add("Conv", signs(0, 6, channels, 3, 3), pads=[1, 1, 1, 1], **options)
    return model


@pytest.mark.parametrize("gamma", [1.0, -1.0])
@pytest.mark.parametrize("place", ["before", "between", "after"])
def test_a_pool_is_taken_on_bits_with_the_direction_of_what_lies_under_it(
    tmp_path: Path, gamma: float, place: str
) -> None:
    model = conv()
    if place == "before":
        model.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    model.add("Mul", np.full((6, 1, 1), gamma))
    if place == "between":
        model.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    model.sign(at_least=True)
    if place == "after":
        model.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    model.add("Flatten")
    model.add("MatMul", signs(1, 54, 3))
    network = assert_same_as_onnxruntime(model.save(tmp_path), OPTIONS).network
    assert kinds(network) == ["Linear", "Threshold", "MaxPool", "Reshape", "Linear"]
    pool = network.nodes[2]
    assert isinstance(pool, MaxPool) and pool.output.kind is Kind.BITS
    expected = gamma if place == "before" else 1
    assert np.all(pool.direction == expected)


def test_a_pool_over_sums_that_end_in_scores(tmp_path: Path) -> None:
    model = conv()
    model.add("Mul", np.array([1, -1, 2, 0.5, -3, 1]).reshape(6, 1, 1))
    model.add("GlobalMaxPool")
    model.add("Flatten")
    assert "MaxPool" in kinds(assert_same_as_onnxruntime(model.save(tmp_path), OPTIONS).network)


def test_two_pools_after_one_another(tmp_path: Path) -> None:
    model = conv(size=9)
    model.add("MaxPool", kernel_shape=[2, 2])
    model.batch_norm(signs(3, 6), np.zeros(6), np.ones(6), np.ones(6))
    model.add("MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    model.sign()
    model.add("Conv", signs(2, 3, 6, 4, 4))
    assert assert_same_as_onnxruntime(model.save(tmp_path), OPTIONS).scores_compared


@pytest.mark.parametrize("extent", range(4, 12))
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_pools_that_round_up(tmp_path: Path, extent: int, stride: int) -> None:
    model = Model((2, extent))
    model.add("Conv", signs(0, 4, 2, 1))
    model.sign()
    model.add("MaxPool", kernel_shape=[3], strides=[stride], ceil_mode=1, pads=[1, 1])
    model.add("Conv", signs(1, 2, 4, 1))
    assert assert_same_as_onnxruntime(model.save(tmp_path), OPTIONS).scores_compared


@pytest.mark.parametrize("rule", ["SAME_UPPER", "SAME_LOWER", "VALID"])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_padding_by_rule(tmp_path: Path, rule: str, stride: int) -> None:
    model = Model((3, 8, 7))
    model.add("Conv", signs(0, 5, 3, 4, 3), auto_pad=rule, strides=[stride, 1])
    model.sign()
    model.add("Conv", signs(1, 2, 5, 1, 1))
    assert assert_same_as_onnxruntime(model.save(tmp_path), OPTIONS).scores_compared


@pytest.mark.parametrize("value", [-1.0, 0.0, 1.0])
def test_a_constant_padding_of_bits(tmp_path: Path, value: float) -> None:
    model = conv()
    model.sign(at_least=True)
    model.add("Pad", model.constant([0, 0, 1, 2, 0, 0, 0, 1], np.int64), value)
    model.add("Conv", signs(1, 2, 6, 3, 3))
    network = assert_same_as_onnxruntime(model.save(tmp_path), OPTIONS).network
    layer = network.linear[1]
    assert (layer.pad_value, layer.window.pad_begin, layer.window.pad_end) == (int(value), (1, 2), (0, 1))


@pytest.mark.parametrize(("value", "shift"), [(0.5, 0), (-0.25, 1), (3.0, 0)])
def test_sums_start_from_a_padding_that_bits_do_not_hold(tmp_path: Path, value: float, shift: int) -> None:
    model = conv()
    model.sign(at_least=True)
    model.add("Pad", model.constant([0, 0, 1, 1, 0, 0, 1, 1], np.int64), value)
    model.add("Conv", signs(1, 2, 6, 3, 3))
    compared = assert_same_as_onnxruntime(model.save(tmp_path), OPTIONS)
    border = compared.network.linear[1].border
    assert compared.scores_compared and border is not None and border.shift == shift


@pytest.mark.parametrize(("value", "fine"), [(-1.0, True), (0.0, False)])
def test_a_padding_before_a_pool_must_never_win(tmp_path: Path, value: float, fine: bool) -> None:
    model = conv()
    model.sign(at_least=True)
    model.add("Pad", model.constant([0, 0, 1, 1, 0, 0, 1, 1], np.int64), value)
    model.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    model.add("Conv", signs(1, 2, 6, 3, 3))
    if fine:
        assert assert_same_as_onnxruntime(model.save(tmp_path), OPTIONS).scores_compared
    else:
        with pytest.raises(ModelError, match="larger than a value of the map"):
            read_network(model.save(tmp_path), OPTIONS)


def test_zero_padding_of_signs_means_no_input(tmp_path: Path) -> None:
    model = conv()
    network = assert_same_as_onnxruntime(model.save(tmp_path), OPTIONS).network
    assert network.linear[0].pad_value == 0
    corner = interpret(network, np.ones((1, 4, 6, 6), np.int8))[0, :, 0, 0]
    assert np.array_equal(corner, network.linear[0].weights[:, :, 1:, 1:].sum(axis=(1, 2, 3), dtype=np.int64))


def test_reshapes_that_keep_the_order(tmp_path: Path) -> None:
    model = Model((12,))
    model.add("Reshape", model.constant([-1, 3, 4], np.int64))
    model.add("Transpose", inputs=[model.last], perm=[0, 1, 2])
    model.add("Unsqueeze", model.constant([2], np.int64))
    model.add("Squeeze", model.constant([2], np.int64))
    model.add("Conv", signs(0, 2, 3, 2))
    model.sign()
    model.add("Reshape", model.constant([0, -1], np.int64))
    model.add("MatMul", signs(1, 6, 2))
    assert assert_same_as_onnxruntime(model.save(tmp_path), ReadOptions("int8")).scores_compared


def test_a_shape_computed_from_the_input_is_folded(tmp_path: Path) -> None:
    model = conv()
    value = model.sign()
    shape = model.add("Shape")
    batch = model.add("Gather", inputs=[shape, model.constant(0, np.int64)], axis=0)
    first = model.add("Unsqueeze", inputs=[batch, model.constant([0], np.int64)])
    both = model.add("Concat", inputs=[first, model.constant([-1], np.int64)], axis=0)
    model.add("Reshape", inputs=[value, both])
    model.add("MatMul", signs(1, 216, 2))
    assert assert_same_as_onnxruntime(model.save(tmp_path), OPTIONS).scores_compared


def test_a_fixed_batch(tmp_path: Path) -> None:
    model = Model((2, 4), batch=3)
    model.add("Reshape", model.constant([3, 8], np.int64))
    model.add("MatMul", signs(0, 8, 2))
    assert assert_same_as_onnxruntime(model.save(tmp_path), OPTIONS, batch=3).scores_compared


def test_names_of_nodes_and_tensors_occur_once(tmp_path: Path) -> None:
    model = dense(8, 8)
    for _ in range(3):
        model.sign()
        model.add("MatMul", signs(1, 8, 8))
    for node, blank in zip(model.nodes, " \n\t\r\v\f\u2003", strict=True):  # all are shown as a plain one
        node.name = f"same{blank}name"
    network = read_network(model.save(tmp_path), OPTIONS)
    names = [node.name for node in network.nodes]
    assert len(set(names)) == len(names) and all(name.isprintable() for name in names)
    assert len(network.tensors) == len(network.nodes) + 1


def test_levels_of_an_activation_with_more_than_two_values(tmp_path: Path) -> None:
    """Steps of equal height are integers: the first stone of multi-bit activations."""
    model = Model((16,))
    model.add("MatMul", signs(0, 16, 8))
    model.add("Mul", 0.25)
    model.add("Clip", 0.0, 3.0)
    model.add("Round")
    model.add("MatMul", signs(1, 8, 3))
    network = assert_same_as_onnxruntime(model.save(tmp_path), OPTIONS, batch=64).network
    threshold = network.nodes[1]
    assert isinstance(threshold, Threshold)
    assert (threshold.output.kind, threshold.output.high) == (Kind.INTEGERS, 3)


def test_ternary_weights_and_a_channel_of_zeros(tmp_path: Path) -> None:
    weights = signs(0, 9, 4)
    weights[::2] = 0
    weights[:, 1] = 0
    model = Model((9,))
    model.add("MatMul", weights * np.array([0.1, 0.2, 0.3, 0.4], np.float32))
    network = assert_same_as_onnxruntime(model.save(tmp_path), OPTIONS).network
    assert np.array_equal(network.linear[0].weights, np.sign(weights).T)


class TestScores:
    """The affine that a model ends in."""

    def last(self, model: Model, folder: Path, options: ReadOptions = OPTIONS) -> Linear | Affine:
        node = assert_same_as_onnxruntime(model.save(folder), options, batch=32).network.nodes[-1]
        assert isinstance(node, (Linear, Affine)) and node.output.kind is Kind.SCORES
        return node

    def test_plain_sums_are_the_scores(self, tmp_path: Path) -> None:
        node = self.last(dense(), tmp_path)
        assert isinstance(node, Linear) and node.output.scale == 1

    def test_one_scale_goes_into_the_unit(self, tmp_path: Path) -> None:
        model = dense()
        model.add("Div", 3.0)
        model.add("Mul", 0.75)
        node = self.last(model, tmp_path)
        assert isinstance(node, Linear) and node.output.scale == 0.25

    def test_a_negative_scale_needs_an_affine(self, tmp_path: Path) -> None:
        model = dense()
        model.add("Neg")
        node = self.last(model, tmp_path)
        assert isinstance(node, Affine) and np.all(node.multiplier < 0)

    def test_a_common_scale_with_a_bias_is_exact_in_the_scale(self, tmp_path: Path) -> None:
        model = dense()
        model.add("Mul", 0.1)
        model.add("Add", np.array([0.5, -0.25, 0.125]))
        node = self.last(model, tmp_path)
        assert isinstance(node, Affine) and len(np.unique(node.multiplier)) == 1
        assert node.multiplier[0] * node.output.scale == pytest.approx(float(np.float32(0.1)), rel=1e-15)

    def test_int32_never_overflows(self, tmp_path: Path) -> None:
        model = dense(64, 6)
        model.batch_norm(*np.random.default_rng(1).normal(size=(2, 6)), np.zeros(6), np.ones(6))
        model.add("Add", np.array([1e6, 0, -1e6, 3, 4, 5.0]))
        node = self.last(model, tmp_path)
        assert isinstance(node, Affine)
        ends = np.array([-64, 64]) * node.multiplier.astype(np.int64) + node.offset >> node.shift
        assert 2**29 < np.abs(ends).max() <= node.output.high < 2**31

    @pytest.mark.parametrize(("inputs", "bits"), [(257, 16), (1000, 16), (3000, 12), (1, 1)])
    @pytest.mark.parametrize("offsets", [0.0, 3.0, 3e5])
    def test_wide_sums_keep_scores_as_good_as_those_of_float32(
        self, tmp_path: Path, inputs: int, bits: int, offsets: float
    ) -> None:
        """Closer to the exact ones than one rounding of float32 at that size, and within the bound that is stated."""
        rng = np.random.default_rng(2)
        weights, slopes = signs(0, inputs, 30), rng.uniform(0.5, 1, 30).astype(np.float32)
        shifts = rng.normal(0, offsets, 30).astype(np.float32)
        model = Model((inputs,))
        model.add("MatMul", weights)
        model.add("Mul", slopes)
        model.add("Add", shifts)
        network = read_network(model.save(tmp_path), ReadOptions(f"int{bits}" if bits > 1 else "bits"))
        x = random_inputs(network, 0, 200)
        x[2:32] = np.where(
            weights.T > 0, network.inputs[0].tensor.high, -network.inputs[0].tensor.high
        )  # the largest sums
        scores = interpret(network, x).astype(np.float64) * network.output.scale
        exact = (x.astype(np.int64) @ weights.astype(np.int64)) * slopes.astype(np.float64) + shifts.astype(np.float64)
        off, reach = np.abs(scores - exact).max(), np.abs(exact).max()
        assert off <= network.score_error
        assert off <= 2**-24 * reach
        assert not any("rounded to int32" in note for note in network.notes)

    def test_the_bound_of_what_int32_rounds_is_reached(self, tmp_path: Path) -> None:
        model = Model((300,))
        model.add("MatMul", signs(0, 300, 3))
        model.add("Mul", np.float32([1, 1e-5, 1e-8]))
        network = read_network(model.save(tmp_path), ReadOptions("int16"))
        (stated,) = (float(note.split("within ")[1].split()[0]) for note in network.notes if "int32" in note)
        x = random_inputs(network, 0, 2000)
        weights = signs(0, 300, 3).astype(np.int64)
        exact = (x.astype(np.int64) @ weights) * np.float32([1, 1e-5, 1e-8]).astype(np.float64)
        off = np.abs(interpret(network, x) * network.output.scale - exact).max()
        assert stated / 3 < off <= stated

    def test_scores_that_do_not_depend_on_the_sums(self, tmp_path: Path) -> None:
        model = dense()
        model.add("Mul", 0.0)
        model.add("Add", np.array([1.0, 2.0, -3.0]))
        node = self.last(model, tmp_path)
        assert isinstance(node, Affine) and not node.multiplier.any()

    def test_an_arg_max_is_left_out_with_a_note(self, tmp_path: Path) -> None:
        model = dense()
        model.add("Softmax", axis=1)
        model.add("ArgMax", axis=1)
        network = read_network(model.save(tmp_path), OPTIONS)
        assert network.output.shape == (3,) and len(network.notes) == 2


def test_the_same_file_gives_the_same_network(tmp_path: Path) -> None:
    model = conv()
    model.batch_norm(*np.random.default_rng(1).uniform(0.5, 1, size=(4, 6)))
    model.sign()
    model.add("Conv", signs(1, 2, 6, 1, 1))
    path = model.save(tmp_path)
    one, other = (read_network(path, OPTIONS) for _ in range(2))
    assert document_of(one) == document_of(other) and one.model_sha256 == other.model_sha256
    assert [node.weights.tolist() for node in one.linear] == [node.weights.tolist() for node in other.linear]


def test_a_bool_input(tmp_path: Path) -> None:
    model = Model((8,), TensorProto.BOOL)
    model.add("Cast", to=TensorProto.FLOAT)
    model.add("MatMul", signs(0, 8, 3))
    network = read_network(model.save(tmp_path), ReadOptions())
    assert (network.inputs[0].tensor.low, network.inputs[0].tensor.high) == (0, 1)


def test_a_tensor_may_be_as_large_as_is_said() -> None:
    check_size((4, MAX_TENSOR_SIZE // 4))
    check_size((MAX_CHANNELS, 1))
    for shape in ((1, MAX_TENSOR_SIZE + 1), (MAX_CHANNELS + 1, 1)):
        with pytest.raises(Refusal, match="pool earlier"):
            check_size(shape)
