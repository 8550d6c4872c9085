"""ONNX's operators over the places of a map: pools, means and padding. It only recognises."""

from __future__ import annotations

import numpy as np

from edgebnn.frontend.dialects.channel_order import channels_first
from edgebnn.frontend.dialects.window_attributes import (
    LARGEST_EXTENT,
    reached,
    rounded_up,
    spatial_of,
    taps_between,
    window_of,
    without_padding,
)
from edgebnn.frontend.onnx.graph import OnnxNode, as_integers
from edgebnn.frontend.operations import (
    Averaging,
    Forwarding,
    Operands,
    Operation,
    OperationSequence,
    Padding,
    Pooling,
    Rearranging,
    Recogniser,
    Taking,
)
from edgebnn.frontend.problems import Refusal, printable
from edgebnn.network.types import Window


def max_pool(node: OnnxNode, operands: Operands) -> Operation:
    """The largest value under a window."""
    if len([name for name in node.outputs if name]) > 1:
        raise Refusal("gives the places of its maxima", "export the model without return_indices")
    window = window_of(node, operands, _kernel(node))
    if node.integer("ceil_mode", 0):
        window = rounded_up(window, spatial_of(operands, len(window.kernel)))
    return Pooling(window)


def _average_pool(node: OnnxNode, operands: Operands) -> Operation:
    """The mean under a window, with padding among what is counted or without (count_include_pad, ceil_mode).

    Taps behind the padding, which only ceil_mode reaches, never count, as in ONNX's text and onnxruntime.
    """
    given = window_of(node, operands, _kernel(node))
    spatial = spatial_of(operands, len(given.kernel))
    window = rounded_up(given, spatial) if node.integer("ceil_mode", 0) else reached(given, spatial)
    pads_count = bool(node.integer("count_include_pad", 0)) and any(given.pad_begin + given.pad_end)
    divisors = taps_between(window, spatial, given if pads_count else without_padding(given))
    if any(0 in axis for axis in divisors):
        raise Refusal("has windows that lie wholly in the padding", "use less padding")
    if all(count == whole for axis, whole in zip(divisors, window.kernel, strict=True) for count in axis):
        return Averaging(window)
    return Averaging(window, divisors=divisors, pads_count=pads_count)


def _kernel(node: OnnxNode) -> tuple[int, ...]:
    kernel = node.integers("kernel_shape")
    if not kernel or len(kernel) not in (1, 2):
        raise Refusal("has no kernel of one or two axes", "only 1-d and 2-d pooling are mapped")
    return kernel


def _global_max_pool(node: OnnxNode, operands: Operands) -> Operation:
    """The largest value of each channel."""
    return Pooling(None)


def _global_average_pool(node: OnnxNode, operands: Operands) -> Operation:
    """The mean of each channel."""
    return Averaging(None)


def _reduce_mean(node: OnnxNode, operands: Operands) -> Operation:
    """The mean over axes of a map, its channels first or last."""
    return _reduced(node, operands, pool=Averaging)


def _reduce_max(node: OnnxNode, operands: Operands) -> Operation:
    """The largest value over axes of a map, its channels first or last."""
    return _reduced(node, operands, pool=Pooling)


def _reduced(node: OnnxNode, operands: Operands, pool: type[Averaging] | type[Pooling]) -> Operation:
    shape = operands.shape(0)
    rank = len(shape)
    axes = _axes(node, operands, rank)
    spatial = tuple(range(2, rank))
    if not axes or axes[0] == 0 or rank < 3 or axes == tuple(range(1, rank)):
        raise Refusal(
            f"reduces the axes {list(axes)} of values of shape {list(shape)}",
            "reduce the spatial axes of a map alone, as global pooling does",
        )
    short = () if node.integer("keepdims", 1) else (Rearranging(tuple(shape[a] for a in range(rank) if a not in axes)),)
    if axes[0] == 1:  # then the channels are last, whatever the model calls them
        if rank - 1 in axes:
            raise Refusal(f"reduces the axes {list(axes)}", "reduce the spatial axes of a map alone")
        moved = (shape[0], shape[-1], *shape[1:-1])
        whole = OperationSequence((pool(_window(tuple(axis + 1 for axis in axes), moved)),))
        return _with(channels_first(whole, rank), short)
    if axes == spatial:
        if pool is Averaging:
            return Averaging(None, keeps_map=not short)
        return _with(Pooling(None), short)
    return _with(pool(_window(axes, shape)), short)


def _with(operation: Operation, more: tuple[Rearranging, ...]) -> Operation:
    """The operation with others behind it."""
    if not more:
        return operation
    first = operation.operations if isinstance(operation, OperationSequence) else (operation,)
    return OperationSequence((*first, *more))


def _window(axes: tuple[int, ...], shape: tuple[int, ...]) -> Window:
    """A window over the whole of some axes of a map."""
    kernel = tuple(shape[axis] if axis in axes else 1 for axis in range(2, len(shape)))
    ones, zeros = (1,) * len(kernel), (0,) * len(kernel)
    return Window(kernel, ones, ones, zeros, zeros)


def _axes(node: OnnxNode, operands: Operands, rank: int) -> tuple[int, ...]:
    given = as_integers(operands.constant(1, "axes"), "axes") if operands.has(1) else node.integers("axes")
    if given is None or not given:
        given = () if node.integer("noop_with_empty_axes", 0) else tuple(range(rank))
    if any(not -rank <= axis < rank for axis in given):
        raise Refusal("names an axis that is not there", "export the model again")
    return tuple(sorted({axis % rank for axis in given}))


def _pad(node: OnnxNode, operands: Operands) -> Operation:
    """A constant around the spatial axes of a map, its channels first or last, or its own (edge, reflect, wrap)."""
    mode = node.text("mode", "constant")
    if operands.opset < 11:
        pads, value = node.integers("pads") or (), node.number("value", 0.0)
    else:
        pads = as_integers(operands.constant(1, "pads"), "pads")
        values = operands.constant(2, "values") if operands.has(2) else np.zeros(1, np.float32)
        if values.size != 1:
            raise Refusal("pads with several values", "pad with one constant")
        value = float(values.reshape(()))
    rank = len(operands.shape(0))
    if operands.has(3):
        pads = _on_all_axes(pads, as_integers(operands.constant(3, "axes"), "axes"), rank)
    if len(pads) != 2 * rank or pads[0] or pads[rank] or min(pads) < 0:
        raise Refusal("pads the batch or channel axis, or crops", "pad the spatial axes alone")
    begin, end = pads[1:rank], pads[rank + 1 :]
    if mode != "constant":
        return _pad_with_itself(mode, operands.shape(0)[1:], begin, end)
    if not begin[0] and not end[0]:
        return Padding(begin[1:], end[1:], value)
    if rank < 3 or begin[-1] or end[-1]:
        raise Refusal("pads the batch or channel axis, or crops", "pad the spatial axes alone")
    return channels_first(Padding(begin[:-1], end[:-1], value), rank)


def _pad_with_itself(mode: str, shape: tuple[int, ...], begin: tuple[int, ...], end: tuple[int, ...]) -> Operation:
    """A padding with elements of the map, which is a taking along each axis, some places more than once."""
    if mode not in ("edge", "reflect", "wrap"):
        raise Refusal(f"pads in the mode '{printable(mode)}'", "use constant, edge, reflect or wrap")
    takings = []
    for axis, (extent, before, after) in enumerate(zip(shape, begin, end, strict=True), start=1):
        most = {"reflect": extent - 1, "wrap": extent, "edge": LARGEST_EXTENT}[mode]
        if max(before, after) > most:
            raise Refusal(f"pads an axis of {extent} by more than {most}", "use less padding")
        if before or after:
            padded = np.pad(np.arange(extent), (before, after), mode=mode)  # type: ignore[call-overload]
            takings.append(Taking(axis, tuple(padded.tolist())))
    return OperationSequence(tuple(takings)) if takings else Forwarding()


def _on_all_axes(pads: tuple[int, ...], given: tuple[int, ...], rank: int) -> tuple[int, ...]:
    if len(pads) != 2 * len(given) or any(not -rank <= axis < rank for axis in given):
        raise Refusal("has pads that do not suit its axes", "export the model again")
    full = [0] * 2 * rank
    for place, axis in enumerate(given):
        full[axis % rank], full[rank + axis % rank] = pads[place], pads[len(given) + place]
    return tuple(full)


POOLS: dict[str, Recogniser] = {
    "AveragePool": _average_pool,
    "GlobalAveragePool": _global_average_pool,
    "GlobalMaxPool": _global_max_pool,
    "MaxPool": max_pool,
    "Pad": _pad,
    "ReduceMax": _reduce_max,
    "ReduceMean": _reduce_mean,
}
