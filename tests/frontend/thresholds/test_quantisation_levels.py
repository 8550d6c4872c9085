"""Behind a quantiser a model computes with levels, which are float32 numbers: ties fall there as onnxruntime has them.

Before it, sums of int8 weights are rounded: there exact arithmetic decides.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgebnn.frontend import ReadOptions, read_network
from edgebnn.network.interpreter import trace
from edgebnn.network.network import Network
from edgebnn.network.types import Rounding, Threshold
from tests.frontend.comparison import onnxruntime_values
from tests.frontend.onnx_models import Array, Model

FEATURES = 8
SAMPLES = 300

# Levels of 0.05, of which every second lies right between two levels of 0.04, or of 0.1.
ACTIVATIONS: dict[str, Callable[[Model], str]] = {
    "nothing": lambda model: model.last,
    "ELU": lambda model: model.add("Elu"),
    "leaky": lambda model: model.add("LeakyRelu", alpha=-0.3),
    "HardSwish": lambda model: model.add("HardSwish"),
    "SiLU, quantised between": lambda model: _gated(model, "Sigmoid"),
}


def _pair(model: Model, scale: float, zero: int) -> str:
    constants = model.constant(scale), model.constant(zero, np.int8)
    model.add("QuantizeLinear", *constants)
    return model.add("DequantizeLinear", *constants)


def _gated(model: Model, gate: str) -> str:
    value = model.last
    model.add(gate)
    return model.add("Mul", inputs=[value, _pair(model, 1 / 256, -128)])


def _layer(model: Model, seed: int, inputs: int, outputs: int) -> None:
    rng, signal = np.random.default_rng(seed), model.last
    weights = model.constant(rng.integers(-60, 61, (inputs, outputs)), np.int8)
    model.add("DequantizeLinear", inputs=[weights, model.constant(0.01137), model.constant(0, np.int8)])
    model.add("MatMul", inputs=[signal, model.last])


def _begun() -> Model:
    model = Model((16,))
    _pair(model, 0.043, 3)
    _layer(model, 0, 16, FEATURES)
    return model


def _compared(model: Model, value: str, folder: Path) -> tuple[Network, Threshold, Array, Array]:
    """The network, the step that makes `value`, what it gives, and what onnxruntime has there."""
    path = model.save(folder)
    network = read_network(path, ReadOptions())
    x = np.random.default_rng(1).normal(0, 1, (SAMPLES, 16)).astype(np.float32)
    (step,) = (node for node in network.nodes if isinstance(node, Threshold) and node.output.name == value)
    return network, step, trace(network, x)[value] * step.output.scale, onnxruntime_values(path, x)[value]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_any_function_of_levels_steps_as_float32_does(activation: str, tmp_path: Path) -> None:
    """So many sums that a tie which fell the other way would be among them."""
    model = _begun()
    _pair(model, 0.05, 4)
    ACTIVATIONS[activation](model)
    value = _pair(model, 0.04, -60)
    _layer(model, 2, FEATURES, 3)
    _, _, ours, theirs = _compared(model, value, tmp_path)
    assert len(np.unique(ours)) > 20 and np.allclose(ours, theirs, rtol=0, atol=1e-3)


def test_a_smooth_function_of_levels_leaves_the_steps_before_it_to_float32(tmp_path: Path) -> None:
    """Whole sums times 0.005 are known to the bit, ties too, whatever follows."""
    model, rng = Model((16,), opset=17), np.random.default_rng(0)
    zero, fine = model.constant(0, np.int8), model.constant(0.03)
    weights = model.constant(rng.integers(-60, 61, (16, FEATURES)), np.int8)
    model.add("QuantizeLinear", fine, zero)
    scale = model.constant(0.06)
    model.add("QLinearMatMul", inputs=[model.last, fine, zero, weights, model.constant(0.01), zero, scale, zero])
    model.add(
        "QLinearSigmoid", scale, zero, model.constant(1 / 256), model.constant(-128, np.int8), domain="com.microsoft"
    )
    value = model.add("DequantizeLinear", model.constant(1 / 256), model.constant(-128, np.int8))
    _layer(model, 2, FEATURES, 3)
    _, step, ours, theirs = _compared(model, value, tmp_path)
    assert step.ambiguous == 0 and len(np.unique(ours)) > 20 and np.allclose(ours, theirs, rtol=0, atol=1e-5)


def test_values_that_lie_side_by_side_are_rounded_by_nothing(tmp_path: Path) -> None:
    """Two quantisers joined and quantised anew: what an integer is worth to float32 is known, so none is doubtful."""
    model = _begun()
    first = _pair(model, 0.05, 5)
    _layer(model, 2, FEATURES, FEATURES)
    model.add("Concat", inputs=[first, _pair(model, 0.09, 1)], axis=1)
    value = _pair(model, 0.1, 0)
    _layer(model, 3, 2 * FEATURES, 3)
    _, step, ours, theirs = _compared(model, value, tmp_path)
    assert step.ambiguous == 0 and len(np.unique(ours)) > 20 and np.allclose(ours, theirs, rtol=0, atol=1e-3)


def test_levels_that_a_pool_reads_are_no_estimator(tmp_path: Path) -> None:
    """What is said of thresholds behind a pool over levels: their scale is rounded, and nothing was estimated."""
    model = Model((2, 6, 6))
    model.add("Conv", np.random.default_rng(0).choice([-0.3, 0.3], (4, 2, 3, 3)).astype(np.float32))
    _pair(model, 0.05, 4)
    model.add("HardSwish")
    _pair(model, 0.04, -60)
    model.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    model.add("Conv", np.random.default_rng(1).choice([-0.3, 0.3], (4, 4, 2, 2)).astype(np.float32))
    model.sign(at_least=True)
    network = read_network(model.save(tmp_path), ReadOptions("int8"))
    last = [node for node in network.nodes if isinstance(node, Threshold)][-1]
    assert last.ambiguous and last.roundings == (Rounding.SCALED_WEIGHTS, Rounding.SCALED_ACTIVATIONS)
