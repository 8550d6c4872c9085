"""Random chains of elementwise operators between a layer and what reads it, of every operator that is mapped."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.frontend.onnx_models import Array, Model, signs

Rng = np.random.Generator
FAN_IN, CHANNELS = 12, 5


def activation(seed: int) -> Model:
    """A layer of integer sums or of rounded ones, one to five operators behind it, and something that reads them."""
    rng = np.random.default_rng([19, seed])
    rank = int(rng.integers(0, 2)) * 2
    model = Model((FAN_IN, *(4,) * rank))
    if rng.random() < 0.2:
        model.add("Div", float(rng.choice([255.0, 16.0, 100.0])))
    _layer(model, rng, CHANNELS, FAN_IN, rank)
    if rng.random() < 0.4:
        gamma, beta, mean = rng.normal(size=(3, CHANNELS))
        model.batch_norm(gamma, beta, 9 * mean, rng.uniform(0.5, 400, CHANNELS))
    for _ in range(int(rng.integers(1, 6))):
        _OPERATORS[int(rng.integers(len(_OPERATORS)))](model, rng, rank)
    _ENDS[int(rng.integers(len(_ENDS)))](model, rng, rank)
    return model


def _layer(model: Model, rng: Rng, outputs: int, inputs: int, rank: int) -> None:
    weights = signs(int(rng.integers(1000)), outputs, inputs, *(1,) * rank)
    if rng.random() < 0.3:
        weights = weights * rng.uniform(0.1, 1, size=(outputs, 1, *(1,) * rank)).astype(np.float32)
    if rng.random() < 0.3:
        weights = weights * (rng.random(weights.shape) < 0.7)
    if rank:
        model.add("Conv", weights.astype(np.float32))
    else:
        model.add("MatMul", weights.T.astype(np.float32))


def _some(rng: Rng, rank: int, low: float, high: float) -> Array:
    """A constant, or one for each channel; half of them short numbers."""
    shape = (CHANNELS, *(1,) * rank) if rng.random() < 0.5 else ()
    values = rng.uniform(low, high, size=shape)
    return np.asarray(np.rint(values * 4) / 4 if rng.random() < 0.5 else values, np.float32)


def _factor(rng: Rng, rank: int) -> Array:
    values = _some(rng, rank, -2, 2)
    return np.where(np.abs(values) < 0.1, np.float32(0.5), values).astype(np.float32)


def _plain(operator: str, **attributes: float | str) -> Callable[[Model, Rng, int], None]:
    def add(model: Model, rng: Rng, rank: int) -> None:
        model.add(operator, **attributes)

    return add


def _with(operator: str) -> Callable[[Model, Rng, int], None]:
    def add(model: Model, rng: Rng, rank: int) -> None:
        number = _factor(rng, rank) if operator in ("Mul", "Div") else _some(rng, rank, -6, 6)
        if rng.random() < 0.3:  # the constant first
            model.add(operator, inputs=[model.constant(number), model.last])
        else:
            model.add(operator, number)

    return add


def _clip(model: Model, rng: Rng, rank: int) -> None:
    low, high = sorted(float(np.float32(bound)) for bound in rng.uniform(-8, 8, 2))
    model.add("Clip", low, high)


def _prelu(model: Model, rng: Rng, rank: int) -> None:
    model.add("PRelu", _some(rng, rank, -0.5, 2))


def _choice(model: Model, rng: Rng, rank: int) -> None:
    """Where, of a comparison of the value itself."""
    before = model.last
    comparison = str(rng.choice(["Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal"]))
    condition = model.add(comparison, _some(rng, rank, -6, 6))
    if rng.random() < 0.3:
        condition = model.add("Not", inputs=[condition])
    if rng.random() < 0.3:
        other = model.add("Less", inputs=[before, model.constant(_some(rng, rank, -6, 6))])
        condition = model.add(str(rng.choice(["And", "Or"])), inputs=[condition, other])
    values = [before if rng.random() < 0.4 else model.constant(_some(rng, rank, -4, 4)) for _ in range(2)]
    model.add("Where", inputs=[condition, *values])


def _with_itself(model: Model, rng: Rng, rank: int) -> None:
    """An operator of the value and of a function of it."""
    before = model.last
    other = model.add(str(rng.choice(["Relu", "Sigmoid", "Tanh", "Abs", "Neg", "Sign", "Floor"])))
    model.add(str(rng.choice(["Add", "Sub", "Mul", "Max", "Min"])), inputs=[before, other])


def _cast(model: Model, rng: Rng, rank: int) -> None:
    model.add("Cast", to=int(rng.choice([6, 7, 9, 3])))
    model.add("Cast", to=1)


_OPERATORS: tuple[Callable[[Model, Rng, int], None], ...] = (
    *(_plain(name) for name in ("Abs", "Ceil", "Floor", "Neg", "Relu", "Round", "Sign", "Identity", "Dropout")),
    *(_plain(name) for name in ("Erf", "Exp", "Softplus", "Softsign", "Sigmoid", "Tanh", "Elu", "HardSwish")),
    *(_plain(name) for name in ("Mish", "HardSigmoid", "Celu", "Selu", "ThresholdedRelu", "Relu", "Relu")),
    _plain("LeakyRelu", alpha=0.1),
    *(_with(name) for name in ("Add", "Sub", "Mul", "Div", "Max", "Min", "Add", "Mul", "Sum")),
    *(_clip, _prelu, _choice, _choice, _with_itself, _cast),
)


def _signed(model: Model, rng: Rng, rank: int) -> None:
    model.sign(at_least=bool(rng.random() < 0.5))
    _last(model, rng, rank)


def _quantised(model: Model, rng: Rng, rank: int) -> None:
    bits, signed = int(rng.integers(1, 6)), bool(rng.random() < 0.5)
    numbers = (float(np.float32(rng.choice([0.25, 0.5, 0.3]))), 0.0, float(bits + signed))
    model.add("Quant", *numbers, domain="qonnx.custom_op.general", signed=int(signed), narrow=0, rounding_mode="ROUND")
    _last(model, rng, rank)


def _integers(model: Model, rng: Rng, rank: int) -> None:
    scale, zero = float(np.float32(rng.uniform(0.02, 0.3))), np.asarray(rng.integers(0, 200), np.uint8)
    names = [model.constant(scale), model.constant(zero, np.uint8)]
    model.add("QuantizeLinear", *names)
    model.add("DequantizeLinear", *names)
    _last(model, rng, rank)


def _scores(model: Model, rng: Rng, rank: int) -> None:
    if rank:
        model.add("GlobalAveragePool")
        model.add("Flatten")


def _added(model: Model, rng: Rng, rank: int) -> None:
    """A sum with another layer of the input."""
    one = model.last
    model.last = "x"
    _layer(model, rng, CHANNELS, FAN_IN, rank)
    model.add("Add", inputs=[one, model.last])
    (_signed if rng.random() < 0.5 else _scores)(model, rng, rank)


def _pooled(model: Model, rng: Rng, rank: int) -> None:
    if rank:
        model.add(str(rng.choice(["AveragePool", "MaxPool"])), kernel_shape=[2, 2], strides=[2, 2])
    _signed(model, rng, rank)


def _joined(model: Model, rng: Rng, rank: int) -> None:
    one = model.last
    other = model.add("Mul", inputs=[one, model.constant(_factor(rng, rank))])
    model.add("Concat", inputs=[one, other], axis=1)
    model.sign()
    model.add("Flatten")
    model.add("MatMul", signs(3, 2 * CHANNELS * 4**rank, 3))


def _read_as_it_is(model: Model, rng: Rng, rank: int) -> None:
    _last(model, rng, rank)


def _last(model: Model, rng: Rng, rank: int) -> None:
    if rank:
        model.add("Flatten")
    model.add("MatMul", signs(3, CHANNELS * 4**rank, 3))


_ENDS = (_signed, _signed, _quantised, _quantised, _integers, _scores, _added, _pooled, _joined, _read_as_it_is)
