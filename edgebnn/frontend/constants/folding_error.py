"""How far the model's own float32 may lie from a constant that it computes.

A scale such as the mean of latent weights is part of the graph of the model. Whoever adds up in another order rounds
otherwise, so what is folded here is one of the values that float32 may have there, and another one is as good.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.algebra.float32 import UNIT
from edgebnn.frontend.onnx.graph import Array, OnnxNode
from edgebnn.frontend.operations import Quantised

_SUMS = frozenset(("ReduceL1", "ReduceL2", "ReduceMean", "ReduceSum"))
# Libraries approximate these, each in its own way, to a few units in the last place.
_APPROXIMATED = frozenset(("Exp", "Log", "Tanh"))
_FEW_UNITS = 8
_BLOCK = 2**16  # terms that are looked at together
# What these give does not change with the last bits of an operand, but where one lies at a step.
_STEPS = ("Ceil", "Equal", "Floor", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Round", "Sign")
_SETTLED = frozenset((*_STEPS, "And", "Not", "Or", "Shape"))


def doubt_of(
    node: OnnxNode, operands: Sequence[Array | Quantised | None], result: Array | Quantised, doubts: Sequence[float]
) -> float:
    """The share of itself by which a folded constant may differ; `doubts` are those of the operands. 0 of integers."""
    values = result.values if isinstance(result, Quantised) else result
    if node.operator in _SETTLED or values.dtype.kind != "f":
        return 0.0
    own = 0.0
    if node.operator in _SUMS and isinstance(operands[0], np.ndarray) and values.size:
        own = _doubt_of_sums(operands[0].astype(np.float64), node.operator, values)
    elif node.operator in _APPROXIMATED:
        own = _FEW_UNITS * UNIT
    return own + sum(doubts)


def _doubt_of_sums(terms: npt.NDArray[np.float64], operator: str, sums: Array) -> float:
    count = terms.size // sums.size
    if count < 2 or not np.isfinite(terms).all():
        return 0.0
    if operator == "ReduceL2":
        return (count + 3) * UNIT
    added = 0.0 if _adds_exactly(terms, count) else count * UNIT * _cancelled(terms, operator, sums, count)
    divided = 2 * UNIT if operator == "ReduceMean" and count & (count - 1) else 0.0
    return added + divided


def _adds_exactly(terms: npt.NDArray[np.float64], count: int) -> bool:
    """Whether float32 holds every sum of so many of these numbers, in whatever order they are added."""
    largest, grid = 0.0, np.inf
    for begin in range(0, terms.size, _BLOCK):  # of random numbers a few are enough to say no
        block = terms.reshape(-1)[begin : begin + _BLOCK]
        held = block[block != 0]
        if not held.size:
            continue
        mantissa, exponent = np.frexp(held)
        whole = np.rint(np.ldexp(mantissa, 24)).astype(np.int64)
        grid = min(grid, float(np.ldexp((whole & -whole).astype(np.float64), exponent - 24).min()))
        largest = max(largest, float(np.abs(held).max()))
        if count * largest / grid > 2**24:
            return False
    return True


def _cancelled(terms: npt.NDArray[np.float64], operator: str, sums: Array, count: int) -> float:
    """How many times larger than a sum its terms together are at most; their magnitudes all count alike here."""
    if operator == "ReduceL1" or np.all(terms >= 0) or np.all(terms <= 0):
        return 1.0
    smallest = np.abs(sums).min() * (count if operator == "ReduceMean" else 1)
    return float(count * np.abs(terms).max() / smallest) if smallest else float(2**24)
