"""Which kernel of the runtime does a layer with binary or ternary weights, and why: the one of the fewest instructions.

Instructions are estimates for one output pixel, half of the input's bits set, in the counts of a Cortex-M4; they only
have to rank the kernels.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import msgspec

from edgebnn.chip.target.target import Target
from edgebnn.mapping import halves
from edgebnn.mapping.plan import Kernel, Layout, WindowPlan
from edgebnn.mapping.subsets import SubsetShape, blocks_of, has_limits, strip_values, subset_shape
from edgebnn.network.types import Linear, WeightKind
from edgebnn.words import WORD_BITS

# A counter's bits and the numbers of inputs that the list kernel's descriptor and its 16-bit places have room for.
MOST_SUM_PLANES = 30
_MOST_LISTED = 0xFFFF
_PLACE_BYTES = 4
# A strip's lists span so many windows: each input of a window's overlap is listed again for the next strip. A window of
# several rows needs memory for as many, each of which is listed once for all rows of the output.
_WINDOWS_A_STRIP, _TALL_WINDOWS_A_STRIP = 4, 2

# Another kernel than the list of active inputs costs up to 2 KB of code of its own, so it must be worth it: by its
# share of a layer's instructions, and by as many of them. That of halves has fewer calls, which no estimate counts.
_SHARE_WORTH_ITS_CODE = 1.15
_INSTRUCTIONS_WORTH_ITS_CODE: dict[Kernel, int] = {"rows": 1000, "subsets": 1000, "halves": 200}


class ListShape(NamedTuple):
    """What the list kernel's descriptor says of a layer: `ebnn_active_layer`.

    planes: listed for each input. largest: the largest value that an input is listed with. twice and offset: an input
    is twice that value, or once, less the offset.
    """

    input: Layout
    window: WindowPlan
    planes: int
    strip: int
    sum_planes: int
    largest: int
    twice: bool
    offset: int


class Choice(NamedTuple):
    """The kernel, and why; its shape where it is that of lists or that of subsets."""

    kernel: Kernel
    reason: str
    shape: ListShape | SubsetShape | None = None


def choose_kernel(node: Linear, window: WindowPlan, source: Layout, output: Layout, target: Target) -> Choice:
    """The kernel of a layer on a target."""
    if target.array is not None:
        return Choice("macro", "the target has banks of RRAM")
    if source.format == "int32":
        return Choice("subsets", "inputs of more than 16 bits", subset_shape(node, window, source, output))
    costs: dict[Kernel, int] = {"rows": _rows_cost(node, window, source, output)}
    subsets = None if source.pixel_words else subset_shape(node, window, source, output)
    if subsets is not None:
        costs["subsets"] = _subsets_cost(node, subsets, output)
    if source.pixel_words and _fits_halves(node):
        costs["halves"] = _halves_cost(node, window, source, output)
    other = min(costs, key=lambda kernel: costs[kernel])
    other_shape = subsets if other == "subsets" else None
    shape, obstacle = _list_shape(node, window, source, output)
    if shape is None:
        return Choice(other, f"about {costs[other]:,} instructions a pixel; no list of inputs: {obstacle}", other_shape)
    listed = _list_cost(node, shape, output)
    reason = f"about {min(listed, costs[other]):,} instructions a pixel"
    saved = (listed - costs[other]) * output.height * output.width
    if listed <= _SHARE_WORTH_ITS_CODE * costs[other] or saved <= _INSTRUCTIONS_WORTH_ITS_CODE[other]:
        return Choice("list", f"about {listed:,} instructions a pixel, {costs[other]:,} as {other}", shape)
    return Choice(other, f"{reason}, {listed:,} by a list of inputs", other_shape)


def _list_shape(node: Linear, window: WindowPlan, source: Layout, output: Layout) -> tuple[ListShape | None, str]:
    """The shape for the list kernel, or None and what is in its way."""
    if node.groups > 1:
        return None, "the layer has groups"
    if window.dilation[1] > 1:
        return None, "its window has gaps along a row"
    source, window = _in_a_row(source, window, output)
    planes, largest, twice, offset = _values(node, window, source, output)
    sum_planes = (2 * node.fan_in * largest + 1).bit_length()
    if sum_planes > MOST_SUM_PLANES:
        return None, "its sums have too many bits"
    strip = _strip(window, source, output, planes)
    if strip == 0:
        return None, "it has too many inputs for places of 16 bits"
    return ListShape(source, window, planes, strip, sum_planes, largest, twice, offset), ""


def _in_a_row(source: Layout, window: WindowPlan, output: Layout) -> tuple[Layout, WindowPlan]:
    """A window that is the whole map sees one long row; it lies in memory as the map does."""
    if not _sees_all(source, window, output):
        return source, window
    pixels = prod(window.kernel)
    return msgspec.structs.replace(source, height=1, width=pixels), WindowPlan(kernel=(1, pixels))


def _sees_all(source: Layout, window: WindowPlan, output: Layout) -> bool:
    """Whether there is one window, which sees each input once and no padding."""
    one = (output.height, output.width) == (1, 1)
    return one and window.kernel == (source.height, source.width) and not any(window.pad)


def _values(node: Linear, window: WindowPlan, source: Layout, output: Layout) -> tuple[int, int, bool, int]:
    """Planes, largest value, twice and offset."""
    if source.format == "bits":
        missing = node.pad_value == 0 and _sees_padding(window, source, output)
        return (2, 2, False, 1) if missing else (1, 1, True, 1)
    if source.format == "trits":
        return 2, 2, False, 1
    signed = source.format.startswith("int")
    return source.planes, (1 << source.planes) - 1, False, (1 << source.planes - 1) if signed else 0


def _sees_padding(window: WindowPlan, source: Layout, output: Layout) -> bool:
    axes = zip(
        *((source.height, source.width), (output.height, output.width)),
        *(window.kernel, window.stride, window.dilation, window.pad),
        strict=True,
    )
    return any(
        pad > 0 or (outputs - 1) * stride + (kernel - 1) * dilation + 1 > inputs
        for inputs, outputs, kernel, stride, dilation, pad in axes
    )


def _strip(window: WindowPlan, source: Layout, output: Layout, planes: int) -> int:
    """Columns of the output whose inputs are listed together; 0 where not even one column's are."""
    (height, width), (_, stride) = window.kernel, window.stride
    # Bounded by the entries of all lists, by the places of a row, and by how far a list is worth its memory.
    pixels = _MOST_LISTED // (source.channels * max(height * _planes_listed(source, planes), _PLACE_BYTES))
    if pixels < width:
        return 0
    windows = _WINDOWS_A_STRIP if height == 1 else _TALL_WINDOWS_A_STRIP
    widest = min(output.width, (min(pixels, windows * width) - width) // stride + 1)
    return -(-output.width // -(-output.width // widest))


def _planes_listed(source: Layout, planes: int) -> int:
    """In how many planes an input is listed at most: a packed one in one of two, if at all."""
    return 1 if source.pixel_words else planes


def strip_pixels(strip: int, window: WindowPlan) -> int:
    """Columns of the input that a strip sees."""
    return (strip - 1) * window.stride[1] + window.kernel[1]


def list_scratch_words(source: Layout, output: Layout, window: WindowPlan, planes: int, strip: int) -> int:
    """Words of lists and of where they start: `ebnn_linear_active_scratch_words`."""
    pixels = strip_pixels(strip, window)
    inputs, height = pixels * source.channels, window.kernel[0]
    entries = inputs * _planes_listed(source, planes)
    if height == 1 and _sees_all(source, window, output):
        entries = inputs * planes // 2
    values = 0 if source.pixel_words else inputs
    lists = 1 if source.format == "bits" else planes  # what is missing is not listed
    return (height * (lists * (pixels + 1) + entries) + values + 1) // 2


def _list_cost(node: Linear, shape: ListShape, output: Layout) -> int:
    planes = 1 if shape.input.format == "bits" else shape.planes
    passes = 2 if node.weight_kind is WeightKind.TERNARY else 1
    words = -(-node.neurons // WORD_BITS)
    height, width = shape.window.kernel
    listing = (
        node.fan_in * planes * (3 if shape.input.pixel_words else 11) * min(shape.window.stride[1], width) // width
    )
    adding = passes * (node.fan_in * planes * 4 + 50 * height * planes)
    written = 9 * shape.sum_planes if output.pixel_words else 24 * min(node.neurons, WORD_BITS) + 32 * shape.sum_planes
    return listing + words * (adding + 5 * shape.sum_planes + written)


def _rows_cost(node: Linear, window: WindowPlan, source: Layout, output: Layout) -> int:
    ternary = node.weight_kind is WeightKind.TERNARY
    words = -(-node.fan_in // WORD_BITS)
    if source.pixel_words:
        gathering = node.groups * _gathering_cost(node, window, source, output)
        return gathering + node.neurons * (150 + 28 * words if ternary else 75 + 10 * words)
    passes = 2 if ternary else 1
    gathering = node.groups * node.fan_in * 6 * source.planes
    return gathering + node.neurons * (90 + passes * source.planes * (20 + 13 * words))


def _gathering_cost(node: Linear, window: WindowPlan, source: Layout, output: Layout) -> int:
    """Of a group's packed inputs, where they do not lie in a row."""
    return 0 if source.format == "bits" and _sees_all(source, window, output) else node.fan_in


def _fits_halves(node: Linear) -> bool:
    few = node.groups == 1 and node.neurons <= halves.MOST_NEURONS
    return few and node.weight_kind is WeightKind.BINARY and halves.sum_planes(node.fan_in) <= MOST_SUM_PLANES


def _halves_cost(node: Linear, window: WindowPlan, source: Layout, output: Layout) -> int:
    planes = halves.sum_planes(node.fan_in)
    missing = source.format == "trits" or (node.pad_value == 0 and _sees_padding(window, source, output))
    adding = (2 if missing else 1) * (166 * halves.row_words(node.fan_in) + 50)
    written = 8 * planes if output.pixel_words else 24 * node.neurons + 32 * planes
    return _gathering_cost(node, window, source, output) + adding + 11 * planes + written


def _subsets_cost(node: Linear, shape: SubsetShape, output: Layout) -> int:
    passes = 2 if node.weight_kind is WeightKind.TERNARY else 1
    blocks, fours = blocks_of(node.neurons // node.groups, node.fan_in)
    # tables of four inputs, and eight neurons' look-ups
    window = node.groups * (fours * (40 + 28 * passes * blocks) + 100)
    laying = 9 * node.groups * strip_values(shape, node.groups) // shape.strip
    written = node.neurons * (9 if has_limits(node, output) else 40)
    return window // shape.lanes + laying + written
