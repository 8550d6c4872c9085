"""Which integers a tensor can hold, channel by channel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgebnn.network.types import Border, Kind, Linear, Tensor

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class IntegerGrid:
    """Per channel (C,) the integers start, start + stride, ... (`count` of them), on which a step function is found.

    They cover what the tensor holds under any weights, so that thresholds keep their meaning when weights go wrong;
    only those from `low` to `high` can be reached with the weights as they are, and of these only those that are one of
    the `residues` (C, R) modulo `period`.
    """

    start: Integers
    stride: Integers
    count: Integers
    low: Integers
    high: Integers
    period: Integers
    residues: Integers

    @property
    def channels(self) -> int:
        """Number of channels."""
        return len(self.start)

    @property
    def ends(self) -> tuple[int, int]:
        """The lowest and the highest integer of any channel."""
        return int(self.start.min()), int((self.start + self.stride * (self.count - 1)).max())

    def of_channels(self, channels: Integers) -> IntegerGrid:
        """The grid of a tensor whose channels are these of its own tensor, some perhaps more than once."""
        return IntegerGrid(*(part[channels] for part in vars(self).values()))

    @property
    def alike(self) -> bool:
        """Whether all channels hold the same integers."""
        return all(bool(np.all(part == part[:1])) for part in vars(self).values())

    def reached(self, channels: npt.NDArray[np.int64], first: Integers) -> Integers:
        """(P, R): the next integers from `first` (P,) on, one of each residue, that channels (P,) can reach."""
        above = first[:, np.newaxis]
        next_one: Integers = above + (self.residues[channels] - above) % self.period[channels, np.newaxis]
        return next_one


def plain_grid(start: Integers, stride: Integers, count: Integers, low: Integers, high: Integers) -> IntegerGrid:
    """A grid of which every integer from low to high is reached."""
    return IntegerGrid(start, stride, count, low, high, stride, (start % stride)[:, np.newaxis])


def grid_of_range(tensor: Tensor) -> IntegerGrid:
    """Every value of a tensor's range; -1 and +1 alone for bits."""
    stride = 2 if tensor.kind is Kind.BITS else 1
    count = (tensor.high - tensor.low) // stride + 1
    return plain_grid(
        *(np.full(tensor.channels, v, np.int64) for v in (tensor.low, stride, count, tensor.low, tensor.high))
    )


def grid_of_sums(layer: Linear, source: Tensor, integers: npt.NDArray[np.int16], sums: Tensor) -> IntegerGrid:
    """What the sums of a layer with the weights `integers`, of which `layer` has all or a part, can be.

    A dot product of m signs has the parity of m: with +-1 inputs the values lie 2 apart, unless zero padding leaves
    out some inputs at the edges.
    """
    weights = integers.reshape(layer.neurons, -1)
    positive = np.maximum(weights, 0).sum(axis=1, dtype=np.int64)
    negative = -np.minimum(weights, 0).sum(axis=1, dtype=np.int64)
    padded = any(layer.window.pad_begin + layer.window.pad_end)
    least = min(source.low, layer.pad_value) if padded else source.low
    most = max(source.high, layer.pad_value) if padded else source.high
    low, high = positive * least - negative * most, positive * most - negative * least
    if layer.border is not None:
        return _bordered_grid(layer.border, sums, low, high)
    even_steps = source.kind is Kind.BITS and not (padded and layer.pad_value == 0)
    stride = np.full(layer.neurons, 2 if even_steps else 1, np.int64)
    # From the tensor's lowest value on; for steps of two, the first one with the parity of the neuron's weights.
    start = np.full(layer.neurons, sums.low, np.int64)
    if even_steps:
        start += (start + positive + negative) % 2
    return plain_grid(start, stride, (sums.high - start) // stride + 1, low, high)


def _bordered_grid(border: Border, sums: Tensor, low: Integers, high: Integers) -> IntegerGrid:
    """Sums that start somewhere and go on in steps of 2^shift, from the lowest and highest dot products (C,)."""
    starts = border.start.reshape(-1, sums.channels).T.astype(np.int64)
    every = np.ones(sums.channels, np.int64)
    period = every << border.shift
    residues = np.unique(starts % period[:1], axis=1)
    return IntegerGrid(
        start=every * sums.low,
        stride=every,
        count=every * (sums.high - sums.low + 1),
        low=(low << border.shift) + starts.min(axis=1),
        high=(high << border.shift) + starts.max(axis=1),
        period=period,
        residues=residues,
    )
