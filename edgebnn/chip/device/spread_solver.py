"""The spread of devices, which stands in no file: it is solved so that a policy's bit error rates come out.

At the nominal supply, the reference temperature and after so many cycles a pair errs at the tabulated rate with all
that the target describes switched on: amplifier, tails, relaxation, telegraph noise. Where +1 and -1 have rates of
their own, the shift of BLb's devices against BL's is solved with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from math import exp, log, sqrt

import numpy as np
import numpy.typing as npt
import scipy

from edgebnn.chip.device.ageing import aged_rates
from edgebnn.chip.device.cell import Cell, HeavyTails, LogNormal, TelegraphNoise, pair_rates
from edgebnn.chip.device.discharge import amplifier_spreads
from edgebnn.chip.device.error_formulas import SignRates
from edgebnn.chip.target.physics import Physics
from edgebnn.chip.target.target import Policy, Target, physics_of
from edgebnn.errors import TargetError

_WIDEST = 1e9  # of s in units of D
_CLOSE = 1e-9  # of quantiles: rates to one part in 10^8


def nominal_cell(target: Target, policy_name: str, cycles: int) -> Cell:
    """The cell at the target's nominal supply and reference temperature after so many cycles, without a window.

    Raises TargetError where no spread gives the policy's rates.
    """
    physics, policy = physics_of(target), target.policy(policy_name)
    offset, noise = amplifier_spreads(target, None, None)
    lrs, hrs = medians(policy)
    plain = Cell(
        LogNormal(lrs, 0.0, 0.0), LogNormal(hrs, 0.0, 0.0), offset, noise, 0.0, 0.0, 0.0, tails=_tails(physics),
        telegraph=_telegraph(physics),
    )  # fmt: skip
    rates = aged_rates(target, policy_name, cycles)
    if rates.mean == 0:
        return plain
    if not 0 < rates.mean < 0.5 or min(rates.plus, rates.minus) == 0:
        raise _unsolvable(target, policy_name, rates)
    found = _spread_out(plain, _causes(physics), rates)
    if found is None:
        raise _unsolvable(target, policy_name, rates)
    return found


@dataclass(frozen=True)
class _Causes:
    """lrs, hrs: the spread of each state in units of s. device, relaxed: what shares of the variance are a device's for
    good, and taken on after programming."""

    lrs: float
    hrs: float
    device: float
    relaxed: float

    def spread_out(self, plain: Cell, s: float) -> Cell:
        """A cell with devices of the spread s."""
        return replace(plain, lrs=self._state(plain.lrs, self.lrs * s), hrs=self._state(plain.hrs, self.hrs * s))

    def _state(self, plain: LogNormal, spread: float) -> LogNormal:
        shares = self.device, 1 - self.device - self.relaxed, self.relaxed
        return LogNormal(plain.ln_median, *(spread * sqrt(share) for share in shares))


@lru_cache(maxsize=256)
def _spread_out(plain: Cell, causes: _Causes, rates: SignRates) -> Cell | None:
    """The cell with the spread, and the shift, that give both rates; None where none do."""
    if rates.plus != rates.minus:
        return _shifted(plain, causes, rates)
    s = _spread_for(lambda s: _distance(pair_rates(causes.spread_out(plain, s)).mean, rates.mean), plain.contrast)
    return None if s is None else causes.spread_out(plain, s)


def medians(policy: Policy) -> tuple[float, float]:
    """(ln LRS, ln HRS) in ln ohm."""
    assert policy.lrs is not None and policy.hrs is not None, "target_rules asks for them where there is [physics]"
    return log(policy.lrs.si("resistance")), log(policy.hrs.si("resistance"))


def _shifted(plain: Cell, causes: _Causes, rates: SignRates) -> Cell | None:
    """Two rates, two unknowns: the spread and the shift that give both.

    In quantiles the two are nearly straight lines, so the start is what single normal laws give: (D + shift) / w and
    (D - shift) / w are the quantiles of the rates.
    """
    contrast = plain.contrast
    plus, minus = (-float(scipy.special.ndtri(rate)) for rate in (rates.plus, rates.minus))
    shift = contrast * (plus - minus) / (plus + minus)
    s = 2 * contrast / (plus + minus) / sqrt(2)

    def cell_of(unknown: npt.NDArray[np.float64]) -> Cell:
        return replace(causes.spread_out(plain, exp(float(unknown[0]))), blb_shift=float(unknown[1]))

    def excess(unknown: npt.NDArray[np.float64]) -> tuple[float, float]:
        found = pair_rates(cell_of(unknown))
        return _distance(found.plus, rates.plus), _distance(found.minus, rates.minus)

    solution = scipy.optimize.root(excess, (log(s), shift), tol=1e-12)
    if max(map(abs, excess(solution.x))) > _CLOSE or abs(solution.x[1]) >= contrast:
        return None
    return cell_of(solution.x)


def _spread_for(excess: Callable[[float], float], contrast: float) -> float | None:
    """The spread at which a rate that rises with it is as wanted; None where none is."""
    narrowest, widest = contrast / _WIDEST, contrast * _WIDEST
    if excess(narrowest) > 0:
        # An amplifier alone may already err at exactly the rate.
        return narrowest if excess(narrowest) < _CLOSE else None
    if excess(widest) < 0:
        return None
    return exp(scipy.optimize.brentq(lambda logarithm: excess(exp(logarithm)), log(narrowest), log(widest), xtol=1e-13))


def _distance(found: float, wanted: float) -> float:
    """Between two rates, as normal quantiles: finite at 0, and near a straight line."""
    low, high = (float(scipy.special.ndtri(min(max(rate, 2.0**-1070), 1 - 2.0**-53))) for rate in (wanted, found))
    return high - low


def _causes(physics: Physics) -> _Causes:
    variability, relaxation = physics.variability, physics.relaxation
    lrs, hrs = (1.0 if each is None else each.si("factor") for each in (variability.lrs_spread, variability.hrs_spread))
    relaxed = 0.0 if relaxation is None else relaxation.share.si("ratio")
    return _Causes(lrs, hrs, variability.device_share.si("ratio"), relaxed)


def _tails(physics: Physics) -> HeavyTails:
    table = physics.tails
    return HeavyTails() if table is None else HeavyTails(table.share.si("ratio"), table.width.si("factor"))


def _telegraph(physics: Physics) -> TelegraphNoise:
    table = physics.telegraph
    return (
        TelegraphNoise() if table is None else TelegraphNoise(table.amplitude.si("log ratio"), table.share.si("ratio"))
    )


def _unsolvable(target: Target, name: str, rates: SignRates) -> TargetError:
    stated = f"{rates.mean:g}" if rates.plus == rates.minus else f"{rates.plus:g} for +1 and {rates.minus:g} for -1"
    return TargetError(
        f"policies.{name} of '{target.name}' states a bit error rate of {stated}, which no spread of its devices "
        "gives: lower physics.sense.offset, physics.tails or physics.telegraph, move lrs and hrs, or bring the rates "
        "of both signs closer"
    )
