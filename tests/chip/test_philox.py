"""Philox4x32-10: the known answers of its authors, draws that differ by place, and its twins in C."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import numpy as np
import pytest

import build_native  # of the source tree, not of the package; pytest puts its folder on the path
from edgebnn.chip.device.cell_counts import Kernel, has_kernel
from edgebnn.chip.random.philox import EVENTS, Domain, draw, philox
from edgebnn.native import library
from edgebnn.resources import resource_folder
from edgebnn.words import Words

FULL = 0xFFFFFFFF

# Random123's kat_vectors: counter, key (k0 the low half), words.
KNOWN_ANSWERS = [
    ((0, 0, 0, 0), 0, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((FULL, FULL, FULL, FULL), (1 << 64) - 1, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        0x299F31D0_A4093822,
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN_ANSWERS)
def test_the_known_answers(counter: tuple[int, ...], key: int, words: tuple[int, ...]) -> None:
    found = philox(np.array(counter, np.uint32), key)
    assert found.dtype == np.uint32
    assert found.tolist() == list(words)


def test_a_draw_is_the_words_of_the_counter_that_the_module_describes() -> None:
    counter = np.array([7 << 5 | 3, 11, 0x89ABCDEF, 3 << 24 | 5 << 16 | 0x4567], np.uint32)
    drawn = draw(99, Domain.PROGRAM, 7 << 5 | 3, 11, 0x4567_89ABCDEF, block=5)
    np.testing.assert_array_equal(drawn, philox(counter, 99))


def test_every_part_of_a_place_and_event_makes_another_draw() -> None:
    draws = [
        draw(seed, domain, bank_row, within, event, block)
        for seed in (0, 1, 1 << 32)
        for domain in Domain
        for bank_row in (0, 1, 1 << 5, FULL)
        for within in (0, 1)
        for event in (0, 1, 1 << 32, EVENTS - 1)
        for block in (0, 1, 255)
    ]
    assert len({tuple(words.tolist()) for words in draws}) == len(draws)


def test_the_arguments_of_a_draw_are_broadcast() -> None:
    many = draw(5, Domain.READ, np.arange(3)[:, np.newaxis], np.arange(4), event=2)
    assert many.shape == (3, 4, 4)
    np.testing.assert_array_equal(many[2, 1], draw(5, Domain.READ, 2, 1, event=2))


def known_and_random_counters() -> list[tuple[Words, int]]:
    """Counters uint32 (8, 4), the known ones among them, and keys."""
    rng = np.random.default_rng(0)
    found = []
    for key in [*(key for _, key, _ in KNOWN_ANSWERS), *rng.integers(0, 1 << 63, 50).tolist()]:
        counters = rng.integers(0, 1 << 32, (8, 4), np.uint64).astype(np.uint32)
        counters[: len(KNOWN_ANSWERS)] = [counter for counter, _, _ in KNOWN_ANSWERS]
        found.append((counters, key))
    return found


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The inline functions of `ebnn_philox.h` in a library of their own."""
    compiler = build_native.find_compiler()
    if compiler is None:
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("twin")
    source, include = Path(__file__).with_name("philox_twin.c"), f"-I{resource_folder('runtime') / 'chip'}"
    command = [*compiler.command, *build_native.FLAGS, include, str(source), "-o", str(folder / "twin.so")]
    subprocess.run(command, check=True, cwd=folder)
    native = ctypes.CDLL(str(folder / "twin.so"))
    word, long = ctypes.c_uint32, ctypes.c_uint64
    native.philox.argtypes = [ctypes.c_void_p, long]
    native.draw.argtypes = [ctypes.c_void_p, long, word, word, word, long, word]
    return native


def test_the_c_twin_gives_the_same_words(twin: ctypes.CDLL) -> None:
    for counters, key in known_and_random_counters():
        for counter in counters:
            found = counter.copy()
            twin.philox(found.ctypes.data, key)
            np.testing.assert_array_equal(found, philox(counter, key))


def test_the_c_twin_counts_a_draw_alike(twin: ctypes.CDLL) -> None:
    for bank_row, within, event, block in (
        (0, 0, 0, 0),
        (FULL, 31, EVENTS - 1, 255),
        (123 << 5 | 4, 5, 6 << 32 | 7, 8),
    ):
        found = np.empty(4, np.uint32)
        twin.draw(found.ctypes.data, 77, Domain.DEVICE, bank_row, within, event, block)
        np.testing.assert_array_equal(found, draw(77, Domain.DEVICE, bank_row, within, event, block))


@pytest.mark.parametrize("kernel", ["portable", "avx2"])
def test_eight_rows_at_a_time_get_the_same_words(kernel: Kernel) -> None:
    if not has_kernel(kernel):
        pytest.skip(f"this processor has no {kernel}")
    rows = getattr(library(), f"ebnn_philox_rows_{kernel}")
    for counters, key in known_and_random_counters():
        found = np.ascontiguousarray(counters.T)
        rows(ctypes.c_void_p(found.ctypes.data), ctypes.c_uint64(key))
        np.testing.assert_array_equal(found.T, philox(counters, key))
