"""Larq's networks as tf2onnx writes them, and blocks of Bi-Real Net and ReActNet, against onnxruntime.

There is no TensorFlow here: the graphs are built by hand after what tf2onnx 1.16 writes for Larq's layers. Samples are
channel last, transposes stand around the layers, weights are HWIO and transposed to OIHW, and `ste_sign` is
sign(sign(x) + 0.1).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebnn.frontend import ReadOptions, read_network
from edgebnn.frontend.onnx.graph import Array
from edgebnn.network.interpreter import interpret
from edgebnn.network.network import Network
from edgebnn.network.types import Threshold
from tests.frontend.comparison import onnxruntime_values
from tests.frontend.onnx_models import Model

UINT8 = ReadOptions("uint8")


class Larq(Model):
    """A model as tf2onnx writes it."""

    def __init__(self, shape: tuple[int, ...], seed: int = 0) -> None:
        super().__init__(shape, opset=13, batch="unk__1")
        self.rng = np.random.default_rng(seed)

    def ste_sign(self, value: str | None = None) -> str:
        """-1 or 1, and 1 at zero."""
        first = self.add("Sign", inputs=[value or self.last])
        tenth = self.constant(0.1)
        return self.add("Sign", inputs=[self.add("Add", inputs=[first, tenth]), *()])

    def binary(self, *shape: int, order: list[int] | None = None) -> str:
        """Latent weights, some exactly zero, through `ste_sign`, and transposed."""
        latent = np.round(self.rng.normal(size=shape) * 2).astype(np.float32) / np.float32(2)
        kept = self.last
        weights = self.ste_sign(self.constant(latent))
        if order is not None:
            weights = self.add("Transpose", inputs=[weights], perm=order)
        self.last = kept
        return weights

    def conv(self, channels: int, filters: int, size: int = 3, **attributes: Any) -> str:
        """QuantConv2D: the kernel HWIO."""
        weights = self.binary(size, size, channels, filters, order=[3, 2, 0, 1])
        return self.add("Conv", inputs=[self.last, weights], kernel_shape=[size, size], **attributes)

    def norm(self, channels: int) -> str:
        """BatchNormalization without a scale, as Larq's models have it."""
        beta, mean = self.rng.normal(size=(2, channels)).astype(np.float32)
        variance = self.rng.random(channels).astype(np.float32) * 20 + np.float32(0.5)
        return self.add("BatchNormalization", np.ones(channels), beta, mean * 3, variance, epsilon=1e-3)


def scores_of(path: Path, options: ReadOptions, seed: int = 0, batch: int = 48) -> tuple[Network, Array, Array]:
    """The network, and its scores and onnxruntime's for random samples in the model's own layout."""
    import onnx

    network = read_network(path, options)
    dims = onnx.load(path).graph.input[0].type.tensor_type.shape.dim
    shape = [dim.dim_value for dim in dims][1:]
    low, high = max(network.inputs[0].tensor.low, -128), min(network.inputs[0].tensor.high, 255)
    x = np.random.default_rng(seed).integers(low, high + 1, (batch, *shape)).astype(np.float32)
    scores = interpret(network, x) * network.output.scale
    values = onnxruntime_values(path, x)
    expected = values[onnx.load(path).graph.output[0].name]
    return network, scores, expected.reshape(scores.shape)


def assert_same(path: Path, options: ReadOptions, rounding: float = 1e-5) -> Network:
    """The same scores up to `rounding` of the largest one, and no threshold that float32 cannot decide."""
    network, scores, expected = scores_of(path, options)
    assert sum(node.ambiguous for node in network.nodes if isinstance(node, Threshold)) == 0
    assert np.abs(scores - expected).max() <= rounding * np.abs(expected).max()
    return network


def small_net(padding: str) -> Larq:
    """Larq's own example on MNIST, smaller: three layers of convolutions, two dense ones, its samples channel last."""
    model = Larq((12, 12, 1))
    model.add("Transpose", perm=[0, 3, 1, 2])
    model.conv(1, 6)
    model.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    model.norm(6)
    model.ste_sign()
    if padding == "ones":
        model.add("Pad", model.constant([0, 0, 1, 1, 0, 0, 1, 1], np.int64), 1.0)
        model.conv(6, 8)
    elif padding == "zeros":
        model.conv(6, 8, auto_pad="SAME_UPPER")
    elif padding == "ones, channels last":
        model.add("Transpose", perm=[0, 2, 3, 1])
        model.add("Pad", model.constant([0, 1, 1, 0, 0, 1, 1, 0], np.int64), 1.0)
        model.add("Transpose", perm=[0, 3, 1, 2])
        model.conv(6, 8)
    else:
        model.conv(6, 8)
    model.norm(8)
    model.ste_sign()
    model.add("Transpose", perm=[0, 2, 3, 1])
    size = 8 * (9 if padding == "valid" else 25)
    model.add("Reshape", model.constant([-1, size], np.int64))
    model.add("MatMul", inputs=[model.last, model.binary(size, 10)])
    model.add("Mul", model.rng.random(10).astype(np.float32) + np.float32(0.1))
    model.add("Add", model.rng.normal(size=10).astype(np.float32))
    model.ste_sign()
    model.add("MatMul", inputs=[model.last, model.binary(10, 4)])
    model.add("Mul", model.rng.random(4).astype(np.float32) + np.float32(0.1))
    model.add("Add", model.rng.normal(size=4).astype(np.float32))
    return model


@pytest.mark.parametrize("padding", ["valid", "zeros", "ones", "ones, channels last"])
def test_a_net_whose_samples_are_channel_last(tmp_path: Path, padding: str) -> None:
    network = assert_same(small_net(padding).save(tmp_path), UINT8)
    assert network.inputs[0].tensor.shape == (1, 12, 12) and len(network.linear) == 4
    pads = {"ones": 1, "ones, channels last": 1}.get(padding, 0)
    assert network.linear[1].pad_value == pads


def test_a_softmax_at_the_end(tmp_path: Path) -> None:
    model = small_net("valid")
    model.add("Softmax", axis=-1)
    network, scores, expected = scores_of(model.save(tmp_path), UINT8)
    assert network.ends_in == "classes"
    assert np.array_equal(scores.argmax(1), expected.argmax(1))


def test_latent_weights_of_zero_are_plus_one(tmp_path: Path) -> None:
    model = Larq((4,))
    model.add("MatMul", inputs=["x", model.binary(4, 3)])
    network = read_network(model.save(tmp_path), ReadOptions("int8"))
    assert set(np.unique(network.linear[0].weights)) == {-1, 1}


@pytest.mark.parametrize("operators", [("Mul", "Add"), ("Sub", "Mul"), ("Div", "Sub")])
def test_constants_along_the_last_axis_before_the_transpose(tmp_path: Path, operators: tuple[str, ...]) -> None:
    """What tf2onnx leaves in channel-last order where it does not find a convolution to push a transpose through."""
    model = Larq((6, 6, 2))
    model.add("Transpose", perm=[0, 3, 1, 2])
    model.conv(2, 5)
    model.add("Transpose", perm=[0, 2, 3, 1])
    for operator in operators:
        model.add(operator, model.rng.random(5).astype(np.float32) + np.float32(0.5))
    model.ste_sign()
    model.add("Transpose", perm=[0, 3, 1, 2])
    model.conv(5, 3, size=4)
    model.add("Transpose", perm=[0, 2, 3, 1])
    model.add("Reshape", model.constant([-1, 3], np.int64))
    assert_same(model.save(tmp_path), UINT8)


@pytest.mark.parametrize("keepdims", [0, 1])
def test_a_mean_over_a_map_that_is_channel_last(tmp_path: Path, keepdims: int) -> None:
    """GlobalAveragePooling2D as ReduceMean, at the end of the network."""
    model = Larq((6, 6, 2))
    model.add("Transpose", perm=[0, 3, 1, 2])
    model.conv(2, 5)
    model.norm(5)
    model.add("Transpose", perm=[0, 2, 3, 1])
    model.add("ReduceMean", axes=[1, 2], keepdims=keepdims)
    if keepdims:
        model.add("Squeeze", model.constant([1, 2], np.int64))
    assert_same(model.save(tmp_path), UINT8)


def bi_real_block(model: Larq, channels: int, filters: int, stride: int) -> None:
    """sign, convolution, batch norm, and the value before the sign added; averaged where the map shrinks."""
    shortcut = model.last
    model.ste_sign()
    model.conv(channels, filters, pads=[1, 1, 1, 1], strides=[stride, stride])
    branch = model.norm(filters)
    if stride > 1:
        model.add("AveragePool", inputs=[shortcut], kernel_shape=[2, 2], strides=[2, 2])
        if filters != channels:
            pooled = model.last
            model.add("Concat", inputs=[pooled, pooled], axis=1)
        shortcut = model.last
    model.add("Add", inputs=[branch, shortcut])


def ends(model: Larq, channels: int, size: int) -> None:
    """A sign, and a dense layer on the whole map."""
    model.ste_sign()
    model.add("Transpose", perm=[0, 2, 3, 1])
    model.add("Reshape", model.constant([-1, channels * size * size], np.int64))
    model.add("MatMul", inputs=[model.last, model.binary(channels * size * size, 4)])


def agree(path: Path, options: ReadOptions) -> Network:
    """Classes equal to onnxruntime's but for few samples: a residual stream is in fixed point here, in floats there."""
    network, scores, expected = scores_of(path, options, batch=200)
    same = np.take_along_axis(expected, scores.argmax(1)[:, np.newaxis], 1)[:, 0] >= expected.max(1) - 1e-4
    assert same.mean() >= 0.95
    return network


@pytest.mark.parametrize("strides", [(1,), (1, 1), (2,), (1, 2)])
def test_blocks_of_bi_real_net(tmp_path: Path, strides: tuple[int, ...]) -> None:
    model = Larq((8, 8, 2))
    model.add("Transpose", perm=[0, 3, 1, 2])
    model.conv(2, 4, pads=[1, 1, 1, 1])
    model.norm(4)
    channels, size = 4, 8
    for stride in strides:
        bi_real_block(model, channels, channels * stride, stride)
        channels, size = channels * stride, size // stride
    ends(model, channels, size)
    agree(model.save(tmp_path), UINT8)


def test_blocks_of_react_net(tmp_path: Path) -> None:
    """RSign (a sign behind a shift of each channel) and RPReLU (shift, slope below zero, shift)."""
    model = Larq((8, 8, 2))
    model.add("Transpose", perm=[0, 3, 1, 2])
    model.conv(2, 4, pads=[1, 1, 1, 1])
    model.norm(4)
    for _ in range(2):
        shortcut = model.last

        def shift() -> Array:
            return model.rng.normal(size=(4, 1, 1)).astype(np.float32) / 4

        model.add("Add", shift())
        model.add("Sign")
        model.conv(4, 4, pads=[1, 1, 1, 1])
        branch = model.norm(4)
        model.add("Add", inputs=[branch, shortcut])
        model.add("Sub", shift())
        model.add("PRelu", model.rng.random((4, 1, 1)).astype(np.float32) / 2)
        model.add("Add", shift())
    ends(model, 4, 8)
    agree(model.save(tmp_path), UINT8)


def test_a_global_mean_of_signs_before_a_dense_layer(tmp_path: Path) -> None:
    """The last layers of Bi-Real Net: a mean over the map, then a dense layer."""
    model = Larq((6, 6, 2))
    model.add("Transpose", perm=[0, 3, 1, 2])
    model.conv(2, 5)
    model.norm(5)
    model.ste_sign()
    model.add("GlobalAveragePool")
    model.add("Flatten")
    model.add("MatMul", inputs=[model.last, model.binary(5, 3)])
    assert_same(model.save(tmp_path), UINT8)
