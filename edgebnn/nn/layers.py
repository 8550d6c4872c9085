"""Layers whose weights are +-1, or -1, 0, +1, in the forward pass and real in the optimiser's hands.

The latent weights are trained through the straight-through estimator (Courbariaux and Bengio, arXiv:1602.02830): the
forward pass sees the sign, the backward pass sees the identity where the latent value lies within [-1, 1].
Zero counts as +1, as in the chip's comparators.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

TERNARY_THRESHOLD = 0.05
"""Latent weights within it become 0; the value of the authors' code (chip.md, networks of the papers)."""


def sign_ste(x: Tensor) -> Tensor:
    """+1 where x >= 0, else -1; the gradient passes where |x| <= 1. Any shape, same shape out."""
    return _with_ste(torch.where(x >= 0, 1.0, -1.0), x)


def ternary_ste(x: Tensor, threshold: float = TERNARY_THRESHOLD) -> Tensor:
    """-1, 0 or +1: 0 where |x| <= threshold; the gradient passes where |x| <= 1. Any shape, same shape out."""
    return _with_ste(torch.where(x > threshold, 1.0, 0.0) - torch.where(x < -threshold, 1.0, 0.0), x)


def _with_ste(quantised: Tensor, latent: Tensor) -> Tensor:
    """`quantised`, through which the gradient flows to `latent`; without gradients plain, as the exporters need it."""
    if not (latent.requires_grad and torch.is_grad_enabled()):
        return quantised
    passed: Tensor = _StraightThrough.apply(quantised, latent)  # type: ignore[no-untyped-call]
    return passed


class _StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, quantised: Tensor, latent: Tensor) -> Tensor:
        ctx.save_for_backward(latent)
        return quantised.detach()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor]:
        (latent,) = ctx.saved_tensors
        return None, gradients[0] * (latent.abs() <= 1)


def clip_latent(model: nn.Module) -> None:
    """Bring the latent weights back into [-1, 1], beyond which no gradient reaches them; call after each step."""
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, BinaryLinear | BinaryConv1d | BinaryConv2d):
                layer.weight.clamp_(-1.0, 1.0)


class Sign(nn.Module):
    """The activation: `sign_ste` as a module, for `nn.Sequential`."""

    def forward(self, x: Tensor) -> Tensor:
        """+-1 in the shape of x."""
        return sign_ste(x)


class LayerErrors(Protocol):
    """What `BitErrors` attaches to a layer: weights and sums with errors in place of those without."""

    @property
    def reads_err(self) -> bool: ...
    def weights(self, layer: nn.Module, weight: Tensor) -> Tensor: ...
    def sums(self, sums: Tensor, products: Tensor | float) -> Tensor: ...


class _Binary(nn.Module):
    """What all layers share: latent weights, and the sign of them in the forward pass."""

    weight: Tensor
    errors: LayerErrors | None = None

    def _computed(self, x: Tensor, bias: Tensor | None, compute: Callable[..., Tensor]) -> Tensor:
        """`compute(x, weights, bias)`, with the errors that are attached."""
        weight = self.quantised_weight()
        if self.errors is None:
            return compute(x, weight, bias)
        weight = self.errors.weights(self, weight)
        if not self.errors.reads_err:
            return compute(x, weight, bias)
        sums = compute(x, weight, None)
        with torch.no_grad():  # padding and zero weights make no product
            products = compute(x.abs(), weight.abs(), None)
        read = self.errors.sums(sums, products)
        if bias is None:
            return read
        return read + bias.view(-1, *(1,) * (self.weight.dim() - 2))

    def quantised_weight(self) -> Tensor:
        """The weights as the chip holds them, in the shape of `weight`."""
        return sign_ste(self.weight)


class _Ternary(_Binary):
    """Weights -1, 0, +1 in place of +-1."""

    def quantised_weight(self) -> Tensor:
        """The weights as the chip holds them, in the shape of `weight`."""
        return ternary_ste(self.weight)


def ternary_layer(layer: nn.Module) -> bool:
    """Whether a layer of this module has weights -1, 0, +1."""
    return isinstance(layer, _Ternary)


class _BinaryConvolution(_Binary):
    """What the convolutions share, over one axis or two."""

    _conv_forward: Callable[[Tensor, Tensor, Tensor | None], Tensor]  # PyTorch's, with any weights
    bias: Tensor | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, ...],
        stride: int | tuple[int, ...] = 1,
        padding: int | tuple[int, ...] | str = 0,
        dilation: int | tuple[int, ...] = 1,
        groups: int = 1,
        bias: bool = False,
        padding_mode: str = "zeros",
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=groups,
            bias=bias,
            padding_mode=padding_mode,
        )
        _spread(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Integers (plus the bias) where x holds integers."""
        return self._computed(x, self.bias, self._conv_forward)


class BinaryLinear(_Binary, nn.Linear):
    """Dense layer with +-1 weights, without a bias unless asked (a batch norm after it has one): (n, in) -> (n, out).

    The arguments are those of `torch.nn.Linear`.
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = False) -> None:
        super().__init__(in_features, out_features, bias=bias)
        _spread(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Integers (plus the bias) where x holds integers, (n, out)."""
        return self._computed(x, self.bias, functional.linear)


class TernaryLinear(_Ternary, BinaryLinear):
    """Dense layer with weights -1, 0, +1."""


class BinaryConv1d(_BinaryConvolution, nn.Conv1d):
    """Convolution over time with +-1 weights: (n, in, length) -> (n, out, positions).

    The arguments are those of `torch.nn.Conv1d`, but that there is no bias unless asked.
    """


class TernaryConv1d(_Ternary, BinaryConv1d):
    """Convolution over time with weights -1, 0, +1."""


class BinaryConv2d(_BinaryConvolution, nn.Conv2d):
    """Convolution over an image with +-1 weights: (n, in, h, w) -> (n, out, h', w').

    The arguments are those of `torch.nn.Conv2d`, but that there is no bias unless asked.
    """


class TernaryConv2d(_Ternary, BinaryConv2d):
    """Convolution over an image with weights -1, 0, +1."""


def _spread(weight: Tensor) -> None:
    """Latent weights uniform in +-0.1: close enough to zero that signs still flip within the first epochs."""
    nn.init.uniform_(weight, -0.1, 0.1)
