"""One programming policy for each layer, and how often a chip that verifies tries at it: the least programming energy
for which the accuracy falls no further than allowed.

What each layer costs with each option is measured with it alone in error (`measured_sensitivity`), and an integer
program chooses as if these losses added up (`mapping.policy_program`). Whether they do is then checked on chips that
were not measured: the whole network under the chosen options, placed as it will be. Where the upper end of the 95 %
interval of the mean loss (or of the loss that a wanted share of the chips keeps to, `verified_drop`) is more than
allowed, the budget is tightened and others are chosen; each check has chips of its own, so that none is passed for
having been tried often on the same ones. The last resort is the policy that errs least, in all layers. Chips that are
trimmed once they are programmed (`trimming`) are measured and verified trimmed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from math import ceil, floor, log, log1p

import msgspec
import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.pattern import EMPTY
from edgebnn.chip.device.ageing import aged_rate
from edgebnn.chip.energy.programming_cost import programming_energy
from edgebnn.chip.errors.programming import programming_cost
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.target.target import Target
from edgebnn.confidence import LEVEL, exact_interval
from edgebnn.emulator.accuracy import AccuracyDrop, mean_drops
from edgebnn.emulator.array_events import programming_pulses
from edgebnn.emulator.chip_runs import ChipRuns, side_by_side
from edgebnn.emulator.emulate import Dataset
from edgebnn.emulator.fast import FastPath
from edgebnn.emulator.measured_sensitivity import Part, answers_right, cells_of, labels_for_accuracy, right_by_part
from edgebnn.emulator.trimmed_runs import TrimmedRuns
from edgebnn.emulator.verified_drop import VerifiedDrop
from edgebnn.errors import DataError, TargetError
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.planner import map_network
from edgebnn.mapping.policy_program import cheapest, longest_lived
from edgebnn.mapping.programmed import pattern_of, programmed_banks

Differences = npt.NDArray[np.int8]
Arrange = Callable[[MappedNetwork], tuple[MappedNetwork, bytes | None]]

_MOST_ROUNDS = 10  # of checking, before the strongest policy is taken everywhere
_TIGHTER = 0.9  # by which a loss that was predicted shrinks at least, from round to round

_MOST_SAMPLES = 10**9  # more than anybody has


@dataclass(frozen=True)
class Option:
    """A way to program a layer: a policy, and how often a chip that verifies tries at most."""

    policy: str
    attempts: int = 1

    @property
    def title(self) -> str:
        """In words."""
        return self.policy if self.attempts == 1 else f"{self.policy}, {self.attempts} attempts"


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
    0 for chips that are not. Where the chip verifies, each layer may have as many attempts as it makes, or fewer.
    chip_yield: the share of chips each of which is to lose no more than allowed; None where their mean is.
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
    chip_yield: float | None = None

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
    """Policies and attempts that were tried, by layer: within which budget, what was predicted and what was found, as
    fractions, and the energy of programming, further attempts included."""

    policies: dict[str, str]
    attempts: dict[str, int]
    budget: float | None
    predicted: AccuracyDrop
    verified: VerifiedDrop
    energy_j: float


@dataclass(frozen=True, eq=False)
class PolicyChoice:
    """The network under the policies that passed, and how they were found.

    told is what the placement tells, None of a linear one. drops: of each layer alone, by its name and the options'
    titles. energies: in J, of all layers programmed once under one policy, by its name; the chosen ones' is the last
    round's. `strongest` and `least` are the policies that err and take least. samples: those that count.
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
    failed: set[tuple[int, ...]] = set()
    heard(None)
    budget, chosen = wanted.allowed, search.choose(wanted.allowed)
    while True:
        if chosen is None or len(rounds) == _MOST_ROUNDS:
            chosen = search.strongest
        network, told = arrange(search.under(chosen))
        verified = search.verify(network, len(rounds))
        last = chosen == search.strongest
        tried = search.round(chosen, None if last else budget, verified)
        rounds.append(tried)
        heard(tried)
        if verified.bound(wanted.chip_yield) <= wanted.allowed:
            return search.result(network, told, tuple(rounds))
        if last:
            raise TargetError(_fails(search, verified))
        failed.add(chosen)
        budget = min(_TIGHTER, wanted.allowed / verified.bound(wanted.chip_yield)) * search.lost(chosen)
        chosen = search.choose(budget)
        while chosen is not None and chosen in failed:
            # Nothing that was measured speaks against it, and yet it failed.
            search.leave_out_the_weakest_of(chosen)
            chosen = search.choose(budget)


def _fails(search: _Search, verified: VerifiedDrop) -> str:
    bound = f"{verified.bound(search.wanted.chip_yield) * 100:.2f}"
    up_to = f"by up to {bound} by the 95 % interval"
    if search.wanted.chip_yield is not None:
        up_to = (
            f"a share of {search.wanted.chip_yield:g} of the chips keeps to no less than {bound} by the exact interval"
        )
    alike = len(set(search.strongest)) == 1
    strongest = repr(search.options[search.strongest[0]].title) if alike else "their strongest policies"
    return (
        f"even with all layers under {strongest} the accuracy of network '{search.mapped.network.name}' falls by "
        f"{verified.mean * 100:.2f} points, and {up_to}, where {search.wanted.allowed * 100:g} are allowed; "
        "allow more, or give more calibration samples"
    )


class _Search:
    """What all rounds share: what each layer loses and takes with each option, (layers, options)."""

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
        self.options = _enduring(mapped.target, wanted)
        self.allowed = self._allowed()
        self.once = {option.policy: self._energies_once(option.policy) for option in self.options}
        self.least = min(self.once, key=lambda policy: float(self.once[policy].sum()))
        self.strongest = self._first_allowed(sorted(range(len(self.options)), key=self._errs))
        cheap = sorted(range(len(self.options)), key=lambda place: float(self.once[self.options[place].policy].sum()))
        # Measured with as many attempts as an option has, so the network limits none.
        network, _ = arrange(self.under(self._first_allowed(cheap), limited=False))
        self.energies = np.stack([self._energies(network, option) for option in self.options], axis=1)
        self.accuracy, self.differences = self._measure(network)

    def _errs(self, place: int) -> tuple[float, int]:
        """Orders options by how often they err at the end."""
        cycles, option = self.wanted.chip.conditions.cycles + self.wanted.reprogrammings, self.options[place]
        return aged_rate(self.mapped.target, option.policy, cycles), -option.attempts

    def _allowed(self) -> npt.NDArray[np.bool_]:
        """Which options a layer may take: all, or those of the policy and the attempts that were named for it."""
        own, attempts = self.mapped.allocation.policies, self.mapped.allocation.attempts
        most = self.wanted.chip.attempts
        for name in own.values():
            if name not in {option.policy for option in self.options}:
                raise TargetError(_worn(name, self.wanted))
        allowed = [
            [
                own.get(layer, option.policy) == option.policy
                and min(attempts.get(layer, option.attempts), most) == option.attempts
                for option in self.options
            ]
            for layer in self.layers
        ]
        for layer, any_left in zip(self.layers, np.any(allowed, axis=1), strict=True):
            if not any_left:
                raise TargetError(_worn_by_attempts(layer, self.wanted))
        return np.array(allowed)

    def _first_allowed(self, order: Sequence[int]) -> tuple[int, ...]:
        """Of each layer the first option in this order that it may take."""
        return tuple(next(place for place in order if row[place]) for row in self.allowed)

    def _energies_once(self, policy: str) -> npt.NDArray[np.float64]:
        """The energy of programming each layer once under a policy, (layers,)."""
        stages = (self.mapped.linear_stages[layer] for layer in self.layers)
        each = (programming_pulses(stage, self.mapped.image) for stage in stages)
        under = self.mapped.target.policy(policy)
        return np.array([programming_energy(pulses, under).total_j for pulses in each])

    def _energies(self, network: MappedNetwork, option: Option) -> npt.NDArray[np.float64]:
        """That with an option, further attempts included: those of the first chip stand for all, (layers,)."""
        if option.attempts == 1:
            return self.once[option.policy]
        chip, pattern = self._with(self.wanted.chips(0, 1)[0], option), pattern_of(network)
        found = []
        for layer in self.layers:
            here = cells_of(network, Part(layer), pattern.kind.shape) != 0
            rows = replace(pattern, kind=np.where(here, pattern.kind, np.uint8(EMPTY)))
            found.append(programming_cost(chip, network.target, rows, option.policy).energy.total_j)
        return np.array(found)

    def _with(self, chip: ChipInstance, option: Option) -> ChipInstance:
        """The chip where all of it is programmed so."""
        return replace(chip, policy=option.policy).with_attempts(option.attempts)

    def _measure(self, network: MappedNetwork) -> tuple[float, Differences]:
        """The accuracy without errors, and what errors change of each answer, int8 (layers, options, chips, samples).

        1 where a right answer turns wrong, -1 where a wrong one turns right.
        """
        runs, chips = self._runs(network), self.wanted.chips(0, self.wanted.measure_chips)
        right = answers_right(runs.clean, self.labels).astype(np.int8)
        parts = [Part(layer) for layer in self.layers]
        shape = len(self.options), len(chips), len(self.layers), len(right)
        found = np.empty(shape, np.int8)
        tasks = [(place, number) for place in range(len(self.options)) for number in range(len(chips))]

        def on(task: tuple[int, int]) -> npt.NDArray[np.bool_]:
            chip = self._with(chips[task[1]], self.options[task[0]])
            return right_by_part(network, runs, chip, parts, self.labels)

        for (place, number), flags in zip(tasks, side_by_side(on, tasks), strict=True):
            found[place, number] = right - flags[:-1].astype(np.int8)
        return float(right.mean()), found.transpose(2, 0, 1, 3)

    @cached_property
    def losses(self) -> npt.NDArray[np.int64]:
        """Right answers lost by each layer with each option, on all chips together; a gain is chance, and counts 0.

        For a yield, as if all chips lost what so large a share of them keeps to.
        """
        of_chips = self.differences.sum(axis=3, dtype=np.int64)
        lost = of_chips.sum(axis=2)
        if self.wanted.chip_yield is not None:
            lost = np.quantile(of_chips, self.wanted.chip_yield, axis=2, method="higher") * of_chips.shape[2]
        return np.asarray(np.maximum(lost, 0))

    def choose(self, budget: float) -> tuple[int, ...] | None:
        """The best options within a budget, a fraction of all answers; None where there are none."""
        answers = floor(budget * self.wanted.measure_chips * len(self.labels))
        parts = self.energies, self.losses, self.allowed, answers
        if self.wanted.objective is Objective.ENERGY:
            return cheapest(*parts)
        cycles = [_programmings(self.mapped.target, option) for option in self.options]
        return longest_lived(*parts, np.array(cycles, np.int64))

    def leave_out_the_weakest_of(self, chosen: Sequence[int]) -> None:
        """No layer that has a choice takes the option any more that errs most of those chosen."""
        free = self.allowed.sum(axis=1) > 1
        used = {place for place, has_choice in zip(chosen, free, strict=True) if has_choice}
        if used:
            self.allowed[np.ix_(free, [max(used, key=self._errs)])] = False

    def round(self, chosen: Sequence[int], budget: float | None, verified: VerifiedDrop) -> Round:
        """What is told of options that were tried."""
        named = {layer: self.options[place] for layer, place in zip(self.layers, chosen, strict=True)}
        return Round(
            {layer: option.policy for layer, option in named.items()},
            {layer: option.attempts for layer, option in named.items()},
            budget,
            self.predict(chosen),
            verified,
            self.energy(chosen),
        )

    def lost(self, chosen: Sequence[int]) -> float:
        """What the program takes the chosen options to lose, a fraction of all answers."""
        lost = int(self.losses[np.arange(len(chosen)), list(chosen)].sum())
        return lost / (self.wanted.measure_chips * len(self.labels))

    def energy(self, chosen: Sequence[int]) -> float:
        """That of programming all layers, in J."""
        return float(self.energies[np.arange(len(chosen)), list(chosen)].sum())

    def under(self, chosen: Sequence[int], limited: bool = True) -> MappedNetwork:
        """The network mapped linearly with these options: the policy of the largest layer for all, and others by layer.

        Where not `limited`, a chip that verifies makes as many attempts in each layer as it can.
        """
        mapped = self.mapped
        named = {layer: self.options[place] for layer, place in zip(self.layers, chosen, strict=True)}
        common = named[self.layers[int(self.once[self.least].argmax())]].policy
        own = {layer: named[layer].policy for layer in sorted(named) if named[layer].policy != common}
        attempts = mapped.allocation.attempts
        if self.wanted.chip.attempts > 1:
            attempts = {layer: named[layer].attempts for layer in sorted(named)} if limited else {}
        allocation = msgspec.structs.replace(mapped.allocation, policy=common, policies=own, attempts=attempts)
        return map_network(mapped.network, mapped.target, mapped.provenance, allocation)

    def predict(self, chosen: Sequence[int]) -> AccuracyDrop:
        """The drop if those of the layers added up."""
        added = self.differences[np.arange(len(chosen)), list(chosen)].sum(axis=0, dtype=np.int16)
        return mean_drops([added], self.wanted.chip.seed)[0]

    def verify(self, network: MappedNetwork, turn: int) -> VerifiedDrop:
        """The drop on chips that nobody has looked at."""
        first = self.wanted.measure_chips + turn * self.wanted.verify_chips
        chips = self.wanted.chips(first, self.wanted.verify_chips)
        runs = self._runs(network)
        scores = side_by_side(lambda chip: runs.run(programmed_banks(network, chip))[0], chips)
        flags = np.stack([answers_right(each, self.labels) for each in scores])
        return VerifiedDrop.of(answers_right(runs.clean, self.labels), flags, self.wanted.chip.seed + first)

    def _runs(self, network: MappedNetwork) -> ChipRuns | TrimmedRuns:
        """The samples that count, on chips as they are wanted."""
        return TrimmedRuns(network, self.x, self.by) if len(self.by) else ChipRuns(FastPath(network), self.x)

    def result(self, network: MappedNetwork, told: bytes | None, rounds: tuple[Round, ...]) -> PolicyChoice:
        """All that was found."""
        seed = self.wanted.chip.seed
        flat = mean_drops(list(self.differences.reshape(-1, *self.differences.shape[2:])), seed)
        each = iter(flat)
        drops = {layer: {option.title: next(each) for option in self.options} for layer in self.layers}
        return PolicyChoice(
            mapped=network,
            told=told,
            wanted=self.wanted,
            samples=len(self.labels),
            accuracy=self.accuracy,
            drops=drops,
            energies={policy: float(energies.sum()) for policy, energies in self.once.items()},
            strongest=self.options[min(range(len(self.options)), key=self._errs)].policy,
            least=self.least,
            rounds=rounds,
        )


def _check_samples(samples: int, allowed: float, trimming: int) -> None:
    """DataError where not even chips that change no answer would show that the accuracy falls no further."""
    if samples <= 0 or exact_interval(0, samples)[1] > allowed:
        enough = ceil(log((1 - LEVEL) / 2) / log1p(-allowed)) if allowed < 1 else 1
        remedy = f"give at least {enough + trimming:,} with labels, or allow more"
        beside = f" beside the {trimming:,} that trim" if trimming else ""
        raise DataError(
            f"{max(samples, 0):,} calibration samples{beside} cannot show that the accuracy falls by no more than "
            f"{allowed * 100:g} points; {remedy if enough < _MOST_SAMPLES else 'allow more'}"
        )


def _programmings(target: Target, option: Option) -> int:
    """How often devices can be programmed so, each attempt being a pulse."""
    return target.policy(option.policy).endurance.integer("cycles") // option.attempts


def _enduring(target: Target, wanted: Wanted) -> list[Option]:
    """The options with which devices are not worn out at the end."""
    last = wanted.chips(wanted.measure_chips + (_MOST_ROUNDS + 1) * wanted.verify_chips, 1)[0].conditions.cycles
    every = [Option(name, attempts) for name in target.policies for attempts in range(1, wanted.chip.attempts + 1)]
    found = [option for option in every if _programmings(target, option) >= last]
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


def _worn_by_attempts(layer: str, wanted: Wanted) -> str:
    return (
        f"devices wear out before {wanted.reprogrammings:,} reprogrammings with the policy and the attempts that were "
        f"named for layer '{layer}'; plan fewer, or name others"
    )
