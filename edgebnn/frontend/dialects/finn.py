"""FINN's operators behind its streamlining: activations as thresholds, pools of integers. It only recognises.

Their meaning is what the package qonnx executes (qonnx/custom_op/general/). What FINN makes after it has lowered
convolutions to matrices (Im2Col) or to hardware is not read: its earlier models say the same.
"""

from __future__ import annotations

import numpy as np

from edgebnn.frontend.dialects.channel_order import channels_first, operands_channels_first
from edgebnn.frontend.dialects.pooling_and_padding import max_pool
from edgebnn.frontend.dialects.qonnx import DOMAINS
from edgebnn.frontend.dialects.quantisers import float_operand
from edgebnn.frontend.onnx.graph import OnnxNode
from edgebnn.frontend.operations import (
    Averaging,
    Call,
    Dialect,
    Elementwise,
    Operand,
    Operands,
    Operation,
    OperationSequence,
    Recogniser,
)
from edgebnn.frontend.problems import Refusal
from edgebnn.network.types import Window

# Thresholds of one channel: those of an activation of 8 bits.
_MOST_STEPS = 255


def _multi_threshold(node: OnnxNode, operands: Operands) -> Operation:
    """How many of a channel's thresholds are <= x, times out_scale, plus out_bias (multithreshold.py).

    Thresholds are (channels, steps), or (1, steps) for all channels. Without a data_layout, the channels of a map with
    one spatial axis come last, and those of one with two come first.
    """
    thresholds = float_operand(operands, 1, "thresholds")
    shape = operands.shape(0)
    axis = _channel_axis(node, len(shape))
    if thresholds.ndim != 2 or thresholds.shape[0] not in (1, shape[axis]):
        raise Refusal(
            f"has thresholds of shape {list(thresholds.shape)} for {shape[axis]} channels", "export the model again"
        )
    if not 1 <= thresholds.shape[1] <= _MOST_STEPS:
        raise Refusal(f"has {thresholds.shape[1]} thresholds in a channel", f"use 1 to {_MOST_STEPS}")
    place = [1] * len(shape)
    place[axis] = len(thresholds)
    steps = tuple(thresholds[:, step].reshape(place) for step in range(thresholds.shape[1]))
    term = Call("CountReached", (Operand(0), *steps))
    scale, bias = (np.array(node.number(name, missing), np.float32) for name, missing in _OUT)
    term = Call("Mul", (term, scale)) if scale != 1 else term
    return Elementwise(Call("Add", (term, bias)) if bias != 0 else term)


_OUT = (("out_scale", 1.0), ("out_bias", 0.0))


def _channel_axis(node: OnnxNode, rank: int) -> int:
    layout = node.text("data_layout", "") or {2: "NC", 3: "NWC", 4: "NCHW"}.get(rank, "NC")
    axis = layout.index("C") if "C" in layout else 1
    if len(layout) != rank or axis not in (1, rank - 1):
        raise Refusal(f"has the layout '{layout[:8]}' for values with {rank} axes", "export the model again")
    return axis


def _max_pool_nhwc(node: OnnxNode, operands: Operands) -> Operation:
    """The largest value under a window of a map with its channels last (maxpoolnhwc.py)."""
    rank = len(operands.shape(0))
    return channels_first(max_pool(node, operands_channels_first(operands, rank)), rank)


def _quant_avg_pool(node: OnnxNode, operands: Operands) -> Operation:
    """The sum under a square window, shifted right until it fits the output's bits (quantavgpool2d.py)."""
    kernel, stride = node.integer("kernel", 1), node.integer("stride", 1)
    bits, output_bits = node.integer("ibits", 1), node.integer("obits", 1)
    if not (1 <= kernel <= 2**12 and 1 <= stride <= 2**12 and 1 <= bits <= 32):
        raise Refusal("has a kernel, stride or bit width out of range", "export the model again")
    if len(operands.shape(0)) != 4:
        raise Refusal("pools something that is no map with two axes", "export the model again")
    largest = (2**bits - 1) * kernel**2
    shift = max(0, largest.bit_length() - output_bits)
    window = Window((kernel, kernel), (stride, stride), (1, 1), (0, 0), (0, 0))
    area, unit = np.array(kernel**2, np.float32), np.array(2.0**-shift, np.float32)
    whole = Call("Round", (Call("Mul", (Operand(0), area)),))
    pool = OperationSequence((Averaging(window), Elementwise(Call("Floor", (Call("Mul", (whole, unit)),)))))
    match node.text("data_layout", "NCHW"):
        case "NCHW":
            return pool
        case "NHWC":
            return channels_first(pool, 4)
        case other:
            raise Refusal(f"has the layout '{other[:8]}'", "export the model again")


OPERATORS: dict[str, Recogniser] = {
    "MaxPoolNHWC": _max_pool_nhwc,
    "MultiThreshold": _multi_threshold,
    "QuantAvgPool2d": _quant_avg_pool,
}


FINN = Dialect("FINN", DOMAINS, OPERATORS)
