"""Windows of convolutions and pools from their ONNX attributes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgebnn.frontend.onnx.graph import OnnxNode
from edgebnn.frontend.operations import Operands
from edgebnn.frontend.problems import Refusal
from edgebnn.network.types import Window

LARGEST_EXTENT = 2**16 - 1  # the runtime's windows are 16 bits wide


def check_axis(extent: int) -> None:
    """Refusal where a map becomes longer than windows reach; copies make any length of a short file."""
    if extent > LARGEST_EXTENT:
        raise Refusal(f"makes an axis of {extent} elements", f"keep axes to at most {LARGEST_EXTENT}")


def window_of(node: OnnxNode, operands: Operands, kernel: Sequence[int]) -> Window:
    """The window of a Conv or MaxPool node; Refusal for attributes that contradict each other."""
    rank = len(kernel)
    stride = node.integers("strides", (1,) * rank) or ()  # an empty list is not one that was left out
    dilation = node.integers("dilations", (1,) * rank) or ()
    pads = node.integers("pads", (0,) * 2 * rank) or ()
    if not len(stride) == len(dilation) == len(pads) / 2 == rank:
        raise Refusal(f"has strides, dilations or pads that do not suit {rank} axes", "export the model again")
    if not all(1 <= value <= LARGEST_EXTENT for value in (*kernel, *stride, *dilation)):
        raise Refusal("has a kernel, stride or dilation out of range", f"keep them between 1 and {LARGEST_EXTENT}")
    if not all(0 <= value <= LARGEST_EXTENT for value in pads):
        raise Refusal("has a negative or very large padding", "crop or pad the input instead")
    window = Window(tuple(kernel), stride, dilation, pads[:rank], pads[rank:])
    rule = node.text("auto_pad", "NOTSET")
    if rule != "NOTSET" and any(pads):
        raise Refusal(f"has both pads and the auto_pad rule '{rule}'", "leave one of them out")
    match rule:
        case "NOTSET":
            return window
        case "VALID":
            return Window(window.kernel, stride, dilation, (0,) * rank, (0,) * rank)
        case "SAME_UPPER" | "SAME_LOWER":
            return _same(window, spatial_of(operands, rank), late=rule == "SAME_UPPER")
        case _:
            raise Refusal(f"has the auto_pad rule '{rule}', which ONNX does not have", "export the model again")


def spatial_of(operands: Operands, rank: int) -> tuple[int, ...]:
    """The extents of operand 0's map, which must have so many axes."""
    spatial = operands.shape(0)[2:]
    if len(spatial) != rank:
        raise Refusal(f"has a window over {rank} axes of a map with {len(spatial)}", "export the model again")
    return spatial


def _same(window: Window, spatial: tuple[int, ...], late: bool) -> Window:
    """Padding that gives ceil(extent / stride) outputs; `late` puts an odd one at the end."""
    begin, end = [], []
    for extent, kernel, stride, dilation in zip(spatial, window.kernel, window.stride, window.dilation, strict=True):
        outputs = -(-extent // stride)
        total = max(0, (outputs - 1) * stride + dilation * (kernel - 1) + 1 - extent)
        begin.append(total // 2 if late else total - total // 2)
        end.append(total - begin[-1])
    return Window(window.kernel, window.stride, window.dilation, tuple(begin), tuple(end))


def rounded_up(window: Window, spatial: tuple[int, ...]) -> Window:
    """The window with its end padding such that the floor rule gives what ONNX's ceil_mode gives.

    A last window that would start in the padding behind the map is left out, as PyTorch and onnxruntime do.
    """
    ends = []
    for axis, extent in enumerate(spatial):
        kernel, stride, dilation = window.kernel[axis], window.stride[axis], window.dilation[axis]
        begin, end = window.pad_begin[axis], window.pad_end[axis]
        span = dilation * (kernel - 1) + 1
        outputs = -(-(extent + begin + end - span) // stride) + 1
        if (outputs - 1) * stride >= extent + begin:
            outputs -= 1
        ends.append(max(0, (outputs - 1) * stride + span - extent - begin))
    return Window(window.kernel, window.stride, window.dilation, window.pad_begin, tuple(ends))


def reached(window: Window, spatial: tuple[int, ...]) -> Window:
    """The window without that part of its end padding that no place of it reaches."""
    ends = []
    for axis, (extent, outputs) in enumerate(zip(spatial, window.extents(spatial), strict=True)):
        span = window.dilation[axis] * (window.kernel[axis] - 1) + 1
        last = (outputs - 1) * window.stride[axis] + span - window.pad_begin[axis] - extent
        ends.append(min(max(0, last), window.pad_end[axis]))
    return Window(window.kernel, window.stride, window.dilation, window.pad_begin, tuple(ends))


def taps_between(window: Window, spatial: tuple[int, ...], counted: Window) -> tuple[tuple[int, ...], ...]:
    """For each axis, how many taps of the window at each place lie in the map or in the padding of `counted`."""
    found = []
    for axis, (extent, outputs) in enumerate(zip(spatial, window.extents(spatial), strict=True)):
        kernel, dilation = window.kernel[axis], window.dilation[axis]
        start = np.arange(max(outputs, 0)) * window.stride[axis] - window.pad_begin[axis]
        first = np.maximum(0, -((start + counted.pad_begin[axis]) // dilation))
        last = np.minimum(kernel - 1, (extent + counted.pad_end[axis] - 1 - start) // dilation)
        found.append(tuple(np.maximum(0, last - first + 1).tolist()))
    return tuple(found)


def without_padding(window: Window) -> Window:
    """The window without its padding."""
    zeros = (0,) * len(window.kernel)
    return Window(window.kernel, window.stride, window.dilation, zeros, zeros)
