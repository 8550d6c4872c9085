"""After how many programming cycles a network's accuracy has fallen by an allowed drop, found on chips.

Devices err more the more often they were programmed, long before they wear out; at which error rate a network fails
depends on the network. So its cycles are searched for: the same chips, by their seeds, at one number of cycles after
another, each paired with the answers without errors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgebnn.chip.device.ageing import aged_rate
from edgebnn.chip.errors.error_rates import chip_rate
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.choices import choice
from edgebnn.emulator.accuracy import AccuracyDrop, Verdict, accuracy_drop
from edgebnn.emulator.agreement import per_class
from edgebnn.emulator.chip_results import policies_of, policy_of
from edgebnn.emulator.chip_runs import ChipRuns, side_by_side
from edgebnn.emulator.emulate import Dataset, Progress, check_labels, silent
from edgebnn.emulator.fast import FastPath
from edgebnn.errors import DataError, TargetError
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.programmed import pattern_of, programmed_banks

_APART = 1.05  # of two numbers of cycles between which nothing more is looked for


@dataclass(frozen=True)
class AgedAccuracy:
    """The drop of the accuracy on chips after so many cycles; the rate is that of `ChipRate`."""

    cycles: int
    bit_error_rate: float | None
    drop: AccuracyDrop


@dataclass(frozen=True, repr=False)
class AccuracyEndurance:
    """Cycles until the accuracy has fallen by `allowed`, a fraction, beside those until the first devices wear out.

    cycles: the most that were tried at which the mean drop is within it, None where that of fresh chips is not.
    interval: the most at which the whole 95 % interval of the drop lies within it (None where not even that of fresh
    chips does), and the fewest at which it lies beyond (None where it does not until devices wear out). tried: all
    numbers of cycles that were looked at, in their order.
    """

    allowed: float
    chips: int
    device_cycles: int
    cycles: int | None
    interval: tuple[int | None, int | None]
    tried: tuple[AgedAccuracy, ...]

    def __repr__(self) -> str:
        """One short line; the fields have the rest."""
        cycles = f"cycles={self.cycles}, device_cycles={self.device_cycles}"
        return f"AccuracyEndurance(allowed={self.allowed:g}, chips={self.chips}, {cycles})"


def accuracy_endurance(
    mapped: MappedNetwork, data: Dataset, chips: Sequence[ChipInstance], allowed: float, progress: Progress = silent
) -> AccuracyEndurance:
    """Searches between fresh devices and worn out ones, to 5 %.

    The chips' own cycles do not count. Raises DataError without labels, TargetError without chips or RRAM, and for
    chips whose errors do not come from cycles: with a rate of their own, or measured.
    """
    check_labels(data, mapped)
    if data.y is None:
        raise DataError("the data have no labels y, so no accuracy is known; add the class of each sample")
    if not chips or mapped.policy is None:
        raise TargetError(
            f"the cycles until the accuracy falls are found on chips with RRAM; ask for some, {choice('chips', '5')}"
        )
    for chip in chips:
        if chip.bit_error_rate is not None or chip.measured is not None:
            raise TargetError("a chip with a given bit error rate, or a measured one, does not age; leave these out")
    policies = policies_of(mapped, chips[0])
    device_cycles = min(mapped.target.policy(name).endurance.integer("cycles") for name in policies)
    fast, labels = FastPath(mapped), data.y
    right = per_class(fast.run(data.x)).argmax(axis=1) == labels
    runs, pattern, policy = ChipRuns(fast, data.x), pattern_of(mapped), policy_of(mapped, chips[0])
    # By the aged rates: where none of them grows, other draws would say nothing new.
    found: dict[tuple[float, ...], AgedAccuracy] = {}

    def at(cycles: int) -> AgedAccuracy:
        wear = tuple(aged_rate(mapped.target, name, cycles) for name in policies)
        if wear not in found:
            progress(f"{cycles:,} cycles")
            aged = [replace(chip, conditions=replace(chip.conditions, cycles=cycles)) for chip in chips]
            scores = side_by_side(lambda chip: runs.run(programmed_banks(mapped, chip))[0], aged)
            with_errors = np.stack([per_class(each).argmax(axis=1) == labels for each in scores])
            rate = chip_rate(aged[0], mapped.target, policy, pattern).rate
            found[wear] = AgedAccuracy(cycles, rate, accuracy_drop(right, with_errors, chips[0].seed))
        return found[wear]

    within, _ = _turn(lambda n: at(n).drop.mean <= allowed, device_cycles)
    holds, _ = _turn(lambda n: at(n).drop.verdict(allowed) is Verdict.HOLDS, device_cycles)
    _, fails = _turn(lambda n: at(n).drop.verdict(allowed) is not Verdict.FAILS, device_cycles)
    tried = tuple(sorted(found.values(), key=lambda each: each.cycles))
    return AccuracyEndurance(allowed, len(chips), device_cycles, within, (holds, fails), tried)


def _turn(good: Callable[[int], bool], most: int) -> tuple[int | None, int | None]:
    """(the most cycles that are good, the fewest that are not) up to `most`, by halving their logarithm.

    None where no cycles are: not even 0 are good, or even `most` are.
    """
    if not good(0):
        return None, 0
    if good(most):
        return most, None
    few, many = 0, most
    while many > max(few * _APART, few + 1):
        between = int(max(few, 1) * (many / max(few, 1)) ** 0.5)
        between = min(max(between, few + 1), many - 1)
        few, many = (between, many) if good(between) else (few, between)
    return few, many
