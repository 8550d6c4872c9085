"""Activations with a scale of their own in each channel, in front of a layer whose sums read channels of one scale.

A depthwise layer's sum is an integer times its channel's scale, so the scale belongs to the layer's weights, and the
integers alone are left before it. The same holds for groups, where the channels of a group have one scale.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgebnn.frontend.activations.activation import Activation
from edgebnn.frontend.algebra.exact_numbers import Fractions, fractions_of
from edgebnn.frontend.algebra.expression import Apply, Constant, Expression
from edgebnn.frontend.layers.integer_weights import IntegerWeights
from edgebnn.frontend.onnx.graph import Array


def scales_in_weights(
    activation: Activation, weights: IntegerWeights, groups: int
) -> tuple[Activation, IntegerWeights]:
    """The activation without its channels' own scales, the weights with them; both as they are where that cannot be."""
    inner = _without_scales(activation)
    inputs = weights.integers.shape[1]
    if inner is None or activation.channels_each != 1 or activation.shape[0] != groups * inputs:
        return activation, weights
    if activation.padding is not None and activation.padding.value != 0:
        return activation, weights
    expression, scales = inner
    of_group = scales.reshape(groups, inputs)
    if np.any(of_group != of_group[:, :1]):
        return activation, weights
    of_neuron: Fractions = np.repeat(of_group[:, 0], len(weights.integers) // groups)
    name = f"{activation.value}.integers"
    return replace(activation, expression=expression, value=name), replace(weights, scale=weights.scale * of_neuron)


def _without_scales(activation: Activation) -> tuple[Expression, Fractions] | None:
    """An expression, and what each channel of it is worth: positive numbers (C,), whose product the activation is."""
    match activation.expression:
        case Apply("Mul", (inner, Constant(scales)), _) | Apply("Mul", (Constant(scales), inner), _):
            return _positive(inner, scales)
        case Apply("Where", (condition, Constant(yes), Constant(no)), node):
            ones = (Constant(np.full(1, sign, np.float32)) for sign in (1, -1))
            opposite = yes.dtype == np.float32 and yes.shape == no.shape and np.array_equal(yes, -no)
            return _positive(Apply("Where", (condition, *ones), node), yes) if opposite else None
    return None


def _positive(inner: Expression, scales: Array) -> tuple[Expression, Fractions] | None:
    if scales.size == 1 or scales.dtype != np.float32 or not np.all((scales > 0) & np.isfinite(scales)):
        return None
    return inner, fractions_of(scales)
