"""Damage to the tensors of a model: shapes, numbers, types, and constants that grow when they are computed."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.frontend.draws import FLOATS, TYPES, WORDS, Draw, any_integer, any_node, any_tensor, pick


def dims_changed(draw: Draw, model: onnx.ModelProto) -> None:
    tensor = any_tensor(draw, model)
    match draw.integers(4):
        case 0 if len(tensor.dims):
            tensor.dims[int(draw.integers(len(tensor.dims)))] = any_integer(draw)
        case 1:
            tensor.dims.append(pick(draw, (1, 1, 2, 160_000, 0)))
        case 2:
            tensor.dims[:] = list(reversed(tensor.dims))
        case _:
            tensor.dims[:] = [any_integer(draw) for _ in range(draw.integers(5))]


def shape_changed(draw: Draw, model: onnx.ModelProto) -> None:
    """Another shape that the data do have."""
    tensor = any_tensor(draw, model)
    size = int(np.prod(tensor.dims, dtype=object)) if len(tensor.dims) else 1
    first = pick(draw, [n for n in range(1, min(size, 64) + 1) if size % n == 0] or [size])
    tensor.dims[:] = pick(draw, ([first, size // first], [size], [1, size], [size, 1, 1], [size // first, first, 1, 1]))


def data_changed(draw: Draw, model: onnx.ModelProto) -> None:
    """Other numbers in a tensor of the same shape."""
    tensor = any_tensor(draw, model)
    if tensor.data_location == TensorProto.EXTERNAL:
        return
    try:
        values = np.array(numpy_helper.to_array(tensor))
    except (ValueError, TypeError, KeyError, AttributeError):
        return
    if not values.size or not values.dtype.isbuiltin:
        return
    flat = values.reshape(-1)
    chosen = draw.random(flat.size) < pick(draw, (0.1, 0.5, 1.0)) if flat.size > 1 else np.ones(1, bool)
    if values.dtype.kind == "f":
        drawn = draw.choice(np.array(FLOATS[: pick(draw, (6, 10, 13))]), size=flat.size)
    else:
        drawn = draw.integers(-3, 300, size=flat.size)
    with np.errstate(all="ignore"):
        flat[chosen] = drawn[chosen].astype(values.dtype)
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def data_broken(draw: Draw, model: onnx.ModelProto) -> None:
    tensor = any_tensor(draw, model)
    match draw.integers(5):
        case 0:
            tensor.data_type = pick(draw, TYPES)
        case 1:
            tensor.raw_data = draw.bytes(int(draw.integers(40)))
        case 2:
            tensor.ClearField("raw_data")
            tensor.float_data.extend([1.0] * int(draw.integers(9)))
        case 3:
            tensor.data_location = TensorProto.EXTERNAL
            for key, value in (("location", pick(draw, WORDS)), ("offset", str(any_integer(draw)))):
                entry = tensor.external_data.add()
                entry.key, entry.value = key, value
        case _:
            tensor.segment.begin = 1


def constant_grown(draw: Draw, model: onnx.ModelProto) -> None:
    """A constant that is made as large as its node asks for."""
    shape = [any_integer(draw) for _ in range(draw.integers(1, 4))]
    one, wide = f"one{len(model.graph.initializer)}", f"wide{len(model.graph.initializer)}"
    model.graph.initializer.append(numpy_helper.from_array(np.ones((1, 1), np.float32), one))
    model.graph.initializer.append(numpy_helper.from_array(np.array(shape, np.int64), wide))
    operator = pick(draw, ("ConstantOfShape", "Expand", "Tile", "Reshape", "Pad", "Slice", "Gather", "OneHot"))
    inputs = [wide] if operator == "ConstantOfShape" else [one, wide]
    grown = f"grown{len(model.graph.node)}"
    model.graph.node.insert(0, helper.make_node(operator, inputs, [grown]))
    node = any_node(draw, model)
    if len(node.input) > 1:
        node.input[1] = grown
