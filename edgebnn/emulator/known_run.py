"""A run without errors that is kept, so that a chip's run has to find out only what differs from it.

A chip differs from the network in few weights. The sums of a dense layer are those of the known run, plus the weights
that changed times the inputs of now, plus the inputs that changed times the weights of then: exact, and cheaper than
all products as long as little differs. A convolution has such sums at every pixel.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from math import acos, pi
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.c_structs import SensedBanks
from edgebnn.emulator.chip_program import ChipWeights, Difference, program_on_chip
from edgebnn.emulator.descriptors import (
    DifferenceDescriptor,
    HostStep,
    LinearDescriptor,
    PanelsDescriptor,
    address,
    describe_tensor,
)
from edgebnn.emulator.fast import FastPath
from edgebnn.emulator.known_maps import KnownMap, MapShape, is_map, is_packed_map, map_bytes, packed_map_bytes
from edgebnn.emulator.program import Program, assemble
from edgebnn.emulator.sliced_layers import BLOCK_SAMPLES, GAP, SlicedLayer, can_slice, sample_bytes, spaced
from edgebnn.mapping.lifting import LiftedLayer
from edgebnn.mapping.plan import AddStage, CopyStage, Layout, LinearStage
from edgebnn.mapping.weight_words import fan_in_order, input_order
from edgebnn.processors import on_all_processors

Octets = npt.NDArray[np.uint8]
Number = TypeVar("Number", np.int8, np.int16, np.uint32)

_MOST_BYTES = 256 << 20  # samples beyond are run afresh
_INPUT, _SCORES = 0, 1  # EBNN_HOST_INPUT, EBNN_HOST_SCORES
_BEHIND = 16  # EBNN_WEIGHTS_BEHIND
_PART_SAMPLES = 256  # that a thread runs at a time
_SUMS = Layout(1, 1, 1, "int32", 32)
# A changed weight costs a sample as much as so many words of a fresh run, where its inputs are packed.
_WORDS_A_CHANGE = 16
# The same at each pixel of a map, where inputs that change cost besides: each changes sums of all pixels.
_WORDS_A_MAP_CHANGE = 20
# The share of a layer's inputs that change, beyond which listing all of those that are active is as fast.
_MOST_CHANGED = 0.25
# Wrong weights a neuron of all layers before, beyond which too many inputs of a layer change.
_MOST_BEFORE = 0.5
# The share of a layer's words that is read anew, beyond which all of them are: rows of one stripe have one input.
_MOST_OPEN = 0.5


@dataclass(frozen=True, eq=False)
class _KnownLayer:
    """What is known of a layer; see `ebnn_difference_layer`. `rows` are its weights (neurons, inputs).

    map: of a convolution, each neuron of whose pixels counts as one.
    """

    sums: npt.NDArray[np.uint32]
    columns: npt.NDArray[np.int8] | npt.NDArray[np.int16] | None = None
    outputs: npt.NDArray[np.uint32] | None = None
    inputs: npt.NDArray[np.uint32] | None = None
    rows: npt.NDArray[np.int8] | None = None
    sliced: SlicedLayer | None = None
    map: KnownMap | None = None

    @cached_property
    def weights(self) -> npt.NDArray[np.int8] | None:
        """Those of an input side by side, (inputs, neurons): wanted where slices do not do."""
        if self.rows is None:
            return None
        found = np.zeros(self.rows.size + _BEHIND, np.int8)[: self.rows.size].reshape(self.rows.T.shape)
        found[:] = spaced(self.rows, np.int8).T
        return found

    def described(
        self, layer: LinearDescriptor, samples: int, weights: npt.NDArray[np.int8] | None
    ) -> DifferenceDescriptor:
        """The layer without anything that differs, for so many samples; `weights` where inputs may differ."""
        parts = map(address, (self.sums, self.columns, self.outputs, self.inputs, weights))
        column_bytes = 0 if self.columns is None else self.columns.itemsize
        return DifferenceDescriptor(layer, *parts, samples=samples, column_bytes=column_bytes)


class KnownRun:
    """The samples' run without errors: for how many of them, from the first on, how many bytes it takes, and what is
    known of each layer."""

    def __init__(self, fast: FastPath, encoded: Octets) -> None:
        self._fast = fast
        self._stages = fast.mapped.plan.stages
        places = [
            place
            for place in range(len(self._stages))
            if self._is_dense(place) or self._is_map(place) or self._is_packed_map(place)
        ]
        a_sample = sum(map(self._sample_bytes, places))
        self.samples = min(len(encoded), _MOST_BYTES // a_sample) if places else 0
        self.bytes = self.samples * a_sample
        known = encoded[: self.samples]
        self._layers: dict[int, _KnownLayer] = {}
        self._shared: dict[int, DifferenceDescriptor] = {}  # what the layers of all chips have in common
        for place in places if self.samples else ():
            self._layers[place] = self._know(place, known)
            output = self._stages[place].output
            if self._layers[place].columns is not None and output.format == "bits":
                outputs = self._run(self._program(0, place), known, output.bytes // 4)
                self._layers[place] = replace(self._layers[place], outputs=outputs)

    @property
    def clean(self) -> Program:
        """The program without errors on the samples of this run: nothing differs."""
        return self._program(0, len(self._stages) - 1)

    def program(self, chip: ChipWeights) -> Program:
        """The chip's program on the samples of this run, by differences wherever that is cheaper."""
        differences: dict[int, Difference] = {}
        before = changed = 0.0
        for place, stage in enumerate(self._stages):
            if not isinstance(stage, LinearStage):
                continue
            lifted = chip.layers[stage.node]
            known = self._layers.get(place)
            sliced = None if known is None or changed > _MOST_CHANGED else known.sliced
            if sliced is not None and sliced.takes(lifted):
                differences[place] = sliced.described(lifted)
            elif known is not None and known.map is not None:
                if lifted.certain and _is_cheaper(stage, lifted, known, before):
                    wrong = known.map.wrong(lifted)
                    differences[place] = self._map_difference(known, known.map, wrong), (wrong,)
            elif known is not None and _is_cheaper(stage, lifted, known, before):
                differences[place] = self._difference(place, lifted, chip.sensed), ()
            share = (len(lifted.wrong) + len(lifted.open)) / stage.output.channels
            before += share
            changed = _changed_share(changed + share / stage.fan_in)
        return program_on_chip(self._fast.mapped, self._fast.program, chip, differences)

    def _is_dense(self, place: int) -> bool:
        """Whether a layer in RRAM takes differences: one pixel, and inputs that are known or packed in one pixel."""
        stage = self._stages[place]
        if not isinstance(stage, LinearStage) or not stage.tiles or stage.border is not None or stage.groups != 1:
            return False
        source, output = stage.input, stage.output
        if output.height * output.width != 1 or stage.fan_in != source.channels * source.height * source.width:
            return False
        if self._is_first(place):
            return self._has_columns(place, stage)
        if stage.source.base != "input" and not self._is_whole(place - 1, stage):
            return False
        return bool(source.pixel_words) and source.height * source.width == 1

    def _is_map(self, place: int) -> bool:
        """Whether a layer in RRAM of several pixels takes differences: it is the first, and makes bits."""
        stage = self._stages[place]
        if not isinstance(stage, LinearStage) or not stage.tiles or stage.border is not None:
            return False
        return self._is_first(place) and self._has_columns(place, stage) and is_map(stage)

    def _is_packed_map(self, place: int) -> bool:
        """Whether a later layer in RRAM that reads a map takes differences."""
        stage = self._stages[place]
        if not isinstance(stage, LinearStage) or not stage.tiles or stage.border is not None:
            return False
        later = not self._is_first(place) and not self._is_dense(place) and self._is_whole(place - 1, stage)
        return later and is_packed_map(stage)

    def _has_columns(self, place: int, stage: LinearStage) -> bool:
        """Whether a first layer's inputs, which are the same on every chip, can be kept as numbers."""
        source = stage.input
        if stage.source.base != "input" and not self._is_whole(place - 1, stage):
            return False
        return bool(source.pixel_words) or source.format in ("int8", "uint8", "int16")

    def _is_whole(self, before: int, stage: LinearStage) -> bool:
        """Whether the stage `before` writes all of a layer's input."""
        writer = self._stages[before] if before >= 0 else None
        if writer is None or isinstance(writer, CopyStage):
            return False
        return writer.target == stage.source and writer.output.bytes == stage.input.bytes

    def _is_first(self, place: int) -> bool:
        """Whether nothing before it lies in RRAM, so that its inputs are the same on every chip."""
        return not any(isinstance(stage, LinearStage) for stage in self._stages[:place])

    def _sample_bytes(self, place: int) -> int:
        """What is kept of a layer for each sample."""
        stage, panels = self._stages[place], self._panels(place)
        assert isinstance(stage, LinearStage), "layers of dot products alone are known"
        if not self._is_dense(place):
            return map_bytes(stage) if self._is_first(place) else packed_map_bytes(stage)
        sliced = 0 if self._is_first(place) or not can_slice(panels) else sample_bytes(panels)
        return 4 * stage.output.channels + 2 * stage.fan_in + sliced

    def _panels(self, place: int) -> PanelsDescriptor:
        panels = self._fast.program.descriptors[place]
        assert isinstance(panels, PanelsDescriptor), "a clean program reads no banks"
        return panels

    def _know(self, place: int, encoded: Octets) -> _KnownLayer:
        stage = self._stages[place]
        assert isinstance(stage, LinearStage), "layers of dot products alone are known"
        source = self._source(place, stage, encoded)
        weights = next(node.weights for node in self._fast.mapped.network.linear if node.name == stage.node)
        if self._is_packed_map(place):
            known = KnownMap.of(stage, self._panels(place), packed=True)
            found = self._run(self._sums_program(place, place), source, stage.output.channels * known.shape.pixels)
            sums = np.zeros((len(source), known.shape.pixels, known.shape.pixel_neurons), np.uint32)
            sums[..., : stage.output.channels] = known.shape.by_pixel(found)
            rows = known.rows(fan_in_order(weights, stage.window))
            return _KnownLayer(sums, None, None, np.ascontiguousarray(source).view(np.uint32), rows, map=known)
        if not self._is_dense(place):
            known = KnownMap.of(stage, self._panels(place))
            sums = self._sums_in_blocks(place, encoded, known.shape)
            return _KnownLayer(sums, _columns(stage, source, known.shape), map=known)
        if self._is_first(place):
            return _KnownLayer(self._sums_in_blocks(place, encoded), _columns(stage, source))
        sums = self._run(self._sums_program(place, place), source, stage.output.channels)
        inputs = np.ascontiguousarray(source).view(np.uint32)
        sliced = SlicedLayer.of(self._panels(place), inputs, sums)
        return _KnownLayer(sums, None, None, inputs, fan_in_order(weights, stage.window), sliced)

    def _source(self, place: int, stage: LinearStage, encoded: Octets) -> Octets:
        """The bytes of a layer's input, uint8 (B, bytes)."""
        if stage.source.base == "input":
            return encoded[:, stage.source.offset : stage.source.offset + stage.input.bytes]
        return self._found(place - 1, encoded, stage.input.bytes // 4).view(np.uint8)

    def _program(self, first: int, last: int) -> Program:
        """The stages from `first` to `last`, with what is known so far.

        Where `first` is not 0, its inputs are the samples'.
        """
        clean = self._fast.program
        descriptors = list(clean.descriptors[: last + 1])
        for known in (each for each in self._layers if first <= each <= last):
            descriptors[known] = self._difference(known, None)
        steps = assemble(self._fast.mapped, descriptors)[first:]
        if first:
            steps[0].source_base, steps[0].source_offset = _INPUT, 0
        return Program((HostStep * len(steps))(*steps), tuple(descriptors[first:]), clean.inner, clean.arrays, None)

    def _found(self, place: int, encoded: Octets, words: int) -> npt.NDArray[np.uint32]:
        """What a stage writes, (B, words)."""
        first, source = 0, encoded
        for known, layer in self._layers.items():
            if layer.inputs is not None and self._follow_each_other(known, place):
                first, source = known, layer.inputs.view(np.uint8)
        return self._run(self._program(first, place), source, words)

    def _follow_each_other(self, first: int, last: int) -> bool:
        """Whether each stage from `first` to `last` reads the one before and nothing else."""
        stages = self._stages[first : last + 1]
        return all(
            not isinstance(stage, AddStage | CopyStage) and stage.source == before.target
            for before, stage in pairwise(stages)
        )

    def _sums_program(self, place: int, first: int) -> Program:
        """A layer's sums (B, neurons), without its steps, from the inputs of stage `first` on."""
        program = self._program(first, place)
        panels, sums = PanelsDescriptor.from_buffer_copy(program.descriptors[-1]), describe_tensor(_SUMS)
        layer = panels.layer
        layer.output.format, layer.output.planes, layer.steps.steps = sums.format, sums.planes, 0
        program.steps[-1].layer = ctypes.addressof(panels)
        return replace(program, descriptors=(*program.descriptors, panels))

    def _sums_in_blocks(self, place: int, encoded: Octets, shape: MapShape | None = None) -> npt.NDArray[np.uint32]:
        """A first layer's sums, uint32 (blocks, neurons, samples of a block); those of all pixels of a map's shape."""
        program, output = self._sums_program(place, 0), self._stages[place].output
        channels = output.channels
        sums_of_sample = channels * output.height * output.width
        _end_in_scores(program)

        def sums(here: slice) -> npt.NDArray[np.uint32]:
            found = np.empty((len(encoded[here]), sums_of_sample + GAP), np.uint32)[:, :sums_of_sample]
            self._fast.execute(program, encoded[here], found, here.start)
            return found if shape is None else shape.by_pixel(found)

        if shape is None:
            return _in_blocks(sums, np.empty((_blocks(encoded), channels, BLOCK_SAMPLES), np.uint32), len(encoded))
        blocks = np.empty((_blocks(encoded), shape.pixels, shape.pixel_neurons, BLOCK_SAMPLES), np.uint32)
        _in_blocks(sums, blocks[:, :, :channels], len(encoded))
        return blocks

    def _run(self, program: Program, source: Octets, words: int) -> npt.NDArray[np.uint32]:
        """What the last step writes, (B, words), on all processors."""
        found = np.empty((len(source), words), np.uint32)
        _end_in_scores(program)

        def run_part(here: slice) -> None:
            self._fast.execute(program, source[here], found[here], here.start)

        _for_each_part(run_part, len(source))
        return found

    def _difference(
        self, place: int, lifted: LiftedLayer | None, sensed: SensedBanks | None = None
    ) -> DifferenceDescriptor:  # fmt: skip
        """A layer as a chip has it, with its banks where weights are open; or without errors."""
        known, panels = self._layers[place], self._panels(place)
        if known.map is not None:
            return self._map_difference(known, known.map, None)
        if lifted is None:  # no input differs, and no weight is looked at
            return known.described(panels.layer, self.samples, None)
        shared = self._shared.get(place)
        if shared is None:
            shared = self._shared[place] = known.described(panels.layer, self.samples, known.weights)
        found = DifferenceDescriptor.from_buffer_copy(shared)
        found.wrong, found.wrong_count = lifted.wrong.ctypes.data, len(lifted.wrong)
        if sensed is not None and len(lifted.open):
            found.open, found.open_count = lifted.open.ctypes.data, len(lifted.open)
            found.sensing = sensed.address
        return found

    def _map_difference(
        self, known: _KnownLayer, of: KnownMap, wrong: npt.NDArray[np.void] | None
    ) -> DifferenceDescriptor:
        """A convolution with these wrong weights of all pixels, or without errors, where no input differs."""
        found = known.described(of.layer, self.samples, None if wrong is None else known.weights)
        if wrong is not None:
            found.wrong, found.wrong_count = wrong.ctypes.data, len(wrong)
        return found


def _end_in_scores(program: Program) -> None:
    """Lets the last step write into the scores."""
    program.steps[-1].target_base, program.steps[-1].target_offset = _SCORES, 0


def _columns(
    stage: LinearStage, source: Octets, shape: MapShape | None = None
) -> npt.NDArray[np.int8] | npt.NDArray[np.int16]:
    """The inputs of a first layer, (blocks, inputs, samples of a block), from their bytes.

    Those of a dense layer lie in the order of a row, those of a map channel first, with the padding behind the last.
    """
    narrow = bool(stage.input.pixel_words) or stage.input.format == "int8"
    order = input_order(stage.fan_in, stage.window)

    def values(here: slice) -> npt.NDArray[np.int16]:
        found = _decoded(source[here], stage.input)
        if shape is not None:
            return np.pad(found, ((0, 0), (0, 1)), constant_values=stage.pad_value)
        return found if np.array_equal(order, np.arange(len(order))) else found[:, order]

    blocks = _blocks(source), stage.fan_in if shape is None else shape.columns, BLOCK_SAMPLES
    if narrow:
        return _in_blocks(lambda here: spaced(values(here), np.int8), np.empty(blocks, np.int8), len(source))
    return _in_blocks(lambda here: spaced(values(here), np.int16), np.empty(blocks, np.int16), len(source))


def _blocks(samples: Octets) -> int:
    return -(-len(samples) // BLOCK_SAMPLES)


def _in_blocks(
    part: Callable[[slice], npt.NDArray[Number]], blocks: npt.NDArray[Number], samples: int
) -> npt.NDArray[Number]:
    """Numbers (B, ...), a part of the samples at a time, as (blocks, ..., samples of a block), 0 behind the last one.

    A part is turned while it is in the caches.
    """

    def turn(here: slice) -> None:
        numbers = part(here)
        for first in range(0, len(numbers), BLOCK_SAMPLES):
            block, some = blocks[(here.start + first) // BLOCK_SAMPLES], numbers[first : first + BLOCK_SAMPLES]
            block[..., : len(some)], block[..., len(some) :] = np.moveaxis(some, 0, -1), 0

    _for_each_part(turn, samples)
    return blocks


def _for_each_part(work: Callable[[slice], None], samples: int) -> None:
    """Some samples at a time, on all processors."""
    on_all_processors(lambda first: work(slice(first, first + _PART_SAMPLES)), range(0, samples, _PART_SAMPLES))


def _changed_share(wrong: float) -> float:
    """The share of signs of sums that turn where this share of random terms does: the angle between both over pi."""
    return acos(1 - 2 * min(wrong, 0.5)) / pi


def _is_cheaper(stage: LinearStage, lifted: LiftedLayer, known: _KnownLayer, before: float) -> bool:
    """Whether what differs in a layer costs less than all of its products, or than reading all of its weights.

    `before`: wrong weights a neuron of all layers before.
    """
    words = stage.output.channels * stage.row_words
    each = _WORDS_A_CHANGE if known.map is None else _WORDS_A_MAP_CHANGE
    changes = len(lifted.wrong) * (1 if known.columns is not None else each)
    if lifted.certain:
        return before <= _MOST_BEFORE and changes <= words
    if known.columns is not None and not lifted.alike:
        return False
    return len(lifted.open) <= _MOST_OPEN * words


def _decoded(octets: Octets, layout: Layout) -> npt.NDArray[np.int16]:
    """The integers of a tensor's bytes (B, bytes), int16 (B, channels * pixels), channel first."""
    pixels = layout.height * layout.width
    if not layout.pixel_words:
        values = np.ascontiguousarray(octets).view(np.dtype(layout.format).newbyteorder("="))
        return values[:, : layout.channels * pixels].astype(np.int16)
    bits = np.unpackbits(np.ascontiguousarray(octets), axis=1, bitorder="little").astype(np.int16)
    parts = 1 if layout.format == "bits" else 2
    planes = bits[:, : pixels * layout.pixel_words * 32].reshape(len(octets), pixels, parts, -1)[..., : layout.channels]
    values = 2 * planes[:, :, 0] - 1
    values = values if parts == 1 else values * planes[:, :, 1]
    return values.transpose(0, 2, 1).reshape(len(octets), -1)
