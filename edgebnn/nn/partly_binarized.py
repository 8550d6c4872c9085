"""A model of PyTorch's own layers with binary or ternary ones in place of all, or of the classifier's alone."""

from __future__ import annotations

import copy

import torch
from torch import nn

from edgebnn.nn.layers import (
    BinaryConv1d,
    BinaryConv2d,
    BinaryLinear,
    TernaryConv1d,
    TernaryConv2d,
    TernaryLinear,
)

_TWINS: dict[str, tuple[type[BinaryLinear], type[BinaryConv1d], type[BinaryConv2d]]] = {
    "binary": (BinaryLinear, BinaryConv1d, BinaryConv2d),
    "ternary": (TernaryLinear, TernaryConv1d, TernaryConv2d),
}
_ONLY = ("all", "classifier")
# The spread of new layers' latent weights, uniform in +-0.1: small enough that signs still flip in the first epochs.
_SPREAD = 0.1 / 3**0.5


def binarized(model: nn.Module, weights: str = "binary", only: str = "all") -> nn.Module:
    """A copy of the model whose layers have `binary` or `ternary` weights: `all` of them, or the `classifier`.

    The classifier is the dense layers, as in arXiv 2006.11595: convolutions keep real weights, which become int8 where
    the exported model is compiled with a calibration. Latent weights are the layers' own, brought to the spread of new
    ones, so signs are those of the weights; biases stay. Activations and batch norms stay as they are. Layers that are
    binary or ternary already, and those of other kinds, stay too. Raises ValueError for another word.
    """
    if weights not in _TWINS:
        raise ValueError(f"there are no '{weights}' weights; use {' or '.join(_TWINS)}")
    if only not in _ONLY:
        raise ValueError(f"'{only}' says no layers; use {' or '.join(_ONLY)}")
    return _replaced(copy.deepcopy(model), weights, only == "all")


def _replaced(module: nn.Module, weights: str, convolutions: bool) -> nn.Module:
    dense, along, over = _TWINS[weights]
    if type(module) is nn.Linear:
        return _with_latent(dense(module.in_features, module.out_features, module.bias is not None), module)
    if convolutions and type(module) in (nn.Conv1d, nn.Conv2d):
        assert isinstance(module, nn.Conv1d | nn.Conv2d)
        twin = (along if isinstance(module, nn.Conv1d) else over)(
            module.in_channels,
            module.out_channels,
            module.kernel_size,
            stride=module.stride,
            padding=module.padding,
            dilation=module.dilation,
            groups=module.groups,
            bias=module.bias is not None,
            padding_mode=module.padding_mode,
        )
        return _with_latent(twin, module)
    for name, child in module.named_children():
        setattr(module, name, _replaced(child, weights, convolutions))
    return module


def _with_latent(twin: BinaryLinear | BinaryConv1d | BinaryConv2d, own: nn.Linear | nn.Conv1d | nn.Conv2d) -> nn.Module:
    """The twin on the device and in the mode of the layer, with its weights as the latent ones."""
    twin = twin.to(own.weight.device, own.weight.dtype).train(own.training)
    with torch.no_grad():
        spread = own.weight.std(correction=0)
        twin.weight.copy_((own.weight * (_SPREAD / spread) if spread > 0 else own.weight).clamp(-1, 1))
        if own.bias is not None and twin.bias is not None:
            twin.bias.copy_(own.bias)
    return twin
