"""`inspect`: a model as the compiler understands it, layer by layer, or every problem that keeps it from being one."""

from __future__ import annotations

from collections import Counter

import numpy as np
from rich.console import Console

from edgebnn.chip.target.target import Target
from edgebnn.frontend import Inspection
from edgebnn.frontend.layers.integer_weights import FLOAT_WEIGHTS
from edgebnn.frontend.problems import Problem
from edgebnn.json_types.inspection import InspectedDocument, ModelInputDocument, ProblemDocument
from edgebnn.network import Input, Linear, Network, Threshold, what_is_taken
from edgebnn.network.encoding import encode_input
from edgebnn.report import numbers
from edgebnn.report.ambiguity import ambiguity
from edgebnn.report.fit import fit_document, fit_rows
from edgebnn.report.layer_table import show_layers
from edgebnn.report.layers import layers
from edgebnn.report.meanings import meanings
from edgebnn.report.problems import show_problems
from edgebnn.report.tables import facts, show_notes
from edgebnn.report.target_names import named


def inspect_document(inspection: Inspection, target: Target) -> InspectedDocument:
    """The layers as understood, or every problem; `float_layers` are those that nothing in the model quantises."""
    network, problems = inspection.network, inspection.problems
    document: InspectedDocument = {
        "model": inspection.name,
        "model_sha256": inspection.model_sha256,
        **named(target),
        "input": None,
        "inputs": [],
        "scores": None,
        "layers": [],
        "macs": 0,
        "weights": 0,
        "weights_by_kind": {},
        "macs_in_rram": 0,
        "producer": inspection.producer,
        "ambiguous_thresholds": 0,
        "ambiguous_reachable": 0,
        "fit": None,
        "quantised": [],
        "notes": [],
        "problems": [_problem(problem) for problem in problems],
        "float_layers": [problem.node for problem in problems if problem.reason.startswith(FLOAT_WEIGHTS)],
    }
    if network is not None:
        _add_network(document, network, target)
    return document


def _problem(problem: Problem) -> ProblemDocument:
    return {
        "node": problem.node,
        "operator": problem.operator,
        "reason": problem.reason,
        "remedy": problem.remedy,
    }


def _add_network(document: InspectedDocument, network: Network, target: Target) -> None:
    documents = layers(network, target)
    by_kind: Counter[str] = Counter()
    for node in network.linear:
        by_kind[str(node.weight_kind)] += int(node.weights.size)
    inputs = [_input(entry) for entry in network.inputs]
    document |= {
        "input": inputs[0] if len(inputs) == 1 else None,
        "inputs": inputs,
        "scores": {
            "shape": list(network.output.shape),
            "scale": network.output.scale,
            "score_error": network.score_error,
            "ends_in": network.ends_in,
        },
        "layers": documents,
        "macs": sum(node.macs for node in network.nodes if isinstance(node, Linear)),
        "weights": by_kind.total(),
        "weights_by_kind": dict(by_kind),
        "macs_in_rram": sum(layer["macs"] for layer in documents if layer["runs_on"] == "rram"),
        "ambiguous_thresholds": sum(node.ambiguous for node in network.nodes if isinstance(node, Threshold)),
        "ambiguous_reachable": sum(node.tied for node in network.nodes if isinstance(node, Threshold)),
        "fit": fit_document(network, target),
        "quantised": list(network.quantised),
        "notes": list(network.notes),
    }


def _input(entry: Input) -> ModelInputDocument:
    """An input's tensor, and what users hand over for it: its shape and type, and what a quantiser makes of it."""
    tensor, encoding = entry.tensor, entry.encoding
    document: ModelInputDocument = {
        "name": entry.name,
        "kind": str(tensor.kind),
        "shape": list(tensor.shape),
        "low": tensor.low,
        "high": tensor.high,
        "scale": tensor.scale,
        "offset": encoding.offset,
        "takes": what_is_taken(entry),
        "dtype": encoding.dtype,
        "model_shape": list(entry.model_shape),
        "axes": list(encoding.axes),
        "quantizer": None,
    }
    if encoding.quantizer is not None:
        zeros = encode_input(entry, np.zeros((1, *entry.model_shape), np.float32))
        document["quantizer"] = {
            "levels": encoding.quantizer.thresholds.shape[1] + 1,
            "step": encoding.quantizer.step,
            "zero_becomes": sorted({int(value) for value in np.unique(zeros)}),
        }
    return document


def show_inspect(console: Console, document: InspectedDocument) -> None:
    """The layers and what the network makes of zeros, ties and padding; or the problems."""
    if document["layers"]:
        show_layers(console, document)
        console.print()
        fit = [] if document["fit"] is None else fit_rows(document["fit"], document["target"])
        facts(console, "", [*_totals(document), *fit, *meanings(document), *_ambiguous(document)])
    show_notes(console, document["notes"])
    if document["problems"]:
        show_problems(console, document)


def _totals(document: InspectedDocument) -> list[tuple[str, str]]:
    kinds = document["weights_by_kind"]
    parts = ", ".join(f"{numbers.count(count)} {kind}" for kind, count in kinds.items())
    weights = f"{numbers.count(document['weights'])} ({parts})" if len(kinds) > 1 else parts
    macs = numbers.count(document["macs"])
    in_rram, every = document["macs_in_rram"], document["macs"]
    place = "on the CPU" if not in_rram else "in RRAM" if in_rram == every else f"{in_rram / every:.1%} in RRAM"
    return [("weights", weights), ("multiply-accumulates", f"{macs}, {place}")]


def _ambiguous(document: InspectedDocument) -> list[tuple[str, str]]:
    """How many thresholds float32 itself cannot decide, why, and what to do where something can be done."""
    if document["quantised"]:  # quantised here, onnxruntime's scores are others anyway
        return []
    first, *others = ambiguity(document)
    return [("ambiguous thresholds", first), *(("", sentence) for sentence in others)]
