"""Channel shuffle as exporters write it: a reshape that splits axes, a transposition, and a reshape that joins them."""

from __future__ import annotations

from edgebnn.frontend.arrangements import arrangement_of
from edgebnn.frontend.graph import Graph, Node
from edgebnn.frontend.operations import Rearranging, Transposing
from edgebnn.frontend.signals import Shuffle, Signal

_OPERATORS = ("Reshape", "Transpose", "Reshape")
SHUFFLE_STEPS = len(_OPERATORS)


def is_shuffle(graph: Graph, node: Node) -> bool:
    """Whether the node begins one: each step's value is read by the next one alone."""
    for number, operator in enumerate(_OPERATORS, start=1):
        if node.operator != operator or node.domain:
            return False
        if number < SHUFFLE_STEPS:
            readers = graph.readers(node.outputs[0])
            if len(readers) != 1 or node.outputs[0] == graph.output:
                return False
            node = readers[0]
    return True


def stepped(signal: Signal, node: Node, operation: Rearranging | Transposing) -> Shuffle:
    """The signal's shuffle with one more step, its first one where it has none yet."""
    before = signal.shuffle
    steps = () if before is None else before.steps
    if before is not None:
        arrangement = before.arrangement
    else:
        arrangement = None if signal.view.order is not None else arrangement_of(signal.shape, signal.view)
    if arrangement is not None and isinstance(operation, Transposing):
        arrangement = arrangement.transposed([axis - 1 for axis in operation.order[1:]])
    elif arrangement is not None and isinstance(operation, Rearranging):
        arrangement = arrangement.reshaped(operation.shape[1:])
    return Shuffle(arrangement, (*steps, (node, operation)))
