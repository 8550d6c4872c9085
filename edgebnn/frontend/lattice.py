"""Which integers a tensor can hold, channel by channel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgebnn.network.types import Kind, Linear, Tensor

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Lattice:
    """Per channel (C,) the integers start, start + stride, ... (`count` of them), on which a step function is found.

    They cover what the tensor holds under any weights, so that thresholds keep their meaning when weights go wrong;
    only those from `low` to `high` can be reached with the weights as they are.
    """

    start: Integers
    stride: Integers
    count: Integers
    low: Integers
    high: Integers

    @property
    def channels(self) -> int:
        """Number of channels."""
        return len(self.start)

    @property
    def ends(self) -> tuple[int, int]:
        """The lowest and the highest integer of any channel."""
        return int(self.start.min()), int((self.start + self.stride * (self.count - 1)).max())

    def of_channels(self, channels: Integers) -> Lattice:
        """The lattice of a tensor whose channels are these of its own tensor, some perhaps more than once."""
        return Lattice(*(part[channels] for part in vars(self).values()))


def lattice_of_range(tensor: Tensor) -> Lattice:
    """Every value of a tensor's range; -1 and +1 alone for bits."""
    stride = 2 if tensor.kind is Kind.BITS else 1
    count = (tensor.high - tensor.low) // stride + 1
    return Lattice(
        *(np.full(tensor.channels, v, np.int64) for v in (tensor.low, stride, count, tensor.low, tensor.high))
    )


def lattice_of_sums(layer: Linear, source: Tensor, integers: npt.NDArray[np.int16], sums: Tensor) -> Lattice:
    """What the sums of a layer with the weights `integers`, of which `layer` has all or a part, can be.

    A dot product of m signs has the parity of m: with +-1 inputs the values lie 2 apart, unless zero padding leaves
    out some inputs at the edges.
    """
    weights = integers.reshape(layer.neurons, -1).astype(np.int64)
    positive = np.maximum(weights, 0).sum(axis=1)
    negative = -np.minimum(weights, 0).sum(axis=1)
    padded = any(layer.window.pad_begin + layer.window.pad_end)
    least = min(source.low, layer.pad_value) if padded else source.low
    most = max(source.high, layer.pad_value) if padded else source.high
    even_steps = source.kind is Kind.BITS and not (padded and layer.pad_value == 0)
    stride = np.full(layer.neurons, 2 if even_steps else 1, np.int64)
    # From the tensor's lowest value on; for steps of two, the first one with the parity of the neuron's weights.
    start = np.full(layer.neurons, sums.low, np.int64)
    if even_steps:
        start += (start + positive + negative) % 2
    return Lattice(
        start=start,
        stride=stride,
        count=(sums.high - start) // stride + 1,
        low=positive * least - negative * most,
        high=positive * most - negative * least,
    )
