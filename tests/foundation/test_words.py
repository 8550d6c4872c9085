"""Flags as words of 32 bits, and back."""

from __future__ import annotations

import numpy as np
import pytest

from edgebnn.words import WORD_BITS, pack_words, unpack_words


@pytest.mark.parametrize("shape", [(1,), (32,), (33,), (3, 0), (5, 31), (2, 3, 64), (3, 513), (2, 1025)])
@pytest.mark.parametrize("apart", [False, True])
def test_flag_i_is_bit_i_of_its_word_and_behind_the_last_one_is_nothing(shape: tuple[int, ...], apart: bool) -> None:
    drawn = np.random.default_rng(1).random((*shape[:-1], 2 * shape[-1])) < 0.5
    flags = drawn[..., ::2] if apart else np.ascontiguousarray(drawn[..., ::2])
    words = pack_words(flags)
    assert words.dtype == np.uint32 and words.shape == (*shape[:-1], -(-shape[-1] // WORD_BITS))
    for place in np.ndindex(words.shape):
        row, first = flags[place[:-1]], WORD_BITS * place[-1]
        assert int(words[place]) == sum(1 << bit for bit, flag in enumerate(row[first : first + WORD_BITS]) if flag)
    np.testing.assert_array_equal(unpack_words(words, shape[-1]), flags)
