"""What errors did on chip instances: one by one, and over all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from edgebnn.chip.cell import solve_cell
from edgebnn.chip.energy import Energy, programming_energy
from edgebnn.chip.events import Events
from edgebnn.chip.instance import ChipInstance, ErrorModel
from edgebnn.chip.intervals import LEVEL, Interval
from edgebnn.chip.programming import bit_error_rate, programming_pulses, rate_evidence
from edgebnn.chip.provenance import ternary_evidence
from edgebnn.chip.quantity import Evidence
from edgebnn.chip.reading import ProgrammedBanks
from edgebnn.chip.ternary import ternary_rates
from edgebnn.chip.theory import TernaryRates
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.programmed import pattern_of, wrong_weights

Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ChipResult:
    """One chip instance on all samples.

    `bit_error_rate` is that of its binary weights and `bit_error_rate_evidence` what it is worth: None where the user
    gave it. `accuracy` is None without labels, `changed` counts other answers than without errors.
    """

    seed: int
    bit_error_rate: float
    bit_error_rate_evidence: Evidence | None
    wrong_bits: int
    accuracy: float | None
    changed: int


@dataclass(frozen=True)
class OverChips:
    """A figure over chips: mean, standard deviation from chip to chip, and the mean's 95 % interval (Student's t).

    Spread and interval are None for a single chip, which says nothing of others.
    """

    mean: float
    spread: float | None
    interval: Interval | None


@dataclass(frozen=True)
class ChipSummary:
    """Accuracy (None without labels), share of changed answers and wrong weights over all chips."""

    chips: int
    accuracy: OverChips | None
    changed: OverChips
    wrong_bits: OverChips


@dataclass(frozen=True)
class TernaryErrors:
    """How often the ternary weights of a chip are read wrong, by theory."""

    rates: TernaryRates
    evidence: Evidence


@dataclass(frozen=True)
class ProgrammingCost:
    """What programming a chip took, further attempts included; its pulses row after row."""

    energy: Energy
    time_s: float
    set_pulses: int
    reset_pulses: int


def chip_result(
    mapped: MappedNetwork,
    chip: ChipInstance,
    banks: ProgrammedBanks,
    answers: Labels,
    without_errors: Labels,
    labels: Labels | None,
) -> ChipResult:
    """The figures of a chip whose answers are these; all (samples,)."""
    policy = policy_of(mapped, chip)
    return ChipResult(
        seed=chip.seed,
        bit_error_rate=bit_error_rate(chip, mapped.target, policy),
        bit_error_rate_evidence=rate_evidence(chip, mapped.target, policy),
        wrong_bits=wrong_weights(mapped, banks),
        accuracy=None if labels is None else float(np.mean(answers == labels)),
        changed=int(np.count_nonzero(answers != without_errors)),
    )


def summary(results: Sequence[ChipResult], samples: int) -> ChipSummary:
    """All chips together; there is at least one."""
    accuracies = [result.accuracy for result in results if result.accuracy is not None]
    return ChipSummary(
        chips=len(results),
        accuracy=over_chips(accuracies, 0, 1) if accuracies else None,
        changed=over_chips([result.changed / samples for result in results], 0, 1),
        wrong_bits=over_chips([result.wrong_bits for result in results], 0, np.inf),
    )


def over_chips(values: Sequence[float], low: float, high: float) -> OverChips:
    """Mean, spread and interval of a figure that lies between `low` and `high`."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return OverChips(mean, None, None)
    spread = float(np.std(values, ddof=1))
    reach = float(student.ppf((1 + LEVEL) / 2, len(values) - 1)) * spread / sqrt(len(values))
    return OverChips(mean, spread, (max(low, mean - reach), min(high, mean + reach)))


def ternary_errors(mapped: MappedNetwork, chip: ChipInstance) -> TernaryErrors | None:
    """Those of a chip that reads ternary weights through a sensing window; None where it has none of them."""
    ternary = any(stage.nonzero is not None for stage in mapped.linear_stages.values())
    given = chip.errors is ErrorModel.NEIGHBOUR or chip.bit_error_rate is not None
    if not ternary or given or mapped.target.physics is None:
        return None
    policy = policy_of(mapped, chip)
    cell = solve_cell(mapped.target, policy, chip.conditions)
    return TernaryErrors(ternary_rates(cell), ternary_evidence(mapped.target, policy, chip.conditions))


def programming_cost(mapped: MappedNetwork, chip: ChipInstance) -> ProgrammingCost:
    """What programming the network onto the chip took under the chip's policy."""
    policy = mapped.target.policy(policy_of(mapped, chip))
    pulses = programming_pulses(chip, mapped.target, pattern_of(mapped), policy_of(mapped, chip))
    return ProgrammingCost(
        programming_energy(Events(set_pulses=pulses.set_pulses, reset_pulses=pulses.reset_pulses), policy),
        pulses.time_s(policy),
        pulses.set_pulses,
        pulses.reset_pulses,
    )


def policy_of(mapped: MappedNetwork, chip: ChipInstance) -> str:
    """The policy under which the chip is programmed: its own, else the deployment's."""
    policy = chip.policy or mapped.policy
    assert policy is not None, "a network in RRAM has a policy"
    return policy
