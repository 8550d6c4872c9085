"""Reading a stranger's .npy and .npz files: never unpickled, and bounded before anything is allocated."""

from __future__ import annotations

import tokenize
import zipfile
import zlib
from collections.abc import Iterable
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from edgebnn.errors import DataError

Array = npt.NDArray[Any]

MAX_ARRAY_BYTES = 1 << 30


def read_npy(path: Path) -> Array:
    """The array of a .npy file; DataError where it is none, holds objects, or is larger than 1 GiB."""
    try:
        with path.open("rb") as file:
            return _read(file, str(path), path.stat().st_size)
    except OSError as error:
        raise DataError(f"'{path}' cannot be read: {error.strerror or error}") from error


def read_npz(path: Path, required: Iterable[str], optional: Iterable[str] = ()) -> dict[str, Array]:
    """The named arrays of an .npz file; DataError names the file and the array that is missing or unsound."""
    required, wanted = tuple(required), {*required, *optional}
    try:
        with zipfile.ZipFile(path) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            missing = [name for name in required if name not in members]
            if missing:
                found = ", ".join(sorted(members)[:8]) or "nothing"
                raise DataError(f"'{path}' has no array '{missing[0]}' (it holds: {found}); add it")
            arrays = {}
            for name in sorted(wanted & members.keys()):
                with archive.open(members[name]) as file:
                    arrays[name] = _read(file, f"{path}: {name}", members[name].file_size)
            return arrays
    except OSError as error:
        raise DataError(f"'{path}' cannot be read: {error.strerror or error}") from error
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise DataError(f"'{path}' is not a sound .npz file ({error}); write it with numpy.savez") from error


def _read(file: IO[bytes], where: str, available: int) -> Array:
    try:
        version = np.lib.format.read_magic(file)
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }.get(version)
        if read_header is None:
            raise DataError(f"'{where}' has the unknown .npy version {version}; write it with numpy.save")
        shape, fortran, dtype = read_header(file)
    except (ValueError, TypeError, SyntaxError, tokenize.TokenError, RecursionError) as error:
        # NumPy reads a header as a Python literal, and a stranger's text can fail in all of these ways.
        raise DataError(f"'{where}' is not a sound .npy array ({error}); write it with numpy.save") from error
    if dtype.kind not in "biuf":
        what = "Python objects, which are never loaded" if dtype.hasobject else f"{dtype} values, which are no numbers"
        raise DataError(f"'{where}' holds {what}; save plain numbers")
    if not all(type(extent) is int and 0 <= extent <= MAX_ARRAY_BYTES for extent in shape):
        raise DataError(f"'{where}' has a header with the impossible shape {shape}; write it with numpy.save")
    size = prod(shape) * dtype.itemsize
    if size > MAX_ARRAY_BYTES:
        raise DataError(f"'{where}' claims an array of {size} bytes; at most {MAX_ARRAY_BYTES} are read, so split it")
    if size > available:
        raise DataError(f"'{where}' is truncated: its header claims {size} bytes, {available} are there; copy it again")
    data = file.read(size)
    if len(data) < size:
        raise DataError(f"'{where}' is truncated: {len(data)} of {size} bytes are there; copy it again")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
