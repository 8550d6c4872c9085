"""What a recogniser says of one node, carried out on arrays: the neutral operations by their own definitions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import NodeProto

from edgebnn.frontend.algebra.operators import OPERATORS
from edgebnn.frontend.dialects.dialect_table import recogniser_of
from edgebnn.frontend.onnx.graph import Array, OnnxNode
from edgebnn.frontend.operations import (
    Averaging,
    Call,
    Elementwise,
    Forwarding,
    Joining,
    Knowing,
    Operand,
    Operands,
    Operation,
    OperationSequence,
    Padding,
    Pooling,
    Quantised,
    Rearranging,
    Term,
    Transposing,
    WeightedSum,
)
from edgebnn.network.types import Window


def node_of(operator: str, domain: str = "", operands: int = 1, outputs: int = 1, **attributes: Any) -> OnnxNode:
    """A node with so many operands; attributes in the types that the reader gives."""
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in attributes.items()}
    names = tuple(f"i{index}" for index in range(operands))
    return OnnxNode(operator.lower(), operator, domain, names, tuple(f"o{index}" for index in range(outputs)), values)


def proto_of(node: OnnxNode) -> NodeProto:
    """The same node as a protobuf."""
    from onnx import helper

    attributes = {key: list(value) if isinstance(value, tuple) else value for key, value in node.attributes.items()}
    return helper.make_node(node.operator, list(node.inputs), list(node.outputs), domain=node.domain, **attributes)


def recognise(
    node: OnnxNode, signals: dict[int, Array], constants: dict[int, Array | Quantised], opset: int = 21
) -> Operation:
    """What a node is, where the operands of `signals` are values of the network (only their shapes are told)."""
    count = 1 + max([*signals, *constants])
    plain = {index: value.values if isinstance(value, Quantised) else value for index, value in constants.items()}
    return recogniser_of(node)(
        node,
        Operands(
            tuple(plain.get(index) for index in range(count)),
            tuple(value if isinstance(value := constants.get(index), Quantised) else None for index in range(count)),
            tuple(
                (signals | plain)[index].shape if index in signals or index in plain else None for index in range(count)
            ),
            tuple(index in signals or index in constants for index in range(count)),
            (False,) * count,
            opset,
        ),
    )


def carried_out(operation: Operation, *values: Array) -> Array:
    """An operation on arrays: elements in float32 as its operators say, sums exactly."""
    match operation:
        case Elementwise():
            with np.errstate(all="ignore"):
                return np.asarray(_term(operation.call, values))
        case OperationSequence():
            for step in operation.operations:
                values = (carried_out(step, *values), *values[1:])
            return values[0]
        case Forwarding():
            return values[0]
        case Transposing():
            return np.transpose(values[0], operation.order)
        case Rearranging():
            return values[0].reshape(operation.shape)
        case Joining():
            parts = [carried_out(part, *values) for part in operation.parts]
            return np.concatenate(parts or values, operation.axis)
        case Padding():
            pads = [(0, 0), (0, 0), *zip(operation.begin, operation.end, strict=True)]
            return np.pad(values[0], pads, constant_values=operation.value)
        case Knowing():
            return operation.value.values if isinstance(operation.value, Quantised) else operation.value
        case WeightedSum():
            return _sums(values[0], operation)
        case Averaging() | Pooling():
            return _pooled(values[0], operation)
    raise TypeError(type(operation).__name__)


def _term(term: Term, values: Sequence[Array]) -> Any:
    match term:
        case Operand():
            return values[term.index]
        case Call():
            return OPERATORS[term.operator].value(*(_term(each, values) for each in term.terms))
        case _:
            return term


def _patches(x: Array, window: Window, fill: float) -> npt.NDArray[np.float64]:
    """(batch, channels, *places, *kernel), exactly."""
    rank = len(window.kernel)
    pads = [(0, 0), (0, 0), *zip(window.pad_begin, window.pad_end, strict=True)]
    padded = np.pad(x.astype(np.float64), pads, constant_values=fill)
    spans = tuple(d * (k - 1) + 1 for k, d in zip(window.kernel, window.dilation, strict=True))
    views = np.lib.stride_tricks.sliding_window_view(padded, spans, tuple(range(2, 2 + rank)))
    cut = [slice(None)] * 2 + [slice(None, None, s) for s in window.stride]
    return views[tuple(cut + [slice(None, None, d) for d in window.dilation])]


def _sums(x: Array, layer: WeightedSum) -> Array:
    weights = layer.weights.values if isinstance(layer.weights, Quantised) else layer.weights
    groups, rank = layer.groups, len(layer.window.kernel)
    if isinstance(layer.weights, Quantised):
        assert np.array_equal(weights, (layer.weights.integers * layer.weights.scale).astype(np.float32))
    patches = _patches(x, layer.window, 0.0)
    outputs = []
    for group, part in enumerate(np.split(weights.astype(np.float64), groups)):
        inputs = part.shape[1]
        own = patches[:, group * inputs : (group + 1) * inputs]
        axes = (1, *range(2 + rank, 2 + 2 * rank))
        outputs.append(np.moveaxis(np.tensordot(own, part, (axes, (1, *range(2, 2 + rank)))), -1, 1))
    sums = np.concatenate(outputs, 1)
    if layer.bias is not None:
        sums = sums + layer.bias.astype(np.float64).reshape(1, -1, *(1,) * rank)
    return sums.astype(np.float32)


def _pooled(x: Array, pool: Averaging | Pooling) -> Array:
    spatial = x.shape[2:]
    zeros, ones = (0,) * len(spatial), (1,) * len(spatial)
    window = pool.window or Window(spatial, ones, ones, zeros, zeros)
    axes = tuple(range(2 + len(spatial), 2 + 2 * len(spatial)))
    if isinstance(pool, Pooling):
        return _patches(x, window, -np.inf).max(axes).astype(np.float32)
    sums = _patches(x, window, 0.0).sum(axes)
    if not pool.divides:
        return sums.astype(np.float32)
    counts = pool.divisors or tuple((kernel,) for kernel in window.kernel)
    mean = (sums / reduce(np.multiply.outer, map(np.array, counts))).astype(np.float32)
    return mean if pool.keeps_map else mean.reshape(mean.shape[:2])
