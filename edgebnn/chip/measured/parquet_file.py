"""A measurement as Parquet, read by a process of its own (`parquet_worker.py`): a hostile file ends that alone."""

from __future__ import annotations

import importlib.util
import os
from io import BufferedReader
from pathlib import Path

import msgspec
import numpy as np

from edgebnn.apart.process import run_apart
from edgebnn.arrays import read_npy
from edgebnn.chip.measured.columns import Block, RecordNames, Table, layout_of
from edgebnn.chip.measured.parquet_worker import NAMES, PROBLEM
from edgebnn.errors import DataError, ToolError
from edgebnn.scratch import scratch_folder

MAGIC = b"PAR1"
_MOST_FOOTER_BYTES = 1 << 24  # pyarrow reads the footer as a whole
_MOST_SECONDS = 300


def parquet_table(file: BufferedReader, source: RecordNames) -> Table:
    """The table in an open file; DataError says what is wrong with it, ToolError where pyarrow is missing."""
    if importlib.util.find_spec("pyarrow") is None:
        raise ToolError("Parquet files need the package pyarrow; pip install 'edgebnn[lab]', or save as CSV")
    _check_footer(file, source.file)
    with scratch_folder() as folder:
        _read_apart(file, source.file, folder)
        layout = layout_of(msgspec.json.decode((folder / NAMES).read_bytes(), type=list[str]), source.file)
        columns = {column: read_npy(folder / f"{column}.npy") for column in layout.position}
    record = np.arange(1, len(columns["bank"]) + 1, dtype=np.int64)
    return Table(layout, iter([Block(record, columns)]))


def _check_footer(file: BufferedReader, name: str) -> None:
    """The last eight bytes: the length of the footer, and the magic again."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - 8, 0))
    ending = file.read()
    file.seek(0)
    length = int.from_bytes(ending[:4], "little")
    if ending[4:] != MAGIC or length > size - 8:
        raise DataError(f"'{name}' is a Parquet file without its end; copy it again")
    if length > _MOST_FOOTER_BYTES:
        raise DataError(f"'{name}' has a footer of {length} bytes; write it again with larger row groups")


def _read_apart(file: BufferedReader, name: str, folder: Path) -> None:
    """Has the worker write the columns into the folder."""
    ended = run_apart("edgebnn.chip.measured.parquet_worker", [name, str(folder)], _MOST_SECONDS, file)
    if ended is None:
        raise DataError(f"'{name}' takes longer than {_MOST_SECONDS} s to read; save it as CSV")
    if ended == 0:
        return
    problem = folder / PROBLEM
    if problem.exists():
        raise DataError(msgspec.json.decode(problem.read_bytes(), type=str))
    raise DataError(f"'{name}' is a damaged Parquet file: pyarrow fails on it; write it again, or save as CSV")
