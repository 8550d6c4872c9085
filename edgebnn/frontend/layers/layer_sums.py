"""What a layer's integer sums are worth to the model: scale, offset, padding, and what float32 makes of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.algebra.exact_numbers import MAX_NUMBER_BITS, Fractions, fractions_of
from edgebnn.frontend.algebra.expression import Expression, Leaf
from edgebnn.frontend.algebra.float32 import UNIT, float32_holds, float32_holds_with
from edgebnn.frontend.layers.convolution_padding import Padded
from edgebnn.frontend.layers.input_scales import Folded
from edgebnn.frontend.layers.integer_weights import IntegerWeights
from edgebnn.frontend.layers.summation_error import dot_error, weighted
from edgebnn.frontend.onnx.graph import Array
from edgebnn.frontend.operations import WeightedSum
from edgebnn.network.types import Rounding, Tensor, WeightKind

# Bits of the largest offset that are kept where exact ones would be numbers without end.
_OFFSET_BITS = 100


@dataclass(frozen=True, eq=False)
class LayerInput:
    """What a layer reads: a tensor, with the real value of element n of channel i being slope[i] * n + offset[i].

    `exact` says that slope[i] * n is a float32 value, `error` (C,) how far the model's own value may lie from the one
    here, in the model's own units, and `error_of` what makes it. With `nearest` that is the float32 nearest to it.
    `reach` (C,) is how large each channel's values become, where that is less than the tensor's range says.
    """

    tensor: Tensor
    slope: Fractions
    offset: Fractions
    exact: bool
    error: npt.NDArray[np.float64]
    nearest: bool = False
    error_of: Rounding = Rounding.ESTIMATOR
    reach: npt.NDArray[np.float64] | None = None

    @property
    def scale(self) -> Fraction | None:
        """The slope of all channels, where it is the same, and above zero."""
        return self.slope[0] if self.slope[0] > 0 and not np.any(self.slope != self.slope[0]) else None

    @property
    def largest(self) -> npt.NDArray[np.float64]:
        """The largest magnitude (C,) of its values."""
        if self.reach is not None:
            return self.reach
        return _largest(self.slope, self.offset, self.tensor)


def scaled_source(tensor: Tensor, scale: Fraction, error: float = 0.0, nearest: bool = False) -> LayerInput:
    """A tensor whose integers are worth `scale` each, in all channels."""
    offset = fractions_of(np.zeros(tensor.channels, np.int8))
    errors = np.full(tensor.channels, error)
    return LayerInput(tensor, np.full(tensor.channels, scale, dtype=object), offset, True, errors, nearest)


@dataclass(frozen=True, eq=False)
class Line:
    """What a tensor's integers are worth to the model: slope[c] * n + shift[c], up to `error[c]`, all (C,).

    `exact` says that the model's value is this very number, and a float32; `nearest` that it always is the float32
    nearest to it. `error_of` is what makes the error. The model computes it as `expression` of the integers of `base`,
    of which the tensor is made, where that is said.
    """

    tensor: Tensor
    slope: Fractions
    shift: Fractions
    exact: bool
    error: npt.NDArray[np.float64]
    base: Tensor | None = None
    expression: Expression | None = None
    nearest: bool = False
    error_of: Rounding = Rounding.SCALED_ACTIVATIONS

    @property
    def largest(self) -> int:
        """The largest magnitude of its integers."""
        return max(abs(self.tensor.low), abs(self.tensor.high))

    @property
    def reach(self) -> npt.NDArray[np.float64]:
        """The largest magnitude (C,) of what they are worth."""
        return _largest(self.slope, self.shift, self.tensor)


def _largest(slope: Fractions, shift: Fractions, tensor: Tensor) -> npt.NDArray[np.float64]:
    """The largest magnitude (C,) of slope[c] * n + shift[c] over a tensor's range."""
    a, b = slope.astype(np.float64), shift.astype(np.float64)
    found: npt.NDArray[np.float64] = np.maximum(np.abs(a * tensor.low + b), np.abs(a * tensor.high + b))
    return found


def leaf_of_sums(
    source: LayerInput,
    weights: IntegerWeights,
    layer: Folded,
    padding: Padded,
    operation: WeightedSum,
    bound: int,
    padded_with: float,
) -> Leaf:
    """The sums of a layer as the model sees them, and whether float32 decides the rest.

    Its dot products reach `bound`, the model pads with `padded_with`.
    """
    scale: Fractions = weights.scale * layer.unit
    fan_in = prod(weights.integers.shape[1:])
    reach = _reach_with_offset(source, bound)
    whole = padding.border is None or (padding.shift == 0 and not padding.error)
    exact = source.exact and weights.exact and not operation.doubt and whole and reach is not None
    exact = exact and all(float32_holds(each, reach or bound) for each in set(scale.tolist()))
    error = np.zeros(len(scale))
    if not exact or source.error.any():
        largest = np.maximum(source.largest, abs(padded_with))
        moved = weighted(weights.integers, source.error, operation.groups)
        rounded = dot_error(weights.integers, largest, operation.groups)
        doubted = operation.doubt * weighted(weights.integers, largest, operation.groups) if operation.doubt else 0.0
        error = error + (moved + rounded + doubted) / layer.unit.astype(np.float64)
    if operation.bias is not None:
        error = error + _bias_error(operation.bias, operation.bias_first, scale, bound, fan_in, exact)
    fine = 2**padding.shift
    error = (error + padding.error / fine) * scale.astype(np.float64)
    return Leaf(scale / fine, _offsets(source, weights, operation.groups), exact, error)


def largest_sum(integers: npt.NDArray[np.integer[Any]], kind: WeightKind) -> int:
    """The largest sum of one neuron's weights, whatever signs errors give them; int8 weights lie where none come."""
    if kind is not WeightKind.INT8:
        return prod(integers.shape[1:])
    return int(np.abs(integers.reshape(len(integers), -1).astype(np.int64)).sum(axis=1).max())


def _reach_with_offset(source: LayerInput, bound: int) -> int | None:
    """How large the sums of the model's own values become, in units of the scale; None where those are no integers.

    A zero point moves the integers by a whole number, which float32 adds without rounding.
    """
    if not np.any(source.offset != 0):
        return bound
    scales = set(map(abs, source.slope.tolist()))
    if len(scales) > 1:
        return None
    (scale,) = scales
    shifts = [offset / scale for offset in set(source.offset.tolist())]
    if any(shift.denominator != 1 for shift in shifts):
        return None
    largest = max(abs(source.tensor.low), abs(source.tensor.high), 1)
    return bound + -(-bound // largest) * int(max(map(abs, shifts)))


def _offsets(source: LayerInput, weights: IntegerWeights, groups: int) -> Fractions:
    """What the offset of the input adds to each neuron: weight times offset, over all inputs; Fractions (O,)."""
    if not np.any(source.offset != 0):
        return fractions_of(np.zeros(len(weights.integers), np.int8))
    sums = weights.integers.reshape(*weights.integers.shape[:2], -1).sum(axis=2, dtype=np.int64).astype(object)
    inputs = weights.integers.shape[1]
    denominator = _denominator(source.offset)
    units = np.empty(source.offset.size, dtype=object)
    units[:] = [round(offset * denominator) for offset in source.offset.tolist()]
    group = np.arange(len(sums)) // (len(sums) // groups)
    totals = (sums * units.reshape(groups, inputs)[group]).sum(axis=1)
    total: Fractions = np.array([Fraction(each, denominator) for each in totals.tolist()], dtype=object)
    total = total * weights.scale
    return total


def _denominator(offsets: Fractions) -> int:
    """What offsets are whole numbers of: a sum of thousands of fractions would find it anew at every term.

    Where it would be a number without end (a mean and a deviation for each of many inputs) it is a power of two that
    leaves 100 bits of the largest offset, which is far beyond what float32 shows of any.
    """
    denominator = 1
    for offset in offsets.tolist():
        denominator = math.lcm(denominator, offset.denominator)
        if denominator.bit_length() > MAX_NUMBER_BITS:
            largest = max(map(abs, offsets.tolist()))
            return int(1 << max(0, _OFFSET_BITS - int(largest).bit_length()))
    return denominator


def _bias_error(
    bias: Array, bias_first: bool, scale: Fractions, bound: int, fan_in: int, exact: bool
) -> npt.NDArray[np.float64]:
    """What float32 makes of the bias before the sum is whole, in units of the sums; float64 (O,)."""
    if exact and not bias_first:
        return np.zeros(len(scale))
    exactly = zip(scale.tolist(), map(Fraction, bias.tolist()), strict=True)
    if exact and all(float32_holds_with(unit, bound, each) for unit, each in exactly):
        return np.zeros(len(scale))
    magnitudes = np.abs(bias.astype(np.float64)) / scale.astype(np.float64)
    return np.where(bias == 0, 0.0, (fan_in // 128 + 8) * UNIT * (magnitudes + bound))
