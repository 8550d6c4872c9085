"""Networks made and exported by Brevitas, as QONNX and as ONNX's quantise pairs, against qonnx's executor."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from edgebnn.frontend import ReadOptions, inspect_model, read_network
from edgebnn.frontend.onnx.graph import Array
from edgebnn.network.interpreter import interpret
from edgebnn.network.types import Threshold, WeightKind

SHAPE = (2, 8, 8)


@pytest.fixture(autouse=True)
def _brevitas() -> None:
    for package in ("brevitas", "onnxoptimizer", "qonnx"):
        pytest.importorskip(package, reason=f"{package} is not installed (it is in the extra `test`)")


def exported(folder: Path, model: Any, exporter: str) -> Path:
    """The model as QONNX or QCDQ, with as fixed a batch as Brevitas gives it."""
    import brevitas.export
    import torch

    path = folder / f"{exporter}.onnx"
    export = {"qonnx": brevitas.export.export_qonnx, "qcdq": brevitas.export.export_onnx_qcdq}[exporter]
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        export(model, torch.zeros(1, *SHAPE), export_path=str(path), dynamo=False)
    return path


def trained(model: Any) -> Any:
    """The model with random batch norms, and the scales that Brevitas learns from statistics."""
    import torch
    from torch import nn

    for module in model.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.weight.data = torch.randn(module.weight.shape)
            module.bias.data = torch.randn(module.bias.shape)
    model.train()
    for _ in range(3):
        model(torch.randn(16, *SHAPE))
    return model.eval()


def bits(weights: int, activations: int) -> Any:
    """A network as FINN's examples are: quantised input, two convolutions, a pool, two dense layers."""
    from brevitas import nn as qnn
    from brevitas.quant import Int8ActPerTensorFloat, SignedBinaryActPerTensorConst, SignedBinaryWeightPerTensorConst
    from brevitas.quant.scaled_int import Int8WeightPerTensorFloat
    from torch import nn

    w: dict[str, Any] = {"weight_quant": SignedBinaryWeightPerTensorConst}
    if weights > 1:
        w = {"weight_quant": Int8WeightPerTensorFloat, "weight_bit_width": weights}

    def act() -> Any:
        if activations == 1:
            return qnn.QuantIdentity(act_quant=SignedBinaryActPerTensorConst)
        return qnn.QuantIdentity(act_quant=Int8ActPerTensorFloat, bit_width=activations)

    return nn.Sequential(
        qnn.QuantIdentity(act_quant=Int8ActPerTensorFloat, bit_width=8),
        qnn.QuantConv2d(2, 8, 3, bias=False, **w),
        nn.BatchNorm2d(8),
        act(),
        qnn.QuantConv2d(8, 8, 3, padding=1, bias=False, **w),
        nn.BatchNorm2d(8),
        act(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        qnn.QuantLinear(8 * 3 * 3, 12, bias=False, **w),
        nn.BatchNorm1d(12),
        act(),
        qnn.QuantLinear(12, 4, bias=False, **w),
    )


def four_bits() -> dict[str, Any]:
    from brevitas.quant.scaled_int import Int8WeightPerChannelFloat

    return {"weight_quant": Int8WeightPerChannelFloat, "weight_bit_width": 4, "bias": False}


def with_biases() -> Any:
    """Quantised biases, ReLUs of four unsigned bits, a scale for each channel of the weights."""
    from brevitas import nn as qnn
    from brevitas.quant import Int16Bias
    from torch import nn

    w = {**four_bits(), "bias": True, "bias_quant": Int16Bias}
    return nn.Sequential(
        qnn.QuantIdentity(bit_width=8, return_quant_tensor=True),
        qnn.QuantConv2d(2, 8, 3, **w, return_quant_tensor=False),
        nn.BatchNorm2d(8),
        qnn.QuantReLU(bit_width=4, return_quant_tensor=True),
        qnn.QuantConv2d(8, 8, 3, padding=1, **w),
        qnn.QuantReLU(bit_width=4, return_quant_tensor=True),
        nn.Flatten(),
        qnn.QuantLinear(8 * 36, 4, **w),
    )


def with_zero_points() -> Any:
    """Activations around a zero point that is not zero, one of them padded."""
    from brevitas import nn as qnn
    from brevitas.quant import ShiftedUint8ActPerTensorFloat
    from torch import nn

    def act(width: int) -> Any:
        return qnn.QuantIdentity(act_quant=ShiftedUint8ActPerTensorFloat, bit_width=width)

    return nn.Sequential(
        act(8),
        qnn.QuantConv2d(2, 8, 3, **four_bits()),
        nn.BatchNorm2d(8),
        act(4),
        qnn.QuantConv2d(8, 8, 3, padding=1, **four_bits()),
        act(4),
        nn.Flatten(),
        qnn.QuantLinear(8 * 36, 4, **four_bits()),
    )


def ternary() -> Any:
    """Weights and activations of -1, 0 and 1, and a hard tanh of two bits."""
    from brevitas import nn as qnn
    from brevitas.quant import SignedTernaryActPerTensorConst, SignedTernaryWeightPerTensorConst
    from torch import nn

    w: dict[str, Any] = {"weight_quant": SignedTernaryWeightPerTensorConst, "bias": False}
    return nn.Sequential(
        qnn.QuantIdentity(bit_width=8),
        qnn.QuantConv2d(2, 8, 3, **w),
        nn.BatchNorm2d(8),
        qnn.QuantIdentity(act_quant=SignedTernaryActPerTensorConst),
        qnn.QuantConv2d(8, 8, 3, **w),
        nn.BatchNorm2d(8),
        qnn.QuantHardTanh(bit_width=2, min_val=-1, max_val=1),
        nn.Flatten(),
        qnn.QuantLinear(8 * 16, 4, **w),
    )


def with_average_pool() -> Any:
    """An average pool whose sums are cut to four bits (Trunc)."""
    from brevitas import nn as qnn
    from torch import nn

    return nn.Sequential(
        qnn.QuantIdentity(bit_width=8),
        qnn.QuantConv2d(2, 8, 3, **four_bits()),
        nn.BatchNorm2d(8),
        qnn.QuantReLU(bit_width=4, return_quant_tensor=True),
        qnn.TruncAvgPool2d(2, stride=2, bit_width=4),
        nn.Flatten(),
        qnn.QuantLinear(8 * 9, 4, **four_bits()),
    )


def residual() -> Any:
    """Two branches quantised with one scale and added."""
    from brevitas import nn as qnn
    from torch import nn

    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Sequential(
                qnn.QuantIdentity(bit_width=8),
                qnn.QuantConv2d(2, 8, 3, **four_bits()),
                nn.BatchNorm2d(8),
                qnn.QuantReLU(bit_width=4, return_quant_tensor=False),
            )
            self.branch = nn.Sequential(qnn.QuantConv2d(8, 8, 3, padding=1, **four_bits()), nn.BatchNorm2d(8))
            self.common = qnn.QuantIdentity(bit_width=4, return_quant_tensor=False)
            self.last = nn.Sequential(
                qnn.QuantReLU(bit_width=4), nn.Flatten(), qnn.QuantLinear(8 * 36, 4, **four_bits())
            )

        def forward(self, x: Any) -> Any:
            x = self.first(x)
            return self.last(self.common(x) + self.common(self.branch(x)))

    return Residual()


def executed(path: Path, x: Array) -> Array:
    """The scores that qonnx's own executor gives, sample by sample as the file's batch is."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.transformation.infer_shapes import InferShapes

    model = ModelWrapper(str(path)).transform(InferShapes())
    name, output = model.graph.input[0].name, model.graph.output[0].name
    return np.concatenate([execute_onnx(model, {name: sample[np.newaxis]})[output] for sample in x])


def compared(path: Path) -> Any:
    """Holds the compiled network to qonnx's executor; returns the network.

    Scores are equal up to float32's rounding, but for samples in which an ambiguous threshold decides otherwise; the
    class is the same unless float32's rounding of two equal scores decides it.
    """
    network = read_network(path, ReadOptions())
    x = np.random.default_rng(0).normal(size=(40, *SHAPE)).astype(np.float32)
    scores, expected = interpret(network, x) * network.output.scale, executed(path, x)
    largest = np.abs(expected).max()
    same = np.abs(scores - expected).max(1) <= 1e-4 * largest
    ambiguous = sum(node.ambiguous for node in network.nodes if isinstance(node, Threshold))
    assert same.all() if not ambiguous else same.mean() >= 0.7
    chosen = np.take_along_axis(expected, scores.argmax(1)[:, np.newaxis], 1)[:, 0]
    assert np.mean(expected.max(1) - chosen <= 1e-5 * largest) >= (0.95 if ambiguous else 1)
    return network


@pytest.mark.parametrize(
    ("weights", "activations", "exporter"),
    [
        *[(*widths, "qonnx") for widths in ((1, 1), (1, 2), (2, 2), (4, 4), (8, 8))],
        *[(*widths, "qcdq") for widths in ((2, 2), (4, 4), (8, 8))],  # Brevitas has no binary quantiser for QCDQ
    ],
)
def test_bits_of_weights_and_activations(tmp_path: Path, weights: int, activations: int, exporter: str) -> None:
    import torch

    torch.manual_seed(weights)
    network = compared(exported(tmp_path, trained(bits(weights, activations)), exporter))
    kind = {1: WeightKind.BINARY, 2: WeightKind.TERNARY}.get(weights, WeightKind.INT8)
    assert {layer.weight_kind for layer in network.linear} == {kind}


@pytest.mark.parametrize("exporter", ["qonnx", "qcdq"])
@pytest.mark.parametrize("made", [with_biases, with_zero_points, ternary, with_average_pool, residual])
def test_other_layers(tmp_path: Path, made: Callable[[], Any], exporter: str) -> None:
    import torch

    torch.manual_seed(0)
    compared(exported(tmp_path, trained(made()), exporter))


def test_every_operator_of_an_export_is_understood(tmp_path: Path) -> None:
    for exporter, expected in (("qonnx", ("qonnx.custom_op.general", "Quant")), ("qcdq", ("", "DequantizeLinear"))):
        path = exported(tmp_path, trained(bits(2, 2)), exporter)
        assert expected in {(node.domain, node.op_type) for node in onnx.load(path).graph.node}
        assert inspect_model(path).problems == ()
