"""A quantiser, whichever dialect writes it: steps of an activation, or constants whose integers are then known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgebnn.frontend.algebra.operators import OPERATORS
from edgebnn.frontend.onnx.graph import Array
from edgebnn.frontend.operations import (
    Call,
    Elementwise,
    Knowing,
    Operand,
    Operands,
    Operation,
    Quantised,
    Term,
)
from edgebnn.frontend.problems import Refusal

# Levels of an activation that are kept apart: those of 8 bits.
MAX_QUANTISED_BITS = 8

_ZERO = np.zeros((), np.float32)
_HALF = np.full((), 0.5, np.float32)


def _away(up: Term, down: Term) -> Term:
    """`up` above zero and `down` below, where each is zero on the other's side."""
    return Call("Add", (Call("Max", (up, _ZERO)), Call("Min", (down, _ZERO))))


def _half_up(term: Term) -> Term:
    above, below = Call("Add", (term, _HALF)), Call("Sub", (term, _HALF))
    return _away(Call("Floor", (above,)), Call("Ceil", (below,)))


def _half_down(term: Term) -> Term:
    above, below = Call("Add", (term, _HALF)), Call("Sub", (term, _HALF))
    return _away(Call("Ceil", (below,)), Call("Floor", (above,)))


# QONNX's rounding modes (resolve_rounding_mode in qonnx/custom_op/general/intquant.py). It writes those that mirror at
# zero as sign(x) * f(|x|); here they are sums of two monotone halves, equal to the bit and seen to be monotone.
# Brevitas calls DOWN ROUND_TO_ZERO.
ROUNDING: dict[str, Callable[[Term], Term]] = {
    "ROUND": lambda term: Call("Round", (term,)),
    "HALF_EVEN": lambda term: Call("Round", (term,)),
    "CEIL": lambda term: Call("Ceil", (term,)),
    "FLOOR": lambda term: Call("Floor", (term,)),
    "UP": lambda term: _away(Call("Ceil", (term,)), Call("Floor", (term,))),
    "DOWN": lambda term: Call("Truncate", (term,)),
    "ROUND_TO_ZERO": lambda term: Call("Truncate", (term,)),
    "HALF_UP": _half_up,
    "HALF_DOWN": _half_down,
}


def rounded(term: Term, mode: str) -> Term:
    """The term rounded to whole numbers in one of QONNX's modes."""
    if mode.upper() not in ROUNDING:
        raise Refusal(f"rounds by the rule '{mode[:20]}'", f"use one of {', '.join(ROUNDING)}")
    return ROUNDING[mode.upper()](term)


def clamped(term: Term, low: int, high: int) -> Term:
    """The term held between two integers."""
    return Call("Max", (Call("Min", (term, np.array(high, np.float32))), np.array(low, np.float32)))


def shifted(operator: str, term: Term, by: Array) -> Term:
    """The term with a zero point added (`Add`) or taken away (`Sub`); nothing where it is zero."""
    return Call(operator, (term, by)) if np.any(by != 0) else term


def times(term: Term, scale: Array) -> Call:
    """The term times a scale."""
    return Call("Mul", (term, scale))


def check_bits(operands: Operands, bits: int) -> None:
    """Refusal where an activation is stepped into more levels than 8 bits have; constants may have more."""
    if operands.optional(0) is None and bits > MAX_QUANTISED_BITS:
        raise TooManyBits(f"gives values of {bits} bits", f"quantise activations to at most {MAX_QUANTISED_BITS} bits")


class TooManyBits(Refusal):
    """A quantiser of more bits than activations have."""


def quantised(operands: Operands, integers: Term, scale: Array) -> Operation:
    """What scales `integers`, a function of operand 0 that gives whole numbers: steps, or `Quantised` constants."""
    value = operands.optional(0)
    if value is None:
        return Elementwise(times(integers, scale))
    if value.dtype != np.float32:
        raise Refusal(f"quantises constants of type {value.dtype}", "export the model in float32")
    return known(np.asarray(evaluated(integers, value)), scale)


def known(integers: Array, scale: Array) -> Knowing:
    """Whole numbers, times a scale that broadcasts to them, as quantised constants."""
    padded = scale.reshape((1,) * (integers.ndim - scale.ndim) + scale.shape)
    if padded.ndim != integers.ndim or not all(
        given in (1, extent) for given, extent in zip(padded.shape, integers.shape, strict=True)
    ):
        raise Refusal(
            f"has a scale of shape {list(scale.shape)} for constants of shape {list(integers.shape)}",
            "use one scale, or one for each output channel",
        )
    whole = integers.astype(np.int64)
    if not np.array_equal(whole, integers):
        raise Refusal("gives constants that are no whole numbers of its scale", "use a whole zero point")
    with np.errstate(over="ignore"):
        values = integers.astype(np.float32) * padded
    return Knowing(Quantised(values, whole, padded))


def evaluated(term: Term, value: Array) -> Array:
    """The term in float32 where operand 0 is a constant; what is broadcast must not make it larger."""
    match term:
        case Operand():
            return value
        case Call():
            operands = [evaluated(operand, value) for operand in term.terms]
            try:
                if np.broadcast_shapes(*(operand.shape for operand in operands), value.shape) != value.shape:
                    raise ValueError
            except ValueError as error:
                raise Refusal(
                    "has operands of shapes that do not suit its constants", "use one scale, or one for each channel"
                ) from error
            with np.errstate(all="ignore"):
                result: Array = np.asarray(OPERATORS[term.operator].value(*operands))
            return result
        case _:
            return term


def float_operand(operands: Operands, index: int, what: str) -> Array:
    """A constant operand in float32: a scale, a zero point or a bit width, which some exporters write as integers."""
    value = operands.constant(index, what)
    if value.dtype.kind in "iu" and np.all(np.abs(value.astype(np.float64)) <= 2**24):
        return value.astype(np.float32)
    if value.dtype != np.float32:
        raise Refusal(f"has {what} of type {value.dtype}", "export the model in float32")
    return value


def _parameter(operands: Operands, index: int, what: str) -> Array:
    """`float_operand`, of which one number loses its axes, since they say nothing about it."""
    value = float_operand(operands, index, what)
    return value.reshape(()) if value.size == 1 else value


def scale_operand(operands: Operands, index: int) -> Array:
    """A constant scale, not zero."""
    scale = _parameter(operands, index, "scales")
    if np.any(scale == 0) or not np.isfinite(scale).all():
        raise Refusal("has a scale that is zero or not finite", "train or export the model again")
    return scale


def one_number(operands: Operands, index: int, what: str) -> int:
    """A constant operand that is one whole number."""
    value = _parameter(operands, index, what)
    if value.size != 1 or not float(value).is_integer():
        raise Refusal(f"has {what} that are not one whole number", "export the model again")
    return int(value)


def whole_numbers(operands: Operands, index: int, what: str) -> Array:
    """A constant operand that has to be whole numbers in float32."""
    value = _parameter(operands, index, what)
    if not np.array_equal(np.rint(value), value):
        raise Refusal(f"has {what} that are not whole numbers", "quantise with a whole zero point")
    return value
