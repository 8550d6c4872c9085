"""What float32 does to a model's sums: where it is exact, and how far it can be off."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.algebra.evaluation import evaluate
from edgebnn.frontend.algebra.expression import Apply, Expression, Leaf, parts
from edgebnn.frontend.algebra.float32 import UNIT
from edgebnn.frontend.algebra.integer_sets import IntegerGrid
from edgebnn.frontend.layers.input_scales import of_neurons

Floats = npt.NDArray[np.float64]
Number = TypeVar("Number", float, npt.NDArray[np.float64])

# Products that are sorted at once.
_BLOCK = 1 << 20


def sum_error(terms: int, magnitude: Number, alike: bool = True) -> Number:
    """Bound of the error of a float32 dot product whose terms' magnitudes add up to at most `magnitude`, in its units.

    Whatever the order of the summation: an addition rounds in proportion to its sum, which is that of the terms in it.
    At worst the terms come one after the other, the largest first; where no term is larger than the mean of the bound
    (`alike`), the partial sums grow from one to all of them. Inputs, weights and products are rounded once each.
    """
    partial = (terms + 1) / 2 if alike else terms
    return UNIT * (partial + 3) / (1 - min(terms * UNIT, 0.5)) * magnitude


def weighted(weights: npt.NDArray[np.integer[Any]], values: npt.NDArray[np.float64], groups: int) -> Floats:
    """The sum (O,) of the magnitudes of weights (O, I / groups, *kernel) times a value >= 0 for each input (I,)."""
    if not values.any():
        return np.zeros(len(weights))
    of_input = np.abs(weights, dtype=np.int64).reshape(*weights.shape[:2], -1).sum(axis=2)
    found: Floats = (of_input * of_neurons(values, len(weights), groups)).sum(axis=1)
    return found


def dot_error(weights: npt.NDArray[np.integer[Any]], largest: npt.NDArray[np.float64], groups: int) -> Floats:
    """Bound (O,) of the error of float32 dot products: of weights (O, I / groups, *kernel) with inputs up to `largest`.

    As `sum_error`, for the products of each neuron: at worst they are added one after the other, the largest first.
    `largest` (I,) is the largest magnitude of each input. Adding zeros rounds nothing.
    """
    flat = np.abs(weights.astype(np.int32)).reshape(*weights.shape[:2], -1)
    taps = flat.shape[2]
    found = np.empty(len(flat))
    of_input = of_neurons(largest, len(flat), groups)
    alike = not np.any(largest != largest[0])
    block = max(1, _BLOCK // max(1, flat[0].size))
    for start in range(0, len(flat), block):
        part = slice(start, start + block)
        integers = flat[part].reshape(-1, flat[0].size)
        products: npt.NDArray[Any] = integers
        if not alike:
            products = integers * np.repeat(of_input[part], taps, axis=1)
        ordered = np.sort(products, axis=1)  # the smallest first: the last one is in all partial sums
        terms = np.count_nonzero(ordered, axis=1)
        rank = np.arange(1, ordered.shape[1] + 1) - (ordered.shape[1] - terms)[:, np.newaxis]
        partial = (ordered * np.maximum(rank, 0).astype(np.float64)).sum(axis=1)
        total = ordered.sum(axis=1, dtype=np.float64)
        found[part] = UNIT * (partial + 3 * total) / (1 - np.minimum(terms * UNIT, 0.5))
    return found * largest[0] if alike else found


def straight_through_error(expression: Expression, grid: IntegerGrid) -> float:
    """How far x + (f(x) - x) lies from f(x) in float32 at most, anywhere in the expression; 0 where it is exact."""
    error = 0.0
    for part in parts(expression):
        if isinstance(part, Apply) and part.operator == "StraightThrough" and not _on_a_grid(part, grid):
            every = np.arange(grid.channels)
            ends = [
                np.abs(evaluate(operand, every, numbers, False).astype(np.float64)).max()
                for operand in part.operands
                for numbers in (grid.low, grid.high)
            ]
            error = max(error, 2 * UNIT * float(max(ends)) * 2)
    return error


def _on_a_grid(estimator: Apply, grid: IntegerGrid) -> bool:
    """Whether an estimator goes around whole numbers that float32 adds to a sign without rounding."""
    through = estimator.operands[1]
    if not (
        isinstance(through, Leaf) and through.exact and all(each.denominator == 1 for each in through.scale.tolist())
    ):
        return False
    return float(max(through.scale.tolist())) * int(max(np.abs(grid.low).max(), np.abs(grid.high).max())) < 2**23
