"""What C is handed stays where it is as long as C may look, whatever caches and other threads do meanwhile."""

from __future__ import annotations

import ctypes
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest

from edgebnn.chip.device import c_structs
from edgebnn.chip.device.c_structs import DeviceReads, DeviceRows, DevicesStruct, DeviceVerify, Pointing, Turns
from edgebnn.chip.device.cell_solver import solve_cell
from edgebnn.chip.device.conditions import Conditions
from edgebnn.chip.errors.answers import Answering
from edgebnn.chip.errors.programming import program
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorModel
from edgebnn.chip.target_files.loading import load_target
from tests.chip.patterns import binary_pattern

TARGET = load_target("rram130")
CELL = solve_cell(TARGET, "strong", Conditions())
PATTERN = binary_pattern(1)


def verify() -> DeviceVerify:
    return DeviceVerify.of(CELL, 1, 2, 0.0)


@pytest.mark.parametrize(
    "struct",
    [
        DevicesStruct.of(CELL, 1, CELL.middle),
        DeviceRows.of(range(1), PATTERN.geometry, PATTERN.sign, PATTERN.nonzero),
        verify(),
        DeviceReads.of(CELL, PATTERN.rows, 0, 0.0, verify()),
        Turns.of(1, 0, PATTERN.rows),
        Answering(PATTERN.shape)._places(PATTERN.rows.place, 4),
    ],
    ids=lambda struct: type(struct).__name__,
)
def test_a_struct_holds_on_to_all_that_it_points_to(struct: Pointing) -> None:
    held = {
        each.ctypes.data if isinstance(each, np.ndarray) else ctypes.addressof(each)
        for each in struct.pointed_to
        if each is not None
    }
    pointers = [getattr(struct, name) for name, kind in struct._fields_ if kind is ctypes.c_void_p]  # type: ignore[misc]
    assert held and {each for each in pointers if each} <= held


def test_chips_that_are_made_at_once_with_nothing_cached_are_those_made_one_by_one() -> None:
    chips = [ChipInstance(seed, errors=ErrorModel.DEVICE) for seed in range(4)]
    alone = [program(chip, TARGET, PATTERN, "ultra-low-energy") for chip in chips]
    start = Barrier(len(chips))

    def at_once(chip: ChipInstance) -> bytes:
        start.wait()
        return program(chip, TARGET, PATTERN, "ultra-low-energy").sign.tobytes()

    with ThreadPoolExecutor(len(chips)) as pool:
        for _ in range(40):
            c_structs._chords.cache_clear()
            assert list(pool.map(at_once, chips)) == [banks.sign.tobytes() for banks in alone]
