"""What is said of the integers that a tensor reaches holds all those that an interpreter finds there."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from edgebnn.frontend.algebra.integer_sets import grid_of_sums
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


@pytest.mark.parametrize("kind", [Kind.BITS, Kind.TRITS])
def test_the_grid_of_a_layer_holds_its_sums_and_no_number_beyond_them(kind: Kind) -> None:
    builder = Builder(Tensor("x", kind, (5,), -1, 1), np.random.default_rng(3))
    builder.linear(4, WeightKind.TERNARY)
    (layer,) = builder.network().linear
    grid = grid_of_sums(layer, builder.input, layer.weights.astype(np.int16), layer.output)
    inputs = np.array(list(product((-1, 1) if kind is Kind.BITS else (-1, 0, 1), repeat=5)))
    sums = inputs @ layer.weights.reshape(4, 5).T.astype(np.int64)
    for channel, (start, stride, count) in enumerate(zip(grid.start, grid.stride, grid.count, strict=True)):
        points = start + stride * np.arange(count)
        assert layer.output.low <= points[0] and points[-1] <= layer.output.high
        assert set(sums[:, channel].tolist()) <= set(points.tolist())
        assert (sums[:, channel].min(), sums[:, channel].max()) == (grid.low[channel], grid.high[channel])
