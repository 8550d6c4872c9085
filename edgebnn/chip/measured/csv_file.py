"""A measurement as CSV: UTF-8, a header, commas, one cell a line; blank lines and lines that begin with # are skipped.

The file is read line by line and bounded in each, so that a stranger's costs no more memory than its cells.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from itertools import islice
from typing import IO

import numpy as np

from edgebnn.chip.measured.columns import (
    WHOLE,
    WORDS,
    Block,
    Column,
    ColumnLayout,
    RecordNames,
    Table,
    layout_of,
    remedy_for,
    shown_text,
)
from edgebnn.errors import DataError

LONGEST_LINE = 1 << 16  # bytes
MOST_COLUMNS = 1024
_BLOCK = 1 << 16  # lines


def csv_table(file: IO[bytes], source: RecordNames) -> Table:
    """The table in an open file; DataError names the line that cannot be read."""
    lines = _Lines(file, source)
    records = _records(lines, source)
    _, header = next(records, (0, []))
    if not header:
        raise DataError(f"'{source.file}' is empty; give a CSV or Parquet file with a cell on each line")
    layout = _layout(header, source, lines.number)
    return Table(layout, _blocks(records, layout, len(header), source))


class _Lines:
    """The lines of a file that hold something, as text; `number` is that of the last one, from 1."""

    def __init__(self, file: IO[bytes], source: RecordNames) -> None:
        self.file = file
        self.source = source
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while line := self.file.readline(LONGEST_LINE + 1):
            self.number += 1
            text = self._text(line)
            start = text.lstrip(", \t\r\n")[:1]
            if start and start != "#":
                return text
        raise StopIteration

    def _text(self, line: bytes) -> str:
        if len(line) > LONGEST_LINE:
            raise self._unsound(f"is longer than {LONGEST_LINE} bytes; end each line with LF or CRLF")
        try:
            text = line.decode("utf-8-sig" if self.number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise self._unsound("is not UTF-8 text; save it as CSV in UTF-8, or give a Parquet file") from None
        if "\r" in text and "\r" in text.rstrip("\r\n"):
            raise self._unsound("has a lone CR within it; end each line with LF or CRLF")
        return text

    def _unsound(self, problem: str) -> DataError:
        return DataError(f"{self.source.at(self.number)} {problem}")


def _records(lines: _Lines, source: RecordNames) -> Iterator[tuple[int, list[str]]]:
    """(number of the line, its fields)."""
    reader = csv.reader(lines, skipinitialspace=True, strict=True)
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(f"{source.at(lines.number)} is no sound CSV ({error}); mend it there") from error
        yield lines.number, fields


def _layout(header: list[str], source: RecordNames, number: int) -> ColumnLayout:
    where = source.at(number)
    if len(header) > MOST_COLUMNS:
        raise DataError(f"{where} names more than {MOST_COLUMNS} columns; leave out those that are not needed")
    for separator, name in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and separator in header[0]:
            raise DataError(f"{where} is separated by {name}; write commas between columns and points in numbers")
    if all(_is_number(field) for field in header):
        raise DataError(f"{where} holds numbers; the first line has to name the columns, without a # before them")
    return layout_of(header, source.file)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _blocks(
    records: Iterator[tuple[int, list[str]]], layout: ColumnLayout, width: int, source: RecordNames
) -> Iterator[Block]:  # fmt: skip
    while block := list(islice(records, _BLOCK)):
        for number, fields in block:
            if len(fields) != width:
                raise DataError(
                    f"{source.at(number)} has {len(fields)} fields where the header has {width}; mend it there"
                )
        numbers = [number for number, _ in block]
        columns = {
            name: _column(name, [fields[position] for _, fields in block], numbers, source)
            for name, position in layout.position.items()
        }
        yield Block(np.array(numbers, np.int64), columns)


def _column(name: str, texts: list[str], numbers: list[int], source: RecordNames) -> Column:
    """The numbers of a column; DataError names the first text that is none."""
    convert: Callable[[str], float] = WORDS.get(name, int if name in WHOLE else float)
    try:
        if _plain("".join(texts)):
            kind = np.int64 if name in WHOLE or name in WORDS else np.float64
            return np.array([convert(text) for text in texts], kind)
    except (ValueError, OverflowError):
        pass  # said below, once the line is known
    raise DataError(_misfit(name, texts, numbers, source, convert))


def _misfit(
    name: str, texts: list[str], numbers: list[int], source: RecordNames, convert: Callable[[str], float]
) -> str:  # fmt: skip
    for text, number in zip(texts, numbers, strict=True):
        try:
            sound = _plain(text) and abs(convert(text)) < 1 << 62
        except ValueError:
            sound = False
        if not sound:
            found = shown_text(text.strip()) if text.strip() else "empty"
            return f"{source.at(number)}: {name} is {found}; {remedy_for(name)}"
    raise AssertionError(f"column {name} does not convert, though each of its fields does")


def _plain(text: str) -> bool:
    """Whether the text is free of what Python takes for numbers and no lab writes: 1_000, digits of other scripts."""
    return text.isascii() and "_" not in text
