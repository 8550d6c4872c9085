"""The kernel that lists active inputs takes the most instructions where half of them are."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from edgebnn.codegen.build import build_firmware
from edgebnn.codegen.project import render_project
from edgebnn.emulator.soc import Soc
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.network import Kind, Tensor, interpret
from tests.codegen.projects import mapped_on
from tests.networks import Builder

INPUTS, NEURONS = 1024, 256


@pytest.fixture(scope="module")
def chip() -> Iterator[tuple[Soc, MappedNetwork]]:
    builder = Builder(Tensor("x", Kind.BITS, (INPUTS,), -1, 1), np.random.default_rng(5))
    builder.linear(NEURONS)
    builder.threshold()
    builder.linear(2)
    mapped = mapped_on(builder.network(), "cortex-m4")
    assert next(iter(mapped.linear_stages.values())).kernel == "list"
    with Soc(mapped, build_firmware(render_project(mapped), mapped.target).elf) as booted:
        booted.boot()
        yield booted, mapped


def test_half_of_the_inputs_active_is_the_worst_case(chip: tuple[Soc, MappedNetwork]) -> None:
    soc, mapped = chip
    taken = {}
    for active in (0, 100, 400, 505, 512, 520, 620, 900, INPUTS):
        x = np.full((1, INPUTS), -1, np.int8)
        x[0, np.random.default_rng(active).permutation(INPUTS)[:active]] = 1
        scores, events = soc.infer(x)
        assert np.array_equal(scores, interpret(mapped.network, x))
        taken[active] = events.instructions
    # A list of a length that fills no block has a few more for its last words.
    assert max(taken.values()) < 1.03 * taken[512]
    assert taken[0] < taken[100] < taken[400] < taken[512] > taken[620] > taken[900] > taken[INPUTS]
    # 5.3 for 32 products, the second layer included; 14.6 by rows.
    assert taken[512] < 5.3 * INPUTS * NEURONS / 32
