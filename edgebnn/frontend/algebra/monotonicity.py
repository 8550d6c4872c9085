"""What is known about an expression without evaluating it: its steps, and its direction per channel."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from edgebnn.frontend.algebra.directions import UNKNOWN, Directions
from edgebnn.frontend.algebra.expression import Apply, Expression, Kept, Leaf, parts, worked_out
from edgebnn.frontend.algebra.linearity import piecewise_linear_of
from edgebnn.frontend.algebra.operators import OPERATORS, STEPS


def has_steps(expression: Expression) -> bool:
    """Whether any operator in the expression makes steps."""
    return any(isinstance(part, Apply) and part.operator in STEPS for part in parts(expression))


def first_steps(expression: Expression) -> list[Expression] | None:
    """The steps that an expression takes of its integer itself, where all of it is behind them; else None."""
    found: list[Expression] = []
    direct: dict[Expression, bool] = {}
    for part in parts(expression):
        read = _read(part)
        direct[part] = isinstance(part, Leaf) or any(direct[operand] for operand in read)
        if direct[part] and isinstance(part, Apply) and part.operator in STEPS:
            found.append(part)
            direct[part] = False
    return None if direct[expression] else found


def beside(expression: Expression, part: Expression) -> list[Expression]:
    """Every part of the expression that is reached without passing through `part`."""
    seen: list[Expression] = []
    stack = [expression]
    while stack:
        one = stack.pop()
        if one is part or one in seen:
            continue
        seen.append(one)
        stack.extend(_read(one))
    return seen


def staircase_within(expression: Expression, channels: int, low: int, high: int) -> Expression | None:
    """The last steps that rise or fall alone, through whose levels alone the expression depends on its integer."""
    for part in reversed(parts(expression)[:-1]):
        if not isinstance(part, Apply) or not has_steps(part):
            continue
        if any(isinstance(one, Leaf) for one in beside(expression, part)):
            continue
        if not np.any(directions(part, channels, low, high) == UNKNOWN):
            return part
    return None


def directions(expression: Expression, channels: int, low: int, high: int) -> Directions:
    """Per channel (C,), for integers from low to high: +1 never falls, -1 never rises, 0 constant, UNKNOWN.

    It follows from the operators, and from the slopes of lines with knees. Rounding each float32 operation keeps the
    order of its results, so what is said here holds for the model's float32 values as well as for exact ones.
    """

    def applied(part: Apply, operands: list[Directions]) -> Directions:
        operator = OPERATORS[part.operator]
        found = operator.direction(part, operands)
        if operator.by_segments and np.any(found == UNKNOWN):
            return _direction_of_bends(part, channels, low, high, found)
        return found

    return worked_out(
        expression,
        lambda leaf: np.sign(leaf.scale.astype(np.float64)).astype(np.int8),
        lambda constant: np.zeros(channels, np.int8),
        applied,
        Kept[Directions]("direction", channels, low, high),
    )


def _direction_of_bends(part: Apply, channels: int, low: int, high: int, unknown: Directions) -> Directions:
    """The directions of a line with knees, in each channel that of all its slopes and leaps, if they have one."""
    piecewise = piecewise_linear_of(part, low, high, channels)
    if piecewise is None:
        return unknown
    found = np.zeros(channels, np.int8)
    for channel, segments in enumerate(piecewise):
        values = [segment.slope for segment in segments]
        values += [after.at(after.start) - before.at(after.start - 1) for before, after in pairwise(segments)]
        rises, falls = any(value > 0 for value in values), any(value < 0 for value in values)
        found[channel] = UNKNOWN if rises and falls else int(rises) - int(falls)
    return found


def _read(part: Expression) -> tuple[Expression, ...]:
    """The operands that a part depends on."""
    if not isinstance(part, Apply):
        return ()
    return part.operands[:1] if OPERATORS[part.operator].stands_for_first else part.operands
