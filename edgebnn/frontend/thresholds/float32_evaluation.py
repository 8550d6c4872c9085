"""What the model's float32 makes of single integers: its own operators, each rounding once.

Product and sum of one node may be rounded together, where its kernel multiplies and adds at once (fused multiply-add):
both count.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.algebra.evaluation import evaluate
from edgebnn.frontend.algebra.expression import Apply, Expression, Leaf, parts
from edgebnn.frontend.algebra.fused_multiply_add import Floats, rounded_sum
from edgebnn.frontend.onnx.graph import Array
from edgebnn.frontend.thresholds.value_combinations import Integers, Values

Float32 = npt.NDArray[np.float32]


def float32_bounds(
    expression: Expression, leaf: Leaf, channel: int | Integers, values: Values, rounds: bool = True
) -> tuple[Floats, Floats]:
    """Between which numbers, both (P,), float32 has an expression that rises or falls with its leaf.

    The values are of one channel, or of a channel (P,) each.
    The leaf has the model's own numbers of the values, where these are not known what its error allows. Without
    `rounds` the expression is a product that is not rounded.
    """
    channels = np.broadcast_to(channel, values.integers.shape)
    ends = values.model or _of_leaf(leaf, channels, values.integers)
    found = []
    for end in ends if np.any(ends[0] != ends[1]) else ends[:1]:
        known: dict[Expression, Array] = {leaf: end.astype(np.float32)}
        with np.errstate(all="ignore"):
            if not rounds:
                found.append(_unrounded(expression, channels, values.integers, known))
                continue
            plain = evaluate(expression, channels, values.integers, False, known)
            found.append(plain.astype(np.float64))
            if any(_multiplied(part) for part in parts(expression)):
                found.append(_fused(expression, channels, values.integers, known).astype(np.float64))
    return np.min(found, axis=0), np.max(found, axis=0)


def _of_leaf(leaf: Leaf, channels: Integers, numbers: Integers) -> tuple[Floats, Floats]:
    """The float32 numbers next to the exact ones, and beyond what the error allows where there is one."""
    scale, offset = (part[channels] for part in leaf.rounded)
    exact, error = scale * numbers + offset, 0.0 * scale if leaf.nearest else leaf.error[channels]
    ends = []
    for sign in (-1, 1):
        end = (exact + sign * error).astype(np.float32)
        ends.append(np.where(error > 0, np.nextafter(end, np.float32(sign * np.inf)), end).astype(np.float64))
    return ends[0], ends[1]


def _multiplied(part: Expression) -> Apply | None:
    """The product in a sum of the same node."""
    if not isinstance(part, Apply) or part.operator not in ("Add", "Sub"):
        return None
    for operand in part.operands:
        if isinstance(operand, Apply) and operand.operator == "Mul" and operand.node == part.node:
            return operand
    return None


def _fused(expression: Expression, channels: Integers, numbers: Integers, known: Mapping[Expression, Array]) -> Array:
    """The expression, products in sums of the same node not rounded by themselves."""
    values = dict(known)
    for part in parts(expression):
        if part in values:
            continue
        product = _multiplied(part)
        if product is None or not isinstance(part, Apply):
            values[part] = evaluate(part, channels, numbers, False, values)
            continue
        terms = [
            _product(product, channels, numbers, values)
            if operand is product
            else evaluate(operand, channels, numbers, False, values).astype(np.float64)
            for operand in part.operands
        ]
        sign = -1.0 if part.operator == "Sub" else 1.0
        values[part] = rounded_sum(terms[0], sign * terms[1]).astype(np.float32)
    return values[expression]


def _unrounded(
    expression: Expression, channels: Integers, numbers: Integers, known: Mapping[Expression, Array]
) -> Floats:
    if isinstance(expression, Leaf):  # it is the product
        scale, offset = expression.rounded
        exact: Floats = scale[channels] * numbers + offset[channels]
        return exact
    assert isinstance(expression, Apply) and expression.operator == "Mul", "only products are not rounded"
    return _product(expression, channels, numbers, known)


def _product(part: Apply, channels: Integers, numbers: Integers, known: Mapping[Expression, Array]) -> Floats:
    """A product of two float32 numbers, which float64 holds."""
    one, other = (evaluate(operand, channels, numbers, False, known).astype(np.float64) for operand in part.operands)
    product: Floats = one * other
    return product
