"""Stores within an IT block (Thumb's predicated instructions), which the emulated CPU does not run rightly.

unicorn 2.1 mistakes the condition once a store in an IT block has a hook on memory writes, with which the emulator
counts. Which bytes of the flash are code is not known without symbols, and firmware may have none; so each place that
would begin such a block is found here, and the emulator stops where one of them is executed.

Encodings: Arm v7-M Architecture Reference Manual (DDI 0403), A5.2, A5.3 and A7.7.38 (IT).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

# (mask, bits) of a first halfword: stores of 16 bits, then of 32.
_NARROW_STORES = (
    *((0xFE00, first) for first in (0x5000, 0x5200, 0x5400)),  # STR, STRH, STRB with a register offset
    *((0xF800, first) for first in (0x6000, 0x7000, 0x8000, 0x9000)),  # STR, STRB, STRH, STR to the stack
    (0xF800, 0xC000),  # STM
    (0xFE00, 0xB400),  # PUSH
)
_WIDE_STORES = (
    (0xFE10, 0xE800),  # STM, STRD, STREX
    (0xFF10, 0xF800),  # STR, STRB, STRH
    (0xEE10, 0xEC00),  # VSTR, VSTM, STC
)
_BETWEEN_REGISTERS = (0xEFE0, 0xEC40)  # VMOV of two registers, MCRR, in the midst of the last ones
_LONGEST_BLOCK = 4  # instructions, of two halfwords at most


def predicated_stores(code: bytes) -> npt.NDArray[np.int64]:
    """The rising byte offsets, even, at which an IT instruction whose block holds a store stands, or bytes like it."""
    halfwords = np.frombuffer(code[: len(code) & ~1], "<u2").astype(np.int64)
    blocks = np.flatnonzero((halfwords & 0xFF00 == 0xBF00) & (halfwords & 0x000F != 0))
    return np.array([2 * first for first in blocks if _has_store(halfwords, int(first))], np.int64)


def _has_store(halfwords: npt.NDArray[np.int64], block: int) -> bool:
    """Whether one of the instructions behind the IT instruction at this halfword is a store."""
    mask = int(halfwords[block]) & 0xF
    length = _LONGEST_BLOCK - ((mask & -mask).bit_length() - 1)
    place = block + 1
    for _ in range(length):
        if place >= len(halfwords):
            return False
        first = int(halfwords[place])
        wide = first >> 11 in (0b11101, 0b11110, 0b11111)
        if _is_one_of(first, _WIDE_STORES if wide else _NARROW_STORES) and not _is_one_of(first, (_BETWEEN_REGISTERS,)):
            return True
        place += 2 if wide else 1
    return False


def _is_one_of(halfword: int, patterns: tuple[tuple[int, int], ...]) -> bool:
    return any(halfword & mask == bits for mask, bits in patterns)
