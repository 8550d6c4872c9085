"""Every elementwise operator of an expression, and all that is known of it: a record each.

ONNX's own operators, and a few that stand for what exporters spell with several of them.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from edgebnn.frontend.algebra import bounded_floats, directions, intervals, operator_values
from edgebnn.frontend.algebra import piecewise_linear as lines
from edgebnn.frontend.algebra.directions import nothing_known, of_signs
from edgebnn.frontend.algebra.fused_multiply_add import multiply_add
from edgebnn.frontend.algebra.operator_values import Value
from edgebnn.frontend.algebra.smooth_functions import CURVES, Curve, evaluated
from edgebnn.frontend.onnx.graph import Array


@dataclass(frozen=True)
class Operator:
    """What an elementwise operator makes of its operands, in each arithmetic in which an expression is worked out.

    `value`: of numbers, float32 and Fractions alike. `bounded`: of float64 with bounds of its errors. `direction`: of
    operands that rise and fall. `range` and `error`: of operands between two ends, the extremes being those of the
    ends where no range is given, and how far float32 takes the result; where it `rounds_once`, float32 also rounds the
    result, but for what it holds. `segments`: of lines with knees, None where it makes none of them.

    `linear`: whether it makes lines of lines (where all but one operand of a product are constants). `by_segments`:
    whether segments may show a direction that the operands' do not. `steps`: whether it makes a staircase of a line,
    `tie` what a quantiser makes of a number right between two levels, or what the step itself has there. `turn`: where
    it turns from falling to rising; None where it does not, or, without `turns_once`, where nothing is known of that.
    `curve`: the smooth function that it is. `stands_for_first`: whether the other operands are there for their
    rounding alone.
    """

    value: Value
    bounded: bounded_floats.Rule
    direction: directions.Rule
    error: intervals.Error = intervals.step_error
    range: intervals.Range | None = None
    rounds_once: bool = False
    segments: lines.Rule | None = None
    linear: bool = False
    by_segments: bool = False
    steps: bool = False
    tie: str | Fraction | bool | None = None
    turn: float | None = None
    turns_once: bool = True
    curve: Curve | None = None
    stands_for_first: bool = False

    def between(self, of: Sequence[intervals.Interval]) -> intervals.Ends:
        """Between which values it lies."""
        return intervals.corners(self.value, of) if self.range is None else self.range(of)


def _arithmetic(
    value: Value,
    bounded: bounded_floats.Rule,
    direction: directions.Rule,
    error: intervals.Error,
    segments: Callable[..., lines.PiecewiseLinear],
    by_segments: bool = False,
) -> Operator:
    """What makes lines of lines, and is rounded once."""
    rule = lines.of_lines(segments)
    return Operator(
        value, bounded, direction, error, rounds_once=True, segments=rule, linear=True, by_segments=by_segments
    )


def _bound(value: Value, segments: lines.Rule) -> Operator:
    """The larger or the smaller one of two."""
    bounded = bounded_floats.same_error(value)
    return Operator(value, bounded, of_signs(1, 1), _larger_error, segments=segments, by_segments=True)


def _rounding(function: Callable[[Any], Any], whole: Value, distance: Value, tie: str) -> Operator:
    """To a whole number; `distance` is that from where the result changes."""
    value = operator_values.each(function)
    return Operator(value, bounded_floats.step(whole, distance), of_signs(1), steps=True, tie=tie)


def _comparison(
    value: Value, direction: directions.Rule, holds: Callable[[Fraction], bool] | None, tie: bool | None
) -> Operator:
    """`holds` for the difference of two lines; without it, it comes back to where it was."""
    segments = None if holds is None else lines.comparison(holds)
    return Operator(
        operator_values.compared(value), bounded_floats.comparison(value), direction, range=intervals.yes_or_no,
        segments=segments, steps=True, tie=tie, turns_once=holds is not None,
    )  # fmt: skip


def _logical(value: Value, direction: directions.Rule, segments: lines.Rule | None = None) -> Operator:
    return Operator(value, bounded_floats.logical(value), direction, range=intervals.yes_or_no, segments=segments)


def _smooth(curve: Curve) -> Operator:
    direction, turning = of_signs(1), None
    if curve.turn is not None:
        direction, turning = nothing_known, intervals.turning_range(curve, curve.turn)
    return Operator(
        partial(evaluated, curve), bounded_floats.smooth(curve), direction, intervals.curve_error(curve), turning,
        turn=curve.turn, curve=curve,
    )  # fmt: skip


def _first_error(of: Sequence[intervals.Interval], ends: intervals.Ends) -> intervals.Floats:
    return of[0].error


def _larger_error(of: Sequence[intervals.Interval], ends: intervals.Ends) -> intervals.Floats:
    return np.maximum(of[0].error, of[1].error)


def _added_errors(of: Sequence[intervals.Interval], ends: intervals.Ends) -> intervals.Floats:
    return of[0].error + of[1].error


def _from_whole(x: Array) -> Any:
    return np.abs(x - np.rint(x))


OPERATORS: dict[str, Operator] = {
    "Add": _arithmetic(
        operator.add, bounded_floats.added(1), of_signs(1, 1), _added_errors, lines.total, by_segments=True
    ),
    "Sub": _arithmetic(
        operator.sub, bounded_floats.added(-1), of_signs(1, -1), _added_errors, lines.difference, by_segments=True
    ),
    "Mul": _arithmetic(
        operator.mul, bounded_floats.product, directions.product, intervals.product_error, lines.product
    ),
    "MulAdd": _arithmetic(  # x * y + z, which some kernels round once
        multiply_add, bounded_floats.product_and_sum, directions.product_and_sum, intervals.product_error,
        lines.product_and_sum, by_segments=True,
    ),
    "Div": _arithmetic(
        operator.truediv, bounded_floats.quotient, directions.quotient,
        lambda of, ends: of[0].error / of[1].magnitude, lines.quotient,
    ),
    "Neg": Operator(
        operator.neg, bounded_floats.same_error(np.negative), of_signs(-1), _first_error,
        segments=lines.of_lines(lines.negative), linear=True,
    ),
    "ToFloat": Operator(
        operator_values.to_float, bounded_floats.to_float, of_signs(1), _first_error, segments=lines.as_it_is,
        linear=True,
    ),
    "Abs": Operator(
        operator.abs, bounded_floats.same_error(np.abs), nothing_known, _first_error,
        lambda of: (np.zeros_like(of[0].low), of[0].magnitude), segments=lines.size, by_segments=True, turn=0.0,
    ),
    "Relu": Operator(
        operator_values.above_zero, bounded_floats.same_error(lambda x: np.maximum(x, 0.0)), of_signs(1), _first_error,
        segments=lines.above_zero,
    ),
    "PRelu": Operator(
        operator_values.leaky, bounded_floats.leaky, directions.leaky, intervals.leaky_error, intervals.leaky_range,
        segments=lines.leaky, by_segments=True, turn=0.0,
    ),
    "Max": _bound(np.maximum, lines.larger),
    "Min": _bound(np.minimum, lines.smaller),
    "Where": Operator(
        np.where, bounded_floats.chosen, directions.chosen,
        range=lambda of: (np.minimum(of[1].low, of[2].low), np.maximum(of[1].high, of[2].high)),
        segments=lines.chosen, by_segments=True,
    ),
    "Sign": Operator(
        operator_values.sign, bounded_floats.step(np.sign, np.abs), of_signs(1), steps=True, tie=Fraction(0)
    ),
    "Floor": _rounding(math.floor, np.floor, _from_whole, "lower level"),
    "Ceil": _rounding(math.ceil, np.ceil, _from_whole, "upper level"),
    "Truncate": _rounding(math.trunc, np.trunc, _from_whole, "towards zero"),
    # In Python as in ONNX.
    "Round": _rounding(round, np.rint, lambda x: np.abs(np.abs(x - np.floor(x)) - 0.5), "half to even"),
    "CountReached": Operator(
        operator_values.count_reached, bounded_floats.count_reached, of_signs(1), steps=True, tie="upper level"
    ),
    "ToBool": Operator(
        lambda x: x != 0, bounded_floats.step(lambda x: x != 0, np.abs), nothing_known, range=intervals.yes_or_no,
        steps=True, turns_once=False,
    ),
    "Greater": _comparison(operator.gt, of_signs(1, -1), lambda difference: difference > 0, False),
    "GreaterOrEqual": _comparison(operator.ge, of_signs(1, -1), lambda difference: difference >= 0, True),
    "Less": _comparison(operator.lt, of_signs(-1, 1), lambda difference: difference < 0, False),
    "LessOrEqual": _comparison(operator.le, of_signs(-1, 1), lambda difference: difference <= 0, True),
    "Equal": _comparison(operator.eq, nothing_known, None, None),
    "Not": _logical(np.logical_not, of_signs(-1), lines.opposite),
    "And": _logical(np.logical_and, of_signs(1, 1)),
    "Or": _logical(np.logical_or, of_signs(1, 1)),
    # y = x + (f(x) - x), the straight-through estimator as PyTorch programs spell it, stands for f(x); what float32
    # loses on the way is counted as an error of the next layer's inputs.
    "StraightThrough": Operator(
        lambda stepped, through: stepped, lambda stepped, through: stepped, of_signs(1), intervals.estimator_error,
        lambda of: (of[0].low, of[0].high), segments=lines.as_it_is, linear=True, stands_for_first=True,
    ),
    **{name: _smooth(curve) for name, curve in CURVES.items()},
}  # fmt: skip

# Operators that make a staircase of a straight line.
STEPS = frozenset(name for name, each in OPERATORS.items() if each.steps)
