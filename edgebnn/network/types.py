"""What an integer network is made of: tensors, nodes and inputs.

A `Network` (`network.py`) is a graph of tensors in single assignment. Every value in it is an integer; a node names its
source tensors and carries the full type of the one tensor that it makes. Shapes never hold the batch axis and are
channel first, as in ONNX: (C,), (C, L) or (C, H, W).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import prod
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from edgebnn.brief import brief

MAX_TENSOR_ELEMENTS = 1 << 28
MAX_SUM = 2**31 - 1


class Kind(StrEnum):
    """What the integers of a tensor stand for, which decides how they are stored and read."""

    BITS = "bits"  # -1 and +1
    TRITS = "trits"  # -1, 0 and +1
    INTEGERS = "integers"  # any range of up to 16 bits: sensor samples, multi-bit activations
    SUMS = "sums"  # int32 accumulators
    SCORES = "scores"  # int32, the network's answer


class Rounding(StrEnum):
    """What float32 rounds before a step, in the model's own arithmetic, so that the step can fall either way."""

    SCALED_WEIGHTS = "scaled weights"  # of +-1 or 0, times a scale that float32 adds with rounding
    INT8_WEIGHTS = "int8 weights"  # integers times such a scale
    SCALED_INPUT = "scaled input"  # the model's input: integers times such a scale
    SCALED_ACTIVATIONS = "scaled activations"  # of a sign or a quantiser before the layer
    UNEQUAL_SCALES = "unequal scales"  # of the inputs that one neuron adds
    ESTIMATOR = "straight-through estimator"  # written out before the layer: x + (f(x) - x)
    BIAS_FIRST = "bias added first"  # by the kernels of the layer
    LONG_SUMS = "long sums"  # beyond the 24 bits of a float32
    BETWEEN_LAYERS = "two layers in a row"  # lines between them, put on a grid of 16 bits
    JOINT = "joint"  # branches that are added or joined, of scales that have no common unit
    MEAN = "mean"  # a division by a count that is no power of two
    CURVE = "smooth function"  # which float32 approximates


class WeightKind(StrEnum):
    """The alphabet of a layer's weights."""

    BINARY = "binary"
    TERNARY = "ternary"
    INT8 = "int8"


@dataclass(frozen=True)
class Tensor:
    """A tensor's type: its name, kind, shape without the batch axis, and the inclusive range of its integers.

    `scale` is the real value of one unit; it never enters the computation.
    """

    name: str
    kind: Kind
    shape: tuple[int, ...]
    low: int
    high: int
    scale: float = 1.0

    @property
    def channels(self) -> int:
        """Length of the channel axis."""
        return self.shape[0]

    @property
    def spatial(self) -> tuple[int, ...]:
        """Extents behind the channel axis: (), (L,) or (H, W)."""
        return self.shape[1:]

    @property
    def size(self) -> int:
        """Number of integers."""
        return prod(self.shape)

    @property
    def bits(self) -> int:
        """Bits of one integer in two's complement (signed) or plain binary (unsigned)."""
        if self.low < 0:
            return max((-self.low - 1).bit_length(), max(self.high, 0).bit_length()) + 1
        return max(self.high.bit_length(), 1)

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """The smallest NumPy type that holds the range; sums and scores are always int32."""
        if self.kind in (Kind.SUMS, Kind.SCORES):
            return np.dtype(np.int32)
        name = ("int" if self.low < 0 else "uint") + ("8" if self.bits <= 8 else "16")
        return np.dtype(name)


@dataclass(frozen=True)
class Window:
    """A sliding window over the spatial axes, one number per axis; a dense layer has the empty window."""

    kernel: tuple[int, ...] = ()
    stride: tuple[int, ...] = ()
    dilation: tuple[int, ...] = ()
    pad_begin: tuple[int, ...] = ()
    pad_end: tuple[int, ...] = ()

    def extents(self, spatial: tuple[int, ...]) -> tuple[int, ...]:
        """Output extents over an input of extents `spatial` (floor rule of ONNX); may be zero or negative."""
        return tuple(
            (extent + begin + end - dilation * (kernel - 1) - 1) // stride + 1
            for extent, kernel, stride, dilation, begin, end in zip(
                spatial, self.kernel, self.stride, self.dilation, self.pad_begin, self.pad_end, strict=True
            )
        )


@dataclass(frozen=True, eq=False)
class Border:
    """What a layer's sums start from.

    Padding whose worth to the model is that of no integer of the input adds nothing to the sums; in its place, each sum
    starts from what the padded taps are worth. Which taps those are depends on where the window lies: `zones` says for
    each spatial axis in which zone each position of the output is (uint16), and `start`, int32 (*zones of each axis,
    O), what the sums there start from. Sums are in units of 2^-`shift` of a weight times an input. A layer that was
    trimmed for a chip starts from what that chip's wrong weights add too much, or too little.
    """

    zones: tuple[npt.NDArray[np.uint16], ...]
    start: npt.NDArray[np.int32]
    shift: int = 0

    __repr__ = brief

    def starts(self) -> npt.NDArray[np.int32]:
        """(O, *output extents): where each sum starts."""
        return np.moveaxis(self.start[np.ix_(*self.zones)], -1, 0)


@dataclass(frozen=True, eq=False)
class MeanInputs:
    """What a chip trims a layer by, whose sums start from less by what its wrong weights add in the mean.

    `values`, int16 (groups, I / groups, *kernel), are the means of a neuron's inputs, in units of 2^-`fraction`: those
    of a group's neurons over all places of the window, padding included. A sum is shifted by no more than `most`.
    """

    values: npt.NDArray[np.int16]
    fraction: int
    most: int

    __repr__ = brief


@dataclass(frozen=True, eq=False)
class Linear:
    """Integer dot products: dense, conv1d, conv2d or depthwise, by the window's rank and the groups.

    `weights` is int8 of shape (O, I / groups, *kernel). The accumulator of neuron o is the plain integer sum of
    weight times input, which may be the sums of other nodes; padded inputs have the value `pad_value` (0 on bits means
    "no input", exactly 0). With a `border` it is that sum times 2^shift plus what it starts from. Binary and ternary
    weights lie in RRAM where the target has it; int8 weights stay in flash, and the CPU multiplies. With a `trim`,
    which wants a border, each chip finds by itself what the sums start from.
    """

    name: str
    sources: tuple[str, ...]
    output: Tensor
    weights: npt.NDArray[np.int8]
    weight_kind: WeightKind
    window: Window = Window()
    groups: int = 1
    pad_value: int = 0
    border: Border | None = None
    trim: MeanInputs | None = None

    __repr__ = brief

    @property
    def kind(self) -> str:
        """`dense`, `conv1d`, `conv2d`, `depthwise1d` or `depthwise2d`."""
        rank = len(self.window.kernel)
        if rank == 0:
            return "dense"
        return f"depthwise{rank}d" if self.groups > 1 and self.weights.shape[1] == 1 else f"conv{rank}d"

    @property
    def neurons(self) -> int:
        """Number of output channels."""
        return int(self.weights.shape[0])

    @property
    def fan_in(self) -> int:
        """Weights of one neuron."""
        return prod(self.weights.shape[1:])

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return self.fan_in * self.output.size


@dataclass(frozen=True, eq=False)
class Threshold:
    """Step function of an integer, per channel: output = low + step * count.

    `thresholds` is int32 (C, K), each row sorted so that the count changes one step at a time. With direction +1
    the count is the number of k with x >= thresholds[c, k], with direction -1 the number with
    x <= thresholds[c, k]. A threshold outside the reachable range makes a constant.

    `ties` says what the model makes of an exact zero before its sign; `ambiguous` counts the channels whose
    threshold lies within float32's summation error of a reachable accumulator, `tied` those of them where it lies at
    one, so that any rounding decides, or where float32 is known to take one to the other side; `roundings` says what
    is rounded there. `band` bounds how far float32 takes the sums of those channels, in the model's units, and
    `band_share` says about which part of the integers that such a channel can hold lies so near to a step.
    """

    name: str
    sources: tuple[str, ...]
    output: Tensor
    thresholds: npt.NDArray[np.int32]
    direction: npt.NDArray[np.int8]
    low: int = -1
    step: int = 2
    ties: str = ""
    ambiguous: int = 0
    tied: int = 0
    roundings: tuple[Rounding, ...] = ()
    band: float = 0.0
    band_share: float = 0.0
    kind: ClassVar[str] = "threshold"

    __repr__ = brief


@dataclass(frozen=True, eq=False)
class MaxPool:
    """Largest value under the window, per channel (smallest where `direction` is -1); padding never wins."""

    name: str
    sources: tuple[str, ...]
    output: Tensor
    window: Window
    direction: npt.NDArray[np.int8]
    kind: ClassVar[str] = "maxpool"

    __repr__ = brief


@dataclass(frozen=True, eq=False)
class SumPool:
    """Sum of the values under the window, per channel; padding adds nothing. An average, but for its division."""

    name: str
    sources: tuple[str, ...]
    output: Tensor
    window: Window
    kind: ClassVar[str] = "sumpool"


@dataclass(frozen=True, eq=False)
class Add:
    """Sum of two tensors of the same shape, element by element: a residual connection."""

    name: str
    sources: tuple[str, ...]
    output: Tensor
    kind: ClassVar[str] = "add"


@dataclass(frozen=True, eq=False)
class Concat:
    """Tensors of the same kind and map, one behind the other along the channel axis."""

    name: str
    sources: tuple[str, ...]
    output: Tensor
    kind: ClassVar[str] = "concat"


@dataclass(frozen=True, eq=False)
class Reshape:
    """The same integers, in the same channel-first order, under another shape."""

    name: str
    sources: tuple[str, ...]
    output: Tensor
    kind: ClassVar[str] = "reshape"


@dataclass(frozen=True, eq=False)
class Take:
    """The values at given places along each axis: a slice, a gather, or channels in another order.

    `places` is int32: for each channel of the output which channel of the source it is, then the same for each row and
    column, if there are any.
    """

    name: str
    sources: tuple[str, ...]
    output: Tensor
    places: npt.NDArray[np.int32]
    kind: ClassVar[str] = "take"

    __repr__ = brief

    @property
    def along(self) -> tuple[npt.NDArray[np.int32], ...]:
        """The places along each axis, the channels first."""
        return tuple(np.split(self.places, np.cumsum(self.output.shape)[:-1]))


@dataclass(frozen=True, eq=False)
class Affine:
    """A line, or a bent one, per channel, in fixed point: (multiplier[c, s] * x + offset[c, s]) >> shift.

    `multiplier` is int32 (C, S), `offset` int64 (C, S) and `knees` int32 (C, S - 1), ascending: a value takes the
    segment s that is the number of knees <= x. The shift rounds down (the offset holds the half that makes it round to
    nearest); the front end has shown that products fit int64 and results the output's range. The output is sums,
    scores, or integers that a layer can read.
    """

    name: str
    sources: tuple[str, ...]
    output: Tensor
    multiplier: npt.NDArray[np.int32]
    offset: npt.NDArray[np.int64]
    knees: npt.NDArray[np.int32]
    shift: int = 0
    kind: ClassVar[str] = "affine"

    __repr__ = brief


Node = Linear | Threshold | MaxPool | SumPool | Add | Concat | Reshape | Take | Affine


@dataclass(frozen=True, eq=False)
class Quantizer:
    """The model's own steps from real numbers to the integers of its input: low + step * count, per channel.

    `thresholds` is float32 (C, K); the count is that of `Threshold`, on float32 values as the model compares them.
    """

    thresholds: npt.NDArray[np.float32]
    direction: npt.NDArray[np.int8]
    low: int
    step: int

    __repr__ = brief


@dataclass(frozen=True, eq=False)
class Encoding:
    """How samples as users hand them over become the integers of an input's tensor.

    `dtype` is the element type of the model's own input. `axes` says which of the model's axes (batch not counted)
    come first, second, ... in the input tensor, where that is not channel first by itself. With a `quantizer` any real
    numbers are taken, and stepped as the model does; without, real numbers that are integers times the tensor's scale
    plus `offset`.
    """

    dtype: str
    axes: tuple[int, ...] = ()
    quantizer: Quantizer | None = None
    offset: float = 0.0

    __repr__ = brief


@dataclass(frozen=True, eq=False)
class Input:
    """One of a network's inputs: its tensor, and how what users hand over becomes the integers of that."""

    tensor: Tensor
    encoding: Encoding

    __repr__ = brief

    @property
    def name(self) -> str:
        """The model's own name of it, printable."""
        return self.tensor.name

    @property
    def model_shape(self) -> tuple[int, ...]:
        """The shape of one sample as the model itself takes it."""
        axes = self.encoding.axes
        return tuple(self.tensor.shape[axes.index(axis)] for axis in range(len(axes))) if axes else self.tensor.shape
