"""Sampling a billion cells: `device` and `ber` in cells a second, on one thread and on all, against NumPy's generator.

NumPy's way is the fastest plain one: `default_rng().standard_normal` in float32 for the same four deviations a cell and
the same comparisons, `random` for flips. It draws other cells, so rates alone are compared. `program` is what a chip
instance costs, one after another of the same pattern: the answers of all banks of rram130, binary weights, both inputs
and the noise of reads included.

The peak of memory is that of a process of its own, libraries included: by itself, `python -m benchmarks.devices`.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from math import sqrt
from pathlib import Path

import numpy as np

from benchmarks.rows import Row
from edgebnn.chip.banks.geometry import COLUMNS, SINGLE
from edgebnn.chip.banks.pattern import BINARY, Pattern
from edgebnn.chip.device.cell import Cell
from edgebnn.chip.device.cell_counts import (
    ALTERNATING,
    BANK_CELLS,
    NO_ZEROS,
    Kernel,
    count_errors,
    has_kernel,
)
from edgebnn.chip.device.cell_solver import solve_cell
from edgebnn.chip.device.conditions import Conditions
from edgebnn.chip.errors.programming import program
from edgebnn.chip.errors.weight_flips import neighbours, turn_by_law
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorModel
from edgebnn.chip.target.target import Target
from edgebnn.chip.target_files.loading import load_target
from edgebnn.processors import usable_processors

CELLS = 10**9
FEWER = 10**8  # for the slow ways
OF_CHIPS = 10**7  # some chips, which share their pattern
RATE = 2e-3  # of `ber`; the policy below has the same
POLICY = "low-energy"
REQUIRED = {"device": 1e8, "ber": 1e9}
MOST_MIB = 256
BANK_ROWS = SINGLE.rows
BLOCK_BANKS = 256  # a quarter of a million cells, small enough for the caches
TURNED_BANKS = 4096
SEED = 0

Count = Callable[[int], tuple[int, int]]  # of so many cells at least: how many there were, and how many were wrong


def native_device(cell: Cell, threads: int, kernel: Kernel) -> Count:
    def count(cells: int) -> tuple[int, int]:
        found = count_errors(cell, SEED, cells, threads=threads, kernel=kernel)
        return found.cells, found.pair

    return count


def native_ber(kernel: Kernel) -> Count:
    """Rows of weights turned on one thread."""
    full, kind = np.full((TURNED_BANKS, BANK_ROWS), NO_ZEROS, np.uint32), np.full((TURNED_BANKS, BANK_ROWS), BINARY)
    rows = Pattern(SINGLE, full, full, kind.astype(np.uint8), np.zeros(full.shape)).rows
    laws = neighbours(RATE).laws(rows.kinds)

    def count(cells: int) -> tuple[int, int]:
        rounds = -(-cells // (TURNED_BANKS * BANK_CELLS))
        wrong = sum(
            int(np.bitwise_count(~turn_by_law(SEED, event, rows, laws, kernel)[0]).sum()) for event in range(rounds)
        )
        return rounds * TURNED_BANKS * BANK_CELLS, wrong

    return count


def numpy_device(cell: Cell) -> Count:
    """Half of the cells programmed to +1, half to -1; offsets for each bank and column."""
    rng = np.random.default_rng(SEED)
    shape = (BLOCK_BANKS, BANK_ROWS, COLUMNS)
    low = np.arange(COLUMNS) % 2 == 1
    bl_median, blb_median = (
        np.where(side, cell.lrs.ln_median, cell.hrs.ln_median).astype(np.float32) for side in (low, ~low)
    )

    def resistance(median: np.ndarray) -> np.ndarray:
        own, pulse = rng.standard_normal(shape, np.float32), rng.standard_normal(shape, np.float32)
        return median + (np.float32(cell.lrs.device_spread) * own + np.float32(cell.lrs.cycle_spread) * pulse)

    def block() -> int:
        offsets = np.float32(cell.offset) * rng.standard_normal((BLOCK_BANKS, 1, COLUMNS), np.float32)
        margin = resistance(blb_median) - resistance(bl_median) + offsets
        return int(np.count_nonzero((margin < 0) == low))

    return in_blocks(block)


def numpy_ber() -> Count:
    rng = np.random.default_rng(SEED)
    shape = (BLOCK_BANKS, BANK_ROWS, COLUMNS)
    return in_blocks(lambda: int(np.count_nonzero(rng.random(shape, np.float32) < RATE)))


def in_blocks(block: Callable[[], int]) -> Count:
    def count(cells: int) -> tuple[int, int]:
        size = BLOCK_BANKS * BANK_ROWS * COLUMNS
        blocks = -(-cells // size)
        return blocks * size, sum(block() for _ in range(blocks))

    return count


def programmed_chip(target: Target, model: str) -> Count:
    """A whole chip, as often as it takes; wrong is what most reads with the input +1 find."""
    assert target.array is not None
    shape = (target.array.banks.integer("count"), BANK_ROWS)
    sign, nonzero = np.full(shape, ALTERNATING, np.uint32), np.full(shape, NO_ZEROS, np.uint32)
    pattern = Pattern(target.array.geometry, sign, nonzero, np.full(shape, BINARY, np.uint8), np.zeros(shape))

    def count(cells: int) -> tuple[int, int]:
        size = shape[0] * BANK_CELLS
        wrong, chips = 0, -(-cells // size)
        for number in range(chips):
            found = program(ChipInstance(SEED + number, errors=ErrorModel(model)), target, pattern, POLICY)
            wrong += int(np.bitwise_count(found.sign[..., 1] ^ sign).sum())
        return chips * size, wrong

    return count


def ways(target: Target, cell: Cell) -> list[tuple[str, str, int, Count]]:
    """(model, name, cells, how), NumPy's first."""
    threads = usable_processors()
    best: Kernel = "avx2" if has_kernel("avx2") else "portable"
    kernels: tuple[tuple[Kernel, int], ...] = (("portable", FEWER), (best, CELLS))
    found: list[tuple[str, str, int, Count]] = []
    for model in REQUIRED:
        device = model == "device"
        found.append((model, "NumPy, 1 thread", FEWER, numpy_device(cell) if device else numpy_ber()))
        for kernel, cells in kernels:
            native = native_device(cell, 1, kernel) if device else native_ber(kernel)
            found.append((model, f"{kernel}, 1 thread", cells, native))
        if device:
            found.append((model, f"{best}, {threads} threads", CELLS, native_device(cell, threads, best)))
        found.append((model, "program(), a chip", OF_CHIPS, programmed_chip(target, model)))
    return found


def rows() -> Iterator[Row]:
    target = load_target("rram130")
    cell = solve_cell(target, POLICY, Conditions())
    best = "avx2, 1 thread" if has_kernel("avx2") else None
    baseline, expected = 0.0, 0.0
    for model, name, cells, count in ways(target, cell):
        start = time.perf_counter()
        drawn, wrong = count(cells)
        speed, rate = drawn / (time.perf_counter() - start), wrong / drawn
        if name.startswith("NumPy"):
            baseline, expected = speed, rate
        if abs(rate / expected - 1) > max(0.02, 5 / sqrt(drawn * expected)):
            raise ValueError(f"{model}, {name}: wrong at {rate:.3e}, NumPy's cells at {expected:.3e}")
        goal = REQUIRED[model] / 1e6 if name == best else None
        yield Row(f"{model}, {name}, {speed / baseline:.3g} x NumPy", speed / 1e6, "M cells/s", goal)
    command = [sys.executable, "-m", "benchmarks.devices"]
    peak = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    yield Row("peak of memory of a billion cells", peak, "MiB", MOST_MIB, at_least=False)


def peak_mib() -> float:
    """Of this process; what getrusage says of a new one is its parent's."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


if __name__ == "__main__":
    target = load_target("rram130")
    native_device(solve_cell(target, POLICY, Conditions()), 1, "avx2" if has_kernel("avx2") else "portable")(CELLS)
    print(peak_mib())
