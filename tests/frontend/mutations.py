"""Damage to ONNX files: of their bytes, and of what the protobuf says, so that most of it is still read as a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import AttributeProto, NodeProto, TensorProto, helper, numpy_helper

from edgebnn.frontend.dialects import DIALECTS

Draw = np.random.Generator

_INTEGERS = (0, 1, 2, 3, 4, 5, 7, 8, 16, 63, 255, 4096, 65_535, 160_000, 2**31 - 1, 2**31, 2**40, 2**62, 2**63 - 1)
_FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, 3.0, 1e-45, 1e-30, 1e30, 3.4e38, float("inf"), float("-inf"), float("nan"))
_DOMAINS = sorted(
    {domain for dialect in DIALECTS for domain in dialect.domains} | {"ai.onnx", "com.microsoft", "x", "local"}
)
_OPERATORS = sorted(
    {operator for dialect in DIALECTS for operator in dialect.operators}
    | {"Identity", "Constant", "ConstantOfShape", "Expand", "Tile", "Range", "Gather", "Shape", "Slice", "Split", "If"}
    | {"Loop", "LSTM", "Resize", "Einsum", "Exp", "Nonsense"}
)
_WORDS = ("", "x", "NHWC", "SAME_UPPER", "VALID", "ROUND", "\x1b[31m", "a" * 5000, "..", "\n", "名")
_TYPES = (*range(-1, 27), 1, 1, 1, 3, 2, 7, 9)
_ATTRIBUTES = (
    "auto_pad",
    "axis",
    "axes",
    "group",
    "pads",
    "strides",
    "dilations",
    "kernel_shape",
    "to",
    "perm",
    "alpha",
)
_ATTRIBUTES += ("transA", "transB", "ceil_mode", "allowzero", "keepdims", "epsilon", "out_bias", "out_scale", "signed")


def mutant(seeds: Sequence[onnx.ModelProto], index: int) -> bytes:
    """The file number `index` that is made of one of the seeds, always the same."""
    draw = np.random.default_rng((9, index))
    model = onnx.ModelProto()
    model.CopyFrom(seeds[index % len(seeds)])
    way = draw.random()
    if way < 0.75:
        for _ in range(_pick(draw, (1, 1, 1, 2, 3))):
            try:
                _pick(draw, _CHANGES)(draw, model)
            except (IndexError, ValueError, TypeError):  # nothing there to change, or protobuf takes no such value
                continue
    content = model.SerializeToString()
    return content if way < 0.7 else _bytes(draw, content)


def _bytes(draw: Draw, content: bytes) -> bytes:
    """Some bytes of the file overwritten, cut out, repeated, or put in."""
    data = bytearray(content)
    for _ in range(draw.integers(1, 9)):
        place = int(draw.integers(len(data) + 1))
        length = int(draw.integers(1, 12))
        match draw.integers(6):
            case 0:
                data[place : place + 1] = bytes([draw.integers(256)])
            case 1:
                data[place : place + length] = draw.bytes(length)
            case 2:
                del data[place : place + length]
            case 3:
                data[place:place] = data[place : place + 8 * length]
            case 4:
                data[place:place] = b"\xff" * int(draw.integers(1, 10)) + b"\x01"
            case _ if draw.random() < 0.2:
                del data[place:]
    return bytes(data)


def _pick(draw: Draw, choices: Sequence[Any]) -> Any:
    return choices[int(draw.integers(len(choices)))]


def _integer(draw: Draw) -> int:
    value: int = _pick(draw, _INTEGERS)
    return -value if draw.random() < 0.2 else value


def _node(draw: Draw, model: onnx.ModelProto) -> NodeProto:
    nodes = [*model.graph.node, *(node for function in model.functions for node in function.node)]
    return _pick(draw, nodes) if nodes else model.graph.node.add()


def _tensor(draw: Draw, model: onnx.ModelProto) -> TensorProto:
    tensors = model.graph.initializer
    return _pick(draw, tensors) if tensors else tensors.add()


def _name(draw: Draw, model: onnx.ModelProto) -> str:
    """The name of any value in the model, or of none."""
    names = [name for node in model.graph.node for name in (*node.input, *node.output)]
    names += [tensor.name for tensor in model.graph.initializer]
    return str(_pick(draw, [*names, "x", "", "gone"]))


def _dims(draw: Draw, model: onnx.ModelProto) -> None:
    tensor = _tensor(draw, model)
    match draw.integers(4):
        case 0 if len(tensor.dims):
            tensor.dims[int(draw.integers(len(tensor.dims)))] = _integer(draw)
        case 1:
            tensor.dims.append(_pick(draw, (1, 1, 2, 160_000, 0)))
        case 2:
            tensor.dims[:] = list(reversed(tensor.dims))
        case _:
            tensor.dims[:] = [_integer(draw) for _ in range(draw.integers(5))]


def _consistent_dims(draw: Draw, model: onnx.ModelProto) -> None:
    """Another shape that the data do have."""
    tensor = _tensor(draw, model)
    size = int(np.prod(tensor.dims, dtype=object)) if len(tensor.dims) else 1
    first = _pick(draw, [n for n in range(1, min(size, 64) + 1) if size % n == 0] or [size])
    tensor.dims[:] = _pick(
        draw, ([first, size // first], [size], [1, size], [size, 1, 1], [size // first, first, 1, 1])
    )


def _data(draw: Draw, model: onnx.ModelProto) -> None:
    """Other numbers in a tensor of the same shape."""
    tensor = _tensor(draw, model)
    if tensor.data_location == TensorProto.EXTERNAL:
        return
    try:
        values = np.array(numpy_helper.to_array(tensor))
    except (ValueError, TypeError, KeyError, AttributeError):
        return
    if not values.size or not values.dtype.isbuiltin:
        return
    flat = values.reshape(-1)
    chosen = draw.random(flat.size) < _pick(draw, (0.1, 0.5, 1.0)) if flat.size > 1 else np.ones(1, bool)
    if values.dtype.kind == "f":
        drawn = draw.choice(np.array(_FLOATS[: _pick(draw, (6, 10, 13))]), size=flat.size)
    else:
        drawn = draw.integers(-3, 300, size=flat.size)
    with np.errstate(all="ignore"):
        flat[chosen] = drawn[chosen].astype(values.dtype)
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def _bad_data(draw: Draw, model: onnx.ModelProto) -> None:
    tensor = _tensor(draw, model)
    match draw.integers(5):
        case 0:
            tensor.data_type = _pick(draw, _TYPES)
        case 1:
            tensor.raw_data = draw.bytes(int(draw.integers(40)))
        case 2:
            tensor.ClearField("raw_data")
            tensor.float_data.extend([1.0] * int(draw.integers(9)))
        case 3:
            tensor.data_location = TensorProto.EXTERNAL
            for key, value in (("location", _pick(draw, _WORDS)), ("offset", str(_integer(draw)))):
                entry = tensor.external_data.add()
                entry.key, entry.value = key, value
        case _:
            tensor.segment.begin = 1


def _attribute(draw: Draw, model: onnx.ModelProto) -> None:
    node = _node(draw, model)
    if not node.attribute or draw.random() < 0.2:
        value = _pick(draw, (_integer(draw), _pick(draw, _FLOATS), _pick(draw, _WORDS), [_integer(draw)], [1, 1, 1, 1]))
        node.attribute.append(helper.make_attribute(_pick(draw, _ATTRIBUTES), value))
        return
    attribute = _pick(draw, node.attribute)
    match draw.integers(8):
        case 0:
            node.attribute.remove(attribute)
        case 1:
            attribute.type = _pick(draw, range(15))
        case 2:
            attribute.name = _pick(draw, _ATTRIBUTES)
        case 3:
            node.attribute.append(attribute)
        case _:
            _value(draw, attribute)


def _value(draw: Draw, attribute: AttributeProto) -> None:
    match attribute.type:
        case AttributeProto.INT:
            attribute.i = _integer(draw)
        case AttributeProto.FLOAT:
            attribute.f = _pick(draw, _FLOATS)
        case AttributeProto.STRING:
            attribute.s = _pick(draw, _WORDS).encode()
        case AttributeProto.INTS:
            values = list(attribute.ints)
            match draw.integers(4):
                case 0 if values:
                    values[int(draw.integers(len(values)))] = _integer(draw)
                case 1:
                    values.append(_integer(draw))
                case 2:
                    values = values[:-1]
                case _:
                    values = [int(draw.integers(4)) for _ in values]
            attribute.ints[:] = values
        case _:
            attribute.i = _integer(draw)


def _operator(draw: Draw, model: onnx.ModelProto) -> None:
    _node(draw, model).op_type = _pick(draw, _OPERATORS)


def _domain(draw: Draw, model: onnx.ModelProto) -> None:
    _node(draw, model).domain = _pick(draw, _DOMAINS)


def _wire(draw: Draw, model: onnx.ModelProto) -> None:
    """An input that comes from elsewhere, is missing or one too many; an output that another node has."""
    node = _node(draw, model)
    match draw.integers(6):
        case 0 | 1 if node.input:
            node.input[int(draw.integers(len(node.input)))] = _name(draw, model)
        case 2:
            node.input.append(_name(draw, model))
        case 3 if node.input:
            del node.input[int(draw.integers(len(node.input))) :]
        case 4 if node.output:
            node.output[0] = _name(draw, model)
        case 5 if len(node.input) > 1:
            node.input[0], node.input[1] = node.input[1], node.input[0]
        case _:
            node.output.append(_pick(draw, ("more", "")))


def _nodes(draw: Draw, model: onnx.ModelProto) -> None:
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


def _insert(draw: Draw, model: onnx.ModelProto) -> None:
    """A node of any operator between another and its first input."""
    node = _node(draw, model)
    if not node.input:
        return
    new = f"new{draw.integers(1000)}"
    operator = _pick(draw, (*_OPERATORS, "Neg", "Sign", "Transpose", "Relu", "Abs", "Flatten", "Softmax", "Round"))
    inputs = [node.input[0], *(_name(draw, model) for _ in range(_pick(draw, (0, 0, 1, 1, 2, 3))))]
    made = helper.make_node(operator, inputs, [new], domain=_pick(draw, ("", "", *_DOMAINS)))
    if draw.random() < 0.5:
        made.attribute.append(
            helper.make_attribute(_pick(draw, _ATTRIBUTES), _pick(draw, (1, 0, [0, 2, 1], [1, 1], 0.5)))
        )
    node.input[0] = new
    model.graph.node.insert(0, made)


def _names(draw: Draw, model: onnx.ModelProto) -> None:
    word = _pick(draw, _WORDS)
    match draw.integers(5):
        case 0:
            _node(draw, model).name = word
        case 1:
            _tensor(draw, model).name = _pick(draw, (word, _name(draw, model)))
        case 2:
            model.graph.name = word
        case 3:
            model.graph.input[0].name = word
        case _:
            for node in model.graph.node:
                node.name = "same"


def _entry(draw: Draw, model: onnx.ModelProto) -> None:
    """Type and shape of the input, or more inputs and outputs."""
    entry = model.graph.input[0]
    tensor = entry.type.tensor_type
    dims = tensor.shape.dim
    match draw.integers(7):
        case 0:
            tensor.elem_type = _pick(draw, _TYPES)
        case 1:
            tensor.ClearField("shape")
        case 2:
            _pick(draw, dims).dim_param = "n"
        case 3:
            dims.add().dim_value = _integer(draw)
        case 4:
            model.graph.input.append(entry)
        case 5:
            model.graph.output[0].name = _name(draw, model)
        case _:
            _pick(draw, dims).dim_value = _integer(draw)


def _versions(draw: Draw, model: onnx.ModelProto) -> None:
    match draw.integers(5):
        case 0:
            model.opset_import[0].version = _pick(draw, (*range(7, 28), 0, -1, 2**40))
        case 1:
            model.opset_import[0].domain = _pick(draw, _DOMAINS)
        case 2:
            model.ClearField("opset_import")
        case 3:
            model.ir_version = _integer(draw)
        case _:
            model.opset_import.append(helper.make_opsetid(_pick(draw, _DOMAINS), _pick(draw, (1, 9, 13, 99))))


def _functions(draw: Draw, model: onnx.ModelProto) -> None:
    if not model.functions:
        _insert(draw, model)
        return
    function = _pick(draw, model.functions)
    match draw.integers(6):
        case 0:
            model.functions.remove(function)
        case 1:
            function.name = _pick(draw, ("Step", "Activation", "Conv", ""))
        case 2:
            function.node.append(helper.make_node(_pick(draw, ("Step", "Activation")), ["x"], ["z"], domain="local"))
        case 3:
            del function.input[:]
        case 4:
            function.opset_import[0].version = _pick(draw, (1, 13, 99))
        case _:
            model.functions.append(function)


def _grow(draw: Draw, model: onnx.ModelProto) -> None:
    """A constant that is made as large as its node asks for."""
    shape = [_integer(draw) for _ in range(draw.integers(1, 4))]
    one, wide = f"one{len(model.graph.initializer)}", f"wide{len(model.graph.initializer)}"
    model.graph.initializer.append(numpy_helper.from_array(np.ones((1, 1), np.float32), one))
    model.graph.initializer.append(numpy_helper.from_array(np.array(shape, np.int64), wide))
    operator = _pick(draw, ("ConstantOfShape", "Expand", "Tile", "Reshape", "Pad", "Slice", "Gather", "OneHot"))
    inputs = [wide] if operator == "ConstantOfShape" else [one, wide]
    grown = f"grown{len(model.graph.node)}"
    model.graph.node.insert(0, helper.make_node(operator, inputs, [grown]))
    node = _node(draw, model)
    if len(node.input) > 1:
        node.input[1] = grown


def _subgraph(draw: Draw, model: onnx.ModelProto) -> None:
    inner = helper.make_graph(list(model.graph.node)[:2], "inner", [], list(model.graph.output))
    _node(draw, model).attribute.append(helper.make_attribute("body", inner))


def _replace(field: Any, values: Sequence[Any]) -> None:
    copies = [type(value).FromString(value.SerializeToString()) for value in values]
    del field[:]
    field.extend(copies)


_CHANGES: tuple[Callable[[Draw, onnx.ModelProto], None], ...] = (
    *(_attribute, _attribute, _attribute, _attribute, _data, _data, _data, _dims, _consistent_dims, _bad_data),
    *(_operator, _operator, _domain, _wire, _wire, _nodes, _nodes, _insert, _insert, _names, _entry, _entry),
    *(_versions, _functions, _grow, _subgraph),
)
