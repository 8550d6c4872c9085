"""One programming policy for each layer: the least programming energy for which the accuracy falls no further than
allowed.

What each layer costs under each policy is measured with it alone in error (`measured_sensitivity`), and an integer
program chooses as if these losses added up (`mapping.policy_program`). Whether they do is then checked on chips that
were not measured: the whole network under the chosen policies, placed as it will be. Where the upper end of the 95 %
interval of the mean loss is more than allowed, the budget is tightened and others are chosen; each check has chips of
its own, so that none is passed for having been tried often on the same ones. The last resort is the policy that errs
least, in all layers. Chips that are trimmed once they are programmed (`trimming`) are measured and verified trimmed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from math import ceil, floor, log

import msgspec
import numpy as np
import numpy.typing as npt

from edgebnn.chip.ageing import aged_rate
from edgebnn.chip.energy import programming_energy
from edgebnn.chip.instance import ChipInstance
from edgebnn.chip.intervals import LEVEL, exact_interval
from edgebnn.chip.target import Target
from edgebnn.emulator.accuracy import AccuracyDrop, accuracy_drop, mean_drops
from edgebnn.emulator.array_events import programming_events
from edgebnn.emulator.chip_runs import ChipRuns, side_by_side
from edgebnn.emulator.emulate import Dataset
from edgebnn.emulator.fast import FastPath
from edgebnn.emulator.measured_sensitivity import answers_right, labels_for_accuracy, right_by_part, stripes_of
from edgebnn.emulator.trimmed_runs import TrimmedRuns
from edgebnn.errors import DataError, TargetError
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.planner import map_network
from edgebnn.mapping.policy_program import cheapest, longest_lived
from edgebnn.mapping.programmed import programmed_banks

Differences = npt.NDArray[np.int8]
Arrange = Callable[[MappedNetwork], tuple[MappedNetwork, bytes | None]]

_MOST_ROUNDS = 10  # of checking, before the strongest policy is taken everywhere
_TIGHTER = 0.9  # by which a loss that was predicted shrinks at least, from round to round


class Objective(StrEnum):
    """What is made as good as the allowed drop permits."""

    ENERGY = "energy"  # of programming, the least
    ENDURANCE = "endurance"  # of the policy that wears out first, the most; then the least energy


@dataclass(frozen=True)
class Wanted:
    """What a choice has to keep to, and on how many chips it is found.

    allowed: the drop of accuracy, a fraction. reprogrammings: after so many it still has to hold. chip: that of the
    first seed, from which those of other seeds are made; where `own`, all are programmings of that one chip, one after
    the other, but for the first `used` ones. trim_samples: each chip is trimmed by so many samples, which do not count;
    0 for chips that are not.
    """

    allowed: float
    chip: ChipInstance
    own: bool = False
    used: int = 0
    objective: Objective = Objective.ENERGY
    reprogrammings: int = 0
    measure_chips: int = 10
    verify_chips: int = 50
    trim_samples: int = 0

    def chips(self, first: int, count: int) -> list[ChipInstance]:
        """Some of them, each one another, by their numbers; with policies as the network has them."""
        at_the_end = self.chip.conditions.cycles + self.reprogrammings
        numbers = range(first, first + count)
        if self.own:
            return [self._after(self.chip, at_the_end + self.used + number) for number in numbers]
        return [self._after(replace(self.chip, seed=self.chip.seed + number), at_the_end) for number in numbers]

    def _after(self, chip: ChipInstance, cycles: int) -> ChipInstance:
        return replace(chip, conditions=replace(chip.conditions, cycles=cycles))


@dataclass(frozen=True)
class Round:
    """Policies that were tried, by layer: within which budget, what was predicted and what was found; fractions."""

    policies: dict[str, str]
    budget: float | None
    predicted: AccuracyDrop
    verified: AccuracyDrop
    energy_j: float


@dataclass(frozen=True, eq=False)
class PolicyChoice:
    """The network under the policies that passed, and how they were found.

    told is what the placement tells, None of a linear one. drops: of each layer alone under each policy, by both names.
    energies: in J, of all layers under one policy, by its name; the chosen ones' is the last round's. `strongest` and
    `least` are the policies that err and take least. samples: those that count.
    """

    mapped: MappedNetwork
    told: bytes | None
    wanted: Wanted
    samples: int
    accuracy: float
    drops: dict[str, dict[str, AccuracyDrop]]
    energies: dict[str, float]
    strongest: str
    least: str
    rounds: tuple[Round, ...]


def choose_policies(
    mapped: MappedNetwork,
    data: Dataset,
    wanted: Wanted,
    arrange: Arrange = lambda mapped: (mapped, None),
    heard: Callable[[Round | None], None] = lambda tried: None,
) -> PolicyChoice:
    """Policies for the layers of a network that is mapped linearly; those that its allocation names stay.

    `arrange` places it. `heard` is told when layers have been measured, and of each round. Raises DataError without
    labels or for too few samples, TargetError without layers in RRAM, where no policy endures the reprogrammings, and
    where the accuracy falls further than allowed under every choice.
    """
    search = _Search(mapped, data, wanted, arrange)
    rounds: list[Round] = []
    heard(None)
    budget, chosen = wanted.allowed, search.choose(wanted.allowed)
    while True:
        if chosen is None or len(rounds) == _MOST_ROUNDS:
            chosen = search.strongest
        network, told = arrange(search.under(chosen))
        verified = search.verify(network, len(rounds))
        last = chosen == search.strongest
        tried = Round(
            search.named(chosen), None if last else budget, search.predict(chosen), verified, search.energy(chosen)
        )
        rounds.append(tried)
        heard(tried)
        if verified.interval[1] <= wanted.allowed:
            return search.result(network, told, tuple(rounds))
        if last:
            raise TargetError(_fails(search, verified))
        budget = min(_TIGHTER, wanted.allowed / verified.interval[1]) * search.lost(chosen)
        chosen = search.choose(budget)
        while chosen is not None and any(search.named(chosen) == each.policies for each in rounds):
            # Nothing that was measured speaks against it, and yet it failed.
            search.leave_out_the_weakest_of(chosen)
            chosen = search.choose(budget)


def _fails(search: _Search, verified: AccuracyDrop) -> str:
    strongest = search.policies[search.strongest[0]] if len(set(search.strongest)) == 1 else "their strongest policies"
    return (
        f"even with all layers under {strongest!r} the accuracy of network '{search.mapped.network.name}' falls by "
        f"{verified.mean * 100:.2f} points, and by up to {verified.interval[1] * 100:.2f} by the 95 % interval, where "
        f"{search.wanted.allowed * 100:g} are allowed; allow more, or give more calibration samples"
    )


class _Search:
    """What all rounds share: what each layer loses and takes under each policy, (layers, policies)."""

    def __init__(self, mapped: MappedNetwork, data: Dataset, wanted: Wanted, arrange: Arrange) -> None:
        if mapped.policy is None or not mapped.linear_stages:
            raise TargetError(
                f"network '{mapped.network.name}' has no layer in RRAM on target '{mapped.target.name}', so there are "
                "no programming policies to choose; leave out the policy auto"
            )
        if wanted.chip.policy is not None:
            raise TargetError(
                f"the chip has the policy '{wanted.chip.policy}' of its own, under which all of it is programmed; take "
                "a chip without one, or name that policy in place of auto"
            )
        self.mapped, self.wanted = mapped, wanted
        labels, trimming = labels_for_accuracy(data, mapped), wanted.trim_samples
        _check_samples(len(labels) - trimming, wanted.allowed, trimming)
        self.by, self.x, self.labels = data.x[:trimming], data.x[trimming:], labels[trimming:]
        self.layers = list(mapped.linear_stages)
        self.policies = _enduring(mapped.target, wanted)
        self.allowed = self._allowed()
        energies = [[self._energy(layer, policy) for policy in self.policies] for layer in self.layers]
        self.energies = np.array(energies)
        cheapest_policy = int(self.energies.sum(axis=0).argmin())
        self.strongest = self._fixed_or(self._strongest)
        network, _ = arrange(self.under(self._fixed_or(cheapest_policy)))
        self.accuracy, self.differences = self._measure(network)

    @cached_property
    def _rates(self) -> list[float]:
        """How often each policy errs at the end."""
        cycles = self.wanted.chip.conditions.cycles + self.wanted.reprogrammings
        return [aged_rate(self.mapped.target, policy, cycles) for policy in self.policies]

    @property
    def _strongest(self) -> int:
        return int(np.argmin(self._rates))

    def _allowed(self) -> npt.NDArray[np.bool_]:
        """Which policies a layer may take: all, or the one that was named for it."""
        own = self.mapped.allocation.policies
        for name in own.values():
            if name not in self.policies:
                raise TargetError(_worn(name, self.wanted))
        return np.array([[own.get(layer, name) == name for name in self.policies] for layer in self.layers])

    def _fixed_or(self, policy: int) -> tuple[int, ...]:
        """This policy in all layers, but where another one was named."""
        return tuple(policy if row[policy] else int(row.argmax()) for row in self.allowed)

    def _energy(self, layer: str, policy: str) -> float:
        events = programming_events(self.mapped.linear_stages[layer], self.mapped.image)
        return programming_energy(events, self.mapped.target.policy(policy)).total_j

    def _measure(self, network: MappedNetwork) -> tuple[float, Differences]:
        """The accuracy without errors, and what errors change of each answer, int8 (layers, policies, chips, samples).

        1 where a right answer turns wrong, -1 where a wrong one turns right.
        """
        runs, chips = self._runs(network), self.wanted.chips(0, self.wanted.measure_chips)
        right = answers_right(runs.clean, self.labels).astype(np.int8)
        stripes = [stripes_of(network, layer) for layer in self.layers]
        shape = len(self.policies), len(chips), len(self.layers), len(right)
        found = np.empty(shape, np.int8)
        tasks = [(place, number) for place in range(len(self.policies)) for number in range(len(chips))]

        def on(task: tuple[int, int]) -> npt.NDArray[np.bool_]:
            chip = replace(chips[task[1]], policy=self.policies[task[0]])
            return right_by_part(network, runs, chip, stripes, self.labels)

        for (place, number), flags in zip(tasks, side_by_side(on, tasks), strict=True):
            found[place, number] = right - flags[:-1].astype(np.int8)
        return float(right.mean()), found.transpose(2, 0, 1, 3)

    @cached_property
    def losses(self) -> npt.NDArray[np.int64]:
        """Right answers lost by each layer under each policy, on all chips together; a gain is chance, and counts 0."""
        return np.asarray(np.maximum(self.differences.sum(axis=(2, 3), dtype=np.int64), 0))

    def choose(self, budget: float) -> tuple[int, ...] | None:
        """The best policies within a budget, a fraction of all answers; None where there are none."""
        answers = floor(budget * self.wanted.measure_chips * len(self.labels))
        parts = self.energies, self.losses, self.allowed, answers
        if self.wanted.objective is Objective.ENERGY:
            return cheapest(*parts)
        cycles = [self.mapped.target.policy(name).endurance.integer("cycles") for name in self.policies]
        return longest_lived(*parts, np.array(cycles, np.int64))

    def leave_out_the_weakest_of(self, chosen: Sequence[int]) -> None:
        """No layer that has a choice takes the policy any more that errs most of those chosen."""
        free = self.allowed.sum(axis=1) > 1
        used = {policy for policy, has_choice in zip(chosen, free, strict=True) if has_choice}
        if used:
            self.allowed[np.ix_(free, [max(used, key=lambda policy: self._rates[policy])])] = False

    def lost(self, chosen: Sequence[int]) -> float:
        """What the program takes the chosen policies to lose, a fraction of all answers."""
        lost = int(self.losses[np.arange(len(chosen)), list(chosen)].sum())
        return lost / (self.wanted.measure_chips * len(self.labels))

    def named(self, chosen: Sequence[int]) -> dict[str, str]:
        """The policies by layer."""
        return {layer: self.policies[policy] for layer, policy in zip(self.layers, chosen, strict=True)}

    def energy(self, chosen: Sequence[int]) -> float:
        """That of programming all layers once, in J."""
        return float(self.energies[np.arange(len(chosen)), list(chosen)].sum())

    def under(self, chosen: Sequence[int]) -> MappedNetwork:
        """The network mapped linearly with these policies: that of most energy for all, and others by layer."""
        named, mapped = self.named(chosen), self.mapped
        common = named[self.layers[int(self.energies.max(axis=1).argmax())]]
        own = {layer: policy for layer, policy in sorted(named.items()) if policy != common}
        allocation = msgspec.structs.replace(mapped.allocation, policy=common, policies=own)
        return map_network(mapped.network, mapped.target, mapped.provenance, allocation)

    def predict(self, chosen: Sequence[int]) -> AccuracyDrop:
        """The drop if those of the layers added up."""
        added = self.differences[np.arange(len(chosen)), list(chosen)].sum(axis=0, dtype=np.int16)
        return mean_drops([added], self.wanted.chip.seed)[0]

    def verify(self, network: MappedNetwork, turn: int) -> AccuracyDrop:
        """The drop on chips that nobody has looked at."""
        first = self.wanted.measure_chips + turn * self.wanted.verify_chips
        chips = self.wanted.chips(first, self.wanted.verify_chips)
        runs = self._runs(network)
        scores = side_by_side(lambda chip: runs.run(programmed_banks(network, chip))[0], chips)
        flags = np.stack([answers_right(each, self.labels) for each in scores])
        return accuracy_drop(answers_right(runs.clean, self.labels), flags, self.wanted.chip.seed + first)

    def _runs(self, network: MappedNetwork) -> ChipRuns | TrimmedRuns:
        """The samples that count, on chips as they are wanted."""
        return TrimmedRuns(network, self.x, self.by) if len(self.by) else ChipRuns(FastPath(network), self.x)

    def result(self, network: MappedNetwork, told: bytes | None, rounds: tuple[Round, ...]) -> PolicyChoice:
        """All that was found."""
        seed = self.wanted.chip.seed
        flat = mean_drops(list(self.differences.reshape(-1, *self.differences.shape[2:])), seed)
        each = iter(flat)
        drops = {layer: {policy: next(each) for policy in self.policies} for layer in self.layers}
        by_policy = self.energies.sum(axis=0)
        return PolicyChoice(
            mapped=network,
            told=told,
            wanted=self.wanted,
            samples=len(self.labels),
            accuracy=self.accuracy,
            drops=drops,
            energies={policy: float(energy) for policy, energy in zip(self.policies, by_policy, strict=True)},
            strongest=self.policies[self._strongest],
            least=self.policies[int(by_policy.argmin())],
            rounds=rounds,
        )


def _check_samples(samples: int, allowed: float, trimming: int) -> None:
    """DataError where not even chips that change no answer would show that the accuracy falls no further."""
    if samples <= 0 or exact_interval(0, samples)[1] > allowed:
        enough = ceil(log((1 - LEVEL) / 2) / log(1 - allowed)) if allowed < 1 else 1
        beside = f" beside the {trimming:,} that trim" if trimming else ""
        raise DataError(
            f"{max(samples, 0):,} calibration samples{beside} cannot show that the accuracy falls by no more than "
            f"{allowed * 100:g} points; give at least {enough + trimming:,} with labels, or allow more"
        )


def _enduring(target: Target, wanted: Wanted) -> list[str]:
    """The policies whose devices are not worn out at the end."""
    last = wanted.chips(wanted.measure_chips + (_MOST_ROUNDS + 1) * wanted.verify_chips, 1)[0].conditions.cycles
    found = [name for name, policy in target.policies.items() if policy.endurance.integer("cycles") >= last]
    if not found:
        raise TargetError(
            f"devices of target '{target.name}' wear out before {wanted.reprogrammings:,} reprogrammings under every "
            "policy; plan fewer"
        )
    return found


def _worn(name: str, wanted: Wanted) -> str:
    return (
        f"devices wear out before {wanted.reprogrammings:,} reprogrammings under the policy '{name}' that was named "
        "for a layer; plan fewer, or name another one"
    )
