"""Where output goes: what stands under a name already, and whether it may be written.

A regular file is replaced as a whole. A FIFO, a terminal or a device such as /dev/null stays what it is, and is written
into; so is what this process has open as its own output. Links are followed. Files of a deployment are never replaced
one by one: their hashes would no longer hold.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import msgspec

from edgebnn.errors import DataError
from edgebnn.inputs import read_input

RECORD = "deployment.json"
MAX_RECORD_BYTES = 1 << 25

_STREAMS = (1, 2)
_CLOSED_KINDS = {stat.S_IFDIR: "a folder", stat.S_IFBLK: "a block device", stat.S_IFSOCK: "a socket"}


class OutputKind(Enum):
    """How a place is written."""

    FILE = auto()  # replaced as a whole
    SPECIAL = auto()  # a FIFO or a character device: opened and written into
    STREAM = auto()  # open already, as this process's output


@dataclass(frozen=True)
class OutputPlace:
    """A name, that of a file with every link followed, the permissions of what stands there, or the stream's number."""

    path: Path
    kind: OutputKind
    mode: int | None = None
    stream: int = -1


def check_place(path: Path) -> None:
    """DataError where nothing can be written under this name, so that nobody works for hours to learn it at the end."""
    find_place(path)


def find_place(path: Path) -> OutputPlace:
    """The place of a name; DataError where nothing can be written there."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        found = None
    except (OSError, ValueError) as error:  # links in a circle, a folder that is closed, names that no file can have
        raise cannot_write(path, getattr(error, "strerror", None) or "no file can have such a name") from error
    if found is not None:
        kind = stat.S_IFMT(found.st_mode)
        if kind in _CLOSED_KINDS:
            raise cannot_write(path, f"it is {_CLOSED_KINDS[kind]}")
        for stream in _STREAMS:
            if _is_open_as(found, stream):
                return OutputPlace(path, OutputKind.STREAM, stream=stream)
        if kind != stat.S_IFREG:
            if not os.access(path, os.W_OK):
                raise cannot_write(path, "it is closed to you")
            return OutputPlace(path, OutputKind.SPECIAL)
    return _file_place(path, found)


def cannot_write(path: Path, reason: str) -> DataError:
    """The sentence about a name that nothing can be written under."""
    return DataError(f"'{path}' cannot be written: {reason}; choose another place")


def deployment_of(path: Path) -> Path | None:
    """The deployment folder whose record names this file, a path with every link followed; None where there is none."""
    for folder in path.parents:
        if path.relative_to(folder).as_posix() in _recorded(folder / RECORD):
            return folder
    return None


def _file_place(path: Path, found: os.stat_result | None) -> OutputPlace:
    real = Path(os.path.realpath(path))
    if not real.parent.is_dir():
        raise cannot_write(path, "its folder does not exist")
    if not os.access(real.parent, os.W_OK | os.X_OK):
        raise cannot_write(path, "its folder is closed to you")
    try:  # a folder that the system fills itself says so only where something is made
        with TemporaryFile(prefix=".edgebnn-", dir=real.parent):
            pass
    except OSError as error:
        raise cannot_write(path, f"no file can be made in its folder ({error.strerror or error})") from error
    if found is not None and not os.access(real, os.W_OK):
        raise cannot_write(path, "it is closed to you")
    folder = deployment_of(real)
    if folder is not None:
        raise cannot_write(path, f"it belongs to the deployment in '{folder}'")
    return OutputPlace(real, OutputKind.FILE, mode=None if found is None else stat.S_IMODE(found.st_mode) & 0o777)


def _is_open_as(found: os.stat_result, stream: int) -> bool:
    try:
        return os.path.samestat(found, os.fstat(stream))
    except OSError:  # it is closed
        return False


class _Recorded(msgspec.Struct):
    """What tells a deployment's record from any other JSON, of whatever version it is."""

    schema: int
    provenance: dict[str, Any]
    files: dict[str, Any]


def _recorded(record: Path) -> frozenset[str]:
    """The files of a deployment with this record, itself among them; empty where it is none."""
    try:
        stated = msgspec.json.decode(read_input(record, MAX_RECORD_BYTES), type=_Recorded)
    except (DataError, msgspec.DecodeError, RecursionError):
        return frozenset()
    return frozenset({RECORD, *stated.files})
