"""PyTorch networks written in the ways that people write them, and their export by both of PyTorch's exporters."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

Function = Callable[[torch.Tensor], torch.Tensor]


class _StraightThroughSign(torch.autograd.Function):
    @staticmethod
    def forward(ctx: object, x: torch.Tensor) -> torch.Tensor:
        return torch.where(x >= 0, torch.ones_like(x), -torch.ones_like(x))

    @staticmethod
    def backward(ctx: object, gradient: torch.Tensor) -> torch.Tensor:
        return gradient


# Ways to write a sign, by name. Those with a zero of their own give 0 at 0.
SIGNS: dict[str, Function] = {
    "sign": torch.sign,
    "where_at_least": lambda x: torch.where(x >= 0, 1.0, -1.0),
    "where_above": lambda x: torch.where(x > 0, 1.0, -1.0),
    "where_below": lambda x: torch.where(x < 0, -1.0, 1.0),
    "falling": lambda x: torch.where(x >= 0, -1.0, 1.0),
    "autograd_function": _StraightThroughSign.apply,
    "comparison_as_float": lambda x: 2 * (x > 0).float() - 1,
    "hardtanh_sign": lambda x: torch.sign(functional.hardtanh(x)),
    "detached": lambda x: x + (torch.where(x >= 0, 1.0, -1.0) - x).detach(),
    "zero_to_one": lambda x: torch.where(x == 0, torch.ones_like(x), torch.sign(x)),
}

# Ways to make weights, by name.
WEIGHTS: dict[str, Function] = {
    "sign": torch.sign,
    "where": lambda w: torch.where(w >= 0, 1.0, -1.0),
    "clipped": lambda w: functional.hardtanh(torch.sign(w)),
    "ternary": lambda w: torch.where(w > 0.3, 1.0, torch.where(w < -0.3, -1.0, 0.0)),
    "scaled_per_channel": lambda w: torch.sign(w) * w.abs().flatten(1).mean(1).reshape(-1, *(1,) * (w.ndim - 1)),
    "scaled": lambda w: torch.sign(w) * 0.37,
    "halved": lambda w: torch.sign(w) * 0.5,
}


class BinaryConv1d(nn.Conv1d):
    """A convolution whose weights go through one of `WEIGHTS`."""

    def __init__(self, *arguments: object, weights: str = "sign", **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        self.binarize = WEIGHTS[weights]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self._conv_forward(x, self.binarize(self.weight), self.bias)


class BinaryConv2d(nn.Conv2d):
    """A convolution whose weights go through one of `WEIGHTS`."""

    def __init__(self, *arguments: object, weights: str = "sign", **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        self.binarize = WEIGHTS[weights]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self._conv_forward(x, self.binarize(self.weight), self.bias)


class BinaryLinear(nn.Linear):
    """A dense layer whose weights go through one of `WEIGHTS`."""

    def __init__(self, *arguments: object, weights: str = "sign", **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        self.binarize = WEIGHTS[weights]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.linear(x, self.binarize(self.weight), self.bias)


class Apply(nn.Module):
    """A function as a module."""

    def __init__(self, function: Function) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x)


def sign(name: str) -> Apply:
    """One of `SIGNS` as a module."""
    return Apply(SIGNS[name])


def trained(model: nn.Module, seed: int, fresh: bool = False) -> nn.Module:
    """The model in evaluation mode with random weights, and batch norms as after training (some gammas negative).

    With `fresh` the batch norms are as PyTorch makes them: mean 0, variance 1, so that zeros before a sign are many.
    """
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Linear)):
            module.weight.data = torch.randn(module.weight.shape, generator=generator)
            if module.bias is not None:
                module.bias.data = torch.randn(module.bias.shape, generator=generator)
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)) and not fresh:
            shape = module.weight.shape
            module.weight.data = torch.randn(shape, generator=generator)
            module.bias.data = torch.randn(shape, generator=generator)
            assert module.running_mean is not None and module.running_var is not None
            module.running_mean.data = 3 * torch.randn(shape, generator=generator)
            module.running_var.data = 20 * torch.rand(shape, generator=generator) + 0.1
    return model.eval()


def export(
    model: nn.Module, shape: tuple[int, ...], path: Path, exporter: str = "torchscript", opset: int | None = None
) -> Path:
    """Exports for inputs (batch, *shape) with a dynamic batch; `exporter` is `torchscript` or `dynamo`."""
    example = (torch.zeros(2, *shape),)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            if exporter == "dynamo":
                batch = ({0: torch.export.Dim("batch")},)
                program = torch.onnx.export(
                    model, example, dynamo=True, opset_version=opset, dynamic_shapes=batch, verbose=False
                )
                assert program is not None
                program.save(str(path))
            else:
                torch.onnx.export(
                    model,
                    example,
                    str(path),
                    dynamo=False,
                    opset_version=opset,
                    input_names=["x"],
                    output_names=["scores"],
                    dynamic_axes={"x": {0: "batch"}},
                )
        finally:
            logging.disable(logging.NOTSET)
    return path
