"""Constants of the kernel that looks up sums of subsets: weights four a nibble, eight neurons a word, and limits."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from edgebnn.mapping.image import ImageWriter
from edgebnn.mapping.plan import Layout, LinearStage, SubsetSections, WindowPlan
from edgebnn.mapping.steps import step_table
from edgebnn.mapping.weight_words import Weights, fan_in_order, pack_rows, unpack_rows
from edgebnn.network.types import Linear, Threshold, WeightKind
from edgebnn.words import Words, pack_words

INPUTS_TOGETHER, NEURONS_TOGETHER = 4, 8
_SUBSETS = 1 << INPUTS_TOGETHER
_HALF_BITS = 16
_WIDEST_WINDOW = 0xFFFF  # of a descriptor
# A neuron's sum and its limit differ by an int32.
_LARGEST_COMPARED = 2**30 - 1
# Bounds of the scratch: inputs whose tables, four words each, are there at once, and words of a strip.
_MOST_INPUTS, _MOST_STRIP_WORDS = 80, 640


class SubsetShape(NamedTuple):
    """What the kernel's descriptor says of a layer: `ebnn_subsets_layer`."""

    input: Layout
    window: WindowPlan
    lanes: int
    strip: int
    together: int


def subset_shape(node: Linear, window: WindowPlan, source: Layout, output: Layout) -> SubsetShape:
    """The shape of a layer on elements. A vector is one row of them, if a window can be as wide."""
    pixels = source.height * source.width, output.height * output.width, prod(window.kernel)
    vector = (*pixels, node.groups) == (1, 1, 1, 1) and not any(window.pad)
    if vector and source.channels <= _WIDEST_WINDOW:
        source = msgspec.structs.replace(source, width=source.channels, channels=1)
        window = WindowPlan(kernel=(1, source.width))
    most = ((1 << source.planes) - 1) * node.fan_in * (2 if node.weight_kind is WeightKind.TERNARY else 1)
    lanes = 2 if most < 1 << _HALF_BITS and output.width > 1 else 1
    strip = lanes
    if node.groups == 1 and window.dilation[1] == 1:
        columns = _MOST_STRIP_WORDS // (window.kernel[0] * source.channels)
        widest = max(0, columns - window.kernel[1]) // window.stride[1]
        strip = lanes * max(1, min(widest // lanes + 1, -(-output.width // lanes)))
    chunks = -(-node.fan_in // _MOST_INPUTS)
    together = -(-node.fan_in // chunks // INPUTS_TOGETHER) * INPUTS_TOGETHER
    return SubsetShape(source, window, lanes, strip, together)


def strip_values(shape: SubsetShape, groups: int) -> int:
    """Words of a strip: one for each input that the windows of its first pixels see."""
    columns = (shape.strip - shape.lanes) * shape.window.stride[1] + shape.window.kernel[1]
    return columns * shape.window.kernel[0] * (shape.input.channels // groups)


def subset_scratch_words(shape: SubsetShape, neurons: int, groups: int) -> int:
    """`ebnn_linear_subsets_scratch_words`; `neurons` of all groups."""
    tables = shape.together * _SUBSETS // INPUTS_TOGETHER
    sums = -(-neurons // groups // NEURONS_TOGETHER) * NEURONS_TOGETHER
    return tables + sums + strip_values(shape, groups) + INPUTS_TOGETHER - 1


def plan_subsets(node: Linear, threshold: Threshold | None, shape: SubsetShape, image: ImageWriter) -> SubsetSections:
    """The sections of a layer; `threshold` is the step function into bits that sums are compared with."""
    rows = fan_in_order(node.weights, shape.window)[:, column_order(node.fan_in, shape.window)]
    ternary = node.weight_kind is WeightKind.TERNARY
    plus = image.add(f"{node.name}.plus", _nibbles(rows > 0, node.groups))
    not_minus = image.add(f"{node.name}.not_minus", _nibbles(rows >= 0, node.groups)) if ternary else None
    limits = turned = None
    if threshold is not None:
        table, down = step_table(threshold)
        # A channel whose direction is down has its bit where ~sum >= t: where the sum is not above ~t.
        above = np.where(down, ~table[:, 0].astype(np.int64), table[:, 0].astype(np.int64) - 1)
        most = min(_reach(node), ((1 << shape.input.planes) - 1) * node.fan_in)
        limits = image.add(f"{threshold.name}.limits", np.clip(above, -most - 1, most).astype(np.int32))
        turned = image.add(f"{threshold.name}.turned", pack_words(down))
    return SubsetSections(
        input=shape.input,
        window=shape.window,
        plus=plus,
        not_minus=not_minus,
        limits=limits,
        turned=turned,
        lanes=shape.lanes,
        strip=shape.strip,
        together=shape.together,
    )


def has_limits(node: Linear, output: Layout) -> bool:
    """Whether a layer's step function can be limits of its sums."""
    return output.format == "bits" and node.border is None and node.groups == 1 and _reach(node) <= _LARGEST_COMPARED


def _reach(node: Linear) -> int:
    """The largest sum that there can be, of either sign."""
    return max(-node.output.low, node.output.high, 0)


def column_order(fan_in: int, window: WindowPlan) -> npt.NDArray[np.int64]:
    """For each place in the kernel's order (kernel column, kernel row, channel) the one in the order of rows."""
    height, width = window.kernel
    order: npt.NDArray[np.int64] = np.arange(fan_in).reshape(height, width, -1).transpose(1, 0, 2).reshape(-1)
    return order


def blocks_of(neurons: int, fan_in: int) -> tuple[int, int]:
    """Blocks of eight neurons of a group, and words of a block."""
    return -(-neurons // NEURONS_TOGETHER), -(-fan_in // INPUTS_TOGETHER)


def subset_bytes(neurons: int, groups: int, fan_in: int) -> int:
    """Bytes of a section of weights; `neurons` of all groups."""
    blocks, fours = blocks_of(neurons // groups, fan_in)
    return 4 * groups * blocks * fours


def _nibbles(bits: npt.NDArray[np.bool_], groups: int) -> Words:
    """Bits (O, n) as uint32 (groups, ceil(O / groups / 8), ceil(n / 4)): nibble j is of neuron 8 b + j."""
    neurons, inputs = len(bits) // groups, bits.shape[1]
    blocks, fours = blocks_of(neurons, inputs)
    padded = np.zeros((groups, blocks * NEURONS_TOGETHER, fours * INPUTS_TOGETHER), np.int8)
    padded[:, :neurons, :inputs] = bits.reshape(groups, neurons, inputs)
    by_word = padded.reshape(groups, blocks, NEURONS_TOGETHER, fours, INPUTS_TOGETHER).transpose(0, 1, 3, 2, 4)
    return pack_rows(by_word.reshape(-1, NEURONS_TOGETHER * INPUTS_TOGETHER))[0].reshape(-1)


def stored_weights(stage: LinearStage, sections: SubsetSections, plus: Words, not_minus: Words | None) -> Weights:
    """The weights (O, fan_in) in the order of rows whose words, in the order of the image, these are."""
    neurons = stage.output.channels // stage.groups
    blocks, fours = blocks_of(neurons, stage.fan_in)

    def signs(words: Words) -> Weights:
        bits = unpack_rows(words.reshape(-1, 1), None, NEURONS_TOGETHER * INPUTS_TOGETHER)
        by_word = bits.reshape(stage.groups, blocks, fours, NEURONS_TOGETHER, INPUTS_TOGETHER)
        rows = by_word.transpose(0, 1, 3, 2, 4).reshape(stage.groups, -1, fours * INPUTS_TOGETHER)
        return np.ascontiguousarray(rows[:, :neurons, : stage.fan_in]).reshape(-1, stage.fan_in)

    placed = signs(plus) if not_minus is None else ((signs(plus) + signs(not_minus)) // 2).astype(np.int8)
    rows = np.empty_like(placed)
    rows[:, column_order(stage.fan_in, sections.window)] = placed
    return rows
