"""Exact integer thresholds: a model's chain of operators from an accumulator through its sign, as a step function.

The chain is evaluated as it stands, in the arithmetic that decides (`Leaf.exact`), at integers that the accumulator
can hold. Where its operators show it to be monotone, bisection finds every step: float32 operations round once and
rounding keeps order, so two equal values have only that value between them. Elsewhere the whole range is evaluated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.analysis import STEPS, UNKNOWN, directions
from edgebnn.frontend.expressions import Apply, Effort, Expression, Fractions, Leaf, evaluate, fractions_of, parts
from edgebnn.frontend.filtered import evaluate_filtered
from edgebnn.frontend.graph import Array
from edgebnn.frontend.lattice import Integers, Lattice
from edgebnn.frontend.levels import Levels, levels_of
from edgebnn.frontend.problems import Refusal
from edgebnn.network.types import Quantizer

# Points that are evaluated where bisection does not apply: in float32, and in rational arithmetic, which is slower.
MAX_POINTS = 2**24
MAX_EXACT_POINTS = 2**17
MAX_LEVELS = 256
# Points that are evaluated at once: every operator's values are held meanwhile.
_BLOCK = 2**18
# What a quantiser makes of a number right between two levels, or at a threshold.
_TIES = {
    "Round": "half to even",
    "CountReached": "upper level",
    "Floor": "lower level",
    "Ceil": "upper level",
    "Truncate": "towards zero",
}
# Real inputs up to here are looked at; what a model's constants make of them stays within float32.
_LARGEST_REAL = 2.0**64


@dataclass(frozen=True, eq=False)
class StepFunction:
    """What a `Threshold` node needs, and the levels that its output takes."""

    thresholds: npt.NDArray[np.int32]
    direction: npt.NDArray[np.int8]
    levels: Levels
    ties: str
    ambiguous: int


@dataclass(frozen=True, eq=False)
class _Jumps:
    """Where the function changes: in `channel`, from `before` at the lattice point left of `at` to `after` at `at`."""

    channel: Integers
    at: Integers
    before: Array
    after: Array


class _Chain(Protocol):
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


@dataclass(frozen=True, eq=False)
class _Sums:
    """The operators of an expression of integers, in the arithmetic that decides, and what is left to evaluate them."""

    expression: Expression
    exactly: bool
    effort: Effort

    def at(self, channels: Integers, numbers: npt.NDArray[Any]) -> Array:
        """Refusal where a value is not a number."""
        if self.exactly:
            return evaluate_filtered(self.expression, channels, numbers, self.effort)
        return finite(evaluate(self.expression, channels, numbers, False, effort=self.effort))

    def exact(self, channels: Integers, numbers: npt.NDArray[Any]) -> Fractions:
        if self.exactly:
            return as_fractions(evaluate(self.expression, channels, numbers, True, effort=self.effort))
        return _behind_float32_steps(self.expression, channels, numbers, {}, self.effort)


@dataclass(frozen=True, eq=False)
class _Reals:
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


def find_real_steps(expression: Expression, leaf: Leaf, channels: int, effort: Effort) -> tuple[Quantizer, Levels, str]:
    """The steps that a model takes of its real input, their levels and ties; Refusal where it takes no few of them."""
    if np.any(directions(expression, channels, -1, 1) == UNKNOWN):
        raise Refusal("cannot be shown to be a monotone function of the input", "use a plain sign or quantiser")
    most = int(np.float32(_LARGEST_REAL).view(np.int32))
    lattice = Lattice(*(np.full(channels, n, np.int64) for n in (-most, 1, 2 * most + 1, -most, most)))
    jumps, first, values = _all_jumps(_Reals(expression, leaf, effort), lattice)
    levels = levels_of(np.array([values[label] for label in sorted(values)], dtype=object), MAX_LEVELS)
    at, direction = _thresholds(jumps, first, levels, values, lattice, -most, most)
    real = float32_at(at.astype(np.int64))
    real = np.where(at >= most, np.float32(np.inf), np.where(at <= -most, np.float32(-np.inf), real))
    quantizer = Quantizer(real.astype(np.float32), direction, levels.low, levels.step)
    return quantizer, levels, _ties(expression, False)


def finite(values: Array) -> Array:
    """Values as floats; Refusal where one is infinite or not a number."""
    values = values.astype(np.float32)
    if not np.isfinite(values).all():
        raise _no_number()
    return values


def _no_number() -> Refusal:
    return Refusal("gives infinity or NaN for some inputs", "check its constants and export the model again")


def find_steps(
    expression: Expression, leaf: Leaf, lattice: Lattice, low: int, high: int, effort: Effort | None = None
) -> StepFunction:
    """The step function on a tensor of the range low..high; Refusal where it is none, or not monotone.

    `effort` is what is left for the whole model, without it that of one model.
    """
    chain = _Sums(expression, not leaf.exact, effort or Effort())
    jumps, first, values = _all_jumps(chain, lattice)
    levels = levels_of(np.array([values[label] for label in sorted(values)], dtype=object), MAX_LEVELS)
    thresholds, direction = _thresholds(jumps, first, levels, values, lattice, low, high)
    return StepFunction(
        thresholds,
        direction,
        levels,
        _ties(expression, chain.exactly),
        int(_ambiguous(chain, leaf, lattice, jumps, float(levels.scale)).sum()),
    )


def _all_jumps(chain: _Chain, lattice: Lattice) -> tuple[_Jumps, Array, dict[float, Fraction]]:
    """The jumps, the values at the lattice's start (C,), and what each value that occurs is exactly."""
    every = np.arange(lattice.channels)
    first = chain.at(every, lattice.start)
    jumps = _jumps(chain, lattice, first)
    labels, where = np.unique(np.concatenate([first, jumps.after]), return_index=True)
    channel = np.concatenate([every, jumps.channel])[where]
    at = np.concatenate([lattice.start, jumps.at])[where]
    values = dict(zip(labels.tolist(), chain.exact(channel, at).tolist(), strict=True))
    jumps, first = _without_unreachable_zero(jumps, first, lattice)
    occurring = np.unique(np.concatenate([first, jumps.after])).tolist()
    return jumps, first, {label: values[label] for label in occurring}


def observed_directions(expression: Expression, leaf: Leaf, lattice: Lattice, effort: Effort) -> npt.NDArray[np.int8]:
    """`directions`, with those channels evaluated over their whole range whose operators do not show one.

    Refusal where a channel both rises and falls, or is too wide to be evaluated.
    """
    direction = directions(expression, lattice.channels, *lattice.ends)
    others = np.flatnonzero(direction == UNKNOWN)
    if others.size:
        jumps = _scanned(_Sums(expression, not leaf.exact, effort), lattice, others)
        rises = np.asarray(jumps.after > jumps.before, dtype=np.bool_)
        rising = np.bincount(jumps.channel[rises], minlength=lattice.channels) > 0
        falling = np.bincount(jumps.channel[~rises], minlength=lattice.channels) > 0
        _check_monotone(rising, falling)
        direction[others] = (rising.astype(np.int8) - falling.astype(np.int8))[others]
    return direction


def _check_monotone(rising: npt.NDArray[np.bool_], falling: npt.NDArray[np.bool_]) -> None:
    if np.any(rising & falling):
        channel = int(np.flatnonzero(rising & falling)[0])
        raise Refusal(
            f"rises and falls with the sum before it (channel {channel}), so no threshold can stand for it",
            "use a monotone activation such as a plain sign",
        )


def _jumps(chain: _Chain, lattice: Lattice, first: Array) -> _Jumps:
    direction = directions(chain.expression, lattice.channels, *lattice.ends)
    monotone = np.flatnonzero(direction != UNKNOWN)
    others = np.flatnonzero(direction == UNKNOWN)
    found = [_bisected(chain, lattice, monotone, first[monotone])]
    if others.size:
        found.append(_scanned(chain, lattice, others))
    channel, at, before, after = (np.concatenate([getattr(jump, name) for jump in found]) for name in vars(found[0]))
    order = np.lexsort((at, channel))
    return _Jumps(channel[order], at[order], before[order], after[order])


def _bisected(chain: _Chain, lattice: Lattice, channels: Integers, first: Array) -> _Jumps:
    """The jumps of monotone channels: intervals with different ends are halved until they are one step wide."""
    start, stride = lattice.start, lattice.stride
    low, high = np.zeros(len(channels), np.int64), lattice.count[channels] - 1
    before, after = first, chain.at(channels, start[channels] + stride[channels] * high)
    done: list[_Jumps] = []
    found = np.zeros(lattice.channels, np.int64)
    while True:
        differs = np.asarray(before != after, dtype=np.bool_)
        channels, low, high, before, after = (part[differs] for part in (channels, low, high, before, after))
        single = high - low == 1
        at = start[channels] + stride[channels] * high
        done.append(_Jumps(channels[single], at[single], before[single], after[single]))
        wide = ~single
        channels, low, high, before, after = (part[wide] for part in (channels, low, high, before, after))
        if not channels.size:
            break
        # Every interval that is left holds a jump at least.
        found += np.bincount(done[-1].channel, minlength=lattice.channels)
        if np.max(found + np.bincount(channels, minlength=lattice.channels)) > MAX_LEVELS:
            raise _too_many_levels()
        middle = (low + high) // 2
        between = chain.at(channels, start[channels] + stride[channels] * middle)
        channels = np.concatenate([channels, channels])
        low, high = np.concatenate([low, middle]), np.concatenate([middle, high])
        before, after = np.concatenate([before, between]), np.concatenate([between, after])
    return _Jumps(*(np.concatenate([getattr(part, name) for part in done]) for name in vars(done[0])))


def _scanned(chain: _Chain, lattice: Lattice, channels: Integers) -> _Jumps:
    """The jumps of channels whose operators do not show a direction: every point is evaluated."""
    points = int(lattice.count[channels].sum())
    if points > (MAX_EXACT_POINTS if chain.exactly else MAX_POINTS):
        raise Refusal("cannot be shown to be a monotone function of the sum before it", "use a plain sign")
    done = []
    for channel in channels:
        numbers = lattice.start[channel] + lattice.stride[channel] * np.arange(lattice.count[channel])
        blocks = np.array_split(numbers, len(numbers) // _BLOCK + 1)
        values = np.concatenate([chain.at(np.full(len(block), channel), block) for block in blocks])
        changes = np.flatnonzero(np.asarray(values[1:] != values[:-1], dtype=np.bool_))
        if len(changes) > 2 * MAX_LEVELS:
            raise _too_many_levels()
        done.append(_Jumps(np.full(len(changes), channel), numbers[changes + 1], values[changes], values[changes + 1]))
    return _Jumps(*(np.concatenate([getattr(part, name) for part in done]) for name in vars(done[0])))


def _too_many_levels() -> Refusal:
    return Refusal(f"takes more than {MAX_LEVELS} different values", "end the activation in a sign")


def _without_unreachable_zero(jumps: _Jumps, first: Array, lattice: Lattice) -> tuple[_Jumps, Array]:
    """The jumps without the zeros of a sign, where in no channel the accumulator can take a value that gives zero.

    The lattice is wider than what the weights as they are can reach; a zero that only broken weights would reach must
    not make trits of bits. Such a zero is joined to the level above it.
    """
    levels = np.unique(np.concatenate([first, jumps.after]))
    if len(levels) != 3 or levels[1] != 0 or levels[0] != -levels[2]:
        return jumps, first
    top = levels[2]
    last = lattice.start + lattice.stride * (lattice.count - 1)
    following = np.append(jumps.channel[1:] == jumps.channel[:-1], False)
    end = last[jumps.channel].copy()
    end[following] = (jumps.at - lattice.stride[jumps.channel])[1:][following[:-1]]
    zero = np.asarray(jumps.after == 0, dtype=np.bool_)
    reached = zero & (jumps.at <= lattice.high[jumps.channel]) & (end >= lattice.low[jumps.channel])
    initial = np.asarray(first == 0, dtype=np.bool_)
    first_end = last.copy()
    jumping, leftmost = np.unique(jumps.channel, return_index=True)
    first_end[jumping] = jumps.at[leftmost] - lattice.stride[jumping]
    reached_first = initial & (first_end >= lattice.low)
    if reached.any() or reached_first.any():
        return jumps, first
    before = np.where(np.asarray(jumps.before == 0, dtype=np.bool_), top, jumps.before)
    after = np.where(zero, top, jumps.after)
    kept = np.asarray(before != after, dtype=np.bool_)
    joined = _Jumps(jumps.channel[kept], jumps.at[kept], before[kept], after[kept])
    return joined, np.where(initial, top, first)


def _thresholds(
    jumps: _Jumps,
    first: Array,
    levels: Levels,
    values: dict[float, Fraction],
    lattice: Lattice,
    low: int,
    high: int,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int8]]:
    """(C, K) thresholds and (C,) directions: a jump over several levels is as many equal thresholds."""
    steps = max(levels.count - 1, 1)
    labels = np.array(sorted(values))
    places = np.array([levels.place(values[label]) for label in labels.tolist()], np.int64)
    before, after, start = (places[np.searchsorted(labels, each)] for each in (jumps.before, jumps.after, first))
    change = after - before
    rising = np.bincount(jumps.channel[change > 0], minlength=lattice.channels) > 0
    falling = np.bincount(jumps.channel[change < 0], minlength=lattice.channels) > 0
    _check_monotone(rising, falling)
    direction = np.where(falling, -1, 1).astype(np.int8)
    # One threshold for each level of each jump, in the order of channels and places.
    copies = np.repeat(np.arange(len(change)), np.abs(change))
    channel, at = jumps.channel[copies], jumps.at[copies]
    total = np.bincount(channel, minlength=lattice.channels)
    rank = np.arange(len(channel)) - (np.cumsum(total) - total)[channel]
    up = direction > 0
    # Levels that the channel has at the end where it is lowest are passed by every value, those behind it by none.
    passed = np.where(up, start, start - total)
    thresholds = np.repeat(np.where(up, high + 1, low - 1)[:, np.newaxis], steps, axis=1)
    always = np.arange(steps) < passed[:, np.newaxis]
    thresholds = np.where(always, np.where(up, low, high)[:, np.newaxis], thresholds)
    rising_row = up[channel]
    place = passed[channel] + np.where(rising_row, rank, total[channel] - 1 - rank)
    thresholds[channel, place] = np.where(rising_row, at, at - lattice.stride[channel])
    return thresholds.astype(np.int32), direction


def _ambiguous(chain: _Sums, leaf: Leaf, lattice: Lattice, jumps: _Jumps, level: float) -> npt.NDArray[np.bool_]:
    """Channels (C,) whose answer at some reachable accumulator would be another one within the model's own rounding.

    Moved by the error bound of its float32 sum, or evaluated in float32 after that sum, a reachable accumulator beside
    a step must stay on its side. Values half a `level` apart are different ones.
    """
    ambiguous = np.zeros(lattice.channels, np.bool_)
    if not np.any(leaf.error > 0):
        return ambiguous
    every = np.arange(lattice.channels)
    channel = np.concatenate([jumps.channel, jumps.channel, every, every])
    points = np.concatenate([jumps.at, jumps.at - lattice.stride[jumps.channel], lattice.low, lattice.high])
    reachable = (points >= lattice.low[channel]) & (points <= lattice.high[channel])
    channel, points = channel[reachable], points[reachable]
    exact = replace(chain, exactly=True)
    nominal = exact.at(channel, points)
    bound = leaf.error[channel]
    scale, offset = leaf.rounded
    with np.errstate(all="ignore"):
        sums: dict[Expression, Array] = {leaf: (scale[channel] * points + offset[channel]).astype(np.float32)}
        rounded = evaluate(chain.expression, channel, points, False, sums, chain.effort).astype(np.float64)
    for other in (exact.at(channel, points - bound), exact.at(channel, points + bound), rounded):
        ambiguous[channel[~(np.abs(other - nominal) < level / 2)]] = True
    return ambiguous


def _ties(expression: Expression, exactly: bool) -> str:
    """What the model makes of an exact tie at its first step: of the zero before a sign "-1", "0" or "+1"."""
    steps = [part for part in parts(expression) if isinstance(part, Apply) and part.operator in STEPS]
    if not steps:
        return ""
    if steps[0].operator in _TIES:
        return _TIES[steps[0].operator]
    tie: Any = {"Sign": Fraction(0), "GreaterOrEqual": True, "LessOrEqual": True, "Greater": False, "Less": False}.get(
        steps[0].operator
    )
    if tie is None or any(isinstance(part, Leaf) for part in _beside(expression, steps[0])):
        return ""
    exact = np.empty(1, dtype=object)
    exact[0] = tie
    value = exact.astype(np.bool_) if isinstance(tie, bool) else exact if exactly else exact.astype(np.float32)
    channel = np.zeros(1, np.int64)
    result = float(evaluate(expression, channel, channel, exactly, {steps[0]: value})[0])
    return f"{result:+g}" if result else "0"


def _beside(expression: Expression, step: Apply) -> list[Expression]:
    """Every part of the expression that is reached without passing through `step`."""
    seen: list[Expression] = []
    stack = [expression]
    while stack:
        part = stack.pop()
        if part is step or part in seen:
            continue
        seen.append(part)
        if isinstance(part, Apply) and part.operator != "StraightThrough":
            stack.extend(part.operands)
        elif isinstance(part, Apply):
            stack.append(part.operands[0])
    return seen
