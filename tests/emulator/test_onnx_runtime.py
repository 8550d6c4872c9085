"""onnxruntime beside our executors: samples in the model's own layout and units, and what it cannot run at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

import edgebnn
from edgebnn.emulator.agreement import Agreement
from edgebnn.emulator.emulate import Emulation
from edgebnn.errors import ModelError
from tests.frontend.onnx_models import Model, dense, signs
from tests.frontend.seeds import bipolar, channels_last, multi_bit, quantised, residual, streamlined


def emulated(model: Model, folder: Path, x: np.ndarray, **options: object) -> Emulation:
    path = model.save(folder)
    deployment = edgebnn.compile(path, "host", **options)  # type: ignore[arg-type]
    return deployment.emulate(x, firmware_samples=2, model=path)


def test_samples_with_their_channels_last(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(-128, 128, (50, 6, 6, 2)).astype(np.int8)
    result = emulated(channels_last(), tmp_path, x, input_type="int8")
    assert result.agreement["onnxruntime-fast"] == Agreement(50, 50)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_integers_of_a_scale_reach_the_model_as_what_they_are_worth(tmp_path: Path, dtype: type) -> None:
    """A constant behind the layer shows it: with another scale, another sign."""
    model = Model((16,))
    model.add("MatMul", signs(0, 16, 8))
    model.add("Sub", np.linspace(-2, 2, 8))
    model.sign()
    model.add("MatMul", signs(1, 8, 3))
    integers = np.random.default_rng(0).integers(0, 256, (200, 16)).astype(np.uint8)
    x = integers if dtype is np.uint8 else integers.astype(np.float32) / np.float32(255)
    result = emulated(model, tmp_path, x, input_type="uint8", input_scale="1/255")
    assert result.agreement["onnxruntime-fast"].equal >= 199  # float32 may round across a threshold


def test_real_samples_of_a_model_that_quantises_them(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(0, 5, (100, 2, 8)).astype(np.float32)
    assert emulated(quantised(), tmp_path, x).agreement["onnxruntime-fast"].whole


def test_residual_sums_agree_up_to_their_rounding(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (60, 3, 8, 8)).astype(np.uint8)
    result = emulated(residual(), tmp_path, x, input_type="uint8")
    assert result.agreement["onnxruntime-fast"].whole


@pytest.mark.parametrize("k", [1, 2])
def test_classes_of_a_top_k(tmp_path: Path, k: int) -> None:
    model = dense(16, 4)
    model.add("TopK", model.constant([k], np.int64), axis=-1)
    model.nodes[-1].output.append("classes")
    path = tmp_path / "model.onnx"
    proto = model.proto()
    proto.graph.output.append(onnx.helper.make_tensor_value_info("classes", onnx.TensorProto.INT64, None))
    path.write_bytes(proto.SerializeToString())
    deployment = edgebnn.compile(path, "host", input_type="int8")
    x = np.random.default_rng(0).integers(-128, 128, (50, 16)).astype(np.int8)
    assert deployment.emulate(x, model=path).agreement["onnxruntime-fast"] == Agreement(50, 50)


@pytest.mark.parametrize(
    ("model", "domain"),
    [(multi_bit, "qonnx.custom_op.general"), (streamlined, "finn.custom_op.general")],
)
def test_operators_that_it_does_not_have_are_a_note(tmp_path: Path, model: object, domain: str) -> None:
    assert callable(model)
    made = model()
    shape = [dim.dim_value for dim in made.inputs[0].type.tensor_type.shape.dim[1:]]
    x = np.random.default_rng(0).integers(0, 3, (5, *shape)).astype(np.uint8)
    result = emulated(made, tmp_path, x)
    assert "onnxruntime-fast" not in result.agreement and result.executors_agree
    (note,) = result.notes
    assert f"onnxruntime does not take 'model.onnx' (it has no operators of {domain})" in note
    assert note.endswith("its answers were not compared")


def test_an_operator_without_a_domain_that_it_does_not_have(tmp_path: Path) -> None:
    model = bipolar()
    for node in model.nodes:
        node.domain = ""
    model.nodes.pop()  # the TopK
    model.last = model.nodes[-1].output[0]
    (note,) = emulated(model, tmp_path, np.ones((3, 12), np.float32)).notes
    assert "BipolarQuant" in note and "not compared" in note


def test_samples_that_it_fails_on_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgebnn.emulator.onnx_runtime.as_model_takes", lambda network, x: x.astype(np.float64))
    with pytest.raises(ModelError, match="does not run"):
        emulated(dense(), tmp_path, np.ones((3, 8), np.int8), input_type="int8")


class TestLayersQuantisedHere:
    """Their scores are not the model's: the classes alone are compared, and count for no agreement."""

    def model(self) -> Model:
        rng = np.random.default_rng(0)
        model = Model((12,))
        model.add("MatMul", rng.normal(size=(12, 20)))
        model.add("Relu")
        model.add("MatMul", rng.normal(size=(20, 5)))
        return model

    def result(self, folder: Path) -> Emulation:
        x = np.random.default_rng(1).normal(size=(200, 12)).astype(np.float32)
        return emulated(self.model(), folder, x, calibration=x)

    def test_classes_alone_are_compared(self, tmp_path: Path) -> None:
        result = self.result(tmp_path)
        assert "onnxruntime-fast" not in result.agreement and result.executors_agree
        assert result.onnxruntime_same_class is not None
        assert result.onnxruntime_same_class.compared == 200
        assert 180 <= result.onnxruntime_same_class.equal <= 200

    def test_another_class_is_no_disagreement(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("edgebnn.emulator.emulate.same_class", lambda scores, answers: Agreement(200, 3))
        assert self.result(tmp_path).executors_agree

    def test_a_binary_network_has_no_such_figure(self, tmp_path: Path) -> None:
        assert emulated(dense(), tmp_path, np.ones((3, 8), np.int8), input_type="int8").onnxruntime_same_class is None
