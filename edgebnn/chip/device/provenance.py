"""What the error rates of a cell are worth: the weakest word of all that enters them."""

from __future__ import annotations

from dataclasses import dataclass

from edgebnn.chip.device.conditions import Conditions
from edgebnn.chip.target.evidence import weakest
from edgebnn.chip.target.quantity import Evidence
from edgebnn.chip.target.target import Target, physics_of
from edgebnn.confidence import Tally

# What turns a policy's bit error rate into the spread of its devices, and back.
_AMPLIFIER = ("supply.nominal", "physics.sense.threshold", "physics.sense.offset", "physics.sense.noise")

# What else that spread is solved with.
_SHAPE = ("physics.variability.", "physics.relaxation.", "physics.tails.", "physics.telegraph.")


@dataclass(frozen=True)
class Graded:
    """A number that was derived, and its word."""

    value: float
    evidence: Evidence


@dataclass(frozen=True)
class Rate:
    """An error rate by theory, and what was counted."""

    theory: Graded
    sampled: Tally


def pair_evidence(target: Target, policy: str, conditions: Conditions) -> Evidence:
    """Of the 2T2R bit error rate: under the conditions of the target's tables it is a number of theirs."""
    return _weakest(target, *_rates(policy), *_changes(target, policy, conditions), *_defects(target, policy))


def single_evidence(target: Target, policy: str, conditions: Conditions) -> Evidence:
    """Of the 1T1R bit error rate and what follows from it: through the spread of one device."""
    return weakest(pair_evidence(target, policy, conditions), spread_evidence(target, policy))


def spread_evidence(target: Target, policy: str) -> Evidence:
    """Of the spread of fresh devices."""
    return _weakest(target, *_rates(policy), *_medians(policy), *_AMPLIFIER, *_SHAPE)


def contrast_evidence(target: Target, policy: str, conditions: Conditions) -> Evidence:
    """Of the medians of both states."""
    return _weakest(target, *_medians(policy), *_changes(target, policy, conditions))


def ternary_evidence(target: Target, policy: str, conditions: Conditions) -> Evidence:
    """Of the ternary error rates: the sensing window was fitted to the table with devices of the window's policy."""
    fitted_for = physics_of(target).sense.window_policy
    return weakest(
        single_evidence(target, policy, conditions),
        single_evidence(target, fitted_for, Conditions()),
        _weakest(target, "physics.ternary."),
    )


def _changes(target: Target, policy: str, conditions: Conditions) -> tuple[str, ...]:
    """What enters because the conditions are not those of the target's tables."""
    paths: list[str] = []
    if conditions.cycles:
        paths += ["physics.ageing.", f"policies.{policy}.endurance"]
    if conditions.supply_v is not None:
        paths += [*_AMPLIFIER, *_medians(policy), "physics.access."]
    if conditions.temperature_k is not None:
        paths += ["physics.temperature.", "physics.sense.threshold_drift", *_AMPLIFIER, *_medians(policy)]
    if conditions.retention_s:
        paths += ["physics.retention.", *_medians(policy)]
    return tuple(paths)


def _defects(target: Target, policy: str) -> tuple[str, ...]:
    """What enters where some devices are stuck: their share, and what comes of the comparison with another device."""
    stuck = physics_of(target).stuck
    if stuck is None or stuck.lrs.si("ratio") == stuck.hrs.si("ratio") == 0:
        return ()
    return "physics.stuck.", *_medians(policy), *_AMPLIFIER


def _rates(policy: str) -> tuple[str, ...]:
    return tuple(f"policies.{policy}.{name}" for name in ("bit_error_rate", "error_rate_plus", "error_rate_minus"))


def _medians(policy: str) -> tuple[str, str]:
    return f"policies.{policy}.lrs", f"policies.{policy}.hrs"


def _weakest(target: Target, *paths: str) -> Evidence:
    """The weakest word of the numbers at these paths; one that ends in a dot is a whole table."""
    return weakest(
        *(
            quantity.evidence
            for path, quantity, _ in target.quantities()
            if path in paths or any(table.endswith(".") and path.startswith(table) for table in paths)
        )
    )
