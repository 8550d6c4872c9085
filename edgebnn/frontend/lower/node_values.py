"""What the values of a model are while it is read: constants, quantised constants, activations, or unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgebnn.frontend.activations.activation import Activation
from edgebnn.frontend.onnx.graph import Array
from edgebnn.frontend.operations import Operands, Padding, Quantised


@dataclass(frozen=True)
class Unknown:
    """The value of a node that is not mapped."""


Value = Array | Quantised | Activation | Unknown


def operands_of(values: Sequence[Value | None], batch: int, opset: int) -> Operands:
    """What a recogniser may know of a node's operands."""
    shapes: list[tuple[int, ...] | None] = []
    for value in values:
        match value:
            case np.ndarray():
                shapes.append(value.shape)
            case Quantised():
                shapes.append(value.values.shape)
            case Activation(padding=None):
                shapes.append((batch, *value.model_shape))
            case Activation(padding=Padding() as padding):
                grown = zip(value.shape[1:], padding.begin, padding.end, strict=True)
                extents = (value.shape[0], *(sum(extent) for extent in grown))
                shapes.append((batch, *value.view.shape(extents)))
            case _:
                shapes.append(None)
    return Operands(
        tuple(_constant(value) for value in values),
        tuple(value if isinstance(value, Quantised) else None for value in values),
        tuple(shapes),
        tuple(value is not None for value in values),
        tuple(isinstance(value, Unknown) for value in values),
        opset,
    )


def _constant(value: Value | None) -> Array | None:
    if isinstance(value, Quantised):
        return value.values
    return value if isinstance(value, np.ndarray) else None
