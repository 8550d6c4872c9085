"""QONNX, which Brevitas writes: quantisers as operators of their own. It only recognises.

Each is what the package qonnx executes (qonnx/custom_op/general/), float32 operation by float32 operation. The domain
was `onnx.brevitas`, then `finn.custom_op.general`, and is `qonnx.custom_op.general`; the oldest files name none.
"""

from __future__ import annotations

import numpy as np

from edgebnn.frontend.dialects.quantisers import (
    check_bits,
    clamped,
    float_operand,
    one_number,
    quantised,
    rounded,
    scale_operand,
    shifted,
    whole_numbers,
)
from edgebnn.frontend.onnx.graph import OnnxNode
from edgebnn.frontend.operations import (
    Call,
    Dialect,
    Elementwise,
    Forwarding,
    Operand,
    Operands,
    Operation,
    OperationSequence,
    Recogniser,
    Term,
    WeightedSum,
)
from edgebnn.frontend.problems import Refusal

DOMAINS = frozenset(("onnx.brevitas", "finn", "finn.custom_op.general", "qonnx.custom_op.general", ""))

_ONE, _MINUS_ONE, _TWO, _HALF = (np.array(number, np.float32) for number in (1.0, -1.0, 2.0, 0.5))
_ZERO = np.zeros((), np.float32)
_X = Operand(0)
# Bits of a constant: a bias quantised to the width of an accumulator.
_MAX_CONSTANT_BITS = 32


def _at_least_zero(term: Term) -> Term:
    return Call("GreaterOrEqual", (term, _ZERO))


def _bipolar_quant(node: OnnxNode, operands: Operands) -> Operation:
    """The scale where x >= 0, minus the scale elsewhere (bipolar_quant.py)."""
    scale = scale_operand(operands, 1)
    if operands.optional(0) is None:
        return Elementwise(Call("Where", (_at_least_zero(_X), scale, -scale)))
    return quantised(operands, Call("Where", (_at_least_zero(_X), _ONE, _MINUS_ONE)), scale)


def _quant(node: OnnxNode, operands: Operands) -> Operation:
    """x / scale + zero point, clamped to the bits, rounded, less the zero point, times the scale (intquant.py).

    One signed bit is bipolar: 1 where x / scale + zero point >= 0, and -1 elsewhere.
    """
    scale, zero = scale_operand(operands, 1), whole_numbers(operands, 2, "zero points")
    bits = one_number(operands, 3, "bit widths")
    signed, narrow = _flag(node, "signed"), _flag(node, "narrow")
    check_bits(operands, bits)
    low, high = _range(bits, signed, narrow)
    term = shifted("Add", Call("Div", (_X, scale)), zero)
    if bits == 1 and signed:
        term = Call("Where", (_at_least_zero(term), _ONE, _MINUS_ONE))
    else:
        term = rounded(clamped(term, low, high), node.text("rounding_mode", "ROUND"))
    return quantised(operands, shifted("Sub", term, zero), scale)


def _flag(node: OnnxNode, name: str) -> bool:
    if name not in node.attributes:
        raise Refusal(f"lacks the attribute '{name}'", "export the model again")
    return bool(node.integer(name, 1))


def _range(bits: int, signed: bool, narrow: bool) -> tuple[int, int]:
    """The lowest and the highest integer (min_int and max_int in intquant.py)."""
    if not 1 <= bits <= _MAX_CONSTANT_BITS:
        raise Refusal(f"quantises to {bits} bits", "quantise to 1 to 8 bits")
    if signed:
        return -(2 ** (bits - 1)) + narrow, 2 ** (bits - 1) - 1
    return 0, 2**bits - 1 - narrow


def _trunc(node: OnnxNode, operands: Operands) -> Operation:
    """Low bits cut off: x / scale + zero point, rounded, shifted right, rounded again, and back (trunc.py).

    With five operands (the old form) the shift is the difference of the bit widths and the scale stays; with six it is
    the ratio of the scales, and the result is clamped to the output's bits.
    """
    scale, zero = scale_operand(operands, 1), whole_numbers(operands, 2, "zero points")
    mode = node.text("rounding_mode", "FLOOR")
    whole: Term = Call("Round", (shifted("Add", Call("Div", (_X, scale)), zero),))
    bits = one_number(operands, 3, "bit widths")
    if operands.has(5):
        output_scale, output_bits = scale_operand(operands, 4), one_number(operands, 5, "bit widths")
        if np.any(output_scale / scale <= 0):
            raise Refusal("has scales of different signs", "export the model again")
        shift = np.asarray(2 ** np.round(np.log2(output_scale / scale)), np.float32)
        check_bits(operands, output_bits)
        low, high = _range(output_bits, bool(node.integer("signed", 1)), bool(node.integer("narrow", 0)))
        term = rounded(clamped(Call("Div", (whole, shift)), low, high), mode)
        return quantised(operands, shifted("Sub", term, zero / shift), output_scale)
    output_bits = one_number(operands, 4, "bit widths")
    if not 0 <= bits - output_bits <= _MAX_CONSTANT_BITS:
        raise Refusal(f"makes {output_bits} bits of {bits}", "export the model again")
    check_bits(operands, output_bits)
    shift = np.array(2.0 ** (bits - output_bits), np.float32)
    return quantised(operands, shifted("Sub", rounded(Call("Div", (whole, shift)), mode), zero), scale)


def _xnor_popcount_matmul(node: OnnxNode, operands: Operands) -> Operation:
    """How often the bits (0 and 1) of a row and of a column of weights are equal (xnorpopcount.py)."""
    weights = float_operand(operands, 1, "weights")
    if weights.ndim != 2 or not np.isin(weights, (0, 1)).all():
        raise Refusal("has weights that are no matrix of 0 and 1", "export the model again")
    inputs = np.array(len(weights), np.float32)
    return OperationSequence(
        (
            Elementwise(Call("Sub", (Call("Mul", (_X, _TWO)), _ONE))),
            WeightedSum(np.ascontiguousarray((_TWO * weights - _ONE).T)),
            Elementwise(Call("Mul", (Call("Add", (_X, inputs)), _HALF))),
        )
    )


def _debug_marker(node: OnnxNode, operands: Operands) -> Operation:
    """Its input as it is."""
    return Forwarding()


OPERATORS: dict[str, Recogniser] = {
    "BipolarQuant": _bipolar_quant,
    "DebugMarker": _debug_marker,
    "IntQuant": _quant,
    "Quant": _quant,
    "Trunc": _trunc,
    "XnorPopcountMatMul": _xnor_popcount_matmul,
}


QONNX = Dialect("QONNX", DOMAINS, OPERATORS)
