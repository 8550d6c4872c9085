"""What keeps a model from being mapped, as a user reads it: alike problems together, then the way on."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from edgebnn.json_types.inspection import InspectedDocument, ProblemDocument
from edgebnn.report import numbers
from edgebnn.report.names import listed
from edgebnn.report.terminal import bold

# Names in quotes, and numbers: what differs between two problems that are alike.
_PARTICULARS = re.compile(r"'[^']*'|[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")


@dataclass(frozen=True)
class AlikeProblems:
    """Problems that differ in names and numbers alone: how many of each operator, the first reason and its remedy."""

    operators: dict[str, int]
    nodes: tuple[str, ...]
    reason: str
    remedy: str

    @property
    def alike(self) -> bool:
        """Whether there are several."""
        return len(self.nodes) > 1


def grouped(problems: Sequence[ProblemDocument]) -> list[AlikeProblems]:
    """The problems in groups, in the order of their first ones."""
    found: dict[tuple[str, str], list[ProblemDocument]] = {}
    for problem in problems:
        key = _PARTICULARS.sub("#", problem["reason"]), _PARTICULARS.sub("#", problem["remedy"])
        found.setdefault(key, []).append(problem)
    return [
        AlikeProblems(
            dict(Counter(problem["operator"] for problem in group)),
            tuple(problem["node"] for problem in group),
            group[0]["reason"],
            group[0]["remedy"],
        )
        for group in found.values()
    ]


def show_problems(console: Console, document: InspectedDocument) -> None:
    """Every reason once with its nodes and its remedy, then what to do about float layers."""
    problems = document["problems"]
    console.print(
        bold(f"{document['model']} cannot be mapped"),
        f": {numbers.counted(len(problems), 'node')} {'stands' if len(problems) == 1 else 'stand'} in the way",
        sep="",
    )
    for group in grouped(problems):
        operators = ", ".join(f"{count} {name}" if group.alike else name for name, count in group.operators.items())
        alike = " (the first one; the others are alike)" if group.alike else ""
        console.print()
        console.print(bold(operators), f": {group.reason}{alike}", sep="", highlight=False)
        _show_indented(console, f"{'nodes' if group.alike else 'node'}: {listed(group.nodes, 4)}")
        if group.nodes[0] not in document["float_layers"]:  # there is more to say of these
            _show_indented(console, f"remedy: {group.remedy}")
    if document["float_layers"]:
        console.print()
        _show_float_layers(console, len(document["float_layers"]))


def _show_float_layers(console: Console, count: int) -> None:
    what, them = (f"{count} layers have", "them") if count > 1 else ("One layer has", "it")
    console.print(f"{what} float weights, and nothing in the model says how to quantise {them}. Ways on:")
    ways = Table.grid(padding=(0, 1))
    for way in (
        f"make {them} int8 here, without training: --calibration data.npz, with some hundred samples x as the model "
        "takes them; int8 layers run on the CPU",
        "train with 1 to 8 bits in Brevitas, and export with export_qonnx or export_onnx_qcdq",
        "train with binary or ternary weights (edgebnn.nn has PyTorch layers) and a sign before each layer, which RRAM "
        "can hold",
    ):
        ways.add_row("  -", way)
    console.print(ways, highlight=False)


def _show_indented(console: Console, text: str) -> None:
    console.print(Padding(text, (0, 0, 0, 2)), highlight=False)
