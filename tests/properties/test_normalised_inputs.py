"""Models that normalise their input in front of padded convolutions, in every executor and in firmware."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import edgebnn
from tests.frontend.layers.test_normalised_inputs import DEVIATION, MEAN, net

pytest.importorskip("ziglang")
pytest.importorskip("unicorn")


@pytest.mark.parametrize(
    ("target", "mean", "deviation", "channels"),
    [
        ("rram130", 0.1307, 0.3081, 1),
        ("rram130", MEAN, DEVIATION, 3),
        ("cortex-m4", 0.5, 0.5, 2),
        ("cortex-m4", MEAN, DEVIATION, 3),
    ],
)
def test_every_executor_starts_sums_from_the_padding(
    tmp_path: Path, target: str, mean: float | np.ndarray, deviation: float | np.ndarray, channels: int
) -> None:
    window = {"pads": [2, 1, 0, 3], "strides": [2, 1], "dilations": [1, 2]}
    path = net(mean, deviation, (7, 8), channels, window=window).save(tmp_path)
    deployment = edgebnn.compile(path, target, input_type="uint8", input_scale="1/255")
    assert all(layer.border is not None for layer in deployment.mapped.network.linear[:1])
    x = np.random.default_rng(0).integers(0, 256, (5, channels, 7, 8)).astype(np.uint8)
    chips = [None] if target != "rram130" else [None, deployment.chip(1, ber=0.02)]
    for chip in chips:
        fast, reference, firmware = (
            deployment.run(x, on=on, chip=chip, integers=True) for on in ("fast", "reference", "firmware")
        )
        assert np.array_equal(reference, fast) and np.array_equal(reference, firmware)
    deployment.save(tmp_path / "out")
    assert np.array_equal(edgebnn.load(tmp_path / "out").run(x), deployment.run(x))
    result = deployment.emulate(x, model=path)
    compared = result.agreement.get("onnxruntime-fast", result.onnxruntime_same_class)
    assert compared is not None and compared.equal == 5
