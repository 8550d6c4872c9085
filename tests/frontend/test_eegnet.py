"""EEGNet as PyTorch exports it: rows of linear layers with batch norm alone between them, ELU and average pools."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from edgebnn.chip.target_files.loading import load_target
from edgebnn.emulator.fast import FastPath
from edgebnn.frontend import ReadOptions, read_network
from edgebnn.mapping.planner import map_network
from edgebnn.network import Threshold, WeightKind
from edgebnn.network.interpreter import interpret
from tests.exports import BinaryConv2d, BinaryLinear, export, sign, trained
from tests.frontend.comparison import onnxruntime_values
from tests.mapping.test_planner import PROVENANCE

ELECTRODES, SAMPLES, FILTERS, DEPTH = 8, 64, 4, 2
SHAPE = (1, ELECTRODES, SAMPLES)
BINARY, FLOAT = BinaryConv2d, nn.Conv2d


def eegnet(
    first: type[nn.Conv2d],
    others: type[nn.Conv2d],
    dense: type[nn.Linear],
    activation: Callable[[], nn.Module],
    norms: bool,
) -> nn.Module:
    """Lawhern et al. 2018; with `norms` a batch norm inside the separable convolution too, as some write it."""
    maps = FILTERS * DEPTH
    return nn.Sequential(
        first(1, FILTERS, (1, 17), padding="same", bias=False),
        nn.BatchNorm2d(FILTERS),
        others(FILTERS, maps, (ELECTRODES, 1), groups=FILTERS, bias=False),
        nn.BatchNorm2d(maps),
        activation(),
        nn.AvgPool2d((1, 4)),
        nn.Dropout(0.25),
        others(maps, maps, (1, 9), padding="same", groups=maps, bias=False),
        *((nn.BatchNorm2d(maps),) if norms else ()),
        others(maps, maps, 1, bias=False),
        nn.BatchNorm2d(maps),
        activation(),
        nn.AvgPool2d((1, 4)),
        nn.Dropout(0.25),
        nn.Flatten(),
        dense(maps * SAMPLES // 16, 4),
    )


def windows(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(-100, 101, size=(count, *SHAPE)).astype(np.float32)


@pytest.mark.parametrize(("exporter", "norms"), [("torchscript", True), ("torchscript", False), ("dynamo", True)])
def test_with_binary_weights_and_signs(exporter: str, norms: bool, tmp_path: Path) -> None:
    """Scores lie within the stated bound of the model's, where no step is so near that it may turn."""
    model = eegnet(BINARY, BINARY, BinaryLinear, lambda: sign("where_at_least"), norms)
    path = export(trained(model, 1), SHAPE, tmp_path / "model.onnx", exporter)
    network = read_network(path, ReadOptions("int8"))
    x = windows(24)
    scores = interpret(network, x)
    assert np.array_equal(FastPath(map_network(network, load_target("host"), PROVENANCE)).run(x), scores)
    expected = onnxruntime_values(path, x)[network.output.name]
    close = np.abs(scores * network.output.scale - expected).max(axis=1) <= network.score_error
    assert close.all() or any(node.ambiguous for node in network.nodes if isinstance(node, Threshold))
    assert np.count_nonzero(close) >= 20 and network.score_error < 1e-3


@pytest.mark.parametrize("others", [BINARY, FLOAT])
def test_with_float_weights_and_elus_by_calibration(others: type[nn.Conv2d], tmp_path: Path) -> None:
    path = export(trained(eegnet(FLOAT, others, nn.Linear, nn.ELU, True), 2), SHAPE, tmp_path / "model.onnx")
    x = windows(48)
    network = read_network(path, ReadOptions("int8", calibration=x))
    scores, expected = interpret(network, x), onnxruntime_values(path, x)[network.model_output]
    assert np.count_nonzero(scores.argmax(axis=1) == expected.argmax(axis=1)) >= 44
    kinds = [layer.weight_kind for layer in network.linear]
    assert kinds[1] is (WeightKind.BINARY if others is BINARY else WeightKind.INT8)
    assert any(note.startswith("activations were rounded here to 8 bits") for note in network.notes)


def test_an_elu_between_binary_layers_alone_makes_the_scores_other_than_the_models(tmp_path: Path) -> None:
    model = eegnet(BINARY, BINARY, BinaryLinear, nn.ELU, False)
    path = export(trained(model, 3), SHAPE, tmp_path / "model.onnx")
    assert read_network(path, ReadOptions("int8", calibration=windows(8))).quantised
