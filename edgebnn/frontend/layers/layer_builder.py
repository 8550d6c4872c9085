"""Layers of dot products as nodes of the network, and the activations of their sums."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edgebnn.choices import choice
from edgebnn.frontend.activations.activation import Activation
from edgebnn.frontend.algebra.expression import Apply, Constant, Expression
from edgebnn.frontend.algebra.integer_sets import grid_of_sums
from edgebnn.frontend.layers.convolution_padding import Padded, padded
from edgebnn.frontend.layers.input_scales import folded
from edgebnn.frontend.layers.integer_weights import IntegerWeights, int8_parts
from edgebnn.frontend.layers.layer_sums import LayerInput, largest_sum, leaf_of_sums
from edgebnn.frontend.layers.merged_layers import Composed
from edgebnn.frontend.layers.network_nodes import NetworkNodes
from edgebnn.frontend.layers.notes import Notes
from edgebnn.frontend.layers.rounding_causes import roundings_of_layer
from edgebnn.frontend.operations import WeightedSum
from edgebnn.frontend.problems import Refusal
from edgebnn.network.types import (
    Add,
    Kind,
    Linear,
    Rounding,
    Tensor,
    WeightKind,
)

LARGEST_SUM = 2**31 - 2  # thresholds reach one beyond the sums and still are int32


class LayerBuilder:
    """Makes layers; `roundings` is what float32 rounds in the model's own sums, by the tensors of the network's."""

    def __init__(self, network: NetworkNodes, notes: Notes) -> None:
        self._network = network
        self._notes = notes
        self.roundings: dict[str, tuple[Rounding, ...]] = {}

    def layer(
        self,
        node: str,
        value: str,
        source: LayerInput,
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
            raise Refusal(
                f"has sums of up to {bound}, which int32 does not hold", f"use a narrower {choice('input_type')}"
            )
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
        self.roundings[total.name] = roundings_of_layer(source, weights, operation, dots, of_input)
        expression: Expression = leaf
        if operation.bias is not None:
            expression = Apply("Add", (leaf, Constant(np.ascontiguousarray(operation.bias))), node)
        grid = grid_of_sums(layers[0], tensor, made.integers, total)
        return Activation(total, grid, leaf, expression, total.shape, value, "float")

    def composed(
        self, node: str, value: str, first: Linear, made: Composed, operation: WeightedSum, extents: tuple[int, ...]
    ) -> Activation:
        """One layer in place of `first` and of one that reads its sums; `extents` are those of the sums' map."""
        tensor = self._network.tensor(first.sources[0])
        bound = largest_sum(made.weights, made.kind) * max(abs(tensor.low), abs(tensor.high))
        if bound > LARGEST_SUM:
            raise Refusal(
                f"has sums of up to {bound}, which int32 does not hold", f"use a narrower {choice('input_type')}"
            )
        output = Tensor(
            self._network.tensor_name(f"{value}.sums"), Kind.SUMS, (len(made.weights), *extents), -bound, bound
        )
        layer = Linear(
            self._network.name(node),
            first.sources,
            output,
            made.weights,
            made.kind,
            made.window,
            pad_value=first.pad_value,
        )
        self._network.emit(layer, tensor)
        self._notes.add(f"layers '{first.name}' and '{layer.name}', with no sign or quantiser between them, became one")
        self.roundings[output.name] = (Rounding.SCALED_ACTIVATIONS,)
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
        output = Tensor(self._network.tensor_name(sums), Kind.SUMS, shape, -bound, bound)
        window, groups = operation.window, operation.groups
        layer = Linear(
            self._network.name(node), (tensor.name,), output, weights, kind, window, groups, pad.value, pad.border
        )
        self._network.emit(layer, tensor)
        return layer

    def _added(self, layers: Sequence[Linear], sums: str) -> Tensor:
        """The sum of layers that each have a part of the weights."""
        total = layers[0].output
        for layer in layers[1:]:
            one, other = total, layer.output
            high = one.high + other.high
            total = Tensor(self._network.tensor_name(sums), Kind.SUMS, one.shape, -high, high)
            self._network.emit(
                Add(self._network.name(f"{layer.name}.added"), (one.name, other.name), total), one, other
            )
        return total
