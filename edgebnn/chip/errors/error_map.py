"""Where a chip errs: how often each of its cells reads a weight wrong, learnt from a few programmings of the chip.

Each reading programs banks with one weight and reads them back once. What is wrong by chance and what a place is to
blame for look alike in one reading, so the rates are estimates (empirical Bayes, Gamma and Poisson): a weight's sign, a
bank, a row, a column and a cell each err so many times as often as the larger thing that they are part of, and as far
from once as the differences among all of their kind show to be more than chance. Where nothing but chance is at work,
as with the error model `ber`, all cells come out alike.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.geometry import COLUMNS, Geometry
from edgebnn.chip.banks.pattern import BINARY, EMPTY, TERNARY, Pattern
from edgebnn.chip.banks.read_errors import wrong_read
from edgebnn.chip.errors.error_rates import model_rates
from edgebnn.chip.errors.programming import program
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.target.target import Target

Rates = npt.NDArray[np.float32]
Counts = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# So many times the banks that are wanted are read again, those that erred least in the first reading.
_CANDIDATES = 4
# Counts that differ by less than so many standard deviations of what chance does are taken to be alike.
_DEVIATIONS = 3
_WHOLE_ROW = np.uint32(0xFFFFFFFF)


@dataclass(frozen=True, eq=False)
class ErrorMap:
    """How often a cell reads a weight wrong: `rates[w]` of the weight w (+1, -1, in ternary rows 0).

    float32 (stripes, rows, 32), of a chip's first banks.
    """

    geometry: Geometry
    rates: dict[int, Rates]


def error_map(
    chip: ChipInstance, target: Target, policy: str, wanted: int, readings: int, ternary: bool = False
) -> ErrorMap:
    """The map of a chip from so many readings of each weight, in rows that are ternary or binary.

    The first one reads all banks, the others those alone among which the best `wanted` ones surely are. They are
    programmings of their own, those that follow the chip's cycles: none is the one that the chip is used with. Raises
    TargetError for conditions that the target's model does not cover.
    """
    assert target.array is not None, "a chip has RRAM"
    geometry, banks = target.array.geometry, target.array.banks.integer("count")
    weights = _weights(ternary)
    shape = (geometry.stripe(banks), geometry.rows)
    everywhere = np.ones(banks, np.bool_)
    tallies = {}
    for weight in weights:
        pattern = _pattern(geometry, shape, everywhere, weight, ternary)
        tallies[weight] = _Tally.of(_wrong(chip, target, policy, pattern, np.arange(len(pattern.kind)), 0))
    erred = sum(tally.count.sum(axis=(1, 2)) for tally in tallies.values()).reshape(banks, -1).sum(axis=1)
    again = np.zeros(banks, np.bool_)
    again[np.argsort(erred, kind="stable")[: _CANDIDATES * wanted]] = True
    stripes = np.flatnonzero(np.repeat(again, geometry.words))
    for weight in weights:
        pattern = _pattern(geometry, shape, again, weight, ternary)
        for turn in range(1, readings):
            tallies[weight].add(stripes, _wrong(chip, target, policy, pattern, stripes, turn))
    return ErrorMap(geometry, _estimates(tallies))


def batch_map(target: Target, policy: str, wanted: int, ternary: bool = False) -> ErrorMap:
    """What is known of all chips of a target: all places are alike, and weights of one sign may err more often."""
    assert target.array is not None, "a chip has RRAM"
    geometry, signs = target.array.geometry, model_rates(ChipInstance(0), target, policy)
    rates = {1: signs.plus, -1: signs.minus, 0: signs.mean}
    shape = (geometry.stripe(wanted), geometry.rows, COLUMNS)
    return ErrorMap(geometry, {weight: np.full(shape, rates[weight], np.float32) for weight in _weights(ternary)})


def _weights(ternary: bool) -> tuple[int, ...]:
    return (1, -1, 0) if ternary else (1, -1)


def _pattern(geometry: Geometry, shape: tuple[int, int], banks: Flags, weight: int, ternary: bool) -> Pattern:
    """One weight in all cells of some banks."""
    sign, nonzero = (np.full(shape, _WHOLE_ROW if held else 0, np.uint32) for held in (weight > 0, weight != 0))
    kind = np.full(shape, TERNARY if ternary else BINARY, np.uint8)
    kind[~np.repeat(banks, geometry.words)] = EMPTY
    return Pattern(geometry, sign, nonzero, kind, np.full(shape, 1 / 3 if ternary else 0.0))


def _wrong(
    chip: ChipInstance, target: Target, policy: str, pattern: Pattern, stripes: npt.NDArray[np.int64], turn: int
) -> Counts:
    """How often each cell of these stripes is wrong in one reading, with inputs of -1 and of +1 in the mean.

    float64 (stripes, rows, 32). The pattern has weights in their rows, and in no others.
    """
    conditions = replace(chip.conditions, cycles=chip.conditions.cycles + 1 + turn)
    programmed = program(replace(chip, conditions=conditions), target, pattern, policy).of(stripes)
    weights = pattern.sign[stripes], pattern.nonzero[stripes]
    if programmed.certain:
        return wrong_read(programmed, *weights)
    below, above = (wrong_read(programmed, *weights, given) for given in (0, 1))
    return np.asarray((below + above) / 2)


@dataclass(frozen=True, eq=False)
class _Tally:
    """How often each cell was wrong, float64 (stripes, rows, 32), in so many readings (stripes, 1, 1), and the squares
    of what each reading adds to that: reads with noise are wrong in part."""

    count: Counts
    squares: Counts
    readings: npt.NDArray[np.int64]

    @classmethod
    def of(cls, wrong: Counts) -> _Tally:
        """That of one reading."""
        return cls(wrong, wrong**2, np.ones((len(wrong), 1, 1), np.int64))

    def add(self, stripes: npt.NDArray[np.int64], wrong: Counts) -> None:
        """One more reading of these stripes."""
        self.count[stripes] += wrong
        self.squares[stripes] += wrong**2
        self.readings[stripes] += 1

    def noise(self) -> Counts:
        """The variance of a count by chance, a share of what is expected of it, (stripes, 1, 1).

        Readings of one cell differ by chance alone. Of cells that were read once the squares say no less than it. One
        error more is counted, in one reading of its cell alone: that all readings agree does not show that there is no
        chance, and the fewer errors there are the less.
        """
        shares = np.ones(self.readings.shape)
        for several in (False, True):
            which = (self.readings > 1)[:, 0, 0] == several
            count, squares, readings = self.count[which], self.squares[which], self.readings[which]
            if several:
                squares = (readings * squares - count**2) / np.maximum(readings - 1, 1)
            shares[which] = (squares.sum() + 1) / (count.sum() + 1)
        return shares


def _estimates(tallies: dict[int, _Tally]) -> dict[int, Rates]:
    """The rates of the cells (stripes, rows, 32) by weight."""
    totals = np.array([tally.count.sum() for tally in tallies.values()])
    alike = np.full_like(totals, totals.mean())
    expected = alike * _ratio(totals, alike, np.ones_like(alike))
    return {weight: _estimate(tally, total) for (weight, tally), total in zip(tallies.items(), expected, strict=True)}


def _estimate(tally: _Tally, total: float) -> Rates:
    """Those of one weight, of which so many errors are expected in `total`."""
    count, readings, noise = tally.count, tally.readings, tally.noise()
    expected: Counts = np.broadcast_to(readings, count.shape) * (total / (readings.sum() * count[0].size))
    for axes in ((1, 2), (2,), (1,), ()):  # stripes, their rows, their columns, cells
        found, meant = (each.sum(axis=axes, keepdims=True) for each in (count, expected))
        expected = expected * _ratio(found, meant, noise)
    return np.asarray(np.clip(expected / readings, 0, 1), np.float32)


def _ratio(count: Counts, expected: Counts, noise: Counts) -> Counts:
    """How many times as often as expected each errs: the mean of a Gamma law after a count.

    By chance alone a count has the variance `noise` times what is expected (1 for a law of Poisson). The variance of
    the Gamma law is what counts differ by beyond that; none, where chance may do as much.
    """
    chance = noise * expected
    beyond = float(((count - expected) ** 2 - chance).sum())
    by_chance = float((2 * chance**2 + chance).sum()) ** 0.5  # the standard deviation of that sum
    if beyond <= _DEVIATIONS * by_chance:
        return np.ones_like(count)
    prior = noise * (float((expected**2).sum()) / beyond)  # above 0, as the noise is
    return np.asarray((count + prior) / (expected + prior))
