"""Weights of a layer of which each neuron reads inputs of one scale, up to its sign: the scale leaves the weights."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.algebra.exact_numbers import Fractions
from edgebnn.frontend.layers.integer_weights import IntegerWeights
from edgebnn.network.types import WeightKind

_Value = TypeVar("_Value", bound=np.generic)


@dataclass(frozen=True, eq=False)
class Folded:
    """Weights times what their inputs are worth: unit[o] times `integers`, int16 (O, I / groups, *kernel)."""

    integers: npt.NDArray[np.int16]
    kind: WeightKind
    unit: Fractions


def of_neurons(values: npt.NDArray[_Value], neurons: int, groups: int) -> npt.NDArray[_Value]:
    """Values per input (I,), for each neuron those of the inputs that it reads: (O, I / groups)."""
    return np.repeat(values.reshape(groups, -1), neurons // groups, axis=0)


def mixes(slope: Fractions, groups: int) -> bool:
    """Whether neurons add inputs of different scales; `slope` (I,) is what each input's integers are worth."""
    of_group = np.abs(slope).reshape(groups, -1)
    return bool(np.any(of_group != of_group[:, :1]))


def folded(weights: IntegerWeights, slope: Fractions, groups: int) -> Folded:
    """Weights with the slope (I,) of each input taken into them; they do not mix scales."""
    neurons = len(weights.integers)
    of_group = [abs(each) or Fraction(1) for each in slope.reshape(groups, -1)[:, 0].tolist()]
    unit: Fractions = np.repeat(np.array(of_group, dtype=object), neurons // groups)
    signs = of_neurons(np.array([(each > 0) - (each < 0) for each in slope.tolist()], np.int16), neurons, groups)
    integers = weights.integers * signs.reshape(*signs.shape, *(1,) * (weights.integers.ndim - 2))
    kind = weights.kind
    if kind is not WeightKind.INT8:
        kind = WeightKind.BINARY if integers.all() else WeightKind.TERNARY
    return Folded(integers, kind, unit)
