"""The integers behind a model's weights: signs, signs and zeros, or 8-bit numbers, and a scale per output channel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgebnn.choices import choice
from edgebnn.frontend.algebra.exact_numbers import Fractions, fractions_of
from edgebnn.frontend.onnx.graph import Array
from edgebnn.frontend.operations import Quantised
from edgebnn.frontend.problems import Refusal
from edgebnn.network.types import WeightKind

# How the reason of a refusal of float weights begins: who tells a float network from a damaged one looks for it.
FLOAT_WEIGHTS = ("has weights that are neither binary nor ternary", "has weights whose values")

# The largest magnitude of a weight: what 8 bits less a zero point of 8 bits come to.
LARGEST = 255

# Of how many values the float weights of one channel are shown as such, where more weights than these share them.
_FEW_VALUES = 3


@dataclass(frozen=True, eq=False)
class IntegerWeights:
    """weight = scale[o] * integers[o, ...]; integers int16 (O, I / groups, *kernel) within +-LARGEST, scale > 0.

    `exact` says that the model's float32 weights are these very products, not their roundings.
    """

    integers: npt.NDArray[np.int16]
    scale: Fractions
    kind: WeightKind
    exact: bool = True


class NeitherBinaryNorTernary(Refusal):
    """Float weights of many magnitudes, with nothing in the model that quantises them."""


def integer_weights(weights: Array | Quantised) -> IntegerWeights:
    """The integers and scales of float32 weights, or of quantised ones.

    Float weights must have one non-zero magnitude per output channel, or be whole numbers of up to 8 bits, as exporters
    of integer networks keep them; quantised ones of more magnitudes have up to 8 bits. No tolerance: magnitudes that
    differ in the last bit are different weights. Raises Refusal for any others.
    """
    values = weights.values if isinstance(weights, Quantised) else weights
    if values.dtype != np.float32:
        raise Refusal(f"has weights of type {values.dtype}", "export the model in float32")
    if values.ndim < 2 or values.size == 0:
        raise Refusal(f"has weights of shape {list(values.shape)}", "export the model again")
    if not np.isfinite(values).all():
        raise Refusal("has weights that are NaN or infinite", "train the model again")
    rows = np.abs(values.reshape(len(values), -1))
    largest = rows.max(axis=1)
    odd = np.flatnonzero(((rows != 0) & (rows != largest[:, np.newaxis])).any(axis=1))
    if odd.size and isinstance(weights, Quantised):
        return _eight_bits(weights)
    if odd.size and _are_int8(values):
        whole = values.astype(np.int64)
        return _eight_bits(Quantised(values, whole, np.ones((1,) * values.ndim, np.float32)))
    if odd.size:
        raise _float_weights(int(odd[0]), values.reshape(len(values), -1)[odd])
    kind = WeightKind.BINARY if rows.all() else WeightKind.TERNARY
    # A channel of zeros has no scale of its own; any will do.
    scale = np.where(largest > 0, largest, np.float32(1))
    return IntegerWeights(np.sign(values).astype(np.int16), fractions_of(scale), kind)


def _are_int8(values: Array) -> bool:
    """Whether float weights are the integers of an int8 layer themselves."""
    return bool(np.all(np.rint(values) == values) and values.min() >= -128 and values.max() <= 127)


def _are_two_levels(row: Array) -> bool:
    """Whether weights are one level below zero, one above, and zero perhaps: trained ternary quantisation, AdaBin."""
    levels = np.unique(row)
    return len(levels) <= _FEW_VALUES and np.count_nonzero(levels < 0) == np.count_nonzero(levels > 0) == 1


def _float_weights(channel: int, rows: Array) -> NeitherBinaryNorTernary:
    """The refusal of float weights, of which `rows` are those of the channels with several magnitudes."""
    if rows.shape[1] > 2 * _FEW_VALUES and all(map(_are_two_levels, rows)):
        *first, last = (f"{value:g}" for value in np.unique(rows[0]).tolist())
        return NeitherBinaryNorTernary(
            f"{FLOAT_WEIGHTS[1]} {', '.join(first)} and {last} (in output channel {channel}) have no common scale",
            "train with one magnitude for each output channel (-s, 0 and s) in place of two levels of their own, or "
            f"give {choice('calibration', 'data.npz', 'x')} to round this layer to int8 here",
        )
    magnitudes = np.abs(rows[0])
    different = len(np.unique(magnitudes[magnitudes != 0]))
    return NeitherBinaryNorTernary(
        f"{FLOAT_WEIGHTS[0]}: {different} different magnitudes in output channel {channel}",
        "binarize the weights (their sign times one scale per output channel) in the model before the export, or "
        f"give {choice('calibration', 'data.npz', 'x')} to quantise this layer to int8 here",
    )


def _eight_bits(weights: Quantised) -> IntegerWeights:
    integers = weights.integers
    if integers.min() < -LARGEST or integers.max() > LARGEST:
        raise Refusal(
            f"has quantised weights from {integers.min()} to {integers.max()}, more than 8 bits and a zero point make",
            "quantise the weights to 8 bits, symmetrically around zero",
        )
    scales = np.broadcast_to(weights.scale, integers.shape).reshape(len(integers), -1)
    if np.any(scales != scales[:, :1]) or np.any(scales <= 0):
        raise Refusal(
            "has weights whose scale differs within an output channel, or is not positive",
            "quantise the weights with one scale per layer or per output channel",
        )
    scale = scales[:, 0].astype(np.float32)
    exactly = integers.astype(np.float64) * weights.scale.astype(np.float64)  # at most 8 + 24 bits, so without rounding
    return IntegerWeights(
        integers.astype(np.int16), fractions_of(scale), WeightKind.INT8, bool(np.all(exactly == weights.values))
    )


def int8_parts(integers: npt.NDArray[np.int16]) -> list[npt.NDArray[np.int8]]:
    """int8 arrays whose sum the integers are: one, or several where a zero point takes some of them beyond int8."""
    parts: list[npt.NDArray[np.int8]] = []
    left = integers
    while not parts or np.any(left):
        parts.append(np.clip(left, -128, 127).astype(np.int8))
        left = left - parts[-1]
    return parts


def quantised_here(weights: Array) -> Quantised:
    """Float weights rounded to int8, symmetrically, with one scale per output channel: the largest becomes 127."""
    rows = np.abs(weights.reshape(len(weights), -1)).max(axis=1)
    scale = np.where(rows > 0, rows / np.float32(127), np.float32(1)).astype(np.float32)
    scale = scale.reshape(-1, *(1,) * (weights.ndim - 1))
    integers = np.clip(np.rint(weights / scale), -127, 127).astype(np.int8)
    return Quantised((integers * scale).astype(np.float32), integers, scale)
