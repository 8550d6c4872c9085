"""Which bank takes which tile is free: it changes no answer, and a chip's errors are those of the banks chosen."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebnn.chip.errors.programming import program
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorModel
from edgebnn.chip.study.chip_comparison import uniform_pattern
from edgebnn.chip.target.target import Target
from edgebnn.chip.target_files.loading import load_target
from edgebnn.chip.target_files.settings import with_settings
from edgebnn.codegen.project import render_project
from edgebnn.emulator.fast import FastPath
from edgebnn.emulator.sensed_layers import sensed_layers
from edgebnn.errors import DeploymentError, FitError, TargetError
from edgebnn.mapping.allocation import Allocation
from edgebnn.mapping.floorplan import floorplan_svg
from edgebnn.mapping.lifting import misread_share, wrong_weights
from edgebnn.mapping.memory_map import memory_map_json, memory_map_markdown
from edgebnn.mapping.programmed import pattern_of, programmed_banks
from edgebnn.mapping.record import binary_files, decode, encode, record_of, restore
from edgebnn.network import Network, WeightKind, interpret
from tests.codegen.projects import beat_network
from tests.mapping.allocations import scattered, scattered_on
from tests.mapping.test_planner import dense, mapped_on
from tests.networks import Builder, networks, random_inputs

ERRORS = (ErrorModel.BER, ErrorModel.TABLE, ErrorModel.DEVICE)


@pytest.fixture(scope="module")
def small() -> Target:
    """A chip of 64 banks."""
    return with_settings(load_target("rram130"), {"array.banks": (64, "banks"), "array.parallel_banks": (64, "banks")})


@given(networks(max_layers=2), st.integers(0, 2**32), st.sampled_from(ERRORS))
@settings(max_examples=8)
def test_no_score_depends_on_the_banks(network: Network, seed: int, errors: ErrorModel) -> None:
    mapped, x = scattered_on(network, seed), random_inputs(network, seed, 5)
    assert mapped.plan.banks == mapped_on(network).plan.banks
    np.testing.assert_array_equal(FastPath(mapped).run(x), interpret(network, x))
    banks = programmed_banks(mapped, ChipInstance(seed, errors=errors, read_error_rate=0.01, policy="low-energy"))
    expected = interpret(network, x, sensed_layers(mapped, banks, 3))
    np.testing.assert_array_equal(FastPath(mapped).run(x, banks, first_inference=3), expected)


@pytest.mark.parametrize("errors", ERRORS)
def test_a_tile_meets_the_cells_of_its_bank(errors: ErrorModel, small: Target) -> None:
    """Each cell answers as it does on the same chip full of its own weight."""
    chip = ChipInstance(5, 0.1 if errors is not ErrorModel.DEVICE else None, errors, policy="ultra-low-energy")
    full = {
        sign: program(chip, small, uniform_pattern(sign, 64, small.array.geometry), "strong")  # type: ignore[union-attr]
        for sign in (1, -1)
    }
    mapped = scattered_on(dense(70, 40), 1, small)
    banks, pattern = programmed_banks(mapped, chip), pattern_of(mapped)
    stripes = [tile.bank for tile in mapped.linear_stages["fc"].tiles]
    assert stripes != sorted(stripes)
    wrong = 0
    for stripe, tile in zip(stripes, mapped.linear_stages["fc"].tiles, strict=True):
        rows = stripe, slice(tile.neurons)
        meant = pattern.sign[rows][:, np.newaxis]
        alone = full[1].sign[rows] & meant | full[-1].sign[rows] & ~meant
        assert np.array_equal(banks.sign[rows], alone)
        inputs = np.uint32((1 << tile.inputs) - 1)
        wrong += int(np.bitwise_count((banks.sign[rows][:, 1] ^ pattern.sign[rows]) & inputs).sum())
    assert wrong_weights(mapped, banks) == wrong > 0
    if len(banks.tables) == 0:
        assert misread_share(mapped, banks) == wrong / (70 * 40)


def test_what_reads_add_is_counted_in_the_banks_chosen(small: Target) -> None:
    chip = ChipInstance(5, 0.0, read_error_rate=0.01)
    for mapped in (mapped_on(dense(70, 40), small), scattered_on(dense(70, 40), 1, small)):
        assert misread_share(mapped, programmed_banks(mapped, chip)) == pytest.approx(0.01)


def test_banks_in_their_own_order_are_the_default() -> None:
    network = beat_network()
    default = mapped_on(network)
    named = mapped_on(network, allocation=Allocation(policy="strong", banks=tuple(range(default.plan.banks))))
    assert (named.plan, named.image, named.allocation) == (default.plan, default.image, default.allocation)


def test_maps_and_headers_name_the_banks_chosen() -> None:
    network = dense(70, 32)  # three tiles
    one, other = (mapped_on(network, allocation=Allocation(banks=banks)) for banks in ((4001, 5, 9), (5, 6, 7)))
    layer = json.loads(memory_map_json(one))["layers"][0]
    assert layer["banks"] == {"first": 5, "last": 4001, "count": 3}
    assert [tile["bank"] for tile in layer["tiles"]] == [4001, 5, 9]
    told = {"3 of 5 to 4001": (one, "3 of banks 5 to 4001"), "5 to 7 (3)": (other, ", banks 5 to 7<")}
    for table, (mapped, picture) in told.items():
        assert table in memory_map_markdown(mapped).decode() and picture in floorplan_svg(mapped).decode()
    first, second = (render_project(mapped)["include/memory_map.h"].decode() for mapped in (one, other))
    assert "FC_FIRST_BANK" not in first and "model_weights.layer0_fc_banks has them" in first
    assert "FC_FIRST_BANK 5\n" in second and "_BANKS 3\n" in first and "_BANKS 3\n" in second
    assert "4001, 5, 9" in render_project(one)["src/weights.c"].decode()


def mixed_kinds() -> Network:
    """A layer in RRAM between two with weights of 8 bits, the last one in RRAM again."""
    builder = Builder(dense(40, 1).inputs[0].tensor, np.random.default_rng(0))
    for kind in (WeightKind.INT8, WeightKind.BINARY, WeightKind.INT8):
        builder.linear(40 if kind is WeightKind.BINARY else 64, kind)
        builder.threshold()
    builder.linear(3)
    return builder.network()


def names(network: Network, kind: WeightKind) -> list[str]:
    return [node.name for node in network.linear if node.weight_kind is kind]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "too few": ({"banks": (0, 1)}, r"has 6 tiles on target 'rram130', and banks were named for 2; name one for each"),
    "twice": ({"banks": (7, 1, 2, 7, 4, 5)}, r"bank 7 was named for two tiles of network .*; it holds one"),
    "beyond": ({"banks": (0, 1, 2, 4096, 4, 5)}, r"bank 4096 is none of target 'rram130', which has 4096"),
    "negative": ({"banks": (0, 1, 2, -1)}, r">= 0.*\$\.banks\[3\]"),
    "huge": ({"banks": (0, 1, 2, 10**5000)}, r"\$\.banks\[3\]"),
    "no number": ({"banks": ("a",)}, r"Expected `int`, got `str`.*\$\.banks\[0\]"),
    "unknown layer": ({"policies": {"nothing": "strong"}}, r"has no layer of the name 'nothing'"),
    "unknown policy": ({"policies": {"BINARY": "gentle"}}, r"no programming policy 'gentle'; it has: strong, nominal"),
    "int8": ({"policies": {"INT8": "strong"}}, r"has weights of 8 bits, which lie in flash"),
    "no weights": ({"policies": {"THRESHOLD": "strong"}}, r"no layer in RRAM of the name"),
    "no text": ({"policies": {"BINARY": 3}}, r"Expected `str`, got `int`"),
}


def refused(case: str, network: Network) -> dict[str, Any]:
    """The fields of an allocation, names of the network's own nodes in them."""
    known = {
        "BINARY": names(network, WeightKind.BINARY)[0],
        "INT8": names(network, WeightKind.INT8)[0],
        "THRESHOLD": next(node.name for node in network.nodes if node.kind == "threshold"),
    }
    fields, _ = REFUSED[case]
    policies = {known.get(layer, layer): policy for layer, policy in fields.get("policies", {}).items()}
    return fields | ({"policies": policies} if policies else {})


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_carried_out_is_refused_by_name(case: str) -> None:
    network = mixed_kinds()
    with pytest.raises((FitError, TargetError), match=REFUSED[case][1]):
        mapped_on(network, allocation=Allocation(**refused(case, network)))


@pytest.mark.parametrize("case", REFUSED)
def test_a_record_that_says_so_is_damaged(case: str) -> None:
    network = mixed_kinds()
    document = json.loads(encode(record_of(mapped := mapped_on(network), None, {})))
    document |= json.loads(json.dumps(refused(case, network) if case != "huge" else {"banks": [0, 1, 2, 10**400]}))
    message = r"\$\.banks\[3\]|out of range" if case == "huge" else REFUSED[case][1]
    with pytest.raises(DeploymentError, match=rf"({message}).*compile again"):
        restore(decode(json.dumps(document).encode(), "x"), binary_files(mapped), "x")


def test_a_choice_needs_rram() -> None:
    for allocation in (Allocation(policies={"fc": "strong"}), Allocation(banks=(0,))):
        with pytest.raises(FitError, match=r"target 'cortex-m4' has no RRAM, so it takes no .*; leave"):
            mapped_on(dense(4, 4), "cortex-m4", allocation)


def test_a_close_name_is_proposed() -> None:
    with pytest.raises(FitError, match=r"no layer of the name 'fcc'.*did you mean 'fc'\?"):
        mapped_on(dense(4, 4), allocation=Allocation(policies={"fcc": "strong"}))


@given(networks(), st.integers(0, 2**32))
@settings(max_examples=10)
def test_a_record_restores_the_allocation(network: Network, seed: int) -> None:
    target = load_target("rram130")
    layers, policies = list(mapped_on(network).linear_stages), list(target.policies)
    chosen = np.random.default_rng(seed).integers(0, len(policies), len(layers))
    policies_of = {layer: policies[index] for layer, index in zip(layers, chosen, strict=True)}
    banks = scattered(network, target, seed).banks
    mapped = mapped_on(network, target, Allocation(policy="nominal", policies=policies_of, banks=banks))
    assert {layer: stage.policy for layer, stage in mapped.linear_stages.items()} == policies_of
    again = restore(decode(encode(record_of(mapped, None, {})), "x"), binary_files(mapped), "x")
    assert (again.plan, again.allocation) == (mapped.plan, mapped.allocation)


def test_a_record_of_another_version_says_so() -> None:
    """Its kernels and its plan are others, so it is not called damaged."""
    mapped = mapped_on(beat_network(), allocation=Allocation(policy="low-energy"))
    document = json.loads(encode(record_of(mapped, None, {})))
    del document["policies"], document["banks"]
    with pytest.raises(DeploymentError, match="of another version of edgebnn"):
        decode(json.dumps(document | {"schema": 4}).encode(), "x")
    with pytest.raises(DeploymentError, match="compile again"):
        decode(json.dumps(document).encode(), "x")
