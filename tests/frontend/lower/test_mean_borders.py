"""Averages whose windows count fewer values at the border of a map: exact in every executor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgebnn
from edgebnn.frontend import ReadOptions
from tests.frontend.comparison import assert_same_as_onnxruntime, onnxruntime_values
from tests.frontend.onnx_models import Model, signs

WINDOWS: list[dict[str, Any]] = [
    {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1},
    {"kernel_shape": [4, 2], "strides": [2, 2], "pads": [1, 1, 1, 1]},
    {"kernel_shape": [4, 4], "strides": [2, 2], "pads": [1, 1, 1, 1], "ceil_mode": 1, "count_include_pad": 1},
]


def network(folder: Path, before: str, **window: Any) -> Path:
    """A pool of signs, of integers with an offset, or of sums, then a threshold for each channel."""
    model = Model((2, 7, 7))
    model.add("Conv", signs(0, 6, 2, 3, 3), pads=[1, 1, 1, 1])
    if before == "signs":
        model.sign(at_least=True)
    if before == "offset":
        model.add("Add", np.float32(3))
    model.add("AveragePool", **window)
    model.add("Sub", np.linspace(-1, 1, 6, dtype=np.float32).reshape(1, 6, 1, 1) * np.float32(0.37))
    model.sign(at_least=True)
    model.add("Flatten")
    flat = onnxruntime_values(model.save(folder), np.zeros((1, 2, 7, 7)))[model.last]
    model.add("MatMul", signs(1, flat.shape[1], 3))
    return model.save(folder)


@pytest.mark.parametrize("before", ["signs", "offset", "sums"])
@pytest.mark.parametrize("window", WINDOWS)
def test_activations_equal_onnxruntimes(before: str, window: dict[str, Any], tmp_path: Path) -> None:
    path = network(tmp_path, before, **window)
    compared = assert_same_as_onnxruntime(path, ReadOptions("int6"), batch=64)
    assert compared.activations and compared.scores_compared


def test_every_executor_has_the_same(tmp_path: Path) -> None:
    path = network(tmp_path, "sums", **WINDOWS[1])
    deployment = edgebnn.compile(path, target="rram130", input_type="int6")
    x = np.random.default_rng(0).integers(-32, 32, (8, 2, 7, 7)).astype(np.int8)
    scores = deployment.run(x, on="reference")
    assert np.array_equal(scores, deployment.run(x, on="fast"))
    assert np.array_equal(scores[:3], deployment.run(x[:3], on="firmware"))
