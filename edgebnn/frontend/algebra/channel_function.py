"""Functions of one integer per channel: a model's operators over sums, or over the float32 numbers of a real input."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.algebra.approximate_operators import is_approximate
from edgebnn.frontend.algebra.evaluation import evaluate, evaluate_filtered
from edgebnn.frontend.algebra.exact_numbers import Effort, Fractions, fractions_of
from edgebnn.frontend.algebra.expression import Apply, Expression, Leaf, parts
from edgebnn.frontend.algebra.integer_sets import Integers
from edgebnn.frontend.algebra.monotonicity import first_steps
from edgebnn.frontend.algebra.operators import STEPS
from edgebnn.frontend.onnx.graph import Array
from edgebnn.frontend.problems import Refusal


class ChannelFunction(Protocol):
    """A function of an integer per channel."""

    @property
    def expression(self) -> Expression:
        """The operators that it is made of."""

    @property
    def exactly(self) -> bool:
        """Whether rational numbers decide its steps, which takes longer."""

    def at(self, channels: Integers, numbers: npt.NDArray[Any]) -> Array:
        """Its values (P,) at points (channel, number), both (P,); equal floats are equal values."""

    def exact(self, channels: Integers, numbers: npt.NDArray[Any]) -> Fractions:
        """The same as rational numbers."""

    def of(self, expression: Expression) -> ChannelFunction:
        """Another function of the same integer."""


@dataclass(frozen=True, eq=False)
class Sums:
    """The operators of an expression of integers, in the arithmetic that decides, and what is left to evaluate them.

    Where the model's float32 sums are not known (`rounded`), and behind what it computes only nearly, rational numbers
    decide: of the first steps. Behind these the model computes with their levels, which are float32 numbers, and
    float32 decides again.
    """

    expression: Expression
    rounded: bool
    effort: Effort

    @property
    def exactly(self) -> bool:
        return bool(self._decided) if self._first is not None else self._is_rational(self.expression)

    def at(self, channels: Integers, numbers: npt.NDArray[Any]) -> Array:
        """Refusal where a value is not a number."""
        if self._first is None and self.exactly:
            return evaluate_filtered(self.expression, channels, numbers, self.effort).astype(np.float64)
        taken = self._taken(channels, numbers)
        return finite(evaluate(self.expression, channels, numbers, False, taken, self.effort))

    def exact(self, channels: Integers, numbers: npt.NDArray[Any]) -> Fractions:
        if self._first is None and self.exactly:
            return as_fractions(evaluate(self.expression, channels, numbers, True, effort=self.effort))
        return _behind_float32_steps(self.expression, channels, numbers, self._taken(channels, numbers), self.effort)

    def of(self, expression: Expression) -> Sums:
        return replace(self, expression=expression)

    @cached_property
    def _first(self) -> list[Expression] | None:
        return first_steps(self.expression)

    @cached_property
    def _decided(self) -> list[Expression]:
        """The first steps that rational numbers decide."""
        return [step for step in self._first or () if self._is_rational(step)]

    def _is_rational(self, part: Expression) -> bool:
        return self.rounded or is_approximate(part)

    def _taken(self, channels: Integers, numbers: npt.NDArray[Any]) -> dict[Expression, Array]:
        """What first steps that float32 does not decide make of the points."""
        taken: dict[Expression, Array] = {}
        for step in self._decided:
            value = evaluate_filtered(step, channels, numbers, self.effort)
            taken[step] = value if value.dtype == np.bool_ else value.astype(np.float32)
        return taken


def sums_of(expression: Expression, leaf: Leaf, effort: Effort) -> Sums:
    """A model's function of integers in the arithmetic that decides: float32 where that is its own to the bit."""
    return Sums(expression, not (leaf.exact or leaf.single or leaf.nearest), effort)


@dataclass(frozen=True, eq=False)
class Reals:
    """The operators of an expression of the model's own float32 input, whose number n is the n-th float32 from zero."""

    expression: Expression
    leaf: Leaf
    effort: Effort
    exactly: bool = False

    def at(self, channels: Integers, numbers: npt.NDArray[Any]) -> Array:
        """Refusal where a value is not a number."""
        known: dict[Expression, Array] = {self.leaf: float32_at(numbers)}
        return finite(evaluate(self.expression, channels, numbers, False, known, self.effort))

    def exact(self, channels: Integers, numbers: npt.NDArray[Any]) -> Fractions:
        known: dict[Expression, Array] = {self.leaf: float32_at(numbers)}
        return _behind_float32_steps(self.expression, channels, numbers, known, self.effort)

    def of(self, expression: Expression) -> Reals:
        return replace(self, expression=expression)


def _behind_float32_steps(
    expression: Expression,
    channels: Integers,
    numbers: npt.NDArray[Any],
    known: dict[Expression, Array],
    effort: Effort,
) -> Fractions:
    """What rational arithmetic makes of the steps that float32 takes: of a quantiser, its integer times its scale."""
    exactly = {part: as_fractions(value) for part, value in known.items()}
    for part in parts(expression):
        if isinstance(part, Apply) and part.operator in STEPS:
            taken = evaluate(part, channels, numbers, False, known, effort)
            exactly[part] = taken if taken.dtype == np.bool_ else as_fractions(taken)
    return as_fractions(evaluate(expression, channels, numbers, True, exactly, effort))


def as_fractions(values: Array) -> Fractions:
    """Numbers, or yes and no, as rational numbers; an infinite one stays a float, which a clip behind it may hold."""
    if values.dtype == object:
        return values
    if np.isnan(values).any():
        raise _no_number()
    if np.isfinite(values).all():
        return fractions_of(values.astype(np.float64))
    exactly = np.empty(values.size, dtype=object)
    exactly[:] = [Fraction(value) if np.isfinite(value) else value for value in values.tolist()]
    return exactly


def float32_at(numbers: Integers) -> npt.NDArray[np.float32]:
    """The float32 numbers in their order, 0 being zero: the neighbour of each is the next one."""
    magnitude = np.abs(numbers).astype(np.uint32).view(np.float32)
    return np.where(numbers < 0, -magnitude, magnitude)


def finite(values: Array) -> Array:
    """Values as floats; Refusal where one is infinite or not a number."""
    values = values.astype(np.float32)
    if not np.isfinite(values).all():
        raise _no_number()
    return values


def _no_number() -> Refusal:
    return Refusal("gives infinity or NaN for some inputs", "check its constants and export the model again")
