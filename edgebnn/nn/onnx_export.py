"""From a trained module to an ONNX file that the compiler reads."""

from __future__ import annotations

import copy
import tempfile
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from edgebnn.errors import ModelError
from edgebnn.files import write_whole
from edgebnn.nn.layers import BinaryConv1d, BinaryConv2d, BinaryLinear
from edgebnn.places import check_place

OPSET = 18


def export_onnx(
    model: nn.Module, example: Tensor, path: Path | str, dynamo: bool = False, *, fold_weights: bool = True
) -> None:
    """Write `model` to `path` with the input `x`, the output `scores` and a free batch axis.

    `example` is a batch in the input's shape and type, (n, ...). The model is exported as in `eval()` and is left as
    it was. `fold_weights` stores binary and ternary weights as the constants -1, 0, +1; without it the latent weights
    stay, and the sign is a subgraph of GreaterOrEqual and Where. The TorchScript exporter keeps batch norms apart, so
    that the compiler's thresholds are exact; the other one (`dynamo`) folds them into the weights. The same model
    gives the same bytes. Raises ModelError where the model cannot be exported, DataError where it cannot be written.
    """
    check_place(Path(path))
    write_whole(Path(path), onnx_bytes(model, example, dynamo, fold_weights=fold_weights))


def onnx_bytes(model: nn.Module, example: Tensor, dynamo: bool = False, *, fold_weights: bool = True) -> bytes:
    """What `export_onnx` writes."""
    frozen = copy.deepcopy(model).eval()
    if fold_weights:
        frozen = _folded(frozen)
    for parameter in frozen.parameters():
        parameter.requires_grad_(False)
    try:
        with warnings.catch_warnings(), tempfile.TemporaryDirectory(prefix="edgebnn-") as folder:
            path = Path(folder, "model.onnx")
            warnings.simplefilter("ignore")  # deprecation of the exporter that keeps batch norms apart
            if dynamo:
                torch.onnx.export(
                    frozen,
                    (example,),
                    path,
                    dynamo=True,
                    input_names=["x"],
                    output_names=["scores"],
                    dynamic_shapes=({0: torch.export.Dim("batch")},),
                    opset_version=OPSET,
                    external_data=False,
                    verbose=False,
                )
            else:
                torch.onnx.export(
                    frozen,
                    (example,),
                    path,
                    dynamo=False,
                    input_names=["x"],
                    output_names=["scores"],
                    dynamic_axes={"x": {0: "batch"}, "scores": {0: "batch"}},
                    opset_version=OPSET,
                    # EVAL would fold batch norms into the convolutions, and round
                    training=torch.onnx.TrainingMode.PRESERVE,
                )
            return path.read_bytes()
    except (torch.onnx.errors.OnnxExporterError, RuntimeError, TypeError, ValueError) as error:
        reason = str(error).strip().split("\n", 1)[0]
        raise ModelError(f"the model cannot be exported to ONNX ({reason}); use plain modules") from error


def _folded(module: nn.Module) -> nn.Module:
    """The module with every binary or ternary layer replaced by the plain layer of the same, quantised weights."""
    if isinstance(module, BinaryLinear):
        return _plain(module, nn.Linear(module.in_features, module.out_features, bias=False))
    if isinstance(module, BinaryConv1d | BinaryConv2d):
        kind = nn.Conv1d if isinstance(module, BinaryConv1d) else nn.Conv2d
        convolution = kind(
            module.in_channels,
            module.out_channels,
            module.kernel_size,  # type: ignore[arg-type]
            stride=module.stride,  # type: ignore[arg-type]
            padding=module.padding,  # type: ignore[arg-type]
            dilation=module.dilation,  # type: ignore[arg-type]
            groups=module.groups,
            bias=False,
            padding_mode=module.padding_mode,
        )
        return _plain(module, convolution)
    for name, child in module.named_children():
        setattr(module, name, _folded(child))
    return module


def _plain(module: BinaryLinear | BinaryConv1d | BinaryConv2d, plain: nn.Linear | nn.Conv1d | nn.Conv2d) -> nn.Module:
    """The plain layer with the quantised weights and the bias of the other one."""
    plain.weight = nn.Parameter(module.quantised_weight().detach())
    plain.bias = None if module.bias is None else nn.Parameter(module.bias.detach())
    return plain
