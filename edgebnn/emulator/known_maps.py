"""Convolutions by what differs from a known run: pixels' sums as neurons of one dense layer on the whole map.

A wrong weight changes the sums of its channel alone, at each pixel by the input that it meets there: it is a wrong
weight of as many neurons as there are pixels. The inputs of a first layer are the same on every chip, and kept as
numbers; those of later ones are bits, of which some change, and change the sums of the windows that see them.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgebnn.emulator.descriptors import (
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

_MOST_ROWS_BYTES = 4 << 20  # of rows for all inputs and pixels
_NOTHING = -1  # where a window meets padding of 0


@dataclass(frozen=True, eq=False)
class MapShape:
    """A layer's pixels as neurons: neuron j of pixel p is neuron `pixel_neurons` * p + j of all.

    inputs: int64 (groups, pixels, fan-in), which column each place of a row meets: an input of the map, the padding
    behind the last of them, or `_NOTHING`. Numbers stand channel first, packed bits as they lie in memory.
    """

    pixels: int
    pixel_neurons: int
    columns: int
    inputs: npt.NDArray[np.int64]

    @classmethod
    def of(cls, stage: LinearStage, packed: bool = False) -> MapShape:
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
        if packed:
            padding = packed_inputs(stage)
            at = (y * source.width + x) * _whole_words(source.channels) + channel
        else:
            padding = source.channels * source.height * source.width
            at = (channel * source.height + y) * source.width + x
        inputs = np.where(inside, at, padding if stage.pad_value else _NOTHING)
        pixels = output.height * output.width
        return cls(
            pixels,
            _whole_words(output.channels),
            padding if packed else padding + 1,
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
    def of(cls, stage: LinearStage, panels: PanelsDescriptor, packed: bool = False) -> KnownMap:
        shape, steps, channels = MapShape.of(stage, packed), panels.layer.steps, stage.output.channels
        thresholds = np.full(
            (shape.pixels, shape.pixel_neurons), np.iinfo(np.int32).max, np.int32
        )  # none of a word's rest
        thresholds[:, :channels] = np.ctypeslib.as_array((ctypes.c_int32 * channels).from_address(steps.thresholds))
        directions = None
        if steps.directions:
            words = (ctypes.c_uint32 * (shape.pixel_neurons // WORD_BITS)).from_address(steps.directions)
            directions = np.tile(np.ctypeslib.as_array(words), shape.pixels)
        bits = FORMATS.index("bits")
        layer = LinearDescriptor(
            input=TensorDescriptor(1, 1, shape.columns, bits, 1),  # of numbers, nothing but their count is read
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

    def rows(self, weights: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
        """Weights (channels, fan-in) as rows of all neurons, int8 (neurons, columns), 0 where a window sees nothing."""
        found = np.zeros((self.shape.pixels, self.shape.pixel_neurons, self.shape.columns), np.int8)
        channels = len(weights) // len(self.shape.inputs)
        for group, inputs in enumerate(self.shape.inputs):
            mine = slice(group * channels, (group + 1) * channels)
            for pixel, met in enumerate(inputs):
                there = met != _NOTHING
                found[pixel, mine, met[there]] = weights[mine, there].T
        return found.reshape(self.shape.neurons, -1)


def is_map(stage: LinearStage) -> bool:
    """Whether a first layer's pixels can be neurons: they make bits by a table of one step."""
    steps = stage.steps
    return stage.output.format == "bits" and steps is not None and steps.thresholds is not None


def is_packed_map(stage: LinearStage) -> bool:
    """Whether a later layer's pixels can be neurons: its rows for all inputs take little, and no padding is a sign."""
    if stage.input.format != "bits" or not is_map(stage) or _neurons(stage) * packed_inputs(stage) > _MOST_ROWS_BYTES:
        return False
    shape = MapShape.of(stage, packed=True)
    return bool(shape.inputs.max() < shape.columns)


def packed_inputs(stage: LinearStage) -> int:
    """Bits of a packed map, those included that fill words."""
    return stage.input.height * stage.input.width * _whole_words(stage.input.channels)


def packed_map_bytes(stage: LinearStage) -> int:
    """What is kept of a later layer for each sample."""
    return 4 * _neurons(stage) + stage.input.bytes


def map_bytes(stage: LinearStage) -> int:
    """What is kept of a first layer for each sample."""
    output, source, neurons = stage.output, stage.input, _neurons(stage)
    return 4 * neurons + 2 * (source.channels * source.height * source.width + 1) + output.bytes


def _neurons(stage: LinearStage) -> int:
    return stage.output.height * stage.output.width * _whole_words(stage.output.channels)


def _whole_words(channels: int) -> int:
    return -(-channels // WORD_BITS) * WORD_BITS


def _axes(stage: LinearStage) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shapes of rows and columns in (groups, output row, output column, kernel row, kernel column, channel)."""
    (height, width), output = stage.window.kernel, stage.output
    return (1, output.height, 1, height, 1, 1), (1, 1, output.width, 1, width, 1)
