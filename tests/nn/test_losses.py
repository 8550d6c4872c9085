"""The losses of `edgebnn.nn` and their gradients against formulas written out in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from edgebnn.nn import MarginCrossEntropyLoss, ModifiedHingeLoss, margin_cross_entropy, modified_hinge  # noqa: E402

CASES = given(
    seed=st.integers(0, 2**32 - 1), samples=st.integers(1, 6), classes=st.integers(2, 5), margin=st.floats(0.5, 300)
)


def _drawn(seed: int, samples: int, classes: int):
    rng = np.random.default_rng(seed)
    scores = torch.tensor(rng.normal(0, 100, (samples, classes)), requires_grad=True)
    return scores, torch.tensor(rng.integers(classes, size=samples))


@settings(max_examples=30, deadline=None)
@CASES
def test_the_hinge_and_its_gradient_are_those_of_the_formula(seed, samples, classes, margin):
    scores, target = _drawn(seed, samples, classes)
    loss = modified_hinge(scores, target, margin)
    loss.backward()
    total, gradient = 0.0, np.zeros((samples, classes))
    for sample in range(samples):
        for label in range(classes):
            y = 1 if label == target[sample] else -1
            short = margin - y * scores[sample, label].item()
            total += max(0.0, short)
            gradient[sample, label] = -y if short > 0 else 0
    count = samples * classes
    assert loss.item() == pytest.approx(total / count / margin)
    np.testing.assert_allclose(scores.grad.numpy(), gradient / count / margin, rtol=1e-12)
    assert ModifiedHingeLoss(margin)(scores, target).item() == loss.item()


@settings(max_examples=30, deadline=None)
@CASES
def test_the_margin_cross_entropy_and_its_gradient_are_those_of_the_formula(seed, samples, classes, margin):
    scores, target = _drawn(seed, samples, classes)
    loss = margin_cross_entropy(scores, target, margin, temperature=margin / 4)
    loss.backward()
    right = np.eye(classes)[target.numpy()]
    logits = (scores.detach().numpy() - margin * right) / (margin / 4)
    shares = np.exp(logits - logits.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    expected = np.mean(np.log(np.exp(logits - logits.max(1, keepdims=True)).sum(1)) + logits.max(1)) - np.mean(
        logits[right == 1]
    )
    assert loss.item() == pytest.approx(expected, rel=1e-6, abs=1e-9)
    np.testing.assert_allclose(scores.grad.numpy(), (shares - right) / samples / (margin / 4), atol=1e-9)
    assert MarginCrossEntropyLoss(margin, margin / 4)(scores, target).item() == loss.item()


@pytest.mark.parametrize("margin", [0.0, -1.0, float("nan")])
def test_a_margin_that_is_none_is_refused(margin):
    scores, target = torch.zeros(1, 2), torch.zeros(1, dtype=torch.long)
    for loss in (modified_hinge, margin_cross_entropy):
        with pytest.raises(ValueError, match="above 0"):
            loss(scores, target, margin)
