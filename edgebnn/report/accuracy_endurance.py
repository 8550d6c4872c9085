"""Cycles until devices wear out beside cycles until a network's accuracy has fallen: JSON and rows of a table."""

from __future__ import annotations

from edgebnn.emulator.accuracy_endurance import AccuracyEndurance
from edgebnn.json_types.emulation import AccuracyEnduranceDocument
from edgebnn.report import numbers


def endurance_document(found: AccuracyEndurance) -> AccuracyEnduranceDocument:
    """The field `endurance` of `emulate`; drops are percentage points."""
    return {
        "device_cycles": found.device_cycles,
        "accuracy_cycles": found.cycles,
        "accuracy_cycles_interval": list(found.interval),
        "max_accuracy_drop": found.allowed * 100,
        "chips": found.chips,
        "tried": [
            {
                "cycles": each.cycles,
                "bit_error_rate": each.bit_error_rate,
                "accuracy_drop": each.drop.mean * 100,
                "accuracy_drop_interval": [bound * 100 for bound in each.drop.interval],
            }
            for each in found.tried
        ],
    }


def endurance_rows(found: AccuracyEnduranceDocument) -> list[tuple[str, str]]:
    """Two numbers: of the devices, and of the network."""
    allowed = f"{found['max_accuracy_drop']:g} points"
    low, high = found["accuracy_cycles_interval"]
    kept, lost = "not even fresh chips" if low is None else f"{low:,} cycles", "not before devices wear out"
    return [
        ("devices wear out after", f"{found['device_cycles']:,} cycles"),
        (f"accuracy falls by {allowed}", _after(found)),
        ("  kept up to", kept),
        ("  lost from", lost if high is None else f"{high:,} cycles"),
        ("", f"by 95% intervals over {numbers.counted(found['chips'], 'chip')}; searched to 5%"),
    ]


def _after(found: AccuracyEnduranceDocument) -> str:
    cycles = found["accuracy_cycles"]
    if cycles is None:
        return "on fresh chips already"
    if cycles >= found["device_cycles"]:
        return "not before devices wear out"
    return f"after {cycles:,} cycles"
