"""A lab's measurement of a chip: a CSV or Parquet file, cell by cell. docs/chips.md has the columns."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import file_digest
from io import BufferedReader
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from edgebnn.chip.measured import BANK_CELLS, MAX_CELLS, Measured
from edgebnn.chip.measured_columns import PLACE, RATE, RESISTANCES, SIGN_RATES, WEIGHT, Block, Source, check_ranges
from edgebnn.chip.measured_csv import csv_table
from edgebnn.chip.measured_parquet import MAGIC, parquet_table
from edgebnn.chip.target import COLUMNS
from edgebnn.errors import DataError
from edgebnn.inputs import open_input
from edgebnn.legible import legible_line

MAX_FILE_BYTES = 1 << 30  # 64 bytes for each cell that may be


class MeasuredFile(NamedTuple):
    """A measurement, the names of the file's columns that were not read, and whether it has the column `weight`."""

    measured: Measured
    ignored: tuple[str, ...]
    weighted: bool


class _Cells(NamedTuple):
    """Cells in some order: their numbers, their records in the file, and what was measured (n, 2)."""

    cell: npt.NDArray[np.int64]
    record: npt.NDArray[np.int64]
    values: npt.NDArray[Any]


def read_measured(path: Path) -> MeasuredFile:
    """The measurement in a file, CSV or Parquet by its content.

    Raises DataError where it is none, and ToolError where Parquet lacks its package.
    """
    remedy = "give a CSV or Parquet file with a measurement, without cells that no network will use"
    with open_input(path, MAX_FILE_BYTES, remedy=remedy) as file:
        return _read(file, path)


def _read(file: BufferedReader, path: Path) -> MeasuredFile:
    digest = file_digest(file, "sha256").hexdigest()
    file.seek(0)
    packed = file.read(len(MAGIC)) == MAGIC
    file.seek(0)
    source = Source(str(path), "record" if packed else "line")
    layout, blocks = parquet_table(file, source) if packed else csv_table(file, source)
    cells = _sorted(_joined(blocks, source), source)
    rates = RESISTANCES[0] not in layout.position
    measured = Measured(
        cell=cells.cell,
        error_rate=cells.values if rates else None,
        ln_resistance=None if rates else cells.values,
        name=legible_line(path.name),
        sha256=digest,
    )
    return MeasuredFile(measured, layout.ignored, WEIGHT in layout.position)


def _joined(blocks: Iterator[Block], source: Source) -> _Cells:
    """All blocks, each checked and brought to its final form before the next one is read."""
    found: list[_Cells] = []
    count = 0
    for block in blocks:
        check_ranges(block, source)
        found.append(_cells(block))
        count += len(block.record)
        if count > MAX_CELLS:
            raise DataError(
                f"'{source.file}' has more than {MAX_CELLS} cells; leave out those that no network will use"
            )
    if not count:
        raise DataError(f"'{source.file}' has a header and no cells; add a {source.record} for each one")
    return _Cells(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def _cells(block: Block) -> _Cells:
    columns = block.columns
    bank, row, column = (columns[name].astype(np.int64) for name in PLACE)
    cell = bank * BANK_CELLS + row * COLUMNS + column
    if RESISTANCES[0] not in columns:
        signs = (RATE, RATE) if RATE in columns else SIGN_RATES
        return _Cells(cell, block.record, np.stack([columns[name].astype(np.float64) for name in signs], axis=-1))
    sides = np.log(np.stack([columns[name].astype(np.float64) for name in RESISTANCES], axis=-1)).astype(np.float32)
    if WEIGHT in columns:  # -1 has its low-resistance state on BLb
        sides = np.where((columns[WEIGHT] < 0)[:, np.newaxis], sides[:, ::-1], sides)
    return _Cells(cell, block.record, sides)


def _sorted(cells: _Cells, source: Source) -> _Cells:
    """The cells in rising order; DataError names the first one that stands there again."""
    order = np.argsort(cells.cell, kind="stable")
    cell, record = cells.cell[order], cells.record[order]
    again = np.flatnonzero(cell[1:] == cell[:-1])
    if len(again):
        place = again[np.argmin(record[again + 1])]
        bank, within = divmod(int(cell[place]), BANK_CELLS)
        raise DataError(
            f"{source.at(int(record[place + 1]))} measures bank {bank}, row {within // COLUMNS}, column "
            f"{within % COLUMNS} again, after {source.record} {record[place]}; keep one of them"
        )
    return _Cells(cell, record, cells.values[order])
