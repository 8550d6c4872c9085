"""How much a tile counts: all of its weights, each as its neuron and its column do."""

from __future__ import annotations

import numpy as np
import pytest

from edgebnn.mapping.first_order import tile_counts
from tests.mapping.test_planner import dense, mapped_on


def test_a_tile_counts_as_much_as_its_weights() -> None:
    (stage,) = mapped_on(dense(100, 70), "rram130").linear_stages.values()
    rng = np.random.default_rng(0)
    neurons, columns = rng.random(70), rng.random(100)
    counts = tile_counts(stage, neurons, columns)
    assert len(counts) == len(stage.tiles) > 8
    for tile, count in zip(stage.tiles, counts, strict=True):
        weights = np.zeros((70, 100))
        weights[tile.neuron : tile.neuron + tile.neurons, 32 * tile.word : 32 * tile.word + tile.inputs] = 1
        assert count == pytest.approx(float(neurons @ weights @ columns))
    assert sum(counts) == pytest.approx(neurons.sum() * columns.sum())
