"""What one layer's errors cost alone: nothing where they cannot matter, all of it in a network of one layer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgebnn.chip.banks.programmed_banks import read
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorModel
from edgebnn.emulator.chip_runs import ChipRuns
from edgebnn.emulator.emulate import Dataset
from edgebnn.emulator.fast import FastPath
from edgebnn.emulator.measured_sensitivity import Finest, Part, cells_of, errors_in, measured_sensitivity
from edgebnn.errors import DataError, TargetError
from edgebnn.mapping.allocation import Allocation
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.programmed import pattern_of, programmed_banks
from edgebnn.network import Kind, Network, Tensor, WeightKind, Window
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
    found = measured_sensitivity(mapped, data, CHIPS, Finest.TILES)
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
    shape = pattern.kind.shape
    everywhere = np.zeros(shape, np.uint32)
    for name in mapped.linear_stages:
        everywhere |= cells_of(mapped, Part(name), shape)
    assert np.array_equal(runs.run(errors_in(banks, pattern, everywhere))[0], runs.run(banks)[0])
    clean, wrong = runs.run(errors_in(banks, pattern, np.zeros(shape, np.uint32)))
    assert np.array_equal(clean, runs.clean) and wrong == 0


def grouped() -> Network:
    """A convolution in two groups behind another one."""
    builder = Builder(Tensor("x", Kind.BITS, (4, 12), -1, 1), np.random.default_rng(6))
    builder.linear(40, window=Window((3,), (1,), (1,), (1,), (1,)))
    builder.threshold()
    builder.linear(6, groups=2, window=Window((5,), (1,), (1,), (0,), (0,)))
    builder.threshold()
    builder.flatten()
    builder.linear(4)
    return builder.network()


@pytest.mark.parametrize("network", [three_layers(), three_layers(WeightKind.TERNARY), grouped()], ids=str)
def test_smaller_parts_are_the_weights_of_their_layers_each_once(network: Network) -> None:
    """Rows and columns: what they hold, as the weights of the node have it, and together nothing but the layer."""
    mapped = mapped_on(network)
    pattern = pattern_of(mapped)
    meant = {node.name: node for node in network.linear}
    for name in mapped.linear_stages:
        node = meant[name]
        whole = cells_of(mapped, Part(name), pattern.kind.shape)
        rows = [cells_of(mapped, Part(name, neuron=place), whole.shape) for place in range(node.neurons)]
        assert np.array_equal(np.bitwise_or.reduce(rows), whole) and sum(map(held, rows)) == held(whole)
        channels = node.weights.shape[1] * node.groups
        columns = [cells_of(mapped, Part(name, channel=place), whole.shape) for place in range(channels)]
        assert sum(map(held, columns)) == held(np.bitwise_or.reduce(columns)) == node.weights.size
        of_group = node.neurons // node.groups
        for channel, cells in enumerate(columns):
            group, place = divmod(channel, node.weights.shape[1])
            own = node.weights[group * of_group :][:of_group, place]
            assert held(pattern.sign & pattern.nonzero & cells) == (own > 0).sum()
            assert held(pattern.nonzero & cells) == (own != 0).sum()
        for neuron, cells in enumerate(rows):
            one = cells & np.bitwise_or.reduce(columns)
            assert held(pattern.sign & pattern.nonzero & one) == (node.weights[neuron] > 0).sum()


def held(cells: np.ndarray) -> int:
    return int(np.bitwise_count(cells).sum())


@pytest.mark.parametrize("errors", [ErrorModel.BER, ErrorModel.DEVICE])
@pytest.mark.parametrize("finest", [Finest.NEURONS, Finest.INPUTS])
def test_errors_are_those_of_the_part_alone(errors: ErrorModel, finest: Finest) -> None:
    """Of uncertain reads too: weights outside the part are read as they are meant, those inside as on the chip."""
    mapped, data = judged(three_layers())
    banks, pattern = (
        programmed_banks(mapped, ChipInstance(1, errors=errors, policy="ultra-low-energy")),
        pattern_of(mapped),
    )
    name = next(iter(mapped.linear_stages))
    part = Part(name, neuron=3) if finest is Finest.NEURONS else Part(name, channel=3)
    cells = cells_of(mapped, part, pattern.kind.shape)
    alone = errors_in(banks, pattern, cells)
    stripe, row = np.indices(cells.shape)
    for given in (0, 0xFFFFFFFF):
        for inference in range(3):
            whole, one = (read(each, stripe, row, 0, inference, given) for each in (banks, alone))
            for plane, of_chip, of_part in zip((pattern.sign, pattern.nonzero), whole, one, strict=True):
                expected = (plane & pattern.nonzero & ~cells) | (of_chip & cells)
                assert np.array_equal(of_part, expected)
    found = measured_sensitivity(mapped, data, CHIPS, finest)
    assert sum(each.first_order for each in found.parts) == pytest.approx(1)
    assert found.agreement is not None and found.agreement > 0.3
    assert {each.part.layer for each in found.parts} == set(mapped.linear_stages)


def test_estimates_are_shares_and_tiles_add_up() -> None:
    mapped, data = judged(three_layers())
    found = measured_sensitivity(mapped, data, CHIPS, Finest.TILES)
    assert sum(part.first_order for part in found.layers) == pytest.approx(1)
    for part in found.layers:
        own = [tile for tile in found.tiles if tile.layer == part.layer]
        assert len(own) == len(mapped.linear_stages[part.layer].tiles)
        assert sum(tile.first_order for tile in own) == pytest.approx(part.first_order)
    assert found.agreement_of_layers is not None and -1 <= found.agreement_of_layers <= 1
    assert found == measured_sensitivity(mapped, data, CHIPS, Finest.TILES)


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
    with pytest.raises(TargetError, match="65 parts on 10,000 chips and 300,000 samples are more"):
        measured_sensitivity(mapped, Dataset(np.repeat(data.x, 1000, axis=0), np.repeat(data.y, 1000)),
                             [ChipInstance(1)] * 10_000, Finest.INPUTS)  # fmt: skip
    with pytest.raises(TargetError, match="ask for some"):
        measured_sensitivity(mapped, data, [])
    with pytest.raises(TargetError, match="layers in RRAM"):
        measured_sensitivity(mapped_on(dense(64, 4), "cortex-m4"), data, CHIPS)


def test_columns_of_groups_count_as_their_own_inputs_do() -> None:
    """In the units of the inputs, as those of a layer without groups do."""
    builder = Builder(Tensor("x", Kind.INTEGERS, (4, 12), -100, 100), np.random.default_rng(6))
    builder.linear(8, groups=4, window=Window((3,), (1,), (1,), (0,), (0,)))
    builder.threshold()
    builder.flatten()
    builder.linear(4)
    mapped, data = judged(builder.network())
    x = data.x.copy()
    x[:, 0] = np.sign(x[:, 0])  # an input that is hardly there
    found = measured_sensitivity(mapped, Dataset(x, data.y), CHIPS[:1], Finest.INPUTS)
    first = [part.first_order for part in found.parts if part.layer == next(iter(mapped.linear_stages))]
    assert len(first) == 4 and first[0] < 0.1 * min(first[1:])
    # A layer of 24 weights and inputs of up to 100 against one of 320 weights and inputs of 1.
    assert found.layers[0].first_order > 0.05
