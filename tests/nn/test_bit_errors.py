"""Errors in the forward pass: how often and how they occur, by plain counts and formulas."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from edgebnn.confidence import exact_interval  # noqa: E402
from edgebnn.nn import BinaryConv2d, BinaryLinear, BitErrors, Sign, TernaryLinear, export_onnx  # noqa: E402

INPUTS = 400


def _seen(layer, errors):
    """The weights that a dense layer computes with (in, out), and those that are meant."""
    with torch.no_grad(), errors:
        return layer(torch.eye(layer.in_features)).T, layer.quantised_weight().detach()


def _within(wrong: int, trials: int, rate: float) -> bool:
    low, high = exact_interval(wrong, trials, 0.9999)
    return bool(low <= rate <= high)


@pytest.mark.parametrize("rate", [0.001, 0.04, 0.5])
def test_binary_weights_change_their_sign_so_often(rate):
    torch.manual_seed(0)
    layer = BinaryLinear(INPUTS, INPUTS)
    seen, meant = _seen(layer, BitErrors(layer, rate))
    assert set(seen.unique().tolist()) == {-1, 1}
    assert _within(int((seen != meant).sum()), meant.numel(), rate)


@pytest.mark.parametrize("rate", [0.01, 0.1])
def test_ternary_weights_become_neighbours_so_often(rate):
    torch.manual_seed(0)
    layer = TernaryLinear(INPUTS, INPUTS)
    seen, meant = _seen(layer, BitErrors(layer, rate))
    assert ((seen - meant).abs() <= 1).all() and set(seen.unique().tolist()) == {-1, 0, 1}
    zero = meant == 0
    added = 2 * rate / (1 + zero.float().mean().item())
    assert _within(int((seen != meant).sum()), meant.numel(), rate)
    assert _within(int((seen != 0)[zero].sum()), int(zero.sum()), added)
    assert _within(int((seen == 0)[~zero].sum()), int((~zero).sum()), added / 2)


def test_products_are_read_wrong_as_if_each_was_drawn():
    torch.manual_seed(0)
    rate, inputs = 0.1, 101
    layer = BinaryLinear(inputs, 1)
    with torch.no_grad():
        layer.weight.fill_(1.0)
        x = torch.ones(40_000, inputs)
        x[:, :30] = -1
        with BitErrors(layer, read_rate=rate):
            sums = layer(x).numpy()
    each = np.where(np.random.default_rng(0).random((40_000, inputs)) < rate, -1, 1)
    drawn = (x.numpy() * each).sum(1)
    assert ((sums - inputs) % 2 == 0).all()
    assert sums.mean() == pytest.approx((1 - 2 * rate) * 41, abs=0.2)
    assert sums.var() == pytest.approx(4 * rate * (1 - rate) * inputs, rel=0.05)
    assert np.abs(np.percentile(sums, [1, 25, 50, 75, 99]) - np.percentile(drawn, [1, 25, 50, 75, 99])).max() <= 2


def test_padding_and_zero_weights_are_never_read_wrong():
    layer = BinaryConv2d(1, 1, 3, padding=1, bias=True)
    corner = torch.zeros(500, 1, 5, 5)
    with torch.no_grad():
        layer.bias.fill_(0.5)
        with BitErrors(layer, read_rate=0.5):
            assert (layer(corner) == 0.5).all()
            corner[:, :, 0, 0] = 1.0
            read = layer(corner)[:, 0]
    assert set(read[:, 0, 0].unique().tolist()) == {-0.5, 1.5} and (read[:, 3:, 3:] == 0.5).all()


def _model():
    torch.manual_seed(3)
    return torch.nn.Sequential(BinaryLinear(20, 30), torch.nn.BatchNorm1d(30), Sign(), TernaryLinear(30, 4))


def test_each_pass_draws_anew_the_seed_repeats_and_nothing_stays():
    model, x = _model().eval(), torch.randn(8, 20).sign()
    with torch.no_grad():
        plain = model(x)
        with BitErrors(model, 0.2, read_rate=0.1, exact_reads=("0",), seed=5):
            first, second = model(x), model(x)
        with BitErrors(model, 0.2, read_rate=0.1, exact_reads=("0",), seed=5):
            assert torch.equal(model(x), first)
        assert not torch.equal(first, second)
        assert torch.equal(model(x), plain)
        with BitErrors(model, 0.0):
            assert torch.equal(model(x), plain)


def test_layers_have_rates_of_their_own_and_a_schedule_ramps_them():
    model = _model()
    errors = BitErrors(model, 0.1, per_layer={"3": 0.0}, read_rate=0.2, exact_reads=("0",), schedule=lambda n: n / 4)
    found = []
    for _ in range(3):
        found.append((errors.rate_of("0"), errors.rate_of("3"), errors.read_rate_of("0"), errors.read_rate_of("3")))
        errors.step()
    assert found == [(0, 0, 0, 0), (0.025, 0, 0, 0.05), (0.05, 0, 0, 0.1)]


def test_the_gradient_passes_through_and_only_what_is_right_is_exported(tmp_path):
    layer, x = BinaryLinear(6, 2), torch.randn(5, 6)
    layer(x).sum().backward()
    expected, layer.weight.grad = layer.weight.grad.clone(), None
    export_onnx(layer, x[:1], tmp_path / "plain.onnx")
    with BitErrors(layer, 0.5):
        layer(x).sum().backward()
        export_onnx(layer, x[:1], tmp_path / "attached.onnx")
    assert torch.equal(layer.weight.grad, expected)
    assert (tmp_path / "attached.onnx").read_bytes() == (tmp_path / "plain.onnx").read_bytes()


def test_what_cannot_be_is_refused():
    model = _model()
    with pytest.raises(ValueError, match=r"0\.6 is out of range"):
        BitErrors(model, 0.6)
    with pytest.raises(ValueError, match=r"no binary or ternary layer '1'; it has: 0, 3"):
        BitErrors(model, per_layer={"1": 0.1})
    with BitErrors(model, 0.1), pytest.raises(RuntimeError, match="already"):
        BitErrors(model, 0.1).__enter__()
