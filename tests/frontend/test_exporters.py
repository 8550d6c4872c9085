"""Networks in the ways that PyTorch programs write them, from both exporters: equal to onnxruntime to the bit."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

from edgebnn.frontend import ReadOptions
from edgebnn.network.types import Kind, Threshold, WeightKind
from tests.exports import SIGNS, WEIGHTS, Apply, BinaryConv1d, BinaryConv2d, BinaryLinear, export, sign, trained
from tests.frontend.comparison import assert_same_as_onnxruntime

EXPORTERS = ("torchscript", "dynamo")


def convolutional(activation: str = "sign", weights: str = "sign", bias: bool = True, pool: str = "after") -> nn.Module:
    """Two convolutions, one in groups, and two dense layers, for inputs of shape (2, 6, 6)."""
    return nn.Sequential(
        BinaryConv2d(2, 6, 3, padding=1, weights=weights, bias=bias),
        nn.BatchNorm2d(6),
        nn.MaxPool2d(2) if pool == "before" else nn.Identity(),
        sign(activation),
        nn.MaxPool2d(2) if pool == "after" else nn.Identity(),
        BinaryConv2d(6, 8, 3, weights=weights, bias=bias, groups=2),
        nn.BatchNorm2d(8),
        sign(activation),
        nn.Flatten(),
        BinaryLinear(128 if pool == "none" else 8, 9, weights=weights, bias=bias),
        nn.BatchNorm1d(9),
        nn.Dropout(),
        sign(activation),
        BinaryLinear(9, 3, weights=weights, bias=bias),
    )


@pytest.mark.parametrize("fresh", [False, True], ids=["trained", "fresh"])
@pytest.mark.parametrize("bias", [False, True], ids=["without_bias", "with_bias"])
@pytest.mark.parametrize("activation", SIGNS)
def test_every_sign_keeps_its_meaning(tmp_path: Path, activation: str, bias: bool, fresh: bool) -> None:
    model = trained(convolutional(activation, bias=bias), seed=1, fresh=fresh)
    path = export(model, (2, 6, 6), tmp_path / "model.onnx", opset=13)
    compared = assert_same_as_onnxruntime(path, ReadOptions("int4"))
    assert compared.activations > 1000


@pytest.mark.parametrize("pool", ["none", "before", "after"])
@pytest.mark.parametrize("weights", WEIGHTS)
def test_every_way_to_write_weights_is_read(tmp_path: Path, weights: str, pool: str) -> None:
    model = trained(convolutional("where_at_least", weights, pool=pool), seed=2)
    path = export(model, (2, 6, 6), tmp_path / "model.onnx", opset=17)
    network = assert_same_as_onnxruntime(path, ReadOptions("int4")).network
    kind = WeightKind.TERNARY if weights == "ternary" else WeightKind.BINARY
    assert {layer.weight_kind for layer in network.linear} == {kind}


@pytest.mark.parametrize(("activation", "weights"), list(zip(SIGNS, cycle(WEIGHTS), strict=False)))
def test_the_dynamo_exporter_with_every_sign_and_every_way_to_write_weights(
    tmp_path: Path, activation: str, weights: str
) -> None:
    """An export takes seconds: each brings a sign and weights of its own, and one in two pools before the sign."""
    pool = "before" if list(SIGNS).index(activation) % 2 else "none"
    model = trained(convolutional(activation, weights, pool=pool), seed=3)
    path = export(model, (2, 6, 6), tmp_path / "model.onnx", "dynamo")
    assert assert_same_as_onnxruntime(path, ReadOptions("int4")).activations > (100 if pool == "before" else 1000)


@pytest.mark.parametrize("opset", [11, 12, 13, 14, 15, 16, 17, 18, 19, 20])
def test_opsets_of_torchscript(tmp_path: Path, opset: int) -> None:
    model = trained(convolutional("hardtanh_sign"), seed=5)
    path = export(model, (2, 6, 6), tmp_path / "model.onnx", opset=opset)
    compared = assert_same_as_onnxruntime(path, ReadOptions("int4"))
    assert compared.scores_compared and not compared.excused


@pytest.mark.parametrize("opset", [18, 19, 21, 23])
def test_opsets_of_dynamo(tmp_path: Path, opset: int) -> None:
    model = trained(convolutional("where_at_least"), seed=6)
    path = export(model, (2, 6, 6), tmp_path / "model.onnx", "dynamo", opset)
    assert assert_same_as_onnxruntime(path, ReadOptions("int4")).scores_compared


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_a_network_for_series(tmp_path: Path, exporter: str) -> None:
    """Series without a channel axis, a constant padding, strides, dilation, pools that round up, a scaled input."""
    model = nn.Sequential(
        Apply(lambda x: x.unsqueeze(1) / 64.0),
        BinaryConv1d(1, 16, 5, padding=2, bias=False),
        nn.BatchNorm1d(16),
        sign("sign"),
        Apply(lambda x: functional.pad(x, (1, 2), value=-1.0)),
        BinaryConv1d(16, 16, 5, stride=2, dilation=2, bias=False),
        nn.BatchNorm1d(16),
        nn.MaxPool1d(3, 2, padding=1, ceil_mode=True),
        sign("sign"),
        BinaryConv1d(16, 4, 7),
        nn.Flatten(),
    )
    path = export(trained(model, seed=7), (30,), tmp_path / "model.onnx", exporter)
    compared = assert_same_as_onnxruntime(path, ReadOptions("int8"))
    assert compared.scores_compared
    assert [layer.pad_value for layer in compared.network.linear] == [0, -1, 0]


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_a_scaled_and_shifted_input_is_taken_in(tmp_path: Path, exporter: str) -> None:
    model = nn.Sequential(
        Apply(lambda x: (x / 255.0 - 0.45) / 0.25),
        BinaryConv1d(3, 16, 5),
        nn.MaxPool1d(2),
        nn.BatchNorm1d(16),
        sign("where_at_least"),
        nn.Flatten(),
        BinaryLinear(16 * 13, 10, bias=False),
    )
    path = export(trained(model, seed=8), (3, 30), tmp_path / "model.onnx", exporter)
    compared = assert_same_as_onnxruntime(path, ReadOptions("uint8"))
    assert compared.activations > 1000


def test_a_batch_norm_behind_a_flatten_gives_a_threshold_per_element(tmp_path: Path) -> None:
    model = nn.Sequential(
        BinaryConv1d(3, 16, 5),
        nn.MaxPool1d(2),
        nn.Flatten(),
        nn.BatchNorm1d(16 * 13),
        sign("sign"),
        BinaryLinear(16 * 13, 10, bias=False),
    )
    path = export(trained(model, seed=9), (3, 30), tmp_path / "model.onnx", opset=17)
    compared = assert_same_as_onnxruntime(path, ReadOptions("int4"))
    assert compared.scores_compared
    (threshold,) = (node for node in compared.network.nodes if isinstance(node, Threshold))
    assert threshold.thresholds.shape == (16 * 13, 1)


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_a_sign_on_the_input_is_a_threshold(tmp_path: Path, exporter: str) -> None:
    model = nn.Sequential(
        nn.BatchNorm1d(3), sign("sign"), nn.Flatten(), BinaryLinear(90, 10, bias=False), nn.BatchNorm1d(10)
    )
    path = export(trained(model, seed=10), (3, 30), tmp_path / "model.onnx", exporter)
    compared = assert_same_as_onnxruntime(path, ReadOptions("int12"))
    assert isinstance(compared.network.nodes[0], Threshold) and compared.scores_compared


def test_a_softmax_at_the_end_is_left_out_with_a_note(tmp_path: Path) -> None:
    model = nn.Sequential(BinaryLinear(20, 5), nn.LogSoftmax(1))
    path = export(trained(model, seed=11), (20,), tmp_path / "model.onnx", opset=17)
    compared = assert_same_as_onnxruntime(path, ReadOptions("bits"))
    assert compared.scores_compared and "LogSoftmax" in compared.network.notes[0]


@pytest.mark.parametrize("features", [256, 257, 1000])
def test_a_bias_that_gemm_adds_first_is_counted_as_ambiguous(tmp_path: Path, features: int) -> None:
    """Beyond 256 inputs onnxruntime adds the bias before the sum is whole, and what it rounds is not known."""
    model = nn.Sequential(BinaryLinear(features, 64), nn.BatchNorm1d(64), sign("sign"), BinaryLinear(64, 4, bias=False))
    path = export(trained(model, seed=12), (features,), tmp_path / "model.onnx", opset=17)
    assert assert_same_as_onnxruntime(path, ReadOptions("bits"), batch=64).activations == 64 * 64


@pytest.mark.parametrize("seed", range(8))
def test_exact_zeros_are_kept_apart_from_signs(tmp_path: Path, seed: int) -> None:
    """Fresh batch norms and even fan-ins: many sums are exactly zero, and each model's own rule decides."""
    model = nn.Sequential(
        BinaryConv1d(4, 32, 3, bias=False),
        nn.BatchNorm1d(32),
        sign("sign"),
        BinaryConv1d(32, 32, 3, bias=False),
        nn.BatchNorm1d(32),
        sign("where_at_least" if seed % 2 else "where_above"),
        nn.Flatten(),
        BinaryLinear(32 * 16, 8, bias=False),
    )
    path = export(trained(model, seed, fresh=True), (4, 20), tmp_path / "model.onnx", opset=17)
    compared = assert_same_as_onnxruntime(path, ReadOptions("bits"), batch=32, seed=seed)
    assert compared.scores_compared and not compared.excused
    first, second = (node for node in compared.network.nodes if isinstance(node, Threshold))
    assert (first.output.kind, first.ties) == (Kind.TRITS, "0")
    assert (second.output.kind, second.ties) == (Kind.BITS, "+1" if seed % 2 else "-1")
    assert compared.zeros > 2000


def test_a_zero_that_no_sum_can_reach_leaves_bits(tmp_path: Path) -> None:
    """An odd number of signs never adds up to zero, so a Sign behind it needs no third value."""
    model = nn.Sequential(
        BinaryLinear(31, 16, bias=False), nn.BatchNorm1d(16), sign("sign"), BinaryLinear(16, 4, bias=False)
    )
    path = export(trained(model, 13, fresh=True), (31,), tmp_path / "model.onnx", opset=17)
    compared = assert_same_as_onnxruntime(path, ReadOptions("bits"))
    (threshold,) = (node for node in compared.network.nodes if isinstance(node, Threshold))
    assert threshold.output.kind is Kind.BITS and compared.scores_compared


def test_a_batch_norm_without_scale_makes_constant_channels(tmp_path: Path) -> None:
    model = nn.Sequential(BinaryLinear(16, 8), nn.BatchNorm1d(8), sign("sign"), BinaryLinear(8, 4, bias=False))
    trained(model, 14)
    with torch.no_grad():
        model[1].weight[:4] = 0  # type: ignore[union-attr, index]
    path = export(model, (16,), tmp_path / "model.onnx", opset=17)
    assert assert_same_as_onnxruntime(path, ReadOptions("bits"), batch=64).scores_compared
