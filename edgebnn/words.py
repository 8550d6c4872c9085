"""Words of 32 bits: a row of flags as words, the first flag of each the lowest bit of its word, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

WORD_BITS = 32
_SHORT = 16  # words

Words = npt.NDArray[np.uint32]


def pack_words(flags: npt.NDArray[np.bool_]) -> Words:
    """Flags (..., n) as uint32 (..., ceil(n / 32)): flag i is bit i % 32 of word i // 32; behind the last one is 0."""
    words = -(-flags.shape[-1] // WORD_BITS)
    # Flags that lie apart, and short rows, are packed quicker once they are whole words; long rows pay for the copy.
    if not flags.flags.c_contiguous or (flags.shape[-1] % WORD_BITS and words <= _SHORT):
        whole = np.zeros((*flags.shape[:-1], words * WORD_BITS), np.bool_)
        whole[..., : flags.shape[-1]] = flags
        flags = whole
    octets = np.packbits(flags, axis=-1, bitorder="little")
    if octets.shape[-1] < 4 * words:
        padded = np.zeros((*octets.shape[:-1], 4 * words), np.uint8)
        padded[..., : octets.shape[-1]] = octets
        octets = padded
    return octets.view("<u4").astype(np.uint32, copy=False)


def unpack_words(words: npt.NDArray[Any], count: int) -> npt.NDArray[np.uint8]:
    """The first `count` bits of words (..., w), 0 or 1 in uint8 (..., count)."""
    octets = np.ascontiguousarray(words, dtype="<u4").view(np.uint8)
    return np.unpackbits(octets, axis=-1, bitorder="little", count=count)
