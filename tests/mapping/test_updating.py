"""An update changes no score, and takes the fewest pulses; moved to fresh banks, it wears none of the old ones."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations, product

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebnn.chip.lifetime.reprogramming import reprogram
from edgebnn.errors import FitError, TargetError
from edgebnn.mapping.allocation import Allocation
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.programmed import pattern_of
from edgebnn.mapping.updating import moved, updated
from edgebnn.network import Kind, Network, Tensor, interpret
from edgebnn.network.rearranging import Rearranged, rearranged
from edgebnn.network.types import Linear
from tests.mapping.test_ber_aware import SMALL
from tests.mapping.test_planner import mapped_on
from tests.networks import Builder, networks, random_inputs


def pulses(old: MappedNetwork, new: MappedNetwork) -> int:
    return reprogram(pattern_of(old), pattern_of(new)).changes_alone.pulses


def differences(network: Network, other: Network) -> int:
    """Weights that are not alike."""
    pairs = zip(network.linear, other.linear, strict=True)
    return sum(int((one.weights != another.weights).sum()) for one, another in pairs)


def trained_on(network: Network, share: float, seed: int) -> Network:
    """The network after some of its weights have changed their signs."""
    rng = np.random.default_rng(seed)
    nodes = [
        replace(node, weights=np.where(rng.random(node.weights.shape) < share, -node.weights, node.weights))
        if isinstance(node, Linear)
        else node
        for node in network.nodes
    ]
    return replace(network, nodes=tuple(nodes))


def dense(seed: int, *widths: int) -> Network:
    builder = Builder(Tensor("x", Kind.BITS, (widths[0],), -1, 1), np.random.default_rng(seed))
    for index, width in enumerate(widths[1:], 1):
        builder.linear(width)
        if index < len(widths) - 1:
            builder.threshold()
    return builder.network()


@given(network=networks(), seed=st.integers(0, 2**32), banks=st.permutations(range(40)))
@settings(max_examples=25)
def test_no_score_changes_and_the_old_banks_are_used(network: Network, seed: int, banks: list[int]) -> None:
    tiles = mapped_on(network).plan.banks
    old = mapped_on(network, allocation=Allocation(banks=tuple(banks[:tiles]) if tiles <= len(banks) else None))
    later = trained_on(network, 0.1, seed)
    found, told = updated(mapped_on(later), old)
    x = random_inputs(network, seed, 5)
    assert np.array_equal(interpret(found.network, x), interpret(later, x))
    assert found.allocation.banks == old.allocation.banks
    document = msgspec.json.decode(told)
    assert document["pulses"] == pulses(old, found)
    assert document["pulses_as_trained"] == pulses(old, mapped_on(later, allocation=old.allocation))


@given(seed=st.integers(0, 2**32))
@settings(max_examples=10)
def test_the_same_neurons_in_another_order_and_polarity_take_no_pulse(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = dense(seed % 1000, 40, 33, 20, 5)
    shuffled = rearranged(
        network,
        {
            node.name: Rearranged(rng.permutation(node.neurons), rng.random(node.neurons) < 0.5)
            for node in network.linear[:-1]
        },
    )
    old = mapped_on(network)
    assert pulses(old, mapped_on(shuffled)) > 0
    assert pulses(old, updated(mapped_on(shuffled), old)[0]) == 0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_is_the_best_of_all_orders_and_polarities_of_a_tiny_network(seed: int) -> None:
    network, later = dense(seed, 6, 4, 3), dense(seed + 100, 6, 4, 3)
    first = later.linear[0].name
    best = min(
        differences(network, rearranged(later, {first: Rearranged(np.array(order), np.array(turned))}))
        for order, turned in product(permutations(range(4)), product([False, True], repeat=4))
    )
    old = mapped_on(network)
    found, _ = updated(mapped_on(later), old)
    assert pulses(old, found) == 2 * best  # both devices of a cell


def test_layers_that_are_new_go_to_banks_of_their_own() -> None:
    old, later = mapped_on(dense(1, 40, 5)), mapped_on(dense(2, 40, 70, 5))
    found, _ = updated(later, old)
    banks = [tile.bank for stage in found.linear_stages.values() for tile in stage.tiles]
    assert len(set(banks)) == len(banks) == later.plan.banks
    assert {tile.bank for tile in old.plan.stages[0].tiles} <= set(banks)  # type: ignore[union-attr]


def test_fresh_banks_go_round_all_of_them() -> None:
    network = dense(1, 64, 40, 10)  # 5 tiles of the 64 banks
    version = mapped_on(network, SMALL)
    worn = np.zeros(64, np.int64)
    for _ in range(64):
        banks = [tile.bank for stage in version.linear_stages.values() for tile in stage.tiles]
        worn[banks] += 1
        version = moved(mapped_on(network, SMALL), version)[0]
    assert worn[-1] == 0  # the marker's bank
    assert worn[:-1].max() - worn[:-1].min() <= 1 and worn.sum() == 64 * version.plan.banks


def test_what_cannot_be_updated_is_refused() -> None:
    network = dense(1, 40, 5)
    with pytest.raises(TargetError, match="whose files differ"):
        updated(mapped_on(network), mapped_on(network, SMALL))
    with pytest.raises(TargetError, match="has no RRAM"):
        updated(mapped_on(network, "cortex-m4"), mapped_on(network, "cortex-m4"))
    wide = dense(1, 1024, 64)  # all of the 64 banks
    with pytest.raises(FitError, match="leaves 0 of target 'rram130' free"):
        moved(mapped_on(wide, SMALL), mapped_on(wide, SMALL))


def test_layers_that_swap_their_policies_may_stay_as_either() -> None:
    network = dense(3, 40, 20, 6)
    first, second = (node.name for node in network.linear)

    def stays_as(of_second: str, told: bytes | None = None) -> list[str]:
        old = mapped_on(network, allocation=Allocation(policy="strong", policies={second: "ultra-low-energy"}))
        new = mapped_on(network, allocation=Allocation(policy="ultra-low-energy", policies={second: of_second}))
        found: list[str] = msgspec.json.decode(updated(new, old, told)[1])["stays_as"]
        return found

    assert first != second
    assert stays_as("strong") == ["strong", "ultra-low-energy"]
    assert stays_as("ultra-low-energy") == ["strong"]
    same = mapped_on(network, allocation=Allocation(policy="strong", policies={second: "ultra-low-energy"}))
    assert msgspec.json.decode(updated(same, same)[1])["stays_as"] == []
    assert msgspec.json.decode(updated(same, same, b'{"stays_as": ["low-energy"]}')[1])["stays_as"] == ["low-energy"]
