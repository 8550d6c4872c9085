"""A 2T2R cell and its sense amplifier under given conditions, all in ln R, and the error rates that follow.

Both bit lines discharge through their device; the time until a line has fallen to the amplifier's switching point is
R C ln(V / V_m), so ln t and ln R differ by a constant. `cell_solver.py` finds a cell's numbers, docs/physics.md has the
derivations.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import cache
from math import hypot

import numpy as np

from edgebnn.chip.device.error_formulas import (
    Amplifier,
    Law,
    Normal,
    SensingWindow,
    SignRates,
    TernaryRates,
    gridded_rate,
    pair_error_rate,
)
from edgebnn.chip.device.window_formulas import seen, taken, unseen

_AMPLITUDES = 8  # nodes of the mean over the amplitudes of telegraph noise


class Level(Enum):
    """The two states that a device is programmed to: low and high resistance."""

    LRS = auto()
    HRS = auto()

    @property
    def other(self) -> Level:
        """The one that it is not."""
        return Level.HRS if self is Level.LRS else Level.LRS


@dataclass(frozen=True)
class LogNormal:
    """The devices in one of their two states: the median of R in ln ohm, and standard deviations of ln R.

    device_spread: of what belongs to a device for good. cycle_spread: of what each programming pulse draws anew.
    relaxation_spread: of what changes in the seconds after it.
    """

    ln_median: float
    device_spread: float
    cycle_spread: float
    relaxation_spread: float = 0.0

    @property
    def spread(self) -> float:
        """s, the standard deviation of ln R of one device, but for the tails."""
        return hypot(self.device_spread, self.cycle_spread, self.relaxation_spread)

    def scaled(self, factor: float) -> LogNormal:
        """Every spread times a factor."""
        spreads = (self.device_spread, self.cycle_spread, self.relaxation_spread)
        return LogNormal(self.ln_median, *(factor * spread for spread in spreads))


@dataclass(frozen=True)
class HeavyTails:
    """The share of the programming pulses that go astray, and how many times wider what they draw is spread."""

    share: float = 0.0
    width: float = 1.0


@dataclass(frozen=True)
class TelegraphNoise:
    """Random telegraph noise: at a read a device is in its upper state with a probability, `share`.

    There its ln R is higher by an amplitude of its own, which lies anywhere between 0 and `amplitude` alike.
    """

    amplitude: float = 0.0
    share: float = 0.0


@dataclass(frozen=True)
class StuckShares:
    """The shares of devices that stay in LRS, and in HRS, whatever they are programmed to."""

    lrs: float = 0.0
    hrs: float = 0.0

    def at(self, level: Level) -> float:
        """The share that stays there."""
        return self.lrs if level is Level.LRS else self.hrs


@dataclass(frozen=True)
class Cell:
    """A 2T2R cell and its sense amplifier.

    lrs, hrs: the devices in either state, on BL; those on BLb have a ln R that is higher by `blb_shift`. offset, noise:
    standard deviations of the sense amplifier, fixed and at each read. window, window_spread: median and standard
    deviation of the largest ln R through which a bit line falls in time. window_s: the median as a time in seconds.
    stuck: of the devices on BL and on BLb.
    """

    lrs: LogNormal
    hrs: LogNormal
    offset: float
    noise: float
    window: float
    window_spread: float
    window_s: float
    blb_shift: float = 0.0
    tails: HeavyTails = HeavyTails()
    telegraph: TelegraphNoise = TelegraphNoise()
    stuck: tuple[StuckShares, StuckShares] = (StuckShares(), StuckShares())

    @property
    def contrast(self) -> float:
        """D, the distance of the medians."""
        return self.hrs.ln_median - self.lrs.ln_median

    @property
    def middle(self) -> float:
        """Halfway between the medians of both states, over both sides."""
        return (self.lrs.ln_median + self.hrs.ln_median + self.blb_shift) / 2

    def state(self, level: Level) -> LogNormal:
        """Of the devices in one of their states."""
        return self.lrs if level is Level.LRS else self.hrs

    def law(self, level: Level, *, blb: bool = False) -> Law:
        """Of ln R at a read, of a device on BL or BLb that was programmed to this level."""
        held = self.stuck[blb].at(level.other)
        return tuple(
            replace(part, share=part.share * chance)
            for chance, each in ((1 - held, level), (held, level.other))
            if chance > 0
            for part in self._law_in(self.state(each), blb)
        )

    def _law_in(self, state: LogNormal, blb: bool) -> Law:
        """Of a device that is in this state."""
        mean = state.ln_median + (self.blb_shift if blb else 0.0)
        wide = hypot(state.device_spread, self.tails.width * state.cycle_spread, state.relaxation_spread)
        spreads = [(1 - self.tails.share, state.spread), (self.tails.share, wide)]
        return tuple(
            Normal(share * part, mean + raised, spread)
            for share, spread in spreads
            for part, raised in _raised(self.telegraph)
            if share * part > 0
        )

    def without_spreads(self) -> Cell:
        """Devices that are all alike, and none of them stuck."""
        return replace(self, lrs=self.lrs.scaled(0.0), hrs=self.hrs.scaled(0.0)).sound()

    def sound(self) -> Cell:
        """Without stuck devices."""
        return self.with_stuck(StuckShares(), StuckShares())

    def with_stuck(self, bl: StuckShares, blb: StuckShares) -> Cell:
        """With other shares of stuck devices on BL and BLb."""
        return replace(self, stuck=(bl, blb))

    def unrelaxed(self) -> Cell:
        """As it is right after programming, before devices relax."""
        return replace(self, lrs=replace(self.lrs, relaxation_spread=0.0), hrs=replace(self.hrs, relaxation_spread=0.0))

    def without_noise(self) -> Cell:
        """Reads that are all alike."""
        return replace(self, noise=0.0, window_spread=0.0, telegraph=TelegraphNoise())


def pair_rates(cell: Cell) -> SignRates:
    """The 2T2R bit error rates of +1 and of -1."""
    amplifier = Amplifier(cell.offset, cell.noise)
    return SignRates(
        plus=pair_error_rate(cell.law(Level.LRS), cell.law(Level.HRS, blb=True), amplifier),
        minus=pair_error_rate(cell.law(Level.LRS, blb=True), cell.law(Level.HRS), amplifier),
    )


def cell_error_rates(cell: Cell) -> SignRates:
    """As `pair_rates`, on the grid of `gridded_rate`."""
    found = pair_rates(cell)
    return SignRates(gridded_rate(found.plus), gridded_rate(found.minus))


def cell_error_rate(cell: Cell) -> float:
    """The 2T2R bit error rate of a cell, of as many +1 as -1."""
    return gridded_rate(pair_rates(cell).mean)


def ternary_rates(cell: Cell) -> TernaryRates:
    """The rates of ternary weights in such cells, programming and reading together."""
    window, amplifier = SensingWindow(cell.window, cell.window_spread), Amplifier(cell.offset, cell.noise)
    lrs, hrs = ((cell.law(level), cell.law(level, blb=True)) for level in (Level.LRS, Level.HRS))
    as_plus, as_minus = taken(window, hrs[0], hrs[1], amplifier), taken(window, hrs[1], hrs[0], amplifier)
    appear = seen(window, *hrs)
    plus = appear * (as_plus / (as_plus + as_minus) if as_plus != as_minus else 0.5)
    return TernaryRates(
        flip=_gridded(taken(window, hrs[1], lrs[0], amplifier), taken(window, hrs[0], lrs[1], amplifier)),
        vanish=_gridded(unseen(window, lrs[0], hrs[1]), unseen(window, lrs[1], hrs[0])),
        appear=_gridded(plus, appear - plus),
    )


def _gridded(plus: float, minus: float) -> SignRates:
    return SignRates(gridded_rate(plus), gridded_rate(minus))


@cache
def _raised(telegraph: TelegraphNoise) -> tuple[tuple[float, float], ...]:
    """(share, by how much ln R is higher), for the mean over amplitudes and states."""
    if telegraph.amplitude == 0:
        return ((1.0, 0.0),)
    nodes, weights = np.polynomial.legendre.leggauss(_AMPLITUDES)
    upper = zip(telegraph.share * weights / 2, telegraph.amplitude * (nodes + 1) / 2, strict=True)
    return (1 - telegraph.share, 0.0), *((float(share), float(raised)) for share, raised in upper)
