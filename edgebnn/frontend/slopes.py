"""Weights of a layer whose input channels have scales of their own: the scales are taken into the weights.

One scale for all inputs of a neuron, up to its sign, leaves the weights what they are. Several make int8 weights of
them: exactly where the scales are small multiples of one number, rounded where they are not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.expressions import Fractions
from edgebnn.frontend.problems import Refusal
from edgebnn.frontend.weights import IntegerWeights
from edgebnn.network.types import WeightKind

_LARGEST = 127
# By how much a scale may be rounded: scales up to some 25 times as large as the smallest one.
_ROUNDED = 1 / 50


@dataclass(frozen=True, eq=False)
class Folded:
    """Weights times what their inputs are worth: unit[o] times `integers`, int16 (O, I / groups, *kernel).

    `rounded` says that these are not the very products.
    """

    integers: npt.NDArray[np.int16]
    kind: WeightKind
    unit: Fractions
    rounded: bool


def folded(weights: IntegerWeights, slope: Fractions, groups: int) -> Folded:
    """The integers of weights times the slope (I,) of each input; Refusal where int8 does not hold them."""
    neurons = len(weights.integers) // groups
    parts = [
        _of_group(weights.integers[group * neurons : (group + 1) * neurons], each)
        for group, each in enumerate(np.split(slope, groups))
    ]
    integers = np.concatenate([part.integers for part in parts])
    unit: Fractions = np.concatenate([part.unit for part in parts])
    return Folded(integers, _kind(weights.kind, integers), unit, any(part.rounded for part in parts))


def _kind(kind: WeightKind, integers: npt.NDArray[np.int16]) -> WeightKind:
    if kind is WeightKind.INT8 or np.abs(integers).max() > 1:
        return WeightKind.INT8
    return WeightKind.BINARY if integers.all() else WeightKind.TERNARY


def _of_group(integers: npt.NDArray[np.int16], slope: Fractions) -> Folded:
    """The neurons of one group, which all read the same inputs."""
    unit, factors = _common_grid(slope)
    products = _times(integers, factors)
    fits = products.min(initial=0) >= -_LARGEST - 1 and products.max(initial=0) <= _LARGEST
    if fits or np.all(np.abs(factors) == 1):  # the model's own weights may be beyond int8
        return _folded(products, unit, rounded=False)
    if np.abs(integers).max() <= 1:
        nearest, factors = _nearest_grid(slope)
        return _folded(_times(integers, factors), nearest, rounded=True)
    return _requantised(integers, slope)


def _folded(products: npt.NDArray[np.int64], unit: Fraction, rounded: bool) -> Folded:
    return Folded(products.astype(np.int16), WeightKind.INT8, np.full(len(products), unit, dtype=object), rounded)


def _times(integers: npt.NDArray[np.int16], factors: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return integers * factors.reshape(1, -1, *(1,) * (integers.ndim - 2))


def _common_grid(slope: Fractions) -> tuple[Fraction, npt.NDArray[np.int64]]:
    """The largest number of which all slopes are multiples, and which ones; far too large ones as 2^32."""
    numbers = [number for number in slope.tolist() if number]
    if not numbers:
        return Fraction(1), np.zeros(len(slope), np.int64)
    ratios = [number / numbers[0] for number in slope.tolist()]
    distinct = set(ratios)
    if len(distinct) > 2 * _LARGEST + 1:
        return Fraction(1), np.full(len(slope), 2**32)
    denominator = math.lcm(*(ratio.denominator for ratio in distinct))
    divisor = math.gcd(*(int(ratio * denominator) for ratio in distinct))
    unit = abs(numbers[0]) * Fraction(divisor, denominator)
    most = 2**32
    return unit, np.array([max(-most, min(most, int(number / unit))) for number in slope.tolist()], np.int64)


def _nearest_grid(slope: Fractions) -> tuple[Fraction, npt.NDArray[np.int64]]:
    """A unit of which all slopes are nearly multiples of at most 127, and which ones."""
    real = slope.astype(np.float64)
    largest = np.abs(real).max()
    candidates = np.arange(_LARGEST, _LARGEST // 2, -1)
    factors = np.rint(np.outer(candidates, real / largest))
    with np.errstate(all="ignore"):
        off = np.abs(factors * largest / candidates[:, np.newaxis] / real - 1)
    worst = np.where(real == 0, 0, off).max(axis=1)
    best = int(np.argmin(worst))
    if worst[best] > _ROUNDED:
        raise _too_different(real)
    return Fraction(float(largest)) / int(candidates[best]), factors[best].astype(np.int64)


def _requantised(integers: npt.NDArray[np.int16], slope: Fractions) -> Folded:
    """int8 weights times slopes as int8 weights again, each neuron with a unit of its own."""
    real = slope.astype(np.float64)
    sizes = np.abs(real[real != 0])
    if sizes.max() / sizes.min() > _LARGEST * _ROUNDED * 10:
        raise _too_different(real)
    products = integers * real.reshape(1, -1, *(1,) * (integers.ndim - 2))
    most = np.abs(products.reshape(len(products), -1)).max(axis=1)
    units = np.where(most > 0, most, 1.0) / _LARGEST
    made = np.rint(products / units.reshape(-1, *(1,) * (products.ndim - 1))).astype(np.int64)
    unit = np.empty(len(units), dtype=object)
    unit[:] = [Fraction(float(each)) for each in units]
    return Folded(made.astype(np.int16), WeightKind.INT8, unit, rounded=True)


def _too_different(real: npt.NDArray[np.float64]) -> Refusal:
    sizes = np.abs(real[real != 0])
    return Refusal(
        f"gets an input whose channels have scales from {sizes.min():g} to {sizes.max():g}, which no weights of 8 bits "
        "hold together",
        "scale the channels alike before the model, or divide all of them by the same number",
    )
