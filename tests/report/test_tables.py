"""What the tables say fits into a terminal of 80 columns, has no empty rows, and explains what it counts."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from edgebnn.chip.target_files import load_target, target_names
from edgebnn.frontend import Inspection
from edgebnn.network.types import Linear, Network, Threshold
from edgebnn.report.documents import inspect_document, target_document
from edgebnn.report.tables import show_inspect, show_run, show_target
from tests.networks import random_network

Document = dict[str, Any]


def printed(show: Callable[[Console, Document], None], document: Document, columns: int = 80) -> str:
    console = Console(file=io.StringIO(), width=columns, color_system=None)
    show(console, document)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert all(len(line) <= columns for line in text.splitlines())
    return text


def inspected(network: Network) -> Document:
    return inspect_document(Inspection("m", "0" * 64, network, ()), load_target("rram130"))


def layer(**changed: Any) -> Document:
    plain = {"name": "c", "kind": "conv2d", "weights": "binary", "output_shape": [8, 8, 8], "fan_in": 9, "macs": 9}
    padding = {"padding": "[1, 1] before", "pad_begin": [1, 1], "pad_end": [1, 1], "pad_value": 0}
    return {**plain, **padding, "runs_on": "cpu", **changed}


def a_model(*layers: Document, ambiguous: int = 0) -> Document:
    entry = {"name": "x", "kind": "integers", "shape": [3, 8, 8], "low": 0, "high": 255, "dtype": "uint8"}
    counts = {"weights": 1, "macs": 2345, "ambiguous_thresholds": ambiguous}
    return {"model": "m", "input": entry, "layers": list(layers), "notes": [], "problems": [], **counts}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "padding 1"),
        ({"pad_begin": [1, 2], "pad_end": [1, 2]}, "padding 1x2"),
        ({"pad_begin": [0], "pad_end": [1]}, "padding 0 before, 1 behind"),
        ({"pad_value": -1}, "padding 1 of -1"),
        ({"padding": "none", "pad_begin": [0, 0], "pad_end": [0, 0]}, ""),
    ],
)
def test_padding_is_said_in_a_few_words(changed: Document, said: str) -> None:
    text = printed(show_inspect, a_model(layer(**changed)))
    kind = " ".join(line.split("│")[2].strip() for line in text.splitlines() if line.startswith("│"))
    assert kind == "binary conv2d" + (f", {said}" if said else "")
    assert ("no input (exactly 0)" in text) == bool(said)


def test_the_layers_of_any_network_fit_into_80_columns() -> None:
    for seed in range(20):
        network = random_network(seed)
        text = printed(show_inspect, inspected(network))
        padded = [node for node in network.nodes if isinstance(node, Linear) and any(node.window.pad_begin)]
        assert not padded or "padding" in text


def test_ambiguous_thresholds_are_counted_and_the_remedy_is_named() -> None:
    one = printed(show_inspect, a_model(layer(), ambiguous=1))
    assert "1 weight, 2,345 multiply-accumulates, 1 ambiguous threshold\n" in one
    assert "do_constant_folding=False" in one
    assert "5 ambiguous thresholds\n" in printed(show_inspect, a_model(layer(), ambiguous=5))
    none = printed(show_inspect, a_model(layer()))
    assert "0 ambiguous thresholds\n" in none and "do_constant_folding" not in none


def test_the_document_says_padding_in_numbers() -> None:
    networks = map(random_network, range(20))
    found = [(node, entry) for net in networks for node, entry in zip(net.nodes, inspected(net)["layers"], strict=True)]
    for node, entry in found:
        if isinstance(node, Linear):
            assert entry["pad_begin"] == list(node.window.pad_begin) and entry["pad_value"] == node.pad_value
        if isinstance(node, Threshold):
            assert entry["ambiguous"] == node.ambiguous
    assert any(isinstance(node, Linear) and any(node.window.pad_begin) for node, _ in found)


@pytest.mark.parametrize("name", target_names())
def test_every_number_of_a_target_is_shown_whole(name: str) -> None:
    document = target_document(load_target(name))
    text = printed(show_target, document)
    for number in document["numbers"]:
        section, _, field = number["path"].rpartition(".")
        assert f"│ {section} " in text and f"│   {field} " in text


def test_a_target_without_numbers_has_no_empty_table() -> None:
    text = printed(show_target, target_document(load_target("host")))
    assert "states no physical numbers" in text and "┃" not in text


def test_a_run_of_one_sample_is_singular() -> None:
    document: Document = {"samples": 1, "on": "fast", "chip": None, "class_counts": [0, 1]}
    assert printed(show_run, document) == "1 sample on fast, no bit errors: class 1: 1\n"
    none = {**document, "samples": 0, "class_counts": np.zeros(2, int).tolist()}
    assert printed(show_run, none) == "0 samples on fast, no bit errors\n"
