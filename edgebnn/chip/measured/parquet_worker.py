"""A process of its own that reads a Parquet file: `python -m edgebnn.chip.measured.parquet_worker NAME FOLDER < FILE`.

pyarrow ends the whole process on some damaged files, and takes what memory a page claims; here that ends this process
alone. It writes the file's column names and the columns that are wanted into FOLDER, or the sentence that says why not.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import msgspec
import numpy as np

from edgebnn.apart.process import bound_memory
from edgebnn.chip.measured.cells import MAX_CELLS
from edgebnn.chip.measured.columns import WHOLE, WORDS, Column, ColumnLayout, layout_of, remedy_for, shown_text
from edgebnn.errors import DataError

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

NAMES, PROBLEM = "names.json", "problem.json"

_MOST_COLUMN_BYTES = 8 * MAX_CELLS + (1 << 20)  # of a column, unpacked
_MOST_MEMORY_BYTES = 4 << 30
_BLOCK = 1 << 16  # records


def main() -> None:
    """Reads standard input, which is a file; exit code 0 where the columns were written."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    bound_memory(_MOST_MEMORY_BYTES)
    try:
        with open(0, "rb", closefd=False) as file:
            write_columns(file, name, folder)
    except DataError as error:
        (folder / PROBLEM).write_bytes(msgspec.json.encode(_utf8(str(error))))
        sys.exit(1)


def write_columns(file: IO[bytes], name: str, folder: Path) -> None:
    """The names of all columns, and each wanted one as .npy; DataError where the file is no such thing."""
    from pyarrow.parquet import ParquetFile

    with _sound(name):
        opened = ParquetFile(file, thrift_string_size_limit=1 << 20, thrift_container_size_limit=1 << 20)
        names = list(opened.schema_arrow.names)
    layout = layout_of(names, name)
    with _sound(name):
        check_claims(opened, layout, name)
    (folder / NAMES).write_bytes(msgspec.json.encode([_utf8(each) for each in names]))
    stored = [names[position] for position in layout.position.values()]
    for column, values in zip(layout.position, _columns(opened, layout, stored, name), strict=True):
        np.save(folder / f"{column}.npy", values)


def check_claims(opened: ParquetFile, layout: ColumnLayout, name: str) -> None:
    """Types, number of records and unpacked sizes, as the file's footer has them; DataError names what is wrong."""
    for column, position in layout.position.items():
        _check_type(opened.schema_arrow.field(position).type, column, name)
    metadata = opened.metadata
    if metadata.num_rows > MAX_CELLS:
        raise DataError(f"'{name}' claims {metadata.num_rows} cells; at most {MAX_CELLS} are read, so leave out some")
    wanted = {opened.schema_arrow.names[position] for position in layout.position.values()}
    for leaf in range(metadata.num_columns):
        if opened.schema.column(leaf).path not in wanted:
            continue
        groups = (metadata.row_group(group).column(leaf) for group in range(metadata.num_row_groups))
        unpacked = sum(max(group.total_uncompressed_size, 0) for group in groups)
        if unpacked > _MOST_COLUMN_BYTES:
            raise DataError(
                f"'{name}' claims a column of {unpacked} bytes, unpacked; at most {_MOST_COLUMN_BYTES} are read, so "
                "leave out some cells"
            )


def _check_type(kind: Any, column: str, name: str) -> None:
    from pyarrow import types

    if column in WORDS:
        kind = kind.value_type if types.is_dictionary(kind) else kind
        if types.is_string(kind) or types.is_large_string(kind) or types.is_integer(kind) or types.is_null(kind):
            return
        raise DataError(f"'{name}': the column '{column}' holds {str(kind)[:40]!r}; store texts in it")
    if types.is_integer(kind) or (types.is_floating(kind) and column not in WHOLE):
        return
    wanted = "integers" if column in WHOLE else "numbers"
    raise DataError(f"'{name}': the column '{column}' holds {str(kind)[:40]!r}; store {wanted} in it")


def _columns(opened: ParquetFile, layout: ColumnLayout, stored: list[str], name: str) -> list[Column]:
    """The wanted columns, each as one array, in the layout's order."""
    parts: list[list[Column]] = [[] for _ in stored]
    count = 0
    with _sound(name):
        for batch in opened.iter_batches(_BLOCK, columns=stored, use_threads=False):
            for part, column, each in zip(parts, layout.position, stored, strict=True):
                part.append(_numbers(batch.column(batch.schema.get_field_index(each)), column, count, name))
            count += batch.num_rows
            if count > opened.metadata.num_rows:
                raise DataError(f"'{name}' has more records than it says; write it again, or save as CSV")
    return [np.concatenate(part) if part else np.zeros(0, np.int64) for part in parts]


def _numbers(values: Any, column: str, before: int, name: str) -> Column:
    if column in WORDS:
        return _words(values, column, before, name)
    if values.null_count:
        first = before + 1 + int(np.argmax(values.is_null().to_numpy(zero_copy_only=False)))
        raise DataError(f"'{name}', record {first}: {column} is empty; leave out a cell that was not measured")
    found: Column = values.to_numpy(zero_copy_only=False)
    return found if column in WHOLE else found.astype(np.float64)


def _words(values: Any, column: str, before: int, name: str) -> Column:
    """The numbers of words; one that is missing is an empty one."""
    found = np.zeros(len(values), np.int64)
    for place, word in enumerate(values.to_pylist()):
        try:
            found[place] = WORDS[column]("" if word is None else str(word))
        except ValueError:
            shown = "empty" if word is None else shown_text(str(word))
            where = f"'{name}', record {before + 1 + place}"
            raise DataError(f"{where}: {column} is {shown}; {remedy_for(column)}") from None
    return found


@contextmanager
def _sound(name: str) -> Iterator[None]:
    """Turns what pyarrow says of a file that is none of its own into a sentence."""
    from pyarrow import ArrowException

    try:
        yield
    except (ArrowException, OSError, ValueError, MemoryError, OverflowError, NotImplementedError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"'{name}' is no sound Parquet file ({reason!r}); write it again, or save as CSV") from error


def _utf8(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


if __name__ == "__main__":
    main()
