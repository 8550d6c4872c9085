"""The SRAM plan: buffers that are alive at different times share the same bytes."""

from __future__ import annotations

from collections.abc import Mapping

from edgebnn.mapping.plan import Buffer


def plan_arena(sizes: Mapping[str, int], lives: Mapping[str, tuple[int, int]]) -> tuple[Buffer, ...]:
    """An offset for every tensor: `sizes` in bytes, `lives` the first and last stage at which it is needed.

    Largest first, each at the lowest offset where it meets no buffer that lives at the same time.
    """
    placed: list[Buffer] = []
    for tensor in sorted(sizes, key=lambda name: (-sizes[name], lives[name], name)):
        first, last = lives[tensor]
        offset = 0
        for other in sorted(placed, key=lambda buffer: buffer.offset):
            apart = other.last < first or last < other.first
            if not apart and offset < other.offset + other.bytes and other.offset < offset + sizes[tensor]:
                offset = other.offset + other.bytes
        placed.append(Buffer(tensor=tensor, offset=offset, bytes=sizes[tensor], first=first, last=last))
    return tuple(sorted(placed, key=lambda buffer: (buffer.first, buffer.offset)))
