"""Models with two inputs: a wearable's window of samples, and the intervals between its heart beats."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from tests.frontend.onnx_models import Model, signs


def wearable(window: str = "window", intervals: str = "rr") -> Model:
    """Each input through a layer and a sign of its own, then joined."""
    model = Model((1, 30))
    model.inputs.clear()
    model.input(window, 1, 30)
    model.add("Conv", signs(0, 4, 1, 5), strides=[3])
    model.sign(at_least=True)
    of_window = model.add("Flatten")
    model.input(intervals, 4)
    model.add("MatMul", signs(1, 4, 8))
    model.add("Add", np.linspace(-2, 2, 8))
    model.sign(at_least=True)
    model.add("Concat", inputs=[of_window, model.last], axis=1)
    model.add("MatMul", signs(2, 44, 3))
    return model


def added() -> Model:
    """Two inputs of one shape that are added as they are."""
    model = Model((6,))
    model.add("Add", inputs=["x", model.input("y", 6)])
    return ending(model, 6)


def joined() -> Model:
    """Two inputs that are joined as they are."""
    model = Model((6,))
    model.add("Concat", inputs=["x", model.input("y", 4)], axis=1)
    return ending(model, 10)


def features_and_intervals() -> Model:
    """Signs of a window's layer joined with intervals as they are, and a layer that reads both."""
    model = Model((1, 30))
    model.add("Conv", signs(12, 4, 1, 5), strides=[3])
    model.sign(at_least=True)
    features = model.add("Flatten")
    model.add("Concat", inputs=[features, model.input("y", 4)], axis=1)
    model.add("MatMul", signs(13, 40, 8))
    return ending(model, 8)


def read_twice() -> Model:
    """An input that a layer and a sum read, beside one that is read once."""
    model = Model((6,))
    layer = model.add("MatMul", signs(3, 6, 6))
    model.add("Add", inputs=["x", model.input("y", 6)])
    model.add("Add", inputs=[layer, model.last])
    return ending(model, 6)


def quantised() -> Model:
    """Two real inputs, each with a sign before its layer, which becomes its encoding."""
    model = Model((6,))
    model.sign(at_least=True)
    one = model.add("MatMul", signs(4, 6, 5))
    model.input("y", 3)
    model.add("Add", np.float32(0.3))
    model.sign(at_least=True)
    model.add("Add", inputs=[one, model.add("MatMul", signs(5, 3, 5))])
    return ending(model, 5)


def integers() -> Model:
    """Inputs of the model's own types, of 8 and of 16 bits."""
    model = Model((6,), dtype=TensorProto.UINT8)
    model.add("Cast", to=TensorProto.FLOAT)
    one = model.add("MatMul", signs(6, 6, 5))
    model.input("y", 3, dtype=TensorProto.INT16)
    model.add("Cast", to=TensorProto.FLOAT)
    model.add("Add", inputs=[one, model.add("MatMul", signs(7, 3, 5))])
    return ending(model, 5)


def channels_last() -> Model:
    """A map whose channels come last beside a vector."""
    model = Model((4,))
    one = model.add("MatMul", signs(8, 4, 5))
    model.input("map", 5, 5, 2)
    model.add("Transpose", perm=[0, 3, 1, 2])
    model.add("Conv", signs(9, 5, 2, 5, 5))
    model.add("Flatten")
    model.add("Add", inputs=[one, model.last])
    return ending(model, 5)


def ending(model: Model, channels: int) -> Model:
    """A sign, and a layer that makes scores."""
    model.sign(at_least=True)
    model.add("MatMul", signs(10, channels, 3))
    return model
