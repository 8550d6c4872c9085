"""Verifying a share: the words that matter most get further attempts, all others one, in every executor alike."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebnn.chip.banks.pattern import EMPTY
from edgebnn.chip.errors.programming import programming_cost
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorModel
from edgebnn.chip.study.resistance_export import resistance_csv
from edgebnn.codegen.build import build_firmware
from edgebnn.codegen.project import render_project
from edgebnn.emulator.fast import FastPath
from edgebnn.emulator.firmware import run_firmware
from edgebnn.emulator.sensed_layers import sensed_layers
from edgebnn.errors import EdgeBNNError, FitError
from edgebnn.mapping.allocation import Allocation
from edgebnn.mapping.lifting import wrong_weights
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.memory_map import memory_map_json
from edgebnn.mapping.programmed import pattern_of, programmed_banks
from edgebnn.mapping.record import binary_files, decode, encode, record_of, restore
from edgebnn.mapping.verifying import most_harmful, verified_in_part
from edgebnn.network import Network, interpret
from tests.codegen.projects import beat_network
from tests.mapping.test_planner import dense, mapped_on
from tests.networks import networks, random_inputs

POLICY = "ultra-low-energy"
ONCE, THRICE = (ChipInstance(5, errors=ErrorModel.DEVICE, attempts=n) for n in (1, 3))


def in_part(network: Network, share: float, attempts: dict[str, int] | None = None) -> MappedNetwork:
    mapped = mapped_on(network, allocation=Allocation(policy=POLICY, attempts=attempts or {}))
    return verified_in_part(mapped, None, random_inputs(network, 1, 20), 1, share)


@given(networks(max_layers=2), st.integers(0, 2**32), st.sampled_from((0.0, 0.3, 1.0)))
@settings(max_examples=8)
def test_reference_and_fast_path_read_the_same_rows(network: Network, seed: int, share: float) -> None:
    mapped, x = in_part(network, share), random_inputs(network, seed, 5)
    banks = programmed_banks(mapped, THRICE)
    expected = interpret(network, x, sensed_layers(mapped, banks, 0))
    assert np.array_equal(FastPath(mapped).run(x, banks), expected)


def test_chosen_words_are_as_if_all_were_verified_and_others_as_if_none_was() -> None:
    network = dense(200, 70)
    mapped, whole = in_part(network, 0.25), mapped_on(network, allocation=Allocation(policy=POLICY))
    pattern = pattern_of(mapped)
    assert pattern.attempts is not None
    chosen = pattern.attempts == 0
    held = pattern.kind != EMPTY
    assert (chosen & held).sum() == held.sum() // 4 and set(pattern.attempts[held].tolist()) == {0, 1}
    found, once, thrice = (
        programmed_banks(each, chip).sign for each, chip in ((mapped, THRICE), (whole, ONCE), (whole, THRICE))
    )
    assert np.array_equal(found[held & chosen], thrice[held & chosen])
    assert np.array_equal(found[held & ~chosen], once[held & ~chosen])
    assert (once != thrice)[held & chosen].any() and (once != thrice)[held & ~chosen].any()


def test_energy_and_time_are_those_of_the_attempts_made() -> None:
    network = dense(200, 70)
    costs, left = [], []
    for share in (0.0, 0.25, 1.0):
        mapped = in_part(network, share)
        costs.append(programming_cost(THRICE, mapped.target, pattern_of(mapped), POLICY))
        left.append(wrong_weights(mapped, programmed_banks(mapped, THRICE)))
    energies, times = [cost.energy.total_j for cost in costs], [cost.time_s for cost in costs]
    assert energies[0] < energies[1] < energies[2] and times[0] < times[1] < times[2] and left[0] > left[1] > left[2]
    plain = mapped_on(network, allocation=Allocation(policy=POLICY))
    for cost, chip in ((costs[0], ONCE), (costs[2], THRICE)):
        alone = programming_cost(chip, plain.target, pattern_of(plain), POLICY)
        assert (alone.energy.total_j, alone.time_s) == (cost.energy.total_j, cost.time_s)


def test_a_layer_has_a_limit_of_its_own() -> None:
    network = dense(200, 70)
    limited = mapped_on(network, allocation=Allocation(policy=POLICY, attempts={"fc": 2}))
    plain = mapped_on(network, allocation=Allocation(policy=POLICY))
    for attempts, as_if in ((1, 1), (2, 2), (3, 2), (9, 2)):
        chip, other = (ChipInstance(5, errors=ErrorModel.DEVICE, attempts=n) for n in (attempts, as_if))
        assert np.array_equal(programmed_banks(limited, chip).sign, programmed_banks(plain, other).sign)
    exported, expected = (
        b"".join(resistance_csv(chip, each.target, POLICY, pattern_of(each)))
        for chip, each in ((ChipInstance(5, errors=ErrorModel.DEVICE, attempts=9), limited),
                           (ChipInstance(5, errors=ErrorModel.DEVICE, attempts=2), plain))
    )  # fmt: skip
    assert exported == expected


def test_the_firmware_verifies_the_same_rows() -> None:
    network = beat_network()
    first, *_ = (node.name for node in network.linear)
    mapped, x = in_part(network, 0.5, {first: 2}), random_inputs(network, 3, 4)
    pytest.importorskip("ziglang", reason="cross compiling needs the PyPI package ziglang")
    pytest.importorskip("unicorn", reason="the emulated CPU needs the PyPI package unicorn")
    elf, plain = (
        build_firmware(render_project(each), each.target, "auto").elf
        for each in (mapped, mapped_on(network, allocation=Allocation(policy=POLICY)))
    )
    assert elf is not None and plain is not None
    banks = programmed_banks(mapped, THRICE)
    assert np.array_equal(run_firmware(mapped, elf, x, banks).scores, FastPath(mapped).run(x, banks))
    with pytest.raises(EdgeBNNError, match="another limit of attempts"):
        run_firmware(mapped, plain, x, banks)


def test_words_that_do_most_harm_are_taken() -> None:
    harm = {"a": np.array([[1.0, 9.0], [0.0, 3.0]]), "b": np.array([[5.0, 2.0]])}
    assert most_harmful(harm, 0.5) == {"a": (1, 3), "b": (0,)}
    assert most_harmful(harm, 0.49) == {"a": (1,), "b": (0,)}
    assert most_harmful(harm, 0.0) == {"a": (), "b": ()}
    assert most_harmful(harm, 1.0) == {"a": (0, 1, 3), "b": (0, 1)}  # a word that does none is left out


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "unknown layer": ({"attempts": {"nothing": 2}}, "has no layer of the name 'nothing'"),
    "no attempt": ({"attempts": {"fc": 0}}, r">= 1.*\$\.attempts"),
    "too many": ({"attempts": {"fc": 101}}, r"<= 100.*\$\.attempts"),
    "unknown words": ({"verified": {"nothing": (0,)}}, "has no layer of the name 'nothing'"),
    "falling": ({"verified": {"fc": (3, 1)}}, "of layer 'fc' are no rising numbers below 12"),
    "twice": ({"verified": {"fc": (3, 3)}}, "of layer 'fc' are no rising numbers below 12"),
    "beyond": ({"verified": {"fc": (0, 12)}}, "of layer 'fc' are no rising numbers below 12"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_verified_is_refused(case: str) -> None:
    fields, message = REFUSED[case]
    with pytest.raises(FitError, match=message):
        mapped_on(dense(70, 4), allocation=Allocation(**fields))
    document = json.loads(encode(record_of(mapped := mapped_on(dense(70, 4)), None, {})))
    with pytest.raises(EdgeBNNError, match="compile again"):
        restore(decode(json.dumps(document | fields).encode(), "x"), binary_files(mapped), "x")


def test_without_rram_nothing_is_verified() -> None:
    for fields in ({"attempts": {"fc": 2}}, {"verified": {"fc": (0,)}}):
        with pytest.raises(FitError, match=r"has no RRAM, so it takes no .*; leave out (attempts|verify_share)"):
            mapped_on(dense(4, 4), "cortex-m4", Allocation(**fields))  # type: ignore[arg-type]


def test_a_record_and_the_map_hold_the_choice() -> None:
    mapped = in_part(dense(200, 70), 0.1, {"fc": 4})
    again = restore(decode(encode(record_of(mapped, None, {})), "x"), binary_files(mapped), "x")
    assert (again.plan, again.image, again.allocation) == (mapped.plan, mapped.image, mapped.allocation)
    layer = json.loads(memory_map_json(mapped))["layers"][0]
    assert (layer["attempts"], layer["verified_words"]) == (4, 49)
    assert json.loads(memory_map_json(mapped_on(dense(4, 4))))["layers"][0]["verified_words"] is None
