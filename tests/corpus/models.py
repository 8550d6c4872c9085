"""The corpus's models and data, written into a folder: both checkouts read the same bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn

from tests import zoo
from tests.corpus.activations import activation
from tests.exports import SIGNS, WEIGHTS, BinaryConv2d, BinaryLinear, export, sign, trained
from tests.frontend.mutations import mutant
from tests.frontend.seeds import seeds
from tests.random_graphs import DIALECTS, random_graph

ROOT = Path(__file__).resolve().parents[2]
ACTIVATIONS, RANDOM_GRAPHS, DAMAGED = 300, 14, 150


def write_models(folder: Path) -> None:
    """Every model and data set of the corpus; a second call writes the same bytes."""
    (folder / "ecg_pvc.onnx").write_bytes((ROOT / "edgebnn/models/ecg_pvc.onnx").read_bytes())
    for path in sorted((ROOT / "tests/frontend/found").glob("*.onnx")):
        (folder / f"found-{path.name}").write_bytes(path.read_bytes())
    undamaged = seeds()
    for name, model in undamaged.items():
        _write(folder / f"seed-{name}.onnx", model)
    for number in range(DAMAGED):
        (folder / f"damaged-{number:03}.onnx").write_bytes(mutant(list(undamaged.values()), number))
    for dialect in DIALECTS:
        for number in range(RANDOM_GRAPHS):
            _write(folder / f"graph-{dialect}-{number:02}.onnx", random_graph(number, dialect).model.proto())
    for number in range(ACTIVATIONS):
        _write(folder / f"activation-{number:03}.onnx", activation(number).proto())
    _write_exports(folder)
    _write_data(folder)


def _write(path: Path, model: onnx.ModelProto) -> None:
    path.write_bytes(model.SerializeToString(deterministic=True))


def _write_exports(folder: Path) -> None:
    """What PyTorch's exporters write, and the networks of the papers."""
    for number, name in enumerate(SIGNS):
        export(trained(_convolutions(name, "sign"), number), (2, 8, 8), folder / f"export-sign-{name}.onnx")
    for number, name in enumerate(WEIGHTS):
        path = folder / f"export-weights-{name}.onnx"
        export(trained(_convolutions("where_at_least", name), number), (2, 8, 8), path)
    by_dynamo = export(trained(_convolutions("sign", "where"), 3), (2, 8, 8), folder / "export-dynamo.onnx", "dynamo")
    _write(by_dynamo, _without_paths(onnx.load(by_dynamo)))
    torch.manual_seed(0)
    zoo.exported(zoo.vgg(), (3, 32, 32), folder / "zoo-vgg.onnx")
    zoo.exported(zoo.bi_real_resnet18(), (3, 64, 64), folder / "zoo-resnet18.onnx")
    zoo.exported(zoo.mobilenet(), (3, 64, 64), folder / "zoo-mobilenet.onnx")


def _without_paths(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model without what its exporter says of the sources that it was made by, which lie elsewhere elsewhere."""
    for part in (
        model,
        model.graph,
        *model.graph.node,
        *model.graph.value_info,
        *model.graph.input,
        *model.graph.output,
    ):
        del part.metadata_props[:]
    return model


def _convolutions(activation: str, weights: str) -> nn.Module:
    return nn.Sequential(
        BinaryConv2d(2, 6, 3, padding=1, weights=weights),
        nn.BatchNorm2d(6),
        nn.MaxPool2d(2),
        sign(activation),
        BinaryConv2d(6, 8, 3, weights=weights),
        nn.BatchNorm2d(8),
        sign(activation),
        nn.Flatten(),
        BinaryLinear(32, 5, weights=weights),
    )


def _write_data(folder: Path) -> None:
    """Samples of the ECG model, some labelled, and a lab's list of cells."""
    rng = np.random.default_rng(19)
    x = np.clip(rng.normal(0, 40, (48, 4, 120)).cumsum(axis=2) / 4, -128, 127).astype(np.int8)
    np.save(folder / "ecg.npy", x)
    np.savez(folder / "ecg.npz", x=x, y=rng.integers(0, 2, len(x)))
    np.savez(folder / "images.npz", x=zoo.images((3, 64, 64), 3))
    rows = ["bank,row,column,r_bl_ohm,r_blb_ohm"]
    for bank, row, column in np.ndindex(2, 8, 8):
        low, high = rng.lognormal(8.5, 0.4), rng.lognormal(11, 1)
        one, other = (low, high) if (row + column) % 2 else (high, low)
        rows.append(f"{bank},{row},{column},{one:.6g},{other:.6g}")
    (folder / "cells.csv").write_text("\n".join(rows) + "\n")
    rates = ["bank,row,column,error_rate"]
    rates += [f"{bank},{row},{column},{rng.random() * 0.1:.4g}" for bank, row, column in np.ndindex(3, 4, 16)]
    (folder / "rates.csv").write_text("\n".join(rates) + "\n")
