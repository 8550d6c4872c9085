"""Programmed banks of every kind: certain rows, right and wrong, rows that depend on the input, rows read anew."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.geometry import SINGLE, Geometry
from edgebnn.chip.banks.programmed_banks import ProgrammedBanks, unpack
from edgebnn.chip.random.normal import WHOLE
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.programmed import pattern_of
from edgebnn.mapping.tiling import words_of
from tests.chip.patterns import programmed

Thresholds = npt.NDArray[np.uint64]

# Thresholds at which slices are all alike, or decide last.
_EDGES = np.array([1, 2, WHOLE - 1, WHOLE // 2, WHOLE // 2 + 1, 42_949_673], np.uint64)


def certain_thresholds(values: npt.NDArray[np.int8]) -> tuple[Thresholds, Thresholds]:
    """Thresholds (...,) of synapses that always answer these weights."""
    never, always = np.uint64(0), np.uint64(WHOLE)
    return np.where(values < 0, always, never), np.where(values <= 0, always, never)


def meant_values(mapped: MappedNetwork) -> npt.NDArray[np.int8]:
    """The weights that are programmed, int8 (stripes, rows, 32); 0 in rows that are not."""
    pattern = pattern_of(mapped)
    return np.where(unpack(pattern.nonzero), np.where(unpack(pattern.sign), 1, -1), 0).astype(np.int8)


def banks_with(values: npt.NDArray[np.int8], seed: int = 0, bank: Geometry = SINGLE) -> ProgrammedBanks:
    """Banks that always answer these weights (stripes, rows, 32), whatever the input."""
    both = np.repeat(values[..., np.newaxis], 2, axis=-1)
    return programmed(*certain_thresholds(both), seed, geometry=bank)


def noisy_banks(values: npt.NDArray[np.int8], rate: float, seed: int, each_read: bool = True) -> ProgrammedBanks:
    """Banks that answer these weights, but at each read a neighbouring one with the probability `rate`."""
    part = np.uint64(round(rate * WHOLE))
    minus, at_most_zero = certain_thresholds(np.repeat(values[..., np.newaxis], 2, axis=-1))
    zero = at_most_zero != minus
    wrong_minus = np.where(zero, part // np.uint64(2), np.where(minus > 0, minus - part, part))
    wrong_zero = np.where(zero, at_most_zero - part // np.uint64(2), wrong_minus)
    return programmed(wrong_minus, wrong_zero, seed, each_read)


def random_banks(mapped: MappedNetwork, seed: int, each_read: bool = True) -> ProgrammedBanks:
    """Banks of a network: some layers certain throughout, in others every row of a kind of its own."""
    rng = np.random.default_rng(seed)
    assert mapped.target.array is not None
    bank, values = mapped.target.array.geometry, meant_values(mapped)
    kinds = np.zeros(values.shape[:2], np.int64)
    for stage in mapped.linear_stages.values():
        allowed = rng.permutation(4)[: rng.integers(1, 5)]
        for tile in stage.tiles:
            for held in words_of(tile, bank):
                kinds[held.stripe, : tile.neurons] = rng.choice(allowed, size=tile.neurons)
    both = np.repeat(values[..., np.newaxis], 2, axis=-1)
    wrong = np.where(rng.random(values.shape) < 0.1, rng.integers(-1, 2, values.shape), values)[..., np.newaxis]
    differing = np.where(rng.random(both.shape) < 0.1, rng.integers(-1, 2, both.shape), both)
    shape = (*kinds.shape, 1, 1)
    answers = np.choose(kinds.reshape(shape), [both, wrong, differing, wrong]).astype(np.int8)
    fresh = (kinds == 3).reshape(shape) & (rng.random(both.shape) < rng.choice([0.05, 1.0]))
    minus, at_most_zero = (
        np.where(fresh, drawn, certain)
        for drawn, certain in zip(_fresh_thresholds(rng, values), certain_thresholds(answers), strict=True)
    )
    return programmed(minus, at_most_zero, int(rng.integers(0, 2**63)), each_read, bank)


def _fresh_thresholds(rng: np.random.Generator, values: npt.NDArray[np.int8]) -> tuple[Thresholds, Thresholds]:
    """Any two thresholds in order; one and the same in half of the rows, as in those that never answer 0."""
    shape = (*values.shape, 2)
    drawn = rng.integers(0, WHOLE + 1, (2, *shape), np.uint64)
    drawn = np.where(rng.random((2, *shape)) < 0.2, rng.choice(_EDGES, (2, *shape)), drawn)
    low, high = drawn.min(axis=0), drawn.max(axis=0)
    one = rng.random((*values.shape[:2], 1, 1)) < 0.5
    return low, np.where(one, low, high)
