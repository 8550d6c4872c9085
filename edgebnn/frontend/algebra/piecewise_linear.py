"""Lines with knees: what a model's Relu, clip or PReLU makes of an integer, exactly, segment by segment."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from operator import add, sub

import numpy as np

from edgebnn.frontend.algebra.expression import MAX_BITS, Apply, Constant, Expression, Leaf, parts, too_long

# Of one channel: more than any activation between two layers has.
MAX_SEGMENTS = 8


@dataclass(frozen=True)
class Segment:
    """slope * n + shift from the integer `start` on, up to the next segment."""

    start: int
    slope: Fraction
    shift: Fraction

    def at(self, number: int) -> Fraction:
        """The value at an integer."""
        return self.slope * number + self.shift

    def ratio_at(self, number: int) -> tuple[int, int]:
        """The value at an integer as numerator and denominator, not in lowest terms, which take long to find."""
        (slope, slope_in), (shift, shift_in) = self.slope.as_integer_ratio(), self.shift.as_integer_ratio()
        return slope * number * shift_in + shift * slope_in, slope_in * shift_in


Bent = tuple[Segment, ...]
_Yes = tuple[tuple[int, bool], ...]  # from which integer on a condition holds or not


class _NotBent(Exception):
    """The expression is no line with a few knees."""


def bent_of(expression: Expression, low: int, high: int, channels: int) -> tuple[Bent, ...] | None:
    """The expression on the integers from low to high, for each channel; None where it is no line with few knees."""
    order = parts(expression)
    try:
        return tuple(_channel(order, channel, low, high) for channel in range(channels))
    except _NotBent:
        return None


def _channel(order: list[Expression], channel: int, low: int, high: int) -> Bent:
    found: dict[Expression, Bent | _Yes] = {}
    for part in order:
        match part:
            case Leaf():
                found[part] = (Segment(low, part.scale[channel], part.offset[channel]),)
            case Constant():
                value = part.exact[channel if part.values.size > 1 else 0]
                if part.values.dtype == np.bool_:
                    found[part] = ((low, bool(value)),)
                elif isinstance(value, Fraction):
                    found[part] = (Segment(low, Fraction(0), value),)
                else:
                    # an infinite bound lies beyond every value that float32 has
                    found[part] = (Segment(low, Fraction(0), Fraction(int(math.copysign(1, value)) << 130)),)
            case Apply():
                found[part] = _applied(part, [found[operand] for operand in part.operands], high)
    result = found[order[-1]]
    return _as_bent(result)


def _as_bent(value: Bent | _Yes) -> Bent:
    if not isinstance(value[0], Segment):
        raise _NotBent
    return value


def _applied(part: Apply, of: list[Bent | _Yes], high: int) -> Bent | _Yes:
    match part.operator:
        case "ToFloat" | "StraightThrough":
            return of[0]
        case "Neg":
            return _each(_as_bent(of[0]), lambda s: Segment(s.start, -s.slope, -s.shift))
        case "Add" | "Sub":
            return _sum(_as_bent(of[0]), _as_bent(of[1]), 1 if part.operator == "Add" else -1)
        case "Mul":
            return _times(_as_bent(of[0]), _as_bent(of[1]))
        case "MulAdd":
            return _sum(_times(_as_bent(of[0]), _as_bent(of[1])), _as_bent(of[2]), 1)
        case "Div":
            return _simplest(
                _quotient(start, x, y) for start, x, y in segments_of_both(_as_bent(of[0]), _as_bent(of[1]))
            )
        case "Relu":
            return _chosen(_as_bent(of[0]), _nothing(of[0]), high, larger=True)
        case "Max" | "Min":
            return _chosen(_as_bent(of[0]), _as_bent(of[1]), high, larger=part.operator == "Max")
        case "Abs":
            x = _as_bent(of[0])
            return _chosen(x, _each(x, lambda s: Segment(s.start, -s.slope, -s.shift)), high, larger=True)
        case "PRelu":
            x, slope = _as_bent(of[0]), _as_bent(of[1])
            negative = _compared(x, _nothing(x), high, lambda d: d < 0)
            return _selected(negative, _times(x, slope), x)
        case "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual":
            holds: dict[str, Callable[[Fraction], bool]] = {
                "Greater": lambda d: d > 0,
                "GreaterOrEqual": lambda d: d >= 0,
                "Less": lambda d: d < 0,
                "LessOrEqual": lambda d: d <= 0,
            }
            return _compared(_as_bent(of[0]), _as_bent(of[1]), high, holds[part.operator])
        case "Not" if not isinstance(of[0][0], Segment):
            return tuple((start, not holds) for start, holds in of[0])
        case "Where" if not isinstance(of[0][0], Segment):
            return _selected(of[0], _as_bent(of[1]), _as_bent(of[2]))
    raise _NotBent


def _nothing(like: Bent | _Yes) -> Bent:
    return (Segment(_as_bent(like)[0].start, Fraction(0), Fraction(0)),)


def _each(bent: Bent, change: Callable[[Segment], Segment]) -> Bent:
    return tuple(change(segment) for segment in bent)


def _simplest(segments: Iterable[Segment]) -> Bent:
    """The segments, joined where one goes on as the one before it."""
    made: list[Segment] = []
    for segment in segments:
        if made and (made[-1].slope, made[-1].shift) == (segment.slope, segment.shift):
            continue
        if max(abs(segment.slope.denominator), abs(segment.shift.denominator)).bit_length() > MAX_BITS:
            raise too_long()
        made.append(segment)
    if len(made) > MAX_SEGMENTS:
        raise _NotBent
    return tuple(made)


def segments_of_both(one: Bent, other: Bent) -> list[tuple[int, Segment, Segment]]:
    """Both functions from each integer on at which either bends."""
    if len(one) == len(other) == 1 and one[0].start == other[0].start:  # as it is mostly
        return [(one[0].start, one[0], other[0])]
    starts = sorted({segment.start for segment in (*one, *other)})
    return [(start, _segment_at(one, start), _segment_at(other, start)) for start in starts]


def _segment_at(bent: Bent, number: int) -> Segment:
    return max((segment for segment in bent if segment.start <= number), key=lambda segment: segment.start)


def _sum(one: Bent, other: Bent, sign: int) -> Bent:
    combined: Callable[[Fraction, Fraction], Fraction] = add if sign > 0 else sub
    return _simplest(
        Segment(start, combined(x.slope, y.slope) if y.slope else x.slope, combined(x.shift, y.shift))
        for start, x, y in segments_of_both(one, other)
    )


def _times(one: Bent, other: Bent) -> Bent:
    return _simplest(_product(start, x, y) for start, x, y in segments_of_both(one, other))


def _product(start: int, x: Segment, y: Segment) -> Segment:
    if x.slope and y.slope:
        raise _NotBent
    return Segment(start, y.slope * x.shift if y.slope else x.slope * y.shift, x.shift * y.shift)


def _quotient(start: int, x: Segment, y: Segment) -> Segment:
    if y.slope or not y.shift:
        raise _NotBent
    return Segment(start, x.slope / y.shift, x.shift / y.shift)


def _compared(x: Bent, y: Bent, high: int, holds: Callable[[Fraction], bool]) -> _Yes:
    """From which integers on the difference of two functions satisfies a condition on its sign."""
    answers: list[tuple[int, bool]] = []
    joint = segments_of_both(x, y)
    for index, (start, one, other) in enumerate(joint):
        end = joint[index + 1][0] - 1 if index + 1 < len(joint) else high
        slope, shift = one.slope - other.slope, one.shift - other.shift
        candidates = {start}
        if slope:
            zero = -shift / slope
            candidates |= {number for number in (math.floor(zero), math.floor(zero) + 1) if start < number <= end}
            if zero.denominator == 1 and start < int(zero) + 1 <= end:
                candidates.add(int(zero) + 1)
        for number in sorted(candidates):
            answer = holds(slope * number + shift)
            if not answers or answers[-1][1] != answer:
                answers.append((number, answer))
    return tuple(answers)


def _selected(condition: _Yes, yes: Bent, no: Bent) -> Bent:
    starts = sorted({start for start, _ in condition} | {segment.start for segment in (*yes, *no)})
    segments = []
    for start in starts:
        holds = max((entry for entry in condition if entry[0] <= start), key=lambda entry: entry[0])[1]
        chosen = _segment_at(yes if holds else no, start)
        segments.append(Segment(start, chosen.slope, chosen.shift))
    return _simplest(segments)


def _chosen(x: Bent, y: Bent, high: int, larger: bool) -> Bent:
    return _selected(_compared(x, y, high, (lambda d: d >= 0) if larger else (lambda d: d <= 0)), x, y)
