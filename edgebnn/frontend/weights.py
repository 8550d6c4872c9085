"""Binary and ternary weights behind the floats of a model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.expressions import Fractions, fractions_of
from edgebnn.frontend.graph import Array
from edgebnn.frontend.problems import Refusal
from edgebnn.network.types import WeightKind


@dataclass(frozen=True, eq=False)
class SignWeights:
    """Weights as signs: weight = scale[o] * signs[o, ...], exactly; signs int8 (O, I / groups, *kernel), scale > 0."""

    signs: npt.NDArray[np.int8]
    scale: Fractions
    kind: WeightKind


def sign_weights(weights: Array) -> SignWeights:
    """The signs and scales of float32 weights whose non-zero magnitudes are one per output channel.

    No tolerance: magnitudes that differ in the last bit are different weights. Raises Refusal for any others.
    """
    if weights.dtype != np.float32:
        raise Refusal(f"has weights of type {weights.dtype}", "export the model in float32")
    if weights.ndim < 2 or weights.size == 0:
        raise Refusal(f"has weights of shape {list(weights.shape)}", "export the model again")
    if not np.isfinite(weights).all():
        raise Refusal("has weights that are NaN or infinite", "train the model again")
    rows = np.abs(weights.reshape(len(weights), -1))
    largest = rows.max(axis=1)
    odd = np.flatnonzero(((rows != 0) & (rows != largest[:, np.newaxis])).any(axis=1))
    if odd.size:
        channel = int(odd[0])
        different = len(np.unique(rows[channel][rows[channel] != 0]))
        raise Refusal(
            f"has weights that are neither binary nor ternary: {different} different magnitudes in output channel "
            f"{channel}",
            "binarize the weights (their sign times one scale per output channel) in the model before the export",
        )
    kind = WeightKind.BINARY if rows.all() else WeightKind.TERNARY
    # A channel of zeros has no scale of its own; any will do.
    scale = np.where(largest > 0, largest, np.float32(1))
    return SignWeights(np.sign(weights).astype(np.int8), fractions_of(scale), kind)
