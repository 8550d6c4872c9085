"""Which places of a chip err how often, as a few readings of it show."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import edgebnn.chip.errors.error_map
from edgebnn.chip.banks.geometry import COLUMNS
from edgebnn.chip.banks.pattern import BINARY, Pattern
from edgebnn.chip.banks.read_errors import wrong_read
from edgebnn.chip.errors.error_map import _estimates, _Tally, batch_map, error_map
from edgebnn.chip.errors.programming import program
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorModel
from edgebnn.chip.target.target import Target
from edgebnn.chip.target_files.loading import load_target
from edgebnn.chip.target_files.settings import with_settings

POLICY = "ultra-low-energy"


def small_target() -> Target:
    """rram130 with 64 banks."""
    target = load_target("rram130")
    assert target.array is not None
    array = msgspec.structs.replace(target.array, banks=msgspec.structs.replace(target.array.banks, value=64))
    return msgspec.structs.replace(target, array=array)


SMALL = small_target()


def test_a_map_learns_from_other_programmings_than_the_chip_is_used_with(monkeypatch: pytest.MonkeyPatch) -> None:
    chip, cycles = ChipInstance(3, errors=ErrorModel.TABLE, policy=POLICY), []

    def noted(one: ChipInstance, *arguments: object) -> object:
        cycles.append(one.conditions.cycles)
        return program(one, *arguments)

    monkeypatch.setattr(edgebnn.chip.errors.error_map, "program", noted)
    error_map(chip, SMALL, POLICY, 4, 3)
    assert len(set(cycles)) == 3 and min(cycles) > chip.conditions.cycles


@pytest.mark.parametrize("readings", [2, 4])
def test_devices_that_differ_from_place_to_place_alone_have_rates_too(readings: int) -> None:
    target = with_settings(SMALL, {"physics.variability.device_share": (1, "1")})
    chip = ChipInstance(1, errors=ErrorModel.DEVICE, policy=POLICY)
    found = error_map(chip, target, POLICY, 4, readings)
    assert all(np.isfinite(rates).all() and (rates > 0).all() for rates in found.rates.values())


@given(st.integers(1, 16), st.lists(st.floats(0, 1), min_size=4, max_size=4))
@settings(max_examples=60)
def test_any_tally_has_rates(readings: int, parts: list[float]) -> None:
    """Reads that are wrong in part, alike in all readings: what rounding leaves of their variance is no trouble."""
    wrong = np.resize(np.array(parts), (2, 4, COLUMNS))
    tally = _Tally.of(wrong)
    for _ in range(1, readings):
        tally.add(np.arange(2), wrong)
    rates = _estimates({1: tally, -1: _Tally.of(wrong[:, ::-1].copy())})
    assert all(np.isfinite(each).all() and (each >= 0).all() and (each <= 1).all() for each in rates.values())


@pytest.mark.parametrize("readings", [2, 3, 5])
def test_the_noise_of_readings_is_the_share_of_a_count_that_chance_makes_vary(readings: int) -> None:
    """Of cells that err alike at random, the variance of one reading by what is expected: 1 - rate."""
    rng = np.random.default_rng(readings)
    wrong = (rng.random((readings, 2, 64, COLUMNS)) < 0.2).astype(np.float64)
    tally = _Tally.of(wrong[0].copy())
    for each in wrong[1:]:
        tally.add(np.arange(2), each)
    assert tally.noise() == pytest.approx(0.8, abs=0.06)


def test_reads_that_are_wrong_in_part_have_less_noise_than_whole_errors() -> None:
    """As those of devices are: of cells that were read once, too, or a bank's bad ones would pass for chance."""
    wrong = np.where(np.random.default_rng(3).random((2, 64, COLUMNS)) < 0.1, 0.5, 0.0)
    assert _Tally.of(wrong).noise() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("errors", [0, 1, 100])
def test_readings_that_all_agree_leave_the_noise_of_one_error_more(errors: int) -> None:
    wrong = np.zeros((1, 4, COLUMNS))
    wrong.reshape(-1)[:errors] = 1
    tally = _Tally.of(wrong.copy())
    for _ in range(3):
        tally.add(np.arange(1), wrong)
    assert tally.noise() == pytest.approx(1 / (4 * errors + 1))


def test_a_map_has_rates_of_the_weights_that_there_are() -> None:
    chip = ChipInstance(8, errors=ErrorModel.TABLE, policy=POLICY)
    assert set(error_map(chip, SMALL, POLICY, 4, 2).rates) == set(batch_map(SMALL, POLICY, 4).rates) == {1, -1}
    ternary = error_map(chip, SMALL, POLICY, 4, 2, ternary=True), batch_map(SMALL, POLICY, 4, ternary=True)
    assert all(set(each.rates) == {1, -1, 0} for each in ternary)


def test_readings_find_single_devices_that_err_again() -> None:
    """Of `device`, which reads wrong in part: cells that a map calls bad err far more in another programming."""
    assert SMALL.array is not None
    chip, geometry = ChipInstance(5, errors=ErrorModel.DEVICE, policy=POLICY), SMALL.array.geometry
    found = error_map(chip, SMALL, POLICY, 16, 4).rates[1]
    shape = found.shape[:2]
    held = np.full(shape, 0xFFFFFFFF, np.uint32)
    pattern = Pattern(geometry, held, held, np.full(shape, BINARY, np.uint8), np.zeros(shape))
    wrong = wrong_read(program(chip, SMALL, pattern, POLICY), held, held, 1)
    bad = found > np.quantile(found, 0.95)
    assert wrong[bad].mean() > 3 * wrong[~bad].mean()
    # And the map says how much more, in the mean.
    assert found[bad].mean() == pytest.approx(wrong[bad].mean(), rel=0.25)


def test_a_map_finds_the_rates_by_place() -> None:
    """The mean of the best banks' true rates, as many programmings show them, is near what a map says of them."""
    chip = ChipInstance(8, errors=ErrorModel.TABLE, policy=POLICY)
    few, many = (error_map(chip, SMALL, POLICY, 4, readings) for readings in (4, 40))
    best = np.argsort(few.rates[1].mean(axis=(1, 2)))[:4]
    told, true = (each.rates[1][best].mean() for each in (few, many))
    assert told == pytest.approx(true, rel=0.15)
    assert true < 0.8 * many.rates[1].mean()


def test_all_chips_of_a_target_err_alike_everywhere() -> None:
    whole = batch_map(load_target("rram130"), POLICY, 3)
    assert all(len(np.unique(rates)) == 1 for rates in whole.rates.values())
