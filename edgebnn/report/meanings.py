"""What a network makes of its input, of zeros before signs, of ties and of padding, on which models differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edgebnn.json_types.inspection import InspectedDocument, LayerDocument, ModelInputDocument
from edgebnn.report.names import listed

_NAMES = 3


def meanings(document: InspectedDocument) -> list[tuple[str, str]]:
    """Named facts about the network of an `inspect` document, what differs layer by layer with the layers' names."""
    layers = document["layers"]
    thresholds = [layer for layer in layers if layer["kind"] == "threshold"]
    signs = [layer for layer in thresholds if _is_number(layer["ties"])]
    others = [layer for layer in thresholds if layer["ties"] and not _is_number(layer["ties"])]
    padded = [layer for layer in layers if layer.get("padding", "none") != "none"]
    return [
        *(("input", _input(entry)) for entry in document["inputs"]),
        *_row("sign(0)", signs, lambda layer: str(layer["ties"]), "threshold"),
        *_row("ties", others, lambda layer: str(layer["ties"]), "threshold"),
        *_row("padding", padded, _padding, "padded layer"),
    ]


def _is_number(ties: str) -> bool:
    return ties in ("-1", "0", "+1") or ties.lstrip("+-").replace(".", "", 1).isdecimal()


def _row(
    title: str, layers: Sequence[LayerDocument], meaning: Callable[[LayerDocument], str], thing: str
) -> list[tuple[str, str]]:
    """One fact: the meaning that all layers share, or each meaning with the names of its layers."""
    groups: dict[str, list[str]] = {}
    for layer in layers:
        groups.setdefault(meaning(layer), []).append(layer["name"])
    if not groups:
        return []
    if len(groups) == 1:
        count = len(layers)
        where = f"in all {count} {thing}s" if count > 1 else f"in the only {thing}"
        return [(title, f"{next(iter(groups))} {where}")]
    return [(title, "; ".join(f"{what} in {listed(names, _NAMES)}" for what, names in groups.items()))]


def _padding(layer: LayerDocument) -> str:
    if layer["border"]:
        return "the model's own value, no integer of the input, from which sums start"
    if layer["pad_value"]:
        return f"{layer['pad_value']:+d}"
    return "no input (exactly 0, neither -1 nor +1)" if layer["input_kind"] == "bits" else "0"


def _input(entry: ModelInputDocument) -> str:
    """What is handed over, and what the network computes with."""
    integers = f"integers {entry['low']} to {entry['high']}"
    what = {"bits": "-1 and +1", "trits": "-1, 0 and +1"}.get(entry["kind"], integers)
    shape, model_shape = tuple(entry["shape"]), tuple(entry["model_shape"])
    given = f"'{entry['name']}' of {entry['dtype']} {model_shape}"
    given += f", turned to {shape}" if shape != model_shape else ""
    worth = f", each worth {entry['scale']:g}" if entry["scale"] != 1 else ""
    quantizer = entry["quantizer"]
    if quantizer is None:
        return f"{given}: {what}{worth}"
    zeros = [f"{number:+d}" if number else "0" for number in quantizer["zero_becomes"]]
    zero = f"; 0.0 becomes {' or '.join(zeros)}" if len(zeros) <= 2 else ""
    return f"{given}: real numbers, of which a quantiser before the firmware makes {what}{worth}{zero}"
