"""Exact integer thresholds: a model's chain of operators from an accumulator through its sign, as a step function.

The function is evaluated as it stands, in the arithmetic that decides (`Leaf.exact`), at integers that the accumulator
can hold; `jumps` finds where it changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.algebra.channel_function import Reals, float32_at, sums_of
from edgebnn.frontend.algebra.directions import UNKNOWN
from edgebnn.frontend.algebra.evaluation import evaluate
from edgebnn.frontend.algebra.exact_numbers import Effort
from edgebnn.frontend.algebra.expression import Apply, Expression, Leaf, parts
from edgebnn.frontend.algebra.integer_sets import IntegerGrid, Integers, plain_grid
from edgebnn.frontend.algebra.monotonicity import beside, directions
from edgebnn.frontend.algebra.operators import OPERATORS, STEPS
from edgebnn.frontend.onnx.graph import Array
from edgebnn.frontend.problems import Refusal
from edgebnn.frontend.thresholds.ambiguous_channels import Doubt, Near, ambiguous_channels
from edgebnn.frontend.thresholds.quantisation_levels import Levels, levels_of
from edgebnn.frontend.thresholds.step_search import MAX_LEVELS, Jumps, all_jumps
from edgebnn.network.types import Quantizer

# Real inputs up to here are looked at; what a model's constants make of them stays within float32.
_LARGEST_REAL = 2.0**64


@dataclass(frozen=True, eq=False)
class ChannelSteps:
    """What a `Threshold` node needs: (C, K) thresholds and (C,) directions."""

    thresholds: npt.NDArray[np.int32]
    direction: npt.NDArray[np.int8]

    @property
    def count(self) -> int:
        """K."""
        return int(self.thresholds.shape[1])


@dataclass(frozen=True, eq=False)
class StepFunction:
    """The steps of a function of integers, and the levels that it takes.

    Where every channel rises alone or falls alone, `rises` has all steps. Else it has those upwards, and `falls` the
    others: the level is the sum of both counts, less the number of steps down. `nearest` says that the model's own
    value of a level always is the float32 nearest to it.
    """

    rises: ChannelSteps
    levels: Levels
    ties: str
    doubt: Doubt
    nearest: bool
    falls: ChannelSteps | None = None


def find_steps(
    expression: Expression,
    leaf: Leaf,
    grid: IntegerGrid,
    low: int,
    high: int,
    effort: Effort | None = None,
    near: Near | None = None,
) -> StepFunction:
    """The step function on a tensor of the range low..high; Refusal where it is none.

    `effort` is what is left for the whole model, without it that of one model. `near` gives
    what a channel reaches in given ranges, where it knows more of that than the grid.
    """
    function = sums_of(expression, leaf, effort or Effort())
    jumps, first, values = all_jumps(function, grid)
    levels = levels_of(np.array([values[label] for label in sorted(values)], dtype=object), MAX_LEVELS)
    changes, start = _changes(jumps, first, levels, values)
    ties = _ties(expression, function.exactly)
    doubt = ambiguous_channels(function, leaf, grid, jumps, float(levels.scale), near)
    nearest = _is_nearest(expression, jumps, first, levels)
    if not np.any(changes.turning(grid.channels)):
        rises = _steps(changes, start, max(levels.count - 1, 1), grid, low, high)
        return StepFunction(rises, levels, ties, doubt, nearest)
    up, down = changes.of_sign(1), changes.of_sign(-1)
    most = int((start + up.totals(grid.channels)).max())
    rises = _steps(up, start, most, grid, low, high)
    least = int(down.totals(grid.channels).max())
    falls = _steps(down, np.full_like(start, least), least, grid, low, high)
    return StepFunction(rises, levels, ties, doubt, nearest, falls)


def find_real_steps(expression: Expression, leaf: Leaf, channels: int, effort: Effort) -> tuple[Quantizer, Levels]:
    """The steps that a model takes of its real input, and their levels; Refusal where it takes no few of them."""
    if np.any(directions(expression, channels, -1, 1) == UNKNOWN):
        raise Refusal("cannot be shown to be a monotone function of the input", "use a plain sign or quantiser")
    most = int(np.float32(_LARGEST_REAL).view(np.int32))
    grid = plain_grid(*(np.full(channels, n, np.int64) for n in (-most, 1, 2 * most + 1, -most, most)))
    jumps, first, values = all_jumps(Reals(expression, leaf, effort), grid)
    levels = levels_of(np.array([values[label] for label in sorted(values)], dtype=object), MAX_LEVELS)
    changes, start = _changes(jumps, first, levels, values)
    steps = _steps(changes, start, max(levels.count - 1, 1), grid, -most, most)
    at = steps.thresholds
    real = float32_at(at.astype(np.int64))
    real = np.where(at >= most, np.float32(np.inf), np.where(at <= -most, np.float32(-np.inf), real))
    quantizer = Quantizer(real.astype(np.float32), steps.direction, levels.low, levels.step)
    return quantizer, levels


@dataclass(frozen=True, eq=False)
class _Changes:
    """By how many levels (J,) a function changes in `channel` at `at`, in the order of channels and places."""

    channel: Integers
    at: Integers
    by: Integers

    def of_sign(self, sign: int) -> _Changes:
        """Those upwards (1) or downwards (-1)."""
        kept = self.by * sign > 0
        return _Changes(self.channel[kept], self.at[kept], self.by[kept])

    def totals(self, channels: int) -> Integers:
        """How many levels each channel (C,) is moved by, whatever the sign."""
        return np.bincount(self.channel, np.abs(self.by), minlength=channels).astype(np.int64)

    def turning(self, channels: int) -> npt.NDArray[np.bool_]:
        """Channels (C,) that both rise and fall."""
        rising, falling = (self.of_sign(sign).totals(channels) > 0 for sign in (1, -1))
        return np.asarray(rising & falling, dtype=np.bool_)


def _changes(jumps: Jumps, first: Array, levels: Levels, values: dict[float, Fraction]) -> tuple[_Changes, Integers]:
    """The jumps in levels, and the level (C,) at the grid's start."""
    labels = np.array(sorted(values))
    places = np.array([levels.place(values[label]) for label in labels.tolist()], np.int64)
    before, after, start = (places[np.searchsorted(labels, each)] for each in (jumps.before, jumps.after, first))
    return _Changes(jumps.channel, jumps.at, after - before), start


def _steps(changes: _Changes, start: Integers, steps: int, grid: IntegerGrid, low: int, high: int) -> ChannelSteps:
    """So many thresholds a channel, of changes of one sign in each: a jump over several levels is as many equal ones.

    `start` (C,) is the level at the grid's start.
    """
    falling = changes.of_sign(-1).totals(grid.channels) > 0
    direction = np.where(falling, -1, 1).astype(np.int8)
    # One threshold for each level of each jump, in the order of channels and places.
    copies = np.repeat(np.arange(len(changes.by)), np.abs(changes.by))
    channel, at = changes.channel[copies], changes.at[copies]
    total = np.bincount(channel, minlength=grid.channels)
    rank = np.arange(len(channel)) - (np.cumsum(total) - total)[channel]
    up = direction > 0
    # Levels that the channel has at the end where it is lowest are passed by every value, those behind it by none.
    passed = np.where(up, start, start - total)
    thresholds = np.repeat(np.where(up, high + 1, low - 1)[:, np.newaxis], steps, axis=1)
    always = np.arange(steps) < passed[:, np.newaxis]
    thresholds = np.where(always, np.where(up, low, high)[:, np.newaxis], thresholds)
    rising_row = up[channel]
    place = passed[channel] + np.where(rising_row, rank, total[channel] - 1 - rank)
    thresholds[channel, place] = np.where(rising_row, at, at - grid.stride[channel])
    return ChannelSteps(thresholds.astype(np.int32), direction)


def _is_nearest(expression: Expression, jumps: Jumps, first: Array, levels: Levels) -> bool:
    """Whether float32 makes the number nearest to a level of each, of the steps alone and by no other way."""
    if any(
        isinstance(part, Leaf) or (isinstance(part, Apply) and part.operator == "StraightThrough")
        for part in _behind_steps(expression)
    ):
        return False
    # Behind steps float32 decides, so that what the function has there is what the model makes of them.
    made = np.concatenate([first, jumps.after]).astype(np.float32)
    exactly = np.array([float(levels.scale * (levels.low + levels.step * n)) for n in range(levels.count)])
    return bool(np.isin(made, exactly.astype(np.float32)).all())


def _behind_steps(expression: Expression) -> set[Expression]:
    """The parts of an expression that are reached without passing through a step, and those steps."""
    stack, seen = [expression], set[Expression]()
    while stack:
        part = stack.pop()
        if isinstance(part, Apply) and part.operator not in STEPS and part not in seen:
            stack.extend(part.operands)
        seen.add(part)
    return seen


def _ties(expression: Expression, exactly: bool) -> str:
    """What the model makes of an exact tie at its first step: of the zero before a sign "-1", "0" or "+1"."""
    steps = [part for part in parts(expression) if isinstance(part, Apply) and part.operator in STEPS]
    if not steps:
        return ""
    tie = OPERATORS[steps[0].operator].tie
    if isinstance(tie, str):
        return tie
    if tie is None or any(isinstance(part, Leaf) for part in beside(expression, steps[0])):
        return ""
    exact = np.empty(1, dtype=object)
    exact[0] = tie
    value = exact.astype(np.bool_) if isinstance(tie, bool) else exact if exactly else exact.astype(np.float32)
    channel = np.zeros(1, np.int64)
    result = float(evaluate(expression, channel, channel, exactly, {steps[0]: value})[0])
    return f"{result:+g}" if result else "0"
