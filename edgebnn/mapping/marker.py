"""The marker: rows of the last banks by which a chip shows which weights were programmed into it.

RRAM keeps weights without a supply, so a chip is programmed once, and every boot asks whether it is. The marker is
drawn from a hash of all that is programmed: where which weights lie, and under which policies. It lies at the same
place for every model, so that whoever programs other weights spoils it.

Its cells err as all others do. It is taken for there where no more than a third of them reads otherwise than it should:
a vote of all cells. More of 512 are wrong with a probability of 1e-12 at a bit error rate of 0.2, and of 2e-5 at 0.25,
beyond which ageing is not followed. The marker of other weights differs in half of the cells in the mean, and passes
with one of 2e-14.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec
import numpy as np

from edgebnn.chip.banks.geometry import Geometry
from edgebnn.chip.banks.pattern import BINARY, EMPTY, Pattern
from edgebnn.mapping.image import ImageWriter, read_section
from edgebnn.mapping.plan import LinearStage, MarkerPlan
from edgebnn.words import Words

MARKER_WORDS = 16
MOST_WRONG = 32 * MARKER_WORDS // 3
MARKER_PROGRAMMINGS = 2  # it is spoilt before weights change, and written after the last one


def marker_banks(bank: Geometry) -> int:
    """Banks that the marker takes."""
    return -(-MARKER_WORDS // (bank.words * bank.rows))


def plan_marker(
    stages: Sequence[LinearStage], rows: Sequence[bytes], bank: int, policy: str, image: ImageWriter
) -> MarkerPlan:
    """The marker of layers in RRAM, from this bank on, under this policy.

    `rows` holds for each of them its rows, and which words of them are verified.
    """
    digest = hashlib.shake_256()
    for stage, held in zip(stages, rows, strict=True):
        digest.update(msgspec.json.encode((stage.policy, stage.attempts, stage.tiles, stage.is_ternary, len(held))))
        digest.update(held)
    words = np.frombuffer(digest.digest(4 * MARKER_WORDS), "<u4").astype(np.uint32)
    return MarkerPlan(bank=bank, policy=policy, most_wrong=MOST_WRONG, words=image.add("marker", words))


def marker_pattern(marker: MarkerPlan, image: bytes, bank: Geometry, banks: int) -> Pattern:
    """The marker alone in so many banks, those of a whole chip."""
    words = read_section(image, marker.words, "<u4").astype(np.uint32)
    shape = (bank.stripe(banks), bank.rows)
    sign, kind = np.zeros(shape, np.uint32), np.full(shape, EMPTY, np.uint8)
    place = marker_places(marker, bank)
    sign[place], kind[place] = words, BINARY
    nonzero = np.where(kind == BINARY, np.uint32(0xFFFFFFFF), np.uint32(0))
    return Pattern(bank, sign, nonzero, kind, np.zeros(shape))


def marker_places(marker: MarkerPlan, bank: Geometry) -> tuple[Words, Words]:
    """(stripe, row) of each of its words: row after row, stripe after stripe."""
    stripe, row = np.divmod(np.arange(MARKER_WORDS, dtype=np.uint32), np.uint32(bank.rows))
    return stripe + np.uint32(bank.stripe(marker.bank)), row
