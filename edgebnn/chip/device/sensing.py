"""The precharge sense amplifiers: from resistances to what a read answers, and how certainly.

Both bit lines discharge; the line with the smaller R is first. The input +1 connects the lines straight, -1 crosswise,
so in terms of the weight an amplifier's offset counts with the input's sign. All in ln R, as `cell.py` has it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.programmed_banks import Thresholds
from edgebnn.chip.device.cell import Cell
from edgebnn.chip.device.resistances import BL, BLB
from edgebnn.chip.random.normal import WHOLE, Floats, probability_below

INPUTS = np.array([-1, 1], np.float32)  # the last axis of thresholds
_UPPER = ((0, 0), (1, 0), (0, 1), (1, 1))  # which of BL and BLb are in their upper state, as `upper_chances` has them


def answer_thresholds(
    cell: Cell,
    ln_resistance: Floats,
    offsets: Floats,
    ternary: npt.NDArray[np.bool_],
    amplitudes: Floats | None = None,
) -> tuple[Thresholds, Thresholds]:
    """2^32 times the probability that a read answers -1, and at most 0; uint64 (rows, 32, 2), the last axis the input.

    ln_resistance: float32 (rows, 32, 2). offsets: float32 (rows, 32), of the column's amplifier. ternary: bool (rows,);
    a binary read takes as long as it has to, a ternary one is 0 where no line falls within the window. amplitudes:
    float32 (rows, 32, 2), those of telegraph noise: each device is in its upper state or not, anew in each read.
    """
    if amplitudes is None:
        return _steady_thresholds(cell, ln_resistance, offsets, ternary)
    minus = at_most_zero = np.zeros((*offsets.shape, 2), np.uint64)
    for upper, chance in zip(_UPPER, upper_chances(cell.telegraph.share), strict=True):
        raised = ln_resistance + amplitudes * np.array(upper, np.float32)
        below_zero, below_one = _steady_thresholds(cell, raised, offsets, ternary)
        minus = minus + multiply(np.asarray(chance, np.uint64), below_zero)
        at_most_zero = at_most_zero + multiply(np.asarray(chance, np.uint64), below_one)
    return minus, at_most_zero


def upper_chances(share: float) -> tuple[int, int, int, int]:
    """2^32 times the probabilities that no device is in its upper state, BL alone, BLb alone, both; they add up to
    2^32."""
    upper = round(share * WHOLE)
    both, one = upper * upper // WHOLE, upper * (WHOLE - upper) // WHOLE
    return WHOLE - both - 2 * one, one, one, both


def _steady_thresholds(
    cell: Cell, ln_resistance: Floats, offsets: Floats, ternary: npt.NDArray[np.bool_]
) -> tuple[Thresholds, Thresholds]:
    bl, blb = ln_resistance[..., BL], ln_resistance[..., BLB]
    margin = (blb - bl)[..., np.newaxis] + offsets[..., np.newaxis] * INPUTS
    minus = below(-margin, cell.noise)
    at_most_zero = minus.copy()
    if ternary.any():
        fastest = np.minimum(bl, blb)[ternary]
        zero = below(fastest - np.float32(cell.window), cell.window_spread)[..., np.newaxis]
        minus[ternary] = multiply(np.uint64(WHOLE) - zero, minus[ternary])
        at_most_zero[ternary] = minus[ternary] + zero
    return minus, at_most_zero


def below(margin: Floats, spread: float) -> Thresholds:
    """2^32 times the probability that a normal number of this spread is less than the margin."""
    if spread == 0:
        return np.where(margin > 0, np.uint64(WHOLE), np.uint64(0))
    return probability_below(margin.astype(np.float64) / spread)


def multiply(a: Thresholds, b: Thresholds) -> Thresholds:
    """The product of two probabilities of 2^32 each, rounded down; neither of them leaves 64 bits on the way."""
    product: Thresholds = (a * (b >> np.uint64(1))) >> np.uint64(31)
    return product
