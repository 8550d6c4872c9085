"""Activations of several bits: values and gradients by the formula, and exact in what is compiled."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from edgebnn.frontend import ReadOptions, read_network  # noqa: E402
from edgebnn.network.interpreter import interpret  # noqa: E402
from edgebnn.network.types import Threshold  # noqa: E402
from edgebnn.nn import BinaryLinear, Quantise, TernaryConv2d, export_onnx  # noqa: E402

KINDS = [(1, False), (2, False), (2, True), (4, False), (8, False), (8, True)]


@pytest.mark.parametrize(("bits", "signed"), KINDS)
def test_values_are_whole_multiples_within_the_bits(bits, signed):
    x = torch.linspace(-70, 70, 2001)
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    expected = np.clip(np.rint(x.numpy() / np.float32(0.25)), low, high) * 0.25
    np.testing.assert_array_equal(Quantise(bits, 0.25, signed=signed)(x).numpy(), expected)


def test_gradients_are_those_of_the_formula():
    quantiser = Quantise(3, 0.5, learned=True)
    x = torch.tensor([-1.0, 0.1, 0.9, 2.6, 3.4, 9.0], requires_grad=True)
    quantiser(x).sum().backward()
    assert x.grad.tolist() == [0, 1, 1, 1, 1, 0]
    ratio = x.detach().numpy() / 0.5  # of LSQ: rounded less itself within, the bound beyond
    expected = np.where(ratio <= 0, 0, np.where(ratio >= 7, 7, np.rint(ratio) - ratio)).sum()
    assert quantiser.scale.grad.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("bits", "signed"), KINDS)
def test_what_is_compiled_takes_the_same_steps(tmp_path, bits, signed):
    torch.manual_seed(bits)
    model = torch.nn.Sequential(
        TernaryConv2d(2, 4, 3),
        torch.nn.BatchNorm2d(4),
        Quantise(bits, 2.0 / 2**bits, signed=signed, learned=True),
        torch.nn.Flatten(),
        BinaryLinear(4 * 4 * 4, 3),
    )
    x = torch.randint(-128, 128, (64, 2, 6, 6)).float()
    with torch.no_grad():
        model.train()(x)
        expected = model.eval()(x).numpy()
    export_onnx(model, x[:1], tmp_path / "m.onnx")
    network = read_network(tmp_path / "m.onnx", ReadOptions(input_type="int8"))
    (steps,) = (node for node in network.nodes if isinstance(node, Threshold))
    assert steps.thresholds.shape[1] == 2**bits - 1
    scores = interpret(network, x.numpy().astype(np.int8)).astype(float)
    expected = expected / model[2].scale.item()
    offset = np.rint(expected[0] - scores[0])  # of the levels: a constant of each score
    np.testing.assert_allclose(expected - scores, np.broadcast_to(offset, scores.shape), atol=1e-3)


@pytest.mark.parametrize("wrong", [{"bits": 0}, {"bits": 9}, {"bits": 1, "signed": True}, {"bits": 2, "scale": 0.0}])
def test_what_is_out_of_range_is_refused(wrong):
    with pytest.raises(ValueError, match=r"out of range|above 0"):
        Quantise(**wrong)
