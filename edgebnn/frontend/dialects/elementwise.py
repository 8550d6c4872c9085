"""ONNX's elementwise operators: the same function of every element, with constants that broadcast to them.

It only recognises.
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper

from edgebnn.frontend.algebra.exact_numbers import check_operators
from edgebnn.frontend.constants.constant_folding import constant_of
from edgebnn.frontend.onnx.graph import Array, OnnxNode
from edgebnn.frontend.operations import (
    Call,
    Elementwise,
    Forwarding,
    Knowing,
    Operand,
    Operands,
    Operation,
    Recogniser,
    Term,
)
from edgebnn.frontend.problems import Refusal

_AGAIN = "export the model again"
# Integers up to here are float32 values, so that integer arithmetic on them is float32 arithmetic.
_LARGEST_WHOLE = 2**24

# Integer types in which a sum or a product of what occurs here does not wrap around.
_WIDE = {"Add": ("int32", "int64"), "Sub": ("int32", "int64"), "Mul": ("int64",)}


def _said(recogniser: Recogniser, sentence: str) -> Recogniser:
    """The recogniser with the sentence that the table of operators shows."""
    recogniser.__doc__ = sentence
    return recogniser


def _binary(operator: str, sentence: str) -> Recogniser:
    def recognise(node: OnnxNode, operands: Operands) -> Operation:
        for index in range(2):
            value = operands.optional(index)
            if value is not None and value.dtype.kind in "iu" and value.dtype.name not in _WIDE[operator]:
                raise Refusal(f"works on {value.dtype.name}, which can wrap around", "cast to float32 first")
        return _elementwise(operator, _terms(operands, 2))

    return _said(recognise, sentence)


def _comparison(operator: str, sign: str) -> Recogniser:
    return _said(
        lambda node, operands: _elementwise(operator, _terms(operands, 2), "bool"),
        f"Yes where x {sign} y.",
    )


def _logical(operator: str, count: int, sentence: str) -> Recogniser:
    return _said(
        lambda node, operands: Elementwise(Call(operator, _terms(operands, count)[0]), result="bool", takes=("bool",)),
        sentence,
    )


def _unary(operator: str, sentence: str) -> Recogniser:
    return _said(lambda node, operands: Elementwise(Call(operator, (Operand(0),))), sentence)


def _many(operator: str, sentence: str) -> Recogniser:
    def recognise(node: OnnxNode, operands: Operands) -> Operation:
        check_operators(len(operands.present) - 1)  # each operand nests the calls one deeper
        if not operands.present:
            raise Refusal("has no operands", _AGAIN)
        (first, *others), elements = _terms(operands, len(operands.present))
        if not others:
            return Forwarding()
        for other in others[:-1]:
            first = Call(operator, (first, other))
        return _elementwise(operator, ((first, others[-1]), elements))

    return _said(recognise, sentence)


def _terms(operands: Operands, count: int) -> tuple[tuple[Term, ...], str]:
    """The operands as terms, constants by value and the others by place, and what their elements are."""
    terms: list[Term] = []
    elements = "float"
    for index in range(count):
        value = operands.optional(index)
        if not operands.has(index):
            raise Refusal(f"lacks its operand {index}", _AGAIN)
        if value is not None and value.dtype.kind in "iu":
            elements = "integer"
            value = _whole(value)
        terms.append(Operand(index) if value is None else value)
    return tuple(terms), elements


def _whole(value: Array) -> Array:
    """Integer constants in float32."""
    if value.size and max(abs(int(value.min())), abs(int(value.max()))) > _LARGEST_WHOLE:
        raise Refusal(f"has integers beyond {_LARGEST_WHOLE}", "export the model in float32")
    return value.astype(np.float32)


def _elementwise(operator: str, given: tuple[tuple[Term, ...], str], result: str | None = None) -> Elementwise:
    """An operator on terms and what their elements are; so are the result's, but for a comparison."""
    terms, elements = given
    return Elementwise(Call(operator, terms), result or elements, (elements,))


def _div(node: OnnxNode, operands: Operands) -> Operation:
    """Division by a constant."""
    if operands.optional(1) is None and operands.has(1) and not operands.unknown[1]:
        raise Refusal(
            "divides by a value of the network, and quotients of two activations are not mapped",
            "divide by constants alone; x / (1 + |x|) is ONNX's Softsign",
        )
    divisor = operands.constant(1, "divisors")
    if divisor.dtype.kind in "iu":
        raise Refusal("divides integers", "cast them to float32 first")
    if np.any(divisor == 0):
        raise Refusal("divides by zero", "check the constant and export the model again")
    return _elementwise("Div", _terms(operands, 2))


def _where(node: OnnxNode, operands: Operands) -> Operation:
    """One of two values, by a comparison."""
    if operands.optional(0) is not None:
        raise Refusal("chooses elements by place, not by value", "use an activation that treats all elements alike")
    terms, elements = _terms(operands, 3)
    return Elementwise(Call("Where", terms), elements, takes=("bool", elements, elements))


def _clip(node: OnnxNode, operands: Operands) -> Operation:
    """Values held between two constants; also integers between their quantiser and its inverse."""
    low, high = _bound(node, operands, 1, "min"), _bound(node, operands, 2, "max")
    term: Term = Operand(0)
    elements = "float"
    for operator, bound, nothing in (("Max", low, -np.inf), ("Min", high, np.inf)):
        if bound is None or bound == nothing:
            continue
        if bound.dtype.kind in "iu":
            elements, bound = "integer", _whole(bound)
        term = Call(operator, (term, bound))
    return Elementwise(term, elements, (elements,)) if isinstance(term, Call) else Forwarding()


def _bound(node: OnnxNode, operands: Operands, index: int, name: str) -> Array | None:
    """A bound of a clip: an attribute in old opsets, an operand in newer ones."""
    if operands.opset < 11:
        return np.asarray(node.number(name, 0.0), np.float32) if name in node.attributes else None
    if not operands.has(index):
        return None
    bound = operands.constant(index, "bounds")
    if bound.size != 1:
        raise Refusal("has bounds that are not one number", _AGAIN)
    return bound.reshape(())


def _cast(node: OnnxNode, operands: Operands) -> Operation:
    """Between float32, bool and integers."""
    match node.integer("to", 0):
        case TensorProto.FLOAT:
            return Elementwise(Call("ToFloat", (Operand(0),)), takes=("any",))
        case TensorProto.BOOL:
            return Elementwise(Call("ToBool", (Operand(0),)), result="bool", takes=("any",))
        case TensorProto.INT8 | TensorProto.INT16 | TensorProto.INT32 | TensorProto.INT64:
            whole = Call("Truncate", (Call("ToFloat", (Operand(0),)),))
            limits = np.iinfo(helper.tensor_dtype_to_np_dtype(node.integer("to", 0)))
            return Elementwise(whole, "integer", ("any",), float(limits.min), float(limits.max))
        case _:
            raise Refusal("casts to an element type other than float32", "export the model in float32")


def _prelu(node: OnnxNode, operands: Operands) -> Operation:
    """Below zero times a constant slope, one or one for each channel."""
    slope = operands.constant(1, "slopes")
    if not np.isfinite(slope).all():
        raise Refusal("has slopes that are NaN or infinite", "check its constants and export the model again")
    return _elementwise("PRelu", ((Operand(0), slope), "float"))


def _leaky_relu(node: OnnxNode, operands: Operands) -> Operation:
    """Below zero times a constant."""
    return Elementwise(Call("PRelu", (Operand(0), np.array(node.number("alpha", 0.01), np.float32))))


def _hard_sigmoid(node: OnnxNode, operands: Operands) -> Operation:
    """x times alpha plus beta, held between 0 and 1."""
    alpha, beta = (np.array(node.number(*which), np.float32) for which in (("alpha", 0.2), ("beta", 0.5)))
    line = Call("Add", (Call("Mul", (Operand(0), alpha)), beta))
    return Elementwise(Call("Max", (Call("Min", (line, np.ones((), np.float32))), np.zeros((), np.float32))))


def _constant(node: OnnxNode, operands: Operands) -> Operation:
    """A tensor, a number or a list of numbers."""
    return Knowing(constant_of(node))


def _identity(node: OnnxNode, operands: Operands) -> Operation:
    """Its input as it is."""
    return Forwarding()


def _dropout(node: OnnxNode, operands: Operands) -> Operation:
    """Its input as it is, outside of training."""
    training = operands.optional(2)
    if training is not None and bool(np.any(training)):
        raise Refusal("is in training mode", "export the model in evaluation mode (model.eval())")
    return Forwarding()


ELEMENTWISE: dict[str, Recogniser] = {
    "Abs": _unary("Abs", "The absolute value."),
    "Add": _binary("Add", "The sum, with constants or of two activations."),
    "And": _logical("And", 2, "Yes where both are."),
    "Cast": _cast,
    "Ceil": _unary("Ceil", "Rounded up."),
    "Clip": _clip,
    "Constant": _constant,
    "Div": _div,
    "Dropout": _dropout,
    "Equal": _comparison("Equal", "="),
    "Floor": _unary("Floor", "Rounded down."),
    "Greater": _comparison("Greater", ">"),
    "GreaterOrEqual": _comparison("GreaterOrEqual", ">="),
    "HardSigmoid": _hard_sigmoid,
    "Identity": _identity,
    "LeakyRelu": _leaky_relu,
    "Less": _comparison("Less", "<"),
    "LessOrEqual": _comparison("LessOrEqual", "<="),
    "Max": _many("Max", "The largest of its operands."),
    "Min": _many("Min", "The smallest of its operands."),
    "Mul": _binary("Mul", "The product with constants."),
    "Neg": _unary("Neg", "The negative."),
    "Not": _logical("Not", 1, "Yes where the comparison says no."),
    "Or": _logical("Or", 2, "Yes where either is."),
    "PRelu": _prelu,
    "Relu": _unary("Relu", "Zero below zero."),
    "Round": _unary("Round", "Rounded to the nearest, halves to even."),
    "Sign": _unary("Sign", "-1, 0 or 1."),
    "Sub": _binary("Sub", "The difference, with constants or of two activations."),
    "Sum": _many("Add", "The sum of its operands."),
    "Where": _where,
}
