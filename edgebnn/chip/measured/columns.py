"""The columns of a measurement's file, whatever its format: which there are, and what may stand in them.

`bank,row,column` and either `r_bl_ohm,r_blb_ohm`, with `weight` or `reading` beside them where cells were not all
programmed to +1 and read once, or `stuck_bl`, `stuck_blb` or both, also beside resistances, or `error_rate`, or
`error_rate_plus,error_rate_minus` where the two weights err differently. Others are left alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.geometry import MAX_BANKS, MAX_COLUMNS, MAX_ROWS
from edgebnn.chip.device.resistances import StuckIn
from edgebnn.chip.measured.cells import HIGHEST_OHM, LOWEST_OHM
from edgebnn.chip.measured.word_columns import READING_REMEDY, STUCK_REMEDY, reading_number, stuck_number
from edgebnn.errors import DataError

Column = npt.NDArray[Any]

PLACE = ("bank", "row", "column")
RESISTANCES = ("r_bl_ohm", "r_blb_ohm")
RATE = "error_rate"
SIGN_RATES = ("error_rate_plus", "error_rate_minus")
WEIGHT = "weight"
READING = "reading"
STUCK = ("stuck_bl", "stuck_blb")
WORDS = {READING: reading_number, **dict.fromkeys(STUCK, stuck_number)}
"""Columns of words, and what makes a whole number of each."""
WHOLE = (*PLACE, WEIGHT)  # columns of whole numbers
HEADERS = f"{','.join((*PLACE, *RESISTANCES))} or {','.join((*PLACE, RATE))}"

_LEAVE_OUT = "leave out a cell that was not measured"
_OHMS = f"give {LOWEST_OHM:g} to {HIGHEST_OHM:g} ohm, and {_LEAVE_OUT}"
# What each column may hold, and how to say so.
_RANGES: dict[str, tuple[float, float, str]] = {
    "bank": (0, MAX_BANKS - 1, f"banks are whole numbers from 0 to {MAX_BANKS - 1}"),
    "row": (0, MAX_ROWS - 1, f"rows are whole numbers from 0 to {MAX_ROWS - 1}"),
    "column": (0, MAX_COLUMNS - 1, f"columns are whole numbers from 0 to {MAX_COLUMNS - 1}"),
    WEIGHT: (-1, 1, "give +1 or -1, what the cell was programmed to; a 0 goes into a column 'reading'"),
    **dict.fromkeys((RATE, *SIGN_RATES), (0, 1, f"give a number from 0 to 1, and {_LEAVE_OUT}")),
    READING: (0, 1 << 32, READING_REMEDY),
    **dict.fromkeys(STUCK, (min(StuckIn), max(StuckIn), STUCK_REMEDY)),
    **dict.fromkeys(RESISTANCES, (LOWEST_OHM, HIGHEST_OHM, _OHMS)),
}


class RecordNames(NamedTuple):
    """The file in messages, and what its records are called there."""

    file: str
    record: str

    def at(self, number: int) -> str:
        """`'lab.csv', line 12`."""
        return f"'{self.file}', {self.record} {number}"


class ColumnLayout(NamedTuple):
    """The columns that are read, each with its position in the file, and the names of those that are not."""

    position: dict[str, int]
    ignored: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Block:
    """Some records of a file: `record` is the number of each in the file, from 1, int64 (n,); columns are (n,)."""

    record: npt.NDArray[np.int64]
    columns: dict[str, Column]


class Table(NamedTuple):
    """A file that is being read: its layout, and its records block by block."""

    layout: ColumnLayout
    blocks: Iterator[Block]


def layout_of(names: Sequence[str], file: str) -> ColumnLayout:
    """The columns to read of a file with these names; DataError where they say no measurement."""
    plain = [name.strip().lower() for name in names]
    found = set(plain)
    rates = found & {RATE, *SIGN_RATES}
    if rates and found & set(RESISTANCES):
        raise DataError(f"'{file}' has both resistances and {min(rates)}; leave out one of them, or make two files")
    if RATE in rates and len(rates) > 1:
        raise DataError(f"'{file}' has {RATE} and rates of each weight; leave out one of them")
    if {WEIGHT, READING} <= found and not rates:
        raise DataError(f"'{file}' has both {WEIGHT} and {READING}; leave out {WEIGHT}, which {READING} says as well")
    stuck = () if rates else tuple(name for name in STUCK if name in found)
    of_rates = () if not rates else (RATE,) if RATE in rates else SIGN_RATES
    values = of_rates or (() if stuck and not found & set(RESISTANCES) else RESISTANCES)
    wanted = (*PLACE, *values)
    missing = [name for name in wanted if name not in found]
    if missing:
        raise DataError(f"'{file}' has no column '{missing[0]}' (it has: {listed(names)}); its first line is {HEADERS}")
    states = tuple(name for name in (WEIGHT, READING) if name in found and values == RESISTANCES)
    read = (*wanted, *states, *stuck)
    for name in read:
        if plain.count(name) > 1:
            raise DataError(f"'{file}' has the column '{name}' twice; keep one")
    return ColumnLayout(
        {name: plain.index(name) for name in read},
        tuple(name for name, known in zip(names, plain, strict=True) if known and known not in read),
    )


def check_ranges(block: Block, source: RecordNames) -> None:
    """DataError names the first record with a number that is out of range or none."""
    for name, values in block.columns.items():
        low, high, remedy = _RANGES[name]
        sound = (values >= low) & (values <= high)  # NaN compares as false
        if name == WEIGHT:
            sound &= values != 0
        if not sound.all():
            first = int(np.argmin(sound))
            raise DataError(f"{source.at(int(block.record[first]))}: {name} is {values[first]}; {remedy}")


def remedy_for(name: str) -> str:
    """What a column wants."""
    return _RANGES[name][2]


def listed(names: Sequence[str], most: int = 8) -> str:
    """Names of a stranger's columns, harmless in a terminal and not too many."""
    shown = ", ".join(shown_text(name.strip()) for name in names[:most]) or "nothing"
    return shown if len(names) <= most else f"{shown}, ..."


def shown_text(text: str, longest: int = 40) -> str:
    """A stranger's text in quotes, cut to a sensible length, with all that a terminal might obey escaped."""
    return repr(text if len(text) <= longest else text[: longest - 3] + "...")
