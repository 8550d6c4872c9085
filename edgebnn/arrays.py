"""Reading a stranger's .npy and .npz files: never unpickled, and bounded before anything is allocated."""

from __future__ import annotations

import io
import os
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from edgebnn.errors import DataError
from edgebnn.inputs import open_input

Array = npt.NDArray[Any]

MAX_ARRAY_BYTES = 1 << 30

_MOST_AXES = 64  # NumPy's own limit
_MOST_HEADER_BYTES = 1 << 16
_MOST_NPY_BYTES = MAX_ARRAY_BYTES + _MOST_HEADER_BYTES
_BLOCK_BYTES = 1 << 20

# An archive ends in a record of 22 bytes, where it has no comment; one above 2 GiB has a locator of 20 bytes before it.
_END, _END_BYTES = b"PK\x05\x06", 22
_LOCATOR, _LOCATOR_BYTES = b"PK\x06\x07", 20
_MOST_ARCHIVE_BYTES = (1 << 31) - 1
_MOST_DIRECTORY_BYTES = 1 << 20

# What zipfile and zlib say of bytes that they cannot read.
_UNSOUND = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    NotImplementedError,
    RuntimeError,
    EOFError,
    ValueError,
)


def read_npy(path: Path) -> Array:
    """The array of a .npy file; DataError where it is none, holds objects, or is larger than 1 GiB."""
    with open_input(path, _MOST_NPY_BYTES) as file:
        return _read(file, str(path), os.fstat(file.fileno()).st_size)


def read_npz(
    path: Path, required: Iterable[str], optional: Iterable[str] = (), most_bytes: int = MAX_ARRAY_BYTES
) -> dict[str, Array]:
    """The named arrays of an .npz file, all of them together of `most_bytes` at most.

    DataError names the file and the array that is missing or unsound.
    """
    required, wanted = tuple(required), {*required, *optional}
    with _opened(path) as (archive, members):
        missing = [name for name in required if name not in members]
        if missing:
            found = ", ".join(sorted(members)[:8]) or "nothing"
            raise DataError(f"'{path}' has no array '{missing[0]}' (it holds: {found}); add it")
        chosen = {name: members[name] for name in sorted(wanted & members.keys())}
        _check_members(chosen, path, most_bytes)
        return {name: _member(archive, info, f"{path}: {name}") for name, info in chosen.items()}


class NpzArrays(Mapping[str, Array]):
    """The arrays of an .npz file by name, each read when it is asked for; together of 1 GiB at most.

    DataError as `read_npz`, when the file is opened and when an array is read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with _opened(path) as (_, members):
            self._names = tuple(members)
        self._read: dict[str, Array] = {}

    def __getitem__(self, name: str) -> Array:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._read:
            left = MAX_ARRAY_BYTES - sum(array.nbytes for array in self._read.values())
            self._read |= read_npz(self._path, [name], most_bytes=left)
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]]:
    """The archive of an .npz file and what it holds, by the arrays' names; DataError for what is unsound in it."""
    try:
        with open_input(path, _MOST_ARCHIVE_BYTES) as file, _archive(file, path) as archive:
            yield archive, {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
    except _UNSOUND as error:
        raise DataError(f"'{path}' is not a sound .npz file ({error}); write it with numpy.savez") from error


def _archive(file: BinaryIO, path: Path) -> zipfile.ZipFile:
    """The archive in an open file, whose directory is read as a whole and therefore bounded before."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - _LOCATOR_BYTES - _END_BYTES, 0))
    ending = file.read()
    end = ending[-_END_BYTES:]
    if not end.startswith(_END) or ending[:-_END_BYTES][-_LOCATOR_BYTES:].startswith(_LOCATOR):
        raise DataError(f"'{path}' is not a sound .npz file, or cut short; write it with numpy.savez")
    directory = int.from_bytes(end[12:16], "little")
    if directory > _MOST_DIRECTORY_BYTES:
        raise DataError(f"'{path}' names too many arrays ({directory} bytes of names); leave some out")
    return zipfile.ZipFile(file)


def _check_members(members: Mapping[str, zipfile.ZipInfo], path: Path, most_bytes: int) -> None:
    """How they are packed, and what they claim to unpack to: `_read` asks for no more than that."""
    for name, info in members.items():
        # The other ways to pack, which numpy never writes, are unpacked here without a bound on what comes out.
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DataError(f"'{path}: {name}' is packed in a way that NumPy does not write; write it with numpy.savez")
    unpacked = sum(info.file_size for info in members.values())
    if unpacked > most_bytes + _MOST_HEADER_BYTES * len(members):
        raise DataError(f"'{path}' claims {unpacked} bytes of arrays; at most {most_bytes} are read, so split it")


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, where: str) -> Array:
    with archive.open(info) as file:
        return _read(file, where, info.file_size)


def _read(file: IO[bytes], where: str, available: int) -> Array:
    start = io.BytesIO(file.read(_MOST_HEADER_BYTES))
    shape, fortran, dtype = _header(start, where)
    if dtype.kind not in "biuf":
        what = "Python objects, which are never loaded" if dtype.hasobject else f"{dtype} values, which are no numbers"
        raise DataError(f"'{where}' holds {what}; save plain numbers")
    if not _possible(shape):
        raise DataError(f"'{where}' has a header with the impossible shape {str(shape)[:80]}; write it with numpy.save")
    size = prod(shape) * dtype.itemsize
    if size > MAX_ARRAY_BYTES:
        raise DataError(f"'{where}' claims an array of {size} bytes; at most {MAX_ARRAY_BYTES} are read, so split it")
    if size > available:
        raise DataError(f"'{where}' is truncated: its header claims {size} bytes, {available} are there; copy it again")
    data = np.empty(size, np.uint8)
    filled = _fill(data.data, start, file)
    if filled < size:
        raise DataError(f"'{where}' is truncated: {filled} of {size} bytes are there; copy it again")
    data.flags.writeable = False
    return data.view(dtype).reshape(shape, order="F" if fortran else "C")


def _header(start: IO[bytes], where: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """(shape, whether in Fortran's order, type) as the first bytes of a .npy file state them."""
    try:
        version = np.lib.format.read_magic(start)
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }.get(version)
        if read_header is None:
            raise DataError(f"'{where}' has the unknown .npy version {version}; write it with numpy.save")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Python's and NumPy's opinion on how a header is written
            return read_header(start)
    except (ValueError, TypeError, SyntaxError, tokenize.TokenError, RecursionError) as error:
        # NumPy reads a header as a Python literal, and a stranger's text can fail in all of these ways.
        reason = str(error)[:200]
        raise DataError(f"'{where}' is not a sound .npy array ({reason}); write it with numpy.save") from error


def _possible(shape: tuple[int, ...]) -> bool:
    """Whether NumPy has arrays of the shape; an extent of 0 makes none of the others harmless."""
    if len(shape) > _MOST_AXES or not all(type(extent) is int and extent >= 0 for extent in shape):
        return False
    return prod(max(extent, 1) for extent in shape) <= 1 << 62


def _fill(buffer: memoryview, *files: IO[bytes]) -> int:
    """How many bytes of the buffer the files filled, one after the other; block by block, none is held twice."""
    filled = 0
    for file in files:
        while block := file.read(min(_BLOCK_BYTES, len(buffer) - filled)):
            buffer[filled : filled + len(block)] = block
            filled += len(block)
    return filled
