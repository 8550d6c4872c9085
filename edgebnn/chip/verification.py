"""Program-and-verify beside programming once: what it costs, and what remains wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from edgebnn.chip.cell import solve_cell
from edgebnn.chip.conditions import Conditions
from edgebnn.chip.device_model import worn_devices
from edgebnn.chip.devices import amplifier_offsets
from edgebnn.chip.evidence import weakest
from edgebnn.chip.instance import ChipInstance, ErrorModel
from edgebnn.chip.intervals import Tally
from edgebnn.chip.provenance import Graded, single_evidence
from edgebnn.chip.pulses import Outcome, program_verified
from edgebnn.chip.quantity import Evidence
from edgebnn.chip.sampling import ALTERNATING, NO_ZEROS
from edgebnn.chip.target import COLUMNS, Target

_MOST_CELLS = 1 << 18  # NumPy programs them


@dataclass(frozen=True)
class Verified:
    """At most so many attempts: wrong synapses that remain, joules a synapse, seconds a row of 32 of them."""

    policy: str
    attempts: int
    remaining: Tally
    evidence: Evidence
    energy_j: Graded
    time_s: Graded


def verify(
    target: Target, name: str, conditions: Conditions, attempts: int, cells: int, seed: int
) -> tuple[Verified, ...]:
    """Binary weights, as many +1 as -1, programmed under a policy with 1, 2, ... `attempts` attempts at most.

    Each of the `cells` has an amplifier of its own, so that they err independently, and is read without the noise of a
    single read.
    """
    rows = -(-min(cells, _MOST_CELLS) // COLUMNS)
    cell = replace(solve_cell(target, name, conditions), noise=0.0)
    banks = np.arange(rows)
    chip = ChipInstance(seed, errors=ErrorModel.DEVICE, conditions=conditions)
    devices, offsets = worn_devices(chip, banks << 5), amplifier_offsets(seed, banks, cell)
    sign, nonzero = np.full(rows, ALTERNATING, np.uint32), np.full(rows, NO_ZEROS, np.uint32)
    binary = np.zeros(rows, np.bool_)
    outcomes = program_verified(devices, sign, nonzero, binary, cell, offsets)
    found: list[Verified] = []
    for outcome in islice(outcomes, attempts):
        found.append(_verified(target, name, conditions, len(found) + 1, outcome))
    while len(found) < attempts:  # nothing was wrong any more, so a further attempt does nothing
        found.append(_verified(target, name, conditions, len(found) + 1, outcome))
    return tuple(found)


def _verified(target: Target, name: str, conditions: Conditions, attempts: int, outcome: Outcome) -> Verified:
    assert outcome.wrong is not None, "whoever verifies has looked"
    policy, rates = target.policy(name), single_evidence(target, name, conditions)
    # How often a further attempt is made rests on the error rate.
    retries = (rates,) if attempts > 1 else ()
    energy = weakest(policy.set_energy.evidence, policy.reset_energy.evidence, *retries)
    return Verified(
        policy=name,
        attempts=attempts,
        remaining=Tally(int(outcome.wrong.sum()), outcome.wrong.size),
        evidence=rates,
        energy_j=Graded(outcome.pulses.energy(policy).total_j / outcome.wrong.size, energy),
        time_s=Graded(outcome.pulses.time_s(policy) / len(outcome.wrong), weakest(policy.pulse.evidence, *retries)),
    )
