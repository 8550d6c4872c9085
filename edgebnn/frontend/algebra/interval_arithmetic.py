"""How far float32 takes an expression from its exact values: interval arithmetic over its parts, on a whole range."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgebnn.frontend.algebra.exact_numbers import out_of_range
from edgebnn.frontend.algebra.expression import Apply, Constant, Expression, Leaf, worked_out
from edgebnn.frontend.algebra.float32 import float32_holds_line
from edgebnn.frontend.algebra.intervals import Floats, Interval, rounded
from edgebnn.frontend.algebra.linearity import affine_of
from edgebnn.frontend.algebra.operators import OPERATORS

_LARGEST = float(np.finfo(np.float32).max)


def reach_of(expression: Expression, low: int, high: int, channels: int) -> tuple[float, float]:
    """Numbers between which an expression of integers from low to high lies, whatever the channel."""
    found = _intervals(expression, low, high, channels)
    return float(found.low.min()), float(found.high.max())


def float32_errors(expression: Expression, low: int, high: int, channels: int) -> Floats:
    """Bounds (C,) of the error of float32 in an expression of integers from low to high, in its own units.

    Each operator rounds in proportion to its own values, which may be far larger than the result: (n + 1e8) - 1e8. It
    rounds nothing where float32 holds all numbers that it can make. Without an operator it is the error of the sums
    alone. Refusal where a value is too large for float32.
    """
    return _intervals(expression, low, high, channels).error


def _intervals(expression: Expression, low: int, high: int, channels: int) -> Interval:
    bound = max(abs(low), abs(high))

    def of_leaf(leaf: Leaf) -> Interval:
        ends = np.stack([leaf.scale.astype(np.float64) * end for end in (low, high)]) + leaf.rounded[1]
        return Interval(ends.min(axis=0), ends.max(axis=0), leaf.error)

    def of_constant(constant: Constant) -> Interval:
        values = np.broadcast_to(constant.values.astype(np.float64), channels)
        return Interval(values, values, np.zeros(channels))

    def applied(part: Apply, operands: list[Interval]) -> Interval:
        operator = OPERATORS[part.operator]
        ends = operator.between(operands)
        error = operator.error(operands, ends)
        if operator.rounds_once:
            error = rounded(error, np.maximum(np.abs(ends[0]), np.abs(ends[1])))
        interval = Interval(*ends, error)
        if not np.all(interval.magnitude + interval.error <= _LARGEST):
            raise out_of_range()
        exact = np.all([operand.error == 0 for operand in operands], axis=0)
        if not operator.rounds_once or not exact.any():
            return interval
        # Without an error where the operands have none and float32 holds every result.
        line = affine_of(part, low, high, channels)
        if line is None:
            return interval
        slopes, shifts = line
        held = [float32_holds_line(slopes[c], shifts[c], bound) if exact[c] else False for c in range(len(exact))]
        return replace(interval, error=np.where(held, 0.0, interval.error))

    affine_of(expression, low, high, channels)  # the numbers of all lines in it are checked first
    return worked_out(expression, of_leaf, of_constant, applied)
