"""How much layers, tiles, neurons and inputs matter, measured beside the first-order estimate: JSON and tables."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from edgebnn.emulator.accuracy import AccuracyDrop
from edgebnn.emulator.measured_sensitivity import Finest, MeasuredSensitivity, Part, PartSensitivity
from edgebnn.report import numbers
from edgebnn.report.names import tail
from edgebnn.report.terminal import line

Document = dict[str, Any]

_LONGEST_NAME, _SHORT_NAME = 32, 20  # the latter beside the number of a part
_SHOWN = 20  # smaller parts than layers in the terminal; JSON has all
_SMALLER = (Finest.TILES, Finest.NEURONS, Finest.INPUTS)


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
            **{
                str(kind): [{"layer": each.layer, **_place(each.part), **_part(each)} for each in found.parts]
                if kind is found.finest
                else []
                for kind in _SMALLER
            },
            "rank_correlation": {
                "layers": found.agreement_of_layers,
                **{str(kind): found.agreement if kind is found.finest else None for kind in _SMALLER},
            },
        }
    }


def _part(part: PartSensitivity) -> Document:
    shares = {"answers_turned": part.turned, "first_order": part.first_order}
    return {"policy": part.policy, **drop_document(part.drop), **shares}


def _place(part: Part) -> Document:
    tile = part.tile
    if tile is None:
        return {"neuron": part.neuron} if part.channel is None else {"input": part.channel}
    return {"bank": tile.bank, "neuron": tile.neuron, "neurons": tile.neurons, "word": tile.word, "inputs": tile.inputs}


def show_sensitivity(console: Console, found: Document) -> None:
    """Layer by layer, then the tiles that matter most."""
    console.print()
    title = "Accuracy lost where one layer alone errs"
    _show(console, title, found["layers"], found["rank_correlation"]["layers"])
    whole = found["all_layers"]
    budget = f"{numbers.counted(found['chips'], 'chip')} x {numbers.counted(found['samples'], 'sample')}"
    console.print(f"all layers at once: {_points(whole)} points; {budget}, 95% intervals over both")
    for kind in (str(each) for each in _SMALLER):
        if found[kind]:
            most = sorted(found[kind], key=lambda each: -float(each["answers_turned"]))
            title = f"The {len(most[:_SHOWN])} of {numbers.counted(len(most), kind[:-1])} that turn most answers"
            _show(console, title, most[:_SHOWN], found["rank_correlation"][kind])


def _show(console: Console, title: str, parts: list[Document], agreement: float | None) -> None:
    table = Table(title=title, title_justify="left")
    which = next((name for name in ("bank", "neuron", "input") if name in parts[0]), None)
    several = len({part["policy"] for part in parts}) > 1  # one policy takes a column of nothing new
    columns = ["layer", *([which] if which else []), *(["policy"] if several else [])]
    columns += ["points lost", "answers turned", "first order"]
    longest = _LONGEST_NAME if which is None else _SHORT_NAME
    for name in columns:
        whole = name in ("layer", "points lost")  # the others break at their spaces
        table.add_column(name, justify="left" if name in ("layer", "policy") else "right", no_wrap=whole)
    for part in parts:
        place = [*([str(part[which])] if which else []), *([part["policy"]] if several else [])]
        layer = line(tail(part["layer"], longest))
        shares = (numbers.portion(part["answers_turned"], 2), numbers.portion(part["first_order"], 1))
        table.add_row(layer, *place, _points(part), *shares)
    console.print(table)
    if agreement is not None:
        what = "answers turned and the first-order estimate agree in their order by"
        console.print(f"{what} {agreement:.2f} (Spearman's rank correlation)")


def _points(found: Document) -> str:
    return f"{found['accuracy_drop']:.2f} ({numbers.interval(found['accuracy_drop_interval'], 2, 'f')})"
