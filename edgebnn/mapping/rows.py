"""Weights as rows of words: the order of a neuron's inputs, and packing them 32 a word."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from edgebnn.mapping.plan import WindowPlan

Weights = npt.NDArray[np.int8]
Words = npt.NDArray[np.uint32]
Number = TypeVar("Number", np.int8, np.float32)

WORD_BITS = 32


def fan_in_order(weights: Weights, window: WindowPlan) -> Weights:
    """Weights (O, I / groups, *kernel) as (O, n) in the order in which the runtime gathers a neuron's inputs.

    That order is (kernel row, kernel column, channel). A dense layer over a flattened map of (C, H, W) is, for the
    runtime, a window of the whole map, and its weights are taken from channel-first order.
    """
    by_tap = np.moveaxis(weights.reshape(len(weights), -1, *window.kernel), 1, -1)
    return np.ascontiguousarray(by_tap, np.int8).reshape(len(weights), -1)


def model_order(rows: npt.NDArray[Number], window: WindowPlan) -> npt.NDArray[Number]:
    """The weights (O, n) in the model's own order that `fan_in_order` made these rows of."""
    by_tap = np.moveaxis(rows.reshape(len(rows), *window.kernel, -1), -1, 1)
    return np.ascontiguousarray(by_tap).reshape(len(rows), -1)


def input_order(fan_in: int, window: WindowPlan) -> npt.NDArray[np.int64]:
    """For each place in a row, the index of its weight among the neuron's weights in the model; int64 (n,)."""
    height, width = window.kernel
    order: npt.NDArray[np.int64] = np.arange(fan_in).reshape(-1, height, width).transpose(1, 2, 0).reshape(-1)
    return order


def pack_rows(weights: Weights) -> tuple[Words, Words]:
    """(sign, nonzero) of weights (O, n): uint32 (O, ceil(n / 32)), bit i % 32 of word i // 32 is input i.

    Behind the last input the bits are 0; so is the sign of a zero weight.
    """
    return _pack(weights > 0), _pack(weights != 0)


def unpack_rows(sign: Words, nonzero: Words | None, fan_in: int) -> Weights:
    """The weights (O, fan_in) that `pack_rows` made these words of; without `nonzero` no weight is zero."""
    signs = _unpack(sign, fan_in).view(np.int8)
    signs *= 2
    signs -= 1
    if nonzero is not None:
        signs *= _unpack(nonzero, fan_in).view(np.int8)
    return signs


def input_words(bits: npt.NDArray[np.bool_]) -> Words:
    """Bits (O, n) as uint32 (ceil(O / 32), n): bit j of word w is neuron 32 w + j, 0 behind the last."""
    packed, _ = pack_rows(bits.T.astype(np.int8))
    return np.ascontiguousarray(packed.T)


def pack_bits(bits: npt.NDArray[np.bool_]) -> Words:
    """A vector of bits (n,) as uint32 (ceil(n / 32),)."""
    return _pack(bits.reshape(1, -1)).reshape(-1)


def _pack(bits: npt.NDArray[np.bool_]) -> Words:
    count = -(-bits.shape[1] // WORD_BITS)
    octets = np.zeros((len(bits), count * WORD_BITS // 8), np.uint8)
    octets[:, : -(-bits.shape[1] // 8)] = np.packbits(bits, axis=1, bitorder="little")
    return octets.view("<u4").astype(np.uint32, copy=False)


def _unpack(words: Words, count: int) -> npt.NDArray[np.uint8]:
    octets = np.ascontiguousarray(words, dtype="<u4").view(np.uint8)
    return np.unpackbits(octets, axis=1, bitorder="little", count=count)
