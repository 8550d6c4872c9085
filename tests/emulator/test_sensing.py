"""One read in C is one read in NumPy, and both are what the definition says, lane by lane and at the right rates."""

from __future__ import annotations

import ctypes

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebnn.chip.banks import c_structs
from edgebnn.chip.banks.c_structs import SensedBanks
from edgebnn.chip.banks.programmed_banks import ProgrammedBanks, read
from edgebnn.chip.random.normal import WHOLE
from edgebnn.chip.random.philox import Domain, draw
from edgebnn.confidence import exact_interval
from edgebnn.errors import ToolError
from edgebnn.native import library
from tests.chip.patterns import programmed
from tests.emulator.random_banks import noisy_banks

BANKS, ROWS = 3, 32
Thresholds = npt.NDArray[np.uint64]


def sense_row(sensed: SensedBanks, bank: int, row: int, inference: int, number: int, inputs: int) -> tuple[int, int]:
    """`ebnn_sense_row`."""
    sign, nonzero = ctypes.c_uint32(), ctypes.c_uint32()
    library().ebnn_sense_row(
        ctypes.c_void_p(sensed.address),
        *(ctypes.c_uint32(part) for part in (bank, row)),
        ctypes.c_uint64(inference),
        *(ctypes.c_uint32(part) for part in (number, inputs)),
        ctypes.byref(sign),
        ctypes.byref(nonzero),
    )
    return sign.value, nonzero.value


def thresholds(seed: int) -> tuple[Thresholds, Thresholds]:
    """Of a few banks: certain ones, edges, and any between, (banks, rows, 32, 2)."""
    rng = np.random.default_rng(seed)
    shape = (2, BANKS, ROWS, 32, 2)
    edges = np.array([0, 0, WHOLE, WHOLE, 1, 2, WHOLE - 1, WHOLE // 2], np.uint64)
    drawn = np.where(rng.random(shape) < 0.6, rng.choice(edges, shape), rng.integers(0, WHOLE + 1, shape, np.uint64))
    drawn[:, :, ::4] = rng.choice(np.array([0, WHOLE], np.uint64), (2, BANKS, ROWS // 4, 32, 2))  # certain rows
    drawn[1, :, 1::4] = drawn[0, :, 1::4]  # rows without zeros
    return drawn.min(axis=0), drawn.max(axis=0)


def drawn_numbers(seed: int, place: tuple[int, int], inference: int, number: int) -> list[int]:
    """u of each column, put together from its 32 bits."""
    bank, row = place
    words = [draw(seed, Domain.READ, bank << 5 | row, number, inference, block) for block in range(8)]
    bits = [int(word) for block in words for word in block]
    return [sum((bits[k] >> column & 1) << (31 - k) for k in range(32)) for column in range(32)]


def by_definition(
    minus: Thresholds, at_most_zero: Thresholds, banks: ProgrammedBanks, place: tuple[int, int], inference: int,
    number: int, inputs: int,
) -> tuple[int, int]:  # fmt: skip
    """A read of one row by its definition: u of each column is compared as a number."""
    sign = nonzero = 0
    for column, u in enumerate(drawn_numbers(banks.seed, place, inference, number if banks.each_read else 0)):
        lane = (*place, column, inputs >> column & 1)
        answer = -1 if u < minus[lane] else 0 if u < at_most_zero[lane] else 1
        sign |= (answer > 0) << column
        nonzero |= (answer != 0) << column
    return sign, nonzero


@given(
    seed=st.integers(0, 2**63 - 1),
    inference=st.integers(0, 2**48 - 1),
    number=st.integers(0, 2**32 - 1),
    inputs=st.integers(0, 2**32 - 1),
    each_read=st.booleans(),
)
def test_c_and_numpy_read_what_the_definition_says(
    seed: int, inference: int, number: int, inputs: int, each_read: bool
) -> None:
    low, high = thresholds(seed % 1000)
    banks = programmed(low, high, seed, each_read)
    sensed = SensedBanks(banks)
    for bank, row in [(0, 0), (0, 1), (1, 2), (1, 31), (2, 3), (2, 29)]:
        wanted = by_definition(low, high, banks, (bank, row), inference, number, inputs)
        assert [int(word[0]) for word in read(banks, [bank], row, number, inference, inputs)] == list(wanted)
        assert sense_row(sensed, bank, row, inference, number, inputs) == wanted


@pytest.mark.parametrize("each_read", [False, True])
def test_c_reads_every_row_as_numpy_does(each_read: bool) -> None:
    rng = np.random.default_rng(3)
    banks = programmed(*thresholds(5), 11, each_read)
    assert np.any(banks.fresh < 0) and np.any(banks.fresh >= 0)
    sensed = SensedBanks(banks)
    assert set(sensed._signs) == {0, 1}
    for inputs in (0, 0xFFFFFFFF, *map(int, rng.integers(0, 2**32, 4))):
        sign, nonzero = read(banks, *np.indices((BANKS, ROWS)), 7, 2**33 + 1, inputs)
        for place in np.ndindex(BANKS, ROWS):
            assert sense_row(sensed, *place, 2**33 + 1, 7, inputs) == (int(sign[place]), int(nonzero[place]))


@pytest.mark.parametrize("place", [(0, 5), (2, 31)])
def test_the_last_bit_of_a_number_decides_too(place: tuple[int, int]) -> None:
    """Thresholds just below, at and just above what is drawn, which no random test would meet."""
    seed, inference, number = 77, 5, 3
    numbers = np.array(drawn_numbers(seed, place, inference, number), np.uint64)
    low, high = (np.zeros((BANKS, ROWS, 32, 2), np.uint64) for _ in range(2))
    low[place] = (numbers + np.arange(32, dtype=np.uint64) % np.uint64(3))[:, np.newaxis]
    high[place] = (numbers + np.arange(32, dtype=np.uint64) % np.uint64(4))[:, np.newaxis]
    low, high = np.minimum(low, high), np.maximum(low, high)
    banks = programmed(low, high, seed)
    wanted = by_definition(low, high, banks, place, inference, number, 0x33333333)
    assert 0 < wanted[0].bit_count() < wanted[1].bit_count() < 32
    sign, nonzero = read(banks, *([part] for part in place), number, inference, 0x33333333)
    assert (int(sign[0]), int(nonzero[0])) == wanted
    assert sense_row(SensedBanks(banks), *place, inference, number, 0x33333333) == wanted


def test_fresh_reads_have_the_rates_of_their_thresholds() -> None:
    rates = np.array([1e-3, 0.02, 0.25, 0.5, 0.9])
    minus = np.zeros((1, 32, 32, 2), np.uint64)
    minus[:, : len(rates)] = np.rint(rates * WHOLE).astype(np.uint64).reshape(-1, 1, 1)
    zero = np.uint64(WHOLE // 16)
    sensed = SensedBanks(programmed(minus, minus + np.where(minus > 0, zero, np.uint64(0)), seed=20))
    reads, inputs = 4000, 0x0F0F5A5A
    for row, rate in enumerate(rates):
        answers = np.array([sense_row(sensed, 0, row, 1, number, inputs) for number in range(reads)], np.uint32)
        negative = int(np.bitwise_count(answers[:, 1] & ~answers[:, 0]).sum())
        none = int(np.bitwise_count(~answers[:, 1]).sum())
        for found, wanted in ((negative, rate), (none, 1 / 16)):
            low, high = exact_interval(found, 32 * reads, level=0.999)
            assert low < wanted < high


def test_what_tells_two_reads_apart() -> None:
    """Another read, inference, bank, row or seed draws anew; another batch, thread or order of reads does not."""
    values = np.ones((2, 32, 32), np.int8)
    each, once = (SensedBanks(noisy_banks(values, 0.3, 5, each_read)) for each_read in (True, False))
    other_seed = SensedBanks(noisy_banks(values, 0.3, 6))
    base = (1, 4, 9, 2)
    others = [(0, 4, 9, 2), (1, 5, 9, 2), (1, 4, 8, 2), (1, 4, 9 + 2**32, 2), (1, 4, 9, 3)]
    first = sense_row(each, *base, 0)
    assert first == sense_row(each, *base, 0)
    assert all(sense_row(each, *place, 0) != first for place in others)
    assert sense_row(other_seed, *base, 0) != first
    assert sense_row(once, 1, 4, 9, 2, 0) == sense_row(once, 1, 4, 9, 3, 0) == sense_row(each, 1, 4, 9, 0, 0)
    assert sense_row(once, 1, 4, 8, 2, 0) != sense_row(once, 1, 4, 9, 2, 0)


def test_a_library_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(c_structs, "Sensing", ctypes.c_uint32)
    with pytest.raises(ToolError, match="another version"):
        SensedBanks(noisy_banks(np.ones((1, 32, 32), np.int8), 0.1, 1))
