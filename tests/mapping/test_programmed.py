"""What goes into the banks is what the firmware programs, and what is read back is put where it belongs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebnn.chip.banks.pattern import BINARY, EMPTY, TERNARY
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.errors import TargetError
from edgebnn.mapping.cells import cell_blocks
from edgebnn.mapping.lifting import misread_share, read_weights, wrong_weights
from edgebnn.mapping.programmed import pattern_of, programmed_banks
from edgebnn.network import Linear, Network, WeightKind
from tests.chip.patterns import programmed
from tests.emulator.random_banks import banks_with, certain_thresholds, meant_values
from tests.mapping.test_planner import dense, mapped_on
from tests.networks import networks


def in_rram(network: Network) -> list[Linear]:
    return [node for node in network.linear if node.weight_kind is not WeightKind.INT8]


@given(networks())
def test_the_pattern_is_what_the_memory_map_says(network: Network) -> None:
    mapped = mapped_on(network)
    pattern, values = pattern_of(mapped), meant_values(mapped)
    assert pattern.shape == (mapped.plan.banks, 32)
    expected = np.zeros_like(values)
    kinds = {node.name: BINARY if node.weight_kind is WeightKind.BINARY else TERNARY for node in in_rram(network)}
    shares = {node.name: float(np.mean(node.weights == 0)) for node in in_rram(network)}
    used = np.zeros(pattern.shape, np.bool_)
    for block in cell_blocks(mapped):
        height, width = block.values.shape
        rows = block.bank, slice(block.row, block.row + height)
        expected[(*rows, slice(block.column, block.column + width))] = block.values
        assert np.all(pattern.kind[rows] == kinds[block.layer])
        assert np.all(pattern.zero_share[rows] == shares[block.layer])
        used[rows] = True
    behind = expected == 0  # zeros, and in binary rows the columns behind the last input, which hold -1
    assert np.array_equal(values[~behind], expected[~behind])
    assert np.array_equal(values[behind], np.where(pattern.kind == BINARY, -1, 0)[np.nonzero(behind)[:2]])
    assert np.all(pattern.kind[~used] == EMPTY) and not np.any(values[~used])
    assert np.all(pattern.nonzero[pattern.kind == BINARY] == 0xFFFFFFFF)


@given(networks())
def test_banks_without_errors_hold_the_networks_weights(network: Network) -> None:
    mapped = mapped_on(network)
    banks = banks_with(meant_values(mapped))
    assert banks.certain and wrong_weights(mapped, banks) == 0
    read = read_weights(mapped, banks)
    assert read.keys() == {node.name for node in in_rram(network)}
    assert all(np.array_equal(read[node.name], node.weights) for node in in_rram(network))


@given(networks(), st.integers(0, 2**62))
def test_wrong_synapses_are_counted_once_with_whichever_input_they_show(network: Network, seed: int) -> None:
    """Those behind the last input and the last neuron are none."""
    mapped = mapped_on(network)
    rng, meant = np.random.default_rng(seed), meant_values(mapped)
    wrong = np.where(meant == 0, 1, -meant)
    every = banks_with(wrong)
    assert wrong_weights(mapped, every) == sum(node.weights.size for node in in_rram(network))
    shown = rng.random((*meant.shape, 2)) < 0.3  # with which input a synapse is wrong
    values = np.where(shown, wrong[..., np.newaxis], meant[..., np.newaxis])
    banks = programmed(*certain_thresholds(values), seed=0)
    expected = 0
    for stage in mapped.linear_stages.values():
        for tile in stage.tiles:
            expected += int(shown[tile.bank, : tile.neurons, : tile.inputs, 1].sum())
    assert wrong_weights(mapped, banks) == expected
    weights = sum(node.weights.size for node in in_rram(network))
    assert misread_share(mapped, banks) == pytest.approx(expected / max(weights, 1))
    with_plus = read_weights(mapped, banks)
    only_plus = read_weights(mapped, banks_with(values[..., 1]))
    assert all(np.array_equal(with_plus[name], only_plus[name]) for name in with_plus)


@given(networks(max_layers=2), st.integers(0, 2**62))
def test_a_programmed_chip_moves_ternary_weights_to_neighbours_and_flips_binary_ones(
    network: Network, seed: int
) -> None:
    mapped = mapped_on(network)
    read = read_weights(mapped, programmed_banks(mapped, ChipInstance(seed, 0.3)))
    for node in in_rram(network):
        jump = np.abs(read[node.name].astype(int) - node.weights)
        assert set(np.unique(jump)) <= ({0, 2} if node.weight_kind is WeightKind.BINARY else {0, 1})


@given(networks(max_layers=2), st.integers(0, 2**62))
def test_a_rate_of_zero_leaves_every_weight(network: Network, seed: int) -> None:
    mapped = mapped_on(network)
    banks = programmed_banks(mapped, ChipInstance(seed, 0.0))
    assert banks.certain and wrong_weights(mapped, banks) == 0


def test_a_target_without_rram_has_no_chip_instances() -> None:
    mapped = mapped_on(dense(4, 4), "cortex-m4")
    for use in (lambda: pattern_of(mapped), lambda: programmed_banks(mapped, ChipInstance(0, 0.1))):
        with pytest.raises(TargetError, match="keeps its weights in flash"):
            use()


def test_the_banks_of_another_network_are_refused() -> None:
    banks = banks_with(meant_values(mapped_on(dense(4, 4))))
    for use in (read_weights, wrong_weights):
        with pytest.raises(
            TargetError,
            match="the chip has 1 programmed banks of 32 x 32 synapses, but network 'dense' lies in the first 2 of 32",
        ):
            use(mapped_on(dense(33, 4)), banks)


@pytest.mark.parametrize(("seed", "rate"), [(-1, 0.1), (0, -0.1), (0, 1.5), (2**64, 0.1), (0, float("nan"))])
def test_seeds_and_rates_out_of_range_are_refused(seed: int, rate: float) -> None:
    with pytest.raises(TargetError, match="out of range"):
        ChipInstance(seed, rate)
