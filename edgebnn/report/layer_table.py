"""The layers of a network as a table, a row for each one and each place where branches meet.

What follows a layer until the next one (thresholds, pools, scales) stands in the layer's row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from rich import box
from rich.console import Console, JustifyMethod
from rich.table import Table

from edgebnn.json_types.inspection import InspectedDocument, LayerDocument
from edgebnn.report import numbers
from edgebnn.report.names import tail
from edgebnn.report.target_names import shown_target
from edgebnn.report.terminal import bold, line

# Rows up to which what follows a layer stands in the table; a longer one has a line a row, and the sums below it.
_MOST_DETAILED = 24
_WIDE = 100  # columns of a terminal that has room for both
_GAP = 2  # columns between two others
_SHORTEST_NAME = 16

_HEADINGS = ("layer", "kind", "shape", "fan-in", "weights", "MACs", "on")
_RUNS_ON = {"rram": "RRAM", "cpu": "CPU"}


@dataclass
class Row:
    """A layer, a sum or a concatenation, and what follows it until the next one."""

    head: LayerDocument
    then: list[str] = field(default_factory=list)


def rows(layers: Sequence[LayerDocument]) -> list[Row]:
    """The nodes in rows: one that is no layer joins the row of what it reads, a reshape none."""
    found: list[Row] = []
    row_of: dict[str, Row] = {}
    for layer in layers:
        row = row_of.get(layer["reads"][0])
        if layer["kind"] == "reshape":
            if row is not None:
                row_of[layer["name"]] = row
            continue
        if row is None or layer["weights"] is not None or layer["kind"] in ("add", "concat"):
            row = Row(layer)
            found.append(row)
        else:
            row.then.append(_word(layer))
        row_of[layer["name"]] = row
    return found


def show_layers(console: Console, document: InspectedDocument) -> None:
    """The table of `document["layers"]`, and what it has no room for."""
    found = rows(document["layers"])
    detailed = len(found) <= _MOST_DETAILED or console.width >= _WIDE
    cells = [_cells(row, detailed) for row in found]
    taken = [max(map(len, column)) for column in zip(_HEADINGS, *cells, strict=True)]
    room = console.width - sum(taken[2:]) - _GAP * (len(taken) - 1)
    kind = min(taken[1], room - _SHORTEST_NAME)
    title = line(bold(document["model"]), f" on {shown_target(document)}")
    table = Table(
        title=title,
        title_justify="left",
        title_style="",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, _GAP - 1, 0, 0),
    )
    for name in _HEADINGS:
        justify: JustifyMethod = "right" if name in ("fan-in", "weights", "MACs") else "left"
        table.add_column(name, justify=justify, no_wrap=name != "kind")
    for name, *others in cells:
        table.add_row(tail(name, room - kind), *others)
    console.print(table)
    if not detailed:
        every = sorted(word for row in found for word in row.then)
        console.print(f"between them: {', '.join(_counted(every))}", highlight=False)


def _cells(row: Row, detailed: bool) -> tuple[str, ...]:
    head = row.head
    return (
        head["name"],
        ", ".join([_head(row), *_counted(row.then)] if detailed else [_head(row)]),
        "x".join(map(str, head["output_shape"])),
        numbers.count(head["fan_in"]),
        numbers.short(head.get("parameters")),
        numbers.short(head["macs"] or None),
        _RUNS_ON[head["runs_on"]],
    )


def _head(row: Row) -> str:
    head = row.head
    return f"{head['weights']} {head['kind']}" if head["weights"] else _word(head)


def _counted(words: Sequence[str]) -> list[str]:
    """Each word, with how often it comes in a row."""
    counts = [(word, len(list(same))) for word, same in groupby(words)]
    return [word if count == 1 else f"{count} x {word}" for word, count in counts]


def _word(layer: LayerDocument) -> str:
    """What a node without weights does, in a word or two."""
    match layer["kind"]:
        case "threshold":
            return "sign" if layer["output_kind"] == "bits" else f"{layer['steps'] + 1} levels"
        case "maxpool":
            return "max pool"
        case "sumpool":
            return "sum pool"
        case "affine":
            return "scale" if layer["segments"] == 1 else "bent scale"
        case "concat":
            return f"concat of {len(layer['reads'])}"
        case kind:
            return str(kind)
