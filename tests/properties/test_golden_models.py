"""Third-party models with golden answers, compiled for every target: all executors agree on all inputs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("unicorn")
pytest.importorskip("ziglang")

import edgebnn

MODELS = Path(os.environ.get("EDGEBNN_MODELS") or Path(__file__).parents[3] / "shared" / "models")


@pytest.mark.parametrize("reading", [{}, {"input_type": "uint8", "input_scale": "1/255"}], ids=["reals", "pixels"])
@pytest.mark.parametrize("target", ["rram130", "cortex-m4", "host"])
@pytest.mark.parametrize("name", ["TFC_1W1A", "TFC_2W2A"])
def test_brevitas_models_for_mnist(name: str, target: str, reading: dict[str, Any]) -> None:
    golden = MODELS / f"{name}_golden.npz"
    if not golden.is_file():
        pytest.skip(f"no {golden.name} in the folder of models (EDGEBNN_MODELS)")
    with np.load(golden) as data:
        x, expected = data["input_uint8"].reshape(-1, 1, 28, 28) / np.float32(255), data["output"]
    deployment = edgebnn.compile(MODELS / f"{name}.onnx", target=target, **reading)
    scores = deployment.run(x, on="reference")
    assert np.array_equal(scores, deployment.run(x, on="fast"))
    assert np.array_equal(scores, deployment.run(x, on="firmware"))
    assert np.array_equal(scores.argmax(axis=1), expected.argmax(axis=1))
    assert np.abs(scores - expected).max() <= 1e-5
