"""Files that are damaged or hostile: one clear sentence, soon, and nothing allocated for it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from edgebnn.errors import ModelError
from edgebnn.frontend import ReadOptions, read_network
from tests.frontend.onnx_models import Model, dense, signs
from tests.frontend.soon import soon

OPTIONS = ReadOptions("bits")


def refused(path: Path, words: str, seconds: float = 1.0) -> str:
    """Reads a file that must be refused soon in a sentence that holds `words`; returns the sentence."""

    def read() -> str:
        with pytest.raises(ModelError) as caught:
            read_network(path, OPTIONS)
        return str(caught.value)

    message = soon(read, seconds)
    assert words in message and "\n" not in message
    return message


def written(folder: Path, change: Callable[[onnx.ModelProto], object], model: Model | None = None) -> Path:
    """The small dense model with a change to its protobuf."""
    proto = (model or dense()).proto()
    change(proto)
    path = folder / "model.onnx"
    path.write_bytes(proto.SerializeToString())
    return path


def test_the_model_that_the_damage_is_done_to_is_fine(tmp_path: Path) -> None:
    assert read_network(dense().save(tmp_path), OPTIONS).linear[0].fan_in == 8


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    refused(tmp_path / "nothing.onnx", "nothing.onnx: it cannot be read: No such file")
    refused(tmp_path, "is a folder, and only a file is read")


@pytest.mark.parametrize("content", [b"", b"\n", b"not a model", b"\xff" * 4096, bytes(100)])
def test_bytes_that_are_no_model(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    refused(path, "export the model again")


def test_a_file_cut_off_anywhere_is_refused_or_whole(tmp_path: Path) -> None:
    content = dense().proto().SerializeToString()
    path = tmp_path / "model.onnx"
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(ModelError):
            read_network(path, OPTIONS)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=8))
def test_mutated_bytes_never_crash(tmp_path: Path, places: list[tuple[int, int]]) -> None:
    model = Model((4, 6, 6))
    model.add("Conv", signs(0, 4, 4, 3, 3), np.zeros(4), pads=[1, 1, 1, 1])
    model.batch_norm(*np.ones((4, 4)))
    model.sign(at_least=True)
    model.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    model.add("Flatten")
    model.add("Gemm", signs(1, 5, 36), transB=1)
    content = bytearray(model.proto().SerializeToString())
    for place, value in places:
        content[place % len(content)] = value
    path = tmp_path / "model.onnx"
    path.write_bytes(content)

    def read() -> None:
        try:
            read_network(path, OPTIONS)
        except ModelError as error:
            assert "\n" not in str(error)

    soon(read, 2)


def test_a_tensor_that_claims_100_gigabytes(tmp_path: Path) -> None:
    def change(proto: onnx.ModelProto) -> None:
        proto.graph.initializer[0].dims[:] = [160_000, 160_000]

    refused(written(tmp_path, change), "MiB")


@pytest.mark.parametrize("dims", [[8, 4], [2, 3], [8], [-8, -3], [2**62, 4]])
def test_a_tensor_whose_shape_contradicts_its_data(tmp_path: Path, dims: list[int]) -> None:
    def change(proto: onnx.ModelProto) -> None:
        proto.graph.initializer[0].dims[:] = dims

    refused(written(tmp_path, change), "constant_0")


@pytest.mark.parametrize("operator", ["ConstantOfShape", "Expand", "Tile", "Range"])
def test_a_constant_that_grows_to_gigabytes(tmp_path: Path, operator: str) -> None:
    model = Model((8,))
    huge = model.constant([10**5, 10**6], np.int64)
    one = model.constant([[1.0]])
    inputs = {
        "ConstantOfShape": [huge],
        "Expand": [one, huge],
        "Tile": [one, huge],
        "Range": [model.constant(v, np.int64) for v in (0, 10**11, 1)],
    }[operator]
    grown = model.add(operator, inputs=inputs)
    model.add("MatMul", inputs=["x", grown])
    assert operator in refused(model.save(tmp_path), "elements")


def test_constants_that_double_again_and_again(tmp_path: Path) -> None:
    model = Model((8,))
    grown = model.constant(np.ones(1024))
    for _ in range(40):
        grown = model.add("Concat", inputs=[grown, grown], axis=0)
    model.add("MatMul", inputs=["x", grown])
    refused(model.save(tmp_path), "too many to fold", seconds=2)  # some constants fit, and are made


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_numbers(tmp_path: Path, value: float) -> None:
    model = Model((8,))
    weights = signs(0, 8, 3)
    weights[2, 1] = value
    latent = model.add("Sign", inputs=[model.constant(weights)])
    model.add("MatMul", inputs=["x", latent])
    refused(model.save(tmp_path), "NaN or infinity")


def test_a_negative_variance(tmp_path: Path) -> None:
    model = dense()
    model.batch_norm(np.ones(3), np.zeros(3), np.zeros(3), -np.ones(3))
    refused(model.save(tmp_path), "variance")


def test_a_value_made_twice(tmp_path: Path) -> None:
    refused(written(tmp_path, lambda proto: proto.graph.node.append(proto.graph.node[0])), "two nodes")
    refused(written(tmp_path, lambda proto: proto.graph.initializer.append(proto.graph.initializer[0])), "two values")


def test_a_value_that_nothing_makes(tmp_path: Path) -> None:
    def change(proto: onnx.ModelProto) -> None:
        proto.graph.node[0].input[1] = "gone"

    assert "gone" in refused(written(tmp_path, change), "nothing makes")


def test_an_output_that_nothing_makes(tmp_path: Path) -> None:
    def change(proto: onnx.ModelProto) -> None:
        proto.graph.output[0].name = "gone"

    refused(written(tmp_path, change), "made by no node")


def test_a_cycle(tmp_path: Path) -> None:
    model = dense()
    model.sign()

    def change(proto: onnx.ModelProto) -> None:
        proto.graph.node[0].input[0] = proto.graph.node[1].output[0]

    refused(written(tmp_path, change, model), "cycles")


def test_nodes_out_of_order_are_put_in_order(tmp_path: Path) -> None:
    model = dense()
    model.add("Mul", 0.5)
    path = written(tmp_path, lambda proto: proto.graph.node.reverse(), model)
    assert read_network(path, OPTIONS).output.scale == 0.5


@pytest.mark.parametrize("version", [0, 8, 999])
def test_an_unknown_opset(tmp_path: Path, version: int) -> None:
    def change(proto: onnx.ModelProto) -> None:
        proto.opset_import[0].version = version

    refused(written(tmp_path, change), f"opset {version}")


def test_no_opset(tmp_path: Path) -> None:
    refused(written(tmp_path, lambda proto: proto.ClearField("opset_import")), "does not say which ONNX opset")


def test_too_many_nodes(tmp_path: Path) -> None:
    model = dense()
    for _ in range(20_001):
        model.nodes.append(helper.make_node("Neg", [model.last], [f"n{len(model.nodes)}"]))
        model.last = f"n{len(model.nodes) - 1}"
    refused(model.save(tmp_path), "nodes")


def test_a_chain_of_thousands_of_nodes_is_walked(tmp_path: Path) -> None:
    model = dense()
    for _ in range(4000):
        model.add("Identity")
    assert len(read_network(model.save(tmp_path), OPTIONS).nodes) == 1


def test_a_subgraph(tmp_path: Path) -> None:
    model = dense()
    branch = helper.make_graph(
        [helper.make_node("Identity", [model.last], ["inner"])],
        "branch",
        [],
        [helper.make_tensor_value_info("inner", TensorProto.FLOAT, None)],
    )
    condition = model.constant(True, np.bool_)
    model.add("If", inputs=[condition], then_branch=branch, else_branch=branch)
    assert "If" in refused(model.save(tmp_path), "subgraph")


@pytest.mark.parametrize("shape", [("length",), (0,), (2**31,), (2**21,), (2, 3, 4, 5), ()])
def test_an_input_whose_shape_is_not_usable(tmp_path: Path, shape: tuple[int | str, ...]) -> None:
    model = Model(shape)
    model.add("Sign")
    refused(model.save(tmp_path), "input 'x'")


@pytest.mark.parametrize("operator", ["Conv", "MaxPool"])
def test_a_padding_of_terabytes(tmp_path: Path, operator: str) -> None:
    model = Model((2, 8))
    model.add("Pad", model.constant([0, 0, 2**40, 0, 0, 2**40], np.int64))
    model.add("MaxPool", kernel_shape=[2]) if operator == "MaxPool" else model.add("Conv", signs(0, 2, 2, 3))
    refused(model.save(tmp_path), "pads by more")


def test_a_pool_that_makes_a_map_of_gigabytes(tmp_path: Path) -> None:
    model = Model((2, 60_000, 8))
    model.add("MaxPool", kernel_shape=[60_000, 60_000], pads=[59_999, 59_999, 59_999, 59_999])
    refused(model.save(tmp_path), "values of shape")


def test_two_outputs(tmp_path: Path) -> None:
    refused(written(tmp_path, lambda proto: proto.graph.output.append(proto.graph.output[0])), "2 outputs")


def test_names_with_control_characters_stay_out_of_messages(tmp_path: Path) -> None:
    def change(proto: onnx.ModelProto) -> None:
        proto.graph.node[0].name = "evil\x1b[31m\nname" + "x" * 500
        proto.graph.node[0].op_type = "Unknown\x07"

    message = refused(written(tmp_path, change), "evil?[31m name")
    assert message.isprintable() and len(message) < 500


class TestExternalData:
    """Weights in another file, which must lie in the model's folder."""

    def model(self, folder: Path, location: str, **entries: int | str) -> Path:
        proto = dense().proto()
        tensor = proto.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in {"location": location, **entries}.items():
            entry = tensor.external_data.add()
            entry.key, entry.value = key, str(value)
        path = folder / "model.onnx"
        path.write_bytes(proto.SerializeToString())
        return path

    def data(self) -> bytes:
        return numpy_helper.to_array(dense().proto().graph.initializer[0]).tobytes()

    def test_beside_the_model(self, tmp_path: Path) -> None:
        (tmp_path / "weights.bin").write_bytes(bytes(64) + self.data())
        network = read_network(self.model(tmp_path, "weights.bin", offset=64, length=96), OPTIONS)
        expected = read_network(dense().save(tmp_path, "inside.onnx"), OPTIONS)
        assert np.array_equal(network.linear[0].weights, expected.linear[0].weights)

    def test_the_hash_covers_the_data(self, tmp_path: Path) -> None:
        path = self.model(tmp_path, "weights.bin")
        (tmp_path / "weights.bin").write_bytes(self.data())
        first = read_network(path, OPTIONS).model_sha256
        (tmp_path / "weights.bin").write_bytes(self.data()[::-1][3:] + self.data()[:3])
        (tmp_path / "weights.bin").write_bytes((-signs(0, 8, 3)).tobytes())
        assert read_network(path, OPTIONS).model_sha256 != first

    @pytest.mark.parametrize(
        "location", ["../weights.bin", "/etc/passwd", "a/../../weights.bin", "..\\weights.bin", "C:\\weights.bin", ""]
    )
    def test_outside_the_folder(self, tmp_path: Path, location: str) -> None:
        folder = tmp_path / "model"
        folder.mkdir()
        (tmp_path / "weights.bin").write_bytes(self.data())
        refused(self.model(folder, location), "outside the folder")

    def test_a_link_out_of_the_folder(self, tmp_path: Path) -> None:
        folder = tmp_path / "model"
        folder.mkdir()
        (tmp_path / "weights.bin").write_bytes(self.data())
        (folder / "weights.bin").symlink_to(tmp_path / "weights.bin")
        refused(self.model(folder, "weights.bin"), "outside the folder")

    @pytest.mark.parametrize("entries", [{"offset": 1}, {"length": 95}, {"offset": -1}, {"length": 10**17}])
    def test_places_behind_the_end(self, tmp_path: Path, entries: dict[str, int]) -> None:
        (tmp_path / "weights.bin").write_bytes(self.data())
        said = refused(self.model(tmp_path, "weights.bin", **entries), "constant_0")
        assert min(entries.values()) < 0 or "should hold 96 bytes, which its external data do not" in said

    def test_a_missing_file(self, tmp_path: Path) -> None:
        refused(self.model(tmp_path, "weights.bin"), "which cannot be read: No such file")


def test_no_path_of_this_machine_in_a_message(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"nothing")
    assert not re.search(re.escape(str(tmp_path)), refused(path, "ONNX"))
