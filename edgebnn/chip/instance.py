"""A chip instance: one particular chip with its particular wrong bits, fixed by a seed and a bit error rate."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from edgebnn.chip.target import COLUMNS
from edgebnn.errors import DataError, TargetError
from edgebnn.files import write_whole

Words = npt.NDArray[np.uint32]

MAX_FILE_BYTES = 1 << 16


@dataclass(frozen=True, eq=False)
class FaultPlanes:
    """Which synapses of the banks end up wrong when they are programmed: two uint32 arrays (banks, rows), bit = column.

    Where a bit of `wrong` is set, a binary weight has its sign flipped; a ternary one moves to a neighbour: +-1 is read
    as 0, and 0 is read as +1 where the bit of `polarity` is set, else as -1. Never +1 <-> -1 on a ternary row
    (the neighbour errors of arXiv 2005.01973's published code).
    """

    wrong: Words
    polarity: Words

    @property
    def wrong_bits(self) -> int:
        """Number of wrong synapses."""
        return int(np.bitwise_count(self.wrong).sum())


class _ChipFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: Literal[1]
    seed: int
    bit_error_rate: float


@dataclass(frozen=True)
class ChipInstance:
    """A chip drawn by `seed` whose synapses are wrong, each by itself, with the probability `bit_error_rate`.

    The draw belongs to the physical synapse (seed, bank, row, column): another network on the same chip meets the same
    faults, and a synapse that is wrong at one rate is wrong at every higher one. Raises TargetError where the seed or
    the rate is out of range.
    """

    seed: int
    bit_error_rate: float

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**63:
            raise TargetError(f"chip seed {self.seed} is out of range; use a whole number from 0 to 2^63 - 1")
        if not 0.0 <= self.bit_error_rate <= 1.0:
            raise TargetError(f"bit error rate {self.bit_error_rate} is out of range; use a number from 0 to 1")

    def save(self, path: Path) -> None:
        """Writes the chip as JSON, from which `load` gives the same chip."""
        document = {"schema": 1, **asdict(self)}
        write_whole(path, msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")

    @classmethod
    def load(cls, path: Path) -> ChipInstance:
        """The chip of a file that `save` wrote; DataError where it is none."""
        try:
            if path.stat().st_size > MAX_FILE_BYTES:
                raise DataError(f"'{path}' is larger than {MAX_FILE_BYTES} bytes; no chip file is")
            stored = msgspec.json.decode(path.read_bytes(), type=_ChipFile)
        except OSError as error:
            raise DataError(f"chip '{path}': {error.strerror}; give a seed, or a file of --save-chip") from error
        except msgspec.DecodeError as error:
            raise DataError(f"'{path}' is not a chip file ({error}); write one with edgebnn run --save-chip") from error
        return cls(stored.seed, stored.bit_error_rate)

    def fault_planes(self, banks: int, rows: int) -> FaultPlanes:
        """The faults of the first `banks` banks of `rows` rows."""
        wrong = np.zeros((banks, rows), dtype=np.uint32)
        polarity = np.zeros((banks, rows), dtype=np.uint32)
        weights = np.uint32(1) << np.arange(COLUMNS, dtype=np.uint32)
        for bank in range(banks):
            # A counter-based generator keyed by the bank: banks are independent and can be drawn in any order.
            draw = np.random.Generator(np.random.Philox(key=[self.seed, bank]))
            wrong[bank] = ((draw.random((rows, COLUMNS)) < self.bit_error_rate) * weights).sum(axis=1, dtype=np.uint32)
            polarity[bank] = (draw.integers(0, 2, (rows, COLUMNS), dtype=np.uint32) * weights).sum(
                axis=1, dtype=np.uint32
            )
        return FaultPlanes(wrong, polarity)


def read_back(sign: Words, nonzero: Words, wrong: Words, polarity: Words, ternary: bool) -> tuple[Words, Words]:
    """Rows as they are read after programming `sign` and `nonzero` (uint32, any shape) onto faulty synapses."""
    if not ternary:
        return sign ^ wrong, nonzero
    read_nonzero = nonzero ^ wrong
    read_sign = (sign & ~wrong | polarity & wrong) & read_nonzero
    return read_sign, read_nonzero
