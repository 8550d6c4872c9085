"""`trim` as JSON and as a table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from edgebnn.api import Deployment
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.emulator.made_for import on_other_chips
from edgebnn.emulator.trimming import Trim
from edgebnn.json_types.deployment import ShiftDocument, TrimmedDocument
from edgebnn.report import numbers
from edgebnn.report.documents import chip_of_deployment, origin_document
from edgebnn.report.names import tail
from edgebnn.report.tables import facts, show_notes
from edgebnn.report.target_names import shown_target
from edgebnn.report.terminal import line

_LONGEST_NAME = 32


def trim_document(deployment: Deployment, chip: ChipInstance, found: Trim, folder: Path) -> TrimmedDocument:
    """`trim`: the trimmed deployment, the chip, what was written, and by how much thresholds moved."""
    plan = deployment.mapped.plan
    return {
        "deployment": str(folder),
        **origin_document(deployment.mapped),
        "chip": chip_of_deployment(deployment.mapped, chip),
        "trim": {
            "samples": found.samples,
            "same_before": found.same_before,
            "same_after": found.same_after,
            "image_offset": plan.image_bytes - plan.trimmed_bytes,
            "image_bytes": plan.trimmed_bytes,
            "layers": {name: _shift_document(shift) for name, shift in found.shifts.items()},
        },
        "notes": [*_no_gain(found), *_programmed_anew(deployment), *on_other_chips(deployment.files, [chip])],
    }


def _no_gain(found: Trim) -> list[str]:
    """A sentence where the samples do not show that trimming helped."""
    if found.same_after > found.same_before:
        return []
    fewer, of = found.same_before - found.same_after, numbers.counted(found.samples, "sample")
    what = f"{fewer:,} fewer than before" if fewer else "as many as before"
    return [
        f"trimming gained nothing here: {found.same_after:,} of {of} have the class that they have without errors, "
        f"{what}; use the deployment as it was, or more samples"
    ]


def _programmed_anew(deployment: Deployment) -> list[str]:
    """A sentence where the programming that thresholds are trimmed for lasts until the next boot alone."""
    if deployment.mapped.provisioning != "boot":
        return []
    return [
        "the firmware programs its banks at every boot, and each programming reads other weights wrong: these "
        "thresholds are right for one of them; compile with --provisioning once to keep it"
    ]


def _shift_document(shift: npt.NDArray[np.int64]) -> ShiftDocument:
    """Of the channels (C, K) how many were moved, the largest shift, and the root of the mean square."""
    return {
        "channels": len(shift),
        "moved": int(shift.any(axis=1).sum()),
        "largest": int(np.abs(shift).max(initial=0)),
        "root_mean_square": float(np.sqrt(np.mean(shift.astype(np.float64) ** 2))) if shift.size else 0.0,
    }


def show_trim(console: Console, document: TrimmedDocument) -> None:
    """How many answers are those without errors, before and after, and the shifts layer by layer."""
    trim = document["trim"]
    samples = trim["samples"]

    def share(count: int) -> str:
        return f"{count:,} of {samples:,} ({count / samples:.2%})"

    rows = [
        ("target", shown_target(document)),
        ("same class as without errors", share(trim["same_before"])),
        ("  trimmed", share(trim["same_after"])),
        ("written", document["deployment"]),
        ("  for this chip alone", f"the last {trim['image_bytes']:,} bytes of weights.bin"),
    ]
    facts(console, "Trimmed for a chip", rows)
    table = Table()
    for name in ("thresholds", "channels", "moved", "largest", "r.m.s."):
        table.add_column(name, justify="left" if name == "thresholds" else "right")
    for name, layer in trim["layers"].items():
        counts = (f"{count:,}" for count in (layer["channels"], layer["moved"], layer["largest"]))
        table.add_row(line(tail(name, _LONGEST_NAME)), *counts, f"{layer['root_mean_square']:.1f}")
    console.print(table)
    show_notes(console, document["notes"])
