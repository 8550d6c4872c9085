"""Which activations take the kernel that lists inputs the most instructions; those of subsets all take the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from edgebnn.codegen.build import build_firmware
from edgebnn.codegen.project import render_project
from edgebnn.emulator.soc import Soc
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.network import Kind, Tensor, Window, interpret
from tests.codegen.projects import mapped_on
from tests.networks import Builder

Counted = Callable[[npt.NDArray[Any]], int]

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


def booted(builder: Builder, kernel: str = "list") -> Iterator[tuple[Soc, MappedNetwork]]:
    """The layer in front of two neurons, on a Cortex-M4."""
    builder.threshold()
    if len(builder.last.shape) > 1:
        builder.flatten()
    builder.linear(2)
    mapped = mapped_on(builder.network(), "cortex-m4")
    assert next(iter(mapped.linear_stages.values())).kernel == kernel
    with Soc(mapped, build_firmware(render_project(mapped), mapped.target).elf) as soc:
        soc.boot()
        yield soc, mapped


def instructions(chip: tuple[Soc, MappedNetwork], x: npt.NDArray[np.int8]) -> int:
    """Of one sample, whose scores are those of the interpreter."""
    soc, mapped = chip
    scores, events = soc.infer(x[np.newaxis])
    assert np.array_equal(scores, interpret(mapped.network, x[np.newaxis]))
    return events.instructions


def test_half_of_the_inputs_active_is_the_worst_case(chip: tuple[Soc, MappedNetwork]) -> None:
    taken = {}
    for active in (0, 100, 400, 505, 512, 520, 620, 900, INPUTS):
        x = np.full(INPUTS, -1, np.int8)
        x[np.random.default_rng(active).permutation(INPUTS)[:active]] = 1
        taken[active] = instructions(chip, x)
    # A list of a length that fills no block has a few more for its last words.
    assert max(taken.values()) < 1.03 * taken[512]
    assert taken[0] < taken[100] < taken[400] < taken[512] > taken[620] > taken[900] > taken[INPUTS]
    # 5.3 for 32 products, the second layer included; 14.6 by rows.
    assert taken[512] < 5.3 * INPUTS * NEURONS / 32


def test_no_half_of_the_inputs_of_a_convolution_takes_much_more_than_one_at_random(
    convolution: tuple[Soc, MappedNetwork],
) -> None:
    rng = np.random.default_rng(1)
    windows = np.minimum.reduce([np.arange(PIXELS) + 1, PIXELS - np.arange(PIXELS), np.full(PIXELS, TAPS)])
    half = CHANNELS * PIXELS // 2

    def taken(order: np.ndarray, active: int) -> int:
        x = np.full(CHANNELS * PIXELS, -1, np.int8)
        x[order[:active]] = 1
        return instructions(convolution, x.reshape(PIXELS, CHANNELS).T)

    at_random = max(taken(rng.permutation(2 * half), half) for _ in range(3))
    most_seen = np.repeat(windows, CHANNELS)
    for spread in (0.0, 0.5, 1.0, 2.0, 4.0, 8.0):  # from the middle of the signal alone to all of it
        order = np.argsort(-most_seen - spread * rng.normal(size=2 * half), kind="stable")
        for active in (half - 60, half, half + 60):
            assert taken(order, active) < 1.1 * at_random
            assert taken(order[::-1], active) < 1.1 * at_random  # the ends of the signal first
    for active in (0, 500, half - 200, half + 200, 1600, 2 * half):
        assert taken(rng.permutation(2 * half), active) < at_random


@contextmanager
def layer(entry: Tensor, neurons: int, window: Window | None = None, kernel: str = "list") -> Iterator[Counted]:
    """Counts the instructions of samples of a layer, and of the two neurons behind it."""
    builder = Builder(entry, np.random.default_rng(5))
    builder.linear(neurons, window=window)
    with contextmanager(booted)(builder, kernel) as chip:
        yield lambda x: instructions(chip, x.astype(np.int8))


def trits(rng: np.random.Generator, shape: tuple[int, ...], zeros: float, plus: float = 0.5) -> npt.NDArray[np.int8]:
    """A share of 0, and of +1 among the others."""
    return np.where(rng.random(shape) < zeros, 0, np.where(rng.random(shape) < plus, 1, -1)).astype(np.int8)


def test_zeros_alone_are_the_worst_case_of_trits() -> None:
    """Each 0 is listed, and of the others those that are fewer."""
    shape, rng = (512,), np.random.default_rng(0)
    with layer(Tensor("x", Kind.TRITS, shape, -1, 1), 64) as taken:
        most = taken(np.zeros(shape))
        for zeros in (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99):
            for plus in (0.0, 0.25, 0.5, 0.75, 1.0):
                assert taken(trits(rng, shape, zeros, plus)) < 1.03 * most
        thirds = taken(trits(rng, shape, 1 / 3))
        assert taken(trits(rng, shape, 0)) < thirds < 0.9 * most


def test_zeros_alone_are_about_the_worst_case_of_a_convolution_of_trits() -> None:
    """Lists whose lengths fill no block take a little more: by the windows' luck up to 8 %."""
    shape, rng = (32, 8, 8), np.random.default_rng(0)
    with layer(Tensor("x", Kind.TRITS, shape, -1, 1), 32, Window((3, 3), (1, 1), (1, 1), (1, 1), (1, 1))) as taken:
        most = taken(np.zeros(shape))
        for zeros in (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.97):
            for plus in (0.0, 0.5):
                assert taken(trits(rng, shape, zeros, plus)) < 1.08 * most


@pytest.mark.parametrize(("side", "pad"), [(3, 0), (3, 1), (5, 0)])
def test_the_half_that_most_windows_see_is_the_worst_case_of_a_two_dimensional_convolution(side: int, pad: int) -> None:
    """It takes no more above half of the inputs at random than it is seen above all of them, in the mean."""
    shape, rng = (32, 8, 8), np.random.default_rng(0)
    along = np.convolve(np.ones(8 + 2 * pad - side + 1), np.ones(side))[pad : pad + 8]
    seen = np.outer(along, along)
    more = np.sort(seen, axis=None)[seen.size // 2 :].mean() / seen.mean()
    assert 1.1 < more < 1.6
    with layer(
        Tensor("x", Kind.BITS, shape, -1, 1), 32, Window((side,) * 2, (1, 1), (1, 1), (pad,) * 2, (pad,) * 2)
    ) as taken:
        at_random = max(taken(np.where(rng.random(shape) < 0.5, 1, -1)) for _ in range(3))
        for share in (0.0, 0.2, 0.4, 0.45, 0.55, 0.6, 0.8, 1.0):
            assert taken(np.where(rng.random(shape) < share, 1, -1)) < 1.02 * at_random
        inner = []
        for spread in (0.0, 0.5, 1.0, 2.0, 4.0):
            order = seen + spread * rng.normal(size=shape) + 1e-6 * rng.random(shape)
            inner += [taken(np.where(order > np.quantile(order, share), 1, -1)) for share in (0.49, 0.51, 0.6)]
        assert at_random < max(inner) < more * at_random


@pytest.mark.parametrize(("low", "high"), [(0, 3), (-8, 7)])
def test_values_at_random_are_the_worst_case_of_several_bits(low: int, high: int) -> None:
    """Half of all planes' bits are set; the same value everywhere sets them in some planes, and in others none."""
    shape, rng = (512,), np.random.default_rng(0)
    with layer(Tensor("x", Kind.INTEGERS, shape, low, high), 128) as taken:
        at_random = max(taken(rng.integers(low, high, shape, endpoint=True)) for _ in range(3))
        for value in range(low, high + 1):
            assert taken(np.full(shape, value)) < 1.02 * at_random
        for share in (0.0, 0.25, 0.45, 0.5, 0.55, 0.75, 1.0):
            assert taken(np.where(rng.random(shape) < share, high, low)) < 1.02 * at_random
        assert taken(np.full(shape, low)) < 0.9 * at_random


@pytest.mark.parametrize("window", [None, Window((5,), (1,), (1,), (2,), (2,))], ids=["dense", "convolution"])
def test_sums_of_subsets_take_as_long_for_any_values(window: Window | None) -> None:
    shape, rng = (64,) if window is None else (4, 40), np.random.default_rng(0)
    with layer(Tensor("x", Kind.INTEGERS, shape, -128, 127), 32, window, "subsets") as taken:
        values = [np.full(shape, value) for value in (-128, -1, 0, 1, 127)]
        found = [taken(x) for x in (*values, *(rng.integers(-128, 127, shape, endpoint=True) for _ in range(5)))]
        assert max(found) < 1.02 * min(found)
