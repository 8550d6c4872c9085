"""Whether two executors gave the same answers, counted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgebnn.network.types import Tensor

# onnxruntime evaluates the last affine in float32: a product, a sum and the rounding of both constants, each within
# half a unit in the last place of the largest magnitude; 2^-24 is that half unit relative to it.
_FLOAT32_ROUNDINGS = 4
_HALF_UNIT = 2.0**-24


@dataclass(frozen=True)
class Agreement:
    """Of `compared` samples, how many have `equal` scores."""

    compared: int
    equal: int

    @property
    def whole(self) -> bool:
        """Every sample agrees."""
        return self.compared == self.equal


def same_integers(one: npt.NDArray[np.int32], other: npt.NDArray[np.int32]) -> Agreement:
    """Agreement to the bit; both (samples, *scores)."""
    equal = (one == other).reshape(len(one), -1).all(axis=1)
    return Agreement(len(one), int(equal.sum()))


def same_as_floats(scores: npt.NDArray[np.int32], floats: npt.NDArray[np.float32], output: Tensor) -> Agreement:
    """Agreement with onnxruntime's scores: same arg max, and equal up to the float32 rounding of the last affine.

    Where onnxruntime's two best scores lie within that rounding of each other, either may be the arg max.
    """
    real = scores.reshape(len(scores), -1) * output.scale
    given = floats.reshape(len(floats), -1).astype(np.float64)
    largest = max(abs(output.low), abs(output.high)) * output.scale
    tolerance = _FLOAT32_ROUNDINGS * _HALF_UNIT * largest
    close = (np.abs(real - given) <= tolerance).all(axis=1)
    best = np.take_along_axis(given, real.argmax(axis=1)[:, np.newaxis], axis=1)[:, 0]
    return Agreement(len(scores), int((close & (best >= given.max(axis=1) - 2 * tolerance)).sum()))
