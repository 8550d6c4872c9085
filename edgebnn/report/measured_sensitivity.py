"""How much layers and tiles matter, measured beside the first-order estimate: JSON and tables."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from edgebnn.emulator.accuracy import AccuracyDrop
from edgebnn.emulator.measured_sensitivity import MeasuredSensitivity, PartSensitivity
from edgebnn.report import numbers
from edgebnn.report.names import tail
from edgebnn.report.terminal import line

Document = dict[str, Any]

_LONGEST_NAME = 32
_SHOWN = 20  # tiles in the terminal; JSON has all


def drop_document(drop: AccuracyDrop) -> Document:
    """A drop in percentage points, and its 95 % interval."""
    return {
        "accuracy_drop": drop.mean * 100,
        "accuracy_drop_interval": [bound * 100 for bound in drop.interval],
    }


def sensitivity_document(found: MeasuredSensitivity) -> Document:
    """The field `sensitivity` of `emulate`; drops are percentage points."""
    return {
        "sensitivity": {
            "chips": found.chips,
            "seed": found.seed,
            "samples": found.samples,
            "all_layers": drop_document(found.whole),
            "layers": [{"layer": each.layer, **_part(each)} for each in found.layers],
            "tiles": [{"layer": each.layer, **_place(each), **_part(each)} for each in found.tiles],
            "rank_correlation": {"layers": found.agreement_of_layers, "tiles": found.agreement_of_tiles},
        }
    }


def _part(part: PartSensitivity) -> Document:
    return {"policy": part.policy, **drop_document(part.drop), "first_order": part.first_order}


def _place(part: PartSensitivity) -> Document:
    assert part.tile is not None, "a tile has a place"
    tile = part.tile
    return {"bank": tile.bank, "neuron": tile.neuron, "neurons": tile.neurons, "word": tile.word, "inputs": tile.inputs}


def show_sensitivity(console: Console, found: Document) -> None:
    """Layer by layer, then the tiles that matter most."""
    console.print()
    title = "Accuracy lost where one layer alone errs"
    _show(console, title, found["layers"], found["rank_correlation"]["layers"])
    whole = found["all_layers"]
    budget = f"{numbers.counted(found['chips'], 'chip')} x {numbers.counted(found['samples'], 'sample')}"
    console.print(f"all layers at once: {_points(whole)} points; {budget}, 95% intervals over both")
    if found["tiles"]:
        by_drop = sorted(found["tiles"], key=lambda each: -float(each["accuracy_drop"]))
        title = f"The {len(by_drop[:_SHOWN])} of {numbers.counted(len(by_drop), 'tile')} that matter most"
        _show(console, title, by_drop[:_SHOWN], found["rank_correlation"]["tiles"])


def _show(console: Console, title: str, parts: list[Document], agreement: float | None) -> None:
    table = Table(title=title, title_justify="left")
    for name in ("layer", *(("bank",) if "bank" in parts[0] else ()), "policy", "points lost", "first order"):
        table.add_column(name, justify="left" if name in ("layer", "policy") else "right")
    for part in parts:
        place = [str(part["bank"])] if "bank" in part else []
        name = line(tail(part["layer"], _LONGEST_NAME))
        table.add_row(name, *place, part["policy"], _points(part), numbers.portion(part["first_order"], 1))
    console.print(table)
    if agreement is not None:
        console.print(f"both agree in their order by {agreement:.2f} (Spearman's rank correlation)")


def _points(found: Document) -> str:
    return f"{found['accuracy_drop']:.2f} ({numbers.interval(found['accuracy_drop_interval'], 2, 'f')})"
