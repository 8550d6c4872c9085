"""Maps with their channels last, as TensorFlow and FINN keep them: what is said of them, said of channels first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgebnn.frontend.operations import Operands, Operation, OperationSequence, Quantised, Transposing


def to_channels_first(rank: int) -> tuple[int, ...]:
    """The order of axes that makes (batch, channels, ...) of (batch, ..., channels)."""
    return (0, rank - 1, *range(1, rank - 1))


def to_channels_last(rank: int) -> tuple[int, ...]:
    """The order of axes that makes (batch, ..., channels) of (batch, channels, ...)."""
    return (0, *range(2, rank), 1)


def channels_first(operation: Operation, rank: int) -> Operation:
    """An operation that wants its channels first, on operand 0 with its channels last; the result has them last too."""
    if rank < 3:
        return operation
    inner = operation.operations if isinstance(operation, OperationSequence) else (operation,)
    return OperationSequence((Transposing(to_channels_first(rank)), *inner, Transposing(to_channels_last(rank))))


def operands_channels_first(operands: Operands, rank: int, also: int | None = None) -> Operands:
    """The operands as an operator with channels first would have them: operand 0, and `also` a constant one."""
    if rank < 3:
        return operands
    order = to_channels_first(rank)
    constants, quantised, shapes = list(operands.constants), list(operands.quantised), list(operands.shapes)
    for index in (0,) if also is None else (0, also):
        shape, constant, known = shapes[index], constants[index], quantised[index]
        if shape is not None and len(shape) == rank:
            shapes[index] = tuple(shape[axis] for axis in order)
        if constant is not None and constant.ndim == rank:
            constants[index] = np.transpose(constant, order)
        if known is not None and known.values.ndim == rank:
            full = np.broadcast_to(known.scale, known.values.shape)
            quantised[index] = Quantised(*(part.transpose(order) for part in (known.values, known.integers, full)))
    return replace(operands, constants=tuple(constants), quantised=tuple(quantised), shapes=tuple(shapes))
