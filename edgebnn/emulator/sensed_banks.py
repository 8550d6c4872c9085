"""Programmed banks as the C of `runtime/chip` reads them: `ebnn_sensing`."""

from __future__ import annotations

import ctypes

import numpy as np

from edgebnn.chip.reading import ProgrammedBanks
from edgebnn.errors import ToolError
from edgebnn.native import library

_word, _pointer = ctypes.c_uint32, ctypes.c_void_p


class Sensing(ctypes.Structure):
    """`ebnn_sensing`."""

    _fields_ = [
        ("sign", _pointer),
        ("nonzero", _pointer),
        ("fresh", _pointer),
        ("tables", _pointer),
        ("seed", ctypes.c_uint64),
        ("banks", _word),
        ("rows", _word),
        ("each_read", _word),
        ("unused", _word),
    ]


class SensedBanks:
    """The C struct of programmed banks and the arrays that it points to; both live as long as this object.

    Raises ToolError where the compiled runtime knows another struct.
    """

    def __init__(self, banks: ProgrammedBanks) -> None:
        native = library()
        native.ebnn_sensing_bytes.restype = _word
        if native.ebnn_sensing_bytes() != ctypes.sizeof(Sensing):
            raise ToolError("the compiled runtime is of another version than edgebnn; install edgebnn again")
        words = (np.ascontiguousarray(part, np.uint32) for part in (banks.sign, banks.nonzero, banks.tables))
        self._sign, self._nonzero, self._tables = words
        self._fresh = np.ascontiguousarray(banks.fresh, np.int32)
        self._struct = Sensing(
            sign=self._sign.ctypes.data,
            nonzero=self._nonzero.ctypes.data,
            fresh=self._fresh.ctypes.data,
            tables=self._tables.ctypes.data,
            seed=banks.seed,
            banks=banks.fresh.shape[0],
            rows=banks.fresh.shape[1],
            each_read=int(banks.each_read),
        )

    @property
    def address(self) -> int:
        """Where the struct lies."""
        return ctypes.addressof(self._struct)
