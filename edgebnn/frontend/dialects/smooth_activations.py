"""ONNX's smooth activations, in terms of a few curves. It only recognises."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from edgebnn.frontend.algebra.expression import Apply, Constant, Expression, alike
from edgebnn.frontend.onnx.graph import Array, OnnxNode
from edgebnn.frontend.operations import Call, Elementwise, Operand, Operands, Operation, Recogniser, Term
from edgebnn.frontend.problems import Refusal

_SQUARE_ROOT_OF_TWO = 2.0**0.5
_X = Operand(0)


def _float(value: float) -> Array:
    return np.array(value, np.float32)


def curve(name: str, sentence: str) -> Recogniser:
    """The recogniser of an operator that is a curve by itself; the sentence is for the table of operators."""

    def recognise(node: OnnxNode, operands: Operands) -> Operation:
        return Elementwise(Call(name, (_X,)))

    recognise.__doc__ = sentence
    return recognise


def _bent_exponential(alpha: float, inner: Term) -> Call:
    """x above zero, alpha * (exp(inner) - 1) below."""
    zero = _float(0)
    below = Call("Mul", (Call("ExpMinusOne", (Call("Min", (inner, zero)),)), _float(alpha)))
    return Call("Add", (Call("Max", (_X, zero)), below))


def _elu(node: OnnxNode, operands: Operands) -> Operation:
    """Below zero alpha times (exp(x) - 1), before a sign or a quantiser."""
    return Elementwise(_bent_exponential(node.number("alpha", 1.0), _X))


def _celu(node: OnnxNode, operands: Operands) -> Operation:
    """Below zero alpha times (exp(x / alpha) - 1), before a sign or a quantiser."""
    alpha = node.number("alpha", 1.0)
    if not alpha > 0:
        raise Refusal("has an alpha that is not positive", "train or export the model again")
    return Elementwise(_bent_exponential(alpha, Call("Div", (_X, _float(alpha)))))


def _selu(node: OnnxNode, operands: Operands) -> Operation:
    """gamma times an ELU, before a sign or a quantiser."""
    alpha, gamma = node.number("alpha", 1.67326319217681884765625), node.number("gamma", 1.05070102214813232421875)
    return Elementwise(Call("Mul", (_bent_exponential(alpha, _X), _float(gamma))))


def _hard_swish(node: OnnxNode, operands: Operands) -> Operation:
    """x times a hard sigmoid of x, before a sign or a quantiser."""
    line = Call("Add", (Call("Mul", (_X, _float(1 / 6))), _float(0.5)))
    gate = Call("Max", (Call("Min", (line, _float(1))), _float(0)))
    return Elementwise(Call("Mul", (_X, gate)))


def _gelu(node: OnnxNode, operands: Operands) -> Operation:
    """x times the normal distribution's share below x (also by its tanh), before a sign or a quantiser."""
    name = {"none": "Gelu", "tanh": "GeluTanh"}.get(node.text("approximate", "none"))
    if name is None:
        raise Refusal("approximates in a way that is not known", "use none or tanh")
    return Elementwise(Call(name, (_X,)))


def _swish(node: OnnxNode, operands: Operands) -> Operation:
    """x times a sigmoid of alpha x (SiLU), before a sign or a quantiser."""
    alpha = node.number("alpha", 1.0)
    if not alpha > 0:
        raise Refusal("has an alpha that is not positive", "train or export the model again")
    return Elementwise(Call("Div", (Call("Silu", (Call("Mul", (_X, _float(alpha))),)), _float(alpha))))


def _thresholded_relu(node: OnnxNode, operands: Operands) -> Operation:
    """Zero up to alpha, x above it."""
    above = Call("Greater", (_X, _float(node.number("alpha", 1.0))))
    return Elementwise(Call("Where", (above, _X, _float(0))))


def product_as_curve(one: Expression, other: Expression, node: str) -> Expression | None:
    """x times a gate of x as the curve that exporters write so: SiLU, GELU or Mish; None for any other product."""
    for x, gate in ((one, other), (other, one)):
        match gate:
            case Apply(operator="Sigmoid", operands=(inner,)):
                factor = _factor(inner, x)
                if factor is not None and factor > 0:
                    return Apply("Div", (Apply("Silu", (inner,), node), _constant(float(factor))), node)
            case Apply(operator="Tanh", operands=(Apply(operator="Softplus", operands=(inner,)),)):
                if alike(inner, x):
                    return Apply("Mish", (x,), node)
            case Apply(operator="Add", operands=(Apply(operator="Erf", operands=(inner,)), Constant() as shift)):
                factor = _factor(inner, x)
                if factor is not None and factor > 0 and np.all(shift.values == 1):
                    # x (1 + erf(k x)) = gelu(z) sqrt(2) / k with z = sqrt(2) k x
                    argument = Apply("Mul", (inner, _constant(_SQUARE_ROOT_OF_TWO)), node)
                    size = _constant(_SQUARE_ROOT_OF_TWO / float(factor))
                    return Apply("Mul", (Apply("Gelu", (argument,), node), size), node)
    return None


def _constant(value: float) -> Constant:
    return Constant(np.array([value], np.float32))


def _factor(one: Expression, other: Expression) -> Fraction | None:
    """What `other` has to be multiplied by to be `one`; None where that is no number."""
    (core, factor), (other_core, other_factor) = _stripped(one), _stripped(other)
    return factor / other_factor if other_factor and alike(core, other_core) else None


def _stripped(expression: Expression) -> tuple[Expression, Fraction]:
    """What single numbers multiply, and their product."""
    factor = Fraction(1)
    while isinstance(expression, Apply) and expression.operator in ("Mul", "Div"):
        inner, number = expression.operands
        if expression.operator == "Mul" and isinstance(inner, Constant):
            inner, number = number, inner
        if not isinstance(number, Constant) or number.values.size != 1 or not np.isfinite(number.values).all():
            break
        value = Fraction(float(number.values.reshape(())))
        if not value:
            break
        factor = factor * value if expression.operator == "Mul" else factor / value
        expression = inner
    return expression, factor


SMOOTH: dict[str, Recogniser] = {
    "Celu": _celu,
    "Elu": _elu,
    "Erf": curve("Erf", "The error function, before a sign or a quantiser."),
    "Exp": curve("Exp", "The exponential, before a sign or a quantiser."),
    "Gelu": _gelu,
    "HardSwish": _hard_swish,
    "Mish": curve("Mish", "x times tanh(softplus(x)), before a sign or a quantiser."),
    "Selu": _selu,
    "Softplus": curve("Softplus", "log(1 + exp(x)), before a sign or a quantiser."),
    "Softsign": curve("Softsign", "x over one plus its absolute value, before a sign or a quantiser."),
    "Swish": _swish,
    "ThresholdedRelu": _thresholded_relu,
}
