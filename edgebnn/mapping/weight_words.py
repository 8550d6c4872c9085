"""Weights as rows of words: the order of a neuron's inputs, and packing them 32 a word."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from edgebnn.mapping.plan import WindowPlan
from edgebnn.words import Words, pack_words, unpack_words

Weights = npt.NDArray[np.int8]
Number = TypeVar("Number", np.int8, np.float32)


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
    return pack_words(weights > 0), pack_words(weights != 0)


def unpack_rows(sign: Words, nonzero: Words | None, fan_in: int) -> Weights:
    """The weights (O, fan_in) that `pack_rows` made these words of; without `nonzero` no weight is zero."""
    signs = unpack_words(sign, fan_in).view(np.int8)
    signs *= 2
    signs -= 1
    if nonzero is not None:
        signs *= unpack_words(nonzero, fan_in).view(np.int8)
    return signs


def input_words(bits: npt.NDArray[np.bool_]) -> Words:
    """Bits (O, n) as uint32 (ceil(O / 32), n): bit j of word w is neuron 32 w + j, 0 behind the last."""
    packed, _ = pack_rows(bits.T.astype(np.int8))
    return np.ascontiguousarray(packed.T)
