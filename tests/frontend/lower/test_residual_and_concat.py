"""Where branches meet: residual sums, concatenations, averages and transposed maps, against onnxruntime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgebnn.errors import ModelError
from edgebnn.frontend import ReadOptions, read_network
from edgebnn.network.interpreter import trace
from edgebnn.network.network import Network
from edgebnn.network.types import (
    Add,
    Affine,
    Concat,
    Kind,
    SumPool,
    Threshold,
)
from tests.frontend.comparison import onnxruntime_values
from tests.frontend.onnx_models import Model, signs

OPTIONS = ReadOptions("uint8")
CHANNELS = 8


def trained_norm(model: Model, channels: int, rng: np.random.Generator) -> str:
    return model.batch_norm(
        rng.normal(1, 0.3, channels),
        rng.normal(0, 0.5, channels),
        rng.normal(0, 2, channels),
        rng.uniform(0.5, 4, channels),
    )


def binary_block(model: Model, seed: int, at_least: bool = True, norm: bool = True) -> None:
    """A sign, a binary 3 x 3 convolution and a batch norm, which keep the map's shape."""
    model.sign(at_least)
    model.add("Conv", signs(seed, CHANNELS, CHANNELS, 3, 3), pads=[1, 1, 1, 1])
    if norm:
        trained_norm(model, CHANNELS, np.random.default_rng(seed))


def stem(seed: int = 1, norm: bool = True) -> Model:
    model = Model((3, 6, 6))
    model.add("Conv", signs(seed, CHANNELS, 3, 3, 3), pads=[1, 1, 1, 1])
    if norm:
        trained_norm(model, CHANNELS, np.random.default_rng(seed))
    return model


def classified(model: Model) -> Model:
    """The head: the map averaged, a sign and ten scores."""
    model.add("GlobalAveragePool")
    model.add("Flatten")
    model.sign(at_least=True)
    model.add("Gemm", signs(9, CHANNELS, 10), np.random.default_rng(9).normal(size=10))
    return model


def assert_close(model: Model, folder: Path, differing: float, options: ReadOptions = OPTIONS) -> Network:
    """Scores within the network's stated error on all samples but those whose steps float32 turned; at most a share
    `differing` of the steps, and only in channels that count as ambiguous."""
    path = model.save(folder)
    network = read_network(path, options)
    shape = (model.inputs[0].type.tensor_type.shape.dim[i].dim_value for i in (1, 2, 3))
    x = np.random.default_rng(0).integers(0, 256, size=(48, *shape)).astype(np.uint8)
    ours, theirs = trace(network, x), onnxruntime_values(path, x)
    turned = np.zeros(len(x), np.bool_)
    for node in network.nodes:
        output = node.output
        if isinstance(node, Threshold) and output.name in theirs and output.kind in (Kind.BITS, Kind.TRITS):
            far = np.abs(ours[output.name] * output.scale - theirs[output.name]) > 1e-3
            assert far.mean() <= differing
            if not turned.any():
                assert np.count_nonzero(far.any(axis=(0, *range(2, far.ndim)))) <= node.ambiguous
            turned |= far.reshape(len(x), -1).any(axis=1)
    scores = ours[network.output.name] * network.output.scale
    expected = theirs[model.last].reshape(scores.shape)
    assert turned.mean() <= 0.25
    assert np.all(np.abs(scores - expected)[~turned] <= network.score_error)
    return network


class TestResidualSums:
    """x + block(x), as in Bi-Real and ReActNet."""

    @pytest.mark.parametrize("at_least", [True, False])
    def test_of_batch_norms_go_through_fixed_point(self, tmp_path: Path, at_least: bool) -> None:
        model = stem()
        for number in range(3):
            before = model.last
            binary_block(model, number, at_least)
            model.add("Add", inputs=[model.last, before])
        network = assert_close(classified(model), tmp_path, 1e-3)
        assert sum(isinstance(node, Add) for node in network.nodes) == 3

    def test_stay_on_one_grid_from_block_to_block(self, tmp_path: Path) -> None:
        model = stem()
        for number in range(3):
            before = model.last
            binary_block(model, number)
            model.add("Add", inputs=[model.last, before])
        network = assert_close(classified(model), tmp_path, 1e-3)
        assert len({node.output.scale for node in network.nodes if isinstance(node, Add)}) == 1
        assert sum(node.name.endswith(".fixed") for node in network.nodes) == 5  # the stem's, the blocks', the pool's

    def test_a_grid_of_small_integers_is_too_coarse_for_a_rounded_branch(self, tmp_path: Path) -> None:
        """Sums of 8 signs beside a batch norm: whole numbers would round it by far more than float32 does."""
        model = stem(norm=False)
        model.sign(at_least=True)
        before = model.add("Conv", signs(1, CHANNELS, CHANNELS, 1, 1))
        binary_block(model, 2)
        model.add("Add", inputs=[model.last, before])
        network = assert_close(classified(model), tmp_path, 1e-3)
        (total,) = (node.output for node in network.nodes if isinstance(node, Add))
        assert max(-total.low, total.high) > 2**24

    def test_a_ramp_too_steep_for_a_multiplier_of_32_bits_is_refused(self, tmp_path: Path) -> None:
        """From 0 to 1 within a hundredth of what one input more adds."""
        model = Model((CHANNELS,))
        sums = model.add("MatMul", signs(0, CHANNELS, CHANNELS))
        model.add("Mul", 100.0)
        model.add("Add", -1000.0)
        ramp = model.add("Clip", 0.0, 1.0)
        model.add("Sign", inputs=[sums])
        model.add("MatMul", signs(1, CHANNELS, CHANNELS))
        trained_norm(model, CHANNELS, np.random.default_rng(0))
        model.add("Add", inputs=[model.last, ramp])
        with pytest.raises(ModelError, match="sizes differ too much for one grid; scale the branches alike"):
            read_network(model.save(tmp_path), ReadOptions("int8"))

    def test_of_plain_integers_are_exact(self, tmp_path: Path) -> None:
        model = stem(norm=False)
        for number in range(3):
            before = model.last
            binary_block(model, number, at_least=number % 2 == 0, norm=False)
            model.add("Add", inputs=[model.last, before])
        model.sign()
        model.add("Flatten")
        model.add("Gemm", signs(9, CHANNELS * 36, 10))
        network = assert_close(model, tmp_path, 0.0)
        assert not any(isinstance(node, Affine) for node in network.nodes)
        assert sum(node.ambiguous for node in network.nodes if isinstance(node, Threshold)) == 0

    def test_of_activations_with_scales_that_are_multiples_are_exact(self, tmp_path: Path) -> None:
        model = stem(norm=False)
        model.sign(at_least=True)
        one = model.add("Mul", 0.5)
        model.add("Conv", signs(3, CHANNELS, CHANNELS, 1, 1))
        model.sign()
        model.add("Mul", 1.5)
        model.add("Add", inputs=[model.last, one])
        model.sign()
        model.add("Flatten")
        model.add("Gemm", signs(9, CHANNELS * 36, 10))
        network = assert_close(model, tmp_path, 0.0)
        (add,) = (node for node in network.nodes if isinstance(node, Add))
        assert add.output.scale == 0.5

    def test_a_difference(self, tmp_path: Path) -> None:
        model = stem(norm=False)
        before = model.last
        binary_block(model, 2, norm=False)
        model.add("Sub", inputs=[before, model.last])
        model.sign()
        model.add("Flatten")
        model.add("Gemm", signs(9, CHANNELS * 36, 10))
        assert_close(model, tmp_path, 0.0)

    @pytest.mark.parametrize("activation", ["PRelu", "Relu", "Clip", "LeakyWhere"])
    def test_with_an_activation_that_bends(self, tmp_path: Path, activation: str) -> None:
        rng = np.random.default_rng(5)
        model = stem()
        for number in range(2):
            before = model.last
            model.add("Add", rng.normal(0, 0.3, (1, CHANNELS, 1, 1)))
            binary_block(model, number)
            summed = model.add("Add", inputs=[model.last, before])
            if activation == "PRelu":
                model.add("Add", rng.normal(0, 0.3, (1, CHANNELS, 1, 1)))
                model.add("PRelu", rng.uniform(0, 0.5, (CHANNELS, 1, 1)))
                model.add("Add", rng.normal(0, 0.3, (1, CHANNELS, 1, 1)))
            elif activation == "Clip":
                model.add("Clip", -2.0, 3.0)
            elif activation == "LeakyWhere":
                below = model.add("Less", 0.0)
                small = model.add("Mul", inputs=[summed, model.constant(0.125)])
                model.add("Where", inputs=[below, small, summed])
            else:
                model.add("Relu")
        network = assert_close(classified(model), tmp_path, 1e-3)
        assert any(isinstance(node, Affine) and node.knees.shape[1] > 0 for node in network.nodes)

    def test_beyond_int32_are_rounded_to_a_coarser_grid(self, tmp_path: Path) -> None:
        model = Model((60_000,))
        model.add("MatMul", signs(1, 60_000, 1))
        one = model.last
        model.add("MatMul", signs(2, 60_000, 1), inputs=["x", model.constant(signs(2, 60_000, 1))])
        model.add("Add", inputs=[model.last, one])
        network = read_network(model.save(tmp_path), ReadOptions("int16"))
        assert network.output.scale == 8 and network.score_error < 2 * 60_000 * 2**15 * 2**-8


class TestConcatenations:
    """Branches one behind the other along the channels."""

    def test_of_signs_stay_bits(self, tmp_path: Path) -> None:
        model = stem()
        one = model.sign(at_least=True)
        model.add("Conv", signs(2, 5, CHANNELS, 3, 3), pads=[1, 1, 1, 1])
        trained_norm(model, 5, np.random.default_rng(2))
        model.sign(at_least=True)
        model.add("Concat", inputs=[one, model.last], axis=1)
        model.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
        model.add("Flatten")
        model.add("Gemm", signs(9, (CHANNELS + 5) * 9, 10))
        network = assert_close(model, tmp_path, 0.0)
        (concat,) = (node for node in network.nodes if isinstance(node, Concat))
        assert concat.output.kind is Kind.BITS and concat.output.channels == CHANNELS + 5

    def test_of_signs_and_zeros_are_joined_as_integers(self, tmp_path: Path) -> None:
        model = stem(norm=False)
        one = model.sign(at_least=True)
        model.add("Conv", signs(2, CHANNELS, CHANNELS, 3, 3), pads=[1, 1, 1, 1])
        model.sign()
        model.add("Concat", inputs=[one, model.last], axis=-3)
        trained_norm(model, 2 * CHANNELS, np.random.default_rng(3))
        model.sign()
        model.add("Flatten")
        model.add("Gemm", signs(9, 2 * CHANNELS * 36, 10))
        assert_close(model, tmp_path, 0.0)

    def test_of_different_values_along_rows_are_refused(self, tmp_path: Path) -> None:
        model = stem()
        one = model.sign()
        model.add("Concat", inputs=[one, model.add("Neg")], axis=2)
        model.add("Flatten")
        model.add("Gemm", signs(9, CHANNELS * 72, 10))
        with pytest.raises(ModelError, match="channels alone"):
            read_network(model.save(tmp_path), OPTIONS)


class TestAverages:
    """Means under a window and over the map."""

    @pytest.mark.parametrize("norm", [True, False])
    @pytest.mark.parametrize("kernel", [2, 3])
    def test_of_signs_and_of_sums(self, tmp_path: Path, norm: bool, kernel: int) -> None:
        model = stem(norm=norm)
        if not norm:
            model.sign(at_least=True)
        model.add("AveragePool", kernel_shape=[kernel, kernel], strides=[kernel, kernel])
        trained_norm(model, CHANNELS, np.random.default_rng(4))
        model.sign()
        model.add("Flatten")
        model.add("Gemm", signs(9, CHANNELS * (6 // kernel) ** 2, 10))
        network = assert_close(model, tmp_path, 1e-3)
        assert any(isinstance(node, SumPool) for node in network.nodes)

    def test_of_a_relu_at_the_end_of_a_model(self, tmp_path: Path) -> None:
        model = stem()
        model.sign(at_least=True)
        model.add("Conv", signs(2, 10, CHANNELS, 3, 3))
        trained_norm(model, 10, np.random.default_rng(2))
        model.add("Relu")
        model.add("GlobalAveragePool")
        model.add("Flatten")
        assert_close(model, tmp_path, 0.0)


class TestTransposedMaps:
    """Models whose maps are channel last, as TensorFlow writes them."""

    def test_a_map_that_is_transposed_to_and_fro(self, tmp_path: Path) -> None:
        rng = np.random.default_rng(0)
        model = Model((6, 6, 3))
        model.add("Transpose", perm=[0, 3, 1, 2])
        model.add("Conv", signs(1, CHANNELS, 3, 3, 3), pads=[1, 1, 1, 1])
        model.add("Transpose", perm=[0, 2, 3, 1])
        model.add("Mul", rng.normal(1, 0.3, CHANNELS))
        model.add("Add", rng.normal(0, 2, CHANNELS))
        model.sign(at_least=True)
        model.add("Transpose", perm=[0, 3, 1, 2])
        model.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
        model.add("Transpose", perm=[0, 2, 3, 1])
        model.add("Flatten")
        model.add("MatMul", signs(9, CHANNELS * 9, 10))
        model.add("Add", rng.normal(size=10))
        network = assert_close(model, tmp_path, 0.0)
        assert network.inputs[0].encoding.axes == (2, 0, 1) and network.inputs[0].tensor.shape == (3, 6, 6)

    def test_a_batch_norm_on_the_flattened_map(self, tmp_path: Path) -> None:
        rng = np.random.default_rng(0)
        model = Model((4, 6, 3))
        model.add("Transpose", perm=[0, 3, 1, 2])
        model.add("Conv", signs(1, CHANNELS, 3, 3, 3))
        model.add("Transpose", perm=[0, 2, 3, 1])
        model.add("Flatten")
        model.add("Mul", rng.normal(1, 0.3, CHANNELS * 8))
        model.add("Add", rng.normal(0, 3, CHANNELS * 8))
        model.sign()
        model.add("MatMul", signs(9, CHANNELS * 8, 10))
        assert_close(model, tmp_path, 0.0)

    @pytest.mark.parametrize(
        ("before", "behind", "shape"),
        [((), (), (6, 6, 8)), (("GlobalAveragePool",), (), (1, 1, 8)), ((), ("Flatten",), (288,))],
        ids=["map", "pixel", "vector"],
    )
    def test_a_map_that_ends_transposed(
        self, before: tuple[str, ...], behind: tuple[str, ...], shape: tuple[int, ...], tmp_path: Path
    ) -> None:
        """As a network of convolutions alone ends where channels are last."""
        model = stem()
        for operator in before:
            model.add(operator)
        model.add("Transpose", perm=[0, 2, 3, 1])
        for operator in behind:
            model.add(operator)
        assert assert_close(model, tmp_path, 0.0).output.shape == shape
