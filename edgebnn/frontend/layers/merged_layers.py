"""Two layers of weights with nothing but lines between them (a convolution, its batch norm, a depthwise one) as one.

Two linear maps in a row are one linear map. Where every output reads channels of one slope alone, as a depthwise layer
does, its weights are the integers of the one times those of the other, so that no sum is rounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.activations.activation import Activation
from edgebnn.frontend.algebra.expression import Leaf
from edgebnn.frontend.algebra.interval_arithmetic import float32_errors
from edgebnn.frontend.algebra.linearity import affine_of
from edgebnn.frontend.layers.integer_weights import IntegerWeights
from edgebnn.frontend.layers.summation_error import sum_error
from edgebnn.frontend.operations import WeightedSum
from edgebnn.network.rules import LARGEST_WINDOW
from edgebnn.network.types import Linear, WeightKind, Window

# Weights of the layer that two become; each of them is stored.
_MOST_WEIGHTS = 2**22


@dataclass(frozen=True, eq=False)
class Composed:
    """The layer that does both: its weights, its window, and what its sums are worth to the model."""

    weights: npt.NDArray[np.int8]
    kind: WeightKind
    window: Window
    leaf: Leaf


def composed(first: Linear, between: Activation, second: IntegerWeights, operation: WeightedSum) -> Composed | None:
    """`first`, the lines `between` on its sums, and a second layer as one layer; None where they are none.

    Nor are they where the weights of that layer were too large or too many.
    """
    base = between.base
    line = affine_of(between.expression, base.low, base.high, base.channels)
    window, groups = operation.window, operation.groups
    if line is None or first.border is not None or any(window.pad_begin + window.pad_end):
        return None
    slope, shift = (_of_groups(part, second, groups) for part in line)
    if np.any(slope != slope[:, :1]) or np.any(slope == 0):
        return None
    whole = _window(first.window, window)
    fan_in = first.weights.shape[1] * int(np.prod(whole.kernel))
    if fan_in * len(second.integers) > _MOST_WEIGHTS or max(whole.kernel, default=1) > LARGEST_WINDOW:
        return None
    positive = np.array([1 if value > 0 else -1 for value in slope[:, 0].tolist()], np.int64)
    integers = _weights(first, second, window, whole, groups) * positive.reshape(-1, *(1,) * (first.weights.ndim - 1))
    if np.abs(integers).max() > 127:
        return None
    scale = second.scale * np.abs(slope[:, 0])
    taps = second.integers.reshape(*second.integers.shape[:2], -1).astype(np.int64)
    offset = second.scale * (taps.sum(axis=2).astype(object) * shift).sum(axis=1)
    error = _error(between, second, operation, scale)
    return Composed(integers.astype(np.int8), _kind(integers), whole, Leaf(scale, offset, False, error))


def _of_groups(values: npt.NDArray[Any], second: IntegerWeights, groups: int) -> npt.NDArray[Any]:
    """Values per channel, for each output (O,) those of the channels that it reads: (O, I / groups)."""
    each = values.reshape(groups, second.integers.shape[1])
    return np.repeat(each, len(second.integers) // groups, axis=0)


def _window(one: Window, other: Window) -> Window:
    """The window of both: the second one's taps lie the first one's stride apart."""
    kernel = tuple(
        (k2 - 1) * d2 * s1 + (k1 - 1) * d1 + 1
        for k1, d1, s1, k2, d2 in zip(one.kernel, one.dilation, one.stride, other.kernel, other.dilation, strict=True)
    )
    stride = tuple(s1 * s2 for s1, s2 in zip(one.stride, other.stride, strict=True))
    return Window(kernel, stride, (1,) * len(kernel), one.pad_begin, one.pad_end)


def _weights(
    first: Linear, second: IntegerWeights, window: Window, whole: Window, groups: int
) -> npt.NDArray[np.int64]:
    """What each output adds up of the first layer's inputs: (O, I of the first, *kernel of both)."""
    outputs, inputs = second.integers.shape[:2]
    channels, across = first.neurons, first.groups
    of_group = first.weights.shape[1]
    made = np.zeros((outputs, of_group * across, *whole.kernel), np.int64)
    taps = second.integers.reshape(outputs, inputs, -1).astype(np.int64)
    read = np.arange(channels).reshape(groups, inputs)[np.arange(outputs) // (outputs // groups)]
    for number in range(inputs):
        begin = read[:, number] // (channels // across) * of_group
        places = begin[:, np.newaxis] + np.arange(of_group)
        inner = first.weights[read[:, number]].astype(np.int64)
        for tap in product(*map(range, window.kernel)):
            factor = taps[:, number, np.ravel_multi_index(tap, window.kernel) if tap else 0]
            factor = factor.reshape(-1, *(1,) * (inner.ndim - 1))
            starts = [t * d * s for t, d, s in zip(tap, window.dilation, first.window.stride, strict=True)]
            cut = tuple(
                slice(start, start + (k - 1) * d + 1, d)
                for start, k, d in zip(starts, first.window.kernel, first.window.dilation, strict=True)
            )
            rows = np.arange(outputs)[:, np.newaxis]
            made[(rows, places, *cut)] += factor * inner
    return made


def _kind(integers: npt.NDArray[np.int64]) -> WeightKind:
    if np.abs(integers).max() > 1:
        return WeightKind.INT8
    return WeightKind.BINARY if np.all(integers) else WeightKind.TERNARY


def _error(
    between: Activation, second: IntegerWeights, operation: WeightedSum, scale: npt.NDArray[Any]
) -> npt.NDArray[np.float64]:
    """How far the model's float32 lies from the sums (O,), in their units: what it rounds before and in each layer."""
    base = between.base
    found = float32_errors(between.expression, base.low, base.high, base.channels)
    line = affine_of(between.expression, base.low, base.high, base.channels)
    assert line is not None, "composed layers have lines between them"
    reach = np.abs(line[0]) * max(abs(base.low), abs(base.high)) + np.abs(line[1])
    taps = np.abs(second.integers.astype(np.int64)).reshape(*second.integers.shape[:2], -1).sum(axis=2)
    unit = scale.astype(np.float64) / second.scale.astype(np.float64)
    groups = operation.groups
    before = (taps * _of_groups(found, second, groups)).sum(axis=1) / unit
    largest = (taps * _of_groups(reach.astype(np.float64), second, groups)).sum(axis=1) / unit
    fan_in = second.integers[0].size
    bias = np.zeros(len(unit)) if operation.bias is None else np.abs(operation.bias) / scale.astype(np.float64)
    total: npt.NDArray[np.float64] = before + sum_error(fan_in + 1, largest + bias)
    return total
