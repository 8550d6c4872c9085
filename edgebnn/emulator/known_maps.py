"""First convolutions by what differs from a known run: pixels' sums as neurons of one dense layer on the whole map.

The inputs of a first layer are the same on every chip. So a wrong weight changes the sums of its channel alone, at each
pixel by the input that it meets there: it is a wrong weight of as many neurons as there are pixels.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgebnn.emulator.descriptors import (
    DifferenceDescriptor,
    LinearDescriptor,
    PanelsDescriptor,
    StepsDescriptor,
    TensorDescriptor,
    WindowDescriptor,
    address,
)
from edgebnn.mapping.lifting import LiftedLayer
from edgebnn.mapping.plan import FORMATS, LinearStage
from edgebnn.words import WORD_BITS

_NOTHING = -1  # where a window meets padding of 0


@dataclass(frozen=True, eq=False)
class MapShape:
    """A layer's pixels as neurons: neuron j of pixel p is neuron `pixel_neurons` * p + j of all.

    inputs: int64 (groups, pixels, fan-in), which column each place of a row meets: an input of the map, channel first,
    the padding behind the last of them, or `_NOTHING`.
    """

    pixels: int
    pixel_neurons: int
    columns: int
    inputs: npt.NDArray[np.int64]

    @classmethod
    def of(cls, stage: LinearStage) -> MapShape:
        source, output, window = stage.input, stage.output, stage.window
        places = [
            np.arange(outputs)[:, np.newaxis] * stride + np.arange(kernel) * dilation - pad
            for outputs, stride, kernel, dilation, pad in zip(
                (output.height, output.width), window.stride, window.kernel, window.dilation, window.pad, strict=True
            )
        ]
        y, x = (axis.reshape(shape) for axis, shape in zip(places, _axes(stage), strict=True))
        channels = source.channels // stage.groups
        channel = np.arange(source.channels).reshape(stage.groups, 1, 1, 1, 1, channels)
        inside = (y >= 0) & (y < source.height) & (x >= 0) & (x < source.width)
        padding = source.channels * source.height * source.width
        at = (channel * source.height + y) * source.width + x
        inputs = np.where(inside, at, padding if stage.pad_value else _NOTHING)
        pixels = output.height * output.width
        return cls(
            pixels,
            -(-output.channels // WORD_BITS) * WORD_BITS,
            padding + 1,
            np.ascontiguousarray(inputs.reshape(stage.groups, pixels, stage.fan_in)),
        )

    @property
    def neurons(self) -> int:
        """Of all pixels, with those that fill words, of which nothing is ever read."""
        return self.pixels * self.pixel_neurons

    def by_pixel(self, sums: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
        """Sums (B, channels * pixels), channel first, as (B, pixels, channels)."""
        return sums.reshape(len(sums), -1, self.pixels).transpose(0, 2, 1)


@dataclass(frozen=True, eq=False)
class KnownMap:
    """What is known of a layer: its shape, and its steps at all pixels; see `ebnn_difference_layer`."""

    shape: MapShape
    layer: LinearDescriptor
    thresholds: npt.NDArray[np.int32]
    directions: npt.NDArray[np.uint32] | None
    stage: LinearStage

    @classmethod
    def of(cls, stage: LinearStage, panels: PanelsDescriptor) -> KnownMap:
        shape, steps, channels = MapShape.of(stage), panels.layer.steps, stage.output.channels
        thresholds = np.zeros((shape.pixels, shape.pixel_neurons), np.int32)
        thresholds[:, :channels] = np.ctypeslib.as_array((ctypes.c_int32 * channels).from_address(steps.thresholds))
        directions = None
        if steps.directions:
            words = (ctypes.c_uint32 * (shape.pixel_neurons // WORD_BITS)).from_address(steps.directions)
            directions = np.tile(np.ctypeslib.as_array(words), shape.pixels)
        bits = FORMATS.index("bits")
        layer = LinearDescriptor(
            input=TensorDescriptor(1, 1, shape.columns, bits, 1),  # of which nothing but the columns is read
            output=TensorDescriptor(1, 1, shape.neurons, bits, 1),
            window=WindowDescriptor(1, 1, 1, 1, 1, 1, 0, 0),
            groups=1,
            row_words=-(-shape.columns // WORD_BITS),
            steps=StepsDescriptor(
                address(thresholds), None if directions is None else address(directions), 1, steps.low, steps.step
            ),
        )
        return cls(shape, layer, thresholds, directions, stage)

    def wrong(self, lifted: LiftedLayer) -> npt.NDArray[np.void]:
        """A chip's wrong weights at every pixel where they meet an input, an array of `WRONG` by rising neuron."""
        wrong = lifted.wrong
        group = wrong["neuron"] // (self.stage.output.channels // self.stage.groups)
        inputs = self.shape.inputs[group, :, wrong["input"]].T
        found = np.empty(inputs.shape, wrong.dtype)
        found["neuron"] = np.arange(self.shape.pixels)[:, np.newaxis] * self.shape.pixel_neurons + wrong["neuron"]
        found["input"], found["change"] = inputs, wrong["change"]
        met: npt.NDArray[np.void] = found[inputs != _NOTHING]
        return met

    def described(
        self,
        sums: npt.NDArray[np.uint32],
        columns: npt.NDArray[np.int8] | npt.NDArray[np.int16],
        outputs: npt.NDArray[np.uint32] | None,
        wrong: npt.NDArray[np.void] | None,
        samples: int,
    ) -> DifferenceDescriptor:
        """The layer with these wrong weights, or without errors."""
        return DifferenceDescriptor(
            self.layer, address(sums), address(columns), address(outputs), None, None,
            None if wrong is None else wrong.ctypes.data, None, None, 0 if wrong is None else len(wrong), 0, samples,
            columns.itemsize,
        )  # fmt: skip


def is_map(stage: LinearStage) -> bool:
    """Whether a first layer's pixels can be neurons: they make bits by a table of one step."""
    steps = stage.steps
    return stage.output.format == "bits" and steps is not None and steps.thresholds is not None


def map_bytes(stage: LinearStage) -> int:
    """What is kept for each sample."""
    output, source = stage.output, stage.input
    neurons = output.height * output.width * -(-output.channels // WORD_BITS) * WORD_BITS
    return 4 * neurons + 2 * (source.channels * source.height * source.width + 1) + output.bytes


def _axes(stage: LinearStage) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shapes of rows and columns in (groups, output row, output column, kernel row, kernel column, channel)."""
    (height, width), output = stage.window.kernel, stage.output
    return (1, output.height, 1, height, 1, 1), (1, 1, output.width, 1, width, 1)
