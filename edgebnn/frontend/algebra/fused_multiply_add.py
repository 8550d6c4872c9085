"""Sums that float32 rounds once: of two numbers, and of a product that is not rounded before (fused multiply-add)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


# Of a float64, the bits that float32 has no room for, where they are half of its last unit; below that size float32 has
# fewer bits.
_BEHIND, _HALF, _FEWER_BITS = np.int64(2**29 - 1), np.int64(2**28), 2.0**-125


def rounded_sum(x: Floats, y: Floats) -> Floats:
    """x + y rounded to float32 once, whatever float64 makes of the sum."""
    total = np.asarray(x + y)
    # Float64 rounds to the far side of no number that it holds: only what it puts in the middle can be rounded wrong.
    middle = ((total.view(np.int64) & _BEHIND) == _HALF) | (np.abs(total) < _FEWER_BITS)
    with np.errstate(over="ignore"):
        rounded: Floats = total.astype(np.float32).astype(np.float64)
    if middle.any():
        x, y = (np.broadcast_to(part, total.shape)[middle] for part in (x, y))
        rounded[middle] = _rounded_once(x, y)
    return rounded


def _rounded_once(x: Floats, y: Floats) -> Floats:
    total = x + y
    part = total - x
    lost = (x - (total - part)) + (y - part)  # what float64 rounded away, exactly (Knuth's two-sum)
    even = (total.view(np.int64) & 1) == 0
    toward = np.where(lost > 0, np.inf, -np.inf)
    odd = np.where((lost != 0) & even, np.nextafter(total, toward), total)  # rounded to odd it can be rounded again
    rounded: Floats = odd.astype(np.float32).astype(np.float64)
    return rounded


def multiply_add(x: npt.NDArray[Any], y: npt.NDArray[Any], z: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """x * y + z of float32 numbers, rounded once; of any others as they add up."""
    if x.dtype != np.float32:
        return np.asarray(x * y + z)
    product = np.asarray(x.astype(np.float64) * y)  # float64 holds it
    return rounded_sum(product, np.asarray(z, np.float64)).astype(np.float32)
