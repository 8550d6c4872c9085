"""Integer thresholds against the plain evaluation of the model's chain, point by point."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebnn.frontend.algebra.channel_function import sums_of
from edgebnn.frontend.algebra.evaluation import evaluate
from edgebnn.frontend.algebra.exact_numbers import Effort, fractions_of
from edgebnn.frontend.algebra.expression import Apply, Constant, Expression, Leaf
from edgebnn.frontend.algebra.integer_sets import IntegerGrid, plain_grid
from edgebnn.frontend.algebra.monotonicity import directions
from edgebnn.frontend.problems import Refusal
from edgebnn.frontend.thresholds.ambiguous_channels import Near
from edgebnn.frontend.thresholds.step_search import NotMonotone, observed_directions
from edgebnn.frontend.thresholds.thresholds import ChannelSteps, StepFunction, find_steps
from edgebnn.frontend.thresholds.value_combinations import Values
from edgebnn.network.interpreter import run
from edgebnn.network.types import Kind, Tensor, Threshold

CHANNELS = 5


def leaf_of(scale: float = 1.0, exact: bool = True, error: float = 0.0) -> Leaf:
    full = np.full(CHANNELS, scale, np.float32)
    return Leaf(fractions_of(full), fractions_of(np.zeros(CHANNELS)), exact, np.full(CHANNELS, error))


def grid_of(low: int, high: int, stride: int = 1) -> IntegerGrid:
    count = (high - low) // stride + 1
    return plain_grid(*(np.full(CHANNELS, value, np.int64) for value in (low, stride, count, low, high)))


def apply(operator: str, *operands: Expression | float | np.ndarray) -> Apply:
    parts = tuple(
        part if isinstance(part, (Apply, Leaf, Constant)) else Constant(np.atleast_1d(np.asarray(part, np.float32)))
        for part in operands
    )
    return Apply(operator, parts, "node")


def affine(leaf: Leaf, seed: int) -> Apply:
    """A batch norm whose crossing lies among small integers, often exactly on one."""
    rng = np.random.default_rng(seed)
    factor = rng.choice([-1.5, -1, -0.3, 0, 0.1, 1, 2.5], CHANNELS).astype(np.float32)
    shift = (-factor * rng.integers(-12, 12, CHANNELS).astype(np.float32)).astype(np.float32)
    return apply("Add", apply("Mul", leaf, factor), shift)


ACTIVATIONS = {
    "sign": lambda x: apply("Sign", x),
    "at_least": lambda x: apply("Where", apply("GreaterOrEqual", x, 0), 1, -1),
    "above_falling": lambda x: apply("Where", apply("Greater", x, 0), -1, 1),
    "below": lambda x: apply("Where", apply("Less", x, 0), -1, 1),
    "zero_or_one": lambda x: apply("ToFloat", apply("Greater", x, 0)),
    "clipped": lambda x: apply("Sign", apply("Min", apply("Max", x, -1), 1)),
    "zero_to_one": lambda x: apply("Where", apply("Equal", x, 0), 1, apply("Sign", x)),
    "four_levels": lambda x: apply("Mul", apply("Round", apply("Min", apply("Max", apply("Mul", x, 0.25), 0), 3)), 0.5),
}


def stepped(function: StepFunction, numbers: np.ndarray) -> np.ndarray:
    """The step function as Threshold nodes of the network, at the numbers of every channel: real values (P, C)."""
    x, levels = np.repeat(numbers[:, np.newaxis], CHANNELS, axis=1), function.levels
    level = counted(function.rises, x)
    if function.falls is not None:
        level = level + counted(function.falls, x) - function.falls.count
    return (levels.low + levels.step * level) * float(levels.scale)


def counted(steps: ChannelSteps, x: np.ndarray) -> np.ndarray:
    output = Tensor("y", Kind.INTEGERS, (CHANNELS,), 0, steps.count)
    return run(Threshold("t", ("x",), output, steps.thresholds, steps.direction, low=0, step=1), x)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@given(seed=st.integers(0, 2**32 - 1), exact=st.booleans(), scale=st.sampled_from([1.0, 0.5, 0.3]))
def test_a_step_function_is_its_chain_at_every_integer(activation: str, seed: int, exact: bool, scale: float) -> None:
    leaf = leaf_of(scale, exact)
    expression = ACTIVATIONS[activation](affine(leaf, seed))
    function = find_steps(expression, leaf, grid_of(-40, 40), -40, 40)
    numbers = np.arange(-40, 41)
    for channel in range(CHANNELS):
        wanted = evaluate(expression, np.full(len(numbers), channel), numbers, not exact).astype(np.float64)
        assert np.array_equal(stepped(function, numbers)[:, channel], wanted)


@given(seed=st.integers(0, 2**32 - 1))
def test_wide_ranges_are_bisected_to_the_same_steps(seed: int) -> None:
    leaf = leaf_of()
    expression = ACTIVATIONS["sign"](affine(leaf, seed))
    narrow = find_steps(expression, leaf, grid_of(-40, 40), -40, 40)
    wide = find_steps(expression, leaf, grid_of(-(2**23), 2**23), -(2**23), 2**23)
    assert np.array_equal(stepped(narrow, np.arange(-40, 41)), stepped(wide, np.arange(-40, 41)))


def test_only_values_that_the_sum_can_take_make_a_third_level() -> None:
    leaf = leaf_of()
    expression = apply("Sign", leaf)
    assert find_steps(expression, leaf, grid_of(-8, 8, 2), -8, 8).levels.kind is Kind.TRITS
    assert find_steps(expression, leaf, grid_of(-7, 7, 2), -7, 7).levels.kind is Kind.BITS


def test_a_zero_that_only_broken_weights_reach_does_not_count() -> None:
    leaf = leaf_of()
    shifted = apply("Sign", apply("Add", leaf, 3))
    wide = grid_of(-8, 8)
    reached = plain_grid(wide.start, wide.stride, wide.count, np.zeros(CHANNELS, np.int64), wide.high)
    function = find_steps(shifted, leaf, reached, -8, 8)
    assert function.levels.kind is Kind.BITS
    assert np.all(stepped(function, np.arange(0, 9)) == 1)
    assert np.all(stepped(function, np.arange(-8, -3)) == -1)


RISING = {
    "Add": lambda x: apply("Add", x, apply("Mul", apply("Abs", x), 0.5)),
    "Sub": lambda x: apply("Sub", x, apply("Mul", apply("Abs", x), 0.5)),
    "MulAdd": lambda x: apply("MulAdd", apply("Abs", x), 0.5, x),
    "PRelu": lambda x: apply("PRelu", apply("Add", x, 20), -1),
    "Max": lambda x: apply("Max", apply("Add", x, 20), apply("Mul", x, -1)),
    "Min": lambda x: apply("Min", apply("Sub", x, 20), apply("Mul", x, -1)),
    "Abs": lambda x: apply("Abs", apply("Add", x, 20)),
}


@pytest.mark.parametrize("scale", [1.0, -1.0])
@pytest.mark.parametrize("operator", RISING)
def test_slopes_show_that_a_function_rises_where_its_operands_do_not(operator: str, scale: float) -> None:
    leaf = leaf_of(scale)
    expression = RISING[operator](leaf)
    values = evaluate(expression, np.zeros(19, np.int64), np.arange(-9, 10), False).astype(np.float64)
    assert np.all(np.diff(values) * scale >= 0)
    assert np.all(directions(expression, CHANNELS, -9, 9) == scale)


@pytest.mark.parametrize("falls", [True, False])
@pytest.mark.parametrize("operator", ["Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal"])
def test_a_comparison_rises_or_falls_as_its_values_do(operator: str, falls: bool) -> None:
    leaf = leaf_of()
    x = apply("Round", apply("Min", apply("Max", leaf, -1), 1)) if operator == "Equal" else leaf
    expression = apply("ToFloat", apply(operator, x, -1 if falls else 1))
    if operator != "Equal" and falls != operator.startswith("Less"):
        expression = apply("ToFloat", apply(operator, -1, x))
    found = observed_directions(expression, leaf, grid_of(-9, 9), Effort())
    assert found.tolist() == [-1 if falls else 1] * CHANNELS


def test_what_turns_without_a_step_has_no_direction_however_few_values_it_takes() -> None:
    leaf = leaf_of()
    for reach in (9, 4000):
        with pytest.raises(NotMonotone, match="rises and falls"):
            observed_directions(apply("Abs", leaf), leaf, grid_of(-reach, reach), Effort())


@pytest.mark.parametrize("at", range(-5, 6))
def test_a_chain_may_turn_at_any_of_its_integers(at: int) -> None:
    leaf = leaf_of()
    for turn in (at, at + 0.5):
        expression = apply("Abs", apply("Sub", leaf, turn))
        function = find_steps(expression, leaf, grid_of(-5, 5), -5, 5)
        assert stepped(function, np.arange(-5, 6))[:, 0].tolist() == [abs(n - turn) for n in range(-5, 6)]


@pytest.mark.parametrize("start", range(-6, 7))
@pytest.mark.parametrize("direction", [1, -1])
def test_a_zero_is_a_level_where_any_residue_of_the_period_reaches_it(start: int, direction: int) -> None:
    """Sums behind a padding that is worth something start at several places, and go on in steps of the same size."""
    every, leaf = np.ones(CHANNELS, np.int64), leaf_of()
    residues = np.tile(np.array([0, 1], np.int64), (CHANNELS, 1))
    grid = IntegerGrid(-12 * every, every, 25 * every, -7 * every, 8 * every, 4 * every, residues)
    expression = apply("Sign", apply("Mul", apply("Add", leaf, -start), direction))
    function = find_steps(expression, leaf, grid, -12, 12)
    reached = np.array([n for n in range(-7, 9) if n % 4 in (0, 1)])
    assert (function.levels.kind is Kind.TRITS) == (start in reached)
    assert np.array_equal(stepped(function, reached)[:, 0], direction * np.sign(reached - start))


@pytest.mark.parametrize(("activation", "ties"), [("sign", "0"), ("at_least", "+1"), ("above_falling", "+1")])
def test_ties_are_told(activation: str, ties: str) -> None:
    leaf = leaf_of()
    assert find_steps(ACTIVATIONS[activation](leaf), leaf, grid_of(-9, 9), -9, 9).ties == ties


def test_a_step_within_the_rounding_of_a_sum_is_ambiguous() -> None:
    close = np.array([0.0, 0.4, -0.4, 0.1, -0.01], np.float32)
    for error, expected in ((0.0, 0), (0.05, 2), (0.2, 3), (0.45, 5)):
        leaf = leaf_of(exact=False, error=error)
        expression = ACTIVATIONS["at_least"](apply("Add", leaf, close))
        assert find_steps(expression, leaf, grid_of(-9, 9), -9, 9).doubt.ambiguous.sum() == expected


def test_a_step_between_the_values_that_a_sum_can_take_is_not_ambiguous() -> None:
    leaf = leaf_of(exact=False, error=0.5)
    expression = ACTIVATIONS["at_least"](leaf)
    assert find_steps(expression, leaf, grid_of(-9, 9, 2), -9, 9).doubt.ambiguous.sum() == 0
    assert find_steps(expression, leaf, grid_of(-8, 8, 2), -8, 8).doubt.ambiguous.sum() == CHANNELS


def silu(x: Expression) -> Expression:
    return apply("Silu", apply("Mul", x, 0.2))


def ramps(x: Expression) -> Expression:
    return apply("Add", apply("Max", x, 0), apply("Max", apply("Neg", x), 0))


TURNING: dict[str, Callable[[Expression], Expression]] = {
    "the sign of a distance": lambda x: apply("Sign", apply("Sub", apply("Abs", x), 2)),
    "two ramps": lambda x: apply("Sign", apply("Sub", ramps(apply("Sub", x, 0.7)), 0.5)),
    "a parabola": lambda x: apply("Round", apply("Mul", apply("Mul", x, 0.06), apply("Add", apply("Neg", x), 7))),
    "SiLU": lambda x: apply("Round", apply("Mul", silu(x), 9)),
    "the negative of SiLU": lambda x: apply("Round", apply("Mul", silu(x), -9)),
    "a hat": lambda x: apply("Max", apply("Sub", 4, apply("Abs", apply("Sub", apply("Round", x), 3))), 0),
    "GELU of a distance": lambda x: apply("Round", apply("Mul", apply("Gelu", apply("Sub", apply("Abs", x), 3)), 9)),
}


@pytest.mark.parametrize("name", TURNING)
@given(seed=st.integers(0, 2**32 - 1), exact=st.booleans())
@settings(max_examples=20)
def test_a_chain_that_turns_has_steps_up_and_down(name: str, seed: int, exact: bool) -> None:
    leaf = leaf_of(1.0, exact)
    expression = apply("Max", apply("Min", TURNING[name](affine(leaf, seed)), 60), -60)
    function = find_steps(expression, leaf, grid_of(-40, 40), -40, 40)
    wide = find_steps(expression, leaf, grid_of(-48, 48), -48, 48)
    numbers = np.arange(-40, 41)
    for channel in range(CHANNELS):
        exactly = sums_of(expression, leaf, Effort()).exactly
        wanted = evaluate(expression, np.full(len(numbers), channel), numbers, exactly).astype(np.float64)
        assert np.array_equal(stepped(function, numbers)[:, channel], wanted)
        assert np.array_equal(stepped(wide, numbers)[:, channel], wanted)


def test_where_a_chain_turns_is_found_in_wide_ranges() -> None:
    leaf = leaf_of()
    expression = apply("Sign", apply("Sub", apply("Abs", leaf), 1000))
    function = find_steps(expression, leaf, grid_of(-(2**23), 2**23), -(2**23), 2**23)
    numbers = np.array([-(2**23), -1001, -1000, -999, 0, 999, 1000, 1001, 2**23])
    assert stepped(function, numbers)[:, 0].tolist() == [1, 1, 0, -1, -1, -1, 0, 1, 1]


def test_a_chain_that_turns_nobody_knows_where_is_refused_soon_over_a_wide_range() -> None:
    leaf = leaf_of()
    waves = apply("Abs", apply("Sub", apply("Abs", leaf), 7))
    with pytest.raises(Refusal, match="cannot be shown"):
        find_steps(
            apply("Sign", apply("Silu", apply("Sub", apply("Silu", waves), 1))),
            leaf,
            grid_of(-(2**23), 2**23),
            -(2**23),
            2**23,
        )


def test_float32_decides_where_its_sum_is_exact_and_rationals_where_not() -> None:
    """3 * fl(1/3) - 1 is 0 in float32 and a little above it in exact arithmetic."""
    third = float(np.float32(1) / np.float32(3))
    assert Fraction(third) * 3 > 1
    for exact, kind in ((True, Kind.TRITS), (False, Kind.BITS)):
        leaf = leaf_of(exact=exact)
        expression = apply("Sign", apply("Sub", apply("Mul", leaf, third), 1))
        assert find_steps(expression, leaf, grid_of(-9, 9), -9, 9).levels.kind is kind


def test_behind_a_step_float32_decides_again() -> None:
    """3 * fl(0.1) - fl(0.3) is 0 in float32 and a little below it in exact arithmetic, which decides the rounding."""
    leaf = leaf_of(exact=False)
    level = apply("Mul", apply("Round", leaf), 0.1)
    for least, expected in ((0.3, [-1, -1, -1, 1, 1]), (0.31, [-1, -1, -1, -1, 1])):
        function = find_steps(ACTIVATIONS["at_least"](apply("Sub", level, least)), leaf, grid_of(0, 4), 0, 4)
        assert stepped(function, np.arange(5))[:, 0].tolist() == expected


@pytest.mark.parametrize("high", [3.0, 4.0])
def test_a_level_that_float32_has_otherwise_is_not_the_nearest(high: float) -> None:
    """Beside 2^25 it has 4 in place of 3, and right at the step, where 3 * fl(1/3) is 1 to it, the lower level."""
    leaf = leaf_of(exact=False, error=1e-9)
    third = float(np.float32(1) / np.float32(3))
    level = apply("Where", apply("Greater", apply("Mul", leaf, third), 1), high, 0)
    expression = apply("Sub", apply("Add", level, 2.0**25), 2.0**25)
    assert find_steps(expression, leaf, grid_of(-9, 9), -9, 9).nearest == (high == 4)


def reached(numbers: np.ndarray) -> Near:
    """What reaches these numbers alone."""

    def near(channel: int, low: np.ndarray, high: np.ndarray) -> Iterator[Values | None]:
        inside = (numbers >= low[:, np.newaxis]) & (numbers <= high[:, np.newaxis])
        yield Values(numbers[inside.any(axis=0)])

    return near


BETWEEN = (np.arange(-90, 91, 7) / 10 + 0.01).tolist()


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("stride", [1, 2, 5])
def test_float32_turns_what_lies_on_one_side_of_a_step_alone(stride: int, known: bool) -> None:
    """Beside 2^25 float32 has fours alone: a sum above the step stays there, and one two below comes to lie above it.

    No error of the sums says how far that goes, and of what lies nearer to the step no sum may be reached.
    """
    leaf, numbers = leaf_of(exact=False), np.arange(-12, 13, stride)
    grid = grid_of(-12, int(numbers[-1]), stride if known else 1)
    for at in BETWEEN:
        coarse = apply("Sub", apply("Add", leaf, 2.0**25), 2.0**25)
        expression = apply("Sign", apply("Tanh", apply("Sub", coarse, at)))
        found = find_steps(expression, leaf, grid, -12, 12, near=reached(numbers)).doubt.ambiguous
        model = evaluate(expression, np.zeros_like(numbers), numbers, False, {leaf: numbers.astype(np.float32)})
        assert np.all(found == np.any(np.sign(model) != np.sign(numbers - at))), at


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("stride", [1, 2, 5])
@pytest.mark.parametrize("error", [0.2, 1.3])
def test_a_step_is_ambiguous_wherever_a_sum_lies_within_the_rounding_beside_it(
    stride: int, error: float, known: bool
) -> None:
    leaf, numbers = leaf_of(exact=False, error=error), np.arange(-12, 13, stride)
    grid = grid_of(-12, int(numbers[-1]), stride if known else 1)
    for at in BETWEEN:
        expression = apply("Sign", apply("Sub", leaf, at))
        found = find_steps(expression, leaf, grid, -12, 12, near=reached(numbers)).doubt.ambiguous
        assert np.all(found == np.any(np.abs(numbers - at) < error)), at
