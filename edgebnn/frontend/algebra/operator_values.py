"""What elementwise operators make of numbers: of float32 as onnxruntime computes them, and of Fractions alike.

Each float32 operation rounds once (IEEE 754), so a float32 chain is monotone wherever the exact one is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from edgebnn.frontend.algebra.exact_numbers import fractions_of
from edgebnn.frontend.onnx.graph import Array

Value = Callable[..., Any]


def each(function: Callable[[Any], Any]) -> Callable[[Array], Array]:
    """A rounding function for both arithmetics: NumPy has none for Fractions."""
    for_fractions = np.frompyfunc(lambda value: Fraction(function(value)), 1, 1)
    for_floats: dict[Any, Any] = {math.floor: np.floor, math.ceil: np.ceil, round: np.rint, math.trunc: np.trunc}
    return lambda x: for_fractions(x) if x.dtype == object else for_floats[function](x)


def sign(x: Array) -> Array:
    """-1, 0 or 1."""
    signs = (x > 0).astype(np.int8) - (x < 0).astype(np.int8)
    return _like(signs, x)


def _like(integers: Array, x: Array) -> Array:
    return fractions_of(integers) if x.dtype == object else integers.astype(np.float32)


def to_float(x: Array) -> Array:
    """Yes and no as 1 and 0; Fractions as they are."""
    return x if x.dtype == object else x.astype(np.float32)


def above_zero(x: Array) -> Array:
    """Zero below zero."""
    return np.maximum(x, _like(np.zeros(x.shape, np.int8), x))


def leaky(x: Array, slope: Array) -> Array:
    """What is below zero is multiplied."""
    return np.where(x < 0, x * slope, x)


def count_reached(x: Array, *steps: Array) -> Array:
    """How many of the constants behind x it has reached (FINN's MultiThreshold)."""
    return _like(np.asarray(np.sum([x >= step for step in steps], axis=0, dtype=np.int16)), x)


def compared(comparison: Value) -> Value:
    """A comparison, yes or no also of Fractions."""
    return lambda x, y: np.asarray(comparison(x, y), dtype=np.bool_)
