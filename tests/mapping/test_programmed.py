"""A chip's wrong bits: fixed by the seed, independent, and of the kind that the weights' code allows."""

from __future__ import annotations

import numpy as np
import pytest
from edgebnn.mapping.faults import fault_planes, programmed_weights, wrong_weights
from hypothesis import given
from hypothesis import strategies as st

from edgebnn.chip.instance import ChipInstance
from edgebnn.chip.intervals import exact_interval
from edgebnn.errors import TargetError
from edgebnn.network import Linear, Network, WeightKind
from tests.mapping.test_planner import dense, mapped_on
from tests.networks import networks


def test_the_share_of_wrong_bits_is_the_bit_error_rate() -> None:
    planes = ChipInstance(seed=5, bit_error_rate=0.033).fault_planes(banks=400, rows=32)
    bits = 400 * 1024
    # 99.99 % of all seeds would pass a two-sided test this wide; the seed is fixed.
    low, high = exact_interval(planes.wrong_bits, bits)
    assert low - 0.001 < 0.033 < high + 0.001


def test_a_higher_rate_keeps_the_errors_of_a_lower_one() -> None:
    low = ChipInstance(7, 0.01).fault_planes(20, 32)
    high = ChipInstance(7, 0.1).fault_planes(20, 32)
    assert low.wrong_bits < high.wrong_bits
    assert np.all(low.wrong & ~high.wrong == 0)


def test_banks_are_drawn_each_by_itself() -> None:
    few, many = ChipInstance(7, 0.1).fault_planes(3, 32), ChipInstance(7, 0.1).fault_planes(9, 32)
    assert np.array_equal(few.wrong, many.wrong[:3])
    assert not np.array_equal(many.wrong[0], many.wrong[1])


def in_rram(network: Network) -> list[Linear]:
    return [node for node in network.linear if node.weight_kind is not WeightKind.INT8]


@given(networks(), st.integers(0, 2**62))
def test_no_errors_leave_the_weights_and_all_errors_change_every_one(network: Network, seed: int) -> None:
    mapped = mapped_on(network)
    none = programmed_weights(mapped, fault_planes(mapped, ChipInstance(seed, 0.0)))
    assert wrong_weights(mapped, none) == 0
    every = programmed_weights(mapped, fault_planes(mapped, ChipInstance(seed, 1.0)))
    assert wrong_weights(mapped, every) == sum(node.weights.size for node in in_rram(network))


@given(networks(), st.integers(0, 2**62))
def test_ternary_weights_move_to_neighbours_and_binary_ones_flip(network: Network, seed: int) -> None:
    mapped = mapped_on(network)
    read = programmed_weights(mapped, fault_planes(mapped, ChipInstance(seed, 0.3)))
    assert read.keys() == {node.name for node in in_rram(network)}
    for node in in_rram(network):
        jump = np.abs(read[node.name].astype(int) - node.weights)
        assert set(np.unique(jump)) <= ({0, 2} if node.weight_kind is WeightKind.BINARY else {0, 1})


def test_a_target_without_rram_has_no_chip_instances() -> None:
    with pytest.raises(TargetError, match="keeps its weights in flash"):
        fault_planes(mapped_on(dense(4, 4), "cortex-m4"), ChipInstance(0, 0.1))


@pytest.mark.parametrize(("seed", "rate"), [(-1, 0.1), (0, -0.1), (0, 1.5), (2**64, 0.1), (0, float("nan"))])
def test_seeds_and_rates_out_of_range_are_refused(seed: int, rate: float) -> None:
    with pytest.raises(TargetError, match="out of range"):
        ChipInstance(seed, rate)
