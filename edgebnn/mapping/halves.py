"""Constants of the kernel of up to 16 neurons: two inputs' weights a word, and bit-sliced limits of unlike bits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgebnn.mapping.steps import step_table
from edgebnn.mapping.weight_words import Weights, input_words, pack_rows
from edgebnn.network.types import Threshold
from edgebnn.words import WORD_BITS, Words

MOST_NEURONS = 16  # of a half of a word


def halves_words(bits: npt.NDArray[np.bool_]) -> Words:
    """Bits (O, n), O at most 16, as uint32 (ceil(n / 32), 16).

    Word i of a row has those of input i of 32 in its lower half, neuron j's in bit j, and those of input 16 + i in the
    upper one. Behind the last neuron and the last input bits are 0.
    """
    neurons, inputs = bits.shape
    padded = np.zeros((MOST_NEURONS, row_words(inputs) * WORD_BITS), np.int8)
    padded[:neurons, :inputs] = bits
    by_word = padded.reshape(MOST_NEURONS, -1, 2, MOST_NEURONS).transpose(1, 3, 2, 0)
    return pack_rows(by_word.reshape(-1, WORD_BITS))[0].reshape(-1, MOST_NEURONS)


def row_words(fan_in: int) -> int:
    """Words of a row of inputs, for each of which there are 16 words of weights."""
    return -(-fan_in // WORD_BITS)


def halves_bytes(fan_in: int) -> int:
    """Bytes of a section of weights."""
    return 4 * MOST_NEURONS * row_words(fan_in)


def sum_planes(fan_in: int) -> int:
    """Bits of a counter, which counts up to two pairs of signs an input of whole words."""
    return (2 * WORD_BITS * row_words(fan_in)).bit_length()


def limit_words(threshold: Threshold, fan_in: int) -> Words:
    """Limits of twice the unlike bits, uint32 (sum_planes + 1,): see `ebnn_halves_layer.limits`.

    A dot product is the inputs less that number, so it reaches a threshold where that number is below a limit.
    """
    thresholds, down = step_table(threshold)
    reached = thresholds[:, 0].astype(np.int64)
    # a channel whose direction is down has its bit where ~dot >= t, which is where dot is below -t
    limits = np.where(down, fan_in + reached + 1, fan_in - reached + 1)
    planes = sum_planes(fan_in)
    limits = np.clip(limits, 0, (1 << planes) - 1)
    below = np.ones(WORD_BITS, np.bool_)
    below[: len(down)] = ~down
    bits = np.zeros((WORD_BITS, planes + 1), np.bool_)
    bits[: len(down), :planes] = limits[:, np.newaxis] >> np.arange(planes) & 1 != 0
    bits[:, planes] = below
    return input_words(bits).reshape(-1)


def stored_weights(words: Words, neurons: int, fan_in: int) -> Weights:
    """The weights (O, fan_in) whose words, in the order of the image, these are."""
    octets = np.ascontiguousarray(words, dtype="<u4").view(np.uint8)
    bits = np.unpackbits(octets, bitorder="little").reshape(-1, MOST_NEURONS, 2, MOST_NEURONS)
    rows = np.ascontiguousarray(bits.transpose(3, 0, 2, 1)).reshape(MOST_NEURONS, -1)[:neurons, :fan_in]
    return rows.astype(np.int8) * np.int8(2) - np.int8(1)
