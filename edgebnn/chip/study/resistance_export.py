"""The resistances of a chip's devices as the CSV that a measurement comes in, which `chip import` reads again."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.geometry import COLUMNS
from edgebnn.chip.banks.pattern import EMPTY, Pattern, Rows
from edgebnn.chip.device.resistances import BL, BLB
from edgebnn.chip.errors.device_model import programmed_ln_resistance
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.measured.cells import HIGHEST_OHM, LOWEST_OHM
from edgebnn.chip.measured.columns import PLACE, RESISTANCES, WEIGHT
from edgebnn.chip.random.normal import Floats
from edgebnn.chip.target.target import Target
from edgebnn.errors import TargetError

_BLOCK_ROWS = 1024
# How far the bound of a measurement moves where its logarithm becomes float32.
_ROUNDING = 1e-5


def resistance_csv(
    chip: ChipInstance, target: Target, policy: str, pattern: Pattern, step: Callable[[int], None] = lambda rows: None
) -> Iterator[bytes]:
    """The file's bytes, part by part: the cells of a pattern but its zeros, as the chip holds them.

    They come policy by policy, limit of attempts by limit, and stripe by stripe. `chip` is one of the error model
    `device`; `policy` is that of a pattern that names none. A resistance is written so
    that its logarithm, rounded to float32 as an import does, is the device's own. `step` hears how many rows are done.
    Raises TargetError where the model does not cover the chip's conditions, or a resistance is none of a measurement's.
    """
    yield (",".join((*PLACE, *RESISTANCES, WEIGHT)) + "\n").encode()
    done = 0
    for name, part in pattern.by_policy(chip.policy, policy):
        for attempts, limited in part.by_attempts(chip.attempts):
            trying = chip.with_attempts(attempts)
            for rows in limited.blocks(_BLOCK_ROWS):
                yield _lines(rows, programmed_ln_resistance(trying, target, name, rows))
                done += len(rows.row)
                step(done)


def cell_counts(pattern: Pattern) -> tuple[int, int]:
    """(cells that `resistance_csv` writes, cells that it leaves out, whose weight is 0)."""
    held = pattern.kind != EMPTY
    cells = int(held.sum()) * COLUMNS
    written = int(np.bitwise_count(pattern.nonzero[held]).sum(dtype=np.int64))
    return written, cells - written


def _lines(rows: Rows, ln_resistance: Floats) -> bytes:
    weights = rows.values
    place = np.nonzero(weights)
    row, column = place
    ohms = _ohms(ln_resistance[place], rows, place)
    columns = rows.bank[row], rows.row[row], rows.first_column[row] + column, ohms[:, BL], ohms[:, BLB], weights[place]
    records = zip(*(values.tolist() for values in columns), strict=True)
    return "".join([f"{b},{r},{c},{bl!r},{blb!r},{w}\n" for b, r, c, bl, blb, w in records]).encode()


def _ohms(
    ln_resistance: Floats, rows: Rows, place: tuple[npt.NDArray[np.int64], ...]
) -> npt.NDArray[np.float64]:  # fmt: skip
    """Resistances (cells, 2) in ohm, each within what a measurement may hold; TargetError names a cell beyond it."""
    low, high = np.log(LOWEST_OHM) - _ROUNDING, np.log(HIGHEST_OHM) + _ROUNDING
    beyond = ((ln_resistance < low) | (ln_resistance > high)).any(axis=-1)
    if beyond.any():
        first = int(beyond.argmax())
        row, column = int(place[0][first]), int(place[1][first])
        raise TargetError(
            f"bank {rows.bank[row]}, row {rows.row[row]}, column {rows.first_column[row] + column} has a device beyond "
            f"{LOWEST_OHM:g} to {HIGHEST_OHM:g} ohm, which no measurement's file holds; choose fewer banks, or "
            "another policy"
        )
    ohms: npt.NDArray[np.float64] = np.clip(np.exp(ln_resistance.astype(np.float64)), LOWEST_OHM, HIGHEST_OHM)
    return ohms
