"""Columns of a measurement that hold words: what a cell was programmed to when it was read, and where it is stuck."""

from __future__ import annotations

import re

from edgebnn.chip.device.resistances import StuckIn

_READING = re.compile(r"([+-]?1|0)(?:/([1-9][0-9]{0,8}))?")
_STUCK = {"": StuckIn.NONE, "lrs": StuckIn.LRS, "hrs": StuckIn.HRS}

READING_REMEDY = "give +1, -1 or 0, what the cell was programmed to, and /2, /3, ... where it was read again"
STUCK_REMEDY = "give lrs or hrs, and nothing for a device that is not stuck"


def reading_number(text: str) -> int:
    """3 times the repeat, from 1, plus the weight + 1: `-1/2` is 6; ValueError for what is no reading."""
    found = _READING.fullmatch(text.strip())
    if found is None:
        raise ValueError(text)
    return 3 * int(found[2] or 1) + int(found[1]) + 1


def stuck_number(text: str) -> int:
    """A `StuckIn`; ValueError for another word."""
    word = text.strip().lower()
    if word not in _STUCK:
        raise ValueError(text)
    return int(_STUCK[word])
