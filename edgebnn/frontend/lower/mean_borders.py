"""Means whose windows count differently many values at the border of a map, brought on one divisor."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt

from edgebnn.frontend.activations.activation import check_size
from edgebnn.frontend.layers.network_nodes import NetworkNodes
from edgebnn.frontend.problems import Refusal
from edgebnn.network.types import MAX_SUM, Affine, Node, Reshape, SumPool, Tensor

_LARGEST_DIVISOR = 2**24  # up to here float32 has every whole number


@dataclass(frozen=True, eq=False)
class Divided:
    """What sums are multiplied with, place by place (P,), and divided by then; None where all are divided alike."""

    factors: npt.NDArray[np.int64] | None
    common: int

    @property
    def largest(self) -> int:
        """The largest factor."""
        return 1 if self.factors is None else int(self.factors.max())


def divided(divisors: tuple[tuple[int, ...], ...] | None, taps: int) -> Divided:
    """The one divisor of means that are divided by a product of one number for each axis, or all by `taps`."""
    if divisors is None:
        return Divided(None, taps)
    counts = reduce(np.multiply.outer, (np.array(axis, np.int64) for axis in divisors)).reshape(-1)
    different = set(counts.tolist())
    common = math.lcm(*different)
    if common > _LARGEST_DIVISOR:
        raise _no_divisor(len(different))
    factors: npt.NDArray[np.int64] = common // counts
    return Divided(None if np.all(factors == 1) else factors, common)


def _no_divisor(different: int) -> Refusal:
    return Refusal(
        f"divides by {different} different numbers, which int32 does not bring on one divisor",
        "use a smaller window, or count_include_pad=True",
    )


def on_one_divisor(network: NetworkNodes, pool: SumPool, counts: Divided, value: str) -> tuple[Node, ...]:
    """Nodes that end in the pool's sums, each times its factor.

    The sum at a place that counts fewer values is multiplied, so that it stays an exact integer: as a vector, in which
    every place has a factor of its own.
    """
    sums, factors, largest = pool.output, counts.factors, counts.largest
    if factors is None:
        return (pool,)
    if largest * max(-sums.low, sums.high) > MAX_SUM - 1:
        raise _no_divisor(len({*factors.tolist()}))
    check_size((sums.size,))
    name = network.tensor_name(f"{value}.places")
    flat = Tensor(name, sums.kind, (sums.size,), sums.low, sums.high)
    low, high = largest * sums.low, largest * sums.high
    scaled = Tensor(network.tensor_name(f"{value}.divided"), sums.kind, flat.shape, low, high)
    multiplier = np.tile(factors, sums.channels).astype(np.int32)[:, np.newaxis]
    none = np.zeros(multiplier.shape, np.int64)
    back = Tensor(network.tensor_name(f"{value}.means"), sums.kind, sums.shape, low, high)
    return (
        pool,
        Reshape(network.name(flat.name), (sums.name,), flat),
        Affine(network.name(scaled.name), (name,), scaled, multiplier, none, np.empty((len(multiplier), 0), np.int32)),
        Reshape(network.name(back.name), (scaled.name,), back),
    )
