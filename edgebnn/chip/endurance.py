"""How often banks can be programmed before their devices wear out."""

from __future__ import annotations

from dataclasses import dataclass

from edgebnn.chip.quantity import Evidence
from edgebnn.chip.target import Policy, Target

DAYS_A_YEAR = 365.25

# Programming gives every device one pulse, a SET or a RESET, and each is counted as a cycle of the endurance: the
# careful end, since where a weight stays what it was nothing switches.
PULSES_OF_A_DEVICE = 1


@dataclass(frozen=True)
class Endurance:
    """What a programming policy leaves a deployment.

    cycles: those that a device endures. reprogrammings: whole ones, of all banks, within these cycles.
    """

    policy: str
    cycles: int
    reprogrammings: int
    evidence: Evidence

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
    return Endurance(name, cycles, reprogrammings(policy), policy.endurance.evidence)
