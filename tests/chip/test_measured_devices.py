"""Cells measured with both weights and more than once, and stuck ones: by docs/chips.md alone, beside the model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebnn.chip.banks.geometry import Geometry
from edgebnn.chip.banks.programmed_banks import unpack
from edgebnn.chip.device.conditions import Conditions
from edgebnn.chip.errors.device_model import programmed_ln_resistance
from edgebnn.chip.errors.error_rates import chip_rate
from edgebnn.chip.errors.programming import program
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorKinds, ErrorModel
from edgebnn.chip.measured.cells import Measured
from edgebnn.chip.measured.files import read_measured
from edgebnn.chip.study.chip_comparison import uniform_pattern
from edgebnn.chip.target_files.loading import load_target
from edgebnn.confidence import Tally
from edgebnn.report.chip_documents import import_document
from tests.chip.measured_lists import RESISTANCES, csv_file, parquet_file

RRAM130 = load_target("rram130")
ROW = Geometry(rows=1, columns=32, sense_amplifiers=32)
HEADER = f"{RESISTANCES},reading"
STUCK = f"{HEADER},stuck_bl,stuck_blb"

# (weight, repeat) -> (BL, BLb) in ohm
Readings = dict[tuple[int, int], tuple[float, float]]


def chip_of(path: Path, text: str, cycles: int = 0) -> ChipInstance:
    measured = read_measured(csv_file(path / "lab.csv", text)).measured
    conditions = Conditions(cycles=cycles)
    return ChipInstance(5, errors=ErrorModel.DEVICE, policy="strong", conditions=conditions, measured=measured)


def ohms(chip: ChipInstance, weight: int) -> np.ndarray:
    """Of the first row's devices, all programmed to a weight, (32, 2)."""
    (rows,) = uniform_pattern(weight, 1, ROW).blocks(1)
    return np.exp(programmed_ln_resistance(chip, RRAM130, "strong", rows)[0].astype(np.float64))


def drawn_ohms(chip: ChipInstance, weight: int) -> np.ndarray:
    drawn = ChipInstance(chip.seed, errors=ErrorModel.DEVICE, policy="strong", conditions=chip.conditions)
    return ohms(drawn, weight)


def reads_plus(chip: ChipInstance, weight: int) -> np.ndarray:
    banks = program(chip, RRAM130, uniform_pattern(weight, 1, ROW), "strong")
    return unpack(banks.sign[0, 0, 1])


def test_either_device_has_its_own_resistance_in_either_state(tmp_path: Path) -> None:
    text = f"{HEADER}\n0,0,0,8000,251000,+1\n0,0,0,249000,7000,-1\n0,0,0,260000,270000,0\n"
    chip = chip_of(tmp_path, text)
    for weight, expected in ((1, [8000, 251000]), (-1, [249000, 7000]), (0, [260000, 270000])):
        assert ohms(chip, weight)[0] == pytest.approx(expected, rel=1e-5)
        assert ohms(chip, weight)[1] == pytest.approx(drawn_ohms(chip, weight)[1])


def test_both_weights_are_enough_for_a_zero_and_one_is_for_its_mirror_image(tmp_path: Path) -> None:
    both = chip_of(tmp_path, f"{HEADER}\n0,0,0,8000,251000,1\n0,0,0,249000,7000,-1\n")
    assert ohms(both, 0)[0] == pytest.approx([249000, 251000], rel=1e-5)
    for text, minus, zero in (
        (f"{HEADER}\n0,0,0,8000,251000,1\n", [251000, 8000], (1, 251000)),
        (f"{HEADER}\n0,0,0,251000,8000,-1\n", [251000, 8000], (0, 251000)),
    ):
        one = chip_of(tmp_path, text)
        assert ohms(one, -1)[0] == pytest.approx(minus, rel=1e-5)
        assert ohms(one, 1)[0] == pytest.approx(minus[::-1], rel=1e-5)
        side, ohm = zero
        assert ohms(one, 0)[0, side] == pytest.approx(ohm, rel=1e-5)
        assert ohms(one, 0)[0, 1 - side] == pytest.approx(drawn_ohms(one, 0)[0, 1 - side])


@pytest.mark.parametrize("cycles", range(7))
def test_each_pulse_takes_the_next_repeat_and_after_the_last_the_first(tmp_path: Path, cycles: int) -> None:
    lines = [f"0,0,0,{8000 + i},{250000 + i},+1/{number}" for i, number in ((2, 7), (0, 1), (1, 3))]
    chip = chip_of(tmp_path, "\n".join([HEADER, *lines, "0,0,0,240000,9000,-1"]), cycles)
    assert ohms(chip, 1)[0] == pytest.approx([8000 + cycles % 3, 250000 + cycles % 3], rel=2e-5)
    assert ohms(chip, -1)[0] == pytest.approx([240000, 9000], rel=1e-5)


@pytest.mark.parametrize("sign", [1, -1])
def test_of_stuck_cells_exactly_those_look_right_whose_state_is_the_wanted_one(tmp_path: Path, sign: int) -> None:
    """Twenty of them, half stuck as +1 and half as -1, measured once after +1 was programmed."""
    lines = [f"0,0,{i},{'8000,250000' if i < 10 else '250000,8000'},+1," for i in range(20)]
    stuck = ["lrs,hrs" if i < 10 else "hrs,lrs" for i in range(20)]
    chip = chip_of(tmp_path, "\n".join([STUCK, *(a + b for a, b in zip(lines, stuck, strict=True))]))
    for cycles in (0, 1, 9):
        here = ChipInstance(2, errors=ErrorModel.DEVICE, measured=chip.measured, conditions=Conditions(cycles=cycles))
        assert np.array_equal(reads_plus(here, sign)[:20], np.arange(20) < 10)
    found = chip_rate(chip, RRAM130, "strong", uniform_pattern(sign, 1, ROW))
    assert found.measured_share == 20 / 32 and found.rate == pytest.approx(10 / 32, abs=1e-6)


def test_the_same_twenty_measured_with_both_weights_look_the_same(tmp_path: Path) -> None:
    """Without a word of being stuck: the resistances of both readings say it."""
    both = [
        f"0,0,{i},{'8000,250000' if i < 10 else '250000,8000'},{weight}" for i in range(20) for weight in ("+1", "-1")
    ]
    chip = chip_of(tmp_path, "\n".join([HEADER, *both]))
    for sign in (1, -1):
        assert np.array_equal(reads_plus(chip, sign)[:20], np.arange(20) < 10)


def test_one_stuck_device_leaves_the_other_one_free(tmp_path: Path) -> None:
    """Its resistance is what was measured of it; the other is drawn in the state that was not measured."""
    chip = chip_of(tmp_path, f"{STUCK}\n0,0,0,243000,236000,+1,hrs,\n0,0,1,8100,236000,+1,,hrs\n")
    assert ohms(chip, 1)[0] == pytest.approx([243000, 236000], rel=1e-5)
    minus = ohms(chip, -1)
    assert minus[0] == pytest.approx([243000, drawn_ohms(chip, -1)[0, 1]], rel=1e-5)
    assert minus[1] == pytest.approx([drawn_ohms(chip, -1)[1, 0], 236000], rel=1e-5)
    assert not reads_plus(chip, -1)[0]


def test_stuck_devices_need_no_resistances(tmp_path: Path) -> None:
    """Then they are drawn in their state, and stay at that through all pulses."""
    text = "bank,row,column,stuck_bl,stuck_blb\n0,0,0,lrs,hrs\n0,0,1,,LRS\n"
    first, later = (chip_of(tmp_path, text, cycles) for cycles in (0, 6))
    plus = drawn_ohms(first, 1)
    for chip in (first, later):
        for weight in (1, -1):
            assert ohms(chip, weight)[0] == pytest.approx(plus[0])
            assert ohms(chip, weight)[1, 1] == pytest.approx(drawn_ohms(first, -1)[1, 1])
            assert ohms(chip, weight)[2] == pytest.approx(drawn_ohms(chip, weight)[2])
        assert reads_plus(chip, 1)[0] and reads_plus(chip, -1)[0]


def test_reads_alone_know_nothing_of_measured_devices(tmp_path: Path) -> None:
    measured = chip_of(tmp_path, f"{STUCK}\n0,0,0,250000,8000,+1,hrs,lrs\n").measured
    kinds = ErrorKinds.READ
    here, there = (
        ChipInstance(1, errors=ErrorModel.DEVICE, kinds=kinds, policy="strong", measured=each)
        for each in (measured, None)
    )
    assert np.array_equal(ohms(here, 1), ohms(there, 1))


def test_parquet_says_the_same_in_texts_and_numbers(tmp_path: Path) -> None:
    lines = ["0,0,0,8000,251000,1,,", "0,0,0,249000,7000,-1,,", "0,0,1,9000,236000,0,,hrs"]
    csv = read_measured(csv_file(tmp_path / "lab.csv", "\n".join([STUCK, *lines]))).measured
    columns = {
        "bank": [0, 0, 0], "row": [0, 0, 0], "column": [0, 0, 1], "r_bl_ohm": [8e3, 249e3, 9e3],
        "r_blb_ohm": [251e3, 7e3, 236e3], "stuck_blb": [None, None, "hrs"], "stuck_bl": [None, None, None],
    }  # fmt: skip
    for readings in (["+1", "-1", "0"], [1, -1, 0]):
        parquet = read_measured(parquet_file(tmp_path / "lab.parquet", columns | {"reading": readings})).measured
        for name in ("cell", "reading", "ln_resistance", "stuck"):
            assert np.array_equal(getattr(csv, name), getattr(parquet, name)), name


def test_a_note_says_how_many_cells_have_a_mirror_image(tmp_path: Path) -> None:
    lines = ["0,0,0,8000,251000,1,,", "0,0,0,249000,7000,-1,,", "0,0,1,9000,236000,1,,hrs", "0,0,2,9000,236000,1,,"]
    found = read_measured(csv_file(tmp_path / "lab.csv", "\n".join([STUCK, *lines])))
    assert found.measured.mirrored == 1
    chip = ChipInstance(1, errors=ErrorModel.DEVICE, measured=found.measured)
    document = import_document(chip, RRAM130, "strong", _nothing_wrong(), tmp_path / "x.npz", found)
    (note,) = [each for each in document["notes"] if "mirror" in each]
    assert note.startswith("measured with one weight alone: 1 of 3 cells;")
    assert not [each for each in document["notes"] if "as 0 alone" in each]
    assert document["measurement"]["stuck_devices"] == {"lrs": 0, "hrs": 1} and document["measurement"]["readings"] == 4


def test_of_rates_alone_no_cell_has_a_reading() -> None:
    measured = Measured(np.array([3]), np.full((1, 2), 0.25), None, "lab.csv", "0" * 64)
    assert (measured.mirrored, measured.zeros_alone) == (0, 0)


def test_a_note_asks_for_the_state_that_was_never_measured(tmp_path: Path) -> None:
    lines = ["0,0,0,240000,251000,0,,", "0,0,1,9000,236000,0,,hrs", "0,0,2,239000,236000,0,,", "0,0,2,9000,236000,+1,,"]
    found = read_measured(csv_file(tmp_path / "lab.csv", "\n".join([STUCK, *lines])))
    chip = ChipInstance(1, errors=ErrorModel.DEVICE, measured=found.measured)
    notes = import_document(chip, RRAM130, "strong", _nothing_wrong(), tmp_path / "x.npz", found)["notes"]
    (note,) = [each for each in notes if "as 0 alone" in each]
    assert "1 of 3 cells" in note and "add a line with the reading +1 or -1" in note


def _nothing_wrong():  # type: ignore[no-untyped-def]
    from edgebnn.chip.study.chip_comparison import WrongSigns, WrongSynapses

    return WrongSigns(WrongSynapses(Tally(0, 1), 0.0), WrongSynapses(Tally(0, 1), 0.0))


def expected(readings: Readings, stuck: tuple[str, str], weight: int, pulse: int) -> list[float | None]:
    """From the page: what both devices of a cell are, None where they are drawn."""

    def of(weights: list[int], side: int, at: int) -> float | None:
        for each in weights:
            repeats = [readings[key][side] for key in sorted(readings) if key[0] == each]
            if repeats:
                return repeats[at % len(repeats)]
        return None

    found = []
    for side, own in ((0, 1), (1, -1)):  # `own` is the weight with which the side is in LRS
        in_hrs = [-own, 0] if weight else [0, -own]
        if stuck[side]:
            found.append(of([own, -own, 0] if stuck[side] == "lrs" else [-own, 0, own], side, 0))
            continue
        value = of([own] if weight == own else in_hrs, side, pulse)
        if value is None and weight and not stuck[1 - side]:
            value = of([-own] if weight == own else [own], 1 - side, pulse)
        found.append(value)
    return found


@given(
    st.dictionaries(
        st.tuples(st.sampled_from([-1, 0, 1]), st.integers(1, 3)),
        st.tuples(st.floats(1e3, 1e6), st.floats(1e3, 1e6)),
        min_size=1,
    ),
    st.tuples(*2 * [st.sampled_from(["", "", "lrs", "hrs"])]),
    st.sampled_from([-1, 0, 1]),
    st.integers(0, 8),
)
def test_any_cell_is_as_the_page_says(
    tmp_path_factory: pytest.TempPathFactory, readings: Readings, stuck: tuple[str, str], weight: int, pulse: int
) -> None:
    lines = [f"0,0,4,{bl!r},{blb!r},{w}/{n},{stuck[0]},{stuck[1]}" for (w, n), (bl, blb) in readings.items()]
    chip = chip_of(tmp_path_factory.getbasetemp(), "\n".join([STUCK, *lines]), pulse)
    # A stuck device that is drawn is as pulse 0 of its state left it.
    drawn = drawn_ohms(chip, weight)[4]
    for side, value in enumerate(expected(readings, stuck, weight, pulse)):
        found = ohms(chip, weight)[4, side]
        if value is not None or not stuck[side]:
            assert found == pytest.approx(drawn[side] if value is None else value, rel=1e-5)


def test_arrays_of_readings_that_fit_no_cells_are_refused() -> None:
    from edgebnn.errors import DataError

    ln = np.full((2, 2), 9, np.float32)
    for reading in ([14, 5], [14, 15], [14], [5, 14, 14]):
        with pytest.raises(DataError, match=r"readings are not those|measured numbers"):
            Measured(np.array([1, 4]), None, ln, "lab.csv", "0" * 64, np.array(reading))
    with pytest.raises(DataError, match="measured numbers are not int8 from 0 to 2"):
        Measured(np.array([1]), None, None, "lab.csv", "0" * 64, None, np.array([[0, 3]], np.int8))
