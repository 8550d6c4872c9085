"""What is known about an expression without evaluating it: its direction per channel, and whether it is affine."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.algebra.expression import (
    Apply,
    Constant,
    Expression,
    Fractions,
    Leaf,
    check_numbers,
    fractions_of,
    parts,
)
from edgebnn.frontend.algebra.piecewise_linear import bent_of
from edgebnn.frontend.algebra.smooth_functions import CURVES

# Operators that make a staircase of a straight line.
STEPS = frozenset(
    (
        "Sign",
        "Greater",
        "GreaterOrEqual",
        "Less",
        "LessOrEqual",
        "Equal",
        "Floor",
        "Ceil",
        "Round",
        "Truncate",
        "ToBool",
        "CountReached",
    )
)

UNKNOWN = 2
_BENDS = frozenset(("Where", "Abs", "Max", "Min", "Add", "Sub", "MulAdd", "PRelu"))

Directions = npt.NDArray[np.int8]


def has_steps(expression: Expression) -> bool:
    """Whether any operator in the expression makes steps."""
    return any(isinstance(part, Apply) and part.operator in STEPS for part in parts(expression))


def first_steps(expression: Expression) -> list[Expression] | None:
    """The steps that an expression takes of its integer itself, where all of it is behind them; else None."""
    found: list[Expression] = []
    direct: dict[Expression, bool] = {}
    for part in parts(expression):
        read = part.operands if isinstance(part, Apply) else ()
        if isinstance(part, Apply) and part.operator == "StraightThrough":
            read = part.operands[:1]
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
        if isinstance(one, Apply) and one.operator != "StraightThrough":
            stack.extend(one.operands)
        elif isinstance(one, Apply):
            stack.append(one.operands[0])
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
    found: dict[Expression, Directions] = {}
    for part in parts(expression):
        match part:
            case Leaf():
                found[part] = np.sign(part.scale.astype(np.float64)).astype(np.int8)
            case Constant():
                found[part] = np.zeros(channels, np.int8)
            case Apply():
                found[part] = _direction(part, [found[operand] for operand in part.operands], channels)
                if part.operator in _BENDS and np.any(found[part] == UNKNOWN):
                    found[part] = _direction_of_bends(part, channels, low, high, found[part])
    return found[expression]


def _direction_of_bends(part: Apply, channels: int, low: int, high: int, unknown: Directions) -> Directions:
    """The directions of a line with knees, in each channel that of all its slopes and leaps, if they have one."""
    bent = bent_of(part, low, high, channels)
    if bent is None:
        return unknown
    found = np.zeros(channels, np.int8)
    for channel, segments in enumerate(bent):
        values = [segment.slope for segment in segments]
        values += [after.at(after.start) - before.at(after.start - 1) for before, after in pairwise(segments)]
        rises, falls = any(value > 0 for value in values), any(value < 0 for value in values)
        found[channel] = UNKNOWN if rises and falls else int(rises) - int(falls)
    return found


def _direction(part: Apply, of: list[Directions], channels: int) -> Directions:
    if part.operator in CURVES and CURVES[part.operator].turn is None:
        return of[0]
    match part.operator:
        case "Sign" | "Relu" | "Floor" | "Ceil" | "Round" | "Truncate" | "ToFloat" | "StraightThrough" | "CountReached":
            return of[0]
        case "Neg" | "Not":
            return _negated(of[0])
        case "Add" | "Max" | "Min" | "And" | "Or":
            return _together(of[0], of[1])
        case "Sub" | "Greater" | "GreaterOrEqual":
            return _together(of[0], _negated(of[1]))
        case "Less" | "LessOrEqual":
            return _together(_negated(of[0]), of[1])
        case "MulAdd" if isinstance(part.operands[1], Constant):
            return _together(_times(of[0], np.sign(part.operands[1].values.astype(np.float64))), of[2])
        case "Mul" | "Div":
            for index in (0, 1) if part.operator == "Mul" else (1,):
                factor = part.operands[index]
                if isinstance(factor, Constant):
                    return _times(of[1 - index], np.sign(factor.values.astype(np.float64)))
        case "PRelu" if isinstance(part.operands[1], Constant):
            return np.where(part.operands[1].values >= 0, of[0], np.where(of[0] == 0, 0, UNKNOWN)).astype(np.int8)
        case "Where":
            _, yes, no = part.operands
            if isinstance(yes, Constant) and isinstance(no, Constant):
                difference = yes.values.astype(np.float64) - no.values.astype(np.float64)
                return _times(of[0], np.sign(difference))
    # Anything else, such as Abs or Equal: constant where all operands are.
    constant = np.all([operand == 0 for operand in of], axis=0)
    return np.where(constant, 0, UNKNOWN).astype(np.int8)


def _negated(direction: Directions) -> Directions:
    return np.where(direction == UNKNOWN, UNKNOWN, -direction).astype(np.int8)


def _together(one: Directions, other: Directions) -> Directions:
    same = np.where(one == other, one, UNKNOWN)
    return np.where(one == 0, other, np.where(other == 0, one, same)).astype(np.int8)


def _times(direction: Directions, sign: npt.NDArray[Any]) -> Directions:
    return np.where(sign == 0, 0, np.where(direction == UNKNOWN, UNKNOWN, direction * sign)).astype(np.int8)


def affine_of(expression: Expression, low: int, high: int, channels: int) -> tuple[Fractions, Fractions] | None:
    """Exact (a, b), each (C,), with expression(n) = a[c] * n + b[c] for all n from low to high; None if there is none.

    A clip that does nothing between `low` and `high` does not count.
    """
    return lines_of(expression, low, high, channels)[expression]


def lines_of(
    expression: Expression, low: int, high: int, channels: int
) -> dict[Expression, tuple[Fractions, Fractions] | None]:
    """`affine_of` each part of the expression."""
    found: dict[Expression, tuple[Fractions, Fractions] | None] = {}
    zero = fractions_of(np.zeros(channels, np.int8))
    for part in parts(expression):
        match part:
            case Leaf():
                found[part] = (part.scale, part.offset)
            case Constant():
                finite = part.values.dtype != np.bool_ and bool(np.isfinite(part.values).all())
                found[part] = (zero, zero + fractions_of(part.values)) if finite else None
            case Apply():
                found[part] = line = _affine(part, [found[operand] for operand in part.operands], low, high)
                for numbers in line or ():
                    check_numbers(numbers)
    return found


def _affine(
    part: Apply, of: list[tuple[Fractions, Fractions] | None], low: int, high: int
) -> tuple[Fractions, Fractions] | None:
    if part.operator in ("Max", "Min", "Relu"):
        return _inactive(part, of, low, high)
    if any(operand is None for operand in of):
        return of[0] if part.operator == "StraightThrough" else None
    known = [operand for operand in of if operand is not None]
    a, b = known[0]
    match part.operator:
        case "Add":
            return a + known[1][0], b + known[1][1]
        case "Sub":
            return a - known[1][0], b - known[1][1]
        case "Neg":
            return -a, -b
        case "ToFloat" | "StraightThrough":
            return a, b
        case "Mul" if isinstance(part.operands[1], Constant):
            return a * known[1][1], b * known[1][1]
        case "MulAdd" if isinstance(part.operands[1], Constant):
            return a * known[1][1] + known[2][0], b * known[1][1] + known[2][1]
        case "Mul" if isinstance(part.operands[0], Constant):
            return known[1][0] * b, known[1][1] * b
        case "Div" if isinstance(part.operands[1], Constant):
            return a / known[1][1], b / known[1][1]
    return None


def _inactive(
    part: Apply, of: list[tuple[Fractions, Fractions] | None], low: int, high: int
) -> tuple[Fractions, Fractions] | None:
    """The affine operand of a clip whose constant bound no value from low to high passes."""
    index = 1 if isinstance(part.operands[0], Constant) else 0
    line = of[index]
    if line is None:
        return None
    ends = (line[0] * low + line[1], line[0] * high + line[1])
    bound: Any = Fraction(0)
    if part.operator != "Relu":
        other = part.operands[1 - index]
        if not isinstance(other, Constant):
            return None
        bound = other.values.astype(np.float64).reshape(-1)
    if part.operator == "Min":
        return line if np.all(np.maximum(*ends) <= bound) else None
    return line if np.all(np.minimum(*ends) >= bound) else None
