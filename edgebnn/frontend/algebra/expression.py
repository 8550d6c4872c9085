"""The model's own arithmetic between two layers, as a function of one integer per channel.

Between an accumulator (or the network's input) and the next layer, a model computes element by element: bias, batch
norm, scale, clip, sign. Such a chain is kept as an `Expression` over a `Leaf`, the integers of one tensor, and can be
evaluated in float32, operator after operator as onnxruntime's CPU kernels do, or exactly in rational numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.algebra.fused_multiply_add import multiply_add
from edgebnn.frontend.algebra.smooth_functions import CURVES, evaluated
from edgebnn.frontend.onnx.graph import Array
from edgebnn.frontend.problems import Refusal

Fractions = npt.NDArray[np.object_]
Channels = npt.NDArray[np.int64]

# Operators of one expression: exporters write up to about 30 between two layers, and every walk over them stays short.
MAX_OPERATORS = 64
# Bits of a numerator or denominator: a product of MAX_OPERATORS float32 factors, whose 24 bits of mantissa and some of
# exponent each add to it, fits; what doubles its length at every operator does not for long.
MAX_BITS = 4096
# Powers of two between which numbers are worked with: what is larger is infinity in float32, what is smaller zero, and
# far enough from where float64 ends that quotients of two such numbers are still finite.
_LARGEST_POWER = 128
_SMALLEST_POWER = -500
# Operators on short rational numbers that one model may ask for, several times what a large one needs: below a
# minute. Lengthy numbers count as several, and this many float32 operators as one.
MAX_EFFORT = 2**24
_BITS_EACH = 256
_FLOATS_EACH = 64
# Operations on float64 with error bounds, of which a large int8 network asks for some thousand millions.
MAX_FLOATS = 2**33


@dataclass(frozen=True, eq=False)
class Leaf:
    """The integers n of a tensor as the model sees them: scale[c] * n + offset[c], exactly.

    `scale` and `offset` are arrays of Fraction, (C,). `exact` says that the model's float32 value is this very number,
    so that float32 decides what comes after; `error` (C,) bounds how far the model's own float32 value may lie from it.
    `single` says that it comes from one addition, whose float32 result is mostly the one nearest to this number: what
    comes after is then decided as float32 decides it there. `nearest` says that the model's own value always is the
    float32 nearest to this number.
    """

    scale: Fractions
    offset: Fractions
    exact: bool
    error: npt.NDArray[np.float64]
    single: bool = False
    nearest: bool = False

    def of_channels(self, channels: Channels) -> Leaf:
        """The same for a tensor whose channels are these of its own tensor."""
        return replace(self, scale=self.scale[channels], offset=self.offset[channels], error=self.error[channels])

    @cached_property
    def plain(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
        """Scale and offset as floats where float32 decides and float64 has scale * n + offset; None elsewhere."""
        return self.rounded if (self.exact or self.single or self.nearest) and self.holds.all() else None

    @cached_property
    def rounded(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Scale and offset in float64."""
        return self.scale.astype(np.float64), self.offset.astype(np.float64)

    @cached_property
    def holds(self) -> npt.NDArray[np.bool_]:
        """Channels (C,) whose scale and offset are float64 numbers."""
        held = np.ones(len(self.scale), np.bool_)
        for exact, near in zip((self.scale, self.offset), self.rounded, strict=True):
            held &= np.array([one == other for one, other in zip(exact.tolist(), near.tolist(), strict=True)])
        return held


@dataclass(frozen=True, eq=False)
class Constant:
    """A constant in the model's float32 (or bool): one value, or one per channel."""

    values: Array

    @cached_property
    def exact(self) -> Array:
        """The values as Fractions; an infinite bound of a clip stays a float, which compares with them as it should."""
        if self.values.dtype == np.bool_:
            return self.values
        exact = np.empty(self.values.size, dtype=object)
        exact[:] = [Fraction(value) if math.isfinite(value) else value for value in self.values.reshape(-1).tolist()]
        return exact


@dataclass(frozen=True, eq=False)
class Apply:
    """An elementwise operator on operands; `node` is the model's node that it comes from."""

    operator: str
    operands: tuple[Expression, ...]
    node: str


Expression = Leaf | Constant | Apply


def fractions_of(array: Array) -> Fractions:
    """Floats or integers as exact rational numbers, flat."""
    values = array.reshape(-1).tolist()
    made = {value: Fraction(value) for value in set(values)}
    fractions = np.empty(array.size, dtype=object)
    fractions[:] = [made[value] for value in values]
    return fractions


def floats_of(fractions: Fractions) -> npt.NDArray[np.float32]:
    """Rational numbers rounded to float32."""
    return np.array([float(value) for value in fractions], dtype=np.float64).astype(np.float32)


class Effort:
    """Keeps count of what evaluating the expressions of one model costs, in operators on short rational numbers."""

    def __init__(self) -> None:
        self._left = float(MAX_EFFORT)
        self._floats = MAX_FLOATS
        self._beside: Effort | None = None

    @property
    def beside(self) -> Effort:
        """As much again, for what can go without an answer."""
        if self._beside is None:
            self._beside = Effort()
        return self._beside

    def spend(self, result: Array, bits: int) -> None:
        """Refusal where the values of one more operator, of up to `bits` bits where they are exact, are too many."""
        self._left -= len(result) * (1 + bits / _BITS_EACH if result.dtype == object else 1 / _FLOATS_EACH)
        self._check()

    def spend_floats(self, count: int) -> None:
        """Refusal where this many operations on float64 are too many."""
        self._floats -= count
        self._check()

    def _check(self) -> None:
        if self._left < 0 or self._floats < 0:
            raise Refusal(
                "needs too many evaluations to find where its activation steps",
                "use a plain sign, or a narrower --input-type",
            )


def check_operators(count: int) -> None:
    """Refusal where an expression has more operators than are worked on."""
    if count > MAX_OPERATORS:
        raise Refusal(
            f"ends a chain of {count} elementwise operators, more than {MAX_OPERATORS}",
            "simplify the activation, or fold its constants before the export",
        )


def check_numbers(values: Fractions) -> int:
    """The most bits of a numerator or denominator; Refusal where one is beyond float32, or too long."""
    longest = 0
    for value in values.tolist():
        if not isinstance(value, Fraction):  # the infinite bound of a clip
            raise out_of_range()
        numerator, denominator = value.numerator.bit_length(), value.denominator.bit_length()
        longest = max(longest, numerator, denominator)
        if longest > MAX_BITS:
            raise too_long()
        if numerator and not _SMALLEST_POWER < numerator - denominator <= _LARGEST_POWER:
            raise out_of_range()
    return longest


def too_long() -> Refusal:
    """The refusal of numbers of more than MAX_BITS."""
    return Refusal(
        f"needs numbers of more than {MAX_BITS} bits to be exact",
        "simplify the activation, or fold its constants before the export",
    )


def out_of_range() -> Refusal:
    """The refusal of numbers beyond float32."""
    return Refusal("has values that float32 cannot hold", "check its constants and export the model again")


def evaluate(
    expression: Expression,
    channels: Channels,
    numbers: npt.NDArray[Any],
    exactly: bool,
    known: Mapping[Expression, Array] | None = None,
    effort: Effort | None = None,
) -> Array:
    """The expression at points (channel, number), both (P,): float32 or bool, or exactly Fraction or bool.

    `known` gives the values of parts of the expression in place of computing them. Refusal where the exact numbers
    become too large or too long, or the whole more than what is left of the `effort`.
    """
    values: dict[Expression, Array] = dict(known or {})
    with np.errstate(all="ignore"):
        for part in parts(expression, values):
            if part not in values:
                values[part] = value = _value(part, values, channels, numbers, exactly)
                bits = check_numbers(value) if isinstance(part, Apply) and value.dtype == object else 0
                if effort is not None:
                    effort.spend(value, bits)
    return values[expression]


def parts(expression: Expression, known: Container[Expression] = ()) -> list[Expression]:
    """Every part of the expression once, operands before the operators that read them.

    Not what `known` parts are made of.
    """
    order: dict[Expression, None] = {}
    stack: list[tuple[Expression, bool]] = [(expression, False)]
    while stack:
        part, ready = stack.pop()
        if part in order:
            continue
        if ready or not isinstance(part, Apply) or part in known:
            order[part] = None
            continue
        stack.append((part, True))
        stack.extend((operand, False) for operand in part.operands)
    return list(order)


def of_channels(expression: Expression, channels: Channels) -> Expression:
    """The expression for a tensor whose channels are these of its own tensor, some perhaps more than once."""
    made: dict[Expression, Expression] = {}
    for part in parts(expression):
        match part:
            case Leaf():
                made[part] = part.of_channels(channels)
            case Constant():
                made[part] = part if part.values.size == 1 else Constant(part.values.reshape(-1)[channels])
            case Apply():
                made[part] = Apply(part.operator, tuple(made[operand] for operand in part.operands), part.node)
    return made[expression]


def alike(one: Expression, other: Expression) -> bool:
    """Whether two expressions are written alike; exporters repeat nodes."""
    return _alike(one, other, {})


def _alike(one: Expression, other: Expression, known: dict[tuple[int, int], bool]) -> bool:
    """`known` holds the answer for pairs of parts by their ids: the paths to shared parts can be too many to follow."""
    if one is other:
        return True
    pair = (id(one), id(other))
    if pair not in known:
        if isinstance(one, Constant) and isinstance(other, Constant):
            known[pair] = np.array_equal(one.values, other.values)
        elif isinstance(one, Apply) and isinstance(other, Apply) and one.operator == other.operator:
            known[pair] = all(_alike(a, b, known) for a, b in zip(one.operands, other.operands, strict=True))
        else:
            known[pair] = False
    return known[pair]


def with_leaf(expression: Expression, leaf: Leaf) -> Expression:
    """The same operators on another leaf."""
    made: dict[Expression, Expression] = {}
    for part in parts(expression):
        match part:
            case Leaf():
                made[part] = leaf
            case Constant():
                made[part] = part
            case Apply():
                made[part] = Apply(part.operator, tuple(made[operand] for operand in part.operands), part.node)
    return made[expression]


def _value(
    part: Expression, values: Mapping[Expression, Array], channels: Channels, numbers: npt.NDArray[Any], exactly: bool
) -> Array:
    match part:
        case Leaf():
            if not exactly and part.plain is not None:  # float64 makes a float32 of it without loss
                scale, offset = part.plain
                value: Array = scale[channels] * numbers.astype(np.float64) + offset[channels]
                return value.astype(np.float32)
            points = fractions_of(numbers) if numbers.dtype.kind == "f" else numbers.astype(object)
            exact: Fractions = part.scale[channels] * points + part.offset[channels]
            return exact if exactly else floats_of(exact)
        case Constant():
            constant = part.exact if exactly else part.values
            return constant[channels] if constant.size > 1 else np.broadcast_to(constant.reshape(-1), channels.shape)
        case Apply():
            result = np.asarray(OPERATORS[part.operator](*(values[operand] for operand in part.operands)))
            return fractions_of(result) if exactly and result.dtype.kind == "f" else result


def _each(function: Callable[[Any], Any]) -> Callable[[Array], Array]:
    """A rounding function for both arithmetics: NumPy has none for Fractions."""
    for_fractions = np.frompyfunc(lambda value: Fraction(function(value)), 1, 1)
    for_floats: dict[Any, Any] = {math.floor: np.floor, math.ceil: np.ceil, round: np.rint, math.trunc: np.trunc}
    return lambda x: for_fractions(x) if x.dtype == object else for_floats[function](x)


def _sign(x: Array) -> Array:
    sign = (x > 0).astype(np.int8) - (x < 0).astype(np.int8)
    return _like(sign, x)


def _like(integers: Array, x: Array) -> Array:
    return fractions_of(integers) if x.dtype == object else integers.astype(np.float32)


def _to_float(x: Array) -> Array:
    return x if x.dtype == object else x.astype(np.float32)


# ONNX's elementwise operators, on float32 as onnxruntime computes them and on Fractions alike. Each float32 operation
# rounds once (IEEE 754), so the float32 chain is monotone wherever the exact one is.
OPERATORS: dict[str, Callable[..., Any]] = {
    "Add": lambda x, y: x + y,
    "Sub": lambda x, y: x - y,
    "Mul": lambda x, y: x * y,
    "MulAdd": multiply_add,  # x * y + z, which some kernels round once
    "Div": lambda x, y: x / y,
    "Neg": lambda x: -x,
    "Abs": lambda x: abs(x),
    "Relu": lambda x: np.maximum(x, _like(np.zeros(x.shape, np.int8), x)),
    "Max": lambda x, y: np.maximum(x, y),
    "Min": lambda x, y: np.minimum(x, y),
    "Sign": _sign,
    "Floor": _each(math.floor),
    "Ceil": _each(math.ceil),
    "Round": _each(round),  # half to even, in Python as in ONNX
    "Truncate": _each(math.trunc),
    "ToFloat": _to_float,
    "ToBool": lambda x: x != 0,
    "Not": np.logical_not,
    "And": np.logical_and,
    "Or": np.logical_or,
    "Greater": lambda x, y: np.asarray(x > y, dtype=np.bool_),
    "GreaterOrEqual": lambda x, y: np.asarray(x >= y, dtype=np.bool_),
    "Less": lambda x, y: np.asarray(x < y, dtype=np.bool_),
    "LessOrEqual": lambda x, y: np.asarray(x <= y, dtype=np.bool_),
    "Equal": lambda x, y: np.asarray(x == y, dtype=np.bool_),
    "Where": lambda condition, x, y: np.where(condition, x, y),
    # Leaky on one side: what is below zero is multiplied.
    "PRelu": lambda x, slope: np.where(x < 0, x * slope, x),
    # How many of the constants behind x it has reached (FINN's MultiThreshold).
    "CountReached": lambda x, *steps: _like(sum((x >= step).astype(np.int16) for step in steps), x),
    # y = x + (f(x) - x), the straight-through estimator as PyTorch programs spell it, stands for f(x); what float32
    # loses on the way is counted as an error of the next layer's inputs.
    "StraightThrough": lambda stepped, through: stepped,
    **{name: partial(evaluated, name) for name in CURVES},
}
