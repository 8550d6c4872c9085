"""What one layer's errors cost alone: nothing where they cannot matter, all of it in a network of one layer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorModel
from edgebnn.emulator.chip_runs import ChipRuns
from edgebnn.emulator.emulate import Dataset
from edgebnn.emulator.fast import FastPath
from edgebnn.emulator.measured_sensitivity import errors_in, measured_sensitivity, stripes_of
from edgebnn.errors import DataError, TargetError
from edgebnn.mapping.allocation import Allocation
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.programmed import pattern_of, programmed_banks
from edgebnn.network import Kind, Network, Tensor, WeightKind
from edgebnn.network.types import Threshold
from tests.mapping.test_planner import dense, mapped_on
from tests.networks import Builder, random_inputs

CHIPS = [ChipInstance(seed, 0.1) for seed in range(4)]


def judged(network: Network, samples: int = 300) -> tuple[MappedNetwork, Dataset]:
    """The network, and samples whose labels are the answers without errors."""
    mapped = mapped_on(network)
    x = random_inputs(network, 1, samples)
    return mapped, Dataset(x, FastPath(mapped).run(x).reshape(samples, -1).argmax(axis=1).astype(np.int64))


def three_layers(kind: WeightKind = WeightKind.BINARY) -> Network:
    builder = Builder(Tensor("x", Kind.BITS, (96,), -1, 1), np.random.default_rng(5))
    for neurons in (40, 33):
        builder.linear(neurons, kind)
        builder.threshold()
    builder.linear(4, kind)
    return builder.network()


def with_constant_steps(network: Network, layer: str) -> Network:
    """The same, but that no sum of this layer reaches a threshold."""
    output = next(node.output for node in network.linear if node.name == layer)
    nodes = tuple(
        replace(node, thresholds=np.full_like(node.thresholds, output.high + 5), direction=np.ones_like(node.direction))
        if isinstance(node, Threshold) and node.sources[0] == output.name
        else node
        for node in network.nodes
    )
    return replace(network, nodes=nodes)


def test_errors_that_cannot_matter_cost_nothing() -> None:
    plain = three_layers()
    first, second, last = (node.name for node in plain.linear)
    mapped, data = judged(with_constant_steps(plain, second))
    found = measured_sensitivity(mapped, data, CHIPS, tiles=True)
    drops = {part.layer: part.drop.mean for part in found.layers}
    assert drops[first] == drops[second] == 0 and drops[last] > 0
    assert all(part.drop.mean == 0 for part in found.tiles if part.layer != last)
    estimates = {part.layer: part.first_order for part in found.layers}
    assert estimates[last] == pytest.approx(1)


def test_one_layer_alone_is_the_whole() -> None:
    mapped, data = judged(dense(64, 4))
    found = measured_sensitivity(mapped, data, CHIPS)
    (layer,) = found.layers
    assert layer.drop == found.whole and layer.drop.mean > 0 and layer.first_order == 1
    assert found.tiles == () and found.agreement_of_layers is None
    assert (found.chips, found.samples) == (4, 300)


@pytest.mark.parametrize("errors", [ErrorModel.BER, ErrorModel.DEVICE, ErrorModel.NEIGHBOUR])
@pytest.mark.parametrize("kind", [WeightKind.BINARY, WeightKind.TERNARY])
def test_parts_together_are_the_chip_and_no_part_is_none(errors: ErrorModel, kind: WeightKind) -> None:
    network = three_layers(kind)
    mapped, data = judged(network)
    chip = ChipInstance(1, errors=errors, policy="ultra-low-energy")
    banks, pattern, runs = programmed_banks(mapped, chip), pattern_of(mapped), ChipRuns(FastPath(mapped), data.x)
    everywhere = [stripe for name in mapped.linear_stages for stripe in stripes_of(mapped, name)]
    assert np.array_equal(runs.run(errors_in(banks, pattern, everywhere))[0], runs.run(banks)[0])
    clean, wrong = runs.run(errors_in(banks, pattern, []))
    assert np.array_equal(clean, runs.clean) and wrong == 0


def test_estimates_are_shares_and_tiles_add_up() -> None:
    mapped, data = judged(three_layers())
    found = measured_sensitivity(mapped, data, CHIPS, tiles=True)
    assert sum(part.first_order for part in found.layers) == pytest.approx(1)
    for part in found.layers:
        own = [tile for tile in found.tiles if tile.layer == part.layer]
        assert len(own) == len(mapped.linear_stages[part.layer].tiles)
        assert sum(tile.first_order for tile in own) == pytest.approx(part.first_order)
    assert found.agreement_of_layers is not None and -1 <= found.agreement_of_layers <= 1
    assert found == measured_sensitivity(mapped, data, CHIPS, tiles=True)


def test_a_layer_under_a_better_policy_counts_less_to_first_order() -> None:
    network = three_layers()
    mapped, data = judged(network)
    first = network.linear[0].name
    own = mapped_on(network, "rram130", Allocation(policy="ultra-low-energy", policies={first: "low-energy"}))
    chips = [ChipInstance(seed) for seed in range(2)]
    alike = [replace(chip, policy="ultra-low-energy") for chip in chips]
    found = measured_sensitivity(own, data, chips).layers[0]
    assert found.policy == "low-energy"
    assert found.first_order < measured_sensitivity(mapped, data, alike).layers[0].first_order


def test_what_cannot_be_measured_is_refused() -> None:
    mapped, data = judged(dense(64, 4))
    with pytest.raises(DataError, match="no labels"):
        measured_sensitivity(mapped, Dataset(data.x), CHIPS)
    with pytest.raises(TargetError, match="ask for some"):
        measured_sensitivity(mapped, data, [])
    with pytest.raises(TargetError, match="layers in RRAM"):
        measured_sensitivity(mapped_on(dense(64, 4), "cortex-m4"), data, CHIPS)
