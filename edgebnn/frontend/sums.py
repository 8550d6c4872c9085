"""What a layer's integer sums are worth to the model: scale, offset, padding, and what float32 makes of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.expressions import MAX_BITS, Fractions, Leaf, fractions_of, too_long
from edgebnn.frontend.graph import Array
from edgebnn.frontend.operations import WeightedSum
from edgebnn.frontend.problems import Refusal
from edgebnn.frontend.rounding import float32_holds, float32_holds_with, sum_error
from edgebnn.frontend.weights import IntegerWeights
from edgebnn.network.types import Linear, Tensor


@dataclass(frozen=True, eq=False)
class Source:
    """What a layer reads: a tensor, with the real value of element n of channel i being scale * n + offset[i].

    `sign` is -1 where the model sees the integers negated. `exact` says that these numbers are float32 values, `error`
    how far the model's own may lie from them, in units of n.
    """

    tensor: Tensor
    scale: Fraction
    sign: int
    offset: Fractions
    exact: bool
    error: float


@dataclass(frozen=True, eq=False)
class Fixed:
    """A tensor that stands for a signal: unit * n + offset[c], from which the model's own value is up to `error` units.

    `exact` says that it is this very number, and a float32.
    """

    tensor: Tensor
    unit: Fraction
    offset: Fractions
    exact: bool
    error: float

    @property
    def largest(self) -> int:
        """The largest magnitude of its integers."""
        return max(abs(self.tensor.low), abs(self.tensor.high))


def leaf_of_sums(layer: Linear, source: Source, weights: IntegerWeights, operation: WeightedSum, bound: int) -> Leaf:
    """The layer's sums as the model sees them, and whether float32 decides what comes after."""
    scale: Fractions = weights.scale * source.scale
    offset = _offsets(source, weights, operation.groups)
    reach = _reach_with_offset(source, bound)
    exact = source.exact and weights.exact and reach is not None
    exact = exact and all(float32_holds(each, reach or bound) for each in set(scale.tolist()))
    error = np.zeros(layer.neurons)
    if not exact or source.error:
        magnitude = bound + layer.fan_in * float(max(map(abs, source.offset.tolist()))) / float(source.scale)
        error = error + layer.fan_in * source.error + sum_error(layer.fan_in, magnitude)
    if operation.bias is not None:
        error = error + _bias_error(operation.bias, operation.bias_first, scale, bound, layer.fan_in, exact)
    return Leaf(scale, offset, exact, error)


def pad_value_of(source: Source, padding: float) -> int:
    """The integer of the input that stands for a padding's real value."""
    offset = source.offset[0]
    if np.any(source.offset != offset):
        raise Refusal(
            "pads an input whose channels have different offsets, so the padding is no integer of the input",
            "subtract the mean before the export, or use a convolution without padding",
        )
    units = (Fraction(padding) - offset) / source.scale * source.sign if math.isfinite(padding) else Fraction(1, 2)
    if units.denominator != 1 or (units != 0 and not source.tensor.low <= units <= source.tensor.high):
        raise Refusal(
            f"is padded with {padding:g}, which its input cannot hold",
            "pad with 0, or with 1 or -1 after a sign; subtract a mean before the export",
        )
    return int(units)


def _reach_with_offset(source: Source, bound: int) -> int | None:
    """How large the sums of the model's own values become, in units of the scale; None where those are no integers.

    A zero point moves the integers by a whole number, which float32 adds without rounding.
    """
    if not np.any(source.offset != 0):
        return bound
    shifts = [offset / source.scale for offset in set(source.offset.tolist())]
    if any(shift.denominator != 1 for shift in shifts):
        return None
    largest = max(abs(source.tensor.low), abs(source.tensor.high), 1)
    return bound + -(-bound // largest) * int(max(map(abs, shifts)))


def _offsets(source: Source, weights: IntegerWeights, groups: int) -> Fractions:
    """What the offset of the input adds to each neuron: weight times offset, over all inputs; Fractions (O,)."""
    if not np.any(source.offset != 0):
        return fractions_of(np.zeros(len(weights.integers), np.int8))
    sums = weights.integers.reshape(*weights.integers.shape[:2], -1).sum(axis=2, dtype=np.int64).astype(object)
    inputs = weights.integers.shape[1]
    # In whole units of their common denominator: a sum of thousands of fractions would find it anew at every term.
    denominator = 1
    for offset in source.offset.tolist():
        denominator = math.lcm(denominator, offset.denominator)
        if denominator.bit_length() > MAX_BITS:
            raise too_long()
    units = np.empty(source.offset.size, dtype=object)
    units[:] = [int(offset * denominator) for offset in source.offset.tolist()]
    group = np.arange(len(sums)) // (len(sums) // groups)
    totals = (sums * units.reshape(groups, inputs)[group]).sum(axis=1)
    total: Fractions = np.array([Fraction(each, denominator) for each in totals.tolist()], dtype=object)
    total = total * weights.scale
    return total


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
    return np.where(bias == 0, 0.0, sum_error(fan_in // 128, magnitudes + bound))
