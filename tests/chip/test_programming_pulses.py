"""SET and RESET, pulse by pulse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from edgebnn.chip.banks.programmed_banks import unpack
from edgebnn.chip.device.cell import cell_error_rate
from edgebnn.chip.device.cell_solver import solve_cell
from edgebnn.chip.device.conditions import Conditions
from edgebnn.chip.device.programming_pulses import (
    program_all,
    program_changes,
    program_verified,
)
from edgebnn.chip.device.read_back import ReadBack
from edgebnn.chip.device.resistances import Devices, amplifier_offsets, wanted_low
from edgebnn.chip.energy.programming_cost import programming_energy, programming_time
from edgebnn.chip.energy.pulse_count import PulseCount
from edgebnn.chip.errors.device_model import worn_devices
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorModel
from edgebnn.chip.study.verify_cost import reads_wrong
from edgebnn.chip.target_files.loading import load_target

RRAM130 = load_target("rram130")
WORD = st.integers(0, 2**32 - 1)
ROWS = st.lists(st.tuples(WORD, WORD), min_size=1, max_size=6)


def fresh_devices(rows: int, cycles: int = 0) -> Devices:
    chip = ChipInstance(4, errors=ErrorModel.DEVICE, conditions=Conditions(cycles=cycles))
    return worn_devices(chip, np.arange(rows))


def words(rows: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    sign, nonzero = (np.array(column, np.uint32) for column in zip(*rows, strict=True))
    return sign & nonzero, nonzero


@settings(deadline=None)
@given(ROWS)
def test_a_sign_takes_a_set_and_a_reset_and_a_zero_two_resets(rows: list[tuple[int, int]]) -> None:
    sign, nonzero = words(rows)
    outcome = program_all(fresh_devices(len(rows)), sign, nonzero)
    signs = int(np.bitwise_count(nonzero).sum())
    assert outcome.pulses.set_pulses == signs
    assert outcome.pulses.reset_pulses == signs + 2 * (32 * len(rows) - signs)
    assert outcome.pulses.steps == len(rows) + int((nonzero != 0).sum())
    assert np.array_equal(outcome.devices.low, wanted_low(sign, nonzero))
    assert (outcome.devices.pulse == 0).all()


@settings(deadline=None)
@given(ROWS, st.data())
def test_reprogramming_reaches_the_pattern_with_pulses_to_what_changes_alone(
    rows: list[tuple[int, int]], data: st.DataObject
) -> None:
    new = data.draw(st.lists(st.tuples(WORD, WORD), min_size=len(rows), max_size=len(rows)))
    (sign, nonzero), (new_sign, new_nonzero) = words(rows), words(new)
    before = program_all(fresh_devices(len(rows)), sign, nonzero).devices
    after = program_changes(before, new_sign, new_nonzero)
    assert np.array_equal(after.devices.low, wanted_low(new_sign, new_nonzero))
    changed = before.low != after.devices.low
    assert np.array_equal(after.devices.pulse - before.pulse, changed)
    assert after.pulses.set_pulses + after.pulses.reset_pulses == int(changed.sum())
    untouched = ~changed
    cell = solve_cell(RRAM130, "low-energy", Conditions())
    same = before.ln_resistance(cell) == after.devices.ln_resistance(cell)
    assert same[untouched].all() and not same[changed].any()
    assert program_changes(after.devices, new_sign, new_nonzero).pulses == PulseCount()


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**40 - 16), st.integers(1, 8))
def test_every_pulse_of_a_device_draws_its_own_deviation(cycles: int, pulses: int) -> None:
    """And the same pulse always the same one, whether both devices of the cell are pulsed with it or not."""
    cell = solve_cell(RRAM130, "nominal", Conditions())
    plus, minus = (np.full(2, word, np.uint32) for word in (2**32 - 1, 0))
    full = np.full(2, 2**32 - 1, np.uint32)
    devices = program_all(fresh_devices(2, cycles), plus, full).devices
    seen = [devices.ln_resistance(cell)]
    for number in range(pulses):
        devices = program_all(devices, plus if number % 2 else minus, full).devices
        seen.append(devices.ln_resistance(cell))
    assert (devices.pulse == cycles + pulses).all()
    assert len({float(each[0, 0, 0]) for each in seen}) == len(seen)
    again = program_all(fresh_devices(2, cycles + pulses), minus if pulses % 2 else plus, full).devices
    assert np.array_equal(again.ln_resistance(cell), seen[-1])
    one_side = Devices(devices.seed, devices.bank_row, devices.low, devices.pulse + np.array([0, 1]))
    moved = one_side.ln_resistance(cell)
    assert np.array_equal(moved[..., 0], seen[-1][..., 0]) and not (moved[..., 1] == seen[-1][..., 1]).any()


def test_deviations_have_the_spreads_of_the_cell() -> None:
    """From device to device and from pulse to pulse, over 131,072 devices and eight pulses."""
    cell = solve_cell(RRAM130, "ultra-low-energy", Conditions())
    rows = 2048
    full = np.full(rows, 2**32 - 1, np.uint32)
    drawn = []
    devices = fresh_devices(rows)
    for _ in range(8):
        devices = program_all(devices, full, full).devices
        drawn.append(devices.ln_resistance(cell).astype(np.float64))
    values = np.stack(drawn) - np.where(devices.low, cell.lrs.ln_median, cell.hrs.ln_median)
    assert abs(values.mean()) < 5 * cell.lrs.spread / np.sqrt(values[0].size)
    within = values.var(axis=0, ddof=1).mean()
    between = values.mean(axis=0).var() - within / 8
    # The variance of n normal numbers has a relative spread of sqrt(2 / n).
    assert within == pytest.approx(cell.lrs.cycle_spread**2, rel=5 * np.sqrt(2 / (7 * values[0].size)))
    assert between == pytest.approx(cell.lrs.device_spread**2, rel=10 * np.sqrt(2 / values[0].size))


def test_verifying_costs_pulses_and_leaves_what_theory_leaves() -> None:
    """A second attempt redraws the pulse's deviation but not the device's: errors that remain are more than p^2."""
    cell = solve_cell(RRAM130, "ultra-low-energy", Conditions())
    rows = 4096
    plus = np.full(rows, 2**32 - 1, np.uint32)
    binary = np.zeros(rows, np.bool_)
    offsets = np.repeat(amplifier_offsets(4, np.arange(rows // 32), cell), 32, axis=0)
    devices = fresh_devices(rows)
    once, twice, *_, many = program_verified(devices, plus, plus, binary, ReadBack(cell), offsets)
    assert once.rejected is not None and twice.rejected is not None
    failed = int(once.rejected.sum())
    assert twice.pulses.set_pulses == once.pulses.set_pulses + failed
    assert twice.pulses.reset_pulses == once.pulses.reset_pulses + failed
    policy = RRAM130.policy("ultra-low-energy")
    assert programming_energy(once.pulses, policy).total_j == pytest.approx(rows * 32 * 9e-12)
    assert programming_time(once.pulses, policy).time_s == pytest.approx(rows * 2 * 100e-9)
    assert not (twice.rejected & ~once.rejected).any()
    rate = cell_error_rate(cell)
    remaining = binomtest(int(twice.rejected.sum()), failed).proportion_ci(0.9999, "exact")
    assert remaining.low > rate and remaining.high < 0.5
    assert many.rejected is not None and not many.rejected.any()
    # Accepted by one noisy read; without noise a few of the closest calls are wrong all the same.
    closest = reads_wrong(many.devices, plus, plus, binary, cell, offsets).mean()
    assert 0 < closest < 0.02 * rate


def test_a_noiseless_read_accepts_what_reads_right() -> None:
    """Binary and ternary rows, all three weights; with a guard band, a part of that."""
    cell = replace(solve_cell(RRAM130, "ultra-low-energy", Conditions()), noise=0.0, window_spread=0.0)
    rows = 512
    draws = np.random.default_rng(2)
    sign = draws.integers(0, 2**32, rows, np.uint32)
    ternary = np.arange(rows) % 2 == 1
    nonzero = np.where(ternary, draws.integers(0, 2**32, rows, np.uint32), np.uint32(2**32 - 1)).astype(np.uint32)
    offsets = np.repeat(amplifier_offsets(4, np.arange(rows // 32), cell), 32, axis=0)
    devices = program_all(fresh_devices(rows), sign, nonzero).devices
    right = ~reads_wrong(devices, sign, nonzero, ternary, cell, offsets)
    accepted = ReadBack(cell).accepts(devices, sign, nonzero, ternary, offsets)
    assert np.array_equal(accepted, right) and 0 < right.mean() < 1
    guarded = ReadBack(cell, 0.3).accepts(devices, sign, nonzero, ternary, offsets)
    assert not (guarded & ~right).any() and guarded.sum() < right.sum()
    bl, blb = np.moveaxis(devices.ln_resistance(cell)[~ternary], -1, 0)
    wanted = np.where(unpack(sign)[~ternary], 1, -1)
    distance = wanted * (blb - bl)
    assert (distance[guarded[~ternary]] >= 0.3 - 0.1).all()  # by the amplifier's offset, which is much smaller than 0.1
