"""Writing a file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from edgebnn.errors import DataError


def check_place(path: Path) -> None:
    """DataError where a file of this name cannot be written, so that nobody works for hours to learn it at the end."""
    reason = None
    if path.is_dir():
        reason = "it is a folder"
    elif not path.parent.is_dir():
        reason = "its folder does not exist"
    elif not os.access(path.parent, os.W_OK):
        reason = "its folder is closed to you"
    if reason is not None:
        raise DataError(f"'{path}' cannot be written: {reason}; choose another place")


def write_whole(path: Path, data: bytes | Iterable[bytes]) -> None:
    """Writes the file, at once or part by part; a failed or interrupted write leaves an older file as it was, no other.

    Raises DataError naming the file where its folder is missing, closed or full.
    """
    name = ""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.writelines((data,) if isinstance(data, bytes) else data)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except OSError as error:
        if name:
            Path(name).unlink(missing_ok=True)
        reason = error.strerror or error
        raise DataError(f"'{path}' cannot be written: {reason}; choose another place, or free some space") from error
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
