"""What devices answer, drawn and read in C: bit for bit as NumPy defines it, by every kernel, far or near."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgebnn.chip.banks.geometry import COLUMNS, SINGLE, Geometry
from edgebnn.chip.banks.pattern import BINARY, EMPTY, TERNARY, Pattern, Rows
from edgebnn.chip.banks.programmed_banks import ProgrammedBanks, Thresholds
from edgebnn.chip.device.c_structs import DeviceReads, DevicesStruct
from edgebnn.chip.device.cell import Cell, HeavyTails, LogNormal, StuckShares, TelegraphNoise
from edgebnn.chip.device.cell_counts import Kernel, has_kernel
from edgebnn.chip.device.conditions import Conditions
from edgebnn.chip.device.resistances import Devices, amplifier_offsets, telegraph_amplitudes, wanted_low
from edgebnn.chip.device.sensing import answer_thresholds
from edgebnn.chip.device.stuck_devices import drawn_sticking
from edgebnn.chip.errors.answers import Answering
from edgebnn.chip.errors.device_model import row_thresholds
from edgebnn.chip.errors.programming import program
from edgebnn.chip.errors.weight_flips import misread
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorKinds, ErrorModel
from edgebnn.chip.target_files.loading import load_target

KERNELS: list[Kernel] = [kernel for kernel in ("portable", "avx2", "avx512") if has_kernel(kernel)]
SEED = 2**40 + 11

CELL = Cell(
    LogNormal(9.5, 0.3, 0.5), LogNormal(12.0, 0.35, 0.45), offset=0.03, noise=0.003, window=11.0, window_spread=1.0,
    window_s=1e-9,
)  # fmt: skip
CHANGES: dict[str, dict[str, Any]] = {
    "as it is": {},
    "without noise": {"noise": 0.0, "window_spread": 0.0},
    "noisy": {"noise": 0.5, "offset": 1.0},
    "tails": {"tails": HeavyTails(0.1, 3.0)},
    "relaxed": {"lrs": LogNormal(9.5, 0.3, 0.5, 0.2), "hrs": LogNormal(12.0, 0.3, 0.5, 0.3)},
    "telegraph": {"telegraph": TelegraphNoise(0.7, 0.286)},
    "stuck": {"stuck": (StuckShares(0.05, 0.02), StuckShares(0.01, 0.1))},
    "shifted": {"blb_shift": -3.0},
    "close": {"hrs": LogNormal(9.5, 0.3, 0.5)},
    "all": {
        "lrs": LogNormal(9.5, 0.3, 0.5, 0.2), "tails": HeavyTails(0.1, 3.0), "telegraph": TelegraphNoise(0.7, 0.5),
        "stuck": (StuckShares(0.05, 0.02), StuckShares(0.01, 0.1)), "blb_shift": 0.3,
    },
}  # fmt: skip


def mixed_pattern(geometry: Geometry) -> Pattern:
    """Binary, ternary and empty rows of three banks."""
    draw, shape = np.random.default_rng(1), (geometry.stripe(3), geometry.rows)
    kind = draw.choice([EMPTY, BINARY, BINARY, TERNARY], shape).astype(np.uint8)
    sign, nonzero = (draw.integers(0, 1 << 32, shape, np.uint64).astype(np.uint32) for _ in range(2))
    nonzero[kind == BINARY] = 0xFFFFFFFF
    return Pattern(geometry, sign, nonzero, kind, np.zeros(shape))


def by_definition(cell: Cell, rows: Rows, pulse: int, xnor: float) -> tuple[Thresholds, Thresholds]:
    low = wanted_low(rows.sign, rows.nonzero)
    stuck = drawn_sticking(SEED, rows.bank_row, cell)
    devices = Devices(SEED, rows.bank_row, low, np.full(low.shape, pulse, np.int64), stuck)
    stripes, place = np.unique(rows.stripe, return_inverse=True)
    offsets = amplifier_offsets(SEED, stripes, cell, rows.geometry)[place]
    amplitudes = telegraph_amplitudes(SEED, rows.bank_row, cell)
    found = answer_thresholds(cell, devices.ln_resistance(cell), offsets, rows.ternary, amplitudes)
    return misread(*found, rows.ternary, xnor) if xnor else found


def same(one: ProgrammedBanks, other: ProgrammedBanks) -> None:
    for part in ("sign", "nonzero", "fresh", "tables"):
        np.testing.assert_array_equal(getattr(one, part), getattr(other, part), err_msg=part)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("change", CHANGES)
def test_c_answers_what_numpy_defines(change: str, kernel: Kernel) -> None:
    cell = replace(CELL, **CHANGES[change])
    cases = ((SINGLE, 0, 0.0), (Geometry(40, 128, 32), 0, 0.0), (SINGLE, 1, 0.01), (SINGLE, 2**33, 0.0))
    for geometry, pulse, xnor in cases:
        pattern = mixed_pattern(geometry)
        rows, wanted, found = pattern.rows, Answering(pattern.shape), Answering(pattern.shape)
        wanted.by_thresholds(rows.place, *by_definition(cell, rows, pulse, xnor))
        devices, reads = DevicesStruct.of(cell, SEED, cell.middle), DeviceReads.of(cell, rows, pulse, xnor)
        found.by_devices(devices, reads, rows, kernel)
        same(found.banks(geometry, SEED, True), wanted.banks(geometry, SEED, True))


@pytest.mark.parametrize("attempts", [1, 4])
@pytest.mark.parametrize("kinds", ErrorKinds)
def test_a_chip_is_the_same_in_c_and_in_numpy(kinds: ErrorKinds, attempts: int) -> None:
    target, pattern = load_target("rram130"), mixed_pattern(SINGLE)
    chip = ChipInstance(
        7, errors=ErrorModel.DEVICE, kinds=kinds, policy="ultra-low-energy", conditions=Conditions(cycles=3),
        attempts=attempts, guard_band=0.3 if attempts > 1 else 0.0,
        read_error_rate=0.0 if kinds is ErrorKinds.PROGRAMMING else 1e-3,
    )  # fmt: skip
    wanted = Answering(pattern.shape)
    for rows in pattern.blocks(COLUMNS):
        thresholds = row_thresholds(chip, target, "ultra-low-energy", rows, chip.read_error_rate)
        wanted.by_thresholds(rows.place, *thresholds)
    same(program(chip, target, pattern, "nominal"), wanted.banks(SINGLE, chip.seed, True))
