"""Reading IDX files, the format of MNIST and Fashion-MNIST, plain or gzipped, bounded before anything is allocated.

A header of big-endian numbers (two zero bytes, the type, the number of axes, each axis as 32 bits), then the values:
http://yann.lecun.com/exdb/mnist.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgebnn.errors import DataError
from edgebnn.inputs import open_input

MAX_BYTES = 1 << 30

_UINT8 = 8
_MOST_AXES = 8
_GZIP = b"\x1f\x8b"
_BLOCK_BYTES = 1 << 20


def read_idx(path: Path) -> npt.NDArray[np.uint8]:
    """The array of bytes in an IDX file, plain or gzipped, of 1 GiB at most; DataError says what is unsound in it."""
    with open_input(path, MAX_BYTES) as file:
        packed = file.peek(2)[:2] == _GZIP
        try:
            return _read(gzip.GzipFile(fileobj=file).read if packed else file.read, path)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise DataError(f"'{path}' is damaged ({error}); download it again") from error


def _read(read: Callable[[int], bytes], path: Path) -> npt.NDArray[np.uint8]:
    start = read(4)
    if len(start) < 4 or start[:2] != b"\0\0":
        raise DataError(f"'{path}' is no IDX file: it does not begin with two zero bytes; name one of images or labels")
    kind, axes = start[2], start[3]
    if kind != _UINT8 or not 1 <= axes <= _MOST_AXES:
        raise DataError(f"'{path}' holds type {kind} on {axes} axes; only unsigned bytes (8) on 1 to 8 axes are read")
    sizes = read(4 * axes)
    if len(sizes) < 4 * axes:
        raise DataError(f"'{path}' is cut short in its header; download it again")
    shape = tuple(int.from_bytes(sizes[at : at + 4], "big") for at in range(0, len(sizes), 4))
    if prod(max(extent, 1) for extent in shape) > MAX_BYTES:
        raise DataError(f"'{path}' claims an array of {shape}; at most {MAX_BYTES} bytes are read, so split it")
    wanted = prod(shape)
    data = bytearray()  # it grows with what is there: a header that claims much gets no memory for it
    while block := read(min(_BLOCK_BYTES, wanted - len(data) + 1)):
        data += block
        if len(data) > wanted:
            raise DataError(f"'{path}' holds more than the {wanted} bytes that its header claims; download it again")
    if len(data) < wanted:
        raise DataError(f"'{path}' is cut short: {len(data)} of {wanted} bytes are there; download it again")
    return np.frombuffer(bytes(data), np.uint8).reshape(shape)
