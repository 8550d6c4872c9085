"""Float64 with error bounds decides every step as rational numbers do."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from edgebnn.frontend.algebra.evaluation import evaluate, evaluate_filtered
from edgebnn.frontend.algebra.exact_numbers import fractions_of
from edgebnn.frontend.algebra.expression import Apply, Constant, Expression, Leaf
from edgebnn.frontend.algebra.linearity import piecewise_linear_of
from edgebnn.frontend.algebra.operators import STEPS

CHANNELS = 3
RANGE = 40

# Numbers whose products and sums meet the ties of roundings and signs, and some that float64 does not hold.
CONSTANTS = (0.0, 0.5, 1.0, -1.0, 1.5, 0.25, 3.0, 0.1, -0.7, 1e-3, 7.0)
SCALES = (Fraction(1), Fraction(1, 2), Fraction(1, 3), Fraction(7, 255), Fraction(np.float32(0.1).item()))


def constant(draw: st.DrawFn) -> Constant:
    size = draw(st.sampled_from((1, CHANNELS)))
    values = draw(st.lists(st.sampled_from(CONSTANTS), min_size=size, max_size=size))
    return Constant(np.array(values, np.float32))


@st.composite
def leaves(draw: st.DrawFn) -> Leaf:
    scale = np.array(draw(st.lists(st.sampled_from(SCALES), min_size=CHANNELS, max_size=CHANNELS)), dtype=object)
    offsets = st.sampled_from((Fraction(0), Fraction(1, 2), Fraction(-1, 3), Fraction(5)))
    offset = np.array(draw(st.lists(offsets, min_size=CHANNELS, max_size=CHANNELS)), dtype=object)
    return Leaf(scale, offset, False, np.zeros(CHANNELS))


@st.composite
def expressions(draw: st.DrawFn, steps: bool = True) -> tuple[Leaf, Expression]:
    leaf = draw(leaves())
    part: Expression = leaf
    bends = ("Add", "Sub", "Mul", "Div", "Relu", "Abs", "Neg", "Max", "Min", "PRelu", "Where")
    operators = (*bends, "Round", "Floor", "Ceil", "Truncate", "Sign", "CountReached") if steps else bends
    for _ in range(draw(st.integers(1, 6))):
        match draw(st.sampled_from(operators)):
            case "Relu" | "Abs" | "Neg" | "Round" | "Floor" | "Ceil" | "Truncate" | "Sign" as operator:
                part = Apply(operator, (part,), "node")
            case "CountReached":
                part = Apply("CountReached", (part, constant(draw), constant(draw)), "node")
            case "Div":
                part = Apply(
                    "Div", (part, Constant(np.array([draw(st.sampled_from((0.5, 3.0, -0.1)))], np.float32))), "n"
                )
            case "Where":
                condition = Apply(draw(st.sampled_from(("Less", "GreaterOrEqual"))), (part, constant(draw)), "node")
                part = Apply("Where", (condition, Apply("Mul", (part, constant(draw)), "node"), part), "node")
            case operator:
                part = Apply(operator, (part, constant(draw)), "node")
    return leaf, part


def every_point() -> tuple[np.ndarray, np.ndarray]:
    numbers = np.arange(-RANGE, RANGE + 1)
    return np.repeat(np.arange(CHANNELS), len(numbers)), np.tile(numbers, CHANNELS)


@settings(max_examples=200, deadline=None)
@given(expressions())
def test_every_step_is_decided_as_rational_numbers_do(drawn: tuple[Leaf, Expression]) -> None:
    _, expression = drawn
    channels, numbers = every_point()
    exactly = evaluate(expression, channels, numbers, True).astype(np.float64)
    filtered = evaluate_filtered(expression, channels, numbers)
    assert np.allclose(filtered, exactly, rtol=1e-12, atol=1e-12)


@settings(max_examples=100, deadline=None)
@given(expressions(), st.sampled_from(sorted(STEPS - {"ToBool", "CountReached", "Equal"})))
def test_ties_are_ties(drawn: tuple[Leaf, Expression], step: str) -> None:
    """A step right on the value that some point has: exactly there the answer may not be guessed."""
    _, expression = drawn
    channels, numbers = every_point()
    exactly = evaluate(expression, channels, numbers, True)
    tie = fractions_of(exactly.astype(np.float64))[5]
    moved = Apply("Sub", (expression, Constant(np.array([float(tie)], np.float32))), "node")
    compares = step.startswith(("Greater", "Less"))
    stepped = Apply(step, (moved, Constant(np.zeros(1, np.float32))) if compares else (moved,), "node")
    assert np.array_equal(
        evaluate_filtered(stepped, channels, numbers), evaluate(stepped, channels, numbers, True).astype(np.float64)
    )


@settings(max_examples=200, deadline=None)
@given(expressions(steps=False))
def test_lines_with_knees_are_what_rational_numbers_say(drawn: tuple[Leaf, Expression]) -> None:
    _, expression = drawn
    piecewise = piecewise_linear_of(expression, -RANGE, RANGE, CHANNELS)
    assume(piecewise is not None)  # few have more knees than are followed
    assert piecewise is not None
    channels, numbers = every_point()
    exactly = evaluate(expression, channels, numbers, True)
    for channel, number, value in zip(channels.tolist(), numbers.tolist(), exactly.tolist(), strict=True):
        segment = max((each for each in piecewise[channel] if each.start <= number), key=lambda each: each.start)
        assert segment.at(number) == value
