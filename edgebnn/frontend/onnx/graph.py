"""Our own small view of an ONNX graph: checked, immutable, in an order in which it can be run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.onnx.value_info import Stated
from edgebnn.frontend.problems import Refusal

Array = npt.NDArray[Any]

# What an attribute can hold here: numbers, text, tensors, and lists of the first two.
AttributeValue = float | int | str | Array | tuple[float, ...] | tuple[int, ...] | tuple[str, ...]


@dataclass(frozen=True, eq=False)
class OnnxNode:
    """One operator. `inputs` holds "" for an optional input left out; `name` is printable and unique in its graph."""

    name: str
    operator: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, AttributeValue]
    has_subgraph: bool = False

    def integer(self, name: str, default: int) -> int:
        """The attribute as an integer."""
        value = self.attributes.get(name, default)
        if not isinstance(value, int):
            raise _bad_attribute(name, "an integer")
        return value

    def number(self, name: str, default: float) -> float:
        """The attribute as a number."""
        value = self.attributes.get(name, default)
        if not isinstance(value, (int, float)):
            raise _bad_attribute(name, "a number")
        return float(value)

    def integers(self, name: str, default: tuple[int, ...] | None = None) -> tuple[int, ...] | None:
        """The attribute as a list of integers, or the default where the node does not have it."""
        value = self.attributes.get(name, default)
        if value is None:
            return None
        if not isinstance(value, tuple) or not all(isinstance(item, int) for item in value):
            raise _bad_attribute(name, "a list of integers")
        return tuple(int(item) for item in value)

    def text(self, name: str, default: str) -> str:
        """The attribute as text."""
        value = self.attributes.get(name, default)
        if not isinstance(value, str):
            raise _bad_attribute(name, "text")
        return value


@dataclass(frozen=True)
class GraphInput:
    """One of the model's inputs: its element type (a NumPy name), its batch size (1 where open) and its shape."""

    name: str
    dtype: str
    batch: int
    shape: tuple[int, ...]
    open_batch: bool = False

    @property
    def model_shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        return self.shape


@dataclass(frozen=True, eq=False)
class Graph:
    """A model up to one of its outputs, with the inputs that this depends on.

    `constants` are its initializers, `opset` that of the default domain, `stated` what the file says of values.
    """

    name: str
    inputs: tuple[GraphInput, ...]
    output: str
    nodes: tuple[OnnxNode, ...]
    constants: Mapping[str, Array]
    opset: int
    sha256: str
    notes: tuple[str, ...] = ()
    ends_in_half: bool = False
    producer: str = ""
    stated: Mapping[str, Stated] = field(default_factory=dict)

    @property
    def batch(self) -> int:
        """How many samples it takes at once, where any input fixes that; else 1."""
        return max(given.batch for given in self.inputs)

    @property
    def open_batch(self) -> bool:
        """Whether it takes any number of samples at once."""
        return all(given.open_batch for given in self.inputs)

    def readers(self, value: str) -> tuple[OnnxNode, ...]:
        """The nodes that read a value."""
        return tuple(self._readers.get(value, ()))

    @cached_property
    def _readers(self) -> Mapping[str, list[OnnxNode]]:
        found: dict[str, list[OnnxNode]] = {}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                found.setdefault(name, []).append(node)
        return found


def needed(nodes: tuple[OnnxNode, ...], output: str) -> tuple[OnnxNode, ...]:
    """Of nodes in an order in which they can be run, those that the output depends on."""
    wanted = {output}
    kept = []
    for node in reversed(nodes):
        if wanted.intersection(node.outputs):
            wanted.update(node.inputs)
            kept.append(node)
    return tuple(reversed(kept))


def as_integers(array: Array, what: str) -> tuple[int, ...]:
    """A constant as a flat list of integers (axes, pads, a shape); Refusal where it is not one."""
    if array.dtype.kind not in "iu" or array.size > 64:
        raise Refusal(f"has {what} that are not a short list of integers", "export the model again")
    return tuple(int(value) for value in np.atleast_1d(array).reshape(-1))


def _bad_attribute(name: str, wanted: str) -> Refusal:
    return Refusal(f"has an attribute '{name}' that is not {wanted}", "the file is damaged; export the model again")
