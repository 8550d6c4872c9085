"""Writing what a user asked for: a file whole or not at all, and into what is no file as it stands."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from edgebnn.errors import DataError
from edgebnn.places import OutputKind, OutputPlace, cannot_write, find_place

_NEW_MODE = 0o644
_SPECIAL_FLAGS = sum(getattr(os, name, 0) for name in ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC"))


def write_whole(path: Path, data: bytes | Iterable[bytes]) -> None:
    """Writes the file, at once or part by part; a failed or interrupted write leaves an older file as it was, no other.

    A FIFO or a device is written into, part by part; a link is followed. Raises DataError naming the file where its
    folder is missing, closed or full, where nobody reads from a FIFO, and where `find_place` has a reason.
    """
    parts = (data,) if isinstance(data, bytes) else data
    place = find_place(path)
    try:
        if place.kind is OutputKind.FILE:
            _replace(place, parts)
        else:
            with _opened(place) as file:
                file.writelines(parts)
    except OSError as error:
        if error.errno == errno.ENXIO:
            reason = "no program reads from it; start one first" if path.is_fifo() else "there is no such device here"
            raise cannot_write(path, reason) from error
        raise DataError(
            f"'{path}' cannot be written: {error.strerror or error}; choose another place, or free some space"
        ) from error


def write_synced(path: Path, data: bytes) -> None:
    """Writes a new file and has it on the disk, not only in memory, when it returns."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Has the names in a folder on the disk; does nothing where a file system knows no such thing."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EBADF, errno.EROFS, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def _replace(place: OutputPlace, parts: Iterable[bytes]) -> None:
    handle, name = tempfile.mkstemp(prefix=".edgebnn-", dir=place.path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, _NEW_MODE if place.mode is None else place.mode)
        os.replace(name, place.path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextmanager
def _opened(place: OutputPlace) -> Iterator[BinaryIO]:
    """What is no file, open for writing; a FIFO that nobody reads from is an error at once and not a wait."""
    if place.kind is OutputKind.STREAM:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        handle = os.dup(place.stream)
    else:
        handle = os.open(place.path, os.O_WRONLY | _SPECIAL_FLAGS)
        os.set_blocking(handle, True)
    with os.fdopen(handle, "wb") as file:
        yield file
