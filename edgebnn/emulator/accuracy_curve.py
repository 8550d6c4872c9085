"""Accuracy against the bit error rate: the same chips, by their seeds, at one rate after another.

A synapse that is wrong at one rate is wrong at every higher one, so the points of a curve belong together; each is
paired with the answers without errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgebnn.chip.errors.error_rates import chip_rate
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorKinds
from edgebnn.chip.target.quantity import Evidence
from edgebnn.choices import choice
from edgebnn.confidence import Interval, exact_interval
from edgebnn.emulator.accuracy import AccuracyDrop, Flags, accuracy_drop
from edgebnn.emulator.agreement import per_class
from edgebnn.emulator.chip_results import Labels, OverChips, over_chips, policy_of
from edgebnn.emulator.chip_runs import ChipRuns, side_by_side
from edgebnn.emulator.emulate import Dataset, Progress, check_labels, silent
from edgebnn.emulator.fast import FastPath
from edgebnn.errors import DataError, TargetError
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.programmed import pattern_of, programmed_banks

MOST_RATES = 100


@dataclass(frozen=True)
class CurvePoint:
    """All chips at one bit error rate.

    accuracies, wrong_bits: of each chip, in their order; the latter as in `ChipResult`. over_chips: the accuracy's
    mean, spread and interval over chips, on these samples. drop: the paired one, over chips and samples.
    """

    bit_error_rate: float
    accuracies: tuple[float, ...]
    wrong_bits: tuple[int, ...]
    over_chips: OverChips
    drop: AccuracyDrop


@dataclass(frozen=True)
class PolicyRate:
    """The share of the network's weights that one read finds wrong under a programming policy, by theory."""

    policy: str
    bit_error_rate: float
    evidence: Evidence | None


@dataclass(frozen=True, repr=False)
class AccuracyCurve:
    """The accuracy without errors with its exact interval, and the points by rising rate.

    seeds: of the chips. policies: what their own conditions give under each of the target's policies that covers them;
    `left_out` says why others are not there.
    """

    samples: int
    accuracy: float
    accuracy_interval: Interval
    seeds: tuple[int, ...]
    points: tuple[CurvePoint, ...]
    policies: tuple[PolicyRate, ...]
    left_out: tuple[str, ...]

    def __repr__(self) -> str:
        """One short line; the fields have the rest."""
        chips, points = len(self.seeds), len(self.points)
        return f"AccuracyCurve(samples={self.samples}, accuracy={self.accuracy:.4f}, chips={chips}, points={points})"


def accuracy_curve(
    mapped: MappedNetwork,
    data: Dataset,
    chips: Sequence[ChipInstance],
    rates: Sequence[float],
    progress: Progress = silent,
) -> AccuracyCurve:
    """The chips at each of the rates, which take the place of their own.

    Raises DataError without labels, TargetError without chips or RRAM, for rates out of range, and for chips whose
    errors do not come from one rate: of devices, of reads alone, or measured.
    """
    check_labels(data, mapped)
    if data.y is None:
        raise DataError("the data have no labels y, so no accuracy is known; add the class of each sample")
    wanted = sorted(set(rates))
    if not 1 <= len(wanted) <= MOST_RATES or not all(0 < rate <= 1 for rate in wanted):
        raise TargetError(f"a curve takes 1 to {MOST_RATES} bit error rates above 0, up to 1; 0 is always beside them")
    if not chips or mapped.policy is None:
        raise TargetError(
            f"the accuracy at an error rate is found on chips with RRAM; ask for some, {choice('chips', '5')}"
        )
    for chip in chips:
        _check(chip)
    fast, labels = FastPath(mapped), data.y
    right = per_class(fast.run(data.x)).argmax(axis=1) == labels
    points, runs = [], ChipRuns(fast, data.x)
    for rate in wanted:
        progress(f"bit error rate {rate:g}")
        points.append(_point(mapped, runs, labels, right, [replace(chip, bit_error_rate=rate) for chip in chips]))
    policies, left_out = _policies(mapped, chips[0])
    return AccuracyCurve(
        samples=len(labels),
        accuracy=float(right.mean()),
        accuracy_interval=exact_interval(int(right.sum()), len(right)),
        seeds=tuple(chip.seed for chip in chips),
        points=tuple(points),
        policies=policies,
        left_out=left_out,
    )


def _point(
    mapped: MappedNetwork, runs: ChipRuns, labels: Labels, right: Flags, chips: list[ChipInstance]
) -> CurvePoint:
    """Chips of one rate; `right` (samples,) says which answers are without errors."""
    found, wrong_bits = np.empty((len(chips), len(labels)), np.bool_), []
    for place, (scores, wrong) in enumerate(side_by_side(lambda chip: runs.run(programmed_banks(mapped, chip)), chips)):
        found[place] = per_class(scores).argmax(axis=1) == labels
        wrong_bits.append(wrong)
    accuracies, unseen = tuple(float(each.mean()) for each in found), exact_interval(0, found.size)[1]
    rate = chips[0].bit_error_rate
    assert rate is not None, "these chips were given one"
    return CurvePoint(
        bit_error_rate=rate,
        accuracies=accuracies,
        wrong_bits=tuple(wrong_bits),
        over_chips=over_chips(accuracies, unseen, 1),
        drop=accuracy_drop(right, found, chips[0].seed),
    )


def _check(chip: ChipInstance) -> None:
    """TargetError where a rate would not be what the chip's errors come from."""
    if chip.measured is not None:
        raise TargetError("a measured chip errs as it was measured, whatever the rate; leave the measurement out")
    if not chip.errors.rules.takes_rate:
        raise TargetError(
            "the rates of the error model 'device' follow from policy and conditions, so none can be set; use 'ber', "
            "'table' or 'neighbour'"
        )
    if chip.kinds is ErrorKinds.READ and not chip.errors.rules.anew:
        raise TargetError("a bit error rate is one of programming, of which a chip with errors of reads alone has none")


def _policies(mapped: MappedNetwork, chip: ChipInstance) -> tuple[tuple[PolicyRate, ...], tuple[str, ...]]:
    """The rates under the chip's conditions, and sentences about the policies that do not cover these."""
    found, left_out, pattern = [], [], pattern_of(mapped)
    for name in mapped.target.policies:
        programmed = replace(chip, bit_error_rate=None, policy=name)
        try:
            rate = chip_rate(programmed, mapped.target, policy_of(mapped, programmed), pattern)
        except TargetError as error:
            left_out.append(f"the policy '{name}' is not marked: {error}")
            continue
        if rate.rate is not None:
            found.append(PolicyRate(name, rate.rate, rate.evidence))
    return tuple(found), tuple(left_out)
