"""A measurement as Parquet, by pyarrow: the columns that are needed, block by block.

What the file claims of its sizes is checked before anything of that size is made.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from edgebnn.chip.measured import MAX_CELLS
from edgebnn.chip.measured_columns import WHOLE, Block, Column, Layout, Source, Table, layout_of
from edgebnn.errors import DataError, ToolError

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

MAGIC = b"PAR1"
_MOST_FOOTER_BYTES = 1 << 24
_MOST_COLUMN_BYTES = 8 * MAX_CELLS + (1 << 20)  # of a column, unpacked
_BLOCK = 1 << 16  # records


def parquet_table(file: IO[bytes], source: Source) -> Table:
    """The table in an open file; DataError says what is wrong with it, ToolError where pyarrow is missing."""
    parquet = _pyarrow_parquet()
    name = source.file
    _check_footer(file, name)
    with _sound(name):
        opened = parquet.ParquetFile(file, thrift_string_size_limit=1 << 20, thrift_container_size_limit=1 << 20)
        names = list(opened.schema_arrow.names)
    layout = layout_of(names, name)
    with _sound(name):
        _check_claims(opened, layout, name)
    return Table(layout, _blocks(opened, layout, [names[i] for i in layout.position.values()], source))


def _pyarrow_parquet() -> Any:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise ToolError("Parquet files need the package pyarrow; pip install 'edgebnn[lab]', or save as CSV") from error
    return pyarrow.parquet


@contextmanager
def _sound(name: str) -> Iterator[None]:
    """Turns what pyarrow says of a file that is none of its own into a sentence."""
    from pyarrow import ArrowException

    try:
        yield
    except (ArrowException, OSError, ValueError, MemoryError, NotImplementedError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"'{name}' is no sound Parquet file ({reason!r}); write it again, or save as CSV") from error


def _check_footer(file: IO[bytes], name: str) -> None:
    """The last eight bytes: the length of the footer, which pyarrow reads as a whole, and the magic again."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - 8, 0))
    ending = file.read()
    file.seek(0)
    length = int.from_bytes(ending[:4], "little")
    if ending[4:] != MAGIC or length > size - 8:
        raise DataError(f"'{name}' is a Parquet file without its end; copy it again")
    if length > _MOST_FOOTER_BYTES:
        raise DataError(f"'{name}' has a footer of {length} bytes; write it again with larger row groups")


def _check_claims(opened: ParquetFile, layout: Layout, name: str) -> None:
    """Types, number of records and unpacked sizes, as the footer has them."""
    from pyarrow import types

    for column, position in layout.position.items():
        kind = opened.schema_arrow.field(position).type
        whole = types.is_integer(kind)
        if not whole and (column in WHOLE or not types.is_floating(kind)):
            wanted = "integers" if column in WHOLE else "numbers"
            raise DataError(f"'{name}': the column '{column}' holds {str(kind)[:40]!r}; store {wanted} in it")
    metadata = opened.metadata
    if metadata.num_rows > MAX_CELLS:
        raise DataError(f"'{name}' claims {metadata.num_rows} cells; at most {MAX_CELLS} are read, so leave out some")
    wanted_leaves = {opened.schema_arrow.names[position] for position in layout.position.values()}
    leaves = [i for i in range(metadata.num_columns) if opened.schema.column(i).path in wanted_leaves]
    for leaf in leaves:
        groups = (metadata.row_group(group).column(leaf) for group in range(metadata.num_row_groups))
        unpacked = sum(max(group.total_uncompressed_size, 0) for group in groups)
        if unpacked > _MOST_COLUMN_BYTES:
            raise DataError(
                f"'{name}' claims a column of {unpacked} bytes, unpacked; at most {_MOST_COLUMN_BYTES} are read, so "
                "leave out some cells"
            )


def _blocks(opened: ParquetFile, layout: Layout, names: list[str], source: Source) -> Iterator[Block]:
    batches = opened.iter_batches(_BLOCK, columns=names, use_threads=False)
    before = 0
    while True:
        with _sound(source.file):
            batch = next(batches, None)
        if batch is None:
            return
        number = np.arange(before + 1, before + 1 + batch.num_rows, dtype=np.int64)
        columns = {column: _column(batch, column, stored, number, source)
                   for column, stored in zip(layout.position, names, strict=True)}  # fmt: skip
        before += batch.num_rows
        yield Block(number, columns)


def _column(batch: Any, column: str, stored: str, number: Column, source: Source) -> Column:
    values = batch.column(batch.schema.get_field_index(stored))
    if values.null_count:
        first = int(number[int(np.argmax(values.is_null().to_numpy(zero_copy_only=False)))])
        raise DataError(f"{source.at(first)}: {column} is empty; leave out a cell that was not measured")
    found: Column = values.to_numpy(zero_copy_only=False)
    return found
