"""What a model that leaves its batch open does with more than one sample: each node is asked what it means for two."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from edgebnn.frontend.lower.node_values import Value, operands_of
from edgebnn.frontend.onnx.graph import Array, Graph, OnnxNode
from edgebnn.frontend.operations import (
    Call,
    Elementwise,
    Forwarding,
    Knowing,
    Operand,
    Operands,
    Operation,
    OperationSequence,
    Quantised,
    Rearranging,
    Several,
    Taking,
    Term,
    Transposing,
)
from edgebnn.frontend.problems import Refusal

_TWO = 2
_MOVES = (Forwarding, Rearranging, Taking, Transposing)

Constant = Array | Quantised
Recognise = Callable[[OnnxNode, Operands], Operation]


class OpenBatch:
    """The walk over a graph as it would be with two samples instead of one, where the graph leaves that open.

    `alone` are the nodes that mean something else then: the whole model takes one sample at a time.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._of_two: dict[str, Array] = {}  # constants that have other values for two samples
        self.alone: list[OnnxNode] = []

    def know_shape(self, node: OnnxNode, values: Sequence[Value | None], shape: Constant, recognise: Recognise) -> None:
        """A shape became a constant; with the batch in it, it is another for two samples, as `recognise` says."""
        if self._graph.open_batch and node.operator == "Shape" and isinstance(shape, np.ndarray):
            of_two = recognise(node, operands_of(values, _TWO, self._graph.opset))
            assert isinstance(of_two, Knowing) and isinstance(of_two.value, np.ndarray), "a shape is known"
            if not np.array_equal(of_two.value, shape):
                self._of_two[node.outputs[0]] = of_two.value

    def know_folded(
        self, node: OnnxNode, constants: Sequence[Constant | None], result: Constant, fold: Callable[..., Constant]
    ) -> None:
        """A constant node was folded; it is folded again where its operands are others for two samples."""
        if any(name in self._of_two for name in node.inputs):
            other = fold(node, [self._of_two.get(name, value) for name, value in self._named(node, constants)])
            if isinstance(result, np.ndarray) and isinstance(other, np.ndarray) and not np.array_equal(result, other):
                self._of_two[node.outputs[0]] = other

    def check(self, node: OnnxNode, values: Sequence[Value | None], operation: Operation, recognise: Recognise) -> None:
        """Refusal where a node computes with the size of the batch.

        Where it only moves values, `recognise` says what it means for two samples.
        """
        if not self._graph.open_batch:
            return
        if _only_moves(operation):
            others = [self._of_two.get(name, value) for name, value in self._named(node, values)]
            try:
                of_two = recognise(node, operands_of(others, _TWO, self._graph.opset))
            except Refusal:
                self.alone.append(node)
                return
            if _steps(of_two) != [_with_batch(step, _TWO) for step in _steps(operation)]:
                self.alone.append(node)
        elif any(self._differs(name, value) for name, value in self._named(node, values)):
            raise Refusal("computes with the size of the batch", "export the model without it, or with a fixed batch")

    def _differs(self, name: str, value: Value | None) -> bool:
        """Whether a constant has other values, not only more of the same, for two samples."""
        other = self._of_two.get(name)
        return other is not None and isinstance(value, np.ndarray) and not _repeats(value, other)

    @staticmethod
    def _named(node: OnnxNode, values: Sequence[Value | None]) -> list[tuple[str, Value | None]]:
        return list(zip(node.inputs, values, strict=True))


def check_samples(operands: Operands, operation: Elementwise, batch: int) -> None:
    """Refusal where an operator combines values of the network with constants for other samples than `batch`."""
    pairs = zip(operands.shapes, operands.constants, strict=True)
    rank = max((len(shape) for shape, constant in pairs if constant is None and shape is not None), default=0)
    for constant in _constants(operation.call):
        if constant.ndim == rank > 0 and constant.shape[0] not in (1, batch):
            raise Refusal(
                f"has constants for {constant.shape[0]} samples at once", "use one value, or one for each channel"
            )


def _constants(term: Term) -> Iterator[Array]:
    """What a term combines its operands with; not what it was made of, such as a matrix of thresholds."""
    match term:
        case Operand():
            return
        case Call():
            for inner in term.terms:
                yield from _constants(inner)
        case _:
            yield term


def _only_moves(operation: Operation) -> bool:
    return all(isinstance(step, _MOVES) for step in _steps(operation))


def _steps(operation: Operation) -> list[Operation]:
    if isinstance(operation, (OperationSequence, Several)):
        return [step for part in operation.operations for step in _steps(part)]
    return [operation]


def _with_batch(step: Operation, batch: int) -> Operation:
    return replace(step, shape=(batch, *step.shape[1:])) if isinstance(step, Rearranging) else step


def _repeats(value: Array, other: Array) -> bool:
    """Whether a constant for two samples is that for one, once or over and over along the batch axis."""
    if value.shape[1:] != other.shape[1:] or value.shape[:1] not in ((1,), other.shape[:1]):
        return False
    return bool(np.all(value == other))
