"""What chips gain that trim themselves, found before they do so: on simulated chips, by calibration samples.

Shifting sums back to their means is no gain for every network: wrong weights draw sums together as well, and where
thresholds lie far from the means a shift alone goes too far. So the same chips answer the same samples untrimmed and
trimmed, and what counts is whose answers differ less from those without errors. Labels are not needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
import numpy.typing as npt
import scipy.special

from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorModel
from edgebnn.confidence import LEVEL, Interval
from edgebnn.emulator.agreement import per_class
from edgebnn.emulator.chip_runs import ChipRuns, side_by_side
from edgebnn.emulator.fast import FastPath, Scores
from edgebnn.json_types.trimming import SelfTrimDocument
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.programmed import programmed_banks
from edgebnn.mapping.self_trimming import self_trimming

Floats = npt.NDArray[np.float64]

CHIPS = 20
FIRST_SEED = 1_000_000  # far from the seeds by which chips are judged afterwards
MOST_SAMPLES, FEWEST_SAMPLES = 4096, 64
VERIFYING_ATTEMPTS = 5  # of chips that verify, where no layer says how many: what trimming gains least by
_MACS = 2 * 10**10  # of all samples on one chip: some seconds for all chips


@dataclass(frozen=True)
class SelfTrimGain:
    """By how much answers differ from those without errors, untrimmed and trimmed, in the mean of chips and samples.

    differ_untrimmed, differ_trimmed: the share of samples with another class; of a network with one score, by how much
    that differs. change: trimmed less untrimmed, with its 95 % interval for other chips and other samples,
    None of a single one. of_classes: whether it is shares. one_chip: whether the chips are programmings of a single
    one.
    """

    chips: int
    first_seed: int
    errors: ErrorModel
    attempts: int
    one_chip: bool
    samples: int
    of_classes: bool
    differ_untrimmed: float
    differ_trimmed: float
    change: float
    interval: Interval | None

    @property
    def shown(self) -> bool:
        """Whether trimmed chips differ less, beyond chance."""
        return self.interval is not None and self.interval[1] < 0

    def document(self) -> SelfTrimDocument:
        """`trimming.json`."""
        return {
            "trimmed": self.shown,
            "chips": self.chips,
            "first_seed": self.first_seed,
            "errors": self.errors.value,
            "attempts": self.attempts,
            "one_chip": self.one_chip,
            "samples": self.samples,
            "of_classes": self.of_classes,
            "differ_untrimmed": self.differ_untrimmed,
            "differ_trimmed": self.differ_trimmed,
            "change": self.change,
            "change_interval": self.interval,
        }


def self_trim_gain(
    untrimmed: MappedNetwork, x: npt.NDArray[np.generic], chip: ChipInstance | None, readings: int
) -> SelfTrimGain:
    """What chips gain that trim this network, by the batch x: every other sample shows the mean inputs, the rest judge.

    The chips are of `FIRST_SEED` on, with errors by place where the target has physics, and with devices where chips
    are to verify what they program; of a `chip` that was placed for after so many `readings`, further programmings. Of
    many samples the first count. DataError for unsuitable ones,
    FitError as `self_trimming` has it.
    """
    trimmed = self_trimming(untrimmed, x[::2])
    x = x if len(x) == 1 else x[1::2]  # a single sample shows nothing either way
    macs = sum(node.macs for node in untrimmed.network.linear)
    x = x[: min(MOST_SAMPLES, max(FEWEST_SAMPLES, _MACS // max(macs, 1)))]
    chips = _chips(untrimmed, chip, readings)
    runs = [ChipRuns(FastPath(mapped), x) for mapped in (untrimmed, trimmed)]
    clean = _answers(untrimmed, runs[0].clean)
    classes = per_class(runs[0].clean).shape[1] > 1

    def differences(instance: ChipInstance) -> list[Floats]:
        found = []
        for mapped, run in zip((untrimmed, trimmed), runs, strict=True):
            scores, _ = run.run(programmed_banks(mapped, instance))
            found.append(_differ(clean, _answers(mapped, scores), classes))
        return found

    by_chip = np.array(list(side_by_side(differences, chips)))  # (chips, 2, samples)
    before, after = by_chip[:, 0], by_chip[:, 1]
    return SelfTrimGain(
        len(chips),
        chips[0].seed,
        chips[0].errors,
        chips[0].attempts,
        chip is not None,
        len(x),
        classes,
        float(before.mean()),
        float(after.mean()),
        float((after - before).mean()),
        _interval(after - before),
    )


def _chips(mapped: MappedNetwork, chip: ChipInstance | None, readings: int) -> Sequence[ChipInstance]:
    if chip is None:
        allocation, attempts = mapped.allocation, 1
        errors = ErrorModel.BER if mapped.target.physics is None else ErrorModel.TABLE
        if mapped.target.physics is not None and (allocation.verified is not None or allocation.attempts):
            errors = ErrorModel.DEVICE  # whose programming can be tried again
            attempts = max(allocation.attempts.values(), default=VERIFYING_ATTEMPTS)
        return [ChipInstance(FIRST_SEED + number, errors=errors, attempts=attempts) for number in range(CHIPS)]
    conditions, target = chip.conditions, mapped.target
    policies = mapped.policies if chip.policy is None else (chip.policy,)
    borne = min(target.policy(name).endurance.integer("cycles") for name in policies)
    # Behind those that showed where it errs, and the one that is used; at the end of its life the last that it bears.
    first = min(conditions.cycles + readings + 1, max(0, borne - CHIPS + 1))
    return [replace(chip, conditions=replace(conditions, cycles=first + number)) for number in range(CHIPS)]


def _answers(mapped: MappedNetwork, scores: Scores) -> Floats:
    """The class of each sample; of a network with one score, that score in the model's units. (samples,)."""
    by_class = per_class(scores)
    if by_class.shape[1] == 1:
        return np.asarray(by_class[:, 0] * mapped.network.output.scale, np.float64)
    return np.asarray(by_class.argmax(axis=1), np.float64)


def _differ(clean: Floats, answers: Floats, classes: bool) -> Floats:
    return np.asarray(clean != answers if classes else np.abs(clean - answers), np.float64)


def _interval(changes: Floats) -> Interval | None:
    """Of the mean of (chips, samples): what chips differ by and what samples differ by, one beside the other.

    What a chip and a sample differ by together is in either, so it is taken away once.
    """
    if min(changes.shape) < 2:
        return None
    by_chip, by_sample = changes.mean(axis=1), changes.mean(axis=0)
    mean = float(changes.mean())
    of_chips = float(np.var(by_chip, ddof=1)) / len(by_chip)
    of_samples = float(np.var(by_sample, ddof=1)) / len(by_sample)
    rest = changes - by_chip[:, np.newaxis] - by_sample + mean
    of_both = float(np.square(rest).sum()) / ((len(by_chip) - 1) * (len(by_sample) - 1)) / changes.size
    variance = max(of_chips + of_samples - of_both, of_chips, of_samples)
    reach = float(scipy.special.stdtrit(min(changes.shape) - 1, 0.5 + LEVEL / 2)) * sqrt(variance)  # Student's t
    return mean - reach, mean + reach
