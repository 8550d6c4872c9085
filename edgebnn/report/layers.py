"""The nodes of a network as `inspect` documents them, whatever their kind."""

from __future__ import annotations

from collections import Counter

from edgebnn.chip.target.target import Target
from edgebnn.json_types.inspection import LayerDocument, OwnFieldsDocument
from edgebnn.network.network import Network
from edgebnn.network.types import (
    Affine,
    Linear,
    MaxPool,
    Node,
    SumPool,
    Threshold,
    WeightKind,
)


def layers(network: Network, target: Target) -> list[LayerDocument]:
    """A document for every node of the network; `reads` names the nodes whose tensors it reads, or an input."""
    makers = {entry.name: entry.name for entry in network.inputs}
    makers |= {node.output.name: node.name for node in network.nodes}
    in_array = _in_array(network, target)
    documents: list[LayerDocument] = []
    for node in network.nodes:
        source = network.tensors[node.sources[0]]
        documents.append(
            {
                "name": node.name,
                "kind": node.kind,
                "weights": str(node.weight_kind) if isinstance(node, Linear) else None,
                "reads": [makers[name] for name in node.sources],
                "input_shape": list(source.shape),
                "output_shape": list(node.output.shape),
                "input_kind": str(source.kind),
                "output_kind": str(node.output.kind),
                "fan_in": node.fan_in if isinstance(node, Linear) else None,
                "macs": node.macs if isinstance(node, Linear) else 0,
                "runs_on": "rram" if node.name in in_array else "cpu",
                **_own(node),
            }
        )
    return documents


def _own(node: Node) -> OwnFieldsDocument:
    """What only nodes of this kind have."""
    match node:
        case Linear():
            return {
                "parameters": int(node.weights.size),
                "padding": _padding(node),
                "pad_begin": list(node.window.pad_begin),
                "pad_end": list(node.window.pad_end),
                "pad_value": node.pad_value,
                "border": None
                if node.border is None
                else {"zones": list(node.border.start.shape[:-1]), "shift": node.border.shift},
            }
        case Threshold():
            return {
                "ties": node.ties,
                "ambiguous": node.ambiguous,
                "ambiguous_reachable": node.tied,
                "roundings": [str(rounding) for rounding in node.roundings],
                "band": node.band,
                "band_share": node.band_share,
                "steps": int(node.thresholds.shape[1]),
            }
        case MaxPool() | SumPool():
            return {"window": list(node.window.kernel), "stride": list(node.window.stride)}
        case Affine():
            return {"segments": int(node.multiplier.shape[1])}
        case _:
            return {}


def _in_array(network: Network, target: Target) -> set[str]:
    """The nodes that the RRAM macro does: binary and ternary layers, and a threshold that alone reads their sums.

    Everything else, int8 layers among it, is the CPU's.
    """
    if target.array is None:
        return set()
    readers = Counter(source for node in network.nodes for source in node.sources)
    summed = {node.output.name: node.name for node in network.linear if node.weight_kind is not WeightKind.INT8}
    compared = {
        node.name
        for node in network.nodes
        if isinstance(node, Threshold) and node.sources[0] in summed and readers[node.sources[0]] == 1
    }
    return compared | set(summed.values())


def _padding(node: Linear) -> str:
    if not any(node.window.pad_begin + node.window.pad_end):
        return "none"
    meaning = "no input (exact 0)" if node.pad_value == 0 else f"{node.pad_value:+d}"
    if node.border is not None:
        meaning = "the model's own, which is no integer here: sums start from it"
    return f"{list(node.window.pad_begin)} before, {list(node.window.pad_end)} behind, value {meaning}"
