"""Patterns of weights for chips, and what their synapses read as."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.geometry import SINGLE, Geometry
from edgebnn.chip.banks.pattern import BINARY, TERNARY, Pattern
from edgebnn.chip.banks.programmed_banks import ProgrammedBanks, Thresholds, read, unpack
from edgebnn.chip.errors.answers import Answering

ALL = 0xFFFFFFFF


def binary_pattern(banks: int, seed: int = 0) -> Pattern:
    """Random signs everywhere."""
    sign = np.random.default_rng(seed).integers(0, 1 << 32, (banks, 32), np.uint64).astype(np.uint32)
    full = np.full((banks, 32), ALL, np.uint32)
    return Pattern(SINGLE, sign, full, np.full((banks, 32), BINARY, np.uint8), np.zeros((banks, 32)))


def ternary_pattern(banks: int, seed: int = 0) -> Pattern:
    """Random trits, half of them zeros."""
    draw = np.random.default_rng(seed)
    sign, nonzero = (draw.integers(0, 1 << 32, (banks, 32), np.uint64).astype(np.uint32) for _ in range(2))
    zeros = 1 - np.bitwise_count(nonzero).sum() / (banks * 1024)
    kind, share = np.full((banks, 32), TERNARY, np.uint8), np.full((banks, 32), float(zeros))
    return Pattern(SINGLE, sign & nonzero, nonzero, kind, share)


def programmed(
    minus: Thresholds, at_most_zero: Thresholds, seed: int, each_read: bool = True, geometry: Geometry = SINGLE
) -> ProgrammedBanks:
    """Banks whose rows all have thresholds, uint64 (stripes, rows, 32, 2), as `Answering` takes them."""
    stripes, rows = minus.shape[:2]
    answering = Answering((stripes, rows))
    place = np.arange(stripes * rows, dtype=np.uint32)
    answering.by_thresholds(place, *(each.reshape(-1, 32, 2) for each in (minus, at_most_zero)))
    return answering.banks(geometry, seed, each_read)


def meant(pattern: Pattern) -> npt.NDArray[np.int8]:
    """The weights of a pattern, int8 (banks, rows, 32)."""
    return np.where(unpack(pattern.nonzero), np.where(unpack(pattern.sign), 1, -1), 0).astype(np.int8)


def read_all(banks: ProgrammedBanks, number: int = 0, inference: int = 0, inputs: int = ALL) -> npt.NDArray[np.int8]:
    """The weights of all synapses as one read of each row finds them, int8 (banks, rows, 32)."""
    bank, row = np.indices(banks.fresh.shape)
    sign, nonzero = read(banks, bank, row, number, inference, inputs)
    return np.where(unpack(nonzero), np.where(unpack(sign), 1, -1), 0).astype(np.int8)
