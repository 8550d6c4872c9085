"""Models of PyTorch's own layers, all or in part with binary or ternary weights."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from edgebnn.nn import Sign, TernaryConv1d, TernaryLinear, binarized, export  # noqa: E402


def _plain():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Sequential(
            nn.Conv1d(4, 8, 3, stride=2, groups=2, padding=1, padding_mode="circular"), nn.BatchNorm1d(8), Sign()
        ),
        nn.Flatten(),
        nn.Linear(8 * 6, 2, bias=False),
    )


@pytest.mark.parametrize("weights", ["binary", "ternary"])
@pytest.mark.parametrize("only", ["all", "classifier"])
def test_the_chosen_layers_have_chosen_weights_of_the_same_signs(weights, only):
    plain = _plain().eval()
    model = binarized(plain, weights, only)
    for before, after in ((plain[0][0], model[0][0]), (plain[2], model[2])):
        if only == "classifier" and isinstance(before, nn.Conv1d):
            assert type(after) is nn.Conv1d and torch.equal(after.weight, before.weight)
            continue
        found = after.quantised_weight()
        assert set(found.unique().tolist()) == ({-1, 1} if weights == "binary" else {-1, 0, 1})
        assert (found * before.weight >= 0).all() and after.weight.abs().max() <= 1
        assert after.weight.std(correction=0).item() == pytest.approx(0.1 / 3**0.5, rel=1e-3)
        assert repr(after).split("(", 1)[1] == repr(before).split("(", 1)[1] and not after.training
    assert type(plain[2]) is nn.Linear
    assert model[0][0].bias is not None and torch.equal(model[0][0].bias, plain[0][0].bias)


def test_a_model_that_is_ternary_throughout_is_mapped(tmp_path):
    model = binarized(_plain(), "ternary")
    assert isinstance(model[0][0], TernaryConv1d) and isinstance(model[2], TernaryLinear)
    found = export(model, tmp_path / "m.onnx", torch.zeros(1, 4, 12), samples=50)
    assert found.as_the_module >= 49


def test_other_words_are_refused():
    with pytest.raises(ValueError, match="no 'float' weights; use binary or ternary"):
        binarized(_plain(), "float")
    with pytest.raises(ValueError, match="'none' says no layers; use all or classifier"):
        binarized(_plain(), only="none")
