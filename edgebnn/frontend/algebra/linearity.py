"""Expressions that are lines, or lines with knees, of their integer: exactly, on a whole range."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from edgebnn.frontend.algebra.exact_numbers import Fractions, check_numbers, fractions_of
from edgebnn.frontend.algebra.expression import Apply, Constant, Expression, Kept, worked_out
from edgebnn.frontend.algebra.operators import OPERATORS
from edgebnn.frontend.algebra.piecewise_linear import (
    NotPiecewiseLinear,
    PiecewiseLinear,
    Segment,
    Yes,
    as_piecewise_linear,
)

Line = tuple[Fractions, Fractions]
_Segments = tuple[PiecewiseLinear | Yes, ...]  # of each channel


def piecewise_linear_of(
    expression: Expression, low: int, high: int, channels: int
) -> tuple[PiecewiseLinear, ...] | None:
    """The expression on the integers from low to high, for each channel; None where it is no line with few knees."""

    def applied(part: Apply, operands: list[_Segments | None]) -> _Segments | None:
        rule = OPERATORS[part.operator].segments
        known = [operand for operand in operands if operand is not None]
        if rule is None or len(known) < len(operands):
            return None
        try:
            return tuple(rule([operand[channel] for operand in known], high) for channel in range(channels))
        except NotPiecewiseLinear:
            return None

    found = worked_out(
        expression,
        lambda leaf: tuple((Segment(low, *line),) for line in zip(leaf.scale, leaf.offset, strict=True)),
        lambda constant: _level(constant, low, channels),
        applied,
        Kept[_Segments | None]("segments", low, high, channels),
    )
    try:
        return None if found is None else tuple(map(as_piecewise_linear, found))
    except NotPiecewiseLinear:
        return None


def _level(constant: Constant, low: int, channels: int) -> _Segments:
    found: list[PiecewiseLinear | Yes] = []
    for value in constant.exact.tolist() if constant.values.dtype != np.bool_ else constant.values.reshape(-1).tolist():
        if isinstance(value, bool):
            found.append(((low, value),))
            continue
        if not isinstance(value, Fraction):  # an infinite bound lies beyond every value that float32 has
            value = Fraction(int(math.copysign(1, value)) << 130)
        found.append((Segment(low, Fraction(0), value),))
    return tuple(found) if len(found) > 1 else tuple(found * channels)


def affine_of(expression: Expression, low: int, high: int, channels: int) -> Line | None:
    """Exact (a, b), each (C,), with expression(n) = a[c] * n + b[c] for all n from low to high; None if there is none.

    A clip that does nothing between `low` and `high` does not count.
    """

    def applied(part: Apply, operands: list[Line | None]) -> Line | None:
        line = _unclipped(part, operands, low, high) if part.operator in _CLIPS else _line(part, operands)
        for numbers in line or ():
            check_numbers(numbers)
        return line

    return worked_out(
        expression,
        lambda leaf: (leaf.scale, leaf.offset),
        lambda constant: _constant_line(constant, channels),
        applied,
        Kept[Line | None]("line", low, high, channels),
    )


_CLIPS = ("Max", "Min", "Relu")


def _constant_line(constant: Constant, channels: int) -> Line | None:
    if constant.values.dtype == np.bool_ or not np.isfinite(constant.values).all():
        return None
    zero = fractions_of(np.zeros(channels, np.int8))
    return zero, np.broadcast_to(fractions_of(constant.values.reshape(-1)), zero.shape)


def _line(part: Apply, operands: list[Line | None]) -> Line | None:
    """The line that an operator makes of lines: it goes through what the operator makes of them at 0 and at 1."""
    operator = OPERATORS[part.operator]
    if operator.stands_for_first:
        return operands[0]
    lines = [operand for operand in operands if operand is not None]
    if not operator.linear or len(lines) < len(operands) or not _has_constant_factor(part):
        return None
    at_zero = operator.value(*(shift for _, shift in lines))
    at_one = operator.value(*(slope + shift for slope, shift in lines))
    return at_one - at_zero, at_zero


def _has_constant_factor(part: Apply) -> bool:
    """Whether what multiplies or divides is a constant, where the operator does either."""
    places = {"Mul": (0, 1), "MulAdd": (1,), "Div": (1,)}.get(part.operator)
    return places is None or any(isinstance(part.operands[place], Constant) for place in places)


def _unclipped(part: Apply, operands: list[Line | None], low: int, high: int) -> Line | None:
    """The line in a clip whose constant bound no value from low to high passes."""
    index = 1 if isinstance(part.operands[0], Constant) else 0
    line = operands[index]
    bounds = [operand for place, operand in enumerate(part.operands) if place != index]
    constants = [bound.exact for bound in bounds if isinstance(bound, Constant)]
    if line is None or len(constants) < len(bounds):
        return None
    for end in (low, high):
        value = line[0] * end + line[1]
        of = [value, *constants] if index == 0 else [*constants, value]
        if np.any(OPERATORS[part.operator].value(*of) != value):
            return None
    return line
