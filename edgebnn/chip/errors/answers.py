"""What programmed rows answer, from 2^32 times the probabilities that a read finds -1, and at most 0; in C."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.geometry import COLUMNS, Geometry
from edgebnn.chip.banks.pattern import Rows
from edgebnn.chip.banks.programmed_banks import TABLE_WORDS, Answers, HeldRows, ProgrammedBanks, Thresholds
from edgebnn.chip.device.c_structs import AnswerPlaces, DeviceReads, DevicesStruct, chip_library
from edgebnn.chip.device.cell_counts import Kernel, kernel_number
from edgebnn.chip.errors.weight_flips import Laws, none
from edgebnn.words import Words


class Answering:
    """Collects the answers of rows at their places; those of rows that nobody answers for are 0.

    `shape` is (stripes, rows).
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self._shape = shape
        self._planes: tuple[Words, Words, npt.NDArray[np.int32]] | None = None  # sign, nonzero and fresh of all rows
        self._held: list[tuple[Rows, HeldRows]] = []
        self._tables: list[Words] = []
        self._count = 0

    def as_held(self, rows: Rows, sign: Words, nonzero: Words) -> None:
        """Rows that every read finds as these weights, uint32 (rows,); their answers are made when they are wanted."""
        self._held.append((rows, HeldRows(rows.place, sign, nonzero)))

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
        held = self._held[0][1] if len(self._held) == 1 and self._planes is None else None
        return ProgrammedBanks(geometry, self._shape, self._answers, seed, each_read, held=held)

    def _answers(self) -> Answers:
        whole = self._with_held() if self._held else self
        no_table = np.zeros((0, 2, TABLE_WORDS), np.uint32)
        tables = whole._tables[0] if len(whole._tables) == 1 else np.concatenate([no_table, *whole._tables])
        return Answers(*whole._of_all_rows(), tables)

    def _with_held(self) -> Answering:
        """Another one that has the answers of held rows too: threads may ask for them at the same time."""
        whole = Answering(self._shape)
        if self._planes is not None:
            sign, nonzero, fresh = self._planes
            whole._planes = sign.copy(), nonzero.copy(), fresh.copy()
        whole._tables, whole._count = list(self._tables), self._count
        for rows, held in self._held:
            whole.by_law(rows, held.sign, held.nonzero, none().laws(rows.kinds))
        return whole

    def _of_all_rows(self) -> tuple[Words, Words, npt.NDArray[np.int32]]:
        if self._planes is None:
            both = *self._shape, 2
            self._planes = np.zeros(both, np.uint32), np.zeros(both, np.uint32), np.full(self._shape, -1, np.int32)
        return self._planes

    def _places(self, place: Words, room: int) -> AnswerPlaces:
        # Only what is written of it takes memory.
        self._tables.append(np.empty((room, 2, TABLE_WORDS), np.uint32))
        parts = (place, *self._of_all_rows(), self._tables[-1])
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
