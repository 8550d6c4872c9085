"""The sense margin: how ln R of both devices of a cell lies, in either state, and by how much a read tells them apart.

The margin of a weight is how much later, in ln t, the line of the device in HRS falls than that of the one in LRS,
with the amplifier's offset and noise; a binary weight is misread where it is negative.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import hypot
from typing import NamedTuple

from edgebnn.chip.banks.geometry import Geometry
from edgebnn.chip.device.cell import Cell, Level
from edgebnn.chip.device.error_formulas import Law, Normal, SensingWindow
from edgebnn.chip.study.distributions import Distribution, side_distributions


class CellDevice(NamedTuple):
    """A device of a cell: `lrs` or `hrs`, on `bl` or `blb`."""

    state: str
    side: str


CELL_DEVICES = tuple(CellDevice(state, side) for state in ("lrs", "hrs") for side in ("bl", "blb"))


@dataclass(frozen=True)
class Margins:
    """laws, sampled: ln R of the devices in each place, by theory and of sampled ones. plus, minus: the margins of +1
    and -1. amplifier: standard deviation of its offset and noise. window: of ternary reads.
    """

    laws: Mapping[CellDevice, Law]
    sampled: Mapping[CellDevice, Distribution]
    plus: Law
    minus: Law
    amplifier: float
    window: SensingWindow


def margins(cell: Cell, seed: int, cells: int, geometry: Geometry) -> Margins:
    """Of a cell, with so many sampled ones beside it, at least and up to 2^18."""
    laws = {place: cell.law(Level[place.state.upper()], blb=place.side == "blb") for place in CELL_DEVICES}
    amplifier = hypot(cell.offset, cell.noise)
    return Margins(
        laws=laws,
        sampled=dict(zip(CELL_DEVICES, side_distributions(cell, seed, cells, geometry), strict=True)),
        plus=_margin(laws[CellDevice("lrs", "bl")], laws[CellDevice("hrs", "blb")], amplifier),
        minus=_margin(laws[CellDevice("lrs", "blb")], laws[CellDevice("hrs", "bl")], amplifier),
        amplifier=amplifier,
        window=SensingWindow(cell.window, cell.window_spread),
    )


def _margin(fast: Law, slow: Law, amplifier: float) -> Law:
    return tuple(
        Normal(one.share * other.share, other.mean - one.mean, hypot(one.spread, other.spread, amplifier))
        for one in fast
        for other in slow
    )
