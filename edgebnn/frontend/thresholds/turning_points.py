"""Where a function of one integer per channel may turn from rising to falling: between these places it is monotone."""

from __future__ import annotations

import math

import numpy as np

from edgebnn.frontend.algebra.channel_function import Chain
from edgebnn.frontend.algebra.expression import Apply, Constant, Expression, parts
from edgebnn.frontend.algebra.integer_sets import Lattice
from edgebnn.frontend.algebra.monotonicity import UNKNOWN, directions
from edgebnn.frontend.algebra.piecewise_linear import Bent, bent_of, segments_of_both
from edgebnn.frontend.algebra.smooth_functions import CURVES

Turns = list[frozenset[int]]  # per channel, integers: the function turns at most at one of them or right behind it


def turns_of(chain: Chain, lattice: Lattice) -> Turns | None:
    """For each channel; None where the operators do not show them."""
    found: dict[Expression, Turns | None] = {}
    for part in parts(chain.expression):
        found[part] = _turns(part, found, chain, lattice)
    return found[chain.expression]


def _turns(part: Expression, found: dict[Expression, Turns | None], chain: Chain, lattice: Lattice) -> Turns | None:
    nowhere: Turns = [frozenset()] * lattice.channels
    low, high = lattice.ends
    if not isinstance(part, Apply) or not np.any(directions(part, lattice.channels, low, high) == UNKNOWN):
        return nowhere
    if part.operator == "StraightThrough":
        return found[part.operands[0]]
    moving = [operand for operand in part.operands if not isinstance(operand, Constant)]
    inner = found[moving[0]]
    if len(moving) == 1:
        turn = 0.0 if part.operator in ("Abs", "PRelu") else None
        turn = CURVES[part.operator].turn if part.operator in CURVES else turn
        if turn is None:
            return inner if part.operator not in ("Equal", "ToBool") else None
        if inner is None or any(inner):
            return None
        return [frozenset((at,)) for at in _crossings(moving[0], turn, chain, lattice)]
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
