"""The model's own arithmetic between two layers, as a function of one integer per channel.

Between an accumulator (or the network's input) and the next layer, a model computes element by element: bias, batch
norm, scale, clip, sign. Such a chain is kept as an `Expression` over a `Leaf`, the integers of one tensor. What its
operators mean stands in `operators.py`; `worked_out` carries it through an expression, in whatever arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Hashable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.algebra.exact_numbers import Fractions
from edgebnn.frontend.onnx.graph import Array

Channels = npt.NDArray[np.int64]
_Value = TypeVar("_Value")


class _Part:
    """A part of an expression, with what is known of it."""

    @cached_property
    def kept(self) -> dict[Hashable, Any]:
        """What was worked out of it (`Kept`)."""
        return {}


@dataclass(frozen=True, eq=False)
class Leaf(_Part):
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
            both = zip(exact.tolist(), near.tolist(), strict=True)
            held &= np.array([one.as_integer_ratio() == other.as_integer_ratio() for one, other in both], np.bool_)
        return held


@dataclass(frozen=True, eq=False)
class Constant(_Part):
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

    def of_channels(self, channels: Channels) -> Constant:
        """The same for a tensor whose channels are these of its own tensor."""
        return self if self.values.size == 1 else Constant(self.values.reshape(-1)[channels])

    def spread(self, values: Array, channels: Channels) -> Array:
        """`values`, which are those of this constant in some arithmetic, at points of these channels."""
        return values[channels] if values.size > 1 else np.broadcast_to(values.reshape(-1), channels.shape)


@dataclass(frozen=True, eq=False)
class Apply(_Part):
    """An elementwise operator on operands; `node` is the model's node that it comes from."""

    operator: str
    operands: tuple[Expression, ...]
    node: str


Expression = Leaf | Constant | Apply


class Kept(Generic[_Value]):
    """What was worked out of parts of expressions, kept with each part: longer expressions have shorter ones in them.

    `kind` says in what arithmetic, and over which integers.
    """

    def __init__(self, *kind: Hashable) -> None:
        self._kind = kind

    def __getitem__(self, part: Expression) -> _Value:
        value: _Value = part.kept[self._kind]
        return value

    def __setitem__(self, part: Expression, value: _Value) -> None:
        part.kept[self._kind] = value

    def __contains__(self, part: Expression) -> bool:
        return self._kind in part.kept


def worked_out(
    expression: Expression,
    of_leaf: Callable[[Leaf], _Value],
    of_constant: Callable[[Constant], _Value],
    of_operator: Callable[[Apply, list[_Value]], _Value],
    known: dict[Expression, _Value] | Kept[_Value] | None = None,
) -> _Value:
    """What an expression is in some arithmetic, worked out part by part, operands before operators that read them.

    `known` has some parts, which are not worked out, and takes the others in.
    """
    found: dict[Expression, _Value] | Kept[_Value] = {} if known is None else known
    for part in parts(expression, found):
        if part in found:
            continue
        match part:
            case Leaf():
                found[part] = of_leaf(part)
            case Constant():
                found[part] = of_constant(part)
            case Apply():
                found[part] = of_operator(part, [found[operand] for operand in part.operands])
    return found[expression]


def parts(expression: Expression, known: Container[Expression] | Kept[Any] = ()) -> list[Expression]:
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
    return rewritten(
        expression, lambda leaf: leaf.of_channels(channels), lambda constant: constant.of_channels(channels)
    )


def with_leaf(expression: Expression, leaf: Leaf) -> Expression:
    """The same operators on another leaf."""
    return rewritten(expression, lambda _: leaf)


def rewritten(
    expression: Expression,
    of_leaf: Callable[[Leaf], Expression] = lambda leaf: leaf,
    of_constant: Callable[[Constant], Expression] = lambda constant: constant,
    of_operator: Callable[[Apply], Expression] = lambda made: made,
    known: dict[Expression, Expression] | None = None,
) -> Expression:
    """The expression with other parts in it; operators are seen with the operands that they then have."""

    def applied(part: Apply, operands: list[Expression]) -> Expression:
        return of_operator(Apply(part.operator, tuple(operands), part.node))

    return worked_out(expression, of_leaf, of_constant, applied, known)


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
