"""ONNX's own operators on floats, as PyTorch's two exporters, Larq (by tf2onnx) and others write them."""

from __future__ import annotations

from edgebnn.frontend.elementwise import ELEMENTWISE
from edgebnn.frontend.endings import ENDINGS
from edgebnn.frontend.layers import LAYERS
from edgebnn.frontend.operations import Dialect
from edgebnn.frontend.pools import POOLS
from edgebnn.frontend.resizing import RESIZING
from edgebnn.frontend.selections import SELECTIONS
from edgebnn.frontend.shapes import SHAPES
from edgebnn.frontend.smooth import SMOOTH

PYTORCH = Dialect(
    "ONNX",
    frozenset(("",)),
    {**ELEMENTWISE, **SMOOTH, **LAYERS, **POOLS, **SHAPES, **SELECTIONS, **RESIZING, **ENDINGS},
)
