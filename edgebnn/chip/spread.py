"""The spread of devices, which stands in no file: it is solved so that a policy's bit error rates come out.

At the nominal supply, the reference temperature and after so many cycles a pair errs at the tabulated rate with all
that the target describes switched on: amplifier, tails, relaxation, telegraph noise. Where +1 and -1 have rates of
their own, the shift of BLb's devices against BL's is solved with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import exp, log, sqrt

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq, root
from scipy.special import ndtri

from edgebnn.chip.ageing import aged_rates
from edgebnn.chip.cell import Cell, State, Tails, Telegraph, pair_rates
from edgebnn.chip.discharge import amplifier_spreads
from edgebnn.chip.physics import Physics
from edgebnn.chip.target import Policy, Target, physics_of
from edgebnn.chip.theory import SignRates
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
        State(lrs, 0.0, 0.0), State(hrs, 0.0, 0.0), offset, noise, 0.0, 0.0, 0.0, tails=_tails(physics),
        telegraph=_telegraph(physics),
    )  # fmt: skip
    rates = aged_rates(target, policy_name, cycles)
    if rates.mean == 0:
        return plain
    if not 0 < rates.mean < 0.5 or min(rates.plus, rates.minus) == 0:
        raise _unsolvable(target, policy_name, rates)

    def spread_out(s: float) -> Cell:
        return replace(plain, lrs=_state(physics, lrs, s, "lrs_spread"), hrs=_state(physics, hrs, s, "hrs_spread"))

    if rates.plus == rates.minus:
        s = _spread_for(lambda s: _distance(pair_rates(spread_out(s)).mean, rates.mean), hrs - lrs)
        if s is None:
            raise _unsolvable(target, policy_name, rates)
        return spread_out(s)
    return _shifted(target, policy_name, spread_out, rates, hrs - lrs)


def medians(policy: Policy) -> tuple[float, float]:
    """(ln LRS, ln HRS) in ln ohm."""
    assert policy.lrs is not None and policy.hrs is not None, "target_rules asks for them where there is [physics]"
    return log(policy.lrs.si("resistance")), log(policy.hrs.si("resistance"))


def _shifted(
    target: Target, policy_name: str, spread_out: Callable[[float], Cell], rates: SignRates, contrast: float
) -> Cell:
    """Two rates, two unknowns: the spread and the shift that give both.

    In quantiles the two are nearly straight lines, so the start is what single normal laws give: (D + shift) / w and
    (D - shift) / w are the quantiles of the rates.
    """
    plus, minus = (-float(ndtri(rate)) for rate in (rates.plus, rates.minus))
    shift = contrast * (plus - minus) / (plus + minus)
    s = 2 * contrast / (plus + minus) / sqrt(2)

    def excess(unknown: npt.NDArray[np.float64]) -> tuple[float, float]:
        found = pair_rates(replace(spread_out(exp(float(unknown[0]))), blb_shift=float(unknown[1])))
        return _distance(found.plus, rates.plus), _distance(found.minus, rates.minus)

    solution = root(excess, (log(s), shift), tol=1e-12)
    if max(map(abs, excess(solution.x))) > _CLOSE or abs(solution.x[1]) >= contrast:
        raise _unsolvable(target, policy_name, rates)
    return replace(spread_out(exp(float(solution.x[0]))), blb_shift=float(solution.x[1]))


def _spread_for(excess: Callable[[float], float], contrast: float) -> float | None:
    """The spread at which a rate that rises with it is as wanted; None where none is."""
    narrowest, widest = contrast / _WIDEST, contrast * _WIDEST
    if excess(narrowest) > 0:
        # An amplifier alone may already err at exactly the rate.
        return narrowest if excess(narrowest) < _CLOSE else None
    if excess(widest) < 0:
        return None
    return exp(brentq(lambda logarithm: excess(exp(logarithm)), log(narrowest), log(widest), xtol=1e-13))


def _distance(found: float, wanted: float) -> float:
    """Between two rates, as normal quantiles: finite at 0, and near a straight line."""
    low, high = (float(ndtri(min(max(rate, 2.0**-1070), 1 - 2.0**-53))) for rate in (wanted, found))
    return high - low


def _state(physics: Physics, ln_median: float, s: float, name: str) -> State:
    """A state whose devices have the spread s, times what the target says of this state, by its causes."""
    variability = physics.variability
    ratio = getattr(variability, name)
    spread = s if ratio is None else s * ratio.si("factor")
    settled = 0.0 if physics.relaxation is None else physics.relaxation.share.si("ratio")
    share = variability.device_share.si("ratio")
    return State(ln_median, spread * sqrt(share), spread * sqrt(1 - share - settled), spread * sqrt(settled))


def _tails(physics: Physics) -> Tails:
    table = physics.tails
    return Tails() if table is None else Tails(table.share.si("ratio"), table.width.si("factor"))


def _telegraph(physics: Physics) -> Telegraph:
    table = physics.telegraph
    return Telegraph() if table is None else Telegraph(table.amplitude.si("log ratio"), table.share.si("ratio"))


def _unsolvable(target: Target, name: str, rates: SignRates) -> TargetError:
    stated = f"{rates.mean:g}" if rates.plus == rates.minus else f"{rates.plus:g} for +1 and {rates.minus:g} for -1"
    return TargetError(
        f"policies.{name} of '{target.name}' states a bit error rate of {stated}, which no spread of its devices "
        "gives: lower physics.sense.offset, physics.tails or physics.telegraph, move lrs and hrs, or bring the rates "
        "of both signs closer"
    )
