"""Weights in panels, as the kernels of `runtime/host` take them: the neurons of a panel lie side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from edgebnn.emulator.descriptors import LinearDescriptor, PanelsDescriptor, address
from edgebnn.mapping.plan import LinearStage
from edgebnn.mapping.rows import Weights, Words, unpack_rows

# `EBNN_BIT_PANEL_ROWS` and `EBNN_BYTE_PANEL_ROWS` of ebnn_kernel.h, and the inputs of a quad.
_BIT_ROWS = 32
_BYTE_ROWS, _QUAD = 8, 4

T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True, eq=False)
class Panels:
    """The weights of a layer: of bits for inputs that are bits or trits, of bytes for elements. See ebnn_host.h."""

    plus: npt.NDArray[np.uint8] | None = None
    minus: npt.NDArray[np.uint8] | None = None
    bytes: Weights | None = None
    totals: npt.NDArray[np.uint32] | None = None

    @property
    def arrays(self) -> list[npt.NDArray[Any]]:
        """What a descriptor points to."""
        return [part for part in (self.plus, self.minus, self.bytes, self.totals) if part is not None]

    def described(self, layer: LinearDescriptor) -> PanelsDescriptor:
        """The layer with these weights."""
        parts = (self.plus, self.minus, self.bytes, self.totals)
        return PanelsDescriptor(layer, *map(address, parts))


def panels_of(stage: LinearStage, sign: Words, nonzero: Words) -> Panels:
    """The panels of rows as `pack_rows` makes them, uint32 (neurons, row words)."""
    if stage.input.pixel_words:
        # A ternary layer without a zero is a binary one, and faster.
        has_zeros = int(np.bitwise_count(nonzero).sum(dtype=np.int64)) < len(nonzero) * stage.fan_in
        minus = _bit_panels(nonzero & ~sign, stage.groups) if has_zeros else None
        return Panels(plus=_bit_panels(sign & nonzero, stage.groups), minus=minus)
    weights = unpack_rows(sign, nonzero, stage.fan_in)
    signed = stage.input.format.startswith("int")
    totals = weights.sum(axis=1, dtype=np.int64).astype(np.uint32) if signed else None
    return Panels(bytes=_byte_panels(weights, stage.groups), totals=totals)


def _bit_panels(rows: Words, groups: int) -> npt.NDArray[np.uint8]:
    """Rows uint32 (O, words) as uint8 (panels, octets, 32): a byte of each neuron of a panel, octet after octet."""
    octets = _padded(np.ascontiguousarray(rows, "<u4").view(np.uint8), groups, _BIT_ROWS)
    return np.ascontiguousarray(octets.reshape(-1, _BIT_ROWS, octets.shape[1]).transpose(0, 2, 1))


def _byte_panels(weights: Weights, groups: int) -> Weights:
    """Weights (O, n) as int8 (panels, quads, 8, 4): four inputs of each neuron of a panel, quad after quad."""
    inputs = weights.shape[1]
    quads = -(-inputs // _QUAD)
    padded = np.zeros((len(weights), quads * _QUAD), np.int8)
    padded[:, :inputs] = weights
    rows = _padded(padded, groups, _BYTE_ROWS)
    return np.ascontiguousarray(rows.reshape(-1, _BYTE_ROWS, quads, _QUAD).transpose(0, 2, 1, 3))


def _padded(rows: npt.NDArray[T], groups: int, panel: int) -> npt.NDArray[T]:
    """Rows (O, n), each group of them filled up with zeros to whole panels."""
    count, length = len(rows) // groups, rows.shape[1]
    if count % panel == 0:
        return rows
    padded = np.zeros((groups, -(-count // panel) * panel, length), rows.dtype)
    padded[:, :count] = rows.reshape(groups, count, length)
    return padded.reshape(-1, length)
