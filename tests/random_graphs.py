"""Random ONNX graphs in every dialect: odd shapes, every kind of layer, joint and activation that is mapped.

`random_graph(seed, dialect)` writes the graph node by node, as the dialect's tool would. Half of the graphs have scales
that are powers of two, so that float32 is exact and every activation must be equal; the others may turn a step where
float32's rounding decides it, in channels that are counted as ambiguous.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper

from tests.frontend.onnx_models import Model

Array = npt.NDArray[Any]

DIALECTS = ("onnx", "qonnx", "qdq", "finn", "channels_last")


@dataclass
class Graph:
    """A graph under construction; `channels` and `spatial` are those of its last value, channel first."""

    dialect: str
    rng: np.random.Generator
    exact: bool
    model: Model
    channels: int
    spatial: tuple[int, ...]
    levels: bool = True  # whether the last value is an activation of a few levels (or the input's integers)
    features: set[str] = field(default_factory=set)

    def one_of(self, options: Any) -> Any:
        return options[int(self.rng.integers(len(options)))]

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def scale(self) -> float:
        return float(2.0 ** self.rng.integers(-4, 2)) if self.exact else float(np.float32(self.rng.uniform(0.05, 1.5)))


def random_graph(seed: int, dialect: str) -> Graph:
    """The graph of a seed; `graph.model` ends in scores."""
    rng = np.random.default_rng([seed, DIALECTS.index(dialect)])
    rank = int(rng.integers(0, 3))
    channels = int(rng.choice([1, 2, 3, 5, 31, 33])) if rank else int(rng.choice([1, 7, 31, 33, 100]))
    spatial = tuple(int(extent) for extent in rng.integers(3, 8, size=rank))
    last = dialect == "channels_last" and rank > 0
    shape = (*spatial, channels) if last else (channels, *spatial)
    model = Model(shape, opset=17)
    graph = Graph(dialect, rng, bool(rng.random() < 0.5), model, channels, spatial)
    if last:
        transpose(graph, first=True)
    if graph.chance(0.3):
        activate(graph)
    for _ in range(int(rng.integers(1, 4)) if rank else 0):
        block(graph)
    head(graph, int(rng.integers(0, 2)))
    return graph


def block(graph: Graph) -> None:
    """A convolution with what stands behind it, perhaps beside a branch that it meets again."""
    begun, channels, spatial = graph.model.last, graph.channels, graph.spatial
    layer(graph, keeps_shape=(joint := graph.chance(0.4)))
    if graph.chance(0.7):
        norm(graph)
    if joint and graph.spatial == spatial and graph.channels == channels and graph.chance(0.6):
        graph.model.add("Add", inputs=[graph.model.last, begun])
        graph.features.add("residual")
        if graph.chance(0.3):
            graph.model.add("PRelu", graph.rng.choice([0.25, 0.5], size=(graph.channels, *(1,) * len(graph.spatial))))
            graph.features.add("prelu")
        joint = False
    if graph.chance(0.25) and graph.spatial and min(graph.spatial) >= 2:
        average(graph)
    activate(graph)
    if joint and graph.spatial == spatial and graph.chance(0.5):
        other = graph.model.last
        graph.model.last, own = begun, graph.channels
        graph.channels = channels
        layer(graph, keeps_shape=True)
        activate(graph)
        graph.model.add("Concat", inputs=[other, graph.model.last], axis=1)
        graph.channels += own
        graph.features.add("concat")
        activate(graph)  # the two may have different scales
    if graph.chance(0.3) and graph.spatial and min(graph.spatial) >= 2:
        pool(graph)
    if graph.chance(0.25):
        graph.one_of((part, halves, shuffle))(graph)
    if graph.dialect == "channels_last" and graph.chance(0.5):
        transpose(graph, first=False)
        activate(graph)
        transpose(graph, first=True)


def head(graph: Graph, hidden: int) -> None:
    """Dense layers to the scores."""
    if graph.spatial:
        if graph.chance(0.3):
            graph.model.add("GlobalAveragePool")
            graph.spatial = (1,) * len(graph.spatial)
            graph.features.add("global average")
            activate(graph)
        elif graph.dialect == "channels_last" and graph.chance(0.7):
            transpose(graph, first=False)
            graph.features.add("flattened channel last")
        graph.model.add("Flatten")
        graph.channels, graph.spatial = graph.channels * prod(graph.spatial), ()
    for _ in range(hidden):
        layer(graph)
        norm(graph)
        activate(graph)
    layer(graph)
    if graph.chance(0.5):
        graph.model.add("Add", graph.rng.integers(-20, 21, size=graph.channels) / 4)
    if graph.chance(0.2):
        graph.model.add(graph.one_of(("Softmax", "Identity")))


def part(graph: Graph) -> None:
    """A slice or a gather along one axis."""
    axis = int(graph.rng.integers(1, len(graph.spatial) + 2))
    extents = [graph.channels, *graph.spatial]
    extent, model = extents[axis - 1], graph.model
    if graph.chance(0.5):
        step = int(graph.rng.choice([-2, -1, 1, 2]))
        low, high = sorted(graph.rng.choice(extent + 1, size=2, replace=False).tolist())
        start, end = (low, high) if step > 0 else (high - 1, low - 1 - extent)
        model.add("Slice", *(model.constant([number], np.int64) for number in (start, end, axis, step)))
        extents[axis - 1] = -(-(high - low) // abs(step))
    else:
        places = graph.rng.integers(-extent, extent, size=int(graph.rng.integers(1, extent + 2)))
        model.add("Gather", model.constant(places, np.int64), axis=axis)
        extents[axis - 1] = len(places)
    graph.channels, graph.spatial = extents[0], tuple(extents[1:])
    graph.features.add("part")


def halves(graph: Graph) -> None:
    """Channels split in two, of which the second comes back before the first."""
    if graph.channels < 2:
        return
    first, model = int(graph.rng.integers(1, graph.channels)), graph.model
    model.add("Split", model.constant([first, graph.channels - first], np.int64), axis=1)
    names = [f"{model.last}_{number}" for number in range(2)]
    del model.nodes[-1].output[:]
    model.nodes[-1].output.extend(names)
    model.add("Concat", inputs=names[::-1], axis=1)
    graph.features.add("split")


def shuffle(graph: Graph) -> None:
    """Channels in another order, group by group."""
    groups = [count for count in (2, 3, 11, 31) if graph.channels % count == 0 and graph.channels > count]
    if not groups:
        return
    model, count, rank = graph.model, graph.one_of(groups), len(graph.spatial)
    model.add("Reshape", model.constant([-1, count, graph.channels // count, *graph.spatial], np.int64))
    model.add("Transpose", perm=[0, 2, 1, *range(3, rank + 3)])
    model.add("Reshape", model.constant([-1, graph.channels, *graph.spatial], np.int64))
    graph.features.add("shuffle")


def smooth(graph: Graph) -> None:
    """A smooth activation, as an operator of its own or as exporters write it."""
    model, x = graph.model, graph.model.last
    operator = graph.one_of(("Tanh", "Sigmoid", "Elu", "Softplus", "HardSwish", "SiLU", "Mish"))
    if operator == "SiLU":
        model.add("Sigmoid")
        model.add("Mul", inputs=[x, model.last])
    elif operator == "Mish":
        model.add("Softplus")
        model.add("Tanh")
        model.add("Mul", inputs=[x, model.last])
    else:
        model.add(operator)
    model.add("Sub", 0.3)  # the sign of what is never negative says nothing, and float32 has zeros where it is tiny
    graph.features.add("turning" if operator in ("SiLU", "Mish", "HardSwish") else "rising")


def layer(graph: Graph, keeps_shape: bool = False) -> None:
    """A dense layer, a convolution or a depthwise one, with weights as the dialect writes them."""
    rng, rank = graph.rng, len(graph.spatial)
    if rank == 0:
        neurons = int(rng.choice([1, 3, 10, 32, 33]))
        weights = weight_values(graph, (neurons, graph.channels))
        name = weight_node(graph, weights, transposed=True)
        graph.model.add("MatMul", name)
        graph.channels = neurons
        return
    groups = graph.one_of((1, 1, graph.channels)) if not keeps_shape else 1
    neurons = graph.channels if keeps_shape or groups > 1 else int(rng.choice([1, 4, 32, 33]))
    kernel = tuple(1 if keeps_shape and graph.chance(0.3) else min(3, extent) for extent in graph.spatial)
    stride = (1,) * rank if keeps_shape else tuple(int(s) for s in rng.integers(1, 3, size=rank))
    if keeps_shape:
        kernel = tuple(3 if extent >= 3 else 1 for extent in graph.spatial)
        begin = end = tuple(k // 2 for k in kernel)
    else:
        begin, end = (tuple(int(p) for p in rng.integers(0, 2, size=rank)) for _ in range(2))
    weights = weight_values(graph, (neurons, graph.channels // groups, *kernel))
    name = weight_node(graph, weights, transposed=False)
    graph.model.add("Conv", name, group=groups, strides=list(stride), pads=[*begin, *end])
    if any(begin + end):
        graph.features.add("padding")
    graph.spatial = tuple(
        (extent + b + e - k) // s + 1
        for extent, b, e, k, s in zip(graph.spatial, begin, end, kernel, stride, strict=True)
    )
    graph.channels = neurons
    graph.features.add("depthwise" if groups > 1 else "conv")


@dataclass(frozen=True)
class Weights:
    """Integer weights and their scale, a number or one per neuron."""

    integers: Array
    scale: Array
    bits: int  # 1 for +-1, 2 for ternary ones


def weight_values(graph: Graph, shape: tuple[int, ...]) -> Weights:
    rng = graph.rng
    bits = graph.one_of((1, 1, 2, 8) if graph.dialect in ("qonnx", "qdq") else (1, 1, 2))
    if bits == 1:
        integers = rng.choice([-1, 1], size=shape)
    else:
        integers = rng.integers(-1, 2, size=shape) if bits == 2 else rng.integers(-127, 128, size=shape)
    per_channel = graph.chance(0.4)
    count = shape[0] if per_channel else 1
    scale = np.array([graph.scale() for _ in range(count)], np.float32).reshape(-1, *(1,) * (len(shape) - 1))
    graph.features.add({1: "binary", 2: "ternary", 8: "int8"}[bits])
    return Weights(integers.astype(np.int8), scale, bits)


def weight_node(graph: Graph, weights: Weights, transposed: bool) -> str:
    """The name of a value that holds the weights, written as the dialect writes them."""
    model, floats = graph.model, (weights.integers * weights.scale).astype(np.float32)
    axes = (1, 0) if transposed else tuple(range(floats.ndim))
    if graph.dialect == "qonnx":
        latent = model.constant(floats * graph.rng.uniform(0.9, 1.1, floats.shape) if weights.bits == 1 else floats)
        last = model.last
        name = quantiser(graph, latent, weights.scale, weights.bits, signed=True)
        model.last = last
        return aside(model, "Transpose", [name], perm=[1, 0]) if transposed else name
    if graph.dialect == "qdq":
        integers = model.constant(weights.integers, np.int8)
        scale = model.constant(weights.scale.reshape(-1) if weights.scale.size > 1 else weights.scale.reshape(()))
        axis = {"axis": 0} if weights.scale.size > 1 else {}
        name = aside(model, "DequantizeLinear", [integers, scale], **axis)
        return aside(model, "Transpose", [name], perm=[1, 0]) if transposed else name
    return model.constant(np.transpose(floats, axes))


def norm(graph: Graph) -> None:
    """A batch norm, fresh or trained; fresh ones meet many exact zeros."""
    rng, channels = graph.rng, graph.channels
    if graph.exact:
        # a variance of 1 - 1e-5, so that its root is 1: scales stay powers of two
        gamma, beta = 2.0 ** rng.integers(-2, 2, size=channels), rng.integers(-6, 7, size=channels) / 2
        graph.model.add("Mul", broadcast(gamma, len(graph.spatial)))
        graph.model.add("Add", broadcast(beta, len(graph.spatial)))
    elif graph.chance(0.4):
        graph.model.batch_norm(*(np.full(channels, value) for value in (1, 0, 0, 1)))
        graph.features.add("fresh batch norm")
    else:
        graph.model.batch_norm(
            rng.normal(0.5, 1, channels),
            rng.normal(0, 1, channels),
            rng.normal(0, 3, channels),
            rng.uniform(0.2, 9, channels),
        )


def activate(graph: Graph) -> None:
    """Steps as the dialect writes them."""
    model, rng = graph.model, graph.rng
    if not graph.exact and graph.dialect in ("onnx", "qonnx", "qdq") and graph.chance(0.25):
        smooth(graph)
    bits = graph.one_of((1, 1, 2, 3, 8))
    if graph.dialect == "qonnx":
        model.last = quantiser(graph, model.last, np.float32(graph.scale()), bits, signed=graph.chance(0.5))
    elif graph.dialect == "qdq":
        scale, zero = model.constant(np.float32(graph.scale())), int(rng.integers(-3, 4)) if graph.chance(0.4) else 0
        dtype = np.int8 if zero < 0 or graph.chance(0.5) else np.uint8
        point = model.constant(np.array(zero), dtype)
        model.add("QuantizeLinear", scale, point)
        if bits < 8:
            low = -(2 ** (bits - 1)) if dtype is np.int8 else 0
            model.add("Clip", model.constant(np.array(low), dtype), model.constant(np.array(low + 2**bits - 1), dtype))
        model.add("DequantizeLinear", scale, point)
    elif graph.dialect == "finn":
        steps = 1 if bits == 1 else 2 ** min(bits, 4) - 1
        rows = graph.channels if graph.chance(0.7) else 1
        thresholds = np.sort(rng.integers(-12, 13, size=(rows, steps)) / 2, axis=1)
        scale, bias = (2.0, -1.0) if bits == 1 else (1.0, float(-(steps // 2) if graph.chance(0.5) else 0))
        add_custom(
            model,
            "MultiThreshold",
            [model.last, model.constant(thresholds)],
            out_scale=scale,
            out_bias=bias,
            out_dtype="INT8",
            data_layout=("NC", "NCW", "NCHW")[len(graph.spatial)],
        )
    elif graph.chance(0.3):
        model.sign()
    elif graph.chance(0.3):
        model.add("Sign")
        model.add("Add", 0.1)
        model.add("Sign")
    else:
        model.sign(at_least=True)
    graph.features.add(f"{bits} bits" if graph.dialect in ("qonnx", "qdq", "finn") else "sign")


def quantiser(graph: Graph, value: str, scale: Array, bits: int, signed: bool) -> str:
    """QONNX's BipolarQuant or Quant on a value."""
    model = graph.model
    if bits == 1:
        return add_custom(model, "BipolarQuant", [value, model.constant(scale)])
    narrow = int(signed and (bits == 2 or graph.chance(0.5)))
    operands = [value, model.constant(scale), model.constant(np.float32(0)), model.constant(np.float32(bits))]
    return add_custom(model, "Quant", operands, signed=int(signed), narrow=narrow, rounding_mode="ROUND")


def average(graph: Graph) -> None:
    graph.model.add("AveragePool", kernel_shape=[2] * len(graph.spatial), strides=[2] * len(graph.spatial))
    graph.spatial = tuple(extent // 2 for extent in graph.spatial)
    graph.features.add("average")


def pool(graph: Graph) -> None:
    graph.model.add("MaxPool", kernel_shape=[2] * len(graph.spatial), strides=[1] * len(graph.spatial))
    graph.spatial = tuple(extent - 1 for extent in graph.spatial)
    graph.features.add("max pool")


def transpose(graph: Graph, first: bool) -> None:
    rank = len(graph.spatial)
    last = [0, *range(2, rank + 2), 1]
    graph.model.add("Transpose", perm=[0, rank + 1, *range(1, rank + 1)] if first else last)


def broadcast(values: Array, rank: int) -> Array:
    return values.reshape(1, -1, *(1,) * rank)


def aside(model: Model, operator: str, operands: list[str], **attributes: Any) -> str:
    """A node beside the graph's last value."""
    last = model.last
    name = model.add(operator, inputs=operands, **attributes)
    model.last = last
    return name


def add_custom(model: Model, operator: str, operands: list[str], **attributes: Any) -> str:
    """A node of QONNX's domain behind the operands."""
    output = f"{operator.lower()}_{len(model.nodes)}"
    node = helper.make_node(
        operator, operands, [output], name=f"node_{output}", domain="qonnx.custom_op.general", **attributes
    )
    model.nodes.append(node)
    model.last = output
    return output


def values_of(model: onnx.ModelProto, x: Array) -> dict[str, Array]:
    """Every value of a model for a batch: by qonnx's executor where the graph has its operators, else onnxruntime's."""
    run: Callable[[onnx.ModelProto, Array], dict[str, Array]]
    run = by_qonnx if any(node.domain for node in model.graph.node) else by_onnxruntime
    return run(model, x)


def by_onnxruntime(model: onnx.ModelProto, x: Array) -> dict[str, Array]:
    """With graph optimisations off, since they move exact zeros across a sign."""
    import onnxruntime

    wide = onnx.ModelProto()
    wide.CopyFrom(model)
    known = {value.name for value in wide.graph.output}
    wide.graph.output.extend(
        onnx.ValueInfoProto(name=name) for node in wide.graph.node for name in node.output if name not in known
    )
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(wide.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_outputs()]
    return dict(zip(names, session.run(names, {"x": x.astype(np.float32)}), strict=True))


def by_qonnx(model: onnx.ModelProto, x: Array) -> dict[str, Array]:
    """Sample by sample, since its shapes are fixed."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.transformation.infer_shapes import InferShapes

    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    fixed.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    wrapped = ModelWrapper(fixed).transform(InferShapes())
    runs = [
        execute_onnx(wrapped, {"x": sample[np.newaxis].astype(np.float32)}, return_full_exec_context=True)
        for sample in x
    ]
    made = {name for node in model.graph.node for name in node.output}
    return {name: np.concatenate([np.atleast_1d(run[name]) for run in runs]) for name in made}
