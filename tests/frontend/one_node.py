"""One node of ONNX run by onnxruntime (its optimisations off) and by onnx.reference."""

from __future__ import annotations

import onnx
import onnxruntime
from onnx import helper
from onnx.reference import ReferenceEvaluator

from edgebnn.frontend.onnx.graph import Array, OnnxNode
from tests.frontend.recognised import proto_of


def model_of(node: OnnxNode, operands: list[Array | None], opset: int) -> onnx.ModelProto:
    """A model that is this node; operands that are None are left out."""
    proto = proto_of(node)
    names = [name if operand is not None else "" for name, operand in zip(node.inputs, operands, strict=True)]
    del proto.input[:]
    proto.input.extend(names)
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(operand.dtype), operand.shape)
        for name, operand in zip(node.inputs, operands, strict=True)
        if operand is not None
    ]
    outputs = [onnx.ValueInfoProto(name=name) for name in node.outputs]
    graph = helper.make_graph([proto], "node", inputs, outputs)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def by_onnxruntime(node: OnnxNode, operands: list[Array | None], opset: int = 21) -> Array:
    """What onnxruntime gives for the node's first output."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    content = model_of(node, operands, opset).SerializeToString()
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    feed = {name: value for name, value in zip(node.inputs, operands, strict=True) if value is not None}
    result: Array = session.run(None, feed)[0]
    return result


def by_reference(node: OnnxNode, operands: list[Array | None], opset: int = 21) -> Array:
    """What onnx.reference gives for the node's first output."""
    feed = {name: value for name, value in zip(node.inputs, operands, strict=True) if value is not None}
    result: Array = ReferenceEvaluator(model_of(node, operands, opset)).run(None, feed)[0]
    return result
