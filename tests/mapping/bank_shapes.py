"""rram130 with banks of other shapes: wide and tall ones, odd ones, and amplifiers that columns share."""

from __future__ import annotations

from functools import cache

from hypothesis import strategies as st

from edgebnn.chip.banks.geometry import SINGLE, Geometry
from edgebnn.chip.target.target import Target
from edgebnn.chip.target_files.loading import load_target
from edgebnn.chip.target_files.rules import check_target
from edgebnn.chip.target_files.settings import with_settings

OTHERS = (
    Geometry(64, 64, 16),
    Geometry(rows=128, columns=64, sense_amplifiers=64),
    Geometry(rows=16, columns=32, sense_amplifiers=8),
    Geometry(rows=33, columns=96, sense_amplifiers=2),  # an amplifier's columns reach across words
)
BANKS = st.sampled_from((SINGLE, *OTHERS))


@cache
def with_banks(bank: Geometry) -> Target:
    """rram130 with banks of this shape."""
    numbers = {
        "array.rows": (bank.rows, "rows"),
        "array.columns": (bank.columns, "synapses"),
        "array.sense_amplifiers": (bank.sense_amplifiers, "amplifiers"),
    }
    target = with_settings(load_target("rram130"), numbers) if bank != SINGLE else load_target("rram130")
    check_target(target, "a test's target")
    return target
