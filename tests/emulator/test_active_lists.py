"""The kernel that lists active inputs takes the most instructions where about half of them are."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from edgebnn.codegen.build import build_firmware
from edgebnn.codegen.project import render_project
from edgebnn.emulator.soc import Soc
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.network import Kind, Tensor, Window, interpret
from tests.codegen.projects import mapped_on
from tests.networks import Builder

INPUTS, NEURONS = 1024, 256
CHANNELS, PIXELS, TAPS = 32, 64, 8


@pytest.fixture(scope="module")
def chip() -> Iterator[tuple[Soc, MappedNetwork]]:
    builder = Builder(Tensor("x", Kind.BITS, (INPUTS,), -1, 1), np.random.default_rng(5))
    builder.linear(NEURONS)
    yield from booted(builder)


@pytest.fixture(scope="module")
def convolution() -> Iterator[tuple[Soc, MappedNetwork]]:
    builder = Builder(Tensor("x", Kind.BITS, (CHANNELS, PIXELS), -1, 1), np.random.default_rng(5))
    builder.linear(32, window=Window((TAPS,), (1,), (1,), (0,), (0,)))
    yield from booted(builder)


def booted(builder: Builder) -> Iterator[tuple[Soc, MappedNetwork]]:
    """The layer in front of two neurons, on a Cortex-M4."""
    builder.threshold()
    builder.flatten()
    builder.linear(2)
    mapped = mapped_on(builder.network(), "cortex-m4")
    assert next(iter(mapped.linear_stages.values())).kernel == "list"
    with Soc(mapped, build_firmware(render_project(mapped), mapped.target).elf) as soc:
        soc.boot()
        yield soc, mapped


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


def test_no_half_of_the_inputs_of_a_convolution_takes_much_more_than_one_at_random(
    convolution: tuple[Soc, MappedNetwork],
) -> None:
    soc, mapped = convolution
    rng = np.random.default_rng(1)
    windows = np.minimum.reduce([np.arange(PIXELS) + 1, PIXELS - np.arange(PIXELS), np.full(PIXELS, TAPS)])
    half = CHANNELS * PIXELS // 2

    def taken(order: np.ndarray, active: int) -> int:
        x = np.full((1, CHANNELS * PIXELS), -1, np.int8)
        x[0, order[:active]] = 1
        x = x.reshape(1, PIXELS, CHANNELS).transpose(0, 2, 1)
        scores, events = soc.infer(x)
        assert np.array_equal(scores, interpret(mapped.network, x))
        return events.instructions

    at_random = max(taken(rng.permutation(2 * half), half) for _ in range(3))
    most_seen = np.repeat(windows, CHANNELS)
    for spread in (0.0, 0.5, 1.0, 2.0, 4.0, 8.0):  # from the middle of the signal alone to all of it
        order = np.argsort(-most_seen - spread * rng.normal(size=2 * half), kind="stable")
        for active in (half - 60, half, half + 60):
            assert taken(order, active) < 1.1 * at_random
            assert taken(order[::-1], active) < 1.1 * at_random  # the ends of the signal first
    for active in (0, 500, half - 200, half + 200, 1600, 2 * half):
        assert taken(rng.permutation(2 * half), active) < at_random
