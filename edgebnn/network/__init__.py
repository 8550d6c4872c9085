"""The integer network and the interpreter that is its oracle."""

from edgebnn.network.interpreter import interpret
from edgebnn.network.types import (
    Affine,
    Kind,
    Linear,
    MaxPool,
    Network,
    Node,
    Reshape,
    Tensor,
    Threshold,
    WeightKind,
    Window,
)

__all__ = [
    "Affine",
    "Kind",
    "Linear",
    "MaxPool",
    "Network",
    "Node",
    "Reshape",
    "Tensor",
    "Threshold",
    "WeightKind",
    "Window",
    "interpret",
]
