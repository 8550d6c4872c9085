"""Activations become tensors of the network: their steps thresholds, what waits behind these pools and reshapes."""

from __future__ import annotations

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
from edgebnn.frontend.algebra.exact_numbers import Effort, Fractions
from edgebnn.frontend.algebra.expression import Apply, Constant, Expression, Leaf, of_channels, parts, with_leaf
from edgebnn.frontend.algebra.monotonicity import has_steps
from edgebnn.frontend.layers.affine_inputs import line_read
from edgebnn.frontend.layers.layer_builder import LayerBuilder
from edgebnn.frontend.layers.layer_sums import LayerInput, Line, scaled_source
from edgebnn.frontend.layers.network_nodes import NetworkNodes
from edgebnn.frontend.layers.notes import Notes
from edgebnn.frontend.layers.rounding_causes import roundings_before
from edgebnn.frontend.layers.summation_error import straight_through_error
from edgebnn.frontend.problems import Refusal
from edgebnn.frontend.thresholds.ambiguous_channels import Doubt
from edgebnn.frontend.thresholds.step_search import MAX_LEVELS
from edgebnn.frontend.thresholds.thresholds import ChannelSteps, find_steps
from edgebnn.network.types import (
    Add,
    Kind,
    MaxPool,
    Reshape,
    Rounding,
    Tensor,
    Threshold,
)


class Emitter:
    """Makes tensors of activations, each once: with steps as thresholds, and what waits behind these as nodes.

    `network` are the nodes so far, `layers` makes those of dot products, `notes` is what a user should know. `effort`
    is what is left to find the steps of the whole model. The first steps that the model takes of an input may become
    its encoding (see `RawInput`). `rounded` holds the values that were put on a grid, by name and unit.
    """

    def __init__(self, inputs: RawInputs, calibration: Calibration | None) -> None:
        self.network = NetworkNodes(inputs)
        self.notes = Notes()
        self.layers = LayerBuilder(self.network, self.notes)
        self.effort = Effort()
        self.calibration = calibration
        self.rounded: dict[tuple[str, Fraction], Line] = {}
        self._sources: dict[tuple[Expression, str, tuple[Pooled | Reshaped, ...]], LayerInput] = {}
        self._bases: dict[str, Tensor] = {}

    def source(self, activation: Activation) -> LayerInput:
        """The activation as a tensor of the network; Refusal where it is neither integers nor steps."""
        # The same steps of the same integers may have several names: behind a scale they are cut out of it.
        key = (activation.expression, activation.base.name, activation.waiting)
        if key not in self._sources:
            self._sources[key] = self._made(activation)
        return self._sources[key]

    def rounded_by(self, calibration: Calibration, activation: Activation) -> Activation:
        """The activation rounded to 8 bits over the range that calibration samples show."""
        made = calibration.quantised(activation)
        if activation.value not in self.notes.activations:
            self.notes.activations.append(activation.value)
        return made

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

    def _made(self, activation: Activation) -> LayerInput:
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

    def _encoded(self, activation: Activation) -> LayerInput | None:
        """The steps of a real input of the model as its encoding; None where they are to be nodes."""
        given = self.network.inputs.of(activation.base)
        levels = None if given is None else given.quantised(activation, self.effort)
        if given is None or levels is None or given.quantizer is None:
            return None
        made = self.network.retype(given, levels)
        base, direction = made[activation.base.name], given.quantizer.direction
        if base is not given.tensor:  # whose channels are all stepped alike
            direction = np.full(base.channels, direction[0])
        tensor = self._followed(base, activation, direction)
        return scaled_source(tensor, levels.scale)

    def spread(self, activation: Activation, line: Line) -> LayerInput:
        """A line of the integers of an activation's base, behind the activation's waiting pools and reshapes."""
        tensor = self.settled(activation).base
        slope, offset = (spread_fractions(part, tensor) for part in (line.slope, line.shift))
        error = np.repeat(line.error, tensor.channels // len(line.error))
        return LayerInput(tensor, slope, offset, line.exact, error, error_of=line.error_of)

    def _steps(self, activation: Activation, error: float) -> LayerInput:
        base = activation.base
        more = activation.leaf.nearest or not self.network.reachable.is_grid(base.name)
        near = partial(self.network.reachable.near, base.name) if more else None
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
            rises = ChannelSteps(np.tile(one_by_one, (base.channels, 1)), np.ones(base.channels, np.int8))
        output = typed(Tensor(self.network.tensor_name(name), levels.kind, base.shape, 0, 0), levels)
        threshold = Threshold(
            self.network.name(node),
            (read.name,),
            output,
            rises.thresholds,
            rises.direction,
            levels.low,
            levels.step,
            step.ties,
            **self._doubt(activation, step.doubt),
        )
        self.network.emit(threshold, read)
        tensor = self._followed(output, activation, rises.direction)
        return scaled_source(tensor, levels.scale, error, step.nearest and not error)

    def _doubt(self, activation: Activation, doubt: Doubt) -> dict[str, Any]:
        """What a threshold says of its ambiguous channels."""
        if not doubt.ambiguous.any():
            return {}
        roundings = roundings_before(
            activation.base, {node.output.name: node for node in self.network.nodes}, self.layers.roundings
        )
        return {
            "ambiguous": int(doubt.ambiguous.sum()),
            "tied": int(doubt.tied.sum()),
            "roundings": roundings + ((Rounding.CURVE,) if is_approximate(activation.expression) else ()),
            "band": float(doubt.band.max()),
            "band_share": float(doubt.share.max()),
        }

    def _risen_and_fallen(self, node: str, name: str, base: Tensor, rises: ChannelSteps, falls: ChannelSteps) -> Tensor:
        """Which level a function that rises and falls has reached: the steps up less those down, counted apart."""
        counted = []
        for word, steps, low in (("rises", rises, 0), ("falls", falls, -falls.count)):
            tensor = self.network.tensor_name(f"{name}.{word}")
            output = Tensor(tensor, Kind.INTEGERS, base.shape, low, low + steps.count)
            counts = Threshold(
                self.network.name(f"{node}.{word}"),
                (base.name,),
                output,
                steps.thresholds,
                steps.direction,
                low,
                step=1,
            )
            self.network.emit(counts, base)
            counted.append(output)
        level = Tensor(self.network.tensor_name(f"{name}.level"), Kind.SUMS, base.shape, -falls.count, rises.count)
        add = Add(self.network.name(f"{node}.level"), tuple(tensor.name for tensor in counted), level)
        self.network.emit(add, *counted)
        return level

    def _followed(self, tensor: Tensor, activation: Activation, direction: npt.NDArray[np.int8] | None) -> Tensor:
        """The activation's pools and reshapes on a tensor; `direction` (C,) is that of the steps taken before them."""
        function = activation.leaf if direction is None else activation.expression
        for index, step in enumerate(activation.waiting, start=1):
            name = self.network.tensor_name(_value_behind(activation, index, function))
            output = replace(tensor, name=name, shape=step.shape)
            name = self.network.name(step.node)
            match step:
                case Pooled():
                    down = step.direction if direction is None else step.direction * direction
                    factor = tensor.channels // len(down)
                    down = np.repeat(down, factor).astype(np.int8)
                    self.network.emit(MaxPool(name, (tensor.name,), output, step.window, down), tensor)
                case Reshaped():
                    self.network.emit(Reshape(name, (tensor.name,), output), tensor)
            tensor = output
        return tensor


def _value_behind(activation: Activation, index: int, function: Expression) -> str:
    """A name for `function` of the integers behind `index` of the waiting steps: the model's own where it has one."""
    if index == len(activation.waiting):
        return activation.value if function is activation.expression else f"{activation.value}.integers"
    step = activation.waiting[index]
    return step.source if step.function is function else f"{activation.value}.{step.source}"


def spread_fractions(values: Fractions, tensor: Tensor) -> Fractions:
    """Values per channel, for a tensor in which each channel may have become several."""
    return np.repeat(values, tensor.channels // len(values))


def is_short(activation: Activation) -> bool:
    """Whether sums have so few values, all of one scale, that each of them can be a level: an average's of signs."""
    expression = activation.expression
    if isinstance(expression, Apply) and expression.operator == "Div" and isinstance(expression.operands[1], Constant):
        expression = expression.operands[0] if expression.operands[1].values.size == 1 else expression
    return int(activation.grid.count.max()) <= MAX_LEVELS and isinstance(expression, Leaf)
