"""Why float32 may take some steps of a model otherwise than exact arithmetic, and what its author can do about it."""

from __future__ import annotations

from edgebnn.json_types.inspection import InspectedDocument, LayerDocument
from edgebnn.network.types import Rounding
from edgebnn.report import numbers

_MOST_BANDS = 6  # thresholds of which the band is said

_ONE_FACTOR = "multiply the layer's sums by the scale, not its weights, or use scales that are powers of two"
_POWERS = "scales that are powers of two add without rounding"
_BEHIND = (
    "one batch norm behind the {}, not in front of it, leaves whole numbers to it, and so do scales of powers of two"
)

# What is rounded, said of the thresholds behind it.
_REASONS = {
    Rounding.SCALED_WEIGHTS: "the weights before them hold a scale that float32 rounds",
    Rounding.INT8_WEIGHTS: "the int8 weights before them have a scale that float32 rounds",
    Rounding.SCALED_INPUT: "the model's input holds fractions that float32 rounds",
    Rounding.SCALED_ACTIVATIONS: "the activations before the layer have a scale that float32 rounds",
    Rounding.UNEQUAL_SCALES: "the inputs that a neuron adds have unequal scales",
    Rounding.ESTIMATOR: "a straight-through estimator, x + (f(x) - x), is written out before the layer",
    Rounding.BIAS_FIRST: "the layer's kernel adds a bias of fractions before its products",
    Rounding.LONG_SUMS: "the sums before them pass the 24 bits of a float32",
    Rounding.BETWEEN_LAYERS: "two layers before them have no sign between them, only a scale that is rounded",
    Rounding.JOINT: "branches of unequal scales meet before them",
    Rounding.MEAN: "they follow a mean, whose division float32 rounds",
    Rounding.CURVE: "they follow a smooth function, which float32 approximates",
}
_REMEDIES = {
    Rounding.SCALED_WEIGHTS: _ONE_FACTOR,
    Rounding.INT8_WEIGHTS: _POWERS,
    Rounding.SCALED_INPUT: "hand over the sensor's integers, and leave the scale out of the model",
    Rounding.SCALED_ACTIVATIONS: _POWERS,
    Rounding.UNEQUAL_SCALES: "one scale for all of them, or short multiples of one power of two, leave whole sums",
    Rounding.ESTIMATOR: "export f(x) alone: return it where the layer is not in training",
    Rounding.BIAS_FIRST: "leave the bias to a batch norm behind the layer, or make it a whole number",
    Rounding.LONG_SUMS: "a narrower --input-type, or fewer inputs of a neuron, keeps them shorter",
    Rounding.JOINT: _BEHIND.format("sum"),
    Rounding.MEAN: _BEHIND.format("mean"),
    Rounding.BETWEEN_LAYERS: "put a sign or a quantiser between the two layers",
    Rounding.CURVE: "a ReLU, a hard sigmoid or a hard tanh in its place is exact",
}
_DYNAMO = (
    "export with torch.onnx.export(..., dynamo=False, do_constant_folding=False) or edgebnn.nn.export_onnx, which keep "
    "batch norm out of the weights"
)


def ambiguity(document: InspectedDocument) -> list[str]:
    """Sentences on the ambiguous thresholds of an inspected model: how many, why, what helps, and how few sums it is.

    `document` is that of `inspect`, with `producer`, the program that wrote the model's file.
    """
    count, tied = document["ambiguous_thresholds"], document["ambiguous_reachable"]
    if not count:
        return ["0"]
    which = (
        f"of which {numbers.count(tied)} lie at a sum that can occur" if tied else "none surely at a sum that can occur"
    )
    said = [f"{numbers.count(count)}, {which}: float32 rounds there, so onnxruntime may answer otherwise"]
    found = _by_roundings(document)
    for roundings, layers in found.items():
        reason = ", and ".join(_REASONS[each] for each in roundings) or "float32 rounds"
        remedies = dict.fromkeys(_remedy(each, document["producer"]) for each in roundings)
        thresholds = numbers.count(sum(layer["ambiguous"] for layer in layers))
        said.append(f"{thresholds}: {'; '.join((reason, *([' and '.join(remedies)] if remedies else [])))}")
    return said + _bands([layer for layers in found.values() for layer in layers])


def _by_roundings(document: InspectedDocument) -> dict[tuple[Rounding, ...], list[LayerDocument]]:
    """The layers with ambiguous thresholds for each set of reasons."""
    found: dict[tuple[Rounding, ...], list[LayerDocument]] = {}
    for layer in document["layers"]:
        if layer.get("ambiguous"):
            found.setdefault(tuple(Rounding(name) for name in layer["roundings"]), []).append(layer)
    return found


def _bands(layers: list[LayerDocument]) -> list[str]:
    """How near to a step a sum has to lie, threshold by threshold, those first of which most values do."""
    ordered = sorted(layers, key=lambda layer: -float(layer["band_share"]))
    said = [_band(layer) for layer in ordered[:_MOST_BANDS]]
    left = len(ordered) - _MOST_BANDS
    return said + (
        [f"and {numbers.counted(left, 'threshold')} more of fewer values; --json lists all"] if left > 0 else []
    )


def _band(layer: LayerDocument) -> str:
    channels, tied = layer["output_shape"][0], layer["ambiguous_reachable"]
    within = f"sums within {layer['band']:.1e} of a step" if layer["band"] else "sums next to a step"
    at = f", {tied} at a sum that can occur" if tied else ""
    return (
        f"'{layer['name']}' ({layer['ambiguous']} of {numbers.counted(channels, 'channel')}{at}): {within}, "
        f"{_one_in(layer['band_share'])} of the values that they can have"
    )


def _one_in(share: float) -> str:
    return f"about 1 in {numbers.count(round(1 / share))}" if 0 < share < 0.5 else "most"


def _remedy(rounding: Rounding, producer: str) -> str:
    if rounding is Rounding.SCALED_WEIGHTS and producer == "pytorch (dynamo)":
        return _DYNAMO
    return _REMEDIES[rounding]
