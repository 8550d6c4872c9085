"""The error model `device`: resistances, and the sense amplifiers that read them."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from itertools import islice

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.geometry import COLUMNS, Geometry
from edgebnn.chip.banks.pattern import Pattern, Rows
from edgebnn.chip.banks.programmed_banks import Thresholds
from edgebnn.chip.device.c_structs import DeviceReads, DevicesStruct, DeviceVerify
from edgebnn.chip.device.cell import Cell, cell_error_rates, ternary_rates
from edgebnn.chip.device.cell_solver import solve_cell
from edgebnn.chip.device.conditions import Conditions
from edgebnn.chip.device.error_formulas import SignRates, TernaryRates
from edgebnn.chip.device.programming_pulses import ProgrammedDevices, program_all, program_verified
from edgebnn.chip.device.provenance import single_evidence
from edgebnn.chip.device.read_back import ReadBack
from edgebnn.chip.device.resistances import BL, BLB, Devices, Flags, Sticking, amplifier_offsets, telegraph_amplitudes
from edgebnn.chip.device.sensing import answer_thresholds
from edgebnn.chip.device.stuck_devices import drawn_sticking
from edgebnn.chip.energy.pulse_count import PulseCount
from edgebnn.chip.errors.answers import Answering
from edgebnn.chip.errors.model import Model, xnor_rate
from edgebnn.chip.errors.weight_flips import misread
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorKinds
from edgebnn.chip.measured.devices import measured_sticking, with_measured
from edgebnn.chip.random.normal import Floats
from edgebnn.chip.target.quantity import Evidence
from edgebnn.chip.target.target import Target
from edgebnn.confidence import Tally

_BLOCK_ROWS = 1024  # whose thresholds are in memory at once


class DeviceModel(Model):
    """Devices are programmed with the pulses that follow the chip's cycles, and read through their amplifiers."""

    def program(self, chip: ChipInstance, target: Target, pattern: Pattern, policy: str, answering: Answering) -> None:
        """As `Model` has it: rows with their own number of attempts, and each XNOR wrong besides."""
        for attempts, part in pattern.by_attempts(chip.attempts):
            _program(chip.with_attempts(attempts), target, part, policy, xnor_rate(chip), answering)

    def rates(self, chip: ChipInstance, target: Target, policy: str) -> SignRates:
        """As `Model` has it; of a part of the errors those of a cell without the others."""
        if chip.kinds is not ErrorKinds.BOTH:
            return cell_error_rates(device_cell(chip, target, policy))
        return super().rates(chip, target, policy)

    def window_rates(self, chip: ChipInstance, target: Target, policy: str) -> TernaryRates | None:
        """As `Model` has it."""
        return ternary_rates(device_cell(chip, target, policy))

    def evidence(self, target: Target, policy: str, conditions: Conditions) -> Evidence:
        """As `Model` has it: through the spread of single devices."""
        return single_evidence(target, policy, conditions)

    def measured_rates(
        self, chip: ChipInstance, target: Target, policy: str, rows: Rows
    ) -> tuple[npt.NDArray[np.floating], Flags]:
        """As `known_wrong` has it."""
        return known_wrong(chip, target, policy, rows)

    def tally(self, wrong: Flags, geometry: Geometry) -> Tally:
        """As `Model` has it: by the amplifier that they have in common."""
        by_column = wrong.sum(axis=1, dtype=np.int64)
        return Tally.grouped(geometry.by_amplifier(by_column), geometry.rows * geometry.reads_per_row)


def _program(
    chip: ChipInstance, target: Target, pattern: Pattern, policy: str, xnor: float, answering: Answering
) -> None:
    """Rows with the chip's number of attempts; each XNOR is wrong at the rate `xnor` besides."""
    cell = device_cell(chip, target, policy)
    if chip.measured is None:
        devices, rows, verify = DevicesStruct.of(cell, chip.seed, cell.middle), pattern.rows, None
        if chip.attempts > 1:
            back = _read_back(chip, target, policy)
            verify = DeviceVerify.of(back.cell, chip.seed, chip.attempts, back.guard_band)
        answering.by_devices(devices, DeviceReads.of(cell, rows, chip.conditions.cycles, xnor, verify), rows)
    else:
        for rows in pattern.blocks(_BLOCK_ROWS):
            answering.by_thresholds(rows.place, *row_thresholds(chip, target, policy, rows, xnor))


def row_thresholds(
    chip: ChipInstance, target: Target, policy: str, rows: Rows, xnor: float
) -> tuple[Thresholds, Thresholds]:
    """What some rows answer, as `answer_thresholds` has it, in NumPy; the C of `Answering.by_devices` does the same."""
    cell, read_back = device_cell(chip, target, policy), _read_back(chip, target, policy)
    offsets = row_offsets(chip, rows, cell)
    devices = programmed_devices(chip, rows, read_back, offsets).devices
    amplitudes = telegraph_amplitudes(chip.seed, rows.bank_row, cell)
    resistance = ln_resistance(chip, rows, devices, cell)
    minus, at_most_zero = answer_thresholds(cell, resistance, offsets, rows.ternary, amplitudes)
    return misread(minus, at_most_zero, rows.ternary, xnor) if xnor else (minus, at_most_zero)


def device_cell(chip: ChipInstance, target: Target, policy: str) -> Cell:
    """The chip's cell without the spreads of errors that are left out; an amplifier's offset belongs to both kinds."""
    cell = solve_cell(target, policy, chip.conditions)
    if chip.kinds is ErrorKinds.PROGRAMMING:
        return cell.without_noise()
    if chip.kinds is ErrorKinds.READ:
        return cell.without_spreads()
    return cell


def _read_back(chip: ChipInstance, target: Target, policy: str) -> ReadBack:
    """How the chip is read right after programming: at its supply and temperature, before anything has aged
    or relaxed.

    The noise of these reads decides what programming leaves, so it belongs to the errors of programming.
    """
    fresh = replace(chip.conditions, retention_s=0.0)
    cell = solve_cell(target, policy, fresh)
    if chip.kinds is ErrorKinds.READ:
        cell = cell.without_spreads()
    return ReadBack(cell.unrelaxed(), chip.guard_band)


def row_pulses(chip: ChipInstance, target: Target, policy: str, rows: Rows) -> PulseCount:
    """What programming the rows takes, further attempts included."""
    read_back = _read_back(chip, target, policy)
    return programmed_devices(chip, rows, read_back, row_offsets(chip, rows, read_back.cell)).pulses


def programmed_devices(chip: ChipInstance, rows: Rows, read_back: ReadBack, offsets: Floats) -> ProgrammedDevices:
    """The rows' devices after the chip programmed them, and what that took."""
    devices = worn_devices(chip, rows.bank_row, sticking(chip, rows, read_back.cell))
    if chip.attempts == 1:
        return program_all(devices, rows.sign, rows.nonzero)
    attempts = program_verified(devices, rows.sign, rows.nonzero, rows.ternary, read_back, offsets)
    return deque(islice(attempts, chip.attempts), maxlen=1).pop()


def programmed_ln_resistance(chip: ChipInstance, target: Target, policy: str, rows: Rows) -> Floats:
    """ln R of the rows' devices after the chip programmed them, float32 (rows, 32, 2)."""
    cell = device_cell(chip, target, policy)
    devices = programmed_devices(chip, rows, _read_back(chip, target, policy), row_offsets(chip, rows, cell)).devices
    return ln_resistance(chip, rows, devices, cell)


def worn_devices(chip: ChipInstance, bank_row: npt.NDArray[np.int64], stuck: Sticking | None = None) -> Devices:
    """Devices of some rows that were programmed as often as the chip's cycles say, all of them last to HRS."""
    shape = (len(bank_row), COLUMNS, 2)
    last = chip.conditions.cycles - 1
    return Devices(chip.seed, bank_row, np.zeros(shape, np.bool_), np.full(shape, last, np.int64), stuck)


def row_offsets(chip: ChipInstance, rows: Rows, cell: Cell) -> Floats:
    """The offset of each synapse's amplifier, float32 (rows, 32)."""
    stripes, place = np.unique(rows.stripe, return_inverse=True)
    return amplifier_offsets(chip.seed, stripes, cell, rows.geometry)[place]


def ln_resistance(chip: ChipInstance, rows: Rows, devices: Devices, cell: Cell) -> Floats:
    """ln R of the rows' devices, float32 (rows, 32, 2): as drawn, and as measured where the chip was measured."""
    drawn = devices.ln_resistance(cell)
    if chip.measured is None or chip.kinds is ErrorKinds.READ:
        return drawn
    found, _ = with_measured(chip.measured, rows.cell, devices, drawn)
    return found


def known_wrong(chip: ChipInstance, target: Target, policy: str, rows: Rows) -> tuple[Floats, Flags]:
    """How often each synapse of some rows is wrong by what was measured of it, 0, 1 or 1/2, and where that is known.

    Float32 and bool (rows, 32): of weights +-1, by which of their devices has the larger resistance.
    """
    assert chip.measured is not None, "asked for measured chips alone"
    cell = device_cell(chip, target, policy)
    devices = program_all(
        worn_devices(chip, rows.bank_row, sticking(chip, rows, cell)), rows.sign, rows.nonzero
    ).devices
    found, known = with_measured(chip.measured, rows.cell, devices, devices.ln_resistance(cell))
    margin = (found[..., BLB] - found[..., BL]) * rows.values
    return np.where(margin == 0, np.float32(0.5), (margin < 0).astype(np.float32)), known & (rows.values != 0)


def sticking(chip: ChipInstance, rows: Rows, cell: Cell) -> Sticking | None:
    """Which of the rows' devices are stuck: as drawn, and as measured where the chip was measured."""
    drawn = drawn_sticking(chip.seed, rows.bank_row, cell)
    if chip.measured is None or chip.kinds is ErrorKinds.READ:
        return drawn
    return measured_sticking(chip.measured, rows.cell, drawn)
