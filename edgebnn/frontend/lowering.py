"""From the graph of a model to the integer network: one walk, node by node, shared by all dialects.

A node that cannot be mapped becomes a `Problem` and its value `Unknown`; the walk goes on, so that a user sees every
offending node at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgebnn.frontend.dialects import recogniser_of
from edgebnn.frontend.emission import Emitter
from edgebnn.frontend.expressions import Leaf, fractions_of
from edgebnn.frontend.folding import Folder, foldable
from edgebnn.frontend.graph import Array, Graph, Node
from edgebnn.frontend.inputs import ReadOptions, input_tensor
from edgebnn.frontend.lattice import lattice_of_input
from edgebnn.frontend.operations import (
    Dropping,
    Elementwise,
    Forwarding,
    Knowing,
    Operands,
    Operation,
    Padding,
    Pooling,
    Rearranging,
    UnknownOperand,
    WeightedSum,
)
from edgebnn.frontend.problems import Problem, Refusal, printable
from edgebnn.frontend.scores import emit_scores
from edgebnn.frontend.signals import NotPerChannel, Signal, check_size, elementwise, keeps_channels, pooled, reshaped
from edgebnn.frontend.weights import sign_weights
from edgebnn.frontend.windows import LARGEST_EXTENT
from edgebnn.network.types import Network, Window


@dataclass(frozen=True)
class Unknown:
    """The value of a node that is not mapped."""


Value = Array | Signal | Unknown


@dataclass(frozen=True, eq=False)
class Lowered:
    """The network, or the problems that keep it from being one."""

    network: Network | None
    problems: tuple[Problem, ...]


def lower(graph: Graph, name: str, options: ReadOptions) -> Lowered:
    """The network of a graph, named `name`; ModelError only for an input of a type that is not mapped."""
    return _Lowering(graph, options).run(name)


class _Lowering:
    def __init__(self, graph: Graph, options: ReadOptions) -> None:
        self._graph = graph
        self._input, self._notes = input_tensor(graph, options)
        self._emitter = Emitter(self._input.name)
        self._folder = Folder(graph.opset)
        self._problems: list[Problem] = []
        self._values: dict[str, Value] = dict(graph.constants)
        self._dropped: set[str] = set()
        self._readers: dict[str, int] = {}
        for node in graph.nodes:
            for value in set(node.inputs):
                self._readers[value] = self._readers.get(value, 0) + 1

    def run(self, name: str) -> Lowered:
        graph = self._graph
        self._values[graph.input.name] = self._input_signal()
        for node in graph.nodes:
            self._visit(node)
        last = next(node for node in graph.nodes if graph.output in node.outputs)
        answer = self._values[graph.output]
        scores = None
        if isinstance(answer, Signal):
            try:
                scores = emit_scores(self._emitter, answer, f"{last.name}.scores")
            except Refusal as refusal:
                self._report(last, refusal)
        elif isinstance(answer, np.ndarray) or not self._problems:
            self._report(last, Refusal("does not depend on the input", "let the model's output depend on its input"))
        if self._problems:
            return Lowered(None, tuple(self._problems))
        assert scores is not None, "without a problem the answer was a signal"
        return Lowered(
            Network(
                name,
                self._input,
                tuple(self._emitter.nodes),
                graph.input.dtype,
                graph.sha256,
                notes=(*self._notes, *scores.notes),
                score_error=scores.error,
                ends_in="classes" if self._dropped else "scores",
            ),
            (),
        )

    def _input_signal(self) -> Signal:
        tensor = self._input
        one, zero = (fractions_of(np.full(tensor.channels, number)) for number in (1, 0))
        leaf = Leaf(one, zero, True, np.zeros(tensor.channels))
        dtype = self._graph.input.dtype
        elements = "float" if dtype == "float32" else "bool" if dtype == "bool" else "integer"
        return Signal(tensor, lattice_of_input(tensor), leaf, leaf, tensor.shape, tensor.name, elements)

    def _visit(self, node: Node) -> None:
        values: list[Value | None] = [self._values[name] if name else None for name in node.inputs]
        for name in node.outputs:
            self._values[name] = Unknown()
        try:
            result = self._result(node, values)
        except UnknownOperand:
            return
        except Refusal as refusal:
            self._report(node, refusal)
            return
        self._values[node.outputs[0]] = result
        for name in set(node.inputs):
            self._forget(name)

    def _forget(self, name: str) -> None:
        """Frees a constant that no later node reads, so that folding a large model does not hold every step of it."""
        self._readers[name] -= 1
        if self._readers[name] == 0 and isinstance(self._values.get(name), np.ndarray):
            del self._values[name]

    def _result(self, node: Node, values: list[Value | None]) -> Value:
        constants = [value for value in values if value is None or isinstance(value, np.ndarray)]
        if node.inputs and len(constants) == len(values) and foldable(node):
            return self._folder.fold(node, constants)
        if any(name and (name in self._readers or name == self._graph.output) for name in node.outputs[1:]):
            raise Refusal("has a second output that is used", "let the model use the first output alone")
        if any(name in self._dropped for name in node.inputs) and node.operator not in ("ArgMax", "Identity"):
            raise Refusal("reads the probabilities of a softmax inside the model", "let the model end in the softmax")
        operation = recogniser_of(node)(node, self._operands(values))
        if isinstance(operation, Knowing):
            return operation.value
        if isinstance(operation, WeightedSum):
            return self._weighted_sum(node, values[0], operation)
        signals = {index: value for index, value in enumerate(values) if isinstance(value, Signal)}
        if any(isinstance(value, Unknown) for value in values) or not signals:
            return Unknown()
        return self._moved(node, signals, operation)

    def _moved(self, node: Node, signals: dict[int, Signal], operation: Operation) -> Value:
        value = node.outputs[0]
        if isinstance(operation, Elementwise):
            try:
                return elementwise(signals, operation, node.name, value)
            except NotPerChannel:
                flat = self._settled_together(signals)
                return elementwise(flat, operation, node.name, value)
        if 0 not in signals:
            raise Refusal("puts values of the network where a constant belongs", "export the model with fixed shapes")
        signal = signals[0]
        if isinstance(operation, (Rearranging, Dropping)) and signal.padding is not None:
            raise Refusal("works on a padded map", "pad right before the convolution or the pool")
        match operation:
            case Forwarding():
                return replace(signal, value=value)
            case Dropping():
                self._dropped.add(value)
                self._notes = (*self._notes, operation.note)
                return signal
            case Pooling():
                return pooled(signal, operation.window, node.name, value, self._emitter.effort)
            case Padding():
                return self._padded(signal, operation, value)
            case Rearranging():
                shape = operation.shape[1:]
                if keeps_channels(signal, shape):
                    return reshaped(signal, shape, node.name, value)
                return self._emitter.split(signal, shape, node.name, value)
        raise TypeError(f"no rule for {type(operation).__name__}")

    def _settled_together(self, signals: dict[int, Signal]) -> dict[int, Signal]:
        """Signals over the same base with their pools and reshapes made nodes, once for all of them."""
        first = next(iter(signals.values()))
        settled = self._emitter.settled(first)
        return {
            index: settled if other is first else self._emitter.moved(other, first, settled)
            for index, other in signals.items()
        }

    def _padded(self, signal: Signal, padding: Padding, value: str) -> Signal:
        if signal.padding is not None:
            raise Refusal("pads a map that is padded already", "pad once")
        if len(padding.begin) != len(signal.shape) - 1:
            raise Refusal("pads axes that the map does not have", "export the model again")
        if max(padding.begin + padding.end, default=0) > LARGEST_EXTENT:
            raise Refusal("pads by more than the runtime can", f"pad by at most {LARGEST_EXTENT}")
        if not any(padding.begin + padding.end):
            return replace(signal, value=value)
        return replace(signal, padding=padding)  # the value keeps the name that it has without

    def _weighted_sum(self, node: Node, value: Value | None, operation: WeightedSum) -> Value:
        weights = sign_weights(operation.weights)
        bias = operation.bias
        if bias is not None and (bias.dtype != np.float32 or not np.isfinite(bias).all()):
            raise Refusal("has a bias that is not finite float32", "train or export the model again")
        if bias is not None and bias.shape != (len(weights.signs),):
            raise Refusal(
                f"has a bias of shape {list(bias.shape)} for {len(weights.signs)} neurons", "export the model again"
            )
        if not isinstance(value, Signal):
            return Unknown()
        shape = list(value.shape)
        inputs, groups = operation.weights.shape[1], operation.groups
        rank = len(operation.window.kernel)
        if len(shape) != rank + 1:
            raise Refusal(f"takes maps with {rank} spatial axes, but gets the shape {shape}", "export the model again")
        if groups < 1 or shape[0] != inputs * groups or len(weights.signs) % groups:
            raise Refusal(
                f"has weights of shape {list(operation.weights.shape)} in {groups} groups for inputs of shape {shape}",
                "the file is damaged; export the model again",
            )
        operation, pad_value = _with_padding(operation, value)
        extents = operation.window.extents(value.shape[1:])
        if min(extents, default=1) < 1:
            raise Refusal(f"has a kernel larger than its map {shape}", "use a smaller kernel or more padding")
        check_size((len(weights.signs), *extents))
        source = self._emitter.source(replace(value, padding=None))
        return self._emitter.layer(node.name, node.outputs[0], source, weights, operation, pad_value)

    def _operands(self, values: list[Value | None]) -> Operands:
        batch = self._graph.input.batch
        shapes: list[tuple[int, ...] | None] = []
        for value in values:
            match value:
                case np.ndarray():
                    shapes.append(value.shape)
                case Signal(padding=None):
                    shapes.append((batch, *value.shape))
                case Signal(padding=Padding() as padding):
                    grown = zip(value.shape[1:], padding.begin, padding.end, strict=True)
                    shapes.append((batch, value.shape[0], *(sum(extents) for extents in grown)))
                case _:
                    shapes.append(None)
        return Operands(
            tuple(value if isinstance(value, np.ndarray) else None for value in values),
            tuple(shapes),
            tuple(value is not None for value in values),
            tuple(isinstance(value, Unknown) for value in values),
            self._graph.opset,
        )

    def _report(self, node: Node, refusal: Refusal) -> None:
        self._problems.append(Problem(node.name, printable(node.operator), refusal.reason, refusal.remedy))


def _with_padding(operation: WeightedSum, signal: Signal) -> tuple[WeightedSum, float]:
    """The layer with a constant padding before it taken into its window, and the real value of its padding."""
    padding = signal.padding
    if padding is None:
        return operation, 0.0
    window = operation.window
    if any(window.pad_begin + window.pad_end) and padding.value != 0:
        raise Refusal(f"pads with zeros what is padded with {padding.value:g} already", "use one of the two paddings")
    begin = tuple(map(sum, zip(window.pad_begin, padding.begin, strict=True)))
    end = tuple(map(sum, zip(window.pad_end, padding.end, strict=True)))
    taken = Window(window.kernel, window.stride, window.dilation, begin, end)
    return replace(operation, window=taken), padding.value
