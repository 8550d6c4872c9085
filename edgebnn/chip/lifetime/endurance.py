"""How often banks can be programmed before their devices wear out, and how often they err by then."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from edgebnn.chip.device.ageing import aged_rate
from edgebnn.chip.device.conditions import Conditions
from edgebnn.chip.device.provenance import pair_evidence
from edgebnn.chip.target.quantity import Evidence
from edgebnn.chip.target.target import Policy, Target

DAYS_A_YEAR = 365.25

# Programming gives every device one pulse, a SET or a RESET, and each is counted as a cycle of the endurance: the
# careful end, since where a weight stays what it was nothing switches.
PULSES_OF_A_DEVICE = 1


@dataclass(frozen=True)
class Wear:
    """The 2T2R bit error rate after so many cycles, beside that of fresh devices; at nominal conditions.

    doubled_after: the cycles after which it is twice that of fresh devices, None where that is behind the endurance.
    """

    cycles: int
    bit_error_rate: float
    fresh_bit_error_rate: float
    doubled_after: int | None
    evidence: Evidence


@dataclass(frozen=True)
class Endurance:
    """What a programming policy leaves a deployment.

    cycles: those after which a device is worn out. reprogrammings: whole ones, of all banks, within these cycles.
    Neither says how well a network works by then: `worn` is the 2T2R bit error rate at that end.
    """

    policy: str
    cycles: int
    reprogrammings: int
    evidence: Evidence
    worn: Wear | None

    def years(self, reprogrammings_per_day: float) -> float | None:
        """Years until the most used device is worn out at this rate; None where nothing is reprogrammed."""
        return self.reprogrammings / reprogrammings_per_day / DAYS_A_YEAR if reprogrammings_per_day > 0 else None


def reprogrammings(policy: Policy, pulses: int = PULSES_OF_A_DEVICE) -> int:
    """How many whole reprogrammings the devices survive under a policy.

    `pulses` is how many of them the most used device takes in one; a device that is never used would survive any
    number, so it is one or more.
    """
    return policy.endurance.integer("cycles") // pulses


def endurance(target: Target, name: str) -> Endurance:
    """What the target's programming policy of this name leaves; TargetError where there is none."""
    policy = target.policy(name)
    cycles = policy.endurance.integer("cycles")
    return Endurance(name, cycles, reprogrammings(policy), policy.endurance.evidence, wear(target, name, cycles))


def weakest_endurance(target: Target, names: Iterable[str]) -> Endurance | None:
    """That of the policy that wears out first, where banks are programmed under several; None where none is."""
    return min((endurance(target, name) for name in names), key=lambda each: each.reprogrammings, default=None)


def wear(target: Target, name: str, cycles: int) -> Wear | None:
    """What so many cycles do under a policy; None for a target without a law of ageing, and behind the endurance."""
    endured = target.policy(name).endurance.integer("cycles")
    if target.physics is None or cycles > endured:
        return None
    return Wear(
        cycles=cycles,
        bit_error_rate=aged_rate(target, name, cycles),
        fresh_bit_error_rate=aged_rate(target, name, 0),
        doubled_after=_doubled_after(target, name, endured),
        evidence=pair_evidence(target, name, Conditions(cycles=cycles)),
    )


def _doubled_after(target: Target, name: str, endured: int) -> int | None:
    """The fewest cycles after which the rate, which never falls, is twice that of fresh devices."""
    twice = 2 * aged_rate(target, name, 0)
    if twice == 0 or aged_rate(target, name, endured) < twice:
        return None
    few, enough = 0, endured
    while enough - few > 1:
        between = (few + enough) // 2
        few, enough = (few, between) if aged_rate(target, name, between) >= twice else (between, enough)
    return enough
