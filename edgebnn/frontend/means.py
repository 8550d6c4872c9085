"""Means whose windows count differently many values at the border of a map, brought on one divisor."""

from __future__ import annotations

import math
from functools import reduce

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.emission import Emitter
from edgebnn.frontend.problems import Refusal
from edgebnn.frontend.signals import check_size
from edgebnn.network.types import MAX_SUM, Affine, Node, Reshape, SumPool, Tensor


def on_one_divisor(
    emitter: Emitter, pool: SumPool, divisors: tuple[tuple[int, ...], ...], value: str
) -> tuple[tuple[Node, ...], int]:
    """Nodes that end in the pool's sums, each times a whole number, and what all of them are divided by then.

    The sum at a place that counts fewer values is multiplied, so that it stays an exact integer: as a vector, in which
    every place has a factor of its own.
    """
    counts = reduce(np.multiply.outer, (np.array(axis, np.int64) for axis in divisors)).reshape(-1)
    common = math.lcm(*set(counts.tolist()))
    factors: npt.NDArray[np.int64] = common // counts
    if np.all(factors == 1):
        return (pool,), common
    sums, largest = pool.output, int(factors.max())
    if largest * max(-sums.low, sums.high) > MAX_SUM - 1:
        raise Refusal(
            f"divides by {len(set(counts.tolist()))} different numbers, which int32 does not bring on one divisor",
            "use a smaller window, or count_include_pad=True",
        )
    check_size((sums.size,))
    name = emitter.tensor_name(f"{value}.places")
    flat = Tensor(name, sums.kind, (sums.size,), sums.low, sums.high)
    low, high = largest * sums.low, largest * sums.high
    scaled = Tensor(emitter.tensor_name(f"{value}.divided"), sums.kind, flat.shape, low, high)
    multiplier = np.tile(factors, sums.channels).astype(np.int32)[:, np.newaxis]
    none = np.zeros(multiplier.shape, np.int64)
    back = Tensor(emitter.tensor_name(f"{value}.means"), sums.kind, sums.shape, low, high)
    nodes = (
        pool,
        Reshape(emitter.name(flat.name), (sums.name,), flat),
        Affine(emitter.name(scaled.name), (name,), scaled, multiplier, none, np.empty((len(multiplier), 0), np.int32)),
        Reshape(emitter.name(back.name), (scaled.name,), back),
    )
    return nodes, common
