"""FINN's operators, and QONNX's layers with channels last, against the package qonnx's own execution."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from edgebnn.errors import ModelError
from edgebnn.frontend import ReadOptions, read_network
from edgebnn.frontend.onnx.graph import Array, OnnxNode
from edgebnn.frontend.operations import Dropping, Elementwise
from edgebnn.frontend.problems import Refusal
from edgebnn.network.interpreter import interpret
from tests.frontend.onnx_models import Model, signs
from tests.frontend.recognised import carried_out, node_of, proto_of, recognise

DOMAINS = ("finn", "finn.custom_op.general", "qonnx.custom_op.general", "")
DOMAIN = "qonnx.custom_op.general"


@pytest.fixture(autouse=True, scope="module")
def _qonnx() -> None:
    pytest.importorskip("qonnx", reason="qonnx is not installed (it is in the extra `test`)")


def executed(node: OnnxNode, *values: Array, opset: int = 1) -> Array:
    """The node by qonnx, whose operators want to see a place of the result's shape."""
    from qonnx.custom_op.registry import getCustomOp

    custom = getCustomOp(proto_of(node), onnx_opset_version=opset)
    context: dict[str, Any] = dict(zip(node.inputs, values, strict=True))
    context[node.outputs[0]] = carried_out(
        recognise(node, {0: values[0]}, dict(enumerate(values[1:], start=1))), *values
    )
    custom.execute_node(context, helper.make_graph([], "none", [], []))
    result: Array = context[node.outputs[0]]
    return result


LAYOUTS = {
    "NC": (6, 4),
    "NCHW": (2, 4, 5, 3),
    "NHWC": (2, 5, 3, 4),
    "NWC": (2, 7, 4),
    "NCW": (2, 4, 7),
}


class TestMultiThreshold:
    """Thresholds for each channel or for all, in every layout."""

    @pytest.mark.parametrize("layout", LAYOUTS)
    @pytest.mark.parametrize("steps", [1, 3, 15, 255])
    @pytest.mark.parametrize("of_all", [False, True])
    def test_counts_equal_qonnx_at_every_tie(self, layout: str, steps: int, of_all: bool) -> None:
        rng = np.random.default_rng(steps)
        thresholds = np.sort(rng.integers(-20, 20, (1 if of_all else 4, steps)), 1).astype(np.float32) / np.float32(2)
        x = (rng.integers(-40, 40, LAYOUTS[layout]) / 4).astype(np.float32)
        node = node_of("MultiThreshold", DOMAIN, 2, out_dtype="UINT8", data_layout=layout, out_scale=0.3, out_bias=-0.7)
        result = carried_out(recognise(node, {0: x}, {1: thresholds}), x)
        assert result.dtype == np.float32
        assert np.array_equal(result, executed(node, x, thresholds))

    @pytest.mark.parametrize("domain", DOMAINS)
    def test_bipolar_outputs_are_scaled_and_shifted_counts(self, domain: str) -> None:
        x = np.array([[-1, 0, 1, 2]], np.float32)
        node = node_of("MultiThreshold", domain, 2, out_dtype="BIPOLAR", out_scale=2.0, out_bias=-1.0)
        result = carried_out(recognise(node, {0: x}, {1: np.array([[0], [0], [1], [3]], np.float32)}), x)
        assert result.tolist() == [[-1, 1, 1, -1]]

    @pytest.mark.parametrize(("shape", "layout"), [((2, 4), "NC"), ((2, 5, 4), "NWC"), ((2, 4, 5, 5), "NCHW")])
    def test_without_a_layout_the_rank_decides(self, shape: tuple[int, ...], layout: str) -> None:
        x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        thresholds = np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)
        plain, told = (
            node_of("MultiThreshold", DOMAIN, 2, out_dtype="UINT2", **given) for given in ({}, {"data_layout": layout})
        )
        results = [carried_out(recognise(node, {0: x}, {1: thresholds}), x) for node in (plain, told)]
        assert np.array_equal(*results) and np.array_equal(results[0], executed(plain, x, thresholds))

    @pytest.mark.parametrize(
        ("thresholds", "layout", "words"),
        [
            (np.zeros((3, 1)), "NC", "shape"),
            (np.zeros(4), "NC", "shape"),
            (np.zeros((4, 256)), "NC", "256 thresholds"),
            (np.zeros((4, 0)), "NC", "0 thresholds"),
            (np.zeros((4, 1)), "NCHW", "layout 'NCHW'"),
            (np.zeros((4, 1)), "CN", "layout 'CN'"),
        ],
    )
    def test_what_does_not_fit(self, thresholds: Array, layout: str, words: str) -> None:
        node = node_of("MultiThreshold", DOMAIN, 2, out_dtype="UINT2", data_layout=layout)
        with pytest.raises(Refusal, match=words):
            recognise(node, {0: np.zeros((2, 4), np.float32)}, {1: thresholds.astype(np.float32)})


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize(("kernel", "stride"), [(2, 2), (3, 1), (4, 4)])
@pytest.mark.parametrize("signed", [0, 1])
def test_quant_avg_pool_is_a_shifted_sum(layout: str, kernel: int, stride: int, signed: int) -> None:
    rng = np.random.default_rng(kernel)
    x = rng.integers(-8 if signed else 0, 8 if signed else 16, (2, 3, 8, 8)).astype(np.float32)
    x = x if layout == "NCHW" else x.transpose(0, 2, 3, 1)
    node = node_of(
        *("QuantAvgPool2d", DOMAIN), kernel=kernel, stride=stride, ibits=4, obits=4, signed=signed, data_layout=layout
    )
    assert np.array_equal(carried_out(recognise(node, {0: x}, {}), x), executed(node, x))


class TestChannelsLast:
    """Layers of the domain qonnx.custom_op.channels_last."""

    DOMAIN = "qonnx.custom_op.channels_last"

    @pytest.mark.parametrize("groups", [1, 2])
    def test_conv(self, groups: int) -> None:
        x, w = signs(0, 2, 6, 7, 4), signs(1, 6, 3, 2, 4 // groups)
        node = node_of(
            *("Conv", self.DOMAIN, 3),
            kernel_shape=[3, 2],
            pads=[1, 0, 1, 1],
            strides=[1, 2],
            dilations=[1, 1],
            group=groups,
        )
        bias = np.arange(6, dtype=np.float32)
        assert np.array_equal(carried_out(recognise(node, {0: x}, {1: w, 2: bias}), x), executed(node, x, w, bias))

    def test_max_pool(self) -> None:
        x = np.random.default_rng(0).normal(size=(2, 6, 7, 4)).astype(np.float32)
        node = node_of("MaxPool", self.DOMAIN, kernel_shape=[2, 3], pads=[0, 0, 0, 0], strides=[2, 2])
        assert np.array_equal(carried_out(recognise(node, {0: x}, {}), x), executed(node, x))

    def test_batch_normalization(self) -> None:
        rng = np.random.default_rng(0)
        x, parameters = rng.normal(size=(2, 6, 7, 4)).astype(np.float32), rng.random((4, 4)).astype(np.float32)
        node = node_of("BatchNormalization", self.DOMAIN, 5, epsilon=1e-5, momentum=0.9)
        result = carried_out(recognise(node, {0: x}, dict(enumerate(parameters, start=1))), x)
        assert np.allclose(result, executed(node, x, *parameters, opset=9), rtol=1e-6, atol=1e-7)

    def test_max_pool_of_finn(self) -> None:
        x = np.random.default_rng(0).normal(size=(1, 6, 6, 4)).astype(np.float32)
        node = node_of("MaxPoolNHWC", DOMAIN, kernel_shape=[2, 2], pads=[0, 0, 0, 0], strides=[2, 2])
        expected = x.reshape(1, 3, 2, 3, 2, 4).max((2, 4))
        assert np.array_equal(carried_out(recognise(node, {0: x}, {}), x), expected)


@pytest.mark.parametrize("operator", ["Im2Col", "GenericPartition"])
def test_what_finn_makes_later_is_refused_with_a_remedy(operator: str) -> None:
    with pytest.raises(Refusal, match=r"not mapped; export"):
        recognise(node_of(operator, DOMAIN), {0: np.zeros((1, 4, 4, 2), np.float32)}, {})


class TestTopK:
    """FINN puts it behind the scores."""

    def recognised(self, k: int, shape: tuple[int, ...] = (1, 5), **attributes: int) -> Any:
        node = node_of("TopK", operands=2, outputs=2, **attributes)
        return recognise(node, {0: np.zeros(shape, np.float32)}, {1: np.array([k], np.int64)})

    @pytest.mark.parametrize("k", [1, 3, 5])
    def test_the_largest_scores(self, k: int) -> None:
        assert isinstance(self.recognised(k, axis=-1, largest=1, sorted=1), Dropping)

    @pytest.mark.parametrize(
        ("k", "attributes", "words"),
        [
            (1, {"axis": 0}, "each sample"),
            (6, {}, "more scores"),
            (0, {}, "more scores"),
            (1, {"largest": 0}, "smallest"),
            (2, {"sorted": 0}, "order"),
        ],
    )
    def test_anything_else(self, k: int, attributes: dict[str, int], words: str) -> None:
        with pytest.raises(Refusal, match=words):
            self.recognised(k, **attributes)

    @pytest.mark.parametrize("outputs", [("indices",), ("values", "indices"), ("indices", "values")])
    def test_a_model_that_ends_in_it_ends_in_classes(self, tmp_path: Path, outputs: tuple[str, ...]) -> None:
        model = streamlined(layout="NC")
        proto = model.proto()
        proto.graph.node.append(helper.make_node("TopK", [model.last, "k"], ["values", "indices"], axis=-1))
        proto.graph.initializer.append(helper.make_tensor("k", TensorProto.INT64, (1,), [1]))
        del proto.graph.output[:]
        for name in outputs:
            kind = TensorProto.INT64 if name == "indices" else TensorProto.FLOAT
            proto.graph.output.append(helper.make_tensor_value_info(name, kind, None))
        path = tmp_path / "model.onnx"
        path.write_bytes(proto.SerializeToString())
        network = read_network(path)
        assert network.ends_in == "classes" and network.output.shape == (5,)
        assert "TopK" in network.notes[-1]

    def test_inside_a_model_it_is_refused(self, tmp_path: Path) -> None:
        model = streamlined(layout="NC")
        values = model.add("TopK", model.constant([3], np.int64), axis=-1)
        model.nodes[-1].output.append("indices")
        model.add("MatMul", inputs=[values, model.constant(signs(4, 3, 2))])
        with pytest.raises(ModelError, match="inside the network"):
            read_network(model.save(tmp_path))


def streamlined(layout: str) -> Model:
    """A network as FINN has it behind streamlining: thresholds between layers of +-1, integers throughout."""
    rng = np.random.default_rng(0)
    flat = layout == "NC"
    model = Model((16,) if flat else (2, 6, 6), TensorProto.INT8, opset=11, batch=1)
    model.add("Cast", to=TensorProto.FLOAT)
    levels: dict[str, Any] = {"domain": "finn.custom_op.general", "out_dtype": "INT2", "out_bias": -1.0}
    if flat:
        model.add("MatMul", signs(1, 16, 12))
        model.add("MultiThreshold", np.sort(rng.integers(-90, 90, (12, 2)), 1).astype(np.float32), **levels)
        model.add("MatMul", signs(2, 12, 5))
        return model
    model.add("Conv", signs(1, 4, 2, 3, 3), kernel_shape=[3, 3])
    thresholds = np.sort(rng.integers(-90, 90, (4, 2)), 1).astype(np.float32)
    if layout == "NHWC":
        model.add("Transpose", perm=[0, 2, 3, 1])
        model.add("MultiThreshold", thresholds, data_layout="NHWC", **levels)
        model.add(
            "MaxPoolNHWC", domain="finn.custom_op.general", kernel_shape=[2, 2], strides=[2, 2], pads=[0, 0, 0, 0]
        )
    else:
        model.add("MultiThreshold", thresholds, data_layout="NCHW", **levels)
        model.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
        model.add("Transpose", perm=[0, 2, 3, 1])
    model.add("Reshape", model.constant([1, -1], np.int64))
    model.add("MatMul", signs(2, 16, 5))
    return model


def run_by_qonnx(path: Path, x: Array) -> Array:
    """The model's answers by qonnx's executor, sample by sample; it wants its newest domain."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.transformation.infer_shapes import InferShapes

    model = ModelWrapper(str(path))
    for node in model.graph.node:
        node.domain = node.domain and "qonnx.custom_op.general"
        if node.op_type == "MaxPoolNHWC":  # whose shape inference must find its input's
            model.set_tensor_shape(node.input[0], (1, 4, 4, 4))
    model = model.transform(InferShapes())
    output = model.graph.output[0].name
    return np.concatenate([execute_onnx(model, {"x": sample[np.newaxis]})[output] for sample in x])


@pytest.mark.parametrize("layout", ["NC", "NCHW", "NHWC"])
def test_a_streamlined_network_equals_qonnx(tmp_path: Path, layout: str) -> None:
    path = streamlined(layout).save(tmp_path)
    network = read_network(path)
    rng = np.random.default_rng(3)
    x = rng.integers(-20, 21, (30, *(network.inputs[0].tensor.shape))).astype(np.int8)
    assert np.array_equal(interpret(network, x) * network.output.scale, run_by_qonnx(path, x))


def test_bits_of_zero_and_one_between_popcounts(tmp_path: Path) -> None:
    """XnorPopcountMatMul behind a threshold that gives 0 and 1, as FINN's oldest networks have it."""
    rng = np.random.default_rng(0)
    model = Model((16,), TensorProto.INT8, opset=11, batch=1)
    model.add("Cast", to=TensorProto.FLOAT)
    steps: dict[str, Any] = {"domain": "finn", "out_dtype": "BINARY"}
    model.add("MultiThreshold", rng.integers(-9, 9, (16, 1)).astype(np.float32), **steps)
    model.add("XnorPopcountMatMul", rng.integers(0, 2, (16, 12)).astype(np.float32), domain="finn")
    model.add("MultiThreshold", rng.integers(6, 10, (12, 1)).astype(np.float32), **steps)
    second = rng.integers(0, 2, (12, 5)).astype(np.float32)
    model.add("XnorPopcountMatMul", second, domain="finn")
    path = model.save(tmp_path)
    network = read_network(path)
    x = rng.integers(-20, 21, (30, 16)).astype(np.int8)
    scores = interpret(network, x) * network.output.scale
    assert np.abs(scores - run_by_qonnx(path, x)).max() <= network.score_error


def test_a_threshold_is_an_elementwise_operation() -> None:
    node = node_of("MultiThreshold", DOMAIN, 2, out_dtype="UINT2")
    assert isinstance(
        recognise(node, {0: np.zeros((2, 4), np.float32)}, {1: np.zeros((4, 3), np.float32)}), Elementwise
    )


@pytest.mark.parametrize("options", [ReadOptions("int8")])
def test_an_empty_domain_is_read_too(tmp_path: Path, options: ReadOptions) -> None:
    model = Model((16,), opset=9)
    model.add("MatMul", signs(1, 16, 12))
    model.add("MultiThreshold", np.zeros((1, 1), np.float32), out_dtype="BIPOLAR", out_scale=2.0, out_bias=-1.0)
    model.add("MatMul", signs(2, 12, 5))
    assert len(read_network(model.save(tmp_path), options).linear) == 2
