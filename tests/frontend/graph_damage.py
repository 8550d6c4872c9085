"""Damage to the graph of a model: nodes, their attributes, operators and wires, names, the input, versions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import onnx
from onnx import AttributeProto, helper

from tests.frontend.draws import (
    ATTRIBUTES,
    DOMAINS,
    FLOATS,
    OPERATORS,
    TYPES,
    WORDS,
    Draw,
    any_integer,
    any_name,
    any_node,
    any_tensor,
    pick,
)


def attribute_changed(draw: Draw, model: onnx.ModelProto) -> None:
    node = any_node(draw, model)
    if not node.attribute or draw.random() < 0.2:
        value = pick(
            draw, (any_integer(draw), pick(draw, FLOATS), pick(draw, WORDS), [any_integer(draw)], [1, 1, 1, 1])
        )
        node.attribute.append(helper.make_attribute(pick(draw, ATTRIBUTES), value))
        return
    attribute = pick(draw, node.attribute)
    match draw.integers(8):
        case 0:
            node.attribute.remove(attribute)
        case 1:
            attribute.type = pick(draw, range(15))
        case 2:
            attribute.name = pick(draw, ATTRIBUTES)
        case 3:
            node.attribute.append(attribute)
        case _:
            _value(draw, attribute)


def _value(draw: Draw, attribute: AttributeProto) -> None:
    match attribute.type:
        case AttributeProto.INT:
            attribute.i = any_integer(draw)
        case AttributeProto.FLOAT:
            attribute.f = pick(draw, FLOATS)
        case AttributeProto.STRING:
            attribute.s = pick(draw, WORDS).encode()
        case AttributeProto.INTS:
            values = list(attribute.ints)
            match draw.integers(4):
                case 0 if values:
                    values[int(draw.integers(len(values)))] = any_integer(draw)
                case 1:
                    values.append(any_integer(draw))
                case 2:
                    values = values[:-1]
                case _:
                    values = [int(draw.integers(4)) for _ in values]
            attribute.ints[:] = values
        case _:
            attribute.i = any_integer(draw)


def operator_changed(draw: Draw, model: onnx.ModelProto) -> None:
    any_node(draw, model).op_type = pick(draw, OPERATORS)


def domain_changed(draw: Draw, model: onnx.ModelProto) -> None:
    any_node(draw, model).domain = pick(draw, DOMAINS)


def wires_changed(draw: Draw, model: onnx.ModelProto) -> None:
    """An input that comes from elsewhere, is missing or one too many; an output that another node has."""
    node = any_node(draw, model)
    match draw.integers(6):
        case 0 | 1 if node.input:
            node.input[int(draw.integers(len(node.input)))] = any_name(draw, model)
        case 2:
            node.input.append(any_name(draw, model))
        case 3 if node.input:
            del node.input[int(draw.integers(len(node.input))) :]
        case 4 if node.output:
            node.output[0] = any_name(draw, model)
        case 5 if len(node.input) > 1:
            node.input[0], node.input[1] = node.input[1], node.input[0]
        case _:
            node.output.append(pick(draw, ("more", "")))


def nodes_moved(draw: Draw, model: onnx.ModelProto) -> None:
    """A node left out (its readers read what it read), twice, or elsewhere."""
    nodes = list(model.graph.node)
    if not nodes:
        return
    index = int(draw.integers(len(nodes)))
    node = nodes[index]
    match draw.integers(3):
        case 0:
            del nodes[index]
            for other in nodes:
                for place, name in enumerate(other.input):
                    if node.input and node.output and name == node.output[0]:
                        other.input[place] = node.input[0]
        case 1:
            nodes.append(node)
        case _:
            nodes.insert(int(draw.integers(len(nodes))), nodes.pop(index))
    _replace(model.graph.node, nodes)


def node_inserted(draw: Draw, model: onnx.ModelProto) -> None:
    """A node of any operator between another and its first input."""
    node = any_node(draw, model)
    if not node.input:
        return
    new = f"new{draw.integers(1000)}"
    operator = pick(draw, (*OPERATORS, "Neg", "Sign", "Transpose", "Relu", "Abs", "Flatten", "Softmax", "Round"))
    inputs = [node.input[0], *(any_name(draw, model) for _ in range(pick(draw, (0, 0, 1, 1, 2, 3))))]
    made = helper.make_node(operator, inputs, [new], domain=pick(draw, ("", "", *DOMAINS)))
    if draw.random() < 0.5:
        made.attribute.append(helper.make_attribute(pick(draw, ATTRIBUTES), pick(draw, (1, 0, [0, 2, 1], [1, 1], 0.5))))
    node.input[0] = new
    model.graph.node.insert(0, made)


def names_changed(draw: Draw, model: onnx.ModelProto) -> None:
    word = pick(draw, WORDS)
    match draw.integers(5):
        case 0:
            any_node(draw, model).name = word
        case 1:
            any_tensor(draw, model).name = pick(draw, (word, any_name(draw, model)))
        case 2:
            model.graph.name = word
        case 3:
            model.graph.input[0].name = word
        case _:
            for node in model.graph.node:
                node.name = "same"


def entry_changed(draw: Draw, model: onnx.ModelProto) -> None:
    """Type and shape of the input, or more inputs and outputs."""
    entry = model.graph.input[0]
    tensor = entry.type.tensor_type
    dims = tensor.shape.dim
    match draw.integers(7):
        case 0:
            tensor.elem_type = pick(draw, TYPES)
        case 1:
            tensor.ClearField("shape")
        case 2:
            pick(draw, dims).dim_param = "n"
        case 3:
            dims.add().dim_value = any_integer(draw)
        case 4:
            model.graph.input.append(entry)
        case 5:
            model.graph.output[0].name = any_name(draw, model)
        case _:
            pick(draw, dims).dim_value = any_integer(draw)


def versions_changed(draw: Draw, model: onnx.ModelProto) -> None:
    match draw.integers(5):
        case 0:
            model.opset_import[0].version = pick(draw, (*range(7, 28), 0, -1, 2**40))
        case 1:
            model.opset_import[0].domain = pick(draw, DOMAINS)
        case 2:
            model.ClearField("opset_import")
        case 3:
            model.ir_version = any_integer(draw)
        case _:
            model.opset_import.append(helper.make_opsetid(pick(draw, DOMAINS), pick(draw, (1, 9, 13, 99))))


def functions_changed(draw: Draw, model: onnx.ModelProto) -> None:
    if not model.functions:
        node_inserted(draw, model)
        return
    function = pick(draw, model.functions)
    match draw.integers(6):
        case 0:
            model.functions.remove(function)
        case 1:
            function.name = pick(draw, ("Step", "Activation", "Conv", ""))
        case 2:
            function.node.append(helper.make_node(pick(draw, ("Step", "Activation")), ["x"], ["z"], domain="local"))
        case 3:
            del function.input[:]
        case 4:
            function.opset_import[0].version = pick(draw, (1, 13, 99))
        case _:
            model.functions.append(function)


def subgraph_added(draw: Draw, model: onnx.ModelProto) -> None:
    inner = helper.make_graph(list(model.graph.node)[:2], "inner", [], list(model.graph.output))
    any_node(draw, model).attribute.append(helper.make_attribute("body", inner))


def _replace(field: Any, values: Sequence[Any]) -> None:
    copies = [type(value).FromString(value.SerializeToString()) for value in values]
    del field[:]
    field.extend(copies)
