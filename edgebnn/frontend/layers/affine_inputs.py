"""What a layer reads without anything being made of it: integers, scaled and shifted, each channel in its own way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgebnn.frontend.activations.activation import Activation
from edgebnn.frontend.algebra.evaluation import evaluate
from edgebnn.frontend.algebra.exact_numbers import Fractions, fractions_of
from edgebnn.frontend.algebra.expression import with_leaf
from edgebnn.frontend.algebra.float32 import UNIT, float32_holds, float32_holds_line
from edgebnn.frontend.algebra.interval_arithmetic import float32_errors
from edgebnn.frontend.algebra.linearity import affine_of
from edgebnn.frontend.algebra.monotonicity import has_steps
from edgebnn.frontend.layers.layer_sums import Line
from edgebnn.frontend.layers.summation_error import straight_through_error
from edgebnn.frontend.problems import Refusal
from edgebnn.network.types import (
    Kind,
    Rounding,
)


def line_read(activation: Activation) -> Line | None:
    """The line of its base's integers that an activation is, for each channel.

    None for the sums of layers, and where the activation is no line.
    """
    base = activation.base
    if base.kind is Kind.SUMS:
        return None
    if has_steps(activation.expression):
        line = _line_through_signs(activation) if base.kind in (Kind.BITS, Kind.TRITS) else None
    else:
        line = affine_of(activation.expression, base.low, base.high, base.channels)
    if line is None:
        return None
    slope, shift = line
    if not np.any(slope != 0):
        raise Refusal("gets an input times zero, which does not depend on it", "train or export the model again")
    largest = max(abs(base.low), abs(base.high))
    exact = all(float32_holds(scale, largest) for scale in set(map(abs, slope.tolist())) if scale)
    estimated, rounded = (
        straight_through_error(activation.expression, activation.grid),
        _input_error(activation, line, exact),
    )
    error_of = Rounding.ESTIMATOR if estimated else Rounding.SCALED_ACTIVATIONS
    return Line(base, slope, shift, exact, np.full(base.channels, max(estimated, rounded)), error_of=error_of)


def _input_error(activation: Activation, line: tuple[Fractions, Fractions], exact: bool) -> float:
    """How far float32 takes what the model makes of integers from what that is exactly, in the model's own units.

    That is nothing where float32 holds the input's numbers and all that each operator makes of them.
    """
    base, leaf = activation.base, activation.leaf
    if exact and has_steps(activation.expression) and not leaf.error.any() and not np.any(line[1] != 0):
        return 0.0  # of a few levels each is a float32, as was seen
    largest = max(abs(base.low), abs(base.high))
    pairs = {*zip(leaf.scale.tolist(), leaf.offset.tolist(), strict=True)}
    error = leaf.error
    if not all(float32_holds_line(scale, offset, largest) for scale, offset in pairs):
        reach = (abs(leaf.scale) * largest + abs(leaf.offset)).astype(np.float64)
        error = np.maximum(error, UNIT * reach)
    rounded = with_leaf(activation.expression, replace(leaf, error=error))
    return float(float32_errors(rounded, base.low, base.high, base.channels).max())


def _line_through_signs(activation: Activation) -> tuple[Fractions, Fractions] | None:
    """(a, 0) where the steps that the model takes of bits or trits are a times these; None for any others."""
    every = np.arange(activation.base.channels)
    high = fractions_of(evaluate(activation.expression, every, np.ones_like(every), False).astype(np.float32))
    for number in (-1, 1) if activation.base.kind is Kind.BITS else (-1, 0, 1):
        values = evaluate(activation.expression, every, np.full_like(every, number), False).astype(np.float32)
        if np.any(fractions_of(values) != high * number):
            return None
    return high, fractions_of(np.zeros(activation.base.channels))
