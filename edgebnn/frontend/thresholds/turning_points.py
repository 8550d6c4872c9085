"""Where a function of one integer per channel may turn from rising to falling: between these places it is monotone."""

from __future__ import annotations

import math

import numpy as np

from edgebnn.frontend.algebra.channel_function import ChannelFunction
from edgebnn.frontend.algebra.directions import UNKNOWN
from edgebnn.frontend.algebra.expression import Apply, Constant, Expression, worked_out
from edgebnn.frontend.algebra.integer_sets import IntegerGrid
from edgebnn.frontend.algebra.linearity import piecewise_linear_of
from edgebnn.frontend.algebra.monotonicity import directions
from edgebnn.frontend.algebra.operators import OPERATORS
from edgebnn.frontend.algebra.piecewise_linear import PiecewiseLinear, segments_of_both

Turns = list[frozenset[int]]  # per channel, integers: the function turns at most at one of them or right behind it


def turns_of(function: ChannelFunction, grid: IntegerGrid) -> Turns | None:
    """For each channel; None where the operators do not show them."""
    nowhere: Turns = [frozenset()] * grid.channels

    def applied(part: Apply, operands: list[Turns | None]) -> Turns | None:
        low, high = grid.ends
        if not np.any(directions(part, grid.channels, low, high) == UNKNOWN):
            return nowhere
        return _turns(part, operands, function, grid)

    return worked_out(function.expression, lambda _: nowhere, lambda _: nowhere, applied)


def _turns(part: Apply, operands: list[Turns | None], function: ChannelFunction, grid: IntegerGrid) -> Turns | None:
    low, high = grid.ends
    operator = OPERATORS[part.operator]
    if operator.stands_for_first:
        return operands[0]
    moving = [operand for operand in part.operands if not isinstance(operand, Constant)]
    if len(moving) == 1:
        inner = operands[part.operands.index(moving[0])]
        if operator.turn is None:
            return inner if operator.turns_once else None
        if inner is None or any(inner):
            return None
        return [frozenset((at,)) for at in _crossings(moving[0], operator.turn, function, grid)]
    functions = [piecewise_linear_of(operand, low, high, grid.channels) for operand in moving]
    if part.operator == "Mul" and len(functions) == 2 and functions[0] is not None and functions[1] is not None:
        return [_of_product(*both, high) for both in zip(functions[0], functions[1], strict=True)]
    whole = piecewise_linear_of(part, low, high, grid.channels)
    return None if whole is None else [frozenset(segment.start - 1 for segment in piecewise[1:]) for piecewise in whole]


def _of_product(one: PiecewiseLinear, other: PiecewiseLinear, high: int) -> frozenset[int]:
    """Of two lines with knees: where either bends, and the vertex of each parabola between."""
    places: set[int] = set()
    for start, x, y in segments_of_both(one, other):
        places.add(start - 1)
        if x.slope and y.slope:
            vertex = -(x.slope * y.shift + y.slope * x.shift) / (2 * x.slope * y.slope)
            places.add(math.floor(vertex))
    return frozenset(place for place in places if place <= high)


def _crossings(inner: Expression, turn: float, function: ChannelFunction, grid: IntegerGrid) -> list[int]:
    """Per channel the last grid point at which a monotone function has not yet crossed a value."""
    behind = function.of(Apply("GreaterOrEqual", (inner, Constant(np.array([turn], np.float32))), ""))
    every = np.arange(grid.channels)
    low, high = np.zeros(grid.channels, np.int64), grid.count - 1
    first = behind.at(every, grid.start)
    while np.any(high - low > 1):
        middle = (low + high) // 2
        same = behind.at(every, grid.start + grid.stride * middle) == first
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    places: list[int] = (grid.start + grid.stride * low).tolist()
    return places
