"""How much layers, tiles, neurons and inputs matter, measured beside the first-order estimate: JSON and tables."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from edgebnn.emulator.accuracy import AccuracyDrop
from edgebnn.emulator.measured_sensitivity import Finest, MeasuredSensitivity, Part, PartSensitivity
from edgebnn.json_types.emulation import PartDocument, PartSensitivityDocument, SensitivityDocument
from edgebnn.json_types.numbers import DropDocument
from edgebnn.report import numbers
from edgebnn.report.names import tail
from edgebnn.report.terminal import line

_LONGEST_NAME, _SHORT_NAME = 32, 20  # the latter beside the number of a part
_SHOWN = 20  # smaller parts than layers in the terminal; JSON has all


def drop_document(drop: AccuracyDrop) -> DropDocument:
    """A drop in percentage points, and its 95 % interval."""
    return {
        "accuracy_drop": drop.mean * 100,
        "accuracy_drop_interval": [bound * 100 for bound in drop.interval],
    }


def sensitivity_document(found: MeasuredSensitivity) -> SensitivityDocument:
    """The field `sensitivity` of `emulate`; drops are percentage points."""
    return {
        "chips": found.chips,
        "seed": found.seed,
        "samples": found.samples,
        "all_layers": drop_document(found.whole),
        "layers": [_lost(each, {}) for each in found.layers],
        "tiles": _parts(found, Finest.TILES),
        "neurons": _parts(found, Finest.NEURONS),
        "inputs": _parts(found, Finest.INPUTS),
        "rank_correlation": {
            "layers": found.agreement_of_layers,
            "tiles": _agreement(found, Finest.TILES),
            "neurons": _agreement(found, Finest.NEURONS),
            "inputs": _agreement(found, Finest.INPUTS),
        },
    }


def _parts(found: MeasuredSensitivity, kind: Finest) -> list[PartSensitivityDocument]:
    """The parts of this kind, where it is the one that was asked for."""
    return [_lost(each, _place(each.part)) for each in found.parts] if kind is found.finest else []


def _agreement(found: MeasuredSensitivity, kind: Finest) -> float | None:
    return found.agreement if kind is found.finest else None


def _lost(part: PartSensitivity, place: PartDocument) -> PartSensitivityDocument:
    return {
        "layer": part.layer,
        **place,
        "policy": part.policy,
        **drop_document(part.drop),
        "answers_turned": part.turned,
        "first_order": part.first_order,
    }


def _place(part: Part) -> PartDocument:
    tile = part.tile
    if tile is None:
        if part.neuron is not None:
            return {"neuron": part.neuron}
        return {} if part.channel is None else {"input": part.channel}
    return {"bank": tile.bank, "neuron": tile.neuron, "neurons": tile.neurons, "word": tile.word, "inputs": tile.inputs}


def show_sensitivity(console: Console, found: SensitivityDocument) -> None:
    """Layer by layer, then the tiles that matter most."""
    console.print()
    title = "Accuracy lost where one layer alone errs"
    _show(console, title, found["layers"], found["rank_correlation"]["layers"])
    whole = found["all_layers"]
    budget = f"{numbers.counted(found['chips'], 'chip')} x {numbers.counted(found['samples'], 'sample')}"
    console.print(f"all layers at once: {_points(whole)} points; {budget}, 95% intervals over both")
    correlation = found["rank_correlation"]
    for name, parts, agreement in (
        ("tile", found["tiles"], correlation["tiles"]),
        ("neuron", found["neurons"], correlation["neurons"]),
        ("input", found["inputs"], correlation["inputs"]),
    ):
        if parts:
            most = sorted(parts, key=lambda each: -float(each["answers_turned"]))
            title = f"The {len(most[:_SHOWN])} of {numbers.counted(len(most), name)} that turn most answers"
            _show(console, title, most[:_SHOWN], agreement)


def _show(console: Console, title: str, parts: list[PartSensitivityDocument], agreement: float | None) -> None:
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


def _points(found: DropDocument) -> str:
    return f"{found['accuracy_drop']:.2f} ({numbers.interval(found['accuracy_drop_interval'], 2, 'f')})"
