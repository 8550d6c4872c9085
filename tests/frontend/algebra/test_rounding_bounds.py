"""Bounds of what floats round: never below what the worst numbers and orders make of it, and not far above.

That a bound holds for random numbers says little: their errors cancel. Here each addition rounds to the same side, by
nearly as much as it can, so that a bound that is half as large fails.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edgebnn.frontend.algebra.bounded_floats import Bounded
from edgebnn.frontend.algebra.evaluation import evaluate
from edgebnn.frontend.algebra.exact_numbers import fractions_of
from edgebnn.frontend.algebra.expression import Apply, Constant, Expression, Leaf
from edgebnn.frontend.algebra.float32 import float32_holds, float32_holds_line, float32_holds_with
from edgebnn.frontend.algebra.interval_arithmetic import float32_errors
from edgebnn.frontend.algebra.operators import OPERATORS
from edgebnn.frontend.layers.summation_error import dot_error, sum_error

dyadic = st.builds(
    lambda odd, power: Fraction(2 * odd + 1) * Fraction(2) ** power, st.integers(0, 5000), st.integers(-40, 40)
)
signed = st.builds(lambda number, sign: number * sign, dyadic, st.sampled_from((-1, 1)))


def held(number: Fraction) -> bool:
    """Whether float32 has this number."""
    return Fraction(float(np.float32(float(number)))) == number


@given(dyadic, st.integers(2, 2**24))
def test_multiples_are_float32_numbers_up_to_where_one_is_not(scale: Fraction, bound: int) -> None:
    largest_odd = bound - 1 + bound % 2
    assert float32_holds(scale, bound) == held(scale * largest_odd)
    assert not float32_holds(Fraction(1, 3), bound)


@given(signed, signed, st.integers(4, 2**24))
def test_lines_are_float32_numbers_up_to_where_one_is_not(slope: Fraction, shift: Fraction, bound: int) -> None:
    ends = [sign * n for sign in (-1, 1) for n in range(bound - 3, bound + 1)]
    if float32_holds_line(slope, shift, bound):
        assert all(held(slope * n + shift) for n in ends)
    elif abs(slope) * (bound - 3) >= abs(shift):  # else the slope may take it below a power of two again
        grid = Fraction(1, max(slope.denominator, shift.denominator))
        assert (abs(slope) * (bound - 3) + abs(shift)) / grid <= 2**24 or not all(held(slope * n + shift) for n in ends)


@given(dyadic, st.integers(1, 2**24), signed)
def test_sums_with_a_bias_are_float32_numbers_up_to_where_one_may_not_be(
    unit: Fraction, bound: int, bias: Fraction
) -> None:  # fmt: skip
    if float32_holds_with(unit, bound, bias):
        assert all(held(bias + sign * n * unit) for sign in (-1, 1) for n in (bound, bound - 1))
    else:
        grid = Fraction(1, max(unit.denominator, bias.denominator))
        assert (unit * bound + abs(bias)) / grid > 2**24


def losing_sum(limit: Callable[[int], float], terms: int) -> tuple[float, float]:
    """(error of a float32 sum, sum of magnitudes) of terms below their limits, each chosen so that float32 loses most.

    A term takes the sum to a little less than half way between two float32 numbers above the next one.
    """
    total, exact = np.float32(limit(0)), Fraction(float(np.float32(limit(0))))
    for term in range(1, terms):
        most = limit(term)
        step = float(np.spacing(np.float32(float(total) + most)))
        whole = max(0, int(most / step - 0.4999))
        added = np.float32((whole + 0.4999) * step)
        added = added if float(added) <= most else np.float32(most)
        exact += Fraction(float(added))
        total = np.float32(total + added)
    return abs(float(Fraction(float(total)) - exact)), float(exact)


@pytest.mark.parametrize("terms", [100, 1000])
def test_a_sum_of_like_terms_rounds_no_more_than_the_bound_and_half_of_it(terms: int) -> None:
    error, _ = losing_sum(lambda term: 1.0, terms)
    bound = sum_error(terms, float(terms))
    assert bound / 2 < error <= bound


@pytest.mark.parametrize("terms", [100, 1000])
def test_a_sum_behind_one_large_term_rounds_no_more_than_the_bound_and_half_of_it(terms: int) -> None:
    error, magnitude = losing_sum(lambda term: 1.0 if term == 0 else 0.4999 * 2.0**-23, terms)
    bound = sum_error(terms, magnitude, alike=False)
    assert bound / 2 < error <= bound


@pytest.mark.parametrize("large", [False, True])
def test_a_dot_product_rounds_no_more_than_its_bound_and_half_of_it(large: bool) -> None:
    terms = 500
    largest = np.full(terms, 0.4999 * 2.0**-23 if large else 1.0)
    largest[0] = 1.0
    weights = np.ones((1, terms), np.int8)
    error, _ = losing_sum(lambda term: float(largest[term]), terms)
    (bound,) = dot_error(weights, largest, groups=1)
    assert bound / 2 < error <= bound


def exact_leaf() -> Leaf:
    return Leaf(fractions_of(np.ones(1, np.float32)), fractions_of(np.zeros(1, np.float32)), True, np.zeros(1))


CHAINS: dict[str, Callable[[Expression], Expression]] = {
    "product": lambda x: node("Mul", x, 0.7),
    "sum": lambda x: node("Add", node("Mul", x, 0.25), 0.7),
    "quotient": lambda x: node("Div", x, 3.0),
    "lost in a large number": lambda x: node("Sub", node("Add", node("Mul", x, 0.1), 1e6), 1e6),
    "of two products": lambda x: node("Mul", node("Mul", x, 0.7), 1.3),
    "leaky": lambda x: node("PRelu", node("Mul", x, 0.7), 1.7),
    "clipped": lambda x: node("Min", node("Mul", x, 0.7), 1e9),
}  # fmt: skip


def node(operator: str, x: Expression, number: float) -> Apply:
    return Apply(operator, (x, Constant(np.array([number], np.float32))), "n")


@pytest.mark.parametrize("name", CHAINS)
def test_float32_is_no_farther_off_than_the_bound_and_a_fifth_of_it(name: str) -> None:
    """At integers at the ends of a range, whose values lie just above a power of two, where float32 rounds most."""
    expression, most = CHAINS[name](exact_leaf()), 23968  # 0.7 * 23968 = 2^14 + 393.6, / 3 = 2^13 - 202
    ends = np.arange(most - 600, most + 1)
    numbers = np.concatenate([-ends, ends])
    channel = np.zeros(len(numbers), np.int64)
    exactly = evaluate(expression, channel, numbers, True)
    found = evaluate(expression, channel, numbers, False)
    off = max(abs(Fraction(float(one)) - other) for one, other in zip(found, exactly, strict=True))
    (bound,) = float32_errors(expression, -most, most, 1)
    assert bound / 5 < float(off) <= bound


def exactly(operator: str, *of: Fraction) -> Fraction:
    one, *others = of
    match operator:
        case "Add":
            return one + others[0]
        case "Sub":
            return one - others[0]
        case "Mul":
            return one * others[0]
        case "Div":
            return one / others[0]
        case "PRelu":
            return one * others[0] if one < 0 else one
        case "Max":
            return max(of)
        case _:
            return one * others[0] + others[1]


@pytest.mark.parametrize("operator", ["Add", "Sub", "Mul", "Div", "PRelu", "Max", "MulAdd"])
@given(st.data())
def test_a_float64_value_lies_no_farther_off_than_its_bound(operator: str, data: st.DataObject) -> None:
    """Operands as far off as they may be, each to either side."""
    numbers = st.floats(-1e6, 1e6).filter(lambda number: abs(number) > 1e-6)
    errors = st.sampled_from((0.0, 2.0**-30, 2.0**-12))
    count = 3 if operator == "MulAdd" else 2
    values = [data.draw(numbers) for _ in range(count)]
    off = [abs(value) * data.draw(errors) for value in values]
    of = [Bounded(np.array([value]), np.array([error])) for value, error in zip(values, off, strict=True)]
    found: Any = OPERATORS[operator].bounded(*of)
    value, bound = Fraction(float(found.value[0])), Fraction(float(found.error[0]))
    for signs in np.ndindex(*(2,) * count):
        moved = [
            Fraction(value) + (2 * sign - 1) * Fraction(error)
            for value, error, sign in zip(values, off, signs, strict=True)
        ]
        assume(all(moved))
        # What the bounds lose in their own rounding, a step makes up for: it asks for 2^-20 more.
        assert abs(exactly(operator, *moved) - value) <= bound * (1 + Fraction(1, 2**40))
