"""The network's inputs while the model may still quantise them by itself: who reads them, and under which shapes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from edgebnn.frontend.activations.activation import Activation
from edgebnn.frontend.algebra.exact_numbers import Effort
from edgebnn.frontend.problems import Refusal
from edgebnn.frontend.thresholds.quantisation_levels import Levels
from edgebnn.frontend.thresholds.thresholds import find_real_steps
from edgebnn.network.types import Node, Quantizer, Reshape, Tensor


class InputReadTwice(Exception):
    """The model's own quantiser of an input is not all that reads the input `name`."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class RawInputs:
    """All inputs of a model as they are given."""

    def __init__(self, each: Sequence[RawInput]) -> None:
        self.each = tuple(each)

    def of(self, tensor: Tensor) -> RawInput | None:
        """The input that a tensor is, under any shape; None where it is made by the network."""
        return next((each for each in self.each if each.holds(tensor)), None)

    def open(self, tensor: Tensor) -> bool:
        """Whether steps of this tensor would be those of an input, and may become its encoding."""
        found = self.of(tensor)
        return found is not None and found.encodes

    def read_by(self, node: Node, read: Sequence[Tensor]) -> None:
        """Takes note of a node that reads these tensors; InputReadTwice as `RawInput` has it."""
        for each in self.each:
            each.read_by(node, read)


class RawInput:
    """An input as it is given, with what was reshaped of it.

    With `encodes`, the first steps that the model takes of it become its encoding, `quantizer`, and `tensor`
    what they make. InputReadTwice where something else reads the input too.
    """

    def __init__(self, given: Tensor, encodes: bool) -> None:
        self.tensor = given
        self.quantizer: Quantizer | None = None
        self._given = given
        self.encodes = encodes
        self._read = False
        self._shapes = [given]

    def holds(self, tensor: Tensor) -> bool:
        """Whether a tensor is the input as it is given, under any shape."""
        return any(tensor is each for each in self._shapes)

    def read_by(self, node: Node, read: Sequence[Tensor]) -> None:
        """Takes note of a node that reads these tensors; InputReadTwice as said above."""
        if not any(map(self.holds, read)):
            return
        if isinstance(node, Reshape):
            self._shapes.append(node.output)
        else:
            self._read = True
        if self.quantizer is not None:
            raise InputReadTwice(self.tensor.name)

    def quantised(self, activation: Activation, effort: Effort) -> Levels | None:
        """The levels of steps of this input, which become its encoding; None where they are to be nodes."""
        if not self.encodes:
            return None
        if self.quantizer is not None:
            raise InputReadTwice(self.tensor.name)
        try:
            quantizer, levels = find_real_steps(
                activation.expression, activation.leaf, activation.base.channels, effort
            )
        except Refusal:  # steps of integers may do all the same
            return None
        if activation.base is not self._given:
            if len(np.unique(np.column_stack([quantizer.thresholds, quantizer.direction]), axis=0)) > 1:
                return None
            every = np.zeros(self._given.channels, np.int64)
            quantizer = replace(quantizer, thresholds=quantizer.thresholds[every], direction=quantizer.direction[every])
        self.quantizer = quantizer
        self.tensor = typed(self._given, levels)
        if self._read:
            raise InputReadTwice(self.tensor.name)
        return levels

    def retyped(
        self, nodes: Sequence[Node], levels: Levels, named: Callable[[str], str]
    ) -> tuple[list[Node], dict[str, Tensor]]:
        """The nodes, those that reshaped the input as ones that reshape its levels; and these tensors by the old names.

        `named` makes a name that no other tensor has.
        """
        made = {self.tensor.name: self.tensor}
        moved: list[Node] = []
        for node in nodes:
            if self.holds(node.output):
                output = typed(replace(node.output, name=named(f"{node.output.name}.integers")), levels)
                made[node.output.name] = output
                node = replace(node, sources=(made[node.sources[0]].name,), output=output)
            moved.append(node)
        return moved, made


def typed(tensor: Tensor, levels: Levels) -> Tensor:
    """The tensor with the kind and range of levels."""
    return replace(tensor, kind=levels.kind, low=levels.low, high=levels.high, scale=float(levels.scale))
