"""What programmed rows answer, from 2^32 times the probabilities that a read finds -1, and at most 0; in C."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.geometry import COLUMNS, Geometry
from edgebnn.chip.banks.pattern import Rows
from edgebnn.chip.banks.programmed_banks import TABLE_WORDS, ProgrammedBanks, Thresholds
from edgebnn.chip.device.c_structs import AnswerPlaces, DeviceReads, DevicesStruct, chip_library
from edgebnn.chip.device.sampling import Kernel, kernel_number
from edgebnn.chip.errors.weight_flips import Laws
from edgebnn.words import Words


class Answering:
    """Collects the answers of rows at their places; those of rows that nobody answers for are 0.

    `shape` is (stripes, rows).
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self._sign, self._nonzero = (np.zeros((*shape, 2), np.uint32) for _ in range(2))
        self._fresh = np.full(shape, -1, np.int32)
        self._tables: list[Words] = []
        self._count = 0

    def by_law(self, rows: Rows, sign: Words, nonzero: Words, laws: Laws) -> None:
        """Rows that hold these weights, uint32 (rows,), and are read as the laws of their kinds say."""
        places = self._places(rows.place, int(laws.open[rows.kind].sum()))
        parts = sign, nonzero, rows.kind, laws.table
        chip_library().ebnn_answer_by_law(places, len(rows.place), *(each.ctypes.data for each in parts))
        self._keep(places)

    def by_thresholds(self, place: Words, minus: Thresholds, at_most_zero: Thresholds) -> None:
        """Rows of these places, uint32 (rows,), with thresholds (rows, 32, 2), `minus` not the larger one.

        The last axis is the input, -1 and +1; 0 is never, 2^32 always.
        """
        places = self._places(place, len(place))
        first, second = (np.ascontiguousarray(each, np.uint64) for each in (minus, at_most_zero))
        assert first.shape == second.shape == (len(place), COLUMNS, 2), "two inputs of each column"
        chip_library().ebnn_answer(places, len(place), first.ctypes.data, second.ctypes.data)
        self._keep(places)

    def by_devices(self, devices: DevicesStruct, reads: DeviceReads, rows: Rows, kernel: Kernel = "auto") -> None:
        """Rows of devices as they are drawn and read in C; ToolError for a kernel that this processor has not."""
        number = kernel_number(kernel)
        places = self._places(rows.place, len(rows.place))
        chip_library().ebnn_answer_devices(devices, reads, places, number)
        self._keep(places)

    def banks(self, geometry: Geometry, seed: int, each_read: bool) -> ProgrammedBanks:
        """All of it."""
        none = np.zeros((0, 2, TABLE_WORDS), np.uint32)
        tables = self._tables[0] if len(self._tables) == 1 else np.concatenate([none, *self._tables])
        return ProgrammedBanks(geometry, self._sign, self._nonzero, self._fresh, tables, seed, each_read)

    def _places(self, place: Words, room: int) -> AnswerPlaces:
        # Only what is written of it takes memory.
        self._tables.append(np.empty((room, 2, TABLE_WORDS), np.uint32))
        parts = (place, self._sign, self._nonzero, self._fresh, self._tables[-1])
        found = AnswerPlaces(*(each.ctypes.data for each in parts), self._count, room, 0)
        found.pointed_to = parts
        return found

    def _keep(self, places: AnswerPlaces) -> None:
        tables = self._tables.pop()
        if places.count:
            written = tables[: places.count]
            self._tables.append(written if places.count == len(tables) else written.copy())
        self._count += places.count


@dataclass(frozen=True, eq=False)
class Likely:
    """The most likely answers of rows, uint32 (rows, 2), the last axis the input."""

    sign: Words
    nonzero: Words


def likely_answers(minus: Thresholds, at_most_zero: Thresholds) -> Likely:
    """Those of rows with thresholds as `Answering.by_thresholds` takes them."""
    answering = Answering((1, len(minus)))
    answering.by_thresholds(np.arange(len(minus), dtype=np.uint32), minus, at_most_zero)
    banks = answering.banks(_ANY, 0, True)
    return Likely(banks.sign[0], banks.nonzero[0])


_ANY = Geometry(rows=COLUMNS, columns=COLUMNS, sense_amplifiers=COLUMNS)


def stored_values(sign: Words, nonzero: Words) -> npt.NDArray[np.int8]:
    """Weights uint32 (rows,) as int8 (rows, 32)."""
    lanes = np.arange(COLUMNS, dtype=np.uint32)
    signs, there = ((word[:, np.newaxis] >> lanes & np.uint32(1)).astype(np.int8) for word in (sign, nonzero))
    return (2 * signs - 1) * there
