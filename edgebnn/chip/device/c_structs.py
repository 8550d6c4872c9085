"""The C structs with which `runtime/chip` samples cells, as ctypes sees them, and the functions that take them."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.geometry import Geometry
from edgebnn.chip.banks.pattern import Rows
from edgebnn.chip.device.cell import Cell
from edgebnn.chip.device.sensing import upper_chances
from edgebnn.chip.random.normal import WHOLE, Floats, bound_lines, tables
from edgebnn.errors import ToolError
from edgebnn.native import library

ERROR_KINDS = 3  # of `ebnn_device_error`

_word, _count, _pointer, _float = ctypes.c_uint32, ctypes.c_uint64, ctypes.c_void_p, ctypes.c_float


class Pointing(ctypes.Structure):
    """A struct that keeps alive what it points to.

    A cached array is no safe place to point to: threads that ask for it at once make one each, and one alone is kept.
    """

    pointed_to: tuple[Any, ...]


class DevicesStruct(Pointing):
    """`ebnn_devices`."""

    _fields_ = [
        ("chords", _pointer),
        ("seed", _count),
        ("astray", _count),
        ("stuck_low", _count * 2),
        ("stuck_high", _count * 2),
        ("upper", _count),
        ("ln_median", _float * 2 * 2),
        ("device_spread", _float * 2),
        ("cycle_spread", _float * 2),
        ("relaxation_spread", _float * 2),
        ("tail_width", _float),
        ("offset", _float),
        ("noise", _float),
        ("amplitude", _float),
        ("reference", _float),
        ("bound", _float * 2 * 2),
        ("unused", _word),
    ]

    @classmethod
    def of(cls, cell: Cell, seed: int, reference: float) -> DevicesStruct:
        """The devices of a cell; `reference` is the ln R that single ones are compared with."""
        chords = _chords()
        found = cls(chords.ctypes.data, seed, round(cell.tails.share * WHOLE))
        found.pointed_to = (chords,)
        for side, stuck in enumerate(cell.stuck):
            found.stuck_low[side] = round(stuck.lrs * WHOLE)
            found.stuck_high[side] = WHOLE - round(stuck.hrs * WHOLE)
        for state, described in enumerate((cell.hrs, cell.lrs)):  # as `ebnn_devices` has them
            found.ln_median[0][state] = described.ln_median
            found.ln_median[1][state] = described.ln_median + cell.blb_shift
            found.device_spread[state] = described.device_spread
            found.cycle_spread[state] = described.cycle_spread
            found.relaxation_spread[state] = described.relaxation_spread
        found.upper, found.amplitude = round(cell.telegraph.share * WHOLE), cell.telegraph.amplitude
        found.tail_width, found.reference = cell.tails.width, reference
        found.offset, found.noise = cell.offset, cell.noise
        for line, (begin, slope) in enumerate(bound_lines()):
            found.bound[line][:] = [begin, slope]
        return found


class DeviceRows(Pointing):
    """`ebnn_device_rows`."""

    _fields_ = [
        ("sign", _pointer),
        ("nonzero", _pointer),
        ("stride", _word),
        ("first_stripe", _word),
        ("stripes", _word),
        ("rows", _word),
        ("row_bits", _word),
        ("words", _word),
        ("sharing", _word),
        ("unused", _word),
    ]

    @classmethod
    def of(cls, banks: range, geometry: Geometry, sign: npt.ArrayLike, nonzero: npt.ArrayLike) -> DeviceRows:
        """All rows of some banks with their patterns: numbers for all of them, or arrays that fit (stripes, rows)."""
        words = [np.asarray(each, np.uint32) for each in (sign, nonzero)]
        first, stripes = geometry.stripe(banks.start), geometry.stripe(len(banks))
        each_row = any(word.ndim > 0 for word in words)
        if each_row:
            words = [np.ascontiguousarray(np.broadcast_to(word, (stripes, geometry.rows))) for word in words]
        found = cls(
            *(word.ctypes.data for word in words), int(each_row), first, stripes, geometry.rows, geometry.row_bits,
            geometry.words, geometry.reads_per_row,
        )  # fmt: skip
        found.pointed_to = tuple(words)
        return found


class DeviceErrors(ctypes.Structure):
    """`ebnn_device_errors`."""

    _fields_ = [("masks", _pointer * ERROR_KINDS), ("counts", _count * ERROR_KINDS)]


class Turns(Pointing):
    """`ebnn_turns`."""

    _fields_ = [
        ("seed", _count),
        ("event", _count),
        ("bank_row", _pointer),
        ("sign", _pointer),
        ("nonzero", _pointer),
        ("kind", _pointer),
        ("laws", _pointer),
        ("minus", _pointer),
        ("at_most_zero", _pointer),
        ("rows", _count),
    ]

    @classmethod
    def of(cls, seed: int, event: int, rows: Rows) -> Turns:
        """Rows whose weights turn at the programming cycle `event`; how they do is for the caller to set."""
        parts = rows.drawn_row, rows.sign, rows.nonzero, rows.kind
        found = cls(seed, event, *(each.ctypes.data for each in parts), rows=len(rows.row))
        found.pointed_to = parts
        return found


class AnswerPlaces(Pointing):
    """`ebnn_answers`."""

    _fields_ = [
        ("place", _pointer),
        ("sign", _pointer),
        ("nonzero", _pointer),
        ("fresh", _pointer),
        ("tables", _pointer),
        ("first", _count),
        ("room", _count),
        ("count", _count),
    ]


class DeviceVerify(Pointing):
    """`ebnn_device_verify`."""

    _fields_ = [
        ("devices", _pointer),
        ("attempts", _word),
        *((name, _float) for name in ("guard_band", "window", "window_spread")),
    ]

    @classmethod
    def of(cls, cell: Cell, seed: int, attempts: int, guard_band: float) -> DeviceVerify:
        """Cells as they are right after programming, which is tried at most so often."""
        devices = DevicesStruct.of(cell, seed, cell.middle)
        found = cls(ctypes.addressof(devices), attempts, guard_band, cell.window, cell.window_spread)
        found.pointed_to = (devices,)
        return found


class DeviceReads(Pointing):
    """`ebnn_device_reads`."""

    _fields_ = [
        *((name, _pointer) for name in ("below", "bank_row", "sign", "nonzero", "ternary", "verify")),
        ("rows", _count),
        ("pulse", _count),
        ("chances", _count * 4),
        *((name, ctypes.c_double) for name in ("noise", "window_spread", "misread")),
        ("window", _float),
        ("amplitude", _float),
        *((name, _word) for name in ("row_bits", "words", "sharing", "unused")),
    ]

    @classmethod
    def of(
        cls, cell: Cell, rows: Rows, pulse: int, misread: float, verify: DeviceVerify | None = None
    ) -> DeviceReads:  # fmt: skip
        """Rows whose devices have this pulse at the first attempt; each XNOR is wrong at the rate `misread` besides.

        Without `verify` there is one attempt.
        """
        ternary = np.ascontiguousarray(rows.ternary, np.uint8)
        arrays = tables().below, rows.drawn_row, rows.sign, rows.nonzero, ternary
        address = None if verify is None else ctypes.addressof(verify)
        found = cls(*(each.ctypes.data for each in arrays), address, len(rows.row), pulse)
        found.chances[:] = upper_chances(cell.telegraph.share)
        found.noise, found.window_spread, found.misread = cell.noise, cell.window_spread, misread
        found.window = cell.window
        found.amplitude = cell.telegraph.amplitude if cell.telegraph.share else 0.0
        shape = rows.geometry
        found.row_bits, found.words, found.sharing = shape.row_bits, shape.words, shape.reads_per_row
        found.pointed_to = *arrays, verify
        return found


@cache
def chip_library() -> ctypes.CDLL:
    """The runtime's shared library; ToolError where its structs are not the ones above."""
    native: ctypes.CDLL = library()
    kernel, pointer = ctypes.c_int32, ctypes.POINTER
    native.ebnn_sampler_choose.restype = ctypes.c_int32
    native.ebnn_sampler_choose.argtypes = [kernel]
    native.ebnn_device_resistances.restype = None
    native.ebnn_device_resistances.argtypes = [pointer(DevicesStruct), pointer(DeviceRows), _pointer, kernel]
    native.ebnn_device_wrong.restype = None
    native.ebnn_device_wrong.argtypes = [pointer(DevicesStruct), pointer(DeviceRows), pointer(DeviceErrors), kernel]
    native.ebnn_turn.restype = None
    native.ebnn_turn.argtypes = [pointer(Turns), _pointer, _pointer, kernel]
    native.ebnn_answer_by_law.restype = native.ebnn_answer.restype = None
    native.ebnn_answer_by_law.argtypes = [pointer(AnswerPlaces), _count, *[_pointer] * 4]
    native.ebnn_answer.argtypes = [pointer(AnswerPlaces), _count, _pointer, _pointer]
    native.ebnn_answer_devices.restype = None
    native.ebnn_answer_devices.argtypes = [*map(pointer, (DevicesStruct, DeviceReads, AnswerPlaces)), kernel]
    sizes = (
        (native.ebnn_device_bytes, (DevicesStruct, DeviceRows, DeviceErrors)),
        (native.ebnn_device_reads_bytes, (DeviceReads, DeviceVerify)),
        (native.ebnn_turns_bytes, (Turns,)),
        (native.ebnn_answers_bytes, (AnswerPlaces,)),
    )
    for size, _ in sizes:
        size.restype = _word
    if any(size() != sum(map(ctypes.sizeof, structs)) for size, structs in sizes):
        raise ToolError("the compiled runtime is of another version than edgebnn; install edgebnn again")
    return native


@cache
def _chords() -> Floats:
    """(segments, 2): value and slope side by side, so that both come with one look."""
    return np.ascontiguousarray(np.stack([tables().value, tables().slope], axis=-1))
