"""Where branches of a model meet: residual sums, concatenations, and averages over a map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.activations.activation import (
    Activation,
    check_size,
    checked_extents,
    reshaped,
    seen_name,
    window_on,
)
from edgebnn.frontend.activations.axis_order import AxisOrder
from edgebnn.frontend.algebra.exact_numbers import Fractions
from edgebnn.frontend.algebra.expression import Apply, Constant, Leaf
from edgebnn.frontend.algebra.float32 import UNIT, float32_holds_line
from edgebnn.frontend.layers.layer_sums import Line
from edgebnn.frontend.layers.network_builder import Emitter
from edgebnn.frontend.layers.summation_error import sum_error
from edgebnn.frontend.lower.affine_activations import line_of
from edgebnn.frontend.lower.fixed_point import aligned, rounded
from edgebnn.frontend.lower.fixed_point_lines import LARGEST
from edgebnn.frontend.lower.mean_borders import Divided, divided, on_one_divisor
from edgebnn.frontend.lower.same_kind_tensors import joinable
from edgebnn.frontend.operations import Averaging
from edgebnn.frontend.problems import Refusal
from edgebnn.frontend.thresholds.reachable_values import Branch
from edgebnn.network.types import Add, Concat, Kind, SumPool, Tensor

Floats = npt.NDArray[np.float64]


def summed(
    emitter: Emitter, activations: Sequence[Activation], minus: bool, node: str, value: str, rounds: bool = True
) -> Activation:
    """The sum of two activations of different layers (`minus`: their difference).

    Without `rounds` the first is a product that the model's addition does not round by itself.
    """
    first, second = activations
    if minus:
        negated = Apply("Neg", (second.expression,), node)
        second = replace(second, expression=negated, value=f"{second.value}.negated")
    one, other = lines = aligned(emitter, (first, second))
    low, high = one.tensor.low + other.tensor.low, one.tensor.high + other.tensor.high
    if max(-low, high) > LARGEST:
        raise Refusal(f"adds up to {max(-low, high)}, which int32 does not hold", "use fewer residual sums")
    value = seen_name(value, activations[0].view)
    output = Tensor(emitter.network.tensor_name(value), Kind.SUMS, one.tensor.shape, low, high, float(one.slope[0]))
    add = Add(emitter.network.name(node), (one.tensor.name, other.tensor.name), output)
    branches = _branches(lines, rounds)
    total = emitter.network.step(add, (one.tensor, other.tensor), _leaf_of_sum(one, other, output), value, branches)
    return replace(total, model_view=activations[0].view)


def joined(emitter: Emitter, activations: Sequence[Activation], axis: int, node: str, value: str) -> Activation:
    """Activations one behind the other along an axis of the model, which must be the channel axis of the network."""
    first = activations[0]
    rank = len(first.shape)
    place = axis - 1 if axis > 0 else axis % (rank + 1) - 1
    if not 0 <= place < rank or first.view.axes[place] != 0:
        raise Refusal(
            "joins maps of different values along another axis than the channels", "concatenate channels alone"
        )
    for other in activations[1:]:
        if other.shape[1:] != first.shape[1:] or other.view.axes != first.view.axes:
            raise Refusal("joins maps of different shapes", "concatenate maps of one height and width")
        if other.elements != first.elements:
            raise Refusal(f"joins {first.elements} elements with {other.elements} ones", "cast them all to float32")
    lines = joinable(emitter, activations)
    kind = lines[0].tensor.kind
    view = _joined_view(activations)
    value = seen_name(value, view)
    channels = sum(line.tensor.channels for line in lines)
    check_size((channels, *first.shape[1:]))
    low, high = min(line.tensor.low for line in lines), max(line.tensor.high for line in lines)
    slope, shift, error = (np.concatenate(part) for part in zip(*map(_numbers, lines), strict=True))
    alike = not np.any(slope != slope[0])
    name, unit = (value, float(slope[0])) if alike else (f"{value}.integers", 1.0)
    output = Tensor(emitter.network.tensor_name(name), kind, (channels, *first.shape[1:]), low, high, unit)
    concat = Concat(emitter.network.name(node), tuple(line.tensor.name for line in lines), output)
    exact, nearest = (all(each) for each in zip(*((line.exact, line.nearest) for line in lines), strict=True))
    leaf = Leaf(slope, shift, exact, error, nearest=nearest)  # nothing is rounded where values lie side by side
    activation = emitter.network.step(concat, [line.tensor for line in lines], leaf, value, _branches(lines))
    return replace(activation, model_view=view, elements=first.elements)


def averaged(emitter: Emitter, activation: Activation, operation: Averaging, node: str, value: str) -> Activation:
    """The mean of an activation under a window: the sum of its integers, whatever the model makes of each, divided.

    The mean of a line is the line of the mean, so a scale or an offset before the pool stays behind it here. But zeros
    that the window is padded with are no integers of a line that has an offset.
    """
    window = window_on(activation, operation.window)
    padded = any(window.pad_begin + window.pad_end)
    extents = checked_extents(activation, window)
    taps = prod(window.kernel)
    counts = divided(operation.divisors, taps)
    line = line_of(emitter, activation)
    most = taps * counts.largest
    if line is None or line.largest * most > LARGEST or (padded and operation.pads_count and np.any(line.shift != 0)):
        line = rounded(emitter, activation, terms=most)
    source = line.tensor
    low, high = taps * min(source.low, 0), taps * max(source.high, 0)
    output = Tensor(emitter.network.tensor_name(f"{value}.sums"), Kind.SUMS, (source.channels, *extents), low, high)
    pool = SumPool(emitter.network.name(node), (source.name,), output, window)
    *first, last = on_one_divisor(emitter.network, pool, counts, value)
    read = source
    for made in first:
        emitter.network.emit(made, read)
        read = made.output
    sums = emitter.network.step(last, (read,), _leaf_of_pool(line, taps, counts, last.output), value)
    # As onnxruntime's pools and reductions compute it: a sum, which is then divided.
    divisor = Constant(np.array([counts.common], np.float32))
    mean = replace(sums, expression=Apply("Div", (sums.leaf, divisor), node)) if operation.divides else sums
    return mean if operation.keeps_map else reshaped(mean, (source.channels,), f"{node}.flat", value)


def _branches(lines: Sequence[Line], rounds: bool = True) -> tuple[Branch, ...]:
    """What the model computes of each line; nothing where that is not known of all."""
    found = [
        Branch(line.tensor, line.base, line.expression, rounds or place > 0)
        for place, line in enumerate(lines)
        if line.base is not None and line.expression is not None
    ]
    return tuple(found) if len(found) == len(lines) else ()


def _numbers(line: Line) -> tuple[Fractions, Fractions, Floats]:
    return line.slope, line.shift, line.error


def _leaf_of_pool(line: Line, taps: int, counts: Divided, output: Tensor) -> Leaf:
    """What the sums under a window, brought on one divisor, are worth, and what float32 makes of adding the values."""
    common = counts.common
    held = line.exact and all(
        float32_holds_line(slope, shift, line.largest, max(taps, common))
        for slope, shift in {*zip(line.slope.tolist(), line.shift.tolist(), strict=True)}
    )
    rounding = sum_error(taps, common * (line.reach + line.error))
    error = np.zeros(output.channels) if held else common * line.error + rounding
    return Leaf(line.slope, line.shift * common, held, error, single=True)


def _leaf_of_sum(one: Line, other: Line, output: Tensor) -> Leaf:
    """What the sums of two lines of one slope are worth, and what float32 makes of the addition."""
    slope, shift, error = one.slope, one.shift + other.shift, one.error + other.error
    largest = max(abs(output.low), abs(output.high))
    exact = one.exact and other.exact
    held = exact and all(float32_holds_line(slope[0], each, largest) for each in set(shift.tolist()))
    reach = np.abs(slope.astype(np.float64)) * largest + np.abs(shift.astype(np.float64))
    rounding = 0.0 if held else UNIT * (1 + 2.0**-20) * (reach + error)
    return Leaf(slope, shift, held, error + rounding, single=True)


def _joined_view(activations: Sequence[Activation]) -> AxisOrder:
    """The view of joined vectors, of which one may have its elements in another order."""
    if all(activation.view.order is None for activation in activations):
        return activations[0].view
    orders, begin = [], 0
    for activation in activations:
        order = activation.view.order
        orders.append(begin + (np.arange(activation.shape[0]) if order is None else order))
        begin += activation.shape[0]
    return AxisOrder((0,), np.concatenate(orders))
