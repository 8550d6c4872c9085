"""A layer of dot products on an activation: its weights, its bias, its window and the padding before it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.activations.activation import Activation, check_channel_first, check_size
from edgebnn.frontend.algebra.monotonicity import has_steps
from edgebnn.frontend.layers.affine_inputs import line_read
from edgebnn.frontend.layers.input_scales import mixes
from edgebnn.frontend.layers.integer_weights import (
    IntegerWeights,
    NeitherBinaryNorTernary,
    integer_weights,
    quantised_here,
)
from edgebnn.frontend.layers.layer_sums import LayerInput
from edgebnn.frontend.layers.merged_layers import composed
from edgebnn.frontend.layers.network_builder import Emitter
from edgebnn.frontend.layers.per_channel_scales import scales_in_weights
from edgebnn.frontend.lower.affine_activations import takes_steps, without_steps
from edgebnn.frontend.lower.int16_intermediates import integers_between
from edgebnn.frontend.lower.node_values import Unknown, Value
from edgebnn.frontend.lower.requantised_channels import on_one_grid
from edgebnn.frontend.onnx.graph import Array, OnnxNode
from edgebnn.frontend.operations import Quantised, WeightedSum
from edgebnn.frontend.problems import Refusal
from edgebnn.network.types import Linear, Window


def weighted_sum(emitter: Emitter, node: OnnxNode, value: Value | None, operation: WeightedSum) -> Value:
    """The sums of a layer of weights on a value, unknown where that is; Refusal where the two do not fit together."""
    weights = _weights(emitter, node, operation.weights)
    bias = operation.bias
    if bias is not None and (bias.dtype != np.float32 or not np.isfinite(bias).all()):
        raise Refusal("has a bias that is not finite float32", "train or export the model again")
    if bias is not None and bias.shape != (len(weights.integers),):
        raise Refusal(
            f"has a bias of shape {list(bias.shape)} for {len(weights.integers)} neurons", "export the model again"
        )
    if not isinstance(value, Activation):
        return Unknown()
    if value.view.order is not None:
        weights = _reordered(weights, value.view.order)
    else:
        check_channel_first(value)
    shape = list(value.shape)
    inputs, groups = weights.integers.shape[1], operation.groups
    rank = len(operation.window.kernel)
    if len(shape) != rank + 1:
        raise Refusal(f"takes maps with {rank} spatial axes, but gets the shape {shape}", "export the model again")
    if groups < 1 or shape[0] != inputs * groups or len(weights.integers) % groups:
        raise Refusal(
            f"has weights of shape {list(weights.integers.shape)} in {groups} groups for inputs of shape {shape}",
            "the file is damaged; export the model again",
        )
    operation, pad_value = _with_padding(operation, value)
    extents = operation.window.extents(value.shape[1:])
    if min(extents, default=1) < 1:
        raise Refusal(f"has a kernel larger than its map {shape}", "use a smaller kernel or more padding")
    check_size((len(weights.integers), *extents))
    first = emitter.network.maker(value.base)
    between = not value.waiting and value.padding is None and not has_steps(value.expression)
    if isinstance(first, Linear) and between and emitter.calibration is None:
        made = composed(first, value, weights, operation)
        if made is not None:
            return emitter.layers.composed(node.name, node.outputs[0], first, made, operation, extents)
    value, weights = scales_in_weights(value, weights, groups)
    of_input = emitter.network.inputs.of(value.base) is not None
    read = replace(value, padding=None, model_view=None)
    source = integers_between(emitter, read, weights, groups, node.name) or _source(
        emitter, node, read, weights, operation, pad_value
    )
    return emitter.layers.layer(node.name, node.outputs[0], source, weights, operation, pad_value, of_input)


def _source(
    emitter: Emitter, node: OnnxNode, value: Activation, weights: IntegerWeights, operation: WeightedSum, padding: float
) -> LayerInput:
    """What a layer reads, its channels on one grid where neurons add channels of different scales."""
    line = line_read(value)
    if line is None:
        try:
            return emitter.source(value)
        except Refusal:  # its levels may have scales of their own
            if not takes_steps(value):
                raise
            value = without_steps(emitter, value)
            line = line_read(value)
            if line is None:
                raise
    if not mixes(np.repeat(line.slope, value.channels_each), operation.groups):
        return emitter.source(value)
    window = operation.window
    padded = any(window.pad_begin + window.pad_end)
    return on_one_grid(emitter, node.name, value, line, weights, operation.groups, padding if padded else None)


def _weights(emitter: Emitter, node: OnnxNode, weights: Array | Quantised) -> IntegerWeights:
    try:
        return integer_weights(weights)
    except NeitherBinaryNorTernary:
        if emitter.calibration is None or isinstance(weights, Quantised):
            raise
        emitter.notes.quantised.append(node.name)
        return integer_weights(quantised_here(weights))


def _reordered(weights: IntegerWeights, order: npt.NDArray[np.int64]) -> IntegerWeights:
    """A dense layer's weights for inputs of which the model's element j is the network's element order[j]."""
    if weights.integers.shape[1] != len(order):
        return weights  # refused where the shapes are compared
    moved = np.empty_like(weights.integers)
    moved[:, order] = weights.integers
    return replace(weights, integers=moved)


def _with_padding(operation: WeightedSum, activation: Activation) -> tuple[WeightedSum, float]:
    """The layer with a constant padding before it taken into its window, and the real value of its padding."""
    padding = activation.padding
    if padding is None:
        return operation, 0.0
    window = operation.window
    if any(window.pad_begin + window.pad_end) and padding.value != 0:
        raise Refusal(f"pads with zeros what is padded with {padding.value:g} already", "use one of the two paddings")
    begin = tuple(map(sum, zip(window.pad_begin, padding.begin, strict=True)))
    end = tuple(map(sum, zip(window.pad_end, padding.end, strict=True)))
    taken = Window(window.kernel, window.stride, window.dilation, begin, end)
    return replace(operation, window=taken), padding.value
