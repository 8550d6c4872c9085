"""Placement by bit error rate: no score changes, the best of all orders, and nothing to gain where chance errs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations, product

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebnn.chip.banks.geometry import COLUMNS, cell_number
from edgebnn.chip.errors.error_map import ErrorMap, error_map
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorModel
from edgebnn.chip.measured.cells import Measured
from edgebnn.chip.target_files.loading import load_target
from edgebnn.emulator.fast import FastPath
from edgebnn.errors import TargetError
from edgebnn.mapping.allocation import Allocation
from edgebnn.mapping.ber_aware import _Layer, bank_rates, ber_aware, place_by_errors
from edgebnn.mapping.lifting import wrong_weights
from edgebnn.mapping.placed import placed
from edgebnn.mapping.programmed import programmed_banks
from edgebnn.network import Kind, Network, Tensor, WeightKind, interpret
from edgebnn.network.rearranging import Rearranged, rearranged
from edgebnn.network.sensitivity import Sensitivity, sensitivities
from tests.chip.test_error_map import POLICY, SMALL
from tests.mapping.test_planner import dense, mapped_on
from tests.networks import Builder, networks, random_inputs


def random_map(banks: int, seed: int) -> ErrorMap:
    """Rates of banks that differ much."""
    array = load_target("rram130").array
    assert array is not None
    geometry = array.geometry
    rng = np.random.default_rng(seed)
    shape = (geometry.stripe(banks), geometry.rows, COLUMNS)
    return ErrorMap(geometry, {w: rng.random(shape, np.float32) * rng.random((shape[0], 1, 1)) for w in (1, -1, 0)})


@given(network=networks(), seed=st.integers(0, 2**32))
@settings(max_examples=30)
def test_no_score_changes_without_errors_and_no_harm_grows(network: Network, seed: int) -> None:
    mapped = mapped_on(network)
    x = random_inputs(network, seed, 5)
    maps = dict.fromkeys(mapped.linear_stages, random_map(mapped.plan.banks + 5, seed))
    found = ber_aware(mapped, maps, sensitivities(network, x))
    assert np.array_equal(interpret(network, x), interpret(found.network, x))
    assert found.harm <= found.banks_alone * (1 + 1e-6)
    assert len(set(found.banks)) == mapped.plan.banks
    for name, order in found.orders.items():
        assert sorted(order) == list(range(len(order))) and len(found.turned[name]) == len(order)


def harm_of(
    network: Network,
    maps: ErrorMap,
    counts: dict[str, Sensitivity],
    orders: dict[str, np.ndarray],
    banks: Sequence[int],
) -> float:
    """By its definition, weight by weight, of layers of one tile each."""
    total = 0.0
    for place, node in enumerate(network.linear):
        before = network.linear[place - 1].name if place else None
        neurons = counts[node.name].neurons[orders[node.name]]
        inputs = counts[node.name].inputs if before is None else counts[node.name].inputs[orders[before]]
        for o, i in product(range(node.neurons), range(node.fan_in)):
            total += neurons[o] * inputs[i] * float(maps.rates[int(node.weights[o, i])][banks[place], o, i])
    return total


@pytest.mark.parametrize("kind", [WeightKind.BINARY, WeightKind.TERNARY])
@pytest.mark.parametrize("seed", [3, 4])
def test_it_is_the_best_of_all_orders_and_polarities_of_a_tiny_network(seed: int, kind: WeightKind) -> None:
    builder = Builder(Tensor("x", Kind.BITS, (5,), -1, 1), np.random.default_rng(seed))
    builder.linear(4, kind)
    builder.threshold()
    builder.linear(2, kind)
    network = builder.network()
    mapped, x = mapped_on(network), random_inputs(network, 1, 50)
    counts, maps, first = sensitivities(network, x), random_map(3, seed), network.linear[0]
    if kind is WeightKind.BINARY:
        maps = replace(maps, rates={weight: maps.rates[weight] for weight in (1, -1)})
    found = ber_aware(mapped, dict.fromkeys(mapped.linear_stages, maps), counts)
    unchanged = {node.name: np.arange(node.neurons) for node in network.linear}
    best = np.inf
    for order, turned in product(map(np.array, permutations(range(4))), product((False, True), repeat=4)):
        other = rearranged(network, {first.name: Rearranged(order, np.array(turned))})
        best = min(best, harm_of(other, maps, counts, unchanged | {first.name: order}, found.banks))
    linear = harm_of(network, maps, counts, unchanged, (0, 1))
    assert found.harm * linear == pytest.approx(best, rel=1e-5)


@pytest.mark.parametrize("kind", [WeightKind.BINARY, WeightKind.TERNARY])
def test_the_harm_of_a_word_is_that_of_the_weights_it_holds(kind: WeightKind) -> None:
    """Each by how often its cell errs for what it holds, how much its neuron counts, and how much its input does."""
    builder = Builder(Tensor("x", Kind.BITS, (40,), -1, 1), np.random.default_rng(5))
    builder.linear(3, kind)
    network = builder.network()
    mapped, (node,) = mapped_on(network), network.linear
    maps, counts = random_map(3, 5), sensitivities(network, random_inputs(network, 1, 50))[node.name]
    if kind is WeightKind.BINARY:
        maps = replace(maps, rates={weight: maps.rates[weight] for weight in (1, -1)})
    wanted = np.zeros((3, 2))
    assert maps.geometry.words == 1
    banks = [tile.bank for tile in mapped.linear_stages[node.name].tiles]
    for o, i in product(range(3), range(40)):
        rate = float(maps.rates[int(node.weights[o, i])][banks[i // COLUMNS], o, i % COLUMNS])
        wanted[o, i // COLUMNS] += counts.neurons[o] * counts.inputs[i] * rate
    found = _Layer(node, mapped.linear_stages[node.name], maps, counts).word_harms()
    assert found == pytest.approx(wanted, rel=1e-5)


def test_the_rate_of_a_bank_is_the_mean_of_its_own_cells() -> None:
    maps = random_map(3, 6)
    stripes = np.array_split(np.arange(maps.geometry.stripe(3)), 3)
    wanted = [np.mean([maps.rates[weight][own] for weight in (1, -1)]) for own in stripes]
    assert bank_rates(maps) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_the_tile_that_counts_most_takes_the_bank_that_errs_least(seed: int) -> None:
    """Of all choices of banks: here the cells of a bank all err alike, so nothing else matters."""
    rng = np.random.default_rng(seed)
    mapped = mapped_on(dense(96, 32))
    rates = rng.permutation(5) / 10 + 0.01
    shape = (5, 32, COLUMNS)
    maps = ErrorMap(
        mapped.target.array.geometry, dict.fromkeys((1, -1, 0), np.full(shape, rates[:, None, None], np.float32))
    )
    counts = {"fc": Sensitivity(np.ones(32), np.repeat(rng.permutation(3) + 1.0, 32))}
    found = ber_aware(mapped, {"fc": maps}, counts)
    of_tiles = counts["fc"].inputs[::32]

    def harm(banks: Sequence[int]) -> float:
        return float(of_tiles @ rates[list(banks)])

    best = min(permutations(range(5), 3), key=harm)
    assert tuple(found.banks) == best
    assert found.banks_alone == pytest.approx(harm(best) / harm((0, 1, 2)), rel=1e-5)


@pytest.mark.parametrize("readings", [1, 4])
def test_a_chip_that_errs_by_place_errs_less(readings: int) -> None:
    builder = Builder(Tensor("x", Kind.BITS, (96,), -1, 1), np.random.default_rng(6))
    builder.linear(64)
    builder.threshold()
    builder.linear(10)
    network = builder.network()
    mapped, x = mapped_on(network, SMALL), random_inputs(network, 1, 64)
    before = after = 0
    for seed in range(3):
        chip = ChipInstance(seed, errors=ErrorModel.TABLE, policy=POLICY)
        other, told = placed(mapped, chip, x, readings)
        assert b'"kind":"ber-aware"' in told
        before += wrong_weights(mapped, programmed_banks(mapped, chip))
        after += wrong_weights(other, programmed_banks(other, chip))
        assert np.array_equal(FastPath(mapped).run(x), FastPath(other).run(x))
    assert after < 0.8 * before


@pytest.mark.parametrize("rate", [0.03, 1e-3, 1e-5])
@pytest.mark.parametrize("readings", [1, 4])
def test_where_chance_alone_errs_there_is_nothing_to_gain(rate: float, readings: int) -> None:
    """And nothing is promised: not from banks, rows or signs that happened to err more in so few readings."""
    builder = Builder(Tensor("x", Kind.BITS, (96,), -1, 1), np.random.default_rng(7))
    builder.linear(32)
    builder.threshold()
    builder.linear(10)
    network = builder.network()
    mapped, x = mapped_on(network, SMALL), random_inputs(network, 1, 16)
    for seed in range(4):
        found = place_by_errors(mapped, ChipInstance(seed, rate), x, readings)
        assert min(found.harm, found.banks_alone) > 0.99


@pytest.mark.parametrize("readings", [1, 3, 7, 8])
def test_cells_that_are_always_or_never_wrong_have_rates_too(readings: int) -> None:
    """Readings of a measured cell need not differ at all, which is no certainty: a few agree by chance."""
    assert SMALL.array is not None
    bank, row, column = np.indices((8, SMALL.array.geometry.rows, COLUMNS)).reshape(3, -1)
    cells = cell_number(bank, row, column)
    wrong = (np.random.default_rng(1).random((len(cells), 2)) < 0.01) & (bank % 2 == 1)[:, np.newaxis]
    measured = Measured(cells, wrong.astype(np.float64), None, "lab.csv", "0" * 64)
    chip = ChipInstance(1, errors=ErrorModel.TABLE, policy=POLICY, measured=measured)
    found = error_map(chip, SMALL, POLICY, 4, readings)
    assert all(np.isfinite(rates).all() for rates in found.rates.values())
    assert 0 <= bank_rates(found)[:8:2].max() < bank_rates(found)[1:8:2].min()


def test_what_all_chips_have_in_common_promises_nothing_where_signs_err_alike() -> None:
    network = dense(96, 32)
    assert place_by_errors(mapped_on(network, SMALL), None, random_inputs(network, 1, 16), 4).harm == pytest.approx(1)


def test_a_target_without_rram_has_nothing_to_place() -> None:
    builder = Builder(Tensor("x", Kind.BITS, (32,), -1, 1), np.random.default_rng(7))
    builder.linear(4)
    network = builder.network()
    with pytest.raises(TargetError, match="has no RRAM"):
        place_by_errors(mapped_on(network, "cortex-m4"), None, random_inputs(network, 1, 4), 4)


def test_neurons_near_their_thresholds_matter_more() -> None:
    builder = Builder(Tensor("x", Kind.BITS, (64,), -1, 1), np.random.default_rng(8))
    builder.linear(2)
    builder.threshold()
    builder.linear(2)
    network = builder.network()
    node = network.nodes[1]
    nodes = (network.nodes[0], replace(node, thresholds=np.array([[0], [40]], np.int32)), *network.nodes[2:])
    counts = sensitivities(replace(network, nodes=nodes), random_inputs(network, 1, 400))
    near, far = counts[network.linear[0].name].neurons
    assert near > 20 * far


def test_an_input_counts_by_what_it_differs_by_from_sample_to_sample() -> None:
    """What is the same in all samples moves all sums alike, and a threshold makes up for that."""
    mapped = mapped_on(dense(8, 4))
    x = np.ones((64, 8), np.int8)
    x[::2, :4] = -1
    inputs = sensitivities(mapped.network, x)["fc"].inputs
    assert inputs[:4] == pytest.approx(np.ones(4)) and inputs[4:] == pytest.approx(np.full(4, 0.1))


def test_the_rates_that_are_told_are_those_of_the_policy_that_does_most_harm() -> None:
    """Not the first layer's, which may hardly err."""
    builder = Builder(Tensor("x", Kind.BITS, (96,), -1, 1), np.random.default_rng(6))
    builder.linear(32)
    builder.threshold()
    builder.linear(10)
    network = builder.network()
    first, second = (node.name for node in network.linear)
    own = Allocation(policy="ultra-low-energy", policies={first: "strong"})
    mapped, x = mapped_on(network, SMALL, own), random_inputs(network, 1, 16)
    _, told = placed(mapped, ChipInstance(3, errors=ErrorModel.TABLE), x, 1)
    document = msgspec.json.decode(told)
    assert document["bank_error_rates_policy"] == "ultra-low-energy" and mapped.linear_stages[second].policy != "strong"
    assert np.mean(document["bank_error_rates"]) == pytest.approx(0.033, rel=0.2)
