"""Dense layers of bits by what differs from a known run, in bit slices: `ebnn_sliced_layer` of `runtime/host`.

A neuron's limit is how far its known sum is from its step. Wrong weights times the known inputs lower it; the inputs
that changed are listed, and their rows, with the wrong weights in them, are added up a bit a neuron.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from edgebnn.emulator.descriptors import (
    ListsDescriptor,
    PanelsDescriptor,
    SlicedDescriptor,
    address,
    host_library,
)
from edgebnn.mapping.lifting import LiftedLayer
from edgebnn.processors import on_all_processors
from edgebnn.words import unpack_words

Octets = npt.NDArray[np.uint8]
Number = TypeVar("Number", np.int8, np.int16)

BLOCK_SAMPLES = 64  # EBNN_KNOWN_SAMPLES
# Numbers between the rows of what is about to be turned: a column shall not compete for one set of a cache.
GAP = 64
_MOST_PLANES = 16  # of a counter
_NEAR_PLANES = 7  # EBNN_NEAR_PLANES
_LEAST_BYTES = 32  # of a panel's row
_MOST_PLACES = 0xFFFF  # of a list
_MOST_CHANGE = 127  # of a sum by a neuron's wrong weights


@dataclass(frozen=True, eq=False)
class SlicedLayer:
    """What is known of a layer.

    panels: the layer without errors. rows: its weights with either value of an input, uint8. inputs: uint32 (B, words),
    packed. limits, near_limits: uint8 (blocks, bytes). columns: int8 (blocks, inputs, samples of a block).
    """

    panels: PanelsDescriptor
    rows: Octets
    inputs: npt.NDArray[np.uint32]
    limits: Octets
    near_limits: Octets
    columns: npt.NDArray[np.int8]

    @classmethod
    def of(
        cls, panels: PanelsDescriptor, inputs: npt.NDArray[np.uint32], sums: npt.NDArray[np.uint32]
    ) -> SlicedLayer | None:
        """The layer with these packed inputs and these sums (B, neurons); None where it cannot be sliced."""
        if not can_slice(panels):
            return None
        blocks = -(-len(inputs) // BLOCK_SAMPLES)
        limits, near_limits = (
            np.empty((blocks, (planes + 1) * _row_bytes(panels) * BLOCK_SAMPLES), np.uint8)
            for planes in (_planes(_lists(panels)), _NEAR_PLANES)
        )
        columns = np.zeros((blocks, panels.layer.input.channels, BLOCK_SAMPLES), np.int8)
        lists = _lists(panels)
        row_count = -(-panels.layer.output.channels // (8 * lists.bytes)) * (2 * lists.inputs * lists.input_rows + 1)
        known = cls(panels, np.empty(row_count * lists.bytes, np.uint8), inputs, limits, near_limits, columns)
        described = known._shared
        host_library().ebnn_sliced_rows(ctypes.addressof(described), panels.lists, address(known.rows))

        def know(block: int) -> None:
            here = slice(block * BLOCK_SAMPLES, (block + 1) * BLOCK_SAMPLES)
            found = address(sums[here]), len(sums[here])
            host_library().ebnn_sliced_limits_of(ctypes.addressof(described), *found, address(limits[block]))
            host_library().ebnn_sliced_near_limits_of(ctypes.addressof(described), *found, address(near_limits[block]))
            signs = spaced(_signs(inputs[here], panels.layer.input.channels), np.int8)
            columns[block, :, : len(signs)] = signs.T

        on_all_processors(know, range(blocks))
        return known

    def takes(self, lifted: LiftedLayer) -> bool:
        """Whether a chip's layer can be evaluated like this."""
        if not lifted.certain:
            return False
        changes = np.abs(lifted.wrong["change"][:, 1])
        if _lists(self.panels).input_rows == 1 and not np.all(changes == 2):  # a sign became something else
            return False
        return lifted.most_change <= _MOST_CHANGE

    def described(self, lifted: LiftedLayer) -> tuple[SlicedDescriptor, tuple[Octets]]:
        """The layer as a chip has it, and what it points to that is its own: the rows of its weights."""
        found, rows = SlicedDescriptor.from_buffer_copy(self._shared), self.rows.copy()
        found.wrong, found.wrong_count = lifted.wrong.ctypes.data, len(lifted.wrong)
        found.most_change = lifted.most_change
        found.change_planes, found.rows = lifted.most_change.bit_length() + 1, rows.ctypes.data
        host_library().ebnn_sliced_turn_rows(ctypes.addressof(found), found.rows)
        return found, (rows,)

    @cached_property
    def _shared(self) -> SlicedDescriptor:
        """What the layer has on all chips."""
        lists = _lists(self.panels)
        near = address(self.near_limits) if _planes(lists) > _NEAR_PLANES else None
        parts = address(self.rows), address(self.limits), near, address(self.inputs), address(self.columns)
        return SlicedDescriptor(
            self.panels.layer, *parts, None, 0, len(self.inputs), lists.input_rows, _planes(lists), 1, lists.bytes
        )


def spaced(rows: npt.NDArray[Any], dtype: type[Number]) -> npt.NDArray[Number]:
    """Rows (n, m), fit to be turned."""
    found = np.empty((len(rows), rows.shape[1] + GAP), dtype)[:, : rows.shape[1]]
    found[:] = rows
    return found


def can_slice(panels: PanelsDescriptor) -> bool:
    """Whether a dense layer of one pixel has all that slices need: one step a neuron, and lists of weights."""
    if not panels.lists:
        return False
    lists = _lists(panels)
    if not lists.limits or lists.bytes < _LEAST_BYTES:
        return False
    return _planes(lists) <= _MOST_PLANES and 2 * lists.inputs * lists.input_rows <= _MOST_PLACES


def sample_bytes(panels: PanelsDescriptor) -> int:
    """What is kept for each sample."""
    planes = _planes(_lists(panels)) + 1 + _NEAR_PLANES + 1
    return planes * _row_bytes(panels) + int(panels.layer.input.channels)


def _row_bytes(panels: PanelsDescriptor) -> int:
    """Of all panels."""
    lists = _lists(panels)
    return int(-(-panels.layer.output.channels // (8 * lists.bytes)) * lists.bytes)


def _lists(panels: PanelsDescriptor) -> ListsDescriptor:
    return ListsDescriptor.from_address(panels.lists)


def _planes(lists: ListsDescriptor) -> int:
    """A counter holds four times the inputs, and the lists want five planes behind the first of a row."""
    return max((4 * int(lists.inputs) + 2).bit_length(), 7)


def _signs(packed: npt.NDArray[np.uint32], count: int) -> npt.NDArray[np.int8]:
    """Packed bits (B, words) as -1 and +1, (B, count)."""
    return 2 * unpack_words(packed, count).view(np.int8) - 1
