"""What `edgebnn chip export` wrote: its JSON and its table."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from edgebnn.chip.banks.pattern import Pattern
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.target.target import Target
from edgebnn.json_types.chips import ExportedChipDocument
from edgebnn.legible import legible_line
from edgebnn.report import numbers
from edgebnn.report.chip_documents import chip_document
from edgebnn.report.tables import facts, show_notes
from edgebnn.report.target_names import named, shown_target


def export_document(
    chip: ChipInstance, target: Target, policy: str, pattern: Pattern, cells: tuple[int, int], path: Path
) -> ExportedChipDocument:
    """The chip, and how many cells were written and left out; `policy` is that of a pattern that names none."""
    written, zeros = cells
    left_out = f"{numbers.counted(zeros, 'cell')} with weight 0 left out: a measurement's file has no word for them"
    return {
        **named(target),
        "chip": chip_document(chip, target, policy, pattern),
        "banks": pattern.banks,
        "cells": written,
        "zeros_left_out": zeros,
        "notes": [left_out] if zeros else [],
        "file": str(path),
    }


def show_export(console: Console, document: ExportedChipDocument) -> None:
    """`chip export`."""
    chip = document["chip"]
    banks = numbers.counted(document["banks"], "bank")
    rows = [
        ("target", shown_target(document)),
        ("seed", str(chip["seed"])),
        ("policy", ", ".join(chip["policies"])),
        ("cells", f"{numbers.count(document['cells'])} in the first {banks}"),
        ("written to", legible_line(document["file"])),
    ]
    facts(console, "Resistances", rows)
    show_notes(console, document["notes"])
