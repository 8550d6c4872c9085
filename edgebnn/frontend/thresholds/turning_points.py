"""Where a function of one integer per channel may turn from rising to falling: between these places it is monotone."""

from __future__ import annotations

import math

import numpy as np

from edgebnn.frontend.algebra.channel_function import Chain
from edgebnn.frontend.algebra.directions import UNKNOWN
from edgebnn.frontend.algebra.expression import Apply, Constant, Expression, worked_out
from edgebnn.frontend.algebra.integer_sets import Lattice
from edgebnn.frontend.algebra.linearity import bent_of
from edgebnn.frontend.algebra.monotonicity import directions
from edgebnn.frontend.algebra.operators import OPERATORS
from edgebnn.frontend.algebra.piecewise_linear import Bent, segments_of_both

Turns = list[frozenset[int]]  # per channel, integers: the function turns at most at one of them or right behind it


def turns_of(chain: Chain, lattice: Lattice) -> Turns | None:
    """For each channel; None where the operators do not show them."""
    nowhere: Turns = [frozenset()] * lattice.channels

    def applied(part: Apply, operands: list[Turns | None]) -> Turns | None:
        low, high = lattice.ends
        if not np.any(directions(part, lattice.channels, low, high) == UNKNOWN):
            return nowhere
        return _turns(part, operands, chain, lattice)

    return worked_out(chain.expression, lambda _: nowhere, lambda _: nowhere, applied)


def _turns(part: Apply, operands: list[Turns | None], chain: Chain, lattice: Lattice) -> Turns | None:
    low, high = lattice.ends
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
        return [frozenset((at,)) for at in _crossings(moving[0], operator.turn, chain, lattice)]
    bents = [bent_of(operand, low, high, lattice.channels) for operand in moving]
    if part.operator == "Mul" and len(bents) == 2 and bents[0] is not None and bents[1] is not None:
        return [_of_product(*both, high) for both in zip(bents[0], bents[1], strict=True)]
    whole = bent_of(part, low, high, lattice.channels)
    return None if whole is None else [frozenset(segment.start - 1 for segment in bent[1:]) for bent in whole]


def _of_product(one: Bent, other: Bent, high: int) -> frozenset[int]:
    """Of two lines with knees: where either bends, and the vertex of each parabola between."""
    places: set[int] = set()
    for start, x, y in segments_of_both(one, other):
        places.add(start - 1)
        if x.slope and y.slope:
            vertex = -(x.slope * y.shift + y.slope * x.shift) / (2 * x.slope * y.slope)
            places.add(math.floor(vertex))
    return frozenset(place for place in places if place <= high)


def _crossings(inner: Expression, turn: float, chain: Chain, lattice: Lattice) -> list[int]:
    """Per channel the last lattice point at which a monotone function has not yet crossed a value."""
    behind = chain.of(Apply("GreaterOrEqual", (inner, Constant(np.array([turn], np.float32))), ""))
    every = np.arange(lattice.channels)
    low, high = np.zeros(lattice.channels, np.int64), lattice.count - 1
    first = behind.at(every, lattice.start)
    while np.any(high - low > 1):
        middle = (low + high) // 2
        same = behind.at(every, lattice.start + lattice.stride * middle) == first
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    places: list[int] = (lattice.start + lattice.stride * low).tolist()
    return places
