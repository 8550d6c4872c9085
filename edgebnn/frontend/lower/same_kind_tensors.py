"""Activations as tensors of one kind, which can lie one behind another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from edgebnn.choices import choice
from edgebnn.frontend.activations.activation import Activation
from edgebnn.frontend.layers.layer_sums import Line
from edgebnn.frontend.layers.network_builder import Emitter
from edgebnn.frontend.layers.network_nodes import NetworkNodes
from edgebnn.frontend.lower.affine_activations import line_of
from edgebnn.frontend.lower.fixed_point import aligned, times
from edgebnn.frontend.problems import Refusal
from edgebnn.network.types import Kind, Reshape, Take, Tensor, Threshold

_PACKED = (Kind.BITS, Kind.TRITS)
_NARROW = (*_PACKED, Kind.INTEGERS)
_MOST_BITS = 16


def joinable(emitter: Emitter, activations: Sequence[Activation]) -> tuple[Line, ...]:
    """The activations as lines of tensors of one kind.

    Activations and inputs stay the integers that they are, which a layer can read, each channel worth what it is; sums
    are brought to one slope.
    """
    lines = [line_of(emitter, activation) for activation in activations]
    narrow = [line for line in lines if line is not None and line.tensor.kind in _NARROW]
    if len(narrow) == len(lines):
        return _narrow(emitter.network, narrow)
    return tuple(_as_sums(emitter.network, _moved(emitter.network, line)) for line in aligned(emitter, activations))


def _narrow(network: NetworkNodes, lines: Sequence[Line]) -> tuple[Line, ...]:
    lines = [_moved(network, line) for line in lines]
    if len({line.tensor.kind for line in lines}) > 1:
        lines = [_as_integers(network, line) for line in lines]
    low, high = min(line.tensor.low for line in lines), max(line.tensor.high for line in lines)
    if replace(lines[0].tensor, low=low, high=high).bits > _MOST_BITS:
        raise Refusal(
            f"joins integers that run from {low} to {high}, which {_MOST_BITS} bits do not hold",
            f"use a narrower {choice('input_type')}",
        )
    return tuple(lines)


def _moved(network: NetworkNodes, line: Line) -> Line:
    """A line whose tensor can be joined: flattened bits lie in memory as the map that they were, and are moved."""
    tensor = line.tensor
    if tensor.kind not in _PACKED or not isinstance(network.maker(tensor), Reshape) or tensor.spatial:
        return line
    name = f"{tensor.name}.vector"
    output = replace(tensor, name=network.tensor_name(name))
    places = np.arange(tensor.channels, dtype=np.int32)
    network.emit(Take(network.name(name), (tensor.name,), output, places), tensor)
    return replace(line, tensor=output)


def _as_integers(network: NetworkNodes, line: Line) -> Line:
    """Bits and trits as the elements that integers are."""
    tensor = line.tensor
    if tensor.kind not in _PACKED:
        return line
    steps = np.array([1] if tensor.kind is Kind.BITS else [0, 1], np.int32)
    name = f"{tensor.name}.elements"
    output = Tensor(network.tensor_name(name), Kind.INTEGERS, tensor.shape, tensor.low, tensor.high, tensor.scale)
    node = Threshold(
        network.name(name),
        (tensor.name,),
        output,
        np.tile(steps, (tensor.channels, 1)),
        np.ones(tensor.channels, np.int8),
        low=-1,
        step=2 if tensor.kind is Kind.BITS else 1,
    )
    network.emit(node, tensor)
    return replace(line, tensor=output)


def _as_sums(network: NetworkNodes, line: Line) -> Line:
    tensor = line.tensor
    return line if tensor.kind is Kind.SUMS else times(network, line, (1,) * tensor.channels, "sums")
