"""Where branches of a model meet: residual sums, concatenations, and averages over a map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import prod

import numpy as np

from edgebnn.frontend.emission import Emitter
from edgebnn.frontend.expressions import Fractions, Leaf
from edgebnn.frontend.fixed import LARGEST, aligned, natural, rounded, times
from edgebnn.frontend.means import on_one_divisor
from edgebnn.frontend.operations import Averaging
from edgebnn.frontend.problems import Refusal
from edgebnn.frontend.rounding import UNIT, float32_holds, sum_error
from edgebnn.frontend.signals import Signal, check_size, checked_extents, reshaped, seen_name, window_on
from edgebnn.frontend.sums import Fixed
from edgebnn.frontend.views import View
from edgebnn.network.types import Add, Concat, Kind, Node, SumPool, Tensor


def summed(emitter: Emitter, signals: Sequence[Signal], minus: bool, node: str, value: str) -> Signal:
    """The sum of two signals of different layers (`minus`: their difference)."""
    one, other = aligned(emitter, signals)
    if minus:
        other = times(emitter, other, -1, "negated")
    offset = one.offset + (-other.offset if minus else other.offset)
    low, high = one.tensor.low + other.tensor.low, one.tensor.high + other.tensor.high
    if max(-low, high) > LARGEST:
        raise Refusal(f"adds up to {max(-low, high)}, which int32 does not hold", "use fewer residual sums")
    value = seen_name(value, signals[0].view)
    output = Tensor(emitter.tensor_name(value), Kind.SUMS, one.tensor.shape, low, high, float(one.unit))
    add = Add(emitter.name(node), (one.tensor.name, other.tensor.name), output)
    leaf = _leaf([one, other], offset, one.unit, output, terms=2)
    return replace(emitter.step(add, (one.tensor, other.tensor), leaf, value), model_view=signals[0].view)


def joined(emitter: Emitter, signals: Sequence[Signal], axis: int, node: str, value: str) -> Signal:
    """Signals one behind the other along an axis of the model, which must be the channel axis of the network."""
    first = signals[0]
    rank = len(first.shape)
    place = axis - 1 if axis > 0 else axis % (rank + 1) - 1
    if not 0 <= place < rank or first.view.axes[place] != 0:
        raise Refusal("joins maps along another axis than the channels", "concatenate channels alone")
    for other in signals[1:]:
        if other.shape[1:] != first.shape[1:] or other.view.axes != first.view.axes:
            raise Refusal("joins maps of different shapes", "concatenate maps of one height and width")
        if other.elements != first.elements:
            raise Refusal(f"joins {first.elements} elements with {other.elements} ones", "cast them all to float32")
    fixed = aligned(emitter, signals)
    if len({each.tensor.kind for each in fixed}) > 1:
        fixed = tuple(each if each.tensor.kind is Kind.SUMS else times(emitter, each, 1, "sums") for each in fixed)
    kind = fixed[0].tensor.kind
    view = _joined_view(signals)
    value = seen_name(value, view)
    channels = sum(each.tensor.channels for each in fixed)
    check_size((channels, *first.shape[1:]))
    low, high = min(each.tensor.low for each in fixed), max(each.tensor.high for each in fixed)
    output = Tensor(emitter.tensor_name(value), kind, (channels, *first.shape[1:]), low, high, float(fixed[0].unit))
    concat = Concat(emitter.name(node), tuple(each.tensor.name for each in fixed), output)
    leaf = _leaf(fixed, np.concatenate([each.offset for each in fixed]), fixed[0].unit, output, terms=1)
    signal = emitter.step(concat, [each.tensor for each in fixed], leaf, value)
    return replace(signal, model_view=view, elements=first.elements)


def averaged(emitter: Emitter, signal: Signal, operation: Averaging, node: str, value: str) -> Signal:
    """The mean of a signal under a window."""
    window = window_on(signal, operation.window)
    padded = any(window.pad_begin + window.pad_end)
    extents = checked_extents(signal, window)
    taps = prod(window.kernel)
    fixed = natural(emitter, signal)
    if fixed is None or fixed.largest * taps > LARGEST:
        fixed = rounded(emitter, signal, terms=taps)
    if padded and operation.pads_count and np.any(fixed.offset != 0):
        raise Refusal("averages over a padding of zeros that its integers do not have", "average without padding")
    source = fixed.tensor
    low, high = taps * min(source.low, 0), taps * max(source.high, 0)
    output = Tensor(emitter.tensor_name(f"{value}.sums"), Kind.SUMS, (source.channels, *extents), low, high)
    pool = SumPool(emitter.name(node), (source.name,), output, window)
    nodes: tuple[Node, ...] = (pool,)
    divisor = taps
    if operation.divisors is not None:
        nodes, divisor = on_one_divisor(emitter, pool, operation.divisors, value)
    *first, last = nodes
    for made, read in zip(first, (source, *(each.output for each in first)), strict=False):
        emitter.emit(made, read)
    leaf = _mean_leaf(fixed, taps, divisor, last.output)
    mean = emitter.step(last, (first[-1].output if first else source,), leaf, value)
    return mean if operation.keeps_map else reshaped(mean, (source.channels,), f"{node}.flat", value)


def _mean_leaf(fixed: Fixed, taps: int, divisor: int, output: Tensor) -> Leaf:
    """What the sums of a mean's window are worth, and what float32 makes of the division."""
    unit = fixed.unit / divisor
    bound = max(-output.low, output.high)
    exact = (
        fixed.exact and not np.any(fixed.offset != 0) and divisor & (divisor - 1) == 0 and float32_holds(unit, bound)
    )
    error = 0.0 if exact else divisor * fixed.error + sum_error(taps + 2, float(bound))
    if not exact and np.any(fixed.offset != 0):
        error += sum_error(taps + 2, float(max(map(abs, fixed.offset.tolist())) / unit))
    return Leaf(np.full(output.channels, unit), fixed.offset, exact, np.full(output.channels, error))


def _leaf(fixed: Sequence[Fixed], offset: Fractions, unit: Fraction, output: Tensor, terms: int) -> Leaf:
    bound = max(-output.low, output.high)
    shifted = np.any(offset != 0)
    exact = all(each.exact for each in fixed) and not shifted and float32_holds(unit, bound)
    error = 0.0
    if not exact:
        largest = bound + float(max(map(abs, offset.tolist())) / unit)
        error = sum(each.error for each in fixed) + terms * 4 * UNIT * largest
    return Leaf(np.full(output.channels, unit), offset, exact, np.full(output.channels, error))


def _joined_view(signals: Sequence[Signal]) -> View:
    """The view of joined vectors, of which one may have its elements in another order."""
    if all(signal.view.order is None for signal in signals):
        return signals[0].view
    orders, begin = [], 0
    for signal in signals:
        order = signal.view.order
        orders.append(begin + (np.arange(signal.shape[0]) if order is None else order))
        begin += signal.shape[0]
    return View((0,), np.concatenate(orders))
