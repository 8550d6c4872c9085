"""Tails, relaxation, telegraph noise, signs, states and stuck devices by docs/physics.md and the target's file alone.

Here even the spread of the devices is solved anew, as the page says; sums over mixtures of normal laws stand in for the
model's own integrals. Rates by formula must be the same, counts of sampled cells within exact intervals about them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from math import log, sqrt
from typing import NamedTuple

import numpy as np
import pytest
from scipy.optimize import brentq, root
from scipy.stats import binomtest, norm

from edgebnn.chip.device.cell import Cell, pair_rates, ternary_rates
from edgebnn.chip.device.cell_solver import solve_cell
from edgebnn.chip.study.coded_samples import count_cell_errors
from edgebnn.chip.study.ternary_samples import count_ternary_errors
from edgebnn.chip.target_files.settings import with_settings
from tests.chip.test_physics_page import RRAM130, STATED, State, amplifier, lines

POLICY = "ultra-low-energy"
PLUS, MINUS = (f"policies.{POLICY}.error_rate_{sign}" for sign in ("plus", "minus"))
SWITCHES: dict[str, dict[str, tuple[float, str]]] = {
    "none": {},
    "tails": {"physics.tails.share": (0.1, "1")},
    "relaxation": {"physics.relaxation.share": (0.4, "1")},
    "telegraph": {"physics.telegraph.amplitude": (0.5, "ln")},
    "signs": {PLUS: (0.044, "1"), MINUS: (0.022, "1")},
    "states": {"physics.variability.lrs_spread": (0.5, "times"), "physics.variability.hrs_spread": (1.5, "times")},
    "stuck": {"physics.stuck.lrs": (0.06, "1"), "physics.stuck.hrs": (0.03, "1")},
    "all": {
        "physics.tails.share": (0.1, "1"),
        "physics.relaxation.share": (0.3, "1"),
        "physics.telegraph.amplitude": (0.5, "ln"),
        PLUS: (0.044, "1"),
        MINUS: (0.022, "1"),
        "physics.variability.lrs_spread": (0.7, "times"),
        "physics.stuck.lrs": (0.02, "1"),
    },
}
each_switch = pytest.mark.parametrize("switch", SWITCHES)
STATES = {"fresh": State(), "after ten years": State(days=3650), "warm": State(kelvin=330.0)}
# An amplitude is uniform from 0 on: its integral by Gauss and Legendre.
NODES, WEIGHTS = np.polynomial.legendre.leggauss(12)


class Parts(NamedTuple):
    """Shares of the devices (K,), of each of which ln R is normal."""

    share: np.ndarray
    mean: np.ndarray
    spread: np.ndarray


@dataclass(frozen=True)
class Devices:
    """A policy's devices under some numbers: `s` and the shift of BLb are solved from its rates when fresh."""

    policy: str
    numbers: Mapping[str, float]
    s: float = 0.0
    shift: float = 0.0

    def number(self, path: str, otherwise: float = 0.0) -> float:
        table, name = path.rsplit(".", 1)
        stated = STATED["physics"][table.removeprefix("physics.")].get(name)
        return self.numbers.get(path, otherwise if stated is None else stated["value"])

    def parts(self, state: State, low: bool, blb: bool) -> Parts:
        """ln R = median + sqrt(share) s z + sqrt(1 - share - relaxation) s z_n + sqrt(relaxation) s y_n, and noise."""
        median = lines(self.policy, state)[0 if low else 1].median + self.shift * blb
        s = self.s * self.number(f"physics.variability.{'lrs' if low else 'hrs'}_spread", 1.0)
        pulse = 1 - self.number("physics.variability.device_share") - self.number("physics.relaxation.share")
        astray, width = self.number("physics.tails.share"), self.number("physics.tails.width")
        pulses = [(1 - astray, s), (astray, s * sqrt(1 - pulse + pulse * width**2))]
        upper, amplitude = self.number("physics.telegraph.share"), self.number("physics.telegraph.amplitude")
        raised = [(1 - upper, 0.0)] if amplitude else [(1.0, 0.0)]
        raised += [(upper * w / 2, amplitude * (1 + x) / 2) for x, w in zip(NODES, WEIGHTS, strict=True) if amplitude]
        each = [(a * b, median + up, spread) for (a, spread), (b, up) in product(pulses, raised)]
        return Parts(*np.array(each).T)

    def wrong(self, state: State, sign: int, stuck: bool = True) -> float:
        """P(a is slower than b) over the states of BL and BLb, which are (LRS, HRS) for +1."""
        stay = {low: self.number(f"physics.stuck.{'lrs' if low else 'hrs'}") * stuck for low in (True, False)}
        noise = sum(each**2 for each in amplifier(state.volts, state.kelvin))
        total = 0.0
        for bl, blb in product((True, False), repeat=2):
            chances = [1 - stay[not is_low] if is_low == wanted else stay[is_low]
                       for is_low, wanted in ((bl, sign > 0), (blb, sign < 0))]  # fmt: skip
            one, other = self.parts(state, bl, False), self.parts(state, blb, True)
            distance = sign * np.subtract.outer(other.mean, one.mean)
            slower = norm.sf(distance / np.sqrt(np.add.outer(other.spread**2, one.spread**2) + noise))
            total += chances[0] * chances[1] * float(other.share @ slower @ one.share)
        return total


@cache
def devices(policy: str, switch: str) -> Devices:
    numbers = {path: value for path, (value, _) in SWITCHES[switch].items()}
    mean = STATED["policies"][policy]["bit_error_rate"]["value"]
    wanted = [numbers.get(f"policies.{policy}.error_rate_{sign}", mean) for sign in ("plus", "minus")]

    def excess(solved: np.ndarray) -> list[float]:
        found = Devices(policy, numbers, float(np.exp(solved[0])), float(solved[1]))
        rates = (found.wrong(State(), sign, stuck=False) for sign in (1, -1))
        return [norm.isf(rate) - norm.isf(want) for rate, want in zip(rates, wanted, strict=True)]

    (low, _), (high, _) = lines(policy, State())
    solution = root(excess, (log((high - low) / sqrt(2) / norm.isf(mean)), 0.0), tol=1e-10)
    assert solution.success
    return Devices(policy, numbers, float(np.exp(solution.x[0])), float(solution.x[1]))


def cell_of(switch: str, policy: str = POLICY, state: State = STATES["fresh"]) -> Cell:
    return solve_cell(with_settings(RRAM130, SWITCHES[switch]), policy, state.conditions())


def holds(wrong: int, trials: int, rate: float) -> None:
    interval = binomtest(wrong, trials).proportion_ci(0.9999, "exact")
    assert interval.low <= rate <= interval.high, f"{wrong} of {trials} for a rate of {rate}"


@each_switch
@pytest.mark.parametrize("state", STATES)
def test_pairs_err_as_the_page_says(switch: str, state: str) -> None:
    twin, rates = devices(POLICY, switch), pair_rates(cell_of(switch, state=STATES[state]))
    expected = [twin.wrong(STATES[state], sign) for sign in (1, -1)]
    assert [rates.plus, rates.minus] == pytest.approx(expected, rel=1e-3)


@each_switch
def test_sampled_pairs_err_as_the_page_says(switch: str) -> None:
    twin, aged = devices(POLICY, switch), STATES["after ten years"]
    counted = count_cell_errors(cell_of(switch, state=aged), 3, 300_000, [])
    for tally, sign in ((counted.plus, 1), (counted.minus, -1)):
        holds(tally.wrong, tally.trials, twin.wrong(aged, sign))


def ternary(twin: Devices, median: float, wide: float) -> tuple[float, float]:
    """(+-1 as 0, 0 as +-1): P over w by a sum, of devices on BL and BLb."""
    z = np.linspace(-8, 8, 1001)
    weight = np.exp(-(z**2) / 2) / np.exp(-(z**2) / 2).sum()

    def in_time(low: bool, blb: bool) -> np.ndarray:
        share, mean, spread = twin.parts(State(), low, blb)
        return norm.cdf((np.add.outer(median + wide * z, -mean)) / spread) @ share

    lrs, hrs, hrs_too = in_time(True, False), in_time(False, True), in_time(False, False)
    return float(weight @ ((1 - lrs) * (1 - hrs))), float(weight @ (1 - (1 - hrs) * (1 - hrs_too)))


@pytest.mark.parametrize("switch", ["tails", "relaxation", "telegraph"])
def test_ternary_reads_err_as_the_page_says(switch: str) -> None:
    """The window is fitted with the devices of its policy, these switched on too; then other devices are read by it."""
    table, strong = (
        STATED["physics"]["ternary"]["nominal"],
        devices(STATED["physics"]["sense"]["window_policy"], switch),
    )
    to_zero, from_zero = (table[name]["value"] for name in ("to_zero", "from_zero"))

    def median_at(wide: float) -> float:
        return brentq(lambda median: log(max(ternary(strong, median, wide)[0], 1e-300) / to_zero), 5, 20)

    wide = brentq(lambda wide: ternary(strong, median_at(wide), wide)[1] - from_zero, 0.1, 3, xtol=1e-6)
    expected = ternary(devices(POLICY, switch), median_at(wide), wide)
    cell = cell_of(switch)
    rates, counted = ternary_rates(cell), count_ternary_errors(cell, 3, 2**17)
    assert (rates.to_zero, rates.from_zero) == pytest.approx(expected, rel=1e-3)
    for tally, rate in zip((counted.to_zero, counted.from_zero), expected, strict=True):
        holds(tally.wrong, tally.trials, rate)
