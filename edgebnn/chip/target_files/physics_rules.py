"""What a target's [physics] has to keep to, beyond the bounds of its numbers."""

from __future__ import annotations

import re
from itertools import pairwise

from edgebnn.chip.target.physics import Physics
from edgebnn.chip.target.target import NAME_PATTERN, Target
from edgebnn.errors import TargetError

_LEAST_RATE = 1e-9  # that a window is fitted to: rarer errors say nothing about the middle of its law


def check_physics(target: Target, physics: Physics, where: str) -> None:
    """TargetError where the sections do not fit together; `where` begins the sentence."""
    _demand(target.array is not None, where, "[physics] is about an RRAM array; add [array], or remove it")
    for name, policy in target.policies.items():
        for state in ("lrs", "hrs"):
            present = getattr(policy, state) is not None
            _demand(present, where, f"policies.{name}.{state} is missing; [physics] needs both medians of R")
        assert policy.lrs is not None and policy.hrs is not None
        apart = policy.lrs.si("resistance") < policy.hrs.si("resistance")
        _demand(apart, where, f"policies.{name}.lrs is not below its hrs; exchange them")
        below = policy.bit_error_rate.si("ratio") < 0.5
        _demand(below, where, f"policies.{name}.bit_error_rate must be below 0.5: at one half nothing is stored")
        access = physics.access
        between = access is None or access.resistance.si("resistance") < policy.lrs.si("resistance")
        _demand(between, where, f"physics.access.resistance is not below policies.{name}.lrs, of which it is a part")
    settled = 0.0 if physics.relaxation is None else physics.relaxation.share.si("ratio")
    shares = physics.variability.device_share.si("ratio") + settled
    _demand(shares <= 1, where, "physics.variability.device_share and physics.relaxation.share add up to more than 1")
    wider = physics.tails is None or physics.tails.width.si("factor") >= 1
    _demand(wider, where, "physics.tails.width is below 1; pulses that go astray are spread wider, not less")
    dead = 0.0 if physics.stuck is None else physics.stuck.lrs.si("ratio") + physics.stuck.hrs.si("ratio")
    _demand(dead <= 1, where, "physics.stuck.lrs and physics.stuck.hrs add up to more than 1; lower them")
    known = physics.sense.window_policy in target.policies
    _demand(known, where, "physics.sense.window_policy names no policy; use one of " + ", ".join(target.policies))
    stated = target.policies[physics.sense.window_policy].bit_error_rate.si("ratio") > 0
    fit = "for the window to be fitted to its devices"
    _demand(stated, where, f"policies.{physics.sense.window_policy}.bit_error_rate must be more than zero, {fit}")
    table = physics.temperature
    ordered = all(
        one.si("temperature") <= other.si("temperature")
        for one, other in pairwise((table.lowest, table.reference, table.highest))
    )
    _demand(ordered, where, "physics.temperature must have lowest <= reference <= highest")
    cooler = table.reference.si("temperature") - table.lowest.si("temperature")
    conducts = 1 - table.lrs_drift.si("relative drift") * cooler > 0
    _demand(conducts, where, "physics.temperature.lrs_drift leaves no low resistance at lowest; lower it")
    _check_ternary(physics, where)


def _check_ternary(physics: Physics, where: str) -> None:
    _demand(bool(physics.ternary), where, "[physics] needs at least one table [physics.ternary.NAME]")
    for name, row in physics.ternary.items():
        plain = re.match(NAME_PATTERN, name) is not None
        _demand(plain, where, "a name in [physics.ternary] is not 1 to 64 letters, digits, '.', '_' or '-'; rename it")
        for rate in ("to_zero", "from_zero"):
            inside = _LEAST_RATE <= getattr(row, rate).si("ratio") < 0.5
            bounds = f"from {_LEAST_RATE:g} to below 0.5, for the window to fit"
            _demand(inside, where, f"physics.ternary.{name}.{rate} must lie {bounds}")
    supplies = [row.supply.si("voltage") for row in physics.ternary.values()]
    distinct = len(set(supplies)) == len(supplies)
    _demand(distinct, where, "two tables of [physics.ternary] have the same supply; remove one")


def _demand(condition: bool, where: str, problem: str) -> None:
    if not condition:
        raise TargetError(f"{where}: {problem}")
