"""What a measurement's file most likely got wrong: the unit, exchanged columns, a missing column of weights."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from edgebnn.chip.device.cell_solver import solve_cell
from edgebnn.chip.device.conditions import NOMINAL
from edgebnn.chip.measured.plausibility import doubts, orientation
from edgebnn.chip.target_files.loading import load_target

CELL = solve_cell(load_target("rram130"), "nominal", NOMINAL)


def _sides(opposite: float = 0.0, factor: float = 1.0, cells: int = 1000) -> npt.NDArray[np.float32]:
    """ln R (cells, 2) with the policy's medians times a factor, a share of the cells exchanged."""
    ohm = np.random.default_rng(3).lognormal((9.0, 12.4), (0.3, 0.6), (cells, 2)) * factor
    turned = round(opposite * cells)
    ohm[:turned] = ohm[:turned, ::-1]
    return np.log(ohm).astype(np.float32)


NONE = np.zeros((0, 2), np.float32)


def _notes(sides: npt.NDArray[np.float32], weighted: bool = False) -> list[str]:
    return doubts(sides, NONE, weighted, "nominal", CELL)


@pytest.mark.parametrize("weighted", [False, True])
def test_a_sound_measurement_draws_no_note(weighted: bool) -> None:
    assert _notes(_sides(), weighted) == []
    assert _notes(_sides(opposite=0.05), weighted) == []
    assert _notes(_sides(factor=5), weighted) == _notes(_sides(factor=0.2), weighted) == []


@pytest.mark.parametrize("factor", [1e-3, 1e-6, 1e3, 20])
@pytest.mark.parametrize("opposite", [0.0, 1.0])
def test_another_unit_draws_a_note_with_both_medians(factor: float, opposite: float) -> None:
    (note,) = [note for note in _notes(_sides(opposite, factor)) if "median" in note]
    assert "but 8,000 and 250,000 ohm under policy 'nominal'" in note
    assert "kohm" in note


def test_readings_of_zero_show_another_unit_too() -> None:
    """Both of their devices are in HRS, so that they say nothing of LRS."""
    zeros = np.random.default_rng(5).normal(12.4, 0.6, (1000, 2)).astype(np.float32)
    assert doubts(NONE, zeros, True, "nominal", CELL) == []
    (note,) = doubts(NONE, zeros - np.float32(np.log(1000)), True, "nominal", CELL)
    assert note.startswith("the median HRS is 2") and "but 250,000 ohm under" in note and "kohm" in note
    assert "LRS" not in note


def test_one_median_that_is_far_off_is_enough() -> None:
    sides = _sides()
    sides[:, 1] = sides[:, 0] + np.float32(0.5)
    assert len(_notes(sides)) == 1


def test_equal_resistances_are_no_hint_at_exchanged_columns() -> None:
    equal = np.full((1, 2), np.log(10_000), np.float32)
    read = orientation(equal)
    assert (read.opposite, read.equal) == (0.0, 1.0)
    assert not any("exchange" in note or "weight" in note for note in _notes(equal))


@pytest.mark.parametrize(
    ("opposite", "weighted", "said"),
    [
        (1.0, False, "exchange r_bl_ohm and r_blb_ohm"),
        (0.95, False, "exchange r_bl_ohm and r_blb_ohm"),
        (0.9, False, "add the column"),
        (0.5, False, "add the column"),
        (0.1, False, "add the column"),
        (0.6, True, "exchange r_bl_ohm and r_blb_ohm"),
    ],
)
def test_opposite_cells_ask_for_the_weight_or_the_exchange(opposite: float, weighted: bool, said: str) -> None:
    (note,) = _notes(_sides(opposite), weighted)
    assert said in note and f"{opposite:.0%} of the cells" in note
