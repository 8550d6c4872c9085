"""An export that is compared with the module: what agrees is written, what does not is not."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from edgebnn.errors import ModelError  # noqa: E402
from edgebnn.nn import BinaryConv2d, BinaryLinear, BitErrors, Quantise, Sign, TernaryLinear, export  # noqa: E402


def _model():
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        BinaryConv2d(2, 8, 3, groups=2),
        torch.nn.BatchNorm2d(8),
        Quantise(2, 0.5, signed=True),
        torch.nn.Flatten(),
        TernaryLinear(8 * 16, 12),
        torch.nn.BatchNorm1d(12),
        Sign(),
        BinaryLinear(12, 3),
    )
    with torch.no_grad():
        model(torch.randint(0, 256, (64, 2, 6, 6)).float())
    return model


def test_it_is_written_when_everybody_agrees(tmp_path):
    found = export(_model(), tmp_path / "m.onnx", torch.zeros(1, 2, 6, 6), input_type="uint8", samples=100)
    assert found.samples == 100 and found.as_the_module >= 99
    assert "reference-fast" in found.executors and (tmp_path / "m.onnx").stat().st_size > 0


def test_bits_are_drawn_where_the_input_has_them(tmp_path):
    model = torch.nn.Sequential(BinaryLinear(40, 8), Sign(), BinaryLinear(8, 2))
    found = export(model, tmp_path / "m.onnx", torch.zeros(1, 40), input_type="bits", samples=50)
    assert found.as_the_module == 50


class _Otherwise(torch.nn.Module):
    """Another function when it is exported than when it runs."""

    def forward(self, x):
        return x if torch.onnx.is_in_onnx_export() else -x


def test_a_module_that_answers_otherwise_is_not_written(tmp_path):
    model = torch.nn.Sequential(BinaryLinear(20, 3), _Otherwise())
    with pytest.raises(ModelError, match=r"of 50 random inputs alone, so it was not written"):
        export(model, tmp_path / "m.onnx", torch.zeros(1, 20), samples=50)
    with pytest.raises(ModelError, match="0 samples"):
        export(model, tmp_path / "m.onnx", torch.zeros(1, 20), samples=0)
    assert list(tmp_path.iterdir()) == []


def test_errors_of_training_are_not_in_what_is_written(tmp_path):
    model = _model()
    with BitErrors(model, 0.3):
        found = export(model, tmp_path / "m.onnx", torch.zeros(1, 2, 6, 6), input_type="uint8", samples=50)
    assert found.as_the_module >= 49
