"""Whether operators rise or fall, channel by channel, where their operands do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.algebra.expression import Apply, Constant

UNKNOWN = 2

# Per channel (C,): +1 never falls, -1 never rises, 0 constant, UNKNOWN.
Directions = npt.NDArray[np.int8]
Rule = Callable[[Apply, Sequence[Directions]], Directions]


def of_signs(*signs: int) -> Rule:
    """Of what rises (1) or falls (-1) with its first operands."""

    def rule(part: Apply, of: Sequence[Directions]) -> Directions:
        return reduce(_together, (one if sign > 0 else _negated(one) for sign, one in zip(signs, of, strict=False)))

    return rule


def nothing_known(part: Apply, of: Sequence[Directions]) -> Directions:
    """Constant where all operands are."""
    constant = np.all([operand == 0 for operand in of], axis=0)
    return np.where(constant, 0, UNKNOWN).astype(np.int8)


def product(part: Apply, of: Sequence[Directions]) -> Directions:
    """Of a product with a constant."""
    for index in (0, 1):
        factor = part.operands[index]
        if isinstance(factor, Constant):
            return _times(of[1 - index], _sign(factor))
    return nothing_known(part, of)


def product_and_sum(part: Apply, of: Sequence[Directions]) -> Directions:
    """Of a product with a constant, and something added."""
    factor = part.operands[1]
    if isinstance(factor, Constant):
        return _together(_times(of[0], _sign(factor)), of[2])
    return nothing_known(part, of)


def quotient(part: Apply, of: Sequence[Directions]) -> Directions:
    """Of a quotient by a constant."""
    divisor = part.operands[1]
    return _times(of[0], _sign(divisor)) if isinstance(divisor, Constant) else nothing_known(part, of)


def leaky(part: Apply, of: Sequence[Directions]) -> Directions:
    """Of what is multiplied by a constant below zero."""
    slope = part.operands[1]
    if isinstance(slope, Constant):
        return np.where(slope.values >= 0, of[0], np.where(of[0] == 0, 0, UNKNOWN)).astype(np.int8)
    return nothing_known(part, of)


def chosen(part: Apply, of: Sequence[Directions]) -> Directions:
    """Of one constant or the other."""
    _, yes, no = part.operands
    if isinstance(yes, Constant) and isinstance(no, Constant):
        difference = yes.values.astype(np.float64) - no.values.astype(np.float64)
        return _times(of[0], np.sign(difference))
    return nothing_known(part, of)


def _sign(factor: Constant) -> npt.NDArray[Any]:
    return np.sign(factor.values.astype(np.float64))


def _negated(direction: Directions) -> Directions:
    return np.where(direction == UNKNOWN, UNKNOWN, -direction).astype(np.int8)


def _together(one: Directions, other: Directions) -> Directions:
    same = np.where(one == other, one, UNKNOWN)
    return np.where(one == 0, other, np.where(other == 0, one, same)).astype(np.int8)


def _times(direction: Directions, sign: npt.NDArray[Any]) -> Directions:
    return np.where(sign == 0, 0, np.where(direction == UNKNOWN, UNKNOWN, direction * sign)).astype(np.int8)
