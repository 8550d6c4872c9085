"""Activations as lines of integers that exist: slope[c] * n + shift[c], nothing rounded.

So they can be pooled, added and scaled as the integers that they are.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.activations.activation import Activation
from edgebnn.frontend.algebra.expression import Apply, Constant, Expression, Leaf, parts
from edgebnn.frontend.algebra.float32 import UNIT, float32_holds
from edgebnn.frontend.algebra.integer_sets import grid_of_range
from edgebnn.frontend.algebra.interval_arithmetic import float32_errors
from edgebnn.frontend.algebra.linearity import affine_of, piecewise_linear_of
from edgebnn.frontend.algebra.monotonicity import has_steps
from edgebnn.frontend.layers.layer_sums import LayerInput, Line
from edgebnn.frontend.layers.network_builder import Emitter
from edgebnn.frontend.problems import Refusal

_LINEAR = frozenset(("Add", "Sub", "Mul", "MulAdd", "Div", "Neg"))


def line_of(emitter: Emitter, activation: Activation) -> Line | None:
    """The activation as a line, for each channel its own, of the integers behind it; None where it bends.

    Steps in it become a tensor, and what a model computes behind them is the line.
    """
    if activation.padding is not None:
        raise Refusal("works on a padded map", "pad right before the convolution or the pool")
    activation = as_lines(emitter, activation)
    base = activation.base
    line = affine_of(activation.expression, base.low, base.high, base.channels)
    if line is None:
        return None
    error = float32_errors(activation.expression, base.low, base.high, base.channels)
    exact = activation.leaf.exact and not error.any()
    channels = _channels(activation)
    slope, shift = (part[channels] for part in line)
    settled = emitter.settled(activation)
    nearest = exact or (activation.leaf.nearest and activation.expression is activation.leaf)
    return Line(settled.base, slope, shift, exact, error[channels], settled.base, settled.expression, nearest)


def takes_steps(activation: Activation) -> bool:
    """Whether the activation is a few levels: comparisons that only choose between lines make knees instead."""
    if not has_steps(activation.expression):
        return False
    base = activation.base
    piecewise = piecewise_linear_of(activation.expression, base.low, base.high, base.channels)
    return piecewise is None or all(segment.slope == 0 for segments in piecewise for segment in segments)


def without_steps(emitter: Emitter, activation: Activation) -> Activation:
    """The activation as a function without steps, of the levels of its steps where it takes any."""
    if not takes_steps(activation):
        return activation
    steps, source = _levels(emitter, replace(activation, model_view=None))
    tensor, largest = source.tensor, max(abs(source.tensor.low), abs(source.tensor.high))
    held = all(float32_holds(abs(slope), largest) for slope in set(source.slope.tolist()))
    error = source.error + (0.0 if held else 2 * UNIT * source.largest)
    leaf = Leaf(source.slope, source.offset, source.exact and held, error, nearest=source.nearest)
    expression = _on_levels(activation.expression, steps, _channels(activation), leaf)
    grid = grid_of_range(tensor)
    return replace(activation, base=tensor, grid=grid, leaf=leaf, expression=expression, waiting=())


def as_lines(emitter: Emitter, activation: Activation) -> Activation:
    """`without_steps`, of a smooth activation rounded to 8 bits where there are calibration data for it."""
    base, calibration = activation.base, emitter.calibration
    smooth = not has_steps(activation.expression)
    if (
        calibration is not None
        and smooth
        and piecewise_linear_of(activation.expression, base.low, base.high, base.channels) is None
    ):
        activation = emitter.rounded_by(calibration, activation)
    return without_steps(emitter, activation)


def _channels(activation: Activation) -> npt.NDArray[np.int64]:
    """Which channel of its base each channel of an activation is."""
    return np.repeat(np.arange(activation.base.channels), activation.channels_each)


def _levels(emitter: Emitter, activation: Activation) -> tuple[Expression, LayerInput]:
    """Steps of an activation as a tensor: all of it where its values are multiples of one number, as layers want, else
    what is left without the linear operators behind its steps."""
    try:
        return activation.expression, emitter.source(activation)
    except Refusal:
        steps = _behind_lines(activation.expression)
        if steps is activation.expression:
            raise
    return steps, emitter.source(replace(activation, expression=steps, value=f"{activation.value}.steps"))


def _behind_lines(expression: Expression) -> Expression:
    """What is left of an expression that takes steps when the linear operators behind them are taken off."""
    while isinstance(expression, Apply) and expression.operator in _LINEAR:
        varying = [operand for operand in expression.operands if not isinstance(operand, Constant)]
        if len(varying) != 1 or (expression.operator == "Div" and varying[0] is not expression.operands[0]):
            break
        expression = varying[0]
    return expression


def _on_levels(expression: Expression, steps: Expression, channels: npt.NDArray[np.int64], leaf: Leaf) -> Expression:
    """What the model computes behind the steps in an expression, on their levels; channels are those of the levels."""
    made: dict[Expression, Expression] = {steps: leaf}
    for part in parts(expression):
        if part in made:
            continue
        if isinstance(part, Constant):
            made[part] = part.of_channels(channels)
        elif isinstance(part, Apply) and all(operand in made for operand in part.operands):
            made[part] = Apply(part.operator, tuple(made[operand] for operand in part.operands), part.node)
    return made[expression]
