"""Models in float16, read as the same models in float32.

Every float16 is a float32, so constants stay what they are; sums, products and casts are no longer rounded to float16.
That is what onnxruntime computes on processors without float16 arithmetic (tried with 1.32 on x86-64): it puts casts
around each operator and then drops all that meet, the model's own among them, so that only the output is rounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from onnx import TensorProto

from edgebnn.frontend.onnx.graph import Array, AttributeValue, Graph, OnnxNode

# What rounding to float16 does to a number at most: a share of it, or of its smallest steps.
HALF_UNIT = 2.0**-11
HALF_STEP = 2.0**-25

_NOTE = (
    "the model's float16 is computed as float32, as onnxruntime does on processors without float16 arithmetic; on "
    "others the model's own answers are rounded more"
)


def widened(graph: Graph) -> Graph:
    """The graph with float32 in place of float16, and a note where it had any; its inputs keep their own types."""
    constants = {name: _wide(array) for name, array in graph.constants.items()}
    nodes = tuple(map(_widened_node, graph.nodes))
    same = all(constants[name] is array for name, array in graph.constants.items())
    same = same and all(new is old for new, old in zip(nodes, graph.nodes, strict=True))
    if same and all(given.dtype != "float16" for given in graph.inputs):
        return graph
    return replace(graph, constants=constants, nodes=nodes, notes=(*graph.notes, _NOTE))


def _wide(array: Array) -> Array:
    return array.astype(np.float32) if array.dtype == np.float16 else array


def _widened_node(node: OnnxNode) -> OnnxNode:
    changed: Mapping[str, AttributeValue] = {
        name: _wide(value) for name, value in node.attributes.items() if isinstance(value, np.ndarray)
    }
    changed = {name: value for name, value in changed.items() if value is not node.attributes[name]}
    if node.operator == "Cast" and node.attributes.get("to") == TensorProto.FLOAT16:
        changed = {"to": int(TensorProto.FLOAT)}
    return replace(node, attributes={**node.attributes, **changed}) if changed else node
