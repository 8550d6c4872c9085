"""Policies chosen by accuracy: within what is allowed, verified on other chips, tightened where that fails."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import msgspec
import numpy as np
import pytest

import edgebnn.chip.errors.error_map
from edgebnn.chip.errors.error_map import error_map
from edgebnn.chip.errors.programming import program, programming_cost
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorModel
from edgebnn.compile_options import AutoPolicy
from edgebnn.emulator import policy_choice
from edgebnn.emulator.emulate import Dataset
from edgebnn.emulator.fast import FastPath
from edgebnn.emulator.policy_choice import Objective, PolicyChoice, Round, Wanted, choose_policies
from edgebnn.emulator.policy_document import choice_document
from edgebnn.emulator.trimming import trim
from edgebnn.emulator.verified_drop import VerifiedDrop
from edgebnn.errors import DataError, TargetError
from edgebnn.mapping.allocation import Allocation
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.programmed import pattern_of, programmed_banks
from tests.emulator.test_measured_sensitivity import judged, three_layers, with_constant_steps
from tests.mapping.test_ber_aware import SMALL
from tests.mapping.test_planner import dense, mapped_on

WANTED = Wanted(0.02, ChipInstance(0, errors=ErrorModel.TABLE), measure_chips=3, verify_chips=4)
SAMPLES = 800


@pytest.fixture(scope="module")
def network() -> tuple[MappedNetwork, Dataset]:
    return judged(three_layers(), SAMPLES)


@pytest.fixture(scope="module")
def choice(network: tuple[MappedNetwork, Dataset]) -> PolicyChoice:
    return choose_policies(*network, WANTED)


def test_what_passes_takes_less_than_the_strongest_and_keeps_the_drop(choice: PolicyChoice) -> None:
    last = choice.rounds[-1]
    assert last.verified.interval[1] <= WANTED.allowed
    assert choice.energies["ultra-low-energy"] < last.energy_j < choice.energies["strong"]
    assert (choice.strongest, choice.least) == ("strong", "ultra-low-energy")
    assert {name: stage.policy for name, stage in choice.mapped.linear_stages.items()} == last.policies
    assert all(each.verified.interval[1] > WANTED.allowed for each in choice.rounds[:-1])
    assert (choice.accuracy, choice.samples) == (1.0, SAMPLES)


def test_the_same_seeds_choose_the_same(network: tuple[MappedNetwork, Dataset], choice: PolicyChoice) -> None:
    again = choose_policies(*network, WANTED)
    assert again.rounds == choice.rounds and again.drops == choice.drops
    other = choose_policies(*network, replace(WANTED, chip=replace(WANTED.chip, seed=50)))
    assert other.drops != choice.drops


def test_a_layer_whose_errors_cannot_matter_takes_the_least() -> None:
    plain = three_layers()
    first, second, _ = (node.name for node in plain.linear)
    found = choose_policies(*judged(with_constant_steps(plain, second), SAMPLES), WANTED)
    assert found.rounds[-1].policies[first] == found.rounds[-1].policies[second] == "ultra-low-energy"
    assert found.drops[first]["ultra-low-energy"].mean == 0


def test_a_policy_that_is_named_stays(network: tuple[MappedNetwork, Dataset]) -> None:
    mapped, data = network
    first = mapped.network.linear[0].name
    fixed = mapped_on(mapped.network, "rram130", Allocation(policies={first: "nominal"}))
    found = choose_policies(fixed, data, WANTED)
    assert all(each.policies[first] == "nominal" for each in found.rounds)


class Verdicts:
    """Checks that fail so often; remembers which networks and turns were checked."""

    def __init__(self, failing: int) -> None:
        self.failing, self.turns = failing, list[int]()

    def verify(self, _: object, network: MappedNetwork, turn: int) -> VerifiedDrop:
        self.turns.append(turn)
        high = WANTED.allowed * (1.2 if len(self.turns) <= self.failing else 0.9)
        return VerifiedDrop(high / 2, (0.0, high), (high / 2,) * WANTED.verify_chips)


def test_where_the_check_fails_the_budget_is_tightened(
    network: tuple[MappedNetwork, Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    verdicts = Verdicts(2)
    monkeypatch.setattr(policy_choice._Search, "verify", lambda *words: verdicts.verify(*words))
    heard: list[Round | None] = []
    found = choose_policies(*network, WANTED, heard=heard.append)
    assert verdicts.turns == [0, 1, 2] and heard == [None, *found.rounds]
    budgets = [each.budget for each in found.rounds if each.budget is not None]
    assert budgets[0] == WANTED.allowed and budgets == sorted(budgets, reverse=True) and len(set(budgets)) > 1
    assert len({tuple(each.policies.items()) for each in found.rounds}) == 3
    energies = [each.energy_j for each in found.rounds]
    assert energies == sorted(energies)


def test_where_every_check_fails_the_strongest_is_tried_last_and_refused(
    network: tuple[MappedNetwork, Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    verdicts, heard = Verdicts(99), list[Round | None]()
    monkeypatch.setattr(policy_choice._Search, "verify", lambda *words: verdicts.verify(*words))
    with pytest.raises(TargetError, match=r"even with all layers under 'strong' the accuracy .* allow more"):
        choose_policies(*network, WANTED, heard=heard.append)
    last = heard[-1]
    assert last is not None and set(last.policies.values()) == {"strong"} and last.budget is None
    assert 2 < len(verdicts.turns) <= 12


def test_a_yield_asks_that_of_single_chips(network: tuple[MappedNetwork, Dataset], choice: PolicyChoice) -> None:
    # 36 chips can show that nine of ten keep to what is allowed, if all of them do.
    wanted = replace(WANTED, verify_chips=36, chip_yield=0.9)
    found = choose_policies(*network, wanted)
    last = found.rounds[-1]
    assert len(last.verified.of_chips) == 36 and last.verified.of_chips[-1] <= WANTED.allowed
    assert last.verified.chips_within(WANTED.allowed) == 36
    for failed in found.rounds[:-1]:
        assert failed.verified.of_chips[-1] > WANTED.allowed
    assert last.energy_j >= choice.rounds[-1].energy_j
    document = choice_document(found)
    assert (document["chip_yield"], document["chips_verified_within"]) == (0.9, 36)
    worst = pytest.approx(last.verified.of_chips[-1] * 100)
    assert document["accuracy_drop_verified_worst"] == document["accuracy_drop_verified_yield"] == worst


def test_a_yield_counts_what_the_worst_of_few_chips_loses(network: tuple[MappedNetwork, Dataset]) -> None:
    plain, each = (
        policy_choice._Search(*network, replace(WANTED, chip_yield=share), lambda mapped: (mapped, None))
        for share in (None, 0.95)
    )
    worst = plain.differences.sum(axis=3, dtype=np.int64).max(axis=2)
    assert np.array_equal(each.losses, np.maximum(worst, 0) * WANTED.measure_chips)
    assert (each.losses >= plain.losses).all() and (each.losses > plain.losses).any()


def test_what_no_policy_yields_is_refused(network: tuple[MappedNetwork, Dataset]) -> None:
    mapped, data = network
    own = dict.fromkeys(mapped.linear_stages, "ultra-low-energy")
    fixed = mapped_on(mapped.network, "rram130", Allocation(policies=own))
    with pytest.raises(TargetError, match=r"a share of 0.9 of the chips keeps to no less than .* where 2 are allowed"):
        choose_policies(fixed, data, replace(WANTED, verify_chips=36, chip_yield=0.9))


def test_each_check_has_chips_of_its_own() -> None:
    turns = [WANTED.chips(WANTED.measure_chips + turn * WANTED.verify_chips, WANTED.verify_chips) for turn in range(3)]
    seeds = [chip.seed for chips in (WANTED.chips(0, WANTED.measure_chips), *turns) for chip in chips]
    assert len(set(seeds)) == len(seeds) == 15
    own = replace(WANTED, own=True, used=5, reprogrammings=100).chips(0, 3)
    assert [chip.conditions.cycles for chip in own] == [105, 106, 107] and {chip.seed for chip in own} == {0}


def test_chips_that_are_trimmed_are_judged_trimmed_by_samples_that_do_not_count() -> None:
    mapped = mapped_on(three_layers())
    # Inputs that mostly are +1, so that wrong weights shift the sums.
    every = np.where(np.random.default_rng(3).random((SAMPLES, 96)) < 0.9, 1, -1).astype(np.int8)
    labels = FastPath(mapped).run(every).reshape(SAMPLES, -1).argmax(axis=1).astype(np.int64)
    by, x, y = every[:200], every[200:], labels[200:]
    wanted = replace(WANTED, allowed=0.3, trim_samples=200, measure_chips=2)
    found = choose_policies(mapped, Dataset(every, labels), wanted)
    last, turn = found.rounds[-1], len(found.rounds) - 1
    trimmed, plain = list[float](), list[float]()
    for chip in wanted.chips(wanted.measure_chips + turn * wanted.verify_chips, wanted.verify_chips):
        banks = programmed_banks(found.mapped, chip)
        network = mapped_on(trim(found.mapped, banks, by).network, "rram130", found.mapped.allocation)
        for right, each in ((trimmed, network), (plain, found.mapped)):
            scores = FastPath(each).run(x, programmed_banks(each, chip))
            right.append(float((scores.reshape(len(x), -1).argmax(axis=1) == y).mean()))
    assert found.samples == len(x) == 600
    assert last.verified.mean == pytest.approx(1 - np.mean(trimmed), abs=1e-12)
    assert np.mean(trimmed) > np.mean(plain)


DEVICES = replace(WANTED, chip=ChipInstance(0, errors=ErrorModel.DEVICE, attempts=3), measure_chips=2)


@pytest.fixture(scope="module")
def verified(network: tuple[MappedNetwork, Dataset]) -> PolicyChoice:
    return choose_policies(*network, DEVICES)


def test_attempts_are_chosen_with_policies_and_take_less_than_policies_alone(
    network: tuple[MappedNetwork, Dataset], verified: PolicyChoice
) -> None:
    last, allocation = verified.rounds[-1], verified.mapped.allocation
    assert last.attempts == allocation.attempts and set(last.attempts.values()) != {1}
    assert set(last.attempts.values()) <= {1, 2, 3}
    once = choose_policies(*network, replace(DEVICES, chip=ChipInstance(0, errors=ErrorModel.DEVICE)))
    assert last.energy_j < once.rounds[-1].energy_j and set(once.rounds[-1].attempts.values()) == {1}
    assert all(set(drops) == {
        policy if attempts == 1 else f"{policy}, {attempts} attempts"
        for policy in network[0].target.policies for attempts in (1, 2, 3)
    } for drops in verified.drops.values())  # fmt: skip


def test_the_energy_is_that_of_the_attempts_that_a_chip_makes(verified: PolicyChoice) -> None:
    mapped, (chip,) = verified.mapped, DEVICES.chips(0, 1)
    made = programming_cost(chip, mapped.target, pattern_of(mapped), "strong").energy.total_j
    assert verified.rounds[-1].energy_j == pytest.approx(made, rel=1e-12)


def test_the_choice_of_policies_and_attempts_is_that_of_brute_force(network: tuple[MappedNetwork, Dataset]) -> None:
    search = policy_choice._Search(*network, DEVICES, lambda mapped: (mapped, None))
    answers = 0.02 * DEVICES.measure_chips * SAMPLES
    choices = product(range(len(search.options)), repeat=len(search.layers))
    within = [each for each in choices if search.losses[range(len(each)), each].sum() <= answers]
    found = search.choose(0.02)
    assert found is not None and 1 < len(within) < len(search.options) ** len(search.layers)
    assert search.energy(found) == pytest.approx(min(search.energy(each) for each in within), rel=1e-9)


def test_attempts_that_are_named_stay_and_wear(network: tuple[MappedNetwork, Dataset]) -> None:
    mapped, data = network
    first = mapped.network.linear[0].name
    fixed = mapped_on(mapped.network, "rram130", Allocation(attempts={first: 2}))
    found = choose_policies(fixed, data, replace(DEVICES, allowed=0.2))
    assert all(each.attempts[first] == 2 for each in found.rounds)
    cycles = [policy.endurance.integer("cycles") for policy in mapped.target.policies.values()]
    planned = replace(DEVICES, allowed=0.9, reprogrammings=max(cycles) // 2 + 1)
    with pytest.raises(TargetError, match=f"with the policy and the attempts that were named for layer '{first}'"):
        choose_policies(fixed, data, planned)


def test_longest_life_takes_the_policy_that_wears_least() -> None:
    mapped, data = judged(dense(64, 4), SAMPLES)
    wanted = replace(WANTED, chip=ChipInstance(0), allowed=0.05, objective=Objective.ENDURANCE)
    cycles = {name: policy.endurance.integer("cycles") for name, policy in mapped.target.policies.items()}
    (long,) = choose_policies(mapped, data, replace(wanted, allowed=0.9)).rounds[-1].policies.values()
    (short,) = choose_policies(mapped, data, wanted).rounds[-1].policies.values()
    assert max(cycles.values()) == cycles[long] > cycles[short] > min(cycles.values())


def test_worn_out_policies_are_left_out(network: tuple[MappedNetwork, Dataset]) -> None:
    mapped, data = network
    cycles = {name: policy.endurance.integer("cycles") for name, policy in mapped.target.policies.items()}
    least, most = min(cycles.values()), max(cycles.values())
    assert least < most
    found = choose_policies(mapped, data, replace(WANTED, allowed=0.9, reprogrammings=least + 1))
    assert all(cycles[name] > least for name in found.rounds[-1].policies.values())
    assert set(found.energies) == {name for name, endured in cycles.items() if endured > least}
    with pytest.raises(TargetError, match="wear out before"):
        choose_policies(mapped, data, replace(WANTED, reprogrammings=most + 1))
    worn = next(name for name, endured in cycles.items() if endured == least)
    fixed = mapped_on(mapped.network, "rram130", Allocation(policies={mapped.network.linear[0].name: worn}))
    with pytest.raises(TargetError, match=f"under the policy '{worn}' that was named"):
        choose_policies(fixed, data, replace(WANTED, allowed=0.9, reprogrammings=least + 1))


def test_what_cannot_be_chosen_is_refused(network: tuple[MappedNetwork, Dataset]) -> None:
    mapped, data = network
    with pytest.raises(DataError, match="no labels"):
        choose_policies(mapped, Dataset(data.x), WANTED)
    few = Dataset(data.x[:100], None if data.y is None else data.y[:100])
    with pytest.raises(DataError, match=r"100 calibration samples cannot show .* at least 183 "):
        choose_policies(mapped, few, WANTED)
    with pytest.raises(DataError, match=r"100 calibration samples beside the 700 that trim cannot .* at least 883 "):
        choose_policies(mapped, data, replace(WANTED, trim_samples=700))
    with pytest.raises(DataError, match=r"0 calibration samples beside the 900 that trim"):
        choose_policies(mapped, data, replace(WANTED, trim_samples=900))
    enough = Dataset(data.x[:183], None if data.y is None else data.y[:183])
    with pytest.raises(TargetError, match="allow more"):  # as many as can show it, and too few to do so
        choose_policies(mapped, enough, replace(WANTED, chip=ChipInstance(0, 0.1)))
    with pytest.raises(TargetError, match="the policy 'strong' of its own"):
        choose_policies(mapped, data, replace(WANTED, chip=ChipInstance(0, policy="strong")))
    plain, labelled = judged(dense(64, 4))
    with pytest.raises(TargetError, match="no layer in RRAM"):
        choose_policies(mapped_on(plain.network, "cortex-m4"), labelled, WANTED)


def test_targets_without_ageing_are_served(network: tuple[MappedNetwork, Dataset]) -> None:
    mapped, data = network
    bare = mapped_on(mapped.network, msgspec.structs.replace(mapped.target, physics=None))
    found = choose_policies(bare, data, replace(WANTED, chip=ChipInstance(0)))
    assert found.rounds[-1].verified.interval[1] <= WANTED.allowed


def test_programmings_that_judge_are_none_of_those_that_were_learnt_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one chip, by which the placement learns where it errs."""
    learnt: set[int] = set()

    def noted(one: ChipInstance, *arguments: object) -> object:
        learnt.add(one.conditions.cycles)
        return program(one, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(edgebnn.chip.errors.error_map, "program", noted)
    chip = ChipInstance(3, errors=ErrorModel.TABLE, policy="ultra-low-energy")
    error_map(chip, SMALL, "ultra-low-energy", 2, 5)
    wanted = AutoPolicy(max_accuracy_drop=1).wanted(chip, SMALL, readings=5)
    judging = [each.conditions.cycles for each in wanted.chips(0, 20)]
    assert len(learnt) == 5 and len(set(judging)) == 20 and learnt.isdisjoint(judging)
