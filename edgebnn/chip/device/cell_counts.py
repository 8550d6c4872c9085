"""Very many cells, drawn and read in C: masks of what is wrong for some of them, counts for 10^9 in bounded memory.

The cells are those that `resistances.py` defines, to the bit, freshly programmed (each device with its pulse 0) in
banks of any shape. Each is read once with the input +1, with the noise that `read_back.py` draws for that read. Their
numbers go far beyond any chip: a range of banks is a sample, and the counts of its parts add up to its own.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.geometry import COLUMNS, MAX_ROWS, SINGLE, Geometry
from edgebnn.chip.device.c_structs import ERROR_KINDS, DeviceErrors, DeviceRows, DevicesStruct, chip_library
from edgebnn.chip.device.cell import Cell
from edgebnn.chip.random.normal import Floats
from edgebnn.errors import TargetError, ToolError
from edgebnn.processors import usable_processors
from edgebnn.words import Words

Kernel = Literal["auto", "portable", "avx2", "avx512"]

MAX_SAMPLED_BANKS = 1 << 27  # of 32 x 32 cells: the number of a row has 32 bits
BANK_CELLS = SINGLE.synapses
ALTERNATING = 0xAAAAAAAA  # signs: as many +1 as -1, and as many LRS as HRS on either side
NO_ZEROS = 0xFFFFFFFF

_BLOCK_CELLS = 1 << 22  # what a thread counts at a time, and a bank at least
_KERNELS: dict[Kernel, int] = {"auto": -1, "portable": 0, "avx2": 1, "avx512": 2}  # ebnn_sampler


@dataclass(frozen=True, eq=False)
class SampledErrors:
    """Which cells are wrong, uint32 (stripes, rows), bit = column of the stripe.

    pair: the weight, where it is not 0, as the 2T2R pair is read with the input +1. bl, blb: the device on that side,
    compared by itself in the same read, as 1T1R, with a reference between the states, by an ideal amplifier.
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
    geometry: Geometry = SINGLE, kernel: Kernel = "auto",
) -> Floats:  # fmt: skip
    """ln R in ln ohm of freshly programmed devices, float32 (stripes, rows, 32, 2), the last axis BL and BLb.

    `sign` and `nonzero` are what is programmed, uint32 of shapes that fit (stripes, rows), bit = column, as `Pattern`
    has them. Raises TargetError for banks or rows out of range, ToolError for a kernel that this processor has not.
    """
    number = _kernel(kernel, banks, geometry)
    found = np.empty((geometry.stripe(len(banks)), geometry.rows, COLUMNS, 2), np.float32)
    place = DeviceRows.of(banks, geometry, sign, nonzero)
    chip_library().ebnn_device_resistances(_devices(cell, seed, None), place, found.ctypes.data, number)
    return found


def sample_cells(
    cell: Cell, seed: int, banks: range, sign: npt.ArrayLike = ALTERNATING, nonzero: npt.ArrayLike = NO_ZEROS,
    geometry: Geometry = SINGLE, reference: float | None = None, kernel: Kernel = "auto",
) -> SampledErrors:  # fmt: skip
    """Which of freshly programmed cells are read wrong; what they are, and what is raised, as for `sample_resistances`.

    `reference` is the ln R that single devices are compared with, by default halfway between the medians.
    """
    number = _kernel(kernel, banks, geometry)
    masks = [np.empty((geometry.stripe(len(banks)), geometry.rows), np.uint32) for _ in range(ERROR_KINDS)]
    errors = DeviceErrors()
    errors.masks[:] = [mask.ctypes.data for mask in masks]
    place = DeviceRows.of(banks, geometry, sign, nonzero)
    chip_library().ebnn_device_wrong(_devices(cell, seed, reference), place, errors, number)
    return SampledErrors(*masks)


def count_errors(
    cell: Cell, seed: int, cells: int, sign: int = ALTERNATING, reference: float | None = None,
    threads: int | None = None, kernel: Kernel = "auto", geometry: Geometry = SINGLE,
) -> ErrorCounts:  # fmt: skip
    """How many of at least `cells` cells are wrong: of whole banks from bank 0 on, each row programmed with `sign`.

    The counts are the same for any number of threads, by default one for each processor. Raises TargetError for more
    cells than there are numbers for, ToolError for a kernel that this processor has not.
    """
    banks = whole_banks(cells, geometry)
    number, devices = _kernel(kernel, banks, geometry), _devices(cell, seed, reference)

    def count(part: range) -> tuple[int, ...]:
        errors = DeviceErrors()
        chip_library().ebnn_device_wrong(devices, DeviceRows.of(part, geometry, sign, NO_ZEROS), errors, number)
        return tuple(errors.counts)

    return ErrorCounts(len(banks) * geometry.synapses, *_total(count, banks, threads, geometry))


def _devices(cell: Cell, seed: int, reference: float | None) -> DevicesStruct:
    return DevicesStruct.of(cell, seed, cell.middle if reference is None else reference)


def whole_banks(cells: int, geometry: Geometry = SINGLE) -> range:
    """As many whole banks as have so many cells; TargetError for more than there are numbers for."""
    most = _most_banks(geometry) * geometry.synapses
    if not 1 <= cells <= most:
        raise TargetError(f"{cells} cells cannot be sampled; use 1 to {most}")
    return range(-(-cells // geometry.synapses))


def _most_banks(geometry: Geometry) -> int:
    """Banks whose rows all have a number of 32 bits."""
    return (1 << 32 - geometry.row_bits) // geometry.words


def _kernel(kernel: Kernel, banks: range, geometry: Geometry) -> int:
    """The kernel's number, once it is sure that it runs and that every row has a number of its own."""
    number = kernel_number(kernel)
    if not 1 <= geometry.rows <= MAX_ROWS or not 0 <= banks.start <= banks.stop <= _most_banks(geometry):
        raise TargetError(
            f"{geometry.rows} rows of banks {banks.start} to {banks.stop} cannot be sampled; use 1 to {MAX_ROWS} rows "
            f"of banks 0 to {_most_banks(geometry)}"
        )
    if banks.step != 1:
        raise TargetError(f"banks {banks.step} apart cannot be sampled; use banks one after the other")
    return number


def _total(
    count: Callable[[range], tuple[int, ...]], banks: range, threads: int | None, geometry: Geometry
) -> list[int]:  # fmt: skip
    """The sums of what all parts of the banks count; the order of whole numbers' sums does not matter."""
    block = max(1, _BLOCK_CELLS // geometry.synapses)
    parts = [banks[first : first + block] for first in range(0, len(banks), block)]
    with ThreadPoolExecutor(threads or usable_processors()) as pool:
        return [sum(each) for each in zip(*pool.map(count, parts), strict=True)]
