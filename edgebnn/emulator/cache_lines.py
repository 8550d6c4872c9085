"""Arrays that begin on a cache line: a register's worth that lies across two of them takes twice as long to load."""

from __future__ import annotations

from math import prod

import numpy as np
import numpy.typing as npt

LINE_BYTES = 64


def empty_on_line(shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """uint8 of this shape, C order, whose first byte begins a line."""
    size = prod(shape)
    room = np.empty(size + LINE_BYTES - 1, np.uint8)
    first = -room.ctypes.data % LINE_BYTES
    return room[first : first + size].reshape(shape)


def on_line(array: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """A copy of it, C order, whose first byte begins a line."""
    copy = empty_on_line(array.shape)
    copy[...] = array
    return copy
