"""What errors did on chip instances: one by one, and over all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, log, sqrt

import numpy as np
import numpy.typing as npt
import scipy

from edgebnn.chip.banks.programmed_banks import ProgrammedBanks
from edgebnn.chip.device.error_formulas import TernaryRates, mean_ternary_rates
from edgebnn.chip.device.provenance import ternary_evidence
from edgebnn.chip.energy.programming_cost import ProgrammingCost
from edgebnn.chip.errors.error_rates import chip_rate, ternary_model
from edgebnn.chip.errors.programming import programming_cost as cost_on_chip
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.target.evidence import weakest
from edgebnn.chip.target.quantity import Evidence
from edgebnn.confidence import LEVEL, Interval, exact_interval
from edgebnn.mapping.lifting import misread_share, placement_of
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.programmed import pattern_of

Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ChipResult:
    """One chip instance on all samples.

    `bit_error_rate` and the two behind it are those of `ChipRate`: the mean over the network's synapses. `wrong_bits`
    of the `weights` in RRAM are most likely read wrong, whatever each read adds; `misread_share` of them are wrong in
    one read, in the mean, what each read or inference adds included. Both are those of inputs of +1. `accuracy` is None
    without labels, `changed` counts other answers than without errors.
    """

    seed: int
    bit_error_rate: float | None
    bit_error_rate_evidence: Evidence | None
    measured_share: float
    wrong_bits: int
    misread_share: float
    weights: int
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
    """Accuracy (None without labels), share of changed answers, wrong weights and misread share over all chips."""

    chips: int
    accuracy: OverChips | None
    changed: OverChips
    wrong_bits: OverChips
    misread_share: OverChips


@dataclass(frozen=True)
class MeanTernaryErrors:
    """How often the ternary weights of a chip are read wrong, by theory: the mean over all of them."""

    rates: TernaryRates
    evidence: Evidence


def chip_result(
    mapped: MappedNetwork,
    chip: ChipInstance,
    banks: ProgrammedBanks,
    wrong_bits: int,
    answers: Labels,
    without_errors: Labels,
    labels: Labels | None,
) -> ChipResult:
    """The figures of a chip whose answers are these, all (samples,), and whose wrong weights are so many."""
    rate = chip_rate(chip, mapped.target, policy_of(mapped, chip), pattern_of(mapped))
    return ChipResult(
        seed=chip.seed,
        bit_error_rate=rate.rate,
        bit_error_rate_evidence=rate.evidence,
        measured_share=rate.measured_share,
        wrong_bits=wrong_bits,
        misread_share=misread_share(mapped, banks, wrong_bits),
        weights=placement_of(mapped).weights,
        accuracy=None if labels is None else float(np.mean(answers == labels)),
        changed=int(np.count_nonzero(answers != without_errors)),
    )


def summary(results: Sequence[ChipResult], samples: int) -> ChipSummary:
    """All chips together; there is at least one."""
    unseen = exact_interval(0, samples * len(results))[1]
    accuracies = [result.accuracy for result in results if result.accuracy is not None]
    unseen_weights = -log((1 - LEVEL) / 2) / len(results)
    return ChipSummary(
        chips=len(results),
        accuracy=over_chips(accuracies, unseen, 1) if accuracies else None,
        changed=over_chips([result.changed / samples for result in results], unseen, 1),
        wrong_bits=over_chips([result.wrong_bits for result in results], unseen_weights, inf),
        misread_share=over_chips(
            [each.misread_share for each in results], unseen_weights / max(results[0].weights, 1), 1
        ),
    )


def over_chips(values: Sequence[float], unseen: float, most: float) -> OverChips:
    """Mean, spread and interval of a figure that lies between 0 and `most`.

    The interval reaches at least as far as what may happen and was seen on no chip: chips that are all alike in a
    figure do not show that all others are.
    """
    mean = float(np.mean(values))
    if len(values) < 2:
        return OverChips(mean, None, None)
    spread = float(np.std(values, ddof=1))
    reach = float(scipy.special.stdtrit(len(values) - 1, (1 + LEVEL) / 2)) * spread / sqrt(len(values))
    reach = max(reach, unseen)
    return OverChips(mean, spread, (max(0.0, mean - reach), min(most, mean + reach)))


def ternary_errors(mapped: MappedNetwork, chip: ChipInstance) -> MeanTernaryErrors | None:
    """Those of a chip that reads ternary weights through a sensing window; None where it has none, or where no formula
    gives them."""
    target, counts = mapped.target, _ternary_weights(mapped, chip)
    models = {name: ternary_model(chip, target, name) for name in counts}
    known = {name: model for name, model in models.items() if model is not None}
    if not known:
        return None
    evidence = weakest(*(ternary_evidence(target, name, chip.conditions) for name in known))
    return MeanTernaryErrors(mean_ternary_rates([(known[name], counts[name]) for name in known]), evidence)


def _ternary_weights(mapped: MappedNetwork, chip: ChipInstance) -> dict[str, tuple[int, int, int]]:
    """How many ternary weights are -1, 0 and +1 under each policy."""
    counts: dict[str, tuple[int, int, int]] = {}
    for node in mapped.network.linear:
        stage = mapped.linear_stages.get(node.name)
        if stage is not None and stage.nonzero is not None:
            name = chip.policy or stage.policy
            assert name is not None, "a layer in RRAM has a policy"
            minus, zero, plus = counts.get(name, (0, 0, 0))
            here = [int(np.count_nonzero(node.weights == value)) for value in (-1, 0, 1)]
            counts[name] = minus + here[0], zero + here[1], plus + here[2]
    return counts


def programming_cost(mapped: MappedNetwork, chip: ChipInstance) -> ProgrammingCost:
    """What programming the network onto the chip took, further attempts included; its marker comes on top."""
    return cost_on_chip(chip, mapped.target, pattern_of(mapped), policy_of(mapped, chip))


def policy_of(mapped: MappedNetwork, chip: ChipInstance) -> str:
    """The policy of rows without their own: the chip's, else the deployment's."""
    policy = chip.policy or mapped.policy
    assert policy is not None, "a network in RRAM has a policy"
    return policy


def policies_of(mapped: MappedNetwork, chip: ChipInstance) -> tuple[str, ...]:
    """The policies under which the network is programmed onto the chip: its own, else those of the layers."""
    return mapped.policies if chip.policy is None else (chip.policy,)
