"""A run without errors that is kept, so that a chip's run has to find out only what differs from it.

A chip differs from the network in few weights. The sums of a dense layer are those of the known run, plus the weights
that changed times the inputs of now, plus the inputs that changed times the weights of then: exact, and cheaper than
all products as long as little differs.
"""

from __future__ import annotations

import ctypes
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from math import acos, pi
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from edgebnn.emulator.chip_program import ChipWeights, Difference, program_on_chip
from edgebnn.emulator.descriptors import (
    DifferenceDescriptor,
    HostStep,
    PanelsDescriptor,
    address,
    describe_tensor,
)
from edgebnn.emulator.fast import FastPath
from edgebnn.emulator.program import Program, assemble
from edgebnn.emulator.sliced_layers import BLOCK_SAMPLES, GAP, SlicedLayer, can_slice, sample_bytes, spaced
from edgebnn.mapping.lifting import LiftedLayer
from edgebnn.mapping.plan import AddStage, CopyStage, Layout, LinearStage
from edgebnn.mapping.rows import fan_in_order, input_order
from edgebnn.processors import usable_processors

Octets = npt.NDArray[np.uint8]
Number = TypeVar("Number", np.int8, np.int16, np.uint32)

_MOST_BYTES = 256 << 20  # samples beyond are run afresh
_INPUT, _SCORES = 0, 1  # EBNN_HOST_INPUT, EBNN_HOST_SCORES
_PART_SAMPLES = 256  # that a thread runs at a time
_SUMS = Layout(1, 1, 1, "int32", 32)
# A changed weight costs a sample as much as so many words of a fresh run, where its inputs are packed.
_WORDS_A_CHANGE = 16
# The share of a layer's inputs that change, beyond which listing all of those that are active is as fast.
_MOST_CHANGED = 0.25
# Wrong weights a neuron of all layers before, beyond which too many inputs of a layer change.
_MOST_BEFORE = 0.5
# The share of a layer's words that is read anew, beyond which all of them are: rows of one stripe have one input.
_MOST_OPEN = 0.5


@dataclass(frozen=True, eq=False)
class _KnownLayer:
    """What is known of a dense layer; see `ebnn_difference_layer`."""

    sums: npt.NDArray[np.uint32]
    columns: npt.NDArray[np.int8] | npt.NDArray[np.int16] | None = None
    outputs: npt.NDArray[np.uint32] | None = None
    inputs: npt.NDArray[np.uint32] | None = None
    weights: npt.NDArray[np.int8] | None = None
    sliced: SlicedLayer | None = None


class KnownRun:
    """The samples' run without errors: for how many of them, from the first on, and what is known of each layer."""

    def __init__(self, fast: FastPath, encoded: Octets) -> None:
        self._fast = fast
        self._stages = fast.mapped.plan.stages
        places = [place for place, stage in enumerate(self._stages) if self._is_dense(place)]
        a_sample = sum(map(self._sample_bytes, places))
        self.samples = min(len(encoded), _MOST_BYTES // a_sample) if places else 0
        known = encoded[: self.samples]
        self._layers: dict[int, _KnownLayer] = {}
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
            elif known is not None and _is_cheaper(stage, lifted, known, before):
                differences[place] = self._difference(place, lifted, chip.sensed.address), ()
            wrong = (len(lifted.wrong) + len(lifted.open)) / stage.output.channels
            before += wrong
            changed = _changed_share(changed + wrong / stage.fan_in)
        return program_on_chip(self._fast.mapped, self._fast.program, chip, differences)

    def _is_dense(self, place: int) -> bool:
        """Whether a layer in RRAM takes differences: one pixel, and inputs that are known or packed in one pixel."""
        stage = self._stages[place]
        if not isinstance(stage, LinearStage) or not stage.tiles or stage.border is not None or stage.groups != 1:
            return False
        source, output = stage.input, stage.output
        if output.height * output.width != 1 or stage.fan_in != source.channels * source.height * source.width:
            return False
        if stage.source.base != "input" and not self._is_whole(place - 1, stage):
            return False
        if self._is_first(place):
            return bool(source.pixel_words) or source.format in ("int8", "uint8", "int16")
        return bool(source.pixel_words) and source.height * source.width == 1

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
        assert isinstance(stage, LinearStage), "dense layers alone are known"
        sliced = 0 if self._is_first(place) or not can_slice(panels) else sample_bytes(panels)
        return 4 * stage.output.channels + 2 * stage.fan_in + sliced

    def _panels(self, place: int) -> PanelsDescriptor:
        panels = self._fast.program.descriptors[place]
        assert isinstance(panels, PanelsDescriptor), "a clean program reads no banks"
        return panels

    def _know(self, place: int, encoded: Octets) -> _KnownLayer:
        stage = self._stages[place]
        assert isinstance(stage, LinearStage), "dense layers alone are known"
        source = self._source(place, stage, encoded)
        if self._is_first(place):
            narrow = bool(stage.input.pixel_words) or stage.input.format == "int8"
            values = _decoded(source, stage.input)[:, input_order(stage.fan_in, stage.window)]
            columns = _in_blocks(spaced(values, np.int8)) if narrow else _in_blocks(spaced(values, np.int16))
            return _KnownLayer(_in_blocks(self._sums(place, encoded, 0, GAP)), columns)
        sums = self._sums(place, source, place)
        weights = next(node.weights for node in self._fast.mapped.network.linear if node.name == stage.node)
        by_input = np.ascontiguousarray(spaced(fan_in_order(weights, stage.window), np.int8).T)
        inputs = np.ascontiguousarray(source).view(np.uint32)
        return _KnownLayer(sums, None, None, inputs, by_input, SlicedLayer.of(self._panels(place), inputs, sums))

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

    def _sums(self, place: int, source: Octets, first: int, gap: int = 0) -> npt.NDArray[np.uint32]:
        """A layer's sums (B, neurons), without its steps, from the inputs of stage `first` on."""
        program, stage = self._program(first, place), self._stages[place]
        panels, sums = PanelsDescriptor.from_buffer_copy(program.descriptors[-1]), describe_tensor(_SUMS)
        layer = panels.layer
        layer.output.format, layer.output.planes, layer.steps.steps = sums.format, sums.planes, 0
        program.steps[-1].layer = ctypes.addressof(panels)
        return self._run(program, source, stage.output.channels, gap)

    def _run(self, program: Program, source: Octets, words: int, gap: int = 0) -> npt.NDArray[np.uint32]:
        """What the last step writes, (B, words), on all processors; so many unused words lie between samples."""
        found = np.empty((len(source), words + gap), np.uint32)[:, :words]
        program.steps[-1].target_base, program.steps[-1].target_offset = _SCORES, 0

        def run_part(first: int) -> None:
            here = slice(first, first + _PART_SAMPLES)
            self._fast.execute(program, source[here], found[here], first)

        with ThreadPoolExecutor(usable_processors()) as pool:
            list(pool.map(run_part, range(0, len(source), _PART_SAMPLES)))
        return found

    def _difference(self, place: int, lifted: LiftedLayer | None, sensing: int = 0) -> DifferenceDescriptor:
        """A layer as a chip has it whose banks' struct lies at `sensing`, or without errors."""
        known, panels = self._layers[place], self._panels(place)
        parts = map(address, (known.sums, known.columns, known.outputs, known.inputs, known.weights))
        column_bytes = 0 if known.columns is None else known.columns.itemsize
        if lifted is None:
            return DifferenceDescriptor(panels.layer, *parts, samples=self.samples, column_bytes=column_bytes)
        wrong, opened = lifted.wrong, lifted.open
        lists = wrong.ctypes.data, opened.ctypes.data, sensing if len(opened) else 0, len(wrong), len(opened)
        return DifferenceDescriptor(panels.layer, *parts, *lists, self.samples, column_bytes)


def _in_blocks(values: npt.NDArray[Number]) -> npt.NDArray[Number]:
    """Numbers (B, n) as (blocks, n, samples of a block), 0 behind the last sample; on all processors."""
    samples, numbers = values.shape
    blocks = np.zeros((-(-samples // BLOCK_SAMPLES), numbers, BLOCK_SAMPLES), values.dtype)

    def turn(block: int) -> None:
        here = values[block * BLOCK_SAMPLES : (block + 1) * BLOCK_SAMPLES]
        blocks[block, :, : len(here)] = here.T

    with ThreadPoolExecutor(usable_processors()) as pool:
        list(pool.map(turn, range(len(blocks))))
    return blocks


def _changed_share(wrong: float) -> float:
    """The share of signs of sums that turn where this share of random terms does: the angle between both over pi."""
    return acos(1 - 2 * min(wrong, 0.5)) / pi


def _is_cheaper(stage: LinearStage, lifted: LiftedLayer, known: _KnownLayer, before: float) -> bool:
    """Whether what differs in a layer costs less than all of its products, or than reading all of its weights.

    `before`: wrong weights a neuron of all layers before.
    """
    words = stage.output.channels * stage.row_words
    changes = len(lifted.wrong) * (1 if known.columns is not None else _WORDS_A_CHANGE)
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
