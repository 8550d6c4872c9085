"""Exact integer thresholds: a model's chain of operators from an accumulator through its sign, as a step function.

The chain is evaluated as it stands, in the arithmetic that decides (`Leaf.exact`), at integers that the accumulator
can hold. Where its operators show it to be monotone, bisection finds every step: float32 operations round once and
rounding keeps order, so two equal values have only that value between them. Elsewhere the whole range is evaluated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.analysis import STEPS, UNKNOWN, directions
from edgebnn.frontend.expressions import Apply, Effort, Expression, Fractions, Leaf, evaluate, fractions_of, parts
from edgebnn.frontend.graph import Array
from edgebnn.frontend.lattice import Integers, Lattice
from edgebnn.frontend.levels import Levels, levels_of
from edgebnn.frontend.problems import Refusal

# Points that are evaluated where bisection does not apply: in float32, and in rational arithmetic, which is slower.
MAX_POINTS = 2**24
MAX_EXACT_POINTS = 2**17
MAX_LEVELS = 256
# Points that are evaluated at once: every operator's values are held meanwhile.
_BLOCK = 2**18


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


@dataclass(frozen=True, eq=False)
class _Chain:
    """The operators of an expression, in the arithmetic that decides, and what is left to evaluate them."""

    expression: Expression
    exactly: bool
    effort: Effort

    def at(self, channels: Integers, numbers: npt.NDArray[Any]) -> Array:
        """Values of the expression; Refusal where one is not a number."""
        values = evaluate(self.expression, channels, numbers, self.exactly, effort=self.effort)
        if values.dtype == np.bool_:
            values = values.astype(np.float32)
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise Refusal("gives infinity or NaN for some inputs", "check its constants and export the model again")
        return values


def find_steps(
    expression: Expression, leaf: Leaf, lattice: Lattice, low: int, high: int, effort: Effort | None = None
) -> StepFunction:
    """The step function on a tensor of the range low..high; Refusal where it is none, or not monotone.

    `effort` is what is left for the whole model, without it that of one model.
    """
    chain = _Chain(expression, not leaf.exact, effort or Effort())
    first = chain.at(np.arange(lattice.channels), lattice.start)
    jumps = _jumps(chain, lattice, first)
    jumps, first = _without_unreachable_zero(jumps, first, lattice)
    levels = levels_of(_distinct(first, jumps.after), MAX_LEVELS)
    thresholds, direction = _thresholds(jumps, first, levels, lattice, low, high)
    return StepFunction(
        thresholds,
        direction,
        levels,
        _ties(expression, chain.exactly),
        int(_ambiguous(chain, leaf, lattice, jumps).sum()),
    )


def observed_directions(expression: Expression, leaf: Leaf, lattice: Lattice, effort: Effort) -> npt.NDArray[np.int8]:
    """`directions`, with those channels evaluated over their whole range whose operators do not show one.

    Refusal where a channel both rises and falls, or is too wide to be evaluated.
    """
    direction = directions(expression, lattice.channels)
    others = np.flatnonzero(direction == UNKNOWN)
    if others.size:
        jumps = _scanned(_Chain(expression, not leaf.exact, effort), lattice, others)
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
    direction = directions(chain.expression, lattice.channels)
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
        if np.bincount(channels).max() + sum(len(part.at) for part in done) // lattice.channels > MAX_LEVELS:
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


def _distinct(*values: Array) -> Fractions:
    """The distinct values of several arrays as sorted Fractions."""
    found = {Fraction(value) for array in values for value in set(array.tolist())}
    distinct = np.empty(len(found), dtype=object)
    distinct[:] = sorted(found)
    return distinct


def _without_unreachable_zero(jumps: _Jumps, first: Array, lattice: Lattice) -> tuple[_Jumps, Array]:
    """The jumps without the zeros of a sign, where in no channel the accumulator can take a value that gives zero.

    The lattice is wider than what the weights as they are can reach; a zero that only broken weights would reach must
    not make trits of bits. Such a zero is joined to the level above it.
    """
    levels = _distinct(first, jumps.after)
    if len(levels) != 3 or levels[1] != 0 or levels[0] != -levels[2]:
        return jumps, first
    top = jumps.after.dtype.type(levels[2]) if jumps.after.dtype != object else levels[2]
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
    jumps: _Jumps, first: Array, levels: Levels, lattice: Lattice, low: int, high: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int8]]:
    """(C, K) thresholds and (C,) directions: a jump over several levels is as many equal thresholds."""
    steps = max(levels.count - 1, 1)
    change = levels.index(jumps.after) - levels.index(jumps.before)
    start = levels.index(first)
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


def _ambiguous(chain: _Chain, leaf: Leaf, lattice: Lattice, jumps: _Jumps) -> npt.NDArray[np.bool_]:
    """Channels (C,) whose answer at some reachable accumulator would be another one within the model's own rounding.

    Moved by the error bound of its float32 sum, or evaluated in float32 after that sum, a reachable accumulator beside
    a step must stay on its side.
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
    bound = fractions_of(leaf.error)[channel]
    for moved in (points - bound, points + bound):
        differs = np.asarray(exact.at(channel, moved) != nominal, dtype=np.bool_)
        ambiguous[channel[differs]] = True
    rounded = replace(chain, exactly=False).at(channel, points)
    differs = np.asarray(fractions_of(rounded) != nominal, dtype=np.bool_)
    ambiguous[channel[differs]] = True
    return ambiguous


def _ties(expression: Expression, exactly: bool) -> str:
    """What the model makes of an exact tie at its first step, such as the zero before a sign: "-1", "0" or "+1"."""
    steps = [part for part in parts(expression) if isinstance(part, Apply) and part.operator in STEPS]
    if not steps:
        return ""
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
