"""Two chips side by side: the same one, one that went further, and one that has nothing to do with it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgebnn.chip.banks.geometry import SINGLE, Geometry, cell_number
from edgebnn.chip.device.conditions import Conditions
from edgebnn.chip.instance.chip_checks import check_chip, default_policy
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorModel
from edgebnn.chip.measured.cells import Measured
from edgebnn.chip.study.chip_comparison import ChipComparison, compare_chips, phi, sample_shape, wrong_signs
from edgebnn.chip.target_files.loading import load_target
from edgebnn.errors import TargetError
from tests.mapping.bank_shapes import with_banks

RRAM130 = load_target("rram130")


def compared(a: ChipInstance, b: ChipInstance, banks: int = 16) -> ChipComparison:
    return compare_chips((a, b), RRAM130, "low-energy", banks)


@pytest.mark.parametrize("errors", [ErrorModel.BER, ErrorModel.TABLE, ErrorModel.DEVICE])
def test_a_chip_is_like_itself(errors: ErrorModel) -> None:
    chip = ChipInstance(7, errors=errors, policy="ultra-low-energy")
    found = compared(chip, chip)
    assert found.fields == {} and (found.banks, found.rows) == (16, 32)
    for pattern in found.patterns:
        assert pattern.differ == 0 and pattern.wrong[0] == pattern.wrong[1]
        # Ternary errors of `ber` and `table` come anew in each read, and the likeliest answer is right.
        assert pattern.correlation == (None if pattern.wrong[0].count == 0 else pytest.approx(1))
        assert pattern.ln_resistance == (0 if errors is ErrorModel.DEVICE else None)
    assert [pattern.weight for pattern in found.patterns] == [1, -1, 0]
    assert [pattern.ternary for pattern in found.patterns] == [False, False, True]


def test_chips_of_two_seeds_know_nothing_of_each_other() -> None:
    a = ChipInstance(1, errors=ErrorModel.DEVICE, policy="ultra-low-energy")
    found = compared(a, replace(a, seed=2))
    assert found.fields == {"seed": (1, 2)}
    for pattern in found.patterns:
        assert pattern.correlation is not None and abs(pattern.correlation) < 0.05
        assert pattern.ln_resistance is not None and pattern.ln_resistance > 0.1
        for wrong in pattern.wrong:
            assert wrong.synapses == 16 * 1024 and wrong.interval[0] < wrong.share < wrong.interval[1]


def test_a_binary_error_rate_is_what_was_asked_for() -> None:
    chip = ChipInstance(3, bit_error_rate=0.02)
    for pattern in compared(chip, chip, banks=64).patterns:
        low, high = pattern.wrong[0].interval
        assert low < 0.02 < high


def test_what_is_wrong_at_one_rate_is_wrong_at_a_higher_one() -> None:
    found = compared(ChipInstance(3, bit_error_rate=0.01), ChipInstance(3, bit_error_rate=0.03))
    assert found.fields == {"bit_error_rate": (0.01, 0.03)}
    plus = found.patterns[0]
    assert plus.differ == plus.wrong[1].count - plus.wrong[0].count > 0


def test_what_differs_is_named(tmp_path: object) -> None:
    measured = Measured(np.array([0]), np.array([[1.0, 1.0]]), None, "lab.csv", "ab" * 32)
    a = ChipInstance(1, errors=ErrorModel.TABLE, conditions=Conditions(supply_v=0.9))
    b = replace(a, measured=measured, conditions=Conditions(cycles=5))
    found = compared(a, b, banks=1)
    assert found.fields == {
        "measured": (None, f"lab.csv (sha256 {'ab' * 8})"),
        "supply_v": (0.9, None),
        "cycles": (0, 5),
    }
    assert found.patterns[0].wrong[1].count >= 1  # the measured cell is wrong for certain


def test_a_sample_is_no_larger_than_the_chip() -> None:
    assert sample_shape(RRAM130, 10**6) == (4096, SINGLE) and sample_shape(RRAM130, 3) == (3, SINGLE)
    shapes = (SINGLE, Geometry(64, 64, 16), Geometry(128, 128, 16), Geometry(512, 512, 64))
    assert [sample_shape(with_banks(bank))[0] for bank in shapes] == [64, 64, 16, 1]


def test_measured_cells_are_as_they_were_measured() -> None:
    """Every cell of bank 0 the wrong way round: it is wrong with +1 and with -1."""
    ln = np.log(np.tile([[250e3, 3e3]], (1024, 1))).astype(np.float32)
    measured = Measured(cell_number(*np.indices((1, 32, 32)).reshape(3, -1)), None, ln, "lab.csv", "0" * 64)
    chip = ChipInstance(1, errors=ErrorModel.DEVICE, measured=measured)
    wrong = wrong_signs(chip, RRAM130, "strong")
    assert wrong.plus.count == wrong.minus.count == 1024


def test_the_correlation_of_flags() -> None:
    a = np.array([1, 1, 0, 0, 1, 0], bool)
    b = np.array([1, 0, 0, 1, 1, 0], bool)
    assert phi(a, b) == pytest.approx(np.corrcoef(a, b)[0, 1]) and phi(a, ~a) == pytest.approx(-1)
    assert phi(a, np.zeros(6, bool)) is None and phi(np.ones(6, bool), a) is None


@pytest.mark.parametrize(
    ("chip", "said"),
    [
        (ChipInstance(1, policy="none-such"), "no programming policy 'none-such'; it has: strong"),
        (ChipInstance(1, conditions=Conditions(cycles=10**7)), "devices programmed under 'strong' endure"),
        (ChipInstance(1, conditions=Conditions(supply_v=2.0)), "not at 2 V"),
        (ChipInstance(1, conditions=Conditions(temperature_k=400.0)), "out of range; choose a temperature"),
    ],
)
def test_a_chip_that_the_target_does_not_have_is_refused(chip: ChipInstance, said: str) -> None:
    with pytest.raises(TargetError, match=said):
        check_chip(chip, RRAM130, ("strong",))


def test_measured_cells_lie_within_the_target() -> None:
    there = "but target 'rram130' has 4096 banks of 32 x 32 cells"
    for place, said in (
        ((4096, 0, 0), f"bank 4096, row 0, column 0, {there}"),
        ((0, 32, 1), f"bank 0, row 32, column 1, {there}"),
        ((0, 1, 32), f"bank 0, row 1, column 32, {there}"),
        ((4095, 31, 31), ""),
    ):
        measured = Measured(np.array([cell_number(*place)]), np.array([[0.5, 0.5]]), None, "lab.csv", "0" * 64)
        chip = ChipInstance(1, errors=ErrorModel.TABLE, measured=measured)
        if said:
            with pytest.raises(TargetError, match=said):
                check_chip(chip, RRAM130, ("strong",))
        else:
            check_chip(chip, RRAM130, ("strong",))


def test_a_target_without_rram_has_no_chips() -> None:
    host = load_target("host")
    for refused in (default_policy, lambda target: compare_chips((ChipInstance(1),) * 2, target, "strong")):
        with pytest.raises(TargetError, match="'host' has no RRAM"):
            refused(host)
