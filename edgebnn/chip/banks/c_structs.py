"""Programmed banks as the C of `runtime/chip` reads them: `ebnn_sensing`."""

from __future__ import annotations

import ctypes

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.programmed_banks import SLICES, ProgrammedBanks
from edgebnn.chip.random.philox import EVENTS
from edgebnn.errors import TargetError, ToolError
from edgebnn.native import library
from edgebnn.words import Words

_word, _pointer = ctypes.c_uint32, ctypes.c_void_p


class Sensing(ctypes.Structure):
    """`ebnn_sensing`."""

    _fields_ = [
        ("sign", _pointer),
        ("nonzero", _pointer),
        ("fresh", _pointer),
        ("tables", _pointer),
        ("signs", _pointer),
        ("seed", ctypes.c_uint64),
        ("stripes", _word),
        ("rows", _word),
        ("bank_words", _word),
        ("row_bits", _word),
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
        self._signs = _never_zero(banks.tables)
        self._struct = Sensing(
            sign=self._sign.ctypes.data,
            nonzero=self._nonzero.ctypes.data,
            fresh=self._fresh.ctypes.data,
            tables=self._tables.ctypes.data,
            signs=self._signs.ctypes.data,
            seed=banks.seed,
            stripes=banks.shape[0],
            rows=banks.shape[1],
            bank_words=banks.geometry.words,
            row_bits=banks.geometry.row_bits,
            each_read=int(banks.each_read),
        )

    @property
    def address(self) -> int:
        """Where the struct lies."""
        return ctypes.addressof(self._struct)

    def likely(self, place: Words) -> tuple[Words, Words]:
        """(sign, nonzero) that inputs of +1 most likely read of rows, by their numbers among all rows of all stripes.

        Shaped as `place`, uint32.
        """
        return self._sign.reshape(-1, 2)[place, 1], self._nonzero.reshape(-1, 2)[place, 1]


def check_inferences(first: int, count: int) -> None:
    """TargetError for `count` inferences from `first` on whose fresh draws a chip could not tell apart."""
    if not 0 <= first <= EVENTS - count:
        raise TargetError(
            f"{count} inferences from number {first} on are out of range; a chip's inferences go from 0 to 2^48 - 1"
        )


def _never_zero(tables: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint8]:
    """Which rows' thresholds are one and the same in every column, with either input: 1 or 0, uint8 (n,)."""
    minus = np.concatenate([tables[..., 1:2], tables[..., 3 : 3 + SLICES]], axis=-1)
    at_most_zero = np.concatenate([tables[..., 2:3], tables[..., 3 + SLICES :]], axis=-1)
    one: npt.NDArray[np.bool_] = np.all(minus == at_most_zero, axis=(1, 2))
    return one.astype(np.uint8)
