"""Values of an expression at given integers: in the model's float32, exactly, and exactly at the price of floats.

A step of a model (a sign, a rounding, a comparison) asks on which side of a number another one lies. Float64 with a
bound of its error answers that for nearly every point; where the two lie closer than the bound, that one step is
computed again in rational numbers. So every step is decided exactly, and what follows it rests on whole numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.algebra.bounded_floats import TINY, UNIT, Bounded
from edgebnn.frontend.algebra.exact_numbers import (
    Effort,
    Fractions,
    check_numbers,
    floats_of,
    fractions_of,
    out_of_range,
)
from edgebnn.frontend.algebra.expression import Apply, Channels, Constant, Expression, Leaf, worked_out
from edgebnn.frontend.algebra.operators import OPERATORS
from edgebnn.frontend.onnx.graph import Array

_LARGEST = 2.0**128


def evaluate(
    expression: Expression,
    channels: Channels,
    numbers: npt.NDArray[Any],
    exactly: bool,
    known: Mapping[Expression, Array] | None = None,
    effort: Effort | None = None,
) -> Array:
    """The expression at points (channel, number), both (P,): float32 or bool, or exactly Fraction or bool.

    `known` gives the values of parts of the expression in place of computing them. Refusal where the exact numbers
    become too large or too long, or the whole more than what is left of the `effort`.
    """

    def spent(value: Array, bits: int = 0) -> Array:
        if effort is not None:
            effort.spend(value, bits)
        return value

    def applied(part: Apply, operands: list[Array]) -> Array:
        value = np.asarray(OPERATORS[part.operator].value(*operands))
        if exactly and value.dtype.kind == "f":
            value = fractions_of(value)
        return spent(value, check_numbers(value) if value.dtype == object else 0)

    with np.errstate(all="ignore"):
        return worked_out(
            expression,
            lambda leaf: spent(_of_leaf(leaf, channels, numbers, exactly)),
            lambda constant: spent(constant.spread(constant.exact if exactly else constant.values, channels)),
            applied,
            dict(known or {}),
        )


def _of_leaf(leaf: Leaf, channels: Channels, numbers: npt.NDArray[Any], exactly: bool) -> Array:
    if not exactly and leaf.plain is not None:  # float64 makes a float32 of it without loss
        scale, offset = leaf.plain
        value: Array = scale[channels] * numbers.astype(np.float64) + offset[channels]
        return value.astype(np.float32)
    points = fractions_of(numbers) if numbers.dtype.kind == "f" else numbers.astype(object)
    exact: Fractions = leaf.scale[channels] * points + leaf.offset[channels]
    return exact if exactly else floats_of(exact)


def evaluate_filtered(
    expression: Expression, channels: Channels, numbers: npt.NDArray[Any], effort: Effort | None = None
) -> Array:
    """The expression at points (channel, number), both (P,), every step in it decided exactly; float64 or bool (P,).

    Two points whose last steps and everything behind them are the same have the same value. Refusal as of `evaluate`.
    """

    def spent(bounded: Bounded) -> Bounded:
        if effort is not None:
            effort.spend_floats(4 * len(channels))
        return bounded

    def applied(part: Apply, operands: list[Bounded]) -> Bounded:
        bounded = OPERATORS[part.operator].bounded(*operands)
        unsure = np.flatnonzero(np.isnan(bounded.error))
        if unsure.size:  # rational numbers say
            exact = evaluate(part, channels[unsure], numbers[unsure], True, effort=effort)
            bounded.value[unsure] = exact if bounded.value.dtype == np.bool_ else exact.astype(np.float64)
            bounded.error[unsure] = 0.0
        if bounded.value.dtype != np.bool_ and not np.all(np.abs(bounded.value) <= _LARGEST):
            raise out_of_range()
        return spent(bounded)

    with np.errstate(all="ignore"):
        return worked_out(
            expression,
            lambda leaf: spent(_bounded_leaf(leaf, channels, numbers)),
            lambda constant: spent(_bounded_constant(constant, channels)),
            applied,
        ).value


def _bounded_leaf(leaf: Leaf, channels: Channels, numbers: npt.NDArray[Any]) -> Bounded:
    scale, offset = leaf.rounded
    product = scale[channels] * numbers.astype(np.float64)
    value = product + offset[channels]
    error = 2 * UNIT * np.abs(product) + UNIT * np.abs(offset[channels]) + UNIT * np.abs(value)
    exactly = leaf.holds[channels]  # scale and offset are float64 values, so zero comes out as zero
    zero = exactly & (numbers == 0) & (offset[channels] == 0)
    return Bounded(value, np.where(zero, 0.0, error + TINY))


def _bounded_constant(constant: Constant, channels: Channels) -> Bounded:
    values = constant.values if constant.values.dtype == np.bool_ else constant.values.astype(np.float64)
    return Bounded(constant.spread(values, channels), np.zeros(len(channels)))
