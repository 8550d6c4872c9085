"""Cells sampled in C: bit for bit those defined in NumPy, by every kernel, in any split, on every machine."""

from __future__ import annotations

import hashlib
from dataclasses import astuple, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebnn.chip.banks.geometry import SINGLE, Geometry
from edgebnn.chip.banks.programmed_banks import pack, unpack
from edgebnn.chip.device import cell_counts
from edgebnn.chip.device.cell import (
    Cell,
    HeavyTails,
    Level,
    LogNormal,
    StuckShares,
    TelegraphNoise,
    pair_rates,
)
from edgebnn.chip.device.cell_counts import (
    ALTERNATING,
    BANK_CELLS,
    MAX_SAMPLED_BANKS,
    Kernel,
    SampledErrors,
    count_errors,
    has_kernel,
    sample_cells,
    sample_resistances,
)
from edgebnn.chip.device.error_formulas import single_error_rate
from edgebnn.chip.device.resistances import BL, BLB, Devices, amplifier_offsets, telegraph_amplitudes, wanted_low
from edgebnn.chip.device.stuck_devices import drawn_sticking
from edgebnn.chip.random.normal import WHOLE, Floats, normal
from edgebnn.chip.random.philox import Domain, draw
from edgebnn.errors import TargetError, ToolError
from edgebnn.words import Words

KINDS = ("pair", "bl", "blb")
KERNELS: list[Kernel] = [kernel for kernel in ("portable", "avx2", "avx512") if has_kernel(kernel)]
each_kernel = pytest.mark.parametrize("kernel", KERNELS)

# Spreads that put some percent of the cells wrong.
CELL = Cell(
    LogNormal(9.5, 0.5, 0.6), LogNormal(12.0, 0.5, 0.6), offset=0.1, noise=0.02, window=11.0, window_spread=1.0,
    window_s=1e-9,
)  # fmt: skip

# Banks 1000 to 1015 of the chip 20200715, programmed with ALTERNATING; made by the definitions in NumPy.
RESISTANCES_SHA256 = "761c454c0f782ae30a76934784ce827032699c94470760d9cc02741012449e17"
ERRORS_SHA256 = "1907692771e491f889e4de60e96887da39e38aaee879f60212395a14f141a68c"

shares = st.sampled_from([0.0, 0.5, 2.0**-33]) | st.floats(0, 0.5)
spreads = st.sampled_from([0.0, 0.25]) | st.floats(0, 3)
cells = st.builds(
    lambda lrs, hrs, shift, tails, offset, stuck, noise, telegraph: replace(
        CELL, lrs=lrs, hrs=replace(hrs, ln_median=lrs.ln_median + hrs.ln_median), blb_shift=shift, tails=tails,
        offset=offset, stuck=stuck, noise=noise, telegraph=telegraph,
    ),
    st.builds(LogNormal, st.floats(5, 12), spreads, spreads, st.just(0.0) | spreads),
    st.builds(LogNormal, spreads, spreads, spreads, st.just(0.0) | spreads),
    st.just(0.0) | st.floats(-2, 2),
    st.just(HeavyTails()) | st.builds(HeavyTails, st.sampled_from([1.0, 2.0**-33]) | st.floats(0, 1), st.floats(1, 10)),
    spreads,
    st.tuples(*2 * [st.just(StuckShares()) | st.builds(StuckShares, shares, shares)]),
    st.sampled_from([0.0, 0.003]) | spreads,
    st.just(TelegraphNoise()) | st.builds(TelegraphNoise, spreads, st.sampled_from([1.0, 2.0**-33]) | st.floats(0, 1)),
)  # fmt: skip
seeds = st.integers(0, 2**63 - 1)
first_banks = st.integers(0, 100) | st.integers(0, MAX_SAMPLED_BANKS - 3)


def numbered_rows(banks: range, rows: int) -> npt.NDArray[np.int64]:
    """bank << 5 | row, int64 (banks * rows,)."""
    return (np.arange(banks.start, banks.stop)[:, np.newaxis] << 5 | np.arange(rows)).ravel()


def random_words(shape: tuple[int, ...], seed: int) -> Words:
    return np.random.default_rng(seed).integers(0, 1 << 32, shape, np.uint64).astype(np.uint32)


def defined_resistances(cell: Cell, seed: int, banks: range, sign: Words, nonzero: Words) -> Floats:
    """What the definitions say, for sign and nonzero (banks, rows)."""
    bank_row, low = numbered_rows(banks, sign.shape[1]), wanted_low(sign.ravel(), nonzero.ravel())
    devices = Devices(seed, bank_row, low, np.zeros(low.shape, np.int64), drawn_sticking(seed, bank_row, cell))
    return devices.ln_resistance(cell).reshape(*sign.shape, 32, 2)


def defined_errors(
    cell: Cell, seed: int, banks: range, sign: Words, nonzero: Words, reference: float
) -> SampledErrors:  # fmt: skip
    found = defined_resistances(cell, seed, banks, sign, nonzero).reshape(-1, 32, 2)
    offsets = np.repeat(amplifier_offsets(seed, np.arange(banks.start, banks.stop), cell), sign.shape[1], axis=0)
    bank_row = numbered_rows(banks, sign.shape[1])
    amplitudes = telegraph_amplitudes(seed, bank_row, cell)
    if amplitudes is not None:
        upper = read_words(seed, bank_row, block=1)[..., 1::2] < np.uint64(round(cell.telegraph.share * WHOLE))
        found = found + np.where(upper, amplitudes, np.float32(0))
    margin = found[..., BLB] - found[..., BL] + offsets
    read_plus = margin + np.float32(cell.noise) * normal(read_words(seed, bank_row)[..., 1]) >= 0
    pair = (read_plus != unpack(sign.ravel())) & unpack(nonzero.ravel())
    limit, low = np.float32(reference), wanted_low(sign.ravel(), nonzero.ravel())
    single = np.where(low, found > limit, found < limit)
    return SampledErrors(*(pack(flags).reshape(sign.shape) for flags in (pair, single[..., BL], single[..., BLB])))


def read_words(seed: int, bank_row: npt.NDArray[np.int64], block: int = 0) -> Words:
    """Of the reads after pulse 0, as `read_back.py` draws them."""
    return draw(seed, Domain.VERIFY, bank_row[:, np.newaxis], np.arange(32), block=block)


def assert_equal(found: SampledErrors, expected: SampledErrors) -> None:
    for kind in KINDS:
        np.testing.assert_array_equal(getattr(found, kind), getattr(expected, kind), kind)


def sha256(array: npt.NDArray[Any], dtype: str) -> str:
    return hashlib.sha256(np.ascontiguousarray(array, dtype).tobytes()).hexdigest()


@each_kernel
@settings(max_examples=30)
@given(cells, seeds, first_banks, st.integers(0, 3), st.integers(1, 32), st.floats(5, 15))
def test_cells_are_those_of_the_definitions(
    kernel: Kernel, cell: Cell, seed: int, first: int, count: int, rows: int, reference: float
) -> None:
    banks = range(first, first + count)
    sign, nonzero = (random_words((count, rows), seed + which) for which in (0, 1))
    np.testing.assert_array_equal(
        sample_resistances(cell, seed, banks, sign, nonzero, replace(SINGLE, rows=rows), kernel).view(np.uint32),
        defined_resistances(cell, seed, banks, sign, nonzero).view(np.uint32),
    )
    found = sample_cells(cell, seed, banks, sign, nonzero, replace(SINGLE, rows=rows), reference, kernel)
    assert_equal(found, defined_errors(cell, seed, banks, sign, nonzero, reference))


@each_kernel
@pytest.mark.parametrize("bank", [Geometry(1, 96, 32), Geometry(64, 64, 16), Geometry(40, 192, 64)], ids=str)
def test_banks_of_other_shapes_have_the_devices_and_amplifiers_of_a_chip(kernel: Kernel, bank: Geometry) -> None:
    banks, stripes = range(2, 5), np.arange(2 * bank.words, 5 * bank.words)
    numbers = bank.bank_row(stripes[:, np.newaxis], np.arange(bank.rows)).ravel()
    low = wanted_low(np.full(numbers.size, ALTERNATING, np.uint32), np.full(numbers.size, 0xFFFFFFFF, np.uint32))
    ln = Devices(8, numbers, low, np.zeros(low.shape, np.int64)).ln_resistance(CELL)
    found = sample_resistances(CELL, 8, banks, geometry=bank, kernel=kernel)
    np.testing.assert_array_equal(found.reshape(ln.shape).view(np.uint32), ln.view(np.uint32))
    margin = (ln[..., BLB] - ln[..., BL]).reshape(len(stripes), bank.rows, 32)
    noise = np.float32(CELL.noise) * normal(read_words(8, numbers)[..., 1]).reshape(margin.shape)
    reads_plus = margin + amplifier_offsets(8, stripes, CELL, bank)[:, np.newaxis] + noise >= 0
    wrong = pack(reads_plus != unpack(np.array(ALTERNATING, np.uint32)))
    np.testing.assert_array_equal(sample_cells(CELL, 8, banks, geometry=bank, kernel=kernel).pair, wrong)
    assert wrong.any()


@each_kernel
def test_ties_read_as_plus_and_as_neither_wrong_state(kernel: Kernel) -> None:
    """Without spreads and contrast every comparison is one of equals."""
    cell = replace(CELL.without_spreads(), hrs=LogNormal(CELL.lrs.ln_median, 0.0, 0.0), offset=0.0, noise=0.0)
    found = sample_cells(cell, 1, range(1), reference=cell.lrs.ln_median, kernel=kernel)
    assert (found.pair == ~np.uint32(ALTERNATING)).all()
    assert not found.bl.any()
    assert not found.blb.any()


@each_kernel
def test_one_pattern_for_all_rows_is_that_pattern_in_each(kernel: Kernel) -> None:
    nonzero = 0xFF00FFFF
    each = sample_cells(CELL, 3, range(2), np.full((2, 32), ALTERNATING, np.uint32), nonzero, kernel=kernel)
    assert_equal(sample_cells(CELL, 3, range(2), ALTERNATING, nonzero, kernel=kernel), each)
    assert all(getattr(each, kind).any() for kind in KINDS)
    assert not (each.pair & ~np.uint32(nonzero)).any()


@each_kernel
@given(st.lists(st.integers(0, 9), max_size=4))
def test_any_split_of_the_banks_gives_the_same_cells(kernel: Kernel, cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), 9]
    parts = [range(first, last) for first, last in pairwise(edges)]
    whole = sample_cells(CELL, 5, range(9), kernel=kernel)
    split = [sample_cells(CELL, 5, part, kernel=kernel) for part in parts]
    assert_equal(SampledErrors(*(np.concatenate([getattr(part, kind) for part in split]) for kind in KINDS)), whole)


@each_kernel
@pytest.mark.parametrize("threads", [None, 1, 2, 7])
def test_counts_are_those_of_the_masks_for_any_number_of_threads(
    monkeypatch: pytest.MonkeyPatch, kernel: Kernel, threads: int | None
) -> None:
    monkeypatch.setattr(cell_counts, "_BLOCK_CELLS", 3 * BANK_CELLS)
    banks = range(20)
    counts = count_errors(CELL, 6, 19 * BANK_CELLS + 1, threads=threads, kernel=kernel)
    masks = sample_cells(CELL, 6, banks)
    wrong = [int(np.bitwise_count(getattr(masks, kind)).sum()) for kind in KINDS]
    assert astuple(counts) == (20 * BANK_CELLS, *wrong)


def test_rates_are_those_of_the_theory() -> None:
    counts = count_errors(CELL, 0, 4_000_000)
    assert counts.pair / counts.cells == pytest.approx(pair_rates(CELL).mean, rel=0.01)
    assert (counts.bl + counts.blb) / (2 * counts.cells) == pytest.approx(
        single_error_rate(CELL.law(Level.LRS), CELL.law(Level.HRS), CELL.middle), rel=0.01
    )


@each_kernel
def test_every_machine_makes_the_same_chip(kernel: Kernel) -> None:
    """A compiler that fuses multiplications and additions, or another order of them, would be found out here."""
    banks = range(1000, 1016)
    resistances = sample_resistances(CELL, 20200715, banks, kernel=kernel)
    assert sha256(resistances, "<f4") == RESISTANCES_SHA256
    errors = sample_cells(CELL, 20200715, banks, kernel=kernel)
    assert sha256(np.stack([errors.pair, errors.bl, errors.blb]), "<u4") == ERRORS_SHA256


@pytest.mark.parametrize(
    ("banks", "rows"),
    [
        (range(MAX_SAMPLED_BANKS, MAX_SAMPLED_BANKS + 1), 32),
        (range(-1, 1), 32),
        (range(0, 4, 2), 32),
        (range(1), 0),
        (range(1), 1025),
    ],
)
def test_banks_and_rows_without_numbers_are_refused(banks: range, rows: int) -> None:
    for sample in (
        lambda: sample_resistances(CELL, 0, banks, geometry=replace(SINGLE, rows=rows)),
        lambda: sample_cells(CELL, 0, banks, geometry=replace(SINGLE, rows=rows)),
    ):
        with pytest.raises(TargetError, match="cannot be sampled"):
            sample()


def test_numbers_out_of_range_are_refused() -> None:
    for cells_wanted in (0, MAX_SAMPLED_BANKS * BANK_CELLS + 1):
        with pytest.raises(TargetError, match="cannot be sampled"):
            count_errors(CELL, 0, cells_wanted)


def test_a_kernel_that_the_processor_has_not_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cell_counts, "_KERNELS", {"auto": -1, "portable": 0, "avx2": 17})
    assert not has_kernel("avx2")
    with pytest.raises(ToolError, match="avx2"):
        count_errors(CELL, 0, 1, kernel="avx2")
