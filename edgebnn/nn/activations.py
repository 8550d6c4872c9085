"""Activations of 2 to 8 bits; that of one bit is `Sign`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

MOST_BITS = 8
_LEAST_SCALE = 1e-6  # of a learnt one


class Quantise(nn.Module):
    """Whole multiples of a scale: clamp(round(x / scale)) * scale, halves rounded to even. Any shape, same shape out.

    The multiples are 0 ... 2^bits - 1, or -2^(bits - 1) ... 2^(bits - 1) - 1 where `signed`. The gradient passes where
    x / scale lies within them. With `learned` the scale is a parameter, whose gradient is that of LSQ (Esser et al.,
    arXiv:1902.08153); keep it above zero. Raises ValueError for bits and scales out of range.
    """

    scale: Tensor

    def __init__(self, bits: int, scale: float = 1.0, *, signed: bool = False, learned: bool = False) -> None:
        super().__init__()
        least = 2 if signed else 1
        if not least <= bits <= MOST_BITS:
            raise ValueError(f"{bits} bits are out of range; use {least} to {MOST_BITS}, or Sign for -1 and +1")
        if not 0 < scale < float("inf"):
            raise ValueError(f"the scale is {scale}; use a number above 0")
        self.bits, self.signed = bits, signed
        self.low = -(2 ** (bits - 1)) if signed else 0
        self.high = self.low + 2**bits - 1
        value = torch.tensor(float(scale))
        if learned:
            self.scale = nn.Parameter(value)
        else:
            self.register_buffer("scale", value)

    def forward(self, x: Tensor) -> Tensor:
        """Whole multiples of the scale, in the shape of x."""
        inside = torch.clamp(x / self.scale, self.low, self.high)
        if inside.requires_grad and torch.is_grad_enabled():
            return (inside + (inside.round() - inside).detach()) * self.scale
        return inside.round() * self.scale  # what the exporters see

    def extra_repr(self) -> str:
        """What `print(model)` says of it."""
        return f"bits={self.bits}, scale={self.scale.item():g}, signed={self.signed}"


def keep_scales_positive(model: nn.Module) -> None:
    """Bring learnt scales that an update took to zero or below back above it; call after each step."""
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, Quantise) and isinstance(layer.scale, nn.Parameter):
                layer.scale.clamp_(min=_LEAST_SCALE)
