"""Models in float16: read as the same models in float32, which is what onnxruntime computes on this processor."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
from onnx import TensorProto

import edgebnn
from edgebnn.errors import ModelError
from edgebnn.frontend import ReadOptions, read_network
from edgebnn.network.interpreter import trace
from tests.frontend.onnx_models import Model, signs
from tests.networks import random_inputs

HALF = np.float16


def network_in_half(inside: bool = True) -> Model:
    """A convolution, batch norm, sign and a dense layer, all of float16; `inside` casts around it (keep_io_types)."""
    rng = np.random.default_rng(3)
    model = Model((2, 6, 6), TensorProto.FLOAT if inside else TensorProto.FLOAT16)
    if inside:
        model.add("Cast", to=TensorProto.FLOAT16)
    model.add("Conv", model.constant(signs(0, 8, 2, 3, 3) * HALF(0.37), HALF), pads=[1, 1, 1, 1])
    numbers = rng.uniform(0.5, 2, 8), rng.standard_normal(8), rng.standard_normal(8), rng.uniform(0.5, 2, 8)
    model.add("BatchNormalization", *(model.constant(each, HALF) for each in numbers))
    condition = model.add("GreaterOrEqual", model.constant(0, HALF))
    model.add("Where", inputs=[condition, model.constant(1, HALF), model.constant(-1, HALF)])
    model.add("Flatten")
    model.add("MatMul", model.constant(signs(1, 288, 4), HALF))
    model.add("Mul", model.constant(rng.uniform(0.1, 1, 4), HALF))
    if inside:
        model.add("Cast", to=TensorProto.FLOAT)
    return model


def saved(model: Model, folder: Path) -> Path:
    proto = model.proto()
    if proto.graph.input[0].type.tensor_type.elem_type == TensorProto.FLOAT16:
        proto.graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT16
    path = folder / "half.onnx"
    onnx.save(proto, path)
    return path


@pytest.mark.parametrize("inside", [True, False])
def test_every_executor_agrees_on_it(inside: bool, tmp_path: Path) -> None:
    path = saved(network_in_half(inside), tmp_path)
    deployment = edgebnn.compile(path, target="host", input_type="int6")
    network = deployment.mapped.network
    assert any("float16" in note for note in network.notes)
    assert network.inputs[0].encoding.dtype == ("float32" if inside else "float16")
    emulation = deployment.emulate((random_inputs(network, 0, 100), np.zeros(100)), model=path)
    assert emulation.executors_agree and emulation.agreement["onnxruntime-fast"].equal == 100


def test_scores_of_half_precision_may_be_rounded_once_more(tmp_path: Path) -> None:
    inside, around = (read_network(saved(network_in_half(cast), tmp_path)) for cast in (True, False))
    largest = float(np.max(np.abs([around.output.low, around.output.high]) * around.output.scale))
    half = float(np.spacing(HALF(largest))) / 2
    assert half <= around.score_error - inside.score_error <= 2 * half + 2.0**-24


def test_a_quantiser_in_half_precision_is_the_networks_encoding(tmp_path: Path) -> None:
    model = Model((8,))
    model.add("Cast", to=TensorProto.FLOAT16)
    scale, zero = model.constant(0.05, HALF), model.constant(3, np.int8)
    model.opset = 19
    model.add("QuantizeLinear", scale, zero)
    model.add("DequantizeLinear", scale, zero)
    model.add("MatMul", model.constant(signs(0, 8, 5), HALF))
    model.add("Cast", to=TensorProto.FLOAT)
    path = model.save(tmp_path)
    network = read_network(path)
    assert network.inputs[0].encoding.quantizer is not None
    x = np.random.default_rng(0).standard_normal((200, 8)).astype(np.float32)
    quotients = x / np.float32(HALF(0.05))
    x = x[np.all(np.abs(quotients - np.floor(quotients) - 0.5) > 2.0**-11 * np.abs(quotients), axis=1)]
    scores = trace(network, x)[network.output.name] * network.output.scale
    assert len(x) > 150 and np.allclose(scores, _answers(path, x), rtol=0, atol=1e-4)


def _answers(path: Path, x: npt.NDArray[np.float32]) -> Any:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


def test_an_input_of_half_precision_is_taken_to_hold_what_it_can(tmp_path: Path) -> None:
    path = saved(network_in_half(inside=False), tmp_path)
    assert (network := read_network(path)).inputs[0].tensor.high == 2047 and network.inputs[0].tensor.low == -2048
    with pytest.raises(ModelError, match="float16, which rounds integers beyond 2048; choose a narrower input_type"):
        read_network(path, ReadOptions("uint12"))
    with pytest.raises(ModelError, match=r"float16, which rounds the multiples of 1/255.*float32 input"):
        read_network(path, ReadOptions("uint8", Fraction(1, 255)))


def test_a_model_without_it_has_no_such_note(tmp_path: Path) -> None:
    model = Model((8,))
    model.add("MatMul", signs(0, 8, 3))
    assert not any("float16" in note for note in read_network(model.save(tmp_path)).notes)
