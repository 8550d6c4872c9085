"""Lines with knees: what a model's Relu, clip or PReLU makes of an integer, exactly, segment by segment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from operator import add, sub

from edgebnn.frontend.algebra.exact_numbers import MAX_NUMBER_BITS, too_long

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


PiecewiseLinear = tuple[Segment, ...]
Yes = tuple[tuple[int, bool], ...]  # from which integer on a condition holds or not
# What an operator makes of its operands in one channel, up to an integer.
Rule = Callable[[Sequence[PiecewiseLinear | Yes], int], PiecewiseLinear | Yes]


class NotPiecewiseLinear(Exception):
    """The expression is no line with a few knees."""


def as_piecewise_linear(value: PiecewiseLinear | Yes) -> PiecewiseLinear:
    """A line, which may not be yes and no."""
    if not isinstance(value[0], Segment):
        raise NotPiecewiseLinear
    return value


def of_lines(rule: Callable[..., PiecewiseLinear | Yes]) -> Rule:
    """The rule of an operator on lines alone, for which the end of the integers does not count."""
    return lambda of, high: rule(*map(as_piecewise_linear, of))


def as_it_is(of: Sequence[PiecewiseLinear | Yes], high: int) -> PiecewiseLinear | Yes:
    """An operator that leaves its operand, or stands for its first one."""
    return of[0]


def negative(x: PiecewiseLinear) -> PiecewiseLinear:
    """The negative."""
    return tuple(Segment(segment.start, -segment.slope, -segment.shift) for segment in x)


def total(one: PiecewiseLinear, other: PiecewiseLinear) -> PiecewiseLinear:
    """The sum."""
    return _sum(one, other, add)


def difference(one: PiecewiseLinear, other: PiecewiseLinear) -> PiecewiseLinear:
    """The difference."""
    return _sum(one, other, sub)


def product(one: PiecewiseLinear, other: PiecewiseLinear) -> PiecewiseLinear:
    """The product, of which one has to be constant wherever the other is not."""
    return _simplest(_product(start, x, y) for start, x, y in segments_of_both(one, other))


def product_and_sum(one: PiecewiseLinear, other: PiecewiseLinear, term: PiecewiseLinear) -> PiecewiseLinear:
    """A product with something added."""
    return total(product(one, other), term)


def quotient(one: PiecewiseLinear, other: PiecewiseLinear) -> PiecewiseLinear:
    """The quotient, by what is constant and not zero."""
    return _simplest(_quotient(start, x, y) for start, x, y in segments_of_both(one, other))


def larger(of: Sequence[PiecewiseLinear | Yes], high: int) -> PiecewiseLinear:
    """The larger one of two."""
    one, other = map(as_piecewise_linear, of)
    return _selected(_compared(one, other, high, lambda d: d >= 0), one, other)


def smaller(of: Sequence[PiecewiseLinear | Yes], high: int) -> PiecewiseLinear:
    """The smaller one of two."""
    one, other = map(as_piecewise_linear, of)
    return _selected(_compared(one, other, high, lambda d: d <= 0), one, other)


def above_zero(of: Sequence[PiecewiseLinear | Yes], high: int) -> PiecewiseLinear:
    """Zero below zero."""
    return larger((of[0], _nothing(of[0])), high)


def size(of: Sequence[PiecewiseLinear | Yes], high: int) -> PiecewiseLinear:
    """The absolute value."""
    return larger((of[0], negative(as_piecewise_linear(of[0]))), high)


def leaky(of: Sequence[PiecewiseLinear | Yes], high: int) -> PiecewiseLinear:
    """Multiplied below zero."""
    x, slope = map(as_piecewise_linear, of)
    return _selected(_compared(x, _nothing(x), high, lambda d: d < 0), product(x, slope), x)


def comparison(holds: Callable[[Fraction], bool]) -> Rule:
    """A comparison, by whether it holds for a difference of its operands."""
    return lambda of, high: _compared(as_piecewise_linear(of[0]), as_piecewise_linear(of[1]), high, holds)


def opposite(of: Sequence[PiecewiseLinear | Yes], high: int) -> Yes:
    """Yes where there was no."""
    return tuple((start, not holds) for start, holds in _as_yes(of[0]))


def chosen(of: Sequence[PiecewiseLinear | Yes], high: int) -> PiecewiseLinear:
    """One line or the other, as the condition has it."""
    return _selected(_as_yes(of[0]), as_piecewise_linear(of[1]), as_piecewise_linear(of[2]))


def _as_yes(value: PiecewiseLinear | Yes) -> Yes:
    """Yes and no, which may not be a line."""
    if isinstance(value[0], Segment):
        raise NotPiecewiseLinear
    return value


def _nothing(like: PiecewiseLinear | Yes) -> PiecewiseLinear:
    return (Segment(as_piecewise_linear(like)[0].start, Fraction(0), Fraction(0)),)


def _simplest(segments: Iterable[Segment]) -> PiecewiseLinear:
    """The segments, joined where one goes on as the one before it."""
    made: list[Segment] = []
    for segment in segments:
        if made and (made[-1].slope, made[-1].shift) == (segment.slope, segment.shift):
            continue
        if max(abs(segment.slope.denominator), abs(segment.shift.denominator)).bit_length() > MAX_NUMBER_BITS:
            raise too_long()
        made.append(segment)
    if len(made) > MAX_SEGMENTS:
        raise NotPiecewiseLinear
    return tuple(made)


def segments_of_both(one: PiecewiseLinear, other: PiecewiseLinear) -> list[tuple[int, Segment, Segment]]:
    """Both functions from each integer on at which either bends."""
    if len(one) == len(other) == 1 and one[0].start == other[0].start:  # as it is mostly
        return [(one[0].start, one[0], other[0])]
    starts = sorted({segment.start for segment in (*one, *other)})
    return [(start, _segment_at(one, start), _segment_at(other, start)) for start in starts]


def _segment_at(piecewise: PiecewiseLinear, number: int) -> Segment:
    return max((segment for segment in piecewise if segment.start <= number), key=lambda segment: segment.start)


def _sum(
    one: PiecewiseLinear, other: PiecewiseLinear, combined: Callable[[Fraction, Fraction], Fraction]
) -> PiecewiseLinear:
    return _simplest(
        Segment(start, combined(x.slope, y.slope) if y.slope else x.slope, combined(x.shift, y.shift))
        for start, x, y in segments_of_both(one, other)
    )


def _product(start: int, x: Segment, y: Segment) -> Segment:
    if x.slope and y.slope:
        raise NotPiecewiseLinear
    return Segment(start, y.slope * x.shift if y.slope else x.slope * y.shift, x.shift * y.shift)


def _quotient(start: int, x: Segment, y: Segment) -> Segment:
    if y.slope or not y.shift:
        raise NotPiecewiseLinear
    return Segment(start, x.slope / y.shift, x.shift / y.shift)


def _compared(x: PiecewiseLinear, y: PiecewiseLinear, high: int, holds: Callable[[Fraction], bool]) -> Yes:
    """From which integers on the difference of two functions satisfies a condition on its sign."""
    answers: list[tuple[int, bool]] = []
    joint = segments_of_both(x, y)
    for index, (start, one, other) in enumerate(joint):
        end = joint[index + 1][0] - 1 if index + 1 < len(joint) else high
        slope = one.slope - other.slope if other.slope else one.slope
        shift = one.shift - other.shift if other.shift else one.shift
        candidates = {start}
        if slope:
            zero = -shift.numerator * slope.denominator // (shift.denominator * slope.numerator)
            candidates |= {number for number in (zero, zero + 1) if start < number <= end}
        for number in sorted(candidates):
            answer = holds(slope * number + shift)
            if not answers or answers[-1][1] != answer:
                answers.append((number, answer))
    return tuple(answers)


def _selected(condition: Yes, yes: PiecewiseLinear, no: PiecewiseLinear) -> PiecewiseLinear:
    starts = sorted({start for start, _ in condition} | {segment.start for segment in (*yes, *no)})
    segments = []
    for start in starts:
        holds = max((entry for entry in condition if entry[0] <= start), key=lambda entry: entry[0])[1]
        chosen = _segment_at(yes if holds else no, start)
        segments.append(Segment(start, chosen.slope, chosen.shift))
    return _simplest(segments)
