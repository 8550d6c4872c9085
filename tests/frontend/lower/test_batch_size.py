"""Models that leave their batch open and hold nodes that are for one sample alone, or for all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgebnn.chip.target_files.loading import load_target
from edgebnn.emulator.onnx_runtime import run_onnxruntime
from edgebnn.errors import ModelError
from edgebnn.frontend import ReadOptions, read_network
from edgebnn.frontend.lower.batch_size import _repeats
from edgebnn.frontend.read_model import runnable_model
from edgebnn.mapping.planner import map_network
from edgebnn.network.interpreter import interpret
from tests.frontend.comparison import onnxruntime_values
from tests.frontend.onnx_models import Model, signs
from tests.mapping.test_planner import PROVENANCE
from tests.onnx_here import onnxruntime_here

NEAREST = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}


def integers(model: Model, *values: int) -> str:
    return model.constant(values, np.int64)


def extents(model: Model, kept: int, *rest: int) -> str:
    """The first extents of the last value as they are, and others behind them."""
    value = model.last
    model.add("Shape")
    model.add("Slice", integers(model, 0), integers(model, kept))
    joined = model.add("Concat", inputs=[model.last, integers(model, *rest)], axis=0)
    model.last = value
    return joined


def first_extent(model: Model, *rest: int) -> str:
    """The same by a part of the shape, whose first axis is counted from behind."""
    value = model.last
    model.add("Shape", start=-4, end=1)
    joined = model.add("Concat", inputs=[model.last, integers(model, *rest)], axis=0)
    model.last = value
    return joined


def scored(model: Model) -> None:
    model.add("Flatten")
    model.add("MatMul", signs(1, 64, 3))


# What is put behind a map of (2, 4, 4), so that 64 values or the scores are left, and whether it is for one alone.
NODES: dict[str, tuple[Callable[[Model], object], bool, bool]] = {
    "reshape to one": (lambda model: model.add("Reshape", integers(model, 1, 4, 4, 4)), True, False),
    "reshape of the rest": (lambda model: model.add("Reshape", integers(model, 1, -1)), True, False),
    "reshape of any": (lambda model: model.add("Reshape", integers(model, -1, 64)), False, False),
    "reshape by the shape": (lambda model: model.add("Reshape", extents(model, 1, -1)), False, False),
    "reshape by the first extent": (lambda model: model.add("Reshape", first_extent(model, -1)), False, False),
    "flatten from the batch": (lambda model: model.add("Flatten", axis=0), True, False),
    "slice of one": (lambda model: model.add("Slice", integers(model, 0), integers(model, 1)), True, False),
    "places of one": (lambda model: model.add("Gather", integers(model, 0), axis=0), True, False),
    "scores of one": (lambda model: model.add("Reshape", integers(model, 1, 3)), True, True),
    "scores in a row": (lambda model: model.add("Reshape", integers(model, -1)), True, True),
}


@pytest.mark.parametrize("name", NODES)
def test_a_node_for_one_sample_makes_the_model_take_one_at_a_time(name: str, tmp_path: Path) -> None:
    node, alone, behind = NODES[name]
    model = Model((4, 4, 4), opset=18)
    if behind:
        scored(model)
    node(model)
    if not behind:
        scored(model)
    path = model.save(tmp_path)
    network = read_network(path, ReadOptions("int8"))
    assert network.one_at_a_time == alone
    assert any("samples are taken one at a time" in note for note in network.notes) == alone
    x = np.random.default_rng(0).integers(-8, 8, (5, 4, 4, 4)).astype(np.float32)
    one_by_one = [onnxruntime_values(path, x[at : at + 1])[model.last].reshape(-1) for at in range(5)]
    assert np.array_equal(interpret(network, x.astype(np.int8)).reshape(5, -1), one_by_one)
    with onnxruntime_here():
        answers = run_onnxruntime(runnable_model(path), map_network(network, load_target("host"), PROVENANCE), x)
    assert np.array_equal(answers.reshape(5, -1), one_by_one)


@pytest.mark.parametrize("alone", [True, False])
def test_a_map_resized_to_a_stated_size(alone: bool, tmp_path: Path) -> None:
    """onnxruntime makes one sample of several where the stated size says so: the first of them."""
    model = Model((2, 4, 4))
    model.add("Resize", "", "", integers(model, 1, 2, 8, 8) if alone else extents(model, 2, 8, 8), **NEAREST)
    model.add("Conv", signs(0, 3, 2, 8, 8))
    network = read_network(path := model.save(tmp_path), ReadOptions("int8"))
    assert network.one_at_a_time == alone
    x = np.zeros((3, 2, 4, 4), np.float32)
    assert len(onnxruntime_values(path, x)[model.last]) == (1 if alone else 3)


def test_a_batch_that_is_resized_is_refused(tmp_path: Path) -> None:
    model = Model((2, 4, 4), batch=3)
    model.add("Resize", "", "", integers(model, 1, 2, 8, 8), **NEAREST)
    model.add("Conv", signs(0, 3, 2, 8, 8))
    with pytest.raises(ModelError, match="resizes the batch"):
        read_network(model.save(tmp_path), ReadOptions("int8"))


@pytest.mark.parametrize("batch", ["batch", 1, 3])
def test_constants_for_several_samples_are_refused(batch: int | str, tmp_path: Path) -> None:
    """onnxruntime makes two answers of one sample."""
    model = Model((8,), batch=batch)
    model.add("MatMul", signs(0, 8, 3))
    model.add("Add", np.arange(6, dtype=np.float32).reshape(2, 3))
    with pytest.raises(ModelError, match="has constants for 2 samples at once"):
        read_network(model.save(tmp_path), ReadOptions("int8"))


def test_a_matrix_of_thresholds_is_not_for_samples(tmp_path: Path) -> None:
    """FINN's has a row for each channel, and as many axes as the vector that it steps."""
    model = Model((8,))
    model.add("MatMul", signs(0, 8, 3))
    model.add("MultiThreshold", np.array([[-1.0, 1.0]] * 3), domain="qonnx.custom_op.general", out_dtype="UINT2")
    model.add("MatMul", signs(1, 3, 2))
    network = read_network(model.save(tmp_path), ReadOptions("int8"))
    assert not network.one_at_a_time


def test_a_constant_repeats_itself_along_the_batch_alone() -> None:
    one, other = np.array([[1, 2]]), np.array([[3, 2]])
    assert _repeats(one, np.concatenate([one, one])) and _repeats(one, one)
    assert not _repeats(one, np.concatenate([one, other])) and not _repeats(one, other)
    assert not _repeats(one, one.T) and not _repeats(np.concatenate([one, one]), one)
