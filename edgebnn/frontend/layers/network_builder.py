"""Activations become nodes of the network here: layers, thresholds, pools, reshapes and the scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.activations.activation import Activation, Pooled, Reshaped
from edgebnn.frontend.activations.calibration import Calibration
from edgebnn.frontend.activations.raw_input import RawInputs, typed
from edgebnn.frontend.activations.too_many_levels import too_many_levels
from edgebnn.frontend.algebra.approximate_operators import is_approximate
from edgebnn.frontend.algebra.evaluation import evaluate
from edgebnn.frontend.algebra.exact_numbers import Effort, Fractions, fractions_of
from edgebnn.frontend.algebra.expression import Apply, Constant, Expression, Leaf, of_channels, parts, with_leaf
from edgebnn.frontend.algebra.float32 import UNIT, float32_holds, float32_holds_line
from edgebnn.frontend.algebra.integer_sets import IntegerGrid, grid_of_range, grid_of_sums
from edgebnn.frontend.algebra.interval_arithmetic import float32_errors
from edgebnn.frontend.algebra.linearity import affine_of
from edgebnn.frontend.algebra.monotonicity import has_steps
from edgebnn.frontend.layers.convolution_padding import Padded, padded
from edgebnn.frontend.layers.integer_weights import IntegerWeights, int8_parts
from edgebnn.frontend.layers.layer_sums import Line, Source, largest_sum, leaf_of_sums, scaled_source
from edgebnn.frontend.layers.merged_layers import Composed
from edgebnn.frontend.layers.rounding_causes import roundings_before, roundings_of_layer
from edgebnn.frontend.layers.scaled_weights import folded
from edgebnn.frontend.layers.summation_error import straight_through_error
from edgebnn.frontend.operations import WeightedSum
from edgebnn.frontend.problems import Refusal, printable
from edgebnn.frontend.thresholds.ambiguous_channels import Doubt
from edgebnn.frontend.thresholds.reachable_values import Branch, Reachable
from edgebnn.frontend.thresholds.step_search import MAX_LEVELS
from edgebnn.frontend.thresholds.thresholds import Steps, find_steps
from edgebnn.network.types import (
    Add,
    Kind,
    Linear,
    MaxPool,
    Node,
    Reshape,
    Rounding,
    Tensor,
    Threshold,
    WeightKind,
)

LARGEST_SUM = 2**31 - 2  # thresholds reach one beyond the sums and still are int32


class Emitter:
    """Collects the nodes of one network and gives them names that occur once.

    `effort` is what is left to find the steps of the whole model. The first steps that the model takes of an input may
    become its encoding (see `RawInput`). `rounded` holds the values that were put on a grid, by name and unit,
    `quantised` and `activations` the layers and the values that calibration made 8 bits of.
    """

    def __init__(self, inputs: RawInputs, calibration: Calibration | None) -> None:
        self.nodes: list[Node] = []
        self.effort = Effort()
        self.inputs = inputs
        self.quantised: list[str] = []
        self.activations: list[str] = []
        self.calibration = calibration
        self.rounded: dict[tuple[str, Fraction], Line] = {}
        self._notes: list[str] = []
        self._names: set[str] = set()
        self._tensors: set[str] = {each.tensor.name for each in inputs.each}
        self._sources: dict[tuple[Expression, str, tuple[Pooled | Reshaped, ...]], Source] = {}
        self._bases: dict[str, Tensor] = {}
        self._roundings: dict[str, tuple[Rounding, ...]] = {}
        self._branches: dict[str, Sequence[Branch]] = {}
        self._reachable = self._reached()

    def source(self, activation: Activation) -> Source:
        """The activation as a tensor of the network; Refusal where it is neither integers nor steps."""
        # The same steps of the same integers may have several names: behind a scale they are cut out of it.
        key = (activation.expression, activation.base.name, activation.waiting)
        if key not in self._sources:
            self._sources[key] = self._made(activation)
        return self._sources[key]

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know of how layers were changed here."""
        return (*self._notes, *self._quantised_notes())

    def note(self, sentence: str) -> None:
        """Something that a user should know of a layer."""
        self._notes.append(sentence)

    def _quantised_notes(self) -> tuple[str, ...]:
        differ = "with the calibration data, so the scores differ from the float model's"
        layers, activations = self.quantised, self.activations
        return (
            *((f"float layers were quantised here to int8 {differ}: {_few(layers)}",) if layers else ()),
            *((f"activations were rounded here to 8 bits {differ}: {_few(activations)}",) if activations else ()),
        )

    def rounded_by(self, calibration: Calibration, activation: Activation) -> Activation:
        """The activation rounded to 8 bits over the range that calibration samples show."""
        made = calibration.quantised(activation)
        if activation.value not in self.activations:
            self.activations.append(activation.value)
        return made

    def emit(self, node: Node, *read: Tensor, branches: Sequence[Branch] = ()) -> None:
        """The next node of the network, which reads these tensors; InputReadTwice as `RawInput` has it.

        `branches` say what the model computes where the node adds or joins values of it.
        """
        self.inputs.read_by(node, read)
        self.nodes.append(node)
        self._branches[node.output.name] = branches
        self._reachable.add(node, branches)

    def layer(
        self,
        node: str,
        value: str,
        source: Source,
        weights: IntegerWeights,
        operation: WeightedSum,
        padding: float,
        of_input: bool,
    ) -> Activation:
        """A layer of dot products on a source, padded with `padding`, and the activation of its sums with the bias.

        `of_input` says that the source is the model's own input, whatever was made of its scale.
        """
        tensor, window, groups = source.tensor, operation.window, operation.groups
        made = folded(weights, source.slope, groups)
        each = int8_parts(made.integers)
        dots = sum(largest_sum(part, made.kind) for part in each) * max(abs(tensor.low), abs(tensor.high))
        pad = padded(tensor, source.slope, source.offset, padding, weights, made, window, groups, dots)
        bound = (dots << pad.shift) + pad.largest
        if bound > LARGEST_SUM:
            raise Refusal(f"has sums of up to {bound}, which int32 does not hold", "use a narrower --input-type")
        plain = operation.bias is None and source.scale == 1 and not np.any(source.offset != 0)
        sums = value if plain and pad.border is None and np.all(weights.scale == 1) else f"{value}.sums"
        of_part = sums if len(each) == 1 else f"{sums}.part"
        pads = (pad, *[pad.again] * (len(each) - 1))
        layers = [
            self._linear(node, of_part, tensor, part, made.kind, operation, part_pad)
            for part, part_pad in zip(each, pads, strict=True)
        ]
        total = self._added(layers, sums)
        leaf = leaf_of_sums(source, weights, made, pad, operation, dots, padding)
        self._roundings[total.name] = roundings_of_layer(source, weights, operation, dots, of_input)
        expression: Expression = leaf
        if operation.bias is not None:
            expression = Apply("Add", (leaf, Constant(np.ascontiguousarray(operation.bias))), node)
        grid = grid_of_sums(layers[0], tensor, made.integers, total)
        return Activation(total, grid, leaf, expression, total.shape, value, "float")

    def maker(self, tensor: Tensor) -> Node | None:
        """The node that makes a tensor; None for an input."""
        return next((node for node in reversed(self.nodes) if node.output is tensor), None)

    def composed(
        self, node: str, value: str, first: Linear, made: Composed, operation: WeightedSum, extents: tuple[int, ...]
    ) -> Activation:
        """One layer in place of `first` and of one that reads its sums; `extents` are those of the sums' map."""
        made_before = (*(each.tensor for each in self.inputs.each), *(other.output for other in self.nodes))
        tensor = next(other for other in made_before if other.name == first.sources[0])
        bound = largest_sum(made.weights, made.kind) * max(abs(tensor.low), abs(tensor.high))
        if bound > LARGEST_SUM:
            raise Refusal(f"has sums of up to {bound}, which int32 does not hold", "use a narrower --input-type")
        output = Tensor(self.tensor_name(f"{value}.sums"), Kind.SUMS, (len(made.weights), *extents), -bound, bound)
        layer = Linear(
            self.name(node), first.sources, output, made.weights, made.kind, made.window, pad_value=first.pad_value
        )
        self.emit(layer, tensor)
        self._notes.append(
            f"layers '{first.name}' and '{layer.name}', with no sign or quantiser between them, became one"
        )
        self._roundings[output.name] = (Rounding.SCALED_ACTIVATIONS,)
        expression: Expression = made.leaf
        if operation.bias is not None:
            expression = Apply("Add", (made.leaf, Constant(np.ascontiguousarray(operation.bias))), node)
        grid = grid_of_sums(layer, tensor, made.weights.astype(np.int16), output)
        return Activation(output, grid, made.leaf, expression, output.shape, value, "float")

    def _linear(
        self,
        node: str,
        sums: str,
        tensor: Tensor,
        weights: npt.NDArray[np.int8],
        kind: WeightKind,
        operation: WeightedSum,
        pad: Padded,
    ) -> Linear:
        """A layer of weights that int8 holds."""
        bound = (largest_sum(weights, kind) * max(abs(tensor.low), abs(tensor.high)) << pad.shift) + pad.largest
        shape = (len(weights), *operation.window.extents(tensor.spatial))
        output = Tensor(self.tensor_name(sums), Kind.SUMS, shape, -bound, bound)
        window, groups = operation.window, operation.groups
        layer = Linear(self.name(node), (tensor.name,), output, weights, kind, window, groups, pad.value, pad.border)
        self.emit(layer, tensor)
        return layer

    def _added(self, layers: Sequence[Linear], sums: str) -> Tensor:
        """The sum of layers that each have a part of the weights."""
        total = layers[0].output
        for layer in layers[1:]:
            one, other = total, layer.output
            high = one.high + other.high
            total = Tensor(self.tensor_name(sums), Kind.SUMS, one.shape, -high, high)
            self.emit(Add(self.name(f"{layer.name}.added"), (one.name, other.name), total), one, other)
        return total

    def step(
        self, node: Node, read: Sequence[Tensor], leaf: Leaf, value: str, branches: Sequence[Branch] = ()
    ) -> Activation:
        """A node that makes integers of its own, and the activation of them, each worth what `leaf` says."""
        self.emit(node, *read, branches=branches)
        output = node.output
        return Activation(output, grid_of_range(output), leaf, leaf, output.shape, value, "float")

    def settled(self, activation: Activation) -> Activation:
        """The activation with its waiting pools and reshapes made nodes, on the integers of its base as they are."""
        if not activation.waiting:
            return activation
        channels = np.repeat(np.arange(activation.base.channels), activation.channels_each)
        if activation.value not in self._bases:
            self._bases[activation.value] = self._followed(activation.base, activation, None)
        base = self._bases[activation.value]
        expression = of_channels(activation.expression, channels)
        leaf = next(part for part in parts(expression) if isinstance(part, Leaf))
        grid = activation.grid.of_channels(channels)
        return replace(activation, base=base, grid=grid, leaf=leaf, expression=expression, waiting=())

    def moved(self, other: Activation, first: Activation, settled: Activation) -> Activation:
        """`other`, over the same integers as `first`, on the base that `first` was settled on."""
        channels = np.repeat(np.arange(first.base.channels), first.channels_each)
        expression = with_leaf(of_channels(other.expression, channels), settled.leaf)
        return replace(settled, expression=expression, value=other.value, elements=other.elements)

    def _made(self, activation: Activation) -> Source:
        if activation.elements == "bool":
            raise Refusal("works on a comparison's yes or no", "turn it into -1 and 1, or 0 and 1, first")
        line = line_read(activation)
        if line is not None:
            return self.spread(activation, line)
        error = straight_through_error(activation.expression, activation.grid)
        if has_steps(activation.expression):
            return self._encoded(activation) or self._steps(activation, error)
        if activation.base.kind is Kind.SUMS and is_short(activation):
            return self._steps(activation, error)
        if self.calibration is None:
            raise too_many_levels(activation.expression)
        return self._steps(self.rounded_by(self.calibration, activation), error)

    def _encoded(self, activation: Activation) -> Source | None:
        """The steps of a real input of the model as its encoding; None where they are to be nodes."""
        given = self.inputs.of(activation.base)
        levels = None if given is None else given.quantised(activation, self.effort)
        if given is None or levels is None or given.quantizer is None:
            return None
        self.nodes, made = given.retyped(self.nodes, levels, self.tensor_name)
        self._reachable = self._reached()
        base, direction = made[activation.base.name], given.quantizer.direction
        if base is not given.tensor:  # whose channels are all stepped alike
            direction = np.full(base.channels, direction[0])
        tensor = self._followed(base, activation, direction)
        return scaled_source(tensor, levels.scale)

    def _reached(self) -> Reachable:
        """What is known of the integers of all tensors so far."""
        reachable = Reachable([each.tensor for each in self.inputs.each])
        for node in self.nodes:
            reachable.add(node, self._branches.get(node.output.name, ()))
        return reachable

    def spread(self, activation: Activation, line: Line) -> Source:
        """A line of the integers of an activation's base, behind the activation's waiting pools and reshapes."""
        tensor = self.settled(activation).base
        slope, offset = (spread_fractions(part, tensor) for part in (line.slope, line.shift))
        error = np.repeat(line.error, tensor.channels // len(line.error))
        return Source(tensor, slope, offset, line.exact, error, error_of=line.error_of)

    def _steps(self, activation: Activation, error: float) -> Source:
        base = activation.base
        more = activation.leaf.nearest or not self._reachable.is_grid(base.name)
        near = partial(self._reachable.near, base.name) if more else None
        step = find_steps(
            activation.expression, activation.leaf, activation.grid, base.low, base.high, self.effort, near
        )
        if step.falls is not None and any(isinstance(waiting, Pooled) for waiting in activation.waiting):
            return self._steps(self.settled(activation), error)  # the largest level is not that of the largest sum
        levels = step.levels
        node = activation.expression.node if isinstance(activation.expression, Apply) else activation.value
        name = _value_behind(activation, 0, activation.expression)
        rises, read = step.rises, base
        if step.falls is not None:
            read = self._risen_and_fallen(node, name, base, step.rises, step.falls)
            one_by_one = np.arange(1, max(levels.count, 2), dtype=np.int32)
            rises = Steps(np.tile(one_by_one, (base.channels, 1)), np.ones(base.channels, np.int8))
        output = typed(Tensor(self.tensor_name(name), levels.kind, base.shape, 0, 0), levels)
        threshold = Threshold(
            self.name(node),
            (read.name,),
            output,
            rises.thresholds,
            rises.direction,
            levels.low,
            levels.step,
            step.ties,
            **self._doubt(activation, step.doubt),
        )
        self.emit(threshold, read)
        tensor = self._followed(output, activation, rises.direction)
        return scaled_source(tensor, levels.scale, error, step.nearest and not error)

    def _doubt(self, activation: Activation, doubt: Doubt) -> dict[str, Any]:
        """What a threshold says of its ambiguous channels."""
        if not doubt.ambiguous.any():
            return {}
        roundings = roundings_before(activation.base, {node.output.name: node for node in self.nodes}, self._roundings)
        return {
            "ambiguous": int(doubt.ambiguous.sum()),
            "tied": int(doubt.tied.sum()),
            "roundings": roundings + ((Rounding.CURVE,) if is_approximate(activation.expression) else ()),
            "band": float(doubt.band.max()),
            "band_share": float(doubt.share.max()),
        }

    def _risen_and_fallen(self, node: str, name: str, base: Tensor, rises: Steps, falls: Steps) -> Tensor:
        """Which level a function that rises and falls has reached: the steps up less those down, counted apart."""
        counted = []
        for word, steps, low in (("rises", rises, 0), ("falls", falls, -falls.count)):
            tensor = self.tensor_name(f"{name}.{word}")
            output = Tensor(tensor, Kind.INTEGERS, base.shape, low, low + steps.count)
            counts = Threshold(
                self.name(f"{node}.{word}"), (base.name,), output, steps.thresholds, steps.direction, low, step=1
            )
            self.emit(counts, base)
            counted.append(output)
        level = Tensor(self.tensor_name(f"{name}.level"), Kind.SUMS, base.shape, -falls.count, rises.count)
        add = Add(self.name(f"{node}.level"), tuple(tensor.name for tensor in counted), level)
        self.emit(add, *counted)
        return level

    def _followed(self, tensor: Tensor, activation: Activation, direction: npt.NDArray[np.int8] | None) -> Tensor:
        """The activation's pools and reshapes on a tensor; `direction` (C,) is that of the steps taken before them."""
        function = activation.leaf if direction is None else activation.expression
        for index, step in enumerate(activation.waiting, start=1):
            name = self.tensor_name(_value_behind(activation, index, function))
            output = replace(tensor, name=name, shape=step.shape)
            name = self.name(step.node)
            match step:
                case Pooled():
                    down = step.direction if direction is None else step.direction * direction
                    factor = tensor.channels // len(down)
                    down = np.repeat(down, factor).astype(np.int8)
                    self.emit(MaxPool(name, (tensor.name,), output, step.window, down), tensor)
                case Reshaped():
                    self.emit(Reshape(name, (tensor.name,), output), tensor)
            tensor = output
        return tensor

    def name(self, name: str) -> str:
        """A printable name for a node that no other node has."""
        return _unique(printable(name), self._names)

    def tensor_name(self, name: str) -> str:
        """A printable name for a tensor that no other tensor has."""
        return _unique(printable(name), self._tensors)


def same_in_all(activation: Activation, channels: int) -> tuple[Expression, Leaf, IntegerGrid]:
    """A settled activation's function for channels with values of any of its own; Refusal if they are treated apart."""
    alike = all(
        isinstance(part, Apply)
        or (isinstance(part, Constant) and part.values.size == 1)
        or (isinstance(part, Leaf) and len({*part.scale.tolist()}) == len({*part.offset.tolist()}) == 1)
        for part in parts(activation.expression)
    )
    if not alike or not activation.grid.alike:
        raise Refusal(
            "gives the values of one channel to several others, after an operation that differs between channels",
            "reshape right behind the input or the sign",
        )
    one, leaf = np.zeros(channels, np.int64), activation.leaf
    new_leaf = replace(leaf.of_channels(one), error=np.full(channels, leaf.error.max()))
    return with_leaf(activation.expression, new_leaf), new_leaf, activation.grid.of_channels(one)


def is_short(activation: Activation) -> bool:
    """Whether sums have so few values, all of one scale, that each of them can be a level: an average's of signs."""
    expression = activation.expression
    if isinstance(expression, Apply) and expression.operator == "Div" and isinstance(expression.operands[1], Constant):
        expression = expression.operands[0] if expression.operands[1].values.size == 1 else expression
    return int(activation.grid.count.max()) <= MAX_LEVELS and isinstance(expression, Leaf)


def line_read(activation: Activation) -> Line | None:
    """What a layer reads without anything being made of it: integers, scaled and shifted, each channel in its own way.

    None for the sums of layers, and where the activation is no line.
    """
    base = activation.base
    if base.kind is Kind.SUMS:
        return None
    if has_steps(activation.expression):
        line = _line_through_signs(activation) if base.kind in (Kind.BITS, Kind.TRITS) else None
    else:
        line = affine_of(activation.expression, base.low, base.high, base.channels)
    if line is None:
        return None
    slope, shift = line
    if not np.any(slope != 0):
        raise Refusal("gets an input times zero, which does not depend on it", "train or export the model again")
    largest = max(abs(base.low), abs(base.high))
    exact = all(float32_holds(scale, largest) for scale in set(map(abs, slope.tolist())) if scale)
    estimated, rounded = (
        straight_through_error(activation.expression, activation.grid),
        _input_error(activation, line, exact),
    )
    error_of = Rounding.ESTIMATOR if estimated else Rounding.SCALED_ACTIVATIONS
    return Line(base, slope, shift, exact, np.full(base.channels, max(estimated, rounded)), error_of=error_of)


def _input_error(activation: Activation, line: tuple[Fractions, Fractions], exact: bool) -> float:
    """How far float32 takes what the model makes of integers from what that is exactly, in the model's own units.

    That is nothing where float32 holds the input's numbers and all that each operator makes of them.
    """
    base, leaf = activation.base, activation.leaf
    if exact and has_steps(activation.expression) and not leaf.error.any() and not np.any(line[1] != 0):
        return 0.0  # of a few levels each is a float32, as was seen
    largest = max(abs(base.low), abs(base.high))
    pairs = {*zip(leaf.scale.tolist(), leaf.offset.tolist(), strict=True)}
    error = leaf.error
    if not all(float32_holds_line(scale, offset, largest) for scale, offset in pairs):
        reach = (abs(leaf.scale) * largest + abs(leaf.offset)).astype(np.float64)
        error = np.maximum(error, UNIT * reach)
    rounded = with_leaf(activation.expression, replace(leaf, error=error))
    return float(float32_errors(rounded, base.low, base.high, base.channels).max())


def _value_behind(activation: Activation, index: int, function: Expression) -> str:
    """A name for `function` of the integers behind `index` of the waiting steps: the model's own where it has one."""
    if index == len(activation.waiting):
        return activation.value if function is activation.expression else f"{activation.value}.integers"
    step = activation.waiting[index]
    return step.source if step.function is function else f"{activation.value}.{step.source}"


def _line_through_signs(activation: Activation) -> tuple[Fractions, Fractions] | None:
    """(a, 0) where the steps that the model takes of bits or trits are a times these; None for any others."""
    every = np.arange(activation.base.channels)
    high = fractions_of(evaluate(activation.expression, every, np.ones_like(every), False).astype(np.float32))
    for number in (-1, 1) if activation.base.kind is Kind.BITS else (-1, 0, 1):
        values = evaluate(activation.expression, every, np.full_like(every, number), False).astype(np.float32)
        if np.any(fractions_of(values) != high * number):
            return None
    return high, fractions_of(np.zeros(activation.base.channels))


def spread_fractions(values: Fractions, tensor: Tensor) -> Fractions:
    """Values per channel, for a tensor in which each channel may have become several."""
    return np.repeat(values, tensor.channels // len(values))


def _unique(name: str, taken: set[str]) -> str:
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = f"{name}#{number}"
    taken.add(candidate)
    return candidate


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return ", ".join(map(printable, names[:4])) + more
