"""From the graph of a model to the integer network: one walk, node by node, shared by all dialects.

A node that cannot be mapped becomes a `Problem` and its value `Unknown`; the walk goes on, so that a user sees every
offending node at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgebnn.apart.onnx_session import RunnableModel
from edgebnn.errors import ModelError
from edgebnn.frontend.activations.activation import (
    Activation,
    NotChannelFirst,
    NotPerChannel,
    as_elements,
    check_axes,
    check_channel_first,
    check_elements,
    check_size,
    elementwise,
    keeps_channels,
    over_the_same,
    pooled,
    reshaped,
    seen_as,
    transposed,
)
from edgebnn.frontend.activations.axis_order import reshaped_view, view_of_axes
from edgebnn.frontend.activations.calibration import Calibration
from edgebnn.frontend.activations.element_moves import MOST_AXES, Move, axis_by_axis, begin, steps_from
from edgebnn.frontend.activations.raw_input import InputReadTwice, RawInput, RawInputs
from edgebnn.frontend.algebra.expression import Leaf
from edgebnn.frontend.algebra.integer_sets import grid_of_range
from edgebnn.frontend.constants.constant_folding import Folder, foldable
from edgebnn.frontend.constants.folding_error import doubt_of
from edgebnn.frontend.dialects.dialect_table import recogniser_of
from edgebnn.frontend.dialects.output_operators import (
    finely_quantised_at_the_end,
    left_out,
    left_out_behind,
    reshaped_at_the_end,
)
from edgebnn.frontend.dialects.products_of_activations import (
    combines_layers,
    is_factor,
    product_of_two,
    reduces_channels,
)
from edgebnn.frontend.dialects.quantisers import TooManyBits
from edgebnn.frontend.dialects.reshape_transpose_concat import BatchLost
from edgebnn.frontend.dialects.unmappable_patterns import limits_of
from edgebnn.frontend.dialects.window_attributes import LARGEST_EXTENT, check_axis
from edgebnn.frontend.layers.network_builder import Emitter
from edgebnn.frontend.lower.affine_activations import takes_steps, without_steps
from edgebnn.frontend.lower.batch_size import OpenBatch, check_samples
from edgebnn.frontend.lower.input_encoding import GivenInput, calibration_batch, given_inputs
from edgebnn.frontend.lower.node_values import Unknown, Value, operands_of
from edgebnn.frontend.lower.residual_and_concat import averaged, joined, summed
from edgebnn.frontend.lower.scores import Scores, emit_scores
from edgebnn.frontend.lower.taking import regrouped, taken, taken_along, taken_anywhere
from edgebnn.frontend.lower.weighted_layer import weighted_sum
from edgebnn.frontend.onnx.float16 import HALF_STEP, HALF_UNIT
from edgebnn.frontend.onnx.graph import Array, Graph, OnnxNode
from edgebnn.frontend.onnx.value_info import check_stated
from edgebnn.frontend.operations import (
    Averaging,
    Call,
    Dropping,
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
    Several,
    Taking,
    Term,
    Transposing,
    UnknownOperand,
    WeightedSum,
    operands_in,
)
from edgebnn.frontend.options import ReadOptions
from edgebnn.frontend.problems import Problem, Refusal, printable
from edgebnn.frontend.thresholds.step_search import NotMonotone
from edgebnn.network.network import Network
from edgebnn.network.types import Node as NetworkNode


@dataclass(frozen=True, eq=False)
class Lowered:
    """The network, or the problems that keep it from being one."""

    network: Network | None
    problems: tuple[Problem, ...]


def lower(graph: Graph, name: str, options: ReadOptions, model: RunnableModel | None = None) -> Lowered:
    """The network of a graph, named `name`; ModelError only for an input of a type that is not mapped.

    `model` is what the graph was read from, which calibration runs.
    """
    samples = calibration_batch(graph, options)
    calibration = Calibration(model, graph, samples) if model is not None and samples is not None else None
    axes: dict[str, tuple[int, ...]] = {}
    read_twice: set[str] = set()
    while True:
        try:
            given = given_inputs(graph, options, samples, axes)
        except Refusal as refusal:  # of a node that the input's type is read from
            raise ModelError(f"what follows the input {refusal}") from refusal
        raw = RawInputs([RawInput(each.tensor, each.open and each.tensor.name not in read_twice) for each in given])
        try:
            return _Lowering(graph, given, Emitter(raw, calibration)).run(name)
        except InputReadTwice as found:
            read_twice.add(found.name)
        except _InputTransposed as found:
            axes[found.name] = found.axes


class _InputTransposed(Exception):
    """The model's first layers see an input with these axes in front, so that the network takes it so."""

    def __init__(self, name: str, axes: tuple[int, ...]) -> None:
        super().__init__(name, axes)
        self.name = name
        self.axes = axes


class _Lowering:
    def __init__(self, graph: Graph, given: Sequence[GivenInput], emitter: Emitter) -> None:
        self._graph = graph
        self._given = given
        self._emitter = emitter
        self._folder = Folder(graph.opset)
        # The inputs' tensors, and what was taken of them along their axes.
        self._inputs = {each.tensor.name: each for each in given}
        self._problems: list[Problem] = []
        self._notes: list[str] = []
        self._values: dict[str, Value] = dict(graph.constants)
        self._left_out = left_out(graph)
        self._dropped: dict[str, str] = {}  # the values behind what was left out, and what that leaves of the scores
        self._open_batch = OpenBatch(graph)
        self._taken: dict[str, tuple[str, Taking]] = {}  # of which value a value is a part, and which part
        self._doubts: dict[str, float] = {}  # of folded constants whose last bits the model may have otherwise
        self._readers: dict[str, int] = {}
        for node in graph.nodes:
            for value in set(node.inputs):
                self._readers[value] = self._readers.get(value, 0) + 1

    def run(self, name: str) -> Lowered:
        graph = self._graph
        for value, given in zip(graph.inputs, self._given, strict=True):
            self._values[value.name] = _input_activation(given)
        for node in graph.nodes:
            self._visit(node)
        last = next(node for node in graph.nodes if graph.output in node.outputs)
        answer = self._values[graph.output]
        scores = None
        if isinstance(answer, Activation):
            try:
                scores = emit_scores(self._emitter, answer, f"{last.name}.scores")
            except Refusal as refusal:
                self._report(last, refusal)
        elif isinstance(answer, (np.ndarray, Quantised)) or not self._problems:
            self._report(last, Refusal("does not depend on the input", "let the model's output depend on its input"))
        if self._problems:
            return Lowered(None, self._explained())
        assert scores is not None, "without a problem the answer was an activation"
        return Lowered(self._network(name, scores), ())

    def _explained(self) -> tuple[Problem, ...]:
        """The problems, in front of all others the limits that nodes which were not mapped reach."""
        reached = {
            node.name: _problem(node, limit)
            for node, limit in limits_of(self._graph)
            if isinstance(self._values[node.outputs[0]], Unknown)
        }
        return (*reached.values(), *(problem for problem in self._problems if problem.node not in reached))

    def _network(self, name: str, scores: Scores) -> Network:
        emitter = self._emitter
        inputs = list(zip(self._given, emitter.network.inputs.each, strict=True))
        nodes = _read(emitter.network.nodes)
        rounded_here = [
            given.tensor.name for given, raw in inputs if given.encoding.quantizer is not None and raw.quantizer is None
        ]
        return Network(
            name,
            tuple(given.encoded(raw.tensor, raw.quantizer) for given, raw in inputs),
            nodes,
            self._graph.sha256,
            notes=(
                *self._graph.notes,
                *(note for given, raw in inputs for note in given.notes(raw.quantizer)),
                *_unread([given.tensor.name for given in self._given], nodes),
                *self._notes,
                *_of_one(self._open_batch.alone),
                *emitter.notes.sentences,
                *scores.notes,
            ),
            score_error=scores.error + self._half_error(),
            ends_in="classes" if self._dropped else "scores",
            quantised=(*rounded_here, *emitter.notes.quantised, *emitter.notes.activations),
            model_output=self._graph.output,
            one_at_a_time=bool(self._open_batch.alone),
        )

    def _half_error(self) -> float:
        """What the model rounds its scores by where its output is float16."""
        if not self._graph.ends_in_half:
            return 0.0
        scores = self._emitter.network.nodes[-1].output
        return HALF_STEP + HALF_UNIT * max(abs(scores.low), abs(scores.high)) * scores.scale

    def _visit(self, node: OnnxNode) -> None:
        values: list[Value | None] = [self._values[name] if name else None for name in node.inputs]
        for name in node.outputs:
            self._values[name] = Unknown()
        try:
            result = self._result(node, values)
        except UnknownOperand:
            return
        except NotChannelFirst as refusal:
            if node.operator.startswith("Reduce"):
                self._report(node, product_of_two() if is_factor(self._graph, node) else reduces_channels())
                return
            given = self._inputs.get(refusal.activation.base.name)
            if given is not None and not given.encoding.axes:
                raise _InputTransposed(given.name, refusal.axes) from refusal
            self._report(node, refusal)
            return
        except Refusal as refusal:
            self._report(node, refusal)
            return
        results = result if isinstance(result, tuple) else (result,) * len(node.outputs)
        try:
            for name, made in zip(node.outputs, results, strict=True):
                self._check_stated(name, made)
        except Refusal as refusal:
            self._report(node, refusal)
            return
        self._values.update(zip(node.outputs, results, strict=True))
        for name in set(node.inputs):
            self._forget(name)

    def _check_stated(self, name: str, value: Value) -> None:
        """Refusal where the file says of a value what is not so; of what was left out nothing is known here."""
        if isinstance(value, Activation) and name not in self._dropped:
            (shape,) = operands_of([value], self._graph.batch, self._graph.opset).shapes
            assert shape is not None, "an activation has a shape"
            check_stated(self._graph.stated.get(name), value.elements, shape)

    def _forget(self, name: str) -> None:
        """Frees a constant that no later node reads, so that folding a large model does not hold every step of it."""
        self._readers[name] -= 1
        if self._readers[name] == 0 and isinstance(self._values.get(name), (np.ndarray, Quantised)):
            del self._values[name]

    def _result(self, node: OnnxNode, values: list[Value | None]) -> Value | tuple[Value, ...]:
        """What the node makes, for all its outputs or for each of them."""
        constants = [value for value in values if value is None or isinstance(value, (np.ndarray, Quantised))]
        if node.inputs and len(constants) == len(values) and foldable(node):
            return self._folded(node, constants)
        operands = operands_of(values, self._graph.batch, self._graph.opset)
        if node.inputs and node.inputs[0] in self._dropped and node.operator != "Shape":
            return self._behind_the_end(node, values, operands)
        operation = self._recognised(node, operands)
        if isinstance(operation, Knowing):
            self._open_batch.know_shape(node, values, operation.value, self._recognised)
        else:
            self._open_batch.check(node, values, operation, self._recognised)
        if isinstance(operation, Elementwise):
            check_samples(operands, operation, self._graph.batch)
        if isinstance(operation, Several):
            each = zip(node.outputs, operation.operations, strict=True)
            return tuple(self._applied(replace(node, outputs=(name,)), values, part) for name, part in each)
        if not isinstance(operation, Dropping) and self._uses_more_outputs(node):
            raise Refusal("has a second output that is used", "let the model use the first output alone")
        if not isinstance(operation, OperationSequence):
            return self._applied(node, values, operation)
        result: Value = Unknown()
        for number, step in enumerate(operation.operations, start=1):
            last = number == len(operation.operations)
            inner = node if last else replace(node, outputs=(f"{node.outputs[0]}.{number}",))
            result = self._applied(inner, values, step)
            values = [result, *values[1:]]
        return result

    def _recognised(self, node: OnnxNode, operands: Operands) -> Operation:
        """What the node means where it stands: inside the network, or at its end."""
        try:
            operation = recogniser_of(node)(node, operands)
        except BatchLost:
            if node.outputs[0] not in self._left_out:
                raise
            return reshaped_at_the_end(node, operands)
        except TooManyBits as refusal:
            if node.outputs[0] not in self._left_out:
                raise
            operation = finely_quantised_at_the_end(node, operands, refusal)
        if not isinstance(operation, Dropping) or self._left_out.issuperset(filter(None, node.outputs)):
            return operation
        if operation.otherwise is None:
            raise Refusal("is for the end of a model and stands inside of it", "let the model end in it")
        return operation.otherwise

    def _behind_the_end(self, node: OnnxNode, values: list[Value | None], operands: Operands) -> Value:
        """The value of a node behind one that was left out, so that it is left out as well."""
        leaves = self._dropped[node.inputs[0]]

        def recognise(node: OnnxNode, operands: Operands) -> Operation:
            return left_out_behind(node, operands, leaves)

        operation = recognise(node, operands)
        self._open_batch.check(node, values, operation, recognise)
        self._dropped.update((name, leaves) for name in node.outputs if name)
        return self._applied(node, values, operation)

    def _folded(self, node: OnnxNode, constants: list[Array | Quantised | None]) -> Array | Quantised:
        """A constant node; what it would be with another batch is kept where that differs."""
        result = self._folder.fold(node, constants)
        doubt = doubt_of(node, constants, result, [self._doubts.get(name, 0.0) for name in node.inputs])
        if doubt:
            self._doubts[node.outputs[0]] = doubt
        self._open_batch.know_folded(node, constants, result, self._folder.fold)
        return result

    def _uses_more_outputs(self, node: OnnxNode) -> bool:
        return any(name and (name in self._readers or name == self._graph.output) for name in node.outputs[1:])

    def _applied(self, node: OnnxNode, values: list[Value | None], operation: Operation) -> Value:
        if isinstance(operation, Knowing):
            return operation.value
        if not isinstance(operation, (Forwarding, Rearranging, Taking, Transposing)):
            for activation in values:
                if isinstance(activation, Activation):
                    check_axes(activation)
        if isinstance(operation, WeightedSum):
            doubt = max((self._doubts.get(name, 0.0) for name in node.inputs[1:]), default=0.0)
            return weighted_sum(self._emitter, node, values[0], replace(operation, doubt=doubt))
        activations = {index: value for index, value in enumerate(values) if isinstance(value, Activation)}
        if any(isinstance(value, Unknown) for value in values) or not activations:
            return Unknown()
        return self._moved(node, activations, operation)

    def _moved(self, node: OnnxNode, activations: dict[int, Activation], operation: Operation) -> Value:
        value = node.outputs[0]
        if isinstance(operation, Elementwise):
            return self._elementwise(node, activations, operation)
        if isinstance(operation, Joining):
            again = self._joined_again(node, activations, operation)
            if again is not None:
                return again
            return joined(self._emitter, self._joining(node, activations, operation), operation.axis, node.name, value)
        if 0 not in activations:
            raise Refusal("puts values of the network where a constant belongs", "export the model with fixed shapes")
        activation = activations[0]
        if not isinstance(operation, (Forwarding, Padding, Pooling, Transposing)) and activation.padding is not None:
            raise Refusal("works on a padded map", "pad right before the convolution or the pool")
        match operation:
            case Forwarding():
                return replace(activation, value=value)
            case Dropping():
                self._dropped.update((name, operation.leaves) for name in node.outputs if name)
                self._notes.append(operation.note)
                return activation
            case Pooling():
                return self._pooled(node, activation, operation)
            case Averaging():
                return averaged(self._emitter, activation, operation, node.name, value)
            case Padding():
                return self._padded(activation, operation, value)
            case Taking() | Transposing() | Rearranging():
                if isinstance(operation, Taking):
                    self._taken[value] = node.inputs[0], operation
                return self._put(node, activation, operation)
        raise TypeError(f"no rule for {type(operation).__name__}")

    def _pooled(self, node: OnnxNode, activation: Activation, operation: Pooling) -> Activation:
        """A pool in waiting, behind its levels where these do not rise or fall with the sums alone."""
        value, effort = node.outputs[0], self._emitter.effort
        try:
            return pooled(activation, operation.window, node.name, value, effort)
        except NotMonotone:
            if not takes_steps(activation):
                raise
            levels = without_steps(self._emitter, replace(activation, padding=None))
            return pooled(replace(levels, padding=activation.padding), operation.window, node.name, value, effort)

    def _put(self, node: OnnxNode, activation: Activation, move: Move) -> Activation:
        """Elements put elsewhere: at once, or together with the moves that have to follow."""
        splits = isinstance(move, Rearranging) and len(move.shape) > MOST_AXES + 1
        least = steps_from(self._graph, node)
        if activation.moves is None and least == 1 and not splits:
            return self._put_alone(node, activation, move)
        begun = replace(activation, moves=None)
        moves = activation.moves or begin(activation.shape, activation.view, least)
        check_size(moves.shape_after(move))
        moves = moves.then(node, move)
        if moves.goes_on:
            return replace(activation, value=node.outputs[0], moves=moves)
        found = axis_by_axis(moves.places, begun.shape, begun.view)
        if found is not None:
            return taken(self._emitter, begun, *found, node.name, node.outputs[0])
        if not moves.stays_small:
            return taken_anywhere(self._emitter, begun, moves.places, node.name, node.outputs[0])
        for step, operation in moves.steps:
            begun = self._put_alone(step, begun, operation)
        return begun

    def _put_alone(self, node: OnnxNode, activation: Activation, move: Move) -> Activation:
        if not isinstance(move, Taking):
            return self._rearranged(node, activation, move)
        moved = taken_along(self._emitter, activation, move.axis - 1, move.places, node.name, node.outputs[0])
        if activation.base.name in self._inputs:
            self._inputs[moved.base.name] = self._inputs[activation.base.name]
        return moved

    def _rearranged(self, node: OnnxNode, activation: Activation, operation: Transposing | Rearranging) -> Activation:
        value = node.outputs[0]
        if isinstance(operation, Transposing):
            return transposed(activation, operation.order, node.name, value)
        shape, view = reshaped_view(activation.shape, activation.view, operation.shape[1:])
        if keeps_channels(activation, shape):
            moved = reshaped(activation, shape, node.name, value)
        else:
            moved = regrouped(self._emitter, activation, shape, node.name, value)
        return seen_as(moved, view)

    def _joined_again(
        self, node: OnnxNode, activations: dict[int, Activation], operation: Joining
    ) -> Activation | None:
        """Parts of one value joined along its rows or columns, as circular padding is written: its elements, taken.

        None where they are not of one value, or joined along the channels.
        """
        if operation.parts or len(activations) != len(node.inputs):
            return None
        axis = operation.axis % (len(activations[0].shape) + 1)
        if not axis or activations[0].view.axes[axis - 1] == 0:
            return None
        first = node.inputs[0]
        for root in dict.fromkeys((first, self._taken.get(first, (first,))[0])):
            whole = self._values[root]
            if not isinstance(whole, Activation) or whole.moves is not None or whole.padding is not None:
                continue
            itself = Taking(axis, tuple(range(whole.model_shape[axis - 1])))
            parts = [(root, itself) if name == root else self._taken.get(name, ("", itself)) for name in node.inputs]
            if all(source == root and taking.axis == axis for source, taking in parts):
                check_axis(sum(len(taking.places) for _, taking in parts))
                places = tuple(place for _, taking in parts for place in taking.places)
                return self._put(replace(node, inputs=(root,)), whole, Taking(axis, places))
        return None

    def _joining(self, node: OnnxNode, activations: dict[int, Activation], operation: Joining) -> list[Activation]:
        """What is joined: the operands, or what the operation's parts make of them."""
        parts = [(operands_in(part.call), part) for part in operation.parts]
        wanted = {index for indices, _ in parts for index in indices} if parts else set(range(len(node.inputs)))
        if not wanted <= activations.keys():
            raise Refusal("joins values of the network with constants", "concatenate values of layers alone")
        if not parts:
            return list(activations.values())
        names = [f"{node.outputs[0]}.{number}" for number in range(1, len(parts) + 1)]
        return [
            elementwise({index: activations[index] for index in indices}, part, node.name, name)
            for name, (indices, part) in zip(names, parts, strict=True)
        ]

    def _elementwise(self, node: OnnxNode, activations: dict[int, Activation], operation: Elementwise) -> Activation:
        value = node.outputs[0]
        if over_the_same(activations):
            try:
                return elementwise(activations, operation, node.name, value)
            except NotPerChannel:
                return elementwise(self._settled_together(activations), operation, node.name, value)
        check_elements(activations, operation)
        total = self._summed(node, operation.call, activations, value)
        return as_elements(total, operation) if operation.result != total.elements else total

    def _summed(self, node: OnnxNode, call: Call, activations: dict[int, Activation], value: str) -> Activation:
        """Sums and differences of activations of different layers, the innermost first."""
        terms: list[Activation | Array] = []
        for number, term in enumerate(call.terms):
            match term:
                case Operand():
                    terms.append(activations[term.index])
                case Call():
                    terms.append(self._summed(node, term, activations, f"{value}.{number}"))
                case _:
                    terms.append(term)
        inner = {index: term for index, term in enumerate(terms) if isinstance(term, Activation)}
        if over_the_same(inner):
            given: tuple[Term, ...] = tuple(
                Operand(index) if isinstance(term, Activation) else term for index, term in enumerate(terms)
            )
            return elementwise(inner, Elementwise(Call(call.operator, given), takes=("any",)), node.name, value)
        if call.operator == "MulAdd" and inner.keys() == {0, 2}:
            product = Elementwise(Call("Mul", (Operand(0), call.terms[1])), takes=("any",))
            factor = elementwise({0: inner[0]}, product, node.name, f"{value}.product")
            return summed(self._emitter, [factor, inner[2]], False, node.name, value, rounds=False)
        if call.operator not in ("Add", "Sub") or len(inner) != 2:
            raise combines_layers(call.operator)
        return summed(self._emitter, [inner[0], inner[1]], call.operator == "Sub", node.name, value)

    def _settled_together(self, activations: dict[int, Activation]) -> dict[int, Activation]:
        """Activations over the same base with their pools and reshapes made nodes, once for all of them."""
        first = next(iter(activations.values()))
        settled = self._emitter.settled(first)
        return {
            index: settled if other is first else self._emitter.moved(other, first, settled)
            for index, other in activations.items()
        }

    def _padded(self, activation: Activation, padding: Padding, value: str) -> Activation:
        if activation.padding is not None:
            raise Refusal("pads a map that is padded already", "pad once")
        check_channel_first(activation)
        if len(padding.begin) != len(activation.shape) - 1:
            raise Refusal("pads axes that the map does not have", "export the model again")
        if max(padding.begin + padding.end, default=0) > LARGEST_EXTENT:
            raise Refusal("pads by more than the runtime can", f"pad by at most {LARGEST_EXTENT}")
        if not any(padding.begin + padding.end):
            return replace(activation, value=value)
        return replace(activation, padding=padding)  # the value keeps the name that it has without

    def _report(self, node: OnnxNode, refusal: Refusal) -> None:
        self._problems.append(_problem(node, refusal))


def _problem(node: OnnxNode, refusal: Refusal) -> Problem:
    return Problem(node.name, printable(node.operator), refusal.reason, refusal.remedy)


def _input_activation(given: GivenInput) -> Activation:
    """The integers of an input, each worth what it is to the model."""
    tensor, encoding = given.tensor, given.encoding
    scale, offset = (np.full(tensor.channels, each) for each in (given.scale, given.offset))
    leaf = Leaf(scale, offset, True, np.zeros(tensor.channels))
    dtype = encoding.dtype
    elements = "float" if dtype in ("float32", "float16") else "bool" if dtype == "bool" else "integer"
    view = view_of_axes(encoding.axes) if encoding.axes else None
    grid = grid_of_range(tensor)
    return Activation(tensor, grid, leaf, leaf, tensor.shape, tensor.name, elements, model_view=view)


def _unread(inputs: Sequence[str], nodes: Sequence[NetworkNode]) -> tuple[str, ...]:
    """What a user should know of inputs that no node reads: the model knows their shapes alone."""
    read = {source for node in nodes for source in node.sources}
    return tuple(
        f"the values of input '{name}' change no score; they are taken all the same, as the model takes them"
        for name in inputs
        if name not in read
    )


def _read(nodes: Sequence[NetworkNode]) -> tuple[NetworkNode, ...]:
    """The nodes that the last one depends on: two layers may have become one, and an output of a split be unused."""
    wanted, kept = {nodes[-1].output.name}, []
    for node in reversed(nodes):
        if node.output.name in wanted:
            wanted.update(node.sources)
            kept.append(node)
    return tuple(reversed(kept))


def _of_one(alone: Sequence[OnnxNode]) -> tuple[str, ...]:
    """What a user should know of a model that leaves its batch open and has nodes that take one sample alone."""
    return tuple(
        f"the model leaves open how many samples it takes, but its node '{node.name}' ({printable(node.operator)}) is "
        "for one alone: samples are taken one at a time"
        for node in alone[:1]
    )
