"""What onnxruntime computes only nearly: smooth functions and products of two values, and how far off it may be."""

from __future__ import annotations

import numpy as np

from edgebnn.frontend.algebra.expression import Apply, Constant, Expression, parts, rewritten
from edgebnn.frontend.algebra.operators import OPERATORS
from edgebnn.frontend.algebra.smooth_functions import ABSOLUTE, RELATIVE


def is_approximate(expression: Expression) -> bool:
    """Whether the model's float32 values are not known to the bit, even where its sums are."""
    return any(_is_near(part) for part in parts(expression))


def moved(expression: Expression, sign: int) -> Expression:
    """The expression with everything in it that is only nearly known as far up (1) or down (-1) as it may be."""

    def applied(made: Apply) -> Expression:
        return _applied("Add" if sign > 0 else "Sub", made, _margin(made)) if _is_near(made) else made

    return rewritten(expression, of_operator=applied)


def _is_near(part: Expression) -> bool:
    if not isinstance(part, Apply):
        return False
    product = part.operator == "Mul" and not any(isinstance(operand, Constant) for operand in part.operands)
    return product or OPERATORS[part.operator].curve is not None


def _margin(value: Apply) -> Expression:
    """A share of the value, and of its operand: where a function keeps zero, float32 keeps it too."""
    share = _applied("Mul", _applied("Abs", value), _number(RELATIVE))
    curve = OPERATORS[value.operator].curve
    if curve is None:
        return share
    if not curve.through_zero:
        return _applied("Add", share, _number(ABSOLUTE))
    size = _applied("Abs", value.operands[0])
    size = _applied("Sign", size) if curve.reach is None else _applied("Min", size, _number(curve.reach))
    return _applied("Add", share, _applied("Mul", size, _number(ABSOLUTE)))


def _applied(operator: str, *operands: Expression) -> Apply:
    return Apply(operator, operands, "")


def _number(value: float) -> Constant:
    return Constant(np.array([value], np.float32))
