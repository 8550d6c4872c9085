"""PyTorch layers, training and export; meets the rest of edgebnn only through an ONNX file.

>>> from edgebnn.nn import BinaryConv2d, BinaryLinear, Sign, export_onnx

PyTorch is loaded with the first of these names, not before: docs/training.md has an example.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from edgebnn.errors import ToolError

if TYPE_CHECKING:
    from edgebnn.nn.activations import Quantise
    from edgebnn.nn.bit_errors import BitErrors
    from edgebnn.nn.checked_export import CheckedExport, export
    from edgebnn.nn.layers import (
        BinaryConv1d,
        BinaryConv2d,
        BinaryLinear,
        Sign,
        TernaryConv1d,
        TernaryConv2d,
        TernaryLinear,
        clip_latent,
        sign_ste,
        ternary_ste,
    )
    from edgebnn.nn.losses import MarginCrossEntropyLoss, ModifiedHingeLoss, margin_cross_entropy, modified_hinge
    from edgebnn.nn.onnx_export import export_onnx
    from edgebnn.nn.partly_binarized import binarized
    from edgebnn.nn.trainer import Trained, Trainer
    from edgebnn.nn.weak_reset import WeakResetAdam
    from edgebnn.nn.weak_reset_law import WeakResetLaw

_HOMES = {
    "BitErrors": "bit_errors",
    "CheckedExport": "checked_export",
    "MarginCrossEntropyLoss": "losses",
    "ModifiedHingeLoss": "losses",
    "Quantise": "activations",
    "Trained": "trainer",
    "Trainer": "trainer",
    "WeakResetAdam": "weak_reset",
    "WeakResetLaw": "weak_reset_law",
    "binarized": "partly_binarized",
    "export": "checked_export",
    "export_onnx": "onnx_export",
    "margin_cross_entropy": "losses",
    "modified_hinge": "losses",
}
"""Where the names live that are no layers."""

__all__ = [
    "BinaryConv1d",
    "BinaryConv2d",
    "BinaryLinear",
    "BitErrors",
    "CheckedExport",
    "MarginCrossEntropyLoss",
    "ModifiedHingeLoss",
    "Quantise",
    "Sign",
    "TernaryConv1d",
    "TernaryConv2d",
    "TernaryLinear",
    "Trained",
    "Trainer",
    "WeakResetAdam",
    "WeakResetLaw",
    "binarized",
    "clip_latent",
    "export",
    "export_onnx",
    "margin_cross_entropy",
    "modified_hinge",
    "sign_ste",
    "ternary_ste",
]


def __dir__() -> list[str]:
    """The public names, those that are not loaded yet among them."""
    return sorted(__all__)


def __getattr__(name: str) -> Any:
    """The public names, loaded when they are first used; ToolError where PyTorch is missing."""
    if name not in __all__:
        raise AttributeError(f"module 'edgebnn.nn' has no attribute '{name}'")
    try:
        home = import_module(f"edgebnn.nn.{_HOMES.get(name, 'layers')}")
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise ToolError(f"edgebnn.nn.{name} needs PyTorch: pip install 'edgebnn[train]'") from error
    return getattr(home, name)
