"""Opening what a user or a stranger names as input: a regular file of a bounded size, and nothing that could wait.

A FIFO, a terminal or a device may keep a reader for ever, or never end; a name may hold what no system takes, and a
link may lead in a circle. All of that is one sentence here. And since every input comes through here, a file that the
command would replace in the end is found out when it is read, whoever named it: an option, or another file.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from io import BufferedReader
from pathlib import Path

from edgebnn.errors import DataError, EdgeBNNError

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}
# Only POSIX systems have FIFOs to wait for, terminals to take control of, and files that a child would inherit.
_FLAGS = sum(getattr(os, name, 0) for name in ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY"))

FileId = tuple[int, int]
"""Which file it is, whatever its names: the device that it lies on and its number there."""

_REPLACED: ContextVar[Mapping[FileId, EdgeBNNError]] = ContextVar("_REPLACED")


def file_id(found: os.stat_result) -> FileId:
    """The file that `found` is about."""
    return found.st_dev, found.st_ino


@contextmanager
def replacing(files: Mapping[FileId, EdgeBNNError]) -> Iterator[None]:
    """As long as this lasts, these files are going to be replaced: opening one of them as input raises its error."""
    token = _REPLACED.set(files)
    try:
        yield
    finally:
        _REPLACED.reset(token)


@contextmanager
def open_input(
    path: Path,
    most_bytes: int,
    error: type[EdgeBNNError] = DataError,
    *,
    called: str = "",
    remedy: str = "check the path",
) -> Iterator[BufferedReader]:
    """The file, open for reading; where it is none, is larger than `most_bytes`, or fails while it is read, `error`.

    `called` is how the sentence begins, by default with the path in quotes; `remedy` is how it ends. See `replacing`.
    """
    called = called or f"'{path}'"
    try:
        with _opened(path, error, called, remedy) as file:
            found = os.fstat(file.fileno())
            if found.st_size > most_bytes:
                raise error(f"{called} has {found.st_size} bytes, more than the {most_bytes} that are read; {remedy}")
            replaced = _REPLACED.get({}).get(file_id(found))
            if replaced is not None:
                raise replaced
            yield file
    except OSError as failure:
        if failure.filename not in (None, path, str(path)):  # another file's, which the caller makes of this one
            raise
        raise error(f"{called} cannot be read: {failure.strerror or failure}; {remedy}") from failure


def read_input(
    path: Path,
    most_bytes: int,
    error: type[EdgeBNNError] = DataError,
    *,
    called: str = "",
    remedy: str = "check the path",
) -> bytes:
    """The whole file, under the conditions of `open_input`."""
    with open_input(path, most_bytes, error, called=called, remedy=remedy) as file:
        return file.read(most_bytes)


def input_inside(folder: Path, name: str, error: type[EdgeBNNError], *, called: str, remedy: str) -> Path:
    """The path of a file that a stranger's file names, with every link followed; `error` where it leaves the folder."""
    try:
        path, root = (folder / name).resolve(), folder.resolve()
    except (OSError, RuntimeError, ValueError) as failure:  # a link in a circle; a name that no file can have
        raise error(f"{called} is no file; {remedy}") from failure
    if not path.is_relative_to(root):
        raise error(f"{called} lies outside the folder; {remedy}")
    return path


def _opened(path: Path, error: type[EdgeBNNError], called: str, remedy: str) -> BufferedReader:
    try:
        kind = _other_kind(os.stat(path))  # before it is opened, since opening a device may do something
        file = None if kind else open(os.open(path, os.O_RDONLY | _FLAGS), "rb")  # noqa: SIM115  the caller closes it
    except ValueError as failure:  # a NUL, or text that the system cannot encode
        raise error(f"{called} cannot be read: no file can have such a name; {remedy}") from failure
    if file is not None:
        kind = _other_kind(os.fstat(file.fileno()))
        if kind is None:
            return file
        file.close()
    raise error(f"{called} is {kind}, and only a file is read; {remedy}")


def _other_kind(found: os.stat_result) -> str | None:
    """What it is, where it is no regular file."""
    return None if stat.S_ISREG(found.st_mode) else _KINDS.get(stat.S_IFMT(found.st_mode), "no regular file")
