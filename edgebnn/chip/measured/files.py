"""A lab's measurement of a chip: a CSV or Parquet file, cell by cell. docs/chips.md has the columns."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import file_digest
from io import BufferedReader
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.geometry import cell_number, cell_place
from edgebnn.chip.device.resistances import StuckIn
from edgebnn.chip.measured.cells import MAX_CELLS, Measured
from edgebnn.chip.measured.columns import (
    PLACE,
    RATE,
    READING,
    RESISTANCES,
    SIGN_RATES,
    STUCK,
    WEIGHT,
    Block,
    Column,
    RecordNames,
    check_ranges,
)
from edgebnn.chip.measured.csv_file import csv_table
from edgebnn.chip.measured.parquet_file import MAGIC, parquet_table
from edgebnn.errors import DataError
from edgebnn.inputs import open_input
from edgebnn.legible import legible_line

MAX_MEASUREMENT_BYTES = 1 << 30  # 64 bytes for each cell that may be


class MeasuredFile(NamedTuple):
    """A measurement, the names of the file's columns that were not read, and whether it says what cells held."""

    measured: Measured
    ignored: tuple[str, ...]
    weighted: bool


class _Records(NamedTuple):
    """Records in some order (n,): the number of cell and weight as in `Measured.reading`, the repeat, the record.

    values: what was measured, (n, 2), or None. stuck: int8 (n, 2), or None.
    """

    reading: npt.NDArray[np.int64]
    repeat: npt.NDArray[np.int64]
    record: npt.NDArray[np.int64]
    values: npt.NDArray[Any] | None
    stuck: npt.NDArray[np.int8] | None


def read_measured(path: Path) -> MeasuredFile:
    """The measurement in a file, CSV or Parquet by its content.

    Raises DataError where it is none, and ToolError where Parquet lacks its package.
    """
    remedy = "give a CSV or Parquet file with a measurement, without cells that no network will use"
    with open_input(path, MAX_MEASUREMENT_BYTES, remedy=remedy) as file:
        return _read(file, path)


def _read(file: BufferedReader, path: Path) -> MeasuredFile:
    digest = file_digest(file, "sha256").hexdigest()
    file.seek(0)
    packed = file.read(len(MAGIC)) == MAGIC
    file.seek(0)
    source = RecordNames(str(path), "record" if packed else "line")
    layout, blocks = parquet_table(file, source) if packed else csv_table(file, source)
    found = _sorted(_joined(blocks, source), source)
    cell = np.unique(found.reading // 3)
    named = legible_line(path.name), digest
    if set(layout.position) & {RATE, *SIGN_RATES}:
        measured = Measured(cell, found.values, None, *named)
    else:
        reading = None if found.values is None else found.reading
        measured = Measured(cell, None, found.values, *named, reading, _stuck(found, cell, source))
    return MeasuredFile(measured, layout.ignored, bool({WEIGHT, READING} & set(layout.position)))


def _joined(blocks: Iterator[Block], source: RecordNames) -> _Records:
    """All blocks, each checked and brought to its final form before the next one is read."""
    found: list[_Records] = []
    count = 0
    for block in blocks:
        check_ranges(block, source)
        found.append(_records(block))
        count += len(block.record)
        if count > MAX_CELLS:
            raise DataError(
                f"'{source.file}' has more than {MAX_CELLS} cells; leave out those that no network will use"
            )
    if not count:
        raise DataError(f"'{source.file}' has a header and no cells; add a {source.record} for each one")
    reading, repeat, record = (np.concatenate([getattr(each, name) for each in found]) for name in _Records._fields[:3])
    values, stuck = (
        None if getattr(found[0], name) is None else np.concatenate([getattr(each, name) for each in found])
        for name in _Records._fields[3:]
    )
    return _Records(reading, repeat, record, values, stuck)


def _records(block: Block) -> _Records:
    columns = block.columns
    cell = cell_number(*(columns[name].astype(np.int64) for name in PLACE))
    plus, once = np.full(cell.shape, 2, np.int64), np.ones(cell.shape, np.int64)
    weight, repeat = columns[WEIGHT].astype(np.int64) + 1 if WEIGHT in columns else plus, once
    if READING in columns:
        repeat, weight = divmod(columns[READING], 3)
    return _Records(3 * cell + weight, repeat, block.record, _values(columns), _stuck_columns(columns))


def _values(columns: dict[str, Column]) -> npt.NDArray[Any] | None:
    """Error rates of +1 and -1, float64 (n, 2), or ln R on BL and BLb, float32 (n, 2)."""
    if RESISTANCES[0] in columns:
        ohms = np.stack([columns[name].astype(np.float64) for name in RESISTANCES], axis=-1)
        return np.log(ohms).astype(np.float32)
    names = (RATE, RATE) if RATE in columns else SIGN_RATES
    return np.stack([columns[name].astype(np.float64) for name in names], axis=-1) if names[0] in columns else None


def _stuck_columns(columns: dict[str, Column]) -> npt.NDArray[np.int8] | None:
    if not set(STUCK) & set(columns):
        return None
    none = np.zeros(len(columns[PLACE[0]]), np.int8)
    return np.stack([columns.get(name, none).astype(np.int8) for name in STUCK], axis=-1)


def _sorted(records: _Records, source: RecordNames) -> _Records:
    """The records by cell, weight and repeat; DataError names the first one that stands there again."""
    order = np.lexsort((records.repeat, records.reading))
    reading, repeat, record = (each[order] for each in records[:3])
    values, stuck = (None if each is None else each[order] for each in records[3:])
    again = np.flatnonzero((reading[1:] == reading[:-1]) & (repeat[1:] == repeat[:-1]))
    if len(again):
        place = again[np.argmin(record[again + 1])]
        raise DataError(
            f"{source.at(int(record[place + 1]))} measures {_place(int(reading[place]) // 3)} again, after "
            f"{source.record} {record[place]}; keep one of them, or tell them apart in a column '{READING}'"
        )
    return _Records(reading, repeat, record, values, stuck)


def _stuck(records: _Records, cell: npt.NDArray[np.int64], source: RecordNames) -> npt.NDArray[np.int8] | None:
    """Where each cell is stuck, as any of its records says; DataError where two of them say something else."""
    if records.stuck is None:
        return None
    place = np.searchsorted(cell, records.reading // 3)
    found = np.zeros((len(cell), 2), np.int8)
    np.maximum.at(found, place, records.stuck)
    unlike = ((records.stuck != StuckIn.NONE) & (records.stuck != found[place])).any(axis=-1)
    if unlike.any():
        first = int(records.record[unlike].min())
        which = _place(int(cell[place[records.record == first][0]]))
        raise DataError(
            f"{source.at(first)}: {which} is stuck in one state here and in the other elsewhere; keep one of them"
        )
    return found


def _place(cell: int) -> str:
    bank, row, column = cell_place(cell)
    return f"bank {bank}, row {row}, column {column}"
