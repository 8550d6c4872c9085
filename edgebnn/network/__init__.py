"""The integer network and the interpreter that is its oracle."""

from edgebnn.network.encoding import encode, how_taken, what_is_taken
from edgebnn.network.interpreter import interpret
from edgebnn.network.network import Network
from edgebnn.network.types import (
    Add,
    Affine,
    Concat,
    Encoding,
    Input,
    Kind,
    Linear,
    MaxPool,
    Node,
    Quantizer,
    Reshape,
    SumPool,
    Take,
    Tensor,
    Threshold,
    WeightKind,
    Window,
)

__all__ = [
    "Add",
    "Affine",
    "Concat",
    "Encoding",
    "Input",
    "Kind",
    "Linear",
    "MaxPool",
    "Network",
    "Node",
    "Quantizer",
    "Reshape",
    "SumPool",
    "Take",
    "Tensor",
    "Threshold",
    "WeightKind",
    "Window",
    "encode",
    "how_taken",
    "interpret",
    "what_is_taken",
]
