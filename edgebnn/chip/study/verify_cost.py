"""Program-and-verify beside programming once: what it costs, and what remains wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from edgebnn.chip.banks.geometry import COLUMNS
from edgebnn.chip.banks.programmed_banks import unpack
from edgebnn.chip.device.cell import Cell
from edgebnn.chip.device.cell_counts import ALTERNATING, NO_ZEROS
from edgebnn.chip.device.cell_solver import solve_cell
from edgebnn.chip.device.conditions import Conditions
from edgebnn.chip.device.programming_pulses import program_verified
from edgebnn.chip.device.provenance import Graded, single_evidence
from edgebnn.chip.device.read_back import ReadBack
from edgebnn.chip.device.resistances import Devices, Flags, amplifier_offsets
from edgebnn.chip.device.sensing import answer_thresholds
from edgebnn.chip.device.stuck_devices import drawn_sticking
from edgebnn.chip.energy.programming_cost import programming_energy, programming_time
from edgebnn.chip.energy.pulse_count import PulseCount
from edgebnn.chip.errors.answers import likely_answers
from edgebnn.chip.errors.device_model import worn_devices
from edgebnn.chip.instance.chip_checks import array_of
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorModel
from edgebnn.chip.random.normal import Floats
from edgebnn.chip.target.evidence import weakest
from edgebnn.chip.target.quantity import Evidence
from edgebnn.chip.target.target import Target
from edgebnn.confidence import Tally
from edgebnn.words import Words

_MOST_CELLS = 1 << 18  # NumPy programs them
_PLUS = (ALTERNATING >> np.arange(COLUMNS) & 1) != 0


@dataclass(frozen=True)
class Verified:
    """At most so many attempts: weights +1 and -1 that are wrong afterwards, joules a synapse, seconds a row
    of a bank."""

    policy: str
    attempts: int
    plus: Tally
    minus: Tally
    evidence: Evidence
    energy_j: Graded
    time_s: Graded

    @property
    def remaining(self) -> Tally:
        """Of all weights."""
        return self.plus + self.minus


def verify(
    target: Target, name: str, conditions: Conditions, attempts: int, cells: int, seed: int, guard_band: float = 0.0
) -> tuple[Verified, ...]:
    """Binary weights, as many +1 as -1, programmed under a policy with 1, 2, ... `attempts` attempts at most.

    They are verified fresh and counted under the conditions, aged as these say. Each of the `cells` has an amplifier of
    its own, so that they err independently; a cell counts as wrong where either input reads it wrong without noise.
    """
    rows = -(-min(cells, _MOST_CELLS) // COLUMNS)
    cell = replace(solve_cell(target, name, conditions), noise=0.0)
    read_back = ReadBack(solve_cell(target, name, replace(conditions, retention_s=0.0)), guard_band)
    banks = np.arange(rows)
    chip = ChipInstance(seed, errors=ErrorModel.DEVICE, conditions=conditions)
    devices = worn_devices(chip, banks << 5, drawn_sticking(seed, banks << 5, cell))
    offsets = amplifier_offsets(seed, banks, cell)
    sign, nonzero = np.full(rows, ALTERNATING, np.uint32), np.full(rows, NO_ZEROS, np.uint32)
    binary = np.zeros(rows, np.bool_)
    found: list[Verified] = []
    for outcome in islice(program_verified(devices, sign, nonzero, binary, read_back, offsets), attempts):
        wrong = reads_wrong(outcome.devices, sign, nonzero, binary, cell, offsets)
        left = [Tally(int(wrong[:, of_sign].sum()), wrong.size // 2) for of_sign in (_PLUS, ~_PLUS)]
        found.append(_verified(target, name, conditions, len(found) + 1, outcome.pulses, *left))
    while len(found) < attempts:  # all were accepted, so a further attempt does nothing
        found.append(replace(found[-1], attempts=len(found) + 1))
    return tuple(found)


def reads_wrong(devices: Devices, sign: Words, nonzero: Words, ternary: Flags, cell: Cell, offsets: Floats) -> Flags:
    """Synapses whose most likely answer is not the wanted weight for one of the inputs, bool (rows, 32)."""
    found = likely_answers(*answer_thresholds(cell, devices.ln_resistance(cell), offsets, ternary))
    unlike = (found.sign ^ (sign & nonzero)[:, np.newaxis]) | (found.nonzero ^ nonzero[:, np.newaxis])
    return unpack(np.bitwise_or.reduce(unlike, axis=-1))


def _verified(
    target: Target, name: str, conditions: Conditions, attempts: int, pulses: PulseCount, plus: Tally, minus: Tally
) -> Verified:
    weights = plus.trials + minus.trials
    policy, rates = target.policy(name), single_evidence(target, name, conditions)
    # How often a further attempt is made rests on the error rate.
    retries = (rates,) if attempts > 1 else ()
    energy = weakest(policy.set_energy.evidence, policy.reset_energy.evidence, *retries)
    return Verified(
        policy=name,
        attempts=attempts,
        plus=plus,
        minus=minus,
        evidence=rates,
        energy_j=Graded(programming_energy(pulses, policy).total_j / weights, energy),
        time_s=Graded(
            programming_time(pulses, policy).time_s * array_of(target).geometry.columns / weights,
            weakest(policy.pulse.evidence, *retries),
        ),
    )
