"""Smooth activations before a sign or a quantiser against onnxruntime: rising ones, and those that turn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgebnn.chip.target_files.loading import load_target
from edgebnn.emulator.fast import FastPath
from edgebnn.errors import ModelError
from edgebnn.frontend import ReadOptions, read_network
from edgebnn.mapping.planner import map_network
from edgebnn.network import Add, Network, Threshold
from edgebnn.network.interpreter import interpret, trace
from tests.frontend.comparison import onnxruntime_values
from tests.frontend.onnx_models import Model, signs
from tests.mapping.test_planner import PROVENANCE

CHANNELS = 6

Activation = Callable[[Model], str]


def product(gate: Activation) -> Activation:
    """x times a gate of x, as PyTorch's exporters write SiLU and its like."""

    def add(model: Model) -> str:
        x = model.last
        return model.add("Mul", inputs=[x, gate(model)])

    return add


def chain(*operators: str) -> Activation:
    def add(model: Model) -> str:
        for operator in operators:
            model.add(operator)
        return model.last

    return add


def written_gelu(model: Model) -> str:
    x = model.last
    model.add("Div", 2**0.5)
    model.add("Erf")
    model.add("Add", 1.0)
    model.add("Mul", inputs=[x, model.last])
    return model.add("Mul", 0.5)


def written_hard_swish(model: Model) -> str:
    x = model.last
    model.add("Add", 3.0)
    model.add("Clip", 0.0, 6.0)
    model.add("Mul", inputs=[x, model.last])
    return model.add("Div", 6.0)


def quick_gelu(model: Model) -> str:
    x = model.last
    model.add("Mul", 1.702)
    model.add("Sigmoid")
    return model.add("Mul", inputs=[x, model.last])


RISING: dict[str, Activation] = {
    "Sigmoid": chain("Sigmoid"),
    "Tanh": chain("Tanh"),
    "Erf": chain("Erf"),
    "Softplus": chain("Softplus"),
    "Softsign": chain("Softsign"),
    "Elu": lambda model: model.add("Elu", alpha=0.7),
    "Celu": lambda model: model.add("Celu", alpha=1.3),
    "Selu": chain("Selu"),
    "ThresholdedRelu": lambda model: model.add("ThresholdedRelu", alpha=0.75),
    "Tanh of Sigmoid": chain("Sigmoid", "Tanh"),
}
TURNING: dict[str, Activation] = {
    "SiLU, as PyTorch writes it": product(chain("Sigmoid")),
    "quick GELU": quick_gelu,
    "GELU, as PyTorch writes it": written_gelu,
    "Gelu": chain("Gelu"),
    "Gelu by tanh": lambda model: model.add("Gelu", approximate="tanh"),
    "HardSwish": chain("HardSwish"),
    "HardSwish, as PyTorch writes it": written_hard_swish,
    "x times HardSigmoid": product(lambda model: model.add("HardSigmoid", alpha=1 / 6, beta=0.5)),
    "Mish": chain("Mish"),
    "Mish, as PyTorch writes it": product(chain("Softplus", "Tanh")),
    "Abs": chain("Abs"),
}


def quantise(model: Model, scale: float, zero: int = 0) -> str:
    step, point = model.constant(scale), model.constant(np.array(zero), np.int8)
    model.add("QuantizeLinear", step, point)
    return model.add("DequantizeLinear", step, point)


def stem(norm: float) -> Model:
    """A layer whose sums, in steps of `norm`, differ from channel to channel, falling in some."""
    model, rng = Model((20,), opset=20), np.random.default_rng(2)
    model.add("MatMul", signs(1, 20, CHANNELS))
    model.add("Mul", rng.uniform(0.5, 2, CHANNELS) * rng.choice([-1, 1], CHANNELS) * norm)
    model.add("Add", rng.normal(0, 1, CHANNELS))
    return model


def assert_steps(model: Model, folder: Path, options: ReadOptions, ambiguous: int = CHANNELS // 2) -> Network:
    """onnxruntime's activations but in as many channels as count as ambiguous, and one answer of all executors."""
    activation = model.last
    model.add("MatMul", signs(3, CHANNELS, 4))
    path = model.save(folder)
    network = read_network(path, options)
    x = np.random.default_rng(0).integers(-128, 128, size=(400, 20)).astype(np.int8)
    ours, theirs = trace(network, x), onnxruntime_values(path, x)
    (steps,) = (node for node in network.nodes if node.output.name == activation)
    assert isinstance(steps, Threshold)
    off = np.abs(ours[activation] * steps.output.scale - theirs[activation]) > steps.output.scale / 2
    assert np.count_nonzero(off.any(axis=0)) <= steps.ambiguous <= ambiguous
    assert len(np.unique(ours[activation])) > 1
    mapped = map_network(network, load_target("host"), PROVENANCE)
    assert np.array_equal(FastPath(mapped).run(x), interpret(network, x))
    return network


@pytest.mark.parametrize("name", [*RISING, *TURNING])
def test_quantised_to_8_bits(name: str, tmp_path: Path) -> None:
    model = stem(1 / 60)
    (RISING | TURNING)[name](model)
    quantise(model, 0.031, -100 if name in ("Softplus",) else 0)
    network = assert_steps(model, tmp_path, ReadOptions("int8"))
    assert any(isinstance(node, Add) for node in network.nodes) is (name in TURNING)


@pytest.mark.parametrize("name", [*RISING, *TURNING])
def test_quantised_on_an_activation_of_few_levels(name: str, tmp_path: Path) -> None:
    """Between integers: every one of them is looked at."""
    model = stem(1 / 100)
    quantise(model, 0.125)
    (RISING | TURNING)[name](model)
    quantise(model, 0.0471)
    assert_steps(model, tmp_path, ReadOptions("int8"))


@pytest.mark.parametrize("name", ["Tanh", "Elu", "SiLU, as PyTorch writes it", "HardSwish"])
def test_signs(name: str, tmp_path: Path) -> None:
    model = stem(1 / 60)
    (RISING | TURNING)[name](model)
    model.add("Sub", 0.2 if name in RISING else -0.2)
    model.sign(at_least=True)
    assert_steps(model, tmp_path, ReadOptions("int8"))


@pytest.mark.parametrize("name", ["Tanh", "Erf", "Softsign", "Elu"])
def test_the_sign_of_zero_stays_that_of_zero(name: str, tmp_path: Path) -> None:
    """Where a curve goes through zero nothing is ambiguous, and a tie is what the model makes of it."""
    model = Model((20,))
    model.add("MatMul", signs(1, 20, CHANNELS))
    (RISING | TURNING)[name](model)
    model.sign(at_least=True)
    network = assert_steps(model, tmp_path, ReadOptions("int8"))
    assert sum(node.ambiguous for node in network.nodes if isinstance(node, Threshold)) == 0


def test_behind_int8_layers_whose_range_is_too_wide_to_look_at_each(tmp_path: Path) -> None:
    model, rng = Model((20,)), np.random.default_rng(0)
    weights = model.constant(rng.integers(-127, 128, size=(20, CHANNELS)), np.int8)
    last = model.last
    scale = model.add("DequantizeLinear", inputs=[weights, model.constant(0.01)])
    model.last = last
    model.add("MatMul", scale)
    model.add("Mul", 0.02)
    product(chain("Sigmoid"))(model)
    quantise(model, 0.04)
    # Of so many sums that follow each other closely, some always lie within float32's error of a step.
    assert_steps(model, tmp_path, ReadOptions("int16"), ambiguous=CHANNELS)


def test_a_pool_behind_the_quantiser_of_a_turning_function(tmp_path: Path) -> None:
    model = Model((3, 8))
    model.add("Conv", signs(1, CHANNELS, 3, 3))
    model.add("Mul", 0.01)
    product(chain("Sigmoid"))(model)
    quantise(model, 0.05)
    model.add("MaxPool", kernel_shape=[2], strides=[2])
    model.add("Conv", signs(2, 4, CHANNELS, 3))
    path = model.save(tmp_path)
    network = read_network(path, ReadOptions("int8"))
    x = np.random.default_rng(0).integers(-128, 128, size=(50, 3, 8)).astype(np.int8)
    assert np.allclose(interpret(network, x) * network.output.scale, onnxruntime_values(path, x)[model.last], atol=1e-4)


def test_a_layer_without_a_quantiser_is_refused_and_the_curve_named(tmp_path: Path) -> None:
    model = stem(1 / 60)
    model.add("Tanh")
    model.add("MatMul", signs(3, CHANNELS, 4))
    with pytest.raises(ModelError, match=r"reads the result of a smooth activation \(Tanh\).*sign or a quantiser"):
        read_network(model.save(tmp_path), ReadOptions("int8"))
