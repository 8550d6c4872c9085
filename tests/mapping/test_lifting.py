"""Weights that banks answer for: rows that every read finds as they are say the same as what is read of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebnn.chip.banks.c_structs import SensedBanks
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorKinds
from edgebnn.emulator.chip_program import weights_on_chip
from edgebnn.mapping.lifting import LiftedLayer, lift, placement_of
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.programmed import programmed_banks
from edgebnn.mapping.tiling import words_of
from edgebnn.network import Network
from tests.mapping.test_planner import dense, mapped_on
from tests.networks import networks, random_network


def check_alike(found: dict[str, LiftedLayer], expected: dict[str, LiftedLayer]) -> None:
    assert found.keys() == expected.keys()
    for one, other in ((found[name], expected[name]) for name in expected):
        for mine, read in ((one.wrong, other.wrong), (one.open, other.open)):
            np.testing.assert_array_equal(mine, read)
        assert (one.alike, one.wrong_likely, one.certain) == (other.alike, other.wrong_likely, other.certain)
        np.testing.assert_array_equal(one.rows(), other.rows())


def chip_on(mapped: MappedNetwork, seed: int, rate: float) -> ChipInstance:
    return ChipInstance(seed, rate, kinds=ErrorKinds.PROGRAMMING)


@given(networks(), st.integers(0, 2**62), st.sampled_from([0.0, 1e-3, 0.05, 0.5, 1.0]))
def test_held_rows_are_lifted_as_what_is_read_of_them(network: Network, seed: int, rate: float) -> None:
    mapped = mapped_on(network)
    banks = programmed_banks(mapped, chip_on(mapped, seed, rate))
    assert banks.held is not None and banks.certain
    placement = placement_of(mapped)
    assert placement.holds(banks.held)
    expected = placement.lift(SensedBanks(banks))
    check_alike(placement.lift_held(banks.held), expected)
    weights = weights_on_chip(mapped, banks)
    assert weights.sensed is None
    check_alike(weights.layers, expected)


def test_rows_in_another_order_are_read() -> None:
    """Banks of another deployment may have as many rows elsewhere."""
    mapped = mapped_on(random_network(3))
    banks = programmed_banks(mapped, chip_on(mapped, 1, 0.05))
    assert banks.held is not None
    elsewhere = replace(banks, held=replace(banks.held, place=banks.held.place[::-1]))
    weights = weights_on_chip(mapped, elsewhere)
    assert weights.sensed is not None
    check_alike(weights.layers, weights_on_chip(mapped, banks).layers)


def test_banks_that_err_anew_hold_no_rows() -> None:
    mapped = mapped_on(random_network(3))
    assert programmed_banks(mapped, ChipInstance(1, 0.05, read_error_rate=0.01)).held is None


@settings(max_examples=20)
@given(st.integers(1, 90), st.integers(1, 80), st.data())
def test_a_weight_is_found_that_is_read_wrong_with_inputs_of_one_sign_alone(
    inputs: int, neurons: int, data: st.DataObject
) -> None:
    """All weights are +1, so that a row that is taken for another looks as it is meant to."""
    network = dense(inputs, neurons)
    (layer,) = network.linear
    mapped = mapped_on(replace(network, nodes=(replace(layer, weights=np.ones_like(layer.weights)),)))
    banks = programmed_banks(mapped, chip_on(mapped, 1, 0.0))
    place = data.draw(st.integers(0, inputs * neurons - 1))
    neuron, at, plus = place // inputs, place % inputs, data.draw(st.booleans())
    stage = next(iter(mapped.linear_stages.values()))
    ((stripe, row),) = (
        (held.stripe, neuron - tile.neuron)
        for tile in stage.tiles
        for held in words_of(tile, banks.geometry)
        if 0 <= neuron - tile.neuron < tile.neurons and held.word == at // 32
    )
    sign = banks.sign.copy()
    sign[stripe, row, int(plus)] ^= np.uint32(1 << at % 32)
    answers = replace(banks.answers, sign=sign)
    read = replace(banks, make=lambda: answers, held=None)
    (found,) = lift(mapped, read).values()
    (wrong,) = found.wrong
    assert (wrong["neuron"], wrong["input"]) == (neuron, at)
    assert wrong["change"].tolist() == ([0, -2] if plus else [-2, 0])
    assert (found.wrong_likely, found.alike) == (int(plus), False)
