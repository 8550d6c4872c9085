"""What programming cycles do to the bit error rates."""

from __future__ import annotations

from math import exp, inf, log

from edgebnn.chip.device.error_formulas import SignRates, gridded_rate
from edgebnn.chip.target.target import Target, physics_of
from edgebnn.errors import TargetError


def aged_rate(target: Target, policy_name: str, cycles: int) -> float:
    """The 2T2R bit error rate after so many programming cycles at nominal supply and reference temperature.

    TargetError where the cycles are beyond the policy's endurance, about which the model says nothing.
    """
    policy = target.policy(policy_name)
    rate, endurance = policy.bit_error_rate.si("ratio"), policy.endurance.si("cycles")
    if not 0 <= cycles <= endurance:
        raise TargetError(
            f"{cycles} programming cycles are out of range: devices programmed under '{policy_name}' endure "
            f"{endurance:g}; choose fewer, or another policy"
        )
    if cycles == 0:
        return rate
    ageing = physics_of(target).ageing
    onset = ageing.onset.si("ratio") * endurance
    if rate == 0 or cycles <= onset:
        return rate
    grown = log(cycles / onset) if onset else inf
    worst = ageing.worst.si("ratio")
    if rate >= worst or not ageing.exponent.si("slope"):
        return rate
    # In logarithms, since a power of so many cycles may be no finite number.
    aged = exp(min(log(rate) + ageing.exponent.si("slope") * grown, log(worst)))
    return max(rate, min(gridded_rate(aged), worst))


def aged_rates(target: Target, policy_name: str, cycles: int) -> SignRates:
    """Those of +1 and -1: both grow alike, and `aged_rate` is their mean."""
    mean, policy = aged_rate(target, policy_name, cycles), target.policy(policy_name)
    if policy.error_rate_plus is None or policy.error_rate_minus is None:
        return SignRates(mean, mean)
    plus, minus = policy.error_rate_plus.si("ratio"), policy.error_rate_minus.si("ratio")
    if cycles == 0 or mean == 0:
        return SignRates(plus, minus)
    share = plus / (plus + minus)
    return SignRates(gridded_rate(min(2 * mean * share, 1.0)), gridded_rate(min(2 * mean * (1 - share), 1.0)))
