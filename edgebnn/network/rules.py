"""The shape rules of a network: what must hold between a node, its constants and its tensors.

Everything behind a `Network` (the plan, the runtime's descriptors, the interpreter) believes the shapes that stand in
it, and the runtime in C follows them without looking again. So a network that breaks a rule does not come to be.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from math import prod
from typing import assert_never

import numpy as np
import numpy.typing as npt

from edgebnn.errors import ModelError
from edgebnn.network.types import (
    Add,
    Affine,
    Border,
    Concat,
    Encoding,
    Input,
    Kind,
    Linear,
    MaxPool,
    MeanInputs,
    Node,
    Reshape,
    SumPool,
    Take,
    Tensor,
    Threshold,
    WeightKind,
    Window,
)

LARGEST_WINDOW = 2**16 - 1  # the runtime's windows are 16 bits wide
# What the end is padded with is not told to the runtime; rounding the extents up may add a stride to it.
LARGEST_PAD_END = 2 * LARGEST_WINDOW
# An int32 times an int32 and an offset below this stay inside int64.
_LARGEST_PRODUCT = 1 << 61
_LARGEST_SHIFT = 62

# Zones are numbered in 16 bits; more digits of a sum than this show in no answer of a model in float32.
LARGEST_ZONES = 2**16
LARGEST_BORDER_SHIFT = 26

# Means of inputs are int16 in units of 2^-fraction, and what a neuron's wrong weights add of them is an int32.
MEAN_FRACTIONS = (-16, 14)
LARGEST_SUM_OF_MEANS = 2**30 - 1  # a weight is wrong by 2 at most

_PACKED = (Kind.BITS, Kind.TRITS)
_NARROW = (*_PACKED, Kind.INTEGERS)
_INT32 = (Kind.SUMS, Kind.SCORES)


def check_inputs(inputs: Sequence[Input]) -> None:
    """ModelError where there is none, or two have one name; and for each as `_check_input` and `_check_encoding`."""
    if not inputs:
        raise ModelError("the network has no input; give it one")
    names = [entry.name for entry in inputs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ModelError(f"the network has two inputs of the name '{twice}'; rename one")
    for entry in inputs:
        _check_input(entry.tensor)
        _check_encoding(entry.encoding, entry.tensor)


def _check_input(tensor: Tensor) -> None:
    """ModelError where an input is not of a kind that samples can have, or its range not of its kind."""
    if tensor.kind not in _NARROW:
        raise ModelError(f"input '{tensor.name}' is of the kind '{tensor.kind}'; make it bits, trits or integers")
    _check_range(tensor, f"input '{tensor.name}'")


def _check_encoding(encoding: Encoding, tensor: Tensor) -> None:
    """ModelError where what users hand over cannot become the input tensor."""
    where = f"input '{tensor.name}'"
    axes = encoding.axes
    _demand(not axes or sorted(axes) == list(range(len(tensor.shape))), where, f"takes its axes in the order {axes}")
    _demand(math.isfinite(encoding.offset), where, f"has the offset {encoding.offset}")
    quantizer = encoding.quantizer
    if quantizer is None:
        return
    _demand(encoding.offset == 0, where, "has both steps and an offset")
    _demand(quantizer.thresholds.ndim == 2, where, f"has steps of shape {quantizer.thresholds.shape}")
    steps = quantizer.thresholds.shape[1]
    _check_constant(quantizer.thresholds, (tensor.channels, steps), np.float32, "steps", where)
    _check_direction(quantizer.direction, tensor, where)
    _demand(not np.isnan(quantizer.thresholds).any(), where, "has a step at NaN")
    _demand(
        quantizer.step >= 1 and (tensor.low, tensor.high) == (quantizer.low, quantizer.low + quantizer.step * steps),
        where,
        f"has {steps} steps of {quantizer.step} from {quantizer.low}, but states {tensor.low} to {tensor.high}",
    )


def check_node(node: Node, sources: tuple[Tensor, ...]) -> None:
    """ModelError, naming the node, where its constants, its output and the tensors that it reads do not agree."""
    where = f"node '{node.name}'"
    many = {Add: 2, Concat: len(sources) if len(sources) > 1 else 2}.get(type(node), 1)
    _demand(len(sources) == many, where, f"reads {len(sources)} tensors, but takes {many}")
    _check_range(node.output, where)
    source = sources[0]
    match node:
        case Linear():
            _check_linear(node, source, where)
        case Threshold():
            _check_threshold(node, source, where)
        case MaxPool():
            _check_pool(node, source, where)
        case SumPool():
            _check_sum_pool(node, source, where)
        case Add():
            _check_add(node, sources, where)
        case Concat():
            _check_concat(node, sources, where)
        case Reshape():
            _check_reshape(node, source, where)
        case Take():
            _check_take(node, source, where)
        case Affine():
            _check_affine(node, source, where)
        case _:
            assert_never(node)


def _demand(condition: bool, where: str, problem: str) -> None:
    if not condition:
        raise ModelError(f"{where} {problem}; correct the network")


def _check_range(tensor: Tensor, where: str) -> None:
    stated = f"has the tensor '{tensor.name}' of {tensor.kind} from {tensor.low} to {tensor.high}"
    if tensor.kind in _PACKED:
        _demand((tensor.low, tensor.high) == (-1, 1), where, f"{stated}, but {tensor.kind} run from -1 to 1")
    _demand(tensor.low <= tensor.high, where, f"{stated}, which is no range")
    if tensor.kind is Kind.INTEGERS:
        _demand(tensor.bits <= 16, where, f"{stated}, which 16 bits do not hold")


def _check_linear(node: Linear, source: Tensor, where: str) -> None:
    weights, groups, output = node.weights, node.groups, node.output
    _demand(source.kind is not Kind.SCORES, where, f"reads {source.kind}, but takes bits, trits, integers or sums")
    _demand(output.kind in _INT32, where, f"makes {output.kind}, but its sums are int32")
    _check_window(node.window, source, where)
    shape = f"has weights of shape {weights.shape} in {groups} groups"
    _demand(weights.dtype == np.int8, where, f"has weights of type {weights.dtype}, but they are int8")
    _demand(
        weights.ndim == 2 + len(node.window.kernel) and weights.shape[2:] == node.window.kernel,
        where,
        f"{shape} for the window {node.window.kernel}",
    )
    _demand(groups >= 1 and weights.shape[1] * groups == source.channels, where, f"{shape} on {source.channels} inputs")
    _demand(node.neurons % groups == 0, where, f"{shape}, which do not divide its {node.neurons} neurons")
    expected = (node.neurons, *node.window.extents(source.spatial))
    _demand(output.shape == expected, where, f"makes the shape {output.shape} where its weights make {expected}")
    _check_alphabet(node, where)
    _demand(
        node.pad_value == 0 or source.low <= node.pad_value <= source.high,
        where,
        f"pads with {node.pad_value} a tensor from {source.low} to {source.high}",
    )
    if node.border is not None:
        _check_border(node.border, output, where)
    if node.trim is not None:
        _check_trim(node, node.trim, where)
    bound = largest_sum(node, source)
    _demand(
        output.low <= -bound and bound <= output.high,
        where,
        f"has sums of up to {bound}, but states {output.low} to {output.high}",
    )


def largest_sum(node: Linear, source: Tensor) -> int:
    """The largest magnitude that the layer's sums can have: under any signs where errors can turn the weights."""
    if node.weight_kind is WeightKind.INT8:
        weights = np.abs(node.weights.reshape(len(node.weights), -1).astype(np.int64)).sum(axis=1).max()
    else:
        weights = node.fan_in
    dots = int(weights) * max(abs(source.low), abs(source.high))
    trimmed = 0 if node.trim is None else node.trim.most
    return trimmed + (dots if node.border is None else (dots << node.border.shift) + _largest_start(node.border))


def _largest_start(border: Border) -> int:
    return int(np.abs(border.start.astype(np.int64)).max())


def _check_border(border: Border, output: Tensor, where: str) -> None:
    rank = len(output.spatial)
    shape = border.start.shape
    _demand(len(border.zones) == rank, where, f"has a border of {len(border.zones)} axes for {rank}")
    _demand(
        len(shape) == rank + 1 and shape[-1] == output.channels and border.start.dtype == np.int32,
        where,
        f"has sums that start from {border.start.dtype} of shape {shape}",
    )
    _demand(0 < prod(shape[:-1]) <= LARGEST_ZONES, where, f"has more than {LARGEST_ZONES} zones, or none")
    for zones, extent, count in zip(border.zones, output.spatial, shape[:-1], strict=True):
        _check_constant(zones, (extent,), np.uint16, "zones", where)
        _demand(int(zones.max(initial=0)) == count - 1, where, f"has positions in other zones than its {count}")
    _demand(0 <= border.shift <= LARGEST_BORDER_SHIFT, where, f"shifts its sums by {border.shift}")


def _check_trim(node: Linear, trim: MeanInputs, where: str) -> None:
    _demand(node.weight_kind is not WeightKind.INT8, where, "is trimmed, but its weights of 8 bits are always right")
    _demand(node.border is not None, where, "is trimmed, but has no border, in which sums start from something")
    _check_constant(trim.values, (node.groups, *node.weights.shape[1:]), np.int16, "mean inputs", where)
    lowest, highest = MEAN_FRACTIONS
    _demand(lowest <= trim.fraction <= highest, where, f"has mean inputs in units of 2^-{trim.fraction}")
    shift = 0 if node.border is None else node.border.shift
    _demand(shift - trim.fraction <= 31, where, f"has mean inputs of 2^-{trim.fraction} and sums shifted by {shift}")
    sums = np.abs(trim.values.astype(np.int64)).reshape(node.groups, -1).sum(axis=1)
    _demand(int(sums.max()) <= LARGEST_SUM_OF_MEANS, where, "has mean inputs that int32 sums overflow")
    _demand(0 <= trim.most <= 2**31 - 1, where, f"is trimmed by up to {trim.most}")


def _check_alphabet(node: Linear, where: str) -> None:
    if node.weight_kind is WeightKind.INT8:
        return
    inside = bool(node.weights.min() >= -1 and node.weights.max() <= 1)
    if node.weight_kind is WeightKind.BINARY:
        inside = inside and bool(np.all(node.weights))
    _demand(inside, where, f"has weights that are not {node.weight_kind}")


def _check_threshold(node: Threshold, source: Tensor, where: str) -> None:
    output = node.output
    _demand(output.kind in _NARROW, where, f"makes {output.kind}, but steps are bits, trits or integers")
    _demand(output.shape == source.shape, where, f"makes the shape {output.shape} of {source.shape}")
    _demand(node.thresholds.ndim == 2, where, f"has thresholds of shape {node.thresholds.shape}, but needs two axes")
    steps = node.thresholds.shape[1]
    _check_constant(node.thresholds, (source.channels, steps), np.int32, "thresholds", where)
    _check_direction(node.direction, source, where)
    wanted = {Kind.BITS: 1, Kind.TRITS: 2}.get(output.kind, max(steps, 1))
    _demand(steps == wanted, where, f"has {steps} thresholds a channel, but {output.kind} need {wanted}")
    _demand(
        node.step >= 1 and (output.low, output.high) == (node.low, node.low + node.step * steps),
        where,
        f"makes {node.low} and {steps} steps of {node.step}, but states {output.low} to {output.high}",
    )


def _check_pool(node: MaxPool, source: Tensor, where: str) -> None:
    _check_window(node.window, source, where)
    _check_direction(node.direction, source, where)
    _check_kept(node.output, source, where)
    expected = (source.channels, *node.window.extents(source.spatial))
    _demand(node.output.shape == expected, where, f"makes the shape {node.output.shape} where it pools to {expected}")
    axes = zip(
        source.spatial,
        node.window.kernel,
        node.window.stride,
        node.window.dilation,
        node.window.pad_begin,
        node.output.spatial,
        strict=True,
    )
    _demand(all(_sees_values(*axis) for axis in axes), where, "has a window that lies wholly in the padding")


def _sees_values(extent: int, kernel: int, stride: int, dilation: int, begin: int, outputs: int) -> bool:
    """Whether every window along one axis has a tap on a true value."""
    if (outputs - 1) * stride - begin >= extent:
        return False
    # A window that starts in the padding: its first tap behind the map's beginning must exist and lie in the map.
    starts = np.arange(-begin, min(0, (outputs - 1) * stride - begin + 1), stride)
    taps = -(starts // dilation)
    return bool(np.all((taps < kernel) & (starts + taps * dilation < extent)))


def _check_reshape(node: Reshape, source: Tensor, where: str) -> None:
    _check_kept(node.output, source, where)
    _demand(
        node.output.size == source.size,
        where,
        f"makes the shape {node.output.shape} of {source.shape}, which has another size",
    )
    # A dense layer on flattened bits is a window as large as their map.
    _demand(
        source.kind not in _PACKED or max(source.spatial, default=1) <= LARGEST_WINDOW,
        where,
        f"flattens a map of {source.spatial}, but an extent has at most {LARGEST_WINDOW}",
    )


def _check_take(node: Take, source: Tensor, where: str) -> None:
    output = node.output
    _check_kept(output, source, where)
    rank = len(source.shape)
    _demand(len(output.shape) == rank, where, f"makes the shape {output.shape} of {source.shape}")
    _check_constant(node.places, (sum(output.shape),), np.int32, "places", where)
    for places, extent in zip(node.along, source.shape, strict=True):
        _demand(bool(np.all((places >= 0) & (places < extent))), where, f"takes places that {source.shape} has not")


def _check_sum_pool(node: SumPool, source: Tensor, where: str) -> None:
    output = node.output
    _check_window(node.window, source, where)
    _demand(output.kind in _INT32, where, f"makes {output.kind}, but its sums are int32")
    expected = (source.channels, *node.window.extents(source.spatial))
    _demand(output.shape == expected, where, f"makes the shape {output.shape} where it pools to {expected}")
    _check_reach(*sum_pool_reach(node, source), output, where)


def _check_add(node: Add, sources: tuple[Tensor, ...], where: str) -> None:
    output = node.output
    _demand(output.kind in _INT32, where, f"makes {output.kind}, but its sums are int32")
    for source in sources:
        _demand(output.shape == source.shape, where, f"makes the shape {output.shape} of {source.shape}")
    _check_reach(sum(source.low for source in sources), sum(source.high for source in sources), output, where)


def _check_concat(node: Concat, sources: tuple[Tensor, ...], where: str) -> None:
    output = node.output
    for source in sources:
        _demand(output.kind is source.kind, where, f"makes {output.kind} of {source.kind}")
        _demand(output.spatial == source.spatial, where, f"joins maps of {source.spatial} to {output.spatial}")
        _check_reach(source.low, source.high, output, where)
    channels = sum(source.channels for source in sources)
    _demand(output.channels == channels, where, f"makes {output.channels} channels of {channels}")


def _check_affine(node: Affine, source: Tensor, where: str) -> None:
    output = node.output
    _demand(output.kind not in _PACKED, where, f"makes {output.kind}, but its values are integers")
    _demand(output.shape == source.shape, where, f"makes the shape {output.shape} of {source.shape}")
    _demand(node.multiplier.ndim == 2, where, f"has multipliers of shape {node.multiplier.shape}")
    segments = node.multiplier.shape[1]
    _check_constant(node.multiplier, (source.channels, segments), np.int32, "multipliers", where)
    _check_constant(node.offset, (source.channels, segments), np.int64, "offsets", where)
    _check_constant(node.knees, (source.channels, segments - 1), np.int32, "knees", where)
    _demand(bool(np.all(np.diff(node.knees.astype(np.int64), axis=1) >= 0)), where, "has knees that do not ascend")
    _demand(0 <= node.shift <= _LARGEST_SHIFT, where, f"shifts by {node.shift}")
    _demand(bool(np.all(np.abs(node.offset) < _LARGEST_PRODUCT)), where, "has offsets that int64 products overflow")
    _check_reach(*affine_reach(node, source), output, where)


def affine_reach(node: Affine, source: Tensor) -> tuple[int, int]:
    """The least and the largest value that lines make of a tensor's range."""
    # Every segment is a line, so its extremes lie where it begins and ends inside the source's range.
    bounds = np.concatenate(
        [
            np.full((source.channels, 1), source.low, np.int64),
            node.knees.astype(np.int64),
            np.full((source.channels, 1), source.high + 1, np.int64),
        ],
        axis=1,
    )
    first, last = np.clip(bounds[:, :-1], source.low, source.high), np.clip(bounds[:, 1:] - 1, source.low, source.high)
    used = bounds[:, 1:] > bounds[:, :-1]
    ends = np.stack([(node.multiplier.astype(np.int64) * at + node.offset) >> node.shift for at in (first, last)])
    reached = ends[:, used]
    return int(reached.min()), int(reached.max())


def sum_pool_reach(node: SumPool, source: Tensor) -> tuple[int, int]:
    """The least and the largest sum that a pool makes of a tensor's range."""
    taps = prod(node.window.kernel)
    low, high = taps * source.low, taps * source.high
    if any(node.window.pad_begin + node.window.pad_end):
        low, high = min(low, 0), max(high, 0)
    return low, high


def _check_reach(low: int, high: int, output: Tensor, where: str) -> None:
    _demand(
        output.low <= low and high <= output.high,
        where,
        f"reaches {low} to {high}, but states {output.low} to {output.high}",
    )


def _check_window(window: Window, source: Tensor, where: str) -> None:
    parts = (window.kernel, window.stride, window.dilation, window.pad_begin, window.pad_end)
    rank = len(source.spatial)
    _demand(all(len(part) == rank for part in parts), where, f"has a window that does not fit a map of {source.shape}")
    _demand(
        all(1 <= value <= LARGEST_WINDOW for part in parts[:3] for value in part),
        where,
        f"has a kernel, stride or dilation outside 1 to {LARGEST_WINDOW}",
    )
    _demand(
        all(0 <= value <= LARGEST_WINDOW for value in window.pad_begin)
        and all(0 <= value <= LARGEST_PAD_END for value in window.pad_end),
        where,
        f"has a padding below 0 or above {LARGEST_WINDOW}",
    )


def _check_kept(output: Tensor, source: Tensor, where: str) -> None:
    """The values stay what they are; the sums that a network ends in may be called its scores."""
    renamed = (source.kind, output.kind) == (Kind.SUMS, Kind.SCORES)
    _demand(output.kind is source.kind or renamed, where, f"makes {output.kind} of {source.kind}")
    _demand(
        (output.low, output.high) == (source.low, source.high),
        where,
        f"makes {output.low} to {output.high} of {source.low} to {source.high}, but keeps the values",
    )


def _check_direction(direction: npt.NDArray[np.int8], source: Tensor, where: str) -> None:
    _check_constant(direction, (source.channels,), np.int8, "directions", where)
    _demand(bool(np.all((direction == 1) | (direction == -1))), where, "has directions other than +1 and -1")


def _check_constant(
    values: npt.NDArray[np.generic], shape: tuple[int, ...], dtype: type[np.generic], what: str, where: str
) -> None:
    _demand(values.shape == shape, where, f"has {what} of shape {values.shape}, but needs {shape}")
    _demand(values.dtype == dtype, where, f"has {what} of type {values.dtype}, but needs {np.dtype(dtype)}")
