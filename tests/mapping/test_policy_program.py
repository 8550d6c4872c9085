"""The integer program against all choices there are, on cases small enough to try them."""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebnn.mapping.policy_program import cheapest, longest_lived

Numbers = npt.NDArray[np.int64]


def all_choices(costs: Numbers, losses: Numbers, allowed: npt.NDArray[np.bool_], budget: int) -> list[tuple[int, ...]]:
    layers, policies = costs.shape
    return [
        choice
        for choice in product(range(policies), repeat=layers)
        if all(allowed[layer, policy] for layer, policy in enumerate(choice))
        and sum(int(losses[layer, policy]) for layer, policy in enumerate(choice)) <= budget
    ]


def total(numbers: Numbers, choice: tuple[int, ...]) -> int:
    return sum(int(numbers[layer, policy]) for layer, policy in enumerate(choice))


@st.composite
def cases(draw: st.DrawFn) -> tuple[Numbers, Numbers, npt.NDArray[np.bool_], int]:
    layers, policies = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    most = draw(st.sampled_from([3, 50, 10**6]))
    costs, losses = (rng.integers(0, most + 1, (layers, policies)) for _ in range(2))
    allowed = rng.random((layers, policies)) < draw(st.sampled_from([0.5, 0.8, 1.0]))
    return costs, losses, allowed, int(rng.integers(0, layers * most + 1) * rng.random())


@given(case=cases())
@settings(max_examples=40)
def test_nothing_within_the_budget_is_cheaper(case: tuple[Numbers, Numbers, npt.NDArray[np.bool_], int]) -> None:
    costs, losses, allowed, budget = case
    possible = all_choices(costs, losses, allowed, budget)
    found = cheapest(costs * 1e-9, losses, allowed, budget)
    if not possible:
        assert found is None
        return
    assert found in possible
    assert total(costs, found) == min(total(costs, choice) for choice in possible)


@given(case=cases(), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_nothing_within_the_budget_lives_longer(
    case: tuple[Numbers, Numbers, npt.NDArray[np.bool_], int], seed: int
) -> None:
    costs, losses, allowed, budget = case
    endurances = np.random.default_rng(seed).integers(1, 6, costs.shape[1])
    free = allowed.sum(axis=1) > 1

    def life(choice: tuple[int, ...]) -> int:
        return min((int(endurances[each]) for layer, each in enumerate(choice) if free[layer]), default=0)

    possible = all_choices(costs, losses, allowed, budget)
    found = longest_lived(costs * 1e-9, losses, allowed, budget, endurances)
    if not possible:
        assert found is None
        return
    assert found in possible
    longest = max(map(life, possible))
    assert life(found) == longest
    assert total(costs, found) == min(total(costs, choice) for choice in possible if life(choice) == longest)


def test_a_negative_budget_has_no_choice() -> None:
    ones = np.ones((2, 2))
    assert cheapest(ones, np.zeros((2, 2), np.int64), ones > 0, -1) is None
    assert cheapest(ones, np.zeros((2, 2), np.int64), ones > 0, 0) is not None


@pytest.mark.parametrize("layers", [60])
def test_a_deep_network_is_quick(layers: int) -> None:
    rng = np.random.default_rng(1)
    losses = np.sort(rng.integers(0, 10**5, (layers, 4)), axis=1)
    costs = -np.sort(-rng.random((layers, 4)), axis=1)
    found = cheapest(costs, losses, np.ones((layers, 4), np.bool_), int(losses.sum() / 8))
    assert found is not None and sum(losses[range(layers), found]) <= losses.sum() / 8
