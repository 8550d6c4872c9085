"""ONNX's own operators on floats, as PyTorch's two exporters, Larq (by tf2onnx) and others write them."""

from __future__ import annotations

from edgebnn.frontend.dialects.conv_gemm_batchnorm import LAYERS
from edgebnn.frontend.dialects.elementwise import ELEMENTWISE
from edgebnn.frontend.dialects.output_operators import ENDINGS
from edgebnn.frontend.dialects.pooling_and_padding import POOLS
from edgebnn.frontend.dialects.reshape_transpose_concat import SHAPES
from edgebnn.frontend.dialects.resize import RESIZING
from edgebnn.frontend.dialects.slice_gather_split import SELECTIONS
from edgebnn.frontend.dialects.smooth_activations import SMOOTH
from edgebnn.frontend.operations import Dialect

PYTORCH = Dialect(
    "ONNX",
    frozenset(("",)),
    {**ELEMENTWISE, **SMOOTH, **LAYERS, **POOLS, **SHAPES, **SELECTIONS, **RESIZING, **ENDINGS},
)
