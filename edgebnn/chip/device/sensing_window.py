"""The sensing window of ternary reads, fitted to the target's tables of ternary errors.

The window and its spread from read to read, which both lines share, are fitted. Without such a common spread the table
cannot come out: independent lines would turn a sign at least as often as both an LRS misses the window and an HRS does
not, which at 1e-2 and 18.5 % is 1e-3, a thousand times the table's bound. docs/physics.md has the derivation.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import scipy

from edgebnn.chip.device.cell import Level
from edgebnn.chip.device.discharge import in_series
from edgebnn.chip.device.error_formulas import Law, SensingWindow
from edgebnn.chip.device.spread_solver import nominal_cell
from edgebnn.chip.device.window_formulas import seen, unseen
from edgebnn.chip.target.target import Target, physics_of
from edgebnn.errors import TargetError


def sensing_window(target: Target, supply: float) -> SensingWindow:
    """Median and spread at a supply in V: fitted to the tabulated rates, or to what lies between the nearest ones.

    Between two tables the normal quantiles of both rates go along straight lines. TargetError beyond the outermost of
    the tables, where nothing is known, and where no window gives the rates.
    """
    wanted = _wanted(target, supply)
    name = physics_of(target).sense.window_policy
    nominal = nominal_cell(target, name, 0)
    cell = replace(nominal, lrs=in_series(nominal.lrs, target, supply), hrs=in_series(nominal.hrs, target, supply))
    lrs, hrs = ((cell.law(level), cell.law(level, blb=True)) for level in (Level.LRS, Level.HRS))
    window = _fit(lrs, hrs, wanted.to_zero, wanted.from_zero)
    if window is None:
        raise TargetError(
            f"{wanted.tables} of '{target.name}' cannot come out of devices programmed under '{name}': move its "
            "to_zero and from_zero, or the policy's lrs, hrs and bit_error_rate"
        )
    return window


class _Wanted(NamedTuple):
    to_zero: float
    from_zero: float
    tables: str


def _wanted(target: Target, supply: float) -> _Wanted:
    """What the tables say for a supply, and which they are."""
    tables = sorted(
        (row.supply.si("voltage"), row.to_zero.si("ratio"), row.from_zero.si("ratio"), f"physics.ternary.{name}")
        for name, row in physics_of(target).ternary.items()
    )
    supplies, to_zero, from_zero, names = zip(*tables, strict=True)
    if not supplies[0] <= supply <= supplies[-1]:
        reach = f"at {supplies[0]:g} V alone" if len(tables) == 1 else f"from {supplies[0]:g} to {supplies[-1]:g} V"
        raise TargetError(
            f"[physics.ternary] of '{target.name}' describes the sense amplifiers {reach}, not at {supply:g} V; choose "
            "a supply within, or add a table for this one"
        )
    if supply in supplies:
        return _Wanted(*tables[supplies.index(supply)][1:])
    lost, found = (
        float(scipy.special.ndtr(np.interp(supply, supplies, scipy.special.ndtri(rates))))
        for rates in (to_zero, from_zero)
    )
    above = bisect_left(supplies, supply)
    return _Wanted(lost, found, f"what lies between {names[above - 1]} and {names[above]}")


@lru_cache(maxsize=64)
def _fit(lrs: tuple[Law, Law], hrs: tuple[Law, Law], wanted_to: float, wanted_from: float) -> SensingWindow | None:
    """The window that gives both rates, or None where none does; nested roots, both functions being monotonic."""
    try:
        return _root(lrs, hrs, wanted_to, wanted_from)
    except (ValueError, RuntimeError):  # brentq's words for no change of sign, and for no convergence
        return None


def _root(lrs: tuple[Law, Law], hrs: tuple[Law, Law], wanted_to: float, wanted_from: float) -> SensingWindow | None:
    lowest, highest = min(part.mean for part in lrs[0] + lrs[1]), max(part.mean for part in hrs[0] + hrs[1])
    widest_line = max(part.spread for law in (*lrs, *hrs) for part in law)

    def window_at(width: float) -> SensingWindow:
        def excess(median: float) -> float:
            window = SensingWindow(median, width)
            missed = (unseen(window, lrs[0], hrs[1]) + unseen(window, lrs[1], hrs[0])) / 2
            return _quantile(missed) - _quantile(wanted_to)

        reach = 9 * (width + widest_line)
        return SensingWindow(scipy.optimize.brentq(excess, lowest - reach, highest + reach, xtol=1e-12), width)

    def excess(width: float) -> float:
        return _quantile(seen(window_at(width), *hrs)) - _quantile(wanted_from)

    narrowest, widest = 1e-3 * (highest - lowest), 3 * (highest - lowest)
    if not excess(narrowest) < 0 < excess(widest):
        return None
    return window_at(scipy.optimize.brentq(excess, narrowest, widest, xtol=1e-12))


def _quantile(rate: float) -> float:
    """That of the normal law, finite at 0 and 1 too, so that roots can be looked for between them."""
    return float(scipy.special.ndtri(min(max(rate, 2.0**-1070), 1 - 2.0**-53)))
