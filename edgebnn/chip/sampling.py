"""Very many cells, drawn and read in C: masks of what is wrong for some of them, counts for 10^9 in bounded memory.

The cells are those that `devices.py` and `sensing.py` define, to the bit, freshly programmed (each
device with its pulse 0) and read without noise. Banks are of 32 x 32 cells (`geometry.SINGLE`), whatever those of a
target, and numbered up to 2^27, far beyond any chip: a range of them is a sample, and the counts of its parts add up to
its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from edgebnn.chip.cell import Cell
from edgebnn.chip.geometry import COLUMNS
from edgebnn.chip.normal import Floats
from edgebnn.chip.structs import ERROR_KINDS, DeviceErrors, DeviceRows, Devices, Words, chip_library
from edgebnn.errors import TargetError, ToolError

Kernel = Literal["auto", "portable", "avx2"]

MAX_BANKS = 1 << 27  # bank << 5 | row has 32 bits
BANK_ROWS = 32
BANK_CELLS = BANK_ROWS * COLUMNS
ALTERNATING = 0xAAAAAAAA  # signs: as many +1 as -1, and as many LRS as HRS on either side
NO_ZEROS = 0xFFFFFFFF

_BLOCK_BANKS = 4096  # what a thread counts at a time
_KERNELS: dict[Kernel, int] = {"auto": -1, "portable": 0, "avx2": 1}  # ebnn_sampler


@dataclass(frozen=True, eq=False)
class SampledErrors:
    """Which cells are wrong, uint32 (banks, rows), bit = column.

    pair: the weight, where it is not 0, as the 2T2R pair is read with the input +1. bl, blb: the device on that side,
    compared by itself, as 1T1R, with a reference between the states.
    """

    pair: Words
    bl: Words
    blb: Words


@dataclass(frozen=True)
class ErrorCounts:
    """How many of so many cells are wrong, each kind as in `SampledErrors`."""

    cells: int
    pair: int
    bl: int
    blb: int


def kernel_number(kernel: Kernel) -> int:
    """The kernel's number in C; ToolError where this processor cannot run it."""
    if not has_kernel(kernel):
        raise ToolError(f"this processor cannot run the kernel '{kernel}'; leave the choice to 'auto'")
    return _KERNELS[kernel]


def has_kernel(kernel: Kernel) -> bool:
    """Whether this processor can run it."""
    return bool(chip_library().ebnn_sampler_choose(_KERNELS[kernel]) >= 0)


def sample_resistances(
    cell: Cell, seed: int, banks: range, sign: npt.ArrayLike = ALTERNATING, nonzero: npt.ArrayLike = NO_ZEROS,
    rows: int = BANK_ROWS, kernel: Kernel = "auto",
) -> Floats:  # fmt: skip
    """ln R in ln ohm of freshly programmed devices, float32 (banks, rows, 32, 2), the last axis BL and BLb.

    `sign` and `nonzero` are what is programmed, uint32 of shapes that fit (banks, rows), bit = column, as `Pattern` has
    them. Raises TargetError for banks or rows out of range, ToolError for a kernel that this processor has not.
    """
    number = _kernel(kernel, banks, rows)
    found = np.empty((len(banks), rows, COLUMNS, 2), np.float32)
    place = DeviceRows.of(banks, rows, sign, nonzero)
    chip_library().ebnn_device_resistances(_devices(cell, seed, None), place, found.ctypes.data, number)
    return found


def sample_cells(
    cell: Cell, seed: int, banks: range, sign: npt.ArrayLike = ALTERNATING, nonzero: npt.ArrayLike = NO_ZEROS,
    rows: int = BANK_ROWS, reference: float | None = None, kernel: Kernel = "auto",
) -> SampledErrors:  # fmt: skip
    """Which of freshly programmed cells are wrong; what they are, and what is raised, as for `sample_resistances`.

    `reference` is the ln R that single devices are compared with, by default halfway between the medians.
    """
    number = _kernel(kernel, banks, rows)
    masks = [np.empty((len(banks), rows), np.uint32) for _ in range(ERROR_KINDS)]
    errors = DeviceErrors()
    errors.masks[:] = [mask.ctypes.data for mask in masks]
    place = DeviceRows.of(banks, rows, sign, nonzero)
    chip_library().ebnn_device_wrong(_devices(cell, seed, reference), place, errors, number)
    return SampledErrors(*masks)


def count_errors(
    cell: Cell, seed: int, cells: int, sign: int = ALTERNATING, reference: float | None = None,
    threads: int | None = None, kernel: Kernel = "auto",
) -> ErrorCounts:  # fmt: skip
    """How many of at least `cells` cells are wrong: of whole banks from bank 0 on, each row programmed with `sign`.

    The counts are the same for any number of threads, by default one for each processor. Raises TargetError for more
    cells than 2^27 banks have, ToolError for a kernel that this processor has not.
    """
    banks = _banks(cells)
    number, devices = _kernel(kernel, banks, BANK_ROWS), _devices(cell, seed, reference)

    def count(part: range) -> tuple[int, ...]:
        errors = DeviceErrors()
        chip_library().ebnn_device_wrong(devices, DeviceRows.of(part, BANK_ROWS, sign, NO_ZEROS), errors, number)
        return tuple(errors.counts)

    return ErrorCounts(len(banks) * BANK_CELLS, *_total(count, banks, threads))


def _devices(cell: Cell, seed: int, reference: float | None) -> Devices:
    return Devices.of(cell, seed, cell.middle if reference is None else reference)


def _kernel(kernel: Kernel, banks: range, rows: int) -> int:
    """The kernel's number, once it is sure that it runs and that every row has a number of its own."""
    number = kernel_number(kernel)
    if banks.step != 1 or banks.start < 0 or banks.stop > MAX_BANKS or not 1 <= rows <= BANK_ROWS:
        raise TargetError(
            f"{rows} rows of banks {banks.start} to {banks.stop} cannot be sampled; use 1 to {BANK_ROWS} rows of "
            f"banks 0 to {MAX_BANKS}, one after the other"
        )
    return number


def _banks(cells: int) -> range:
    """As many whole banks as have so many cells."""
    if not 1 <= cells <= MAX_BANKS * BANK_CELLS:
        raise TargetError(f"{cells} cells cannot be sampled; use 1 to {MAX_BANKS * BANK_CELLS}")
    return range(-(-cells // BANK_CELLS))


def _total(count: Callable[[range], tuple[int, ...]], banks: range, threads: int | None) -> list[int]:
    """The sums of what all parts of the banks count; the order of whole numbers' sums does not matter."""
    parts = [banks[first : first + _BLOCK_BANKS] for first in range(0, len(banks), _BLOCK_BANKS)]
    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        return [sum(each) for each in zip(*pool.map(count, parts), strict=True)]
