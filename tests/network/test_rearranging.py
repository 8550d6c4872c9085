"""Neurons in another order and of another polarity: the same scores, to the bit."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgebnn.network import Kind, Network, Tensor, WeightKind, Window, interpret
from edgebnn.network.rearranging import Rearranged, can_turn, channels_of, rearranged
from tests.networks import Builder, networks, random_inputs


def drawn(network: Network, seed: int) -> dict[str, Rearranged]:
    """Random orders and polarities of all layers that take them."""
    rng = np.random.default_rng(seed)
    found = {}
    for node in network.linear:
        order = np.arange(node.neurons)
        if channels_of(network, node) is not None:
            order = rng.permutation(order)
        turned = rng.random(node.neurons) < 0.5
        if node.weight_kind is WeightKind.INT8 or not can_turn(network, node):
            turned[:] = False
        found[node.name] = Rearranged(order, turned)
    return found


@given(network=networks(), seed=st.integers(0, 2**32))
def test_every_score_stays(network: Network, seed: int) -> None:
    x = random_inputs(network, seed, 5)
    assert np.array_equal(interpret(network, x), interpret(rearranged(network, drawn(network, seed)), x))


def test_through_pools_flattening_and_the_last_line() -> None:
    builder = Builder(Tensor("x", Kind.INTEGERS, (3, 8, 8), -128, 127), np.random.default_rng(2))
    same = Window((3, 3), (1, 1), (1, 1), (1, 1), (1, 1))
    builder.linear(12, window=same, border=True)
    builder.threshold(Kind.INTEGERS, 15)
    builder.pool(Window((2, 2), (2, 2), (1, 1), (0, 0), (0, 0)))
    builder.linear(9, WeightKind.TERNARY, same)
    builder.threshold(Kind.TRITS)
    builder.flatten()
    builder.linear(20)
    builder.threshold()
    builder.linear(5)
    builder.affine()
    network = builder.network()
    assert [channels_of(network, node) is not None for node in network.linear] == [True, True, True, False]
    assert all(can_turn(network, node) for node in network.linear)
    x = random_inputs(network, 1, 20)
    wanted = interpret(network, x)
    for seed in range(5):
        other = rearranged(network, drawn(network, seed))
        assert not np.array_equal(other.linear[0].weights, network.linear[0].weights)
        assert np.array_equal(wanted, interpret(other, x))


def test_branches_keep_their_order() -> None:
    builder = Builder(Tensor("x", Kind.BITS, (40,), -1, 1), np.random.default_rng(3))
    builder.linear(16)
    first = builder.last
    builder.resume(builder.input)
    builder.linear(16)
    builder.add(first)
    builder.threshold()
    builder.linear(4)
    network = builder.network()
    assert [channels_of(network, node) for node in network.linear] == [None] * 3
    assert not any(can_turn(network, node) for node in network.linear)
