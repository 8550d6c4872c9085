"""What a layer's kernel needs of the work area for itself, while it runs: its inputs in a row, or lists of them."""

from __future__ import annotations

from edgebnn.mapping.kernels import Choice, ListShape, list_scratch_words
from edgebnn.mapping.plan import Layout
from edgebnn.mapping.subsets import SubsetShape, subset_scratch_words
from edgebnn.network.types import Linear
from edgebnn.words import WORD_BITS


def kernel_scratch_bytes(choice: Choice, node: Linear, source: Layout, output: Layout) -> int:
    """Bytes that the chosen kernel of a layer with binary or ternary weights asks for; 0 where a macro does it."""
    match choice.shape:
        case ListShape() as lists:
            return 4 * list_scratch_words(lists.input, output, lists.window, lists.planes, lists.strip)
        case SubsetShape() as subsets:
            return 4 * subset_scratch_words(subsets, output.channels, node.groups)
        case None if choice.kernel in ("rows", "halves"):  # a vector a bit plane and one for the mask
            return 4 * -(-node.fan_in // WORD_BITS) * (source.planes + 1)
        case None:
            return 0


def int8_scratch_bytes(node: Linear, source: Layout) -> int:
    """Bytes that a layer with weights of 8 bits gathers its inputs in: 16 bits each, or two digits of 16."""
    return 4 * node.fan_in if source.format == "int32" else (2 * node.fan_in + 3) // 4 * 4
