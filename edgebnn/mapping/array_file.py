"""`network.bin`: the arrays of a network one behind another, in the order in which its document names them.

A document states an array's shape and nothing else: its element type follows from what it is, its place from the arrays
before it. So no two can share bytes, and all of them together never ask for more memory than the file has.
"""

from __future__ import annotations

from math import prod
from typing import TypeVar

import numpy as np
import numpy.typing as npt

# Every array starts on a multiple of so many bytes, whatever it holds.
_ALIGNMENT = 8
_MOST_AXES = 4

_Element = TypeVar("_Element", bound=np.generic)


class ArrayWriter:
    """Appends arrays, little-endian."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []

    def add(self, array: npt.NDArray[np.generic]) -> list[int]:
        """The array's shape, for the document."""
        data = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
        self._chunks.append(data + bytes(-len(data) % _ALIGNMENT))
        return list(array.shape)

    def data(self) -> bytes:
        """The whole file."""
        return b"".join(self._chunks)


class ArrayReader:
    """Takes the arrays out again, in the same order, as views on the file's bytes, which are not to be written to."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._offset = 0

    def take(self, shape: tuple[int, ...], dtype: type[_Element]) -> npt.NDArray[_Element]:
        """The next array; ValueError where the file holds no such one any more."""
        stored = np.dtype(dtype).newbyteorder("<")
        count = prod(shape)
        sound = len(shape) <= _MOST_AXES and all(0 <= extent <= len(self._data) for extent in shape)
        if not sound or count * stored.itemsize > len(self._data) - self._offset:
            raise ValueError(f"network.bin has no array of shape {list(shape)} at byte {self._offset}")
        values = np.frombuffer(self._data, stored, count, self._offset) if count else np.empty(0, stored)
        self._offset += -(-count * stored.itemsize // _ALIGNMENT) * _ALIGNMENT
        return values.reshape(shape).astype(dtype, copy=False)

    def end(self) -> None:
        """ValueError where anything is left."""
        if self._offset != len(self._data):
            raise ValueError(f"network.bin has {len(self._data)} bytes, and the network takes {self._offset}")
