"""Weights in panels, as the kernels of `runtime/host` take them: the neurons of a panel lie side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.emulator.cache_lines import on_line
from edgebnn.emulator.descriptors import LinearDescriptor, PanelsDescriptor, address
from edgebnn.mapping.plan import LinearStage
from edgebnn.words import Words

# `EBNN_PANEL_ROWS` of ebnn_kernel.h.
_ROWS = 32


@dataclass(frozen=True, eq=False)
class Panels:
    """The weights of a layer as `ebnn_panels_layer` has them."""

    plus: npt.NDArray[np.uint8]
    minus: npt.NDArray[np.uint8] | None
    totals: npt.NDArray[np.uint32] | None

    @property
    def arrays(self) -> list[npt.NDArray[Any]]:
        """What a descriptor points to."""
        return [part for part in (self.plus, self.minus, self.totals) if part is not None]

    def described(self, layer: LinearDescriptor) -> PanelsDescriptor:
        """The layer with these weights."""
        return PanelsDescriptor(layer, *map(address, (self.plus, self.minus, self.totals)), None)


def panels_of(stage: LinearStage, sign: Words, nonzero: Words) -> Panels:
    """The panels of rows as `pack_rows` makes them, uint32 (neurons, row words)."""
    plus, minus = sign & nonzero, nonzero & ~sign
    # A ternary layer without a zero is a binary one, and faster.
    has_zeros = int(np.bitwise_count(nonzero).sum(dtype=np.int64)) < len(nonzero) * stage.fan_in
    totals = None
    if stage.input.format.startswith("int"):
        counts = [np.bitwise_count(part).sum(axis=1, dtype=np.int64) for part in (plus, minus)]
        totals = (counts[0] - counts[1]).astype(np.uint32)
    return Panels(_panels(plus, stage.groups), _panels(minus, stage.groups) if has_zeros else None, totals)


def _panels(rows: Words, groups: int) -> npt.NDArray[np.uint8]:
    """Rows uint32 (O, words) as uint8 (panels, octets, 32): a byte of each neuron of a panel, octet after octet.

    Each group starts a panel, and its last one is filled up with zeros.
    """
    octets = np.ascontiguousarray(rows, "<u4").view(np.uint8)
    count, length = len(octets) // groups, octets.shape[1]
    padded = np.zeros((groups, -(-count // _ROWS) * _ROWS, length), np.uint8)
    padded[:, :count] = octets.reshape(groups, count, length)
    return on_line(padded.reshape(-1, _ROWS, length).transpose(0, 2, 1))
