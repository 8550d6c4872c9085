"""Smooth activations (sigmoid, tanh, SiLU, GELU, ...): what they are exactly, where they turn, and how near float32 is.

Their values are irrational, so float64 stands for them: a step behind one is decided as its correctly computed value
decides it. onnxruntime approximates them in float32; how far it may be off is stated here, and steps that lie within
that count as ambiguous.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from edgebnn.frontend.onnx.graph import Array

# onnxruntime's values lie within the first share of a curve's own and, beside that, within the second share of
# min(|x|, reach), or of one: of 420,000 numbers from -20 to 20 none was farther off than a quarter of it (1.32).
RELATIVE = 2.0**-20
ABSOLUTE = 2.0**-22
# What lies closer to zero, far below float32, is as far from it as this: on its side of zero, and no longer a number.
_SMALLEST = 2.0**-400


@dataclass(frozen=True)
class Curve:
    """A function of one number, in float64.

    It rises everywhere, or falls up to `turn` and rises behind it. `steepest` bounds its slope, None where nothing
    does. `through_zero` says that zero stays zero, also in float32. float32's error grows with |x| up to `reach` and
    no further; without a reach it is the same everywhere but at that zero.
    """

    function: Callable[[float], float]
    steepest: float | None
    turn: float | None = None
    through_zero: bool = True
    reach: float | None = 1.0

    def at(self, number: float) -> float:
        """Its value; infinity where that is beyond float64."""
        try:
            value = self.function(number)
        except OverflowError:
            return math.inf
        if abs(value) >= _SMALLEST or (self.through_zero and number == 0):
            return value
        return -_SMALLEST if self.through_zero and number < 0 else _SMALLEST


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def _gelu_tanh(x: float) -> float:
    return 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))


# Where they turn: the roots of the derivatives, to float64.
CURVES: dict[str, Curve] = {
    "Sigmoid": Curve(_sigmoid, 0.25, through_zero=False),
    "Tanh": Curve(math.tanh, 1.0),
    "Erf": Curve(math.erf, 1.13),
    "Exp": Curve(math.exp, None, through_zero=False),
    "ExpMinusOne": Curve(math.expm1, None, reach=None),
    "Softplus": Curve(_softplus, 1.0, through_zero=False),
    "Softsign": Curve(lambda x: x / (1 + abs(x)), 1.0),
    "Silu": Curve(lambda x: x * _sigmoid(x), 1.1, turn=-1.278464542761074, reach=16.0),
    "Gelu": Curve(lambda x: 0.5 * x * math.erfc(-x / math.sqrt(2)), 1.13, turn=-0.7517915246935645, reach=16.0),
    "GeluTanh": Curve(_gelu_tanh, 1.13, turn=-0.7524614220710162, reach=16.0),
    "Mish": Curve(lambda x: x * math.tanh(_softplus(x)), 1.09, turn=-1.1924312145154024, reach=16.0),
}


def evaluated(curve: Curve, x: Array) -> Array:
    """A curve's values (P,) of float32 or float64 numbers, or of Fractions, in the same type."""
    values = np.empty(x.shape, x.dtype)
    if x.dtype == object:
        values[...] = np.frompyfunc(lambda value: _fraction(curve, value), 1, 1)(x)
    else:
        values[...] = np.frompyfunc(curve.at, 1, 1)(x.astype(np.float64))
    return values


def _fraction(curve: Curve, value: Any) -> Any:
    result = curve.at(float(value))
    return Fraction(result) if math.isfinite(result) else result
