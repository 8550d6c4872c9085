"""Models with several outputs: which one the network ends in is said, and nothing else of the model is needed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import edgebnn
from edgebnn.emulator.onnx_runtime import run_onnxruntime
from edgebnn.errors import ModelError
from edgebnn.frontend import ReadOptions, read_network, runnable_model
from edgebnn.network.interpreter import interpret
from tests.frontend.comparison import onnxruntime_values
from tests.frontend.onnx_models import Model, signs


def two_headed(folder: Path) -> Path:
    """A layer, then two heads: 3 classes, and 2 from an operator that is not mapped."""
    model = Model((8,))
    model.add("MatMul", signs(0, 8, 16))
    middle = model.sign(at_least=True)
    model.add("MatMul", signs(1, 16, 3))
    model.nodes[-1].output[0] = "classes"
    model.last = middle
    model.add("MatMul", signs(2, 16, 2))
    model.add("Det", inputs=[model.last])
    proto = model.proto()
    proto.graph.output.append(helper.make_tensor_value_info("classes", TensorProto.FLOAT, None))
    path = folder / "heads.onnx"
    path.write_bytes(proto.SerializeToString())
    return path


def test_the_message_names_them_and_says_how_to_choose(tmp_path: Path) -> None:
    path = two_headed(tmp_path)
    other = onnx.load(path).graph.output[0].name
    with pytest.raises(ModelError, match=rf"2 outputs \('{other}', 'classes'\).*output=.NAME"):
        read_network(path)
    with pytest.raises(ModelError, match=rf"no output 'clases'; choose one of '{other}', 'classes'"):
        read_network(path, ReadOptions("int8", output="clases"))


def test_the_chosen_one_is_the_networks_and_is_compared_with(tmp_path: Path) -> None:
    path = two_headed(tmp_path)
    network = read_network(path, ReadOptions("int8", output="classes"))
    assert network.output.shape == (3,) and network.model_output == "classes"
    x = np.random.default_rng(0).integers(-128, 128, size=(16, 8)).astype(np.int8)
    assert np.array_equal(interpret(network, x) * network.output.scale, expected(path, x))


def expected(path: Path, x: np.ndarray) -> np.ndarray:
    """onnxruntime's answer, without the head that it may not have either."""
    proto = onnx.load(path)
    kept = [node for node in proto.graph.node if node.op_type != "Det"]
    del proto.graph.node[:], proto.graph.output[0]
    proto.graph.node.extend(kept)
    alone = path.with_name("alone.onnx")
    alone.write_bytes(proto.SerializeToString())
    return onnxruntime_values(alone, x)["classes"]


def test_a_deployment_keeps_the_choice(tmp_path: Path) -> None:
    model = Model((8,))
    model.add("MatMul", signs(0, 8, 16))
    middle = model.sign(at_least=True)
    model.add("MatMul", signs(1, 16, 3))
    proto = model.proto()
    proto.graph.output.insert(0, helper.make_tensor_value_info(middle, TensorProto.FLOAT, None))
    path = tmp_path / "m.onnx"
    path.write_bytes(proto.SerializeToString())
    deployment = edgebnn.compile(path, target="host", input_type="int8", output=model.last)
    deployment.save(tmp_path / "out")
    loaded = edgebnn.load(tmp_path / "out")
    assert f"--output {model.last}" in loaded.mapped.provenance.options
    assert runnable_model(path, model.last).sha256 == loaded.mapped.provenance.model_sha256
    x = np.random.default_rng(0).integers(-128, 128, size=(16, 8)).astype(np.int8)
    assert np.array_equal(loaded.run(x), run_onnxruntime(runnable_model(path, model.last), loaded.mapped, x))
    features = edgebnn.compile(path, target="host", input_type="int8", output=middle)
    assert np.array_equal(features.run(x), run_onnxruntime(runnable_model(path, middle), features.mapped, x))
