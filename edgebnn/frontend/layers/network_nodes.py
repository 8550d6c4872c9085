"""The nodes of one network as it grows: names that occur once, and what is known of the integers of its tensors."""

from __future__ import annotations

from collections.abc import Sequence

from edgebnn.frontend.activations.activation import Activation
from edgebnn.frontend.activations.raw_input import RawInput, RawInputs
from edgebnn.frontend.algebra.expression import Leaf
from edgebnn.frontend.algebra.integer_sets import grid_of_range
from edgebnn.frontend.problems import printable
from edgebnn.frontend.thresholds.quantisation_levels import Levels
from edgebnn.frontend.thresholds.reachable_values import Branch, Reachable
from edgebnn.network.types import (
    Node,
    Tensor,
)


class NetworkNodes:
    """Nodes in single assignment: `nodes`, which read `inputs` and each other.

    reachable: which integers each tensor can hold.
    """

    def __init__(self, inputs: RawInputs) -> None:
        self.inputs = inputs
        self.nodes: list[Node] = []
        self._names: set[str] = set()
        self._tensors: set[str] = {each.tensor.name for each in inputs.each}
        self._branches: dict[str, Sequence[Branch]] = {}
        self.reachable = self._reached()

    def emit(self, node: Node, *read: Tensor, branches: Sequence[Branch] = ()) -> None:
        """The next node of the network, which reads these tensors; InputReadTwice as `RawInput` has it.

        `branches` say what the model computes where the node adds or joins values of it.
        """
        self.inputs.read_by(node, read)
        self.nodes.append(node)
        self._branches[node.output.name] = branches
        self.reachable.add(node, branches)

    def maker(self, tensor: Tensor) -> Node | None:
        """The node that makes a tensor; None for an input."""
        return next((node for node in reversed(self.nodes) if node.output is tensor), None)

    def tensor(self, name: str) -> Tensor:
        """The tensor of this name, of an input or made by a node."""
        made = (*(each.tensor for each in self.inputs.each), *(node.output for node in self.nodes))
        return next(tensor for tensor in made if tensor.name == name)

    def step(
        self, node: Node, read: Sequence[Tensor], leaf: Leaf, value: str, branches: Sequence[Branch] = ()
    ) -> Activation:
        """A node that makes integers of its own, and the activation of them, each worth what `leaf` says."""
        self.emit(node, *read, branches=branches)
        output = node.output
        return Activation(output, grid_of_range(output), leaf, leaf, output.shape, value, "float")

    def retype(self, given: RawInput, levels: Levels) -> dict[str, Tensor]:
        """The nodes on an input that has become these levels of it, and the tensors that are others now, by name."""
        self.nodes, made = given.retyped(self.nodes, levels, self.tensor_name)
        self.reachable = self._reached()
        return made

    def _reached(self) -> Reachable:
        """What is known of the integers of all tensors so far."""
        reachable = Reachable([each.tensor for each in self.inputs.each])
        for node in self.nodes:
            reachable.add(node, self._branches.get(node.output.name, ()))
        return reachable

    def name(self, name: str) -> str:
        """A printable name for a node that no other node has."""
        return _unique(printable(name), self._names)

    def tensor_name(self, name: str) -> str:
        """A printable name for a tensor that no other tensor has."""
        return _unique(printable(name), self._tensors)


def _unique(name: str, taken: set[str]) -> str:
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = f"{name}#{number}"
    taken.add(candidate)
    return candidate
