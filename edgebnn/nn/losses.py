"""Losses that push the right class's score away from the others, so that a few wrong weights change no answer.

Both are meant for the plain sums of a last binary layer, without a batch norm behind it: a margin is then so many
inputs of the last layer that may err, and no learnt scale can meet it.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

MARGIN = 128.0
"""The b of Buschjaeger et al., as seen in their published code."""


def modified_hinge(scores: Tensor, target: Tensor, margin: float = MARGIN) -> Tensor:
    """mean(max(0, b - y * score)) / b over all scores (n, classes), y +1 for the target's (n,) class and -1 for others.

    Source: Buschjaeger et al., settings as in their published code (b = 128, Adam at 1e-3, latent weights in [-1, 1],
    batches of 256). Raises ValueError where the margin is not above zero.
    """
    if not margin > 0:
        raise ValueError(f"the margin is {margin}; use a number above 0")
    wanted = 2.0 * functional.one_hot(target, scores.shape[1]).to(scores.dtype) - 1.0
    return functional.relu(margin - wanted * scores).mean() / margin


def margin_cross_entropy(
    scores: Tensor, target: Tensor, margin: float = MARGIN, temperature: float | None = None
) -> Tensor:
    """Cross-entropy of scores (n, classes) from which the margin is taken away at the target's (n,) class.

    The loss of arXiv 2603.05048 as we take it to be: only its abstract was at hand, which says that it promotes a
    margin between logits, keeps to cross-entropy, and has a margin as its parameter. The scores, less the margin, are
    divided by `temperature`, by default an eighth of the margin. Raises ValueError where either is not above zero.
    """
    divisor = margin / 8 if temperature is None else temperature
    if not margin > 0 or not divisor > 0:
        raise ValueError(f"the margin is {margin} and the temperature {divisor}; use numbers above 0")
    handicap = margin * functional.one_hot(target, scores.shape[1]).to(scores.dtype)
    return functional.cross_entropy((scores - handicap) / divisor, target)


class ModifiedHingeLoss(nn.Module):
    """`modified_hinge` as a module, as PyTorch's own losses are."""

    def __init__(self, margin: float = MARGIN) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, scores: Tensor, target: Tensor) -> Tensor:
        """One number, of scores (n, classes) and target classes (n,)."""
        return modified_hinge(scores, target, self.margin)


class MarginCrossEntropyLoss(nn.Module):
    """`margin_cross_entropy` as a module, as PyTorch's own losses are."""

    def __init__(self, margin: float = MARGIN, temperature: float | None = None) -> None:
        super().__init__()
        self.margin, self.temperature = margin, temperature

    def forward(self, scores: Tensor, target: Tensor) -> Tensor:
        """One number, of scores (n, classes) and target classes (n,)."""
        return margin_cross_entropy(scores, target, self.margin, self.temperature)
