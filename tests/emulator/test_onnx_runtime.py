"""onnxruntime beside our executors: samples in the model's own layout and units, and what it cannot run at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

import edgebnn
from edgebnn.apart import onnx_session
from edgebnn.api import Deployment
from edgebnn.emulator import onnx_runtime
from edgebnn.emulator.agreement import Agreement
from edgebnn.emulator.emulate import Emulation
from edgebnn.errors import DataError, ModelError
from edgebnn.frontend import runnable_model
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
    *_, note = result.notes
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


class TestApart:
    """onnxruntime runs in a process of its own, from the graph that was checked."""

    X = np.ones((3, 8), np.int8)

    def deployment(self, folder: Path) -> tuple[Deployment, Path]:
        path = dense().save(folder)
        return edgebnn.compile(path, "host", input_type="int8"), path

    def problem(self, folder: Path, monkeypatch: pytest.MonkeyPatch, worker: str, **bounds: object) -> str:
        """What is said where this Python text runs in the worker's place."""
        deployment, path = self.deployment(folder)
        (folder / "instead.py").write_text(worker)
        monkeypatch.setenv("PYTHONPATH", str(folder))
        real = onnx_session.run_apart
        monkeypatch.setattr(onnx_session, "run_apart", lambda module, words, seconds: real("instead", words, seconds))
        for name, value in bounds.items():
            monkeypatch.setattr(onnx_runtime, name, value)
        with pytest.raises(ModelError, match=r"onnxruntime does not run 'model\.onnx'") as caught:
            deployment.emulate(self.X, model=path)
        return str(caught.value)

    @pytest.mark.parametrize("end", ["os.abort()", "os.kill(os.getpid(), 11)", "os._exit(1)"])
    def test_its_crash_is_one_sentence(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
        assert "it fails, or needs more than 6 GiB" in self.problem(tmp_path, monkeypatch, f"import os; {end}")

    def test_it_never_takes_for_ever(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        worker = "import time; time.sleep(100)"
        assert "longer than 1 s" in self.problem(tmp_path, monkeypatch, worker, _START_SECONDS=0.7)

    def test_its_memory_is_bounded(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        worker = (
            "import sys; from edgebnn.apart import onnx_worker as worker; worker.MOST_MEMORY_BYTES = 1 << 27\n"
            "worker._session = lambda content: bytearray(1 << 28); worker.main()"
        )
        assert "it fails, or needs more" in self.problem(tmp_path, monkeypatch, worker)

    def test_nothing_but_the_checked_graph_is_run(self, tmp_path: Path) -> None:
        """Data from other files are in it."""
        deployment, path = self.deployment(tmp_path)
        expected = deployment.emulate(self.X, model=path).agreement["onnxruntime-fast"]
        proto = onnx.load(path)
        onnx.save(proto, tmp_path / "outside.onnx", save_as_external_data=True, location="w.bin", size_threshold=0)
        assert onnx.load(tmp_path / "outside.onnx", load_external_data=False).graph.initializer[0].data_location == 1
        other = edgebnn.compile(tmp_path / "outside.onnx", "host", input_type="int8")
        model = runnable_model(tmp_path / "outside.onnx")
        content = onnx.load_model_from_string(model.content)
        assert [*content.graph.initializer] == [*onnx.load(path).graph.initializer]
        assert other.emulate(self.X, model=tmp_path / "outside.onnx").agreement["onnxruntime-fast"] == expected

    def test_what_the_network_does_not_need_is_not_run(self, tmp_path: Path) -> None:
        """It would take 32 TiB."""
        model = dense()
        proto = model.proto()
        shape = onnx.numpy_helper.from_array(np.array([1 << 40, 1, 8]), "shape")
        proto.graph.initializer.append(shape)
        proto.graph.node.append(onnx.helper.make_node("Expand", [proto.graph.input[0].name, "shape"], ["huge"]))
        proto.graph.output.append(onnx.helper.make_tensor_value_info("huge", onnx.TensorProto.FLOAT, None))
        path = tmp_path / "model.onnx"
        path.write_bytes(proto.SerializeToString())
        deployment = edgebnn.compile(path, "host", input_type="int8", output=proto.graph.output[0].name)
        assert deployment.emulate(self.X, model=path).agreement["onnxruntime-fast"] == Agreement(3, 3)

    def test_another_model_is_refused(self, tmp_path: Path) -> None:
        deployment, _ = self.deployment(tmp_path)
        with pytest.raises(ModelError, match=r"other\.onnx: this is not the model that the deployment was"):
            deployment.emulate(self.X, model=multi_bit().save(tmp_path, "other.onnx"))

    @pytest.mark.parametrize("value", [1e300, np.inf])
    def test_calibration_data_that_the_input_cannot_hold(self, tmp_path: Path, value: float) -> None:
        samples = np.full((4, 12), value)
        with pytest.raises(DataError, match="calibration data"):
            edgebnn.compile(TestLayersQuantisedHere().model().save(tmp_path), "host", calibration=samples)


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
