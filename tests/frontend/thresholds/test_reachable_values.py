"""What is said of the integers that a tensor reaches holds all those that an interpreter finds there."""

from __future__ import annotations

import numpy as np
import pytest

from edgebnn.frontend.thresholds.reachable_values import Reachable
from edgebnn.network import Kind, Tensor, WeightKind, Window
from edgebnn.network.interpreter import trace
from tests.networks import Builder, random_inputs


@pytest.mark.parametrize("taps", [1, 2])
def test_a_max_pool_reaches_what_the_sums_before_it_reach(taps: int) -> None:
    builder = Builder(Tensor("x", Kind.INTEGERS, (2, 6), -3, 3), np.random.default_rng(taps))
    builder.linear(4, WeightKind.TERNARY, Window((taps,), (1,), (1,), (0,), (0,)))
    builder.pool(Window((2,), (2,), (1,), (0,), (0,)))
    pooled = builder.last
    builder.flatten()
    builder.linear(2)
    network = builder.network()
    reachable = Reachable([each.tensor for each in network.inputs])
    for node in network.nodes:
        reachable.add(node)
    found = trace(network, random_inputs(network, 1, 300))[pooled.name]
    for channel in range(pooled.channels):
        low, high = np.array([pooled.low]), np.array([pooled.high])
        (values,) = reachable.near(pooled.name, channel, low, high)
        assert values is not None and set(found[:, channel].ravel().tolist()) <= set(values.integers.tolist())
