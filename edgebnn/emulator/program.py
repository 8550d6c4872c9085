"""A mapped network as the batch executor of `runtime/host` runs it: descriptors in memory, and one step a stage."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import msgspec
import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.c_structs import SensedBanks
from edgebnn.emulator.descriptors import (
    DIFFERENCE,
    KINDS,
    SENSED,
    SLICED,
    AddDescriptor,
    AffineDescriptor,
    BorderDescriptor,
    CopyDescriptor,
    Descriptor,
    DifferenceDescriptor,
    HostStep,
    Int8Descriptor,
    LinearDescriptor,
    LinesDescriptor,
    ListsDescriptor,
    PanelsDescriptor,
    PoolDescriptor,
    SensedDescriptor,
    SlicedDescriptor,
    StepsDescriptor,
    TakeDescriptor,
    ThresholdDescriptor,
    address,
    as_words,
    describe_tensor,
    describe_window,
    host_library,
)
from edgebnn.emulator.lists import lists_of
from edgebnn.emulator.panels import panels_of
from edgebnn.mapping.image import read_section
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.plan import (
    AddStage,
    AffineStage,
    BorderSections,
    CopyStage,
    Int8Stage,
    LinearStage,
    LineSections,
    Place,
    Plan,
    PoolStage,
    Section,
    Stage,
    Steps,
    SumPoolStage,
    TakeStage,
    ThresholdStage,
    WindowPlan,
)
from edgebnn.mapping.steps import step_table
from edgebnn.mapping.weight_words import Weights, fan_in_order, pack_rows
from edgebnn.network.types import Threshold
from edgebnn.words import pack_words

AnyArray = npt.NDArray[Any]

# What descriptors of layers point to.
Inner = LinesDescriptor | BorderDescriptor | ListsDescriptor

_BASES = {"input": 0, "scores": 1, "work": 2}


@dataclass(frozen=True, eq=False)
class Program:
    """Steps for `ebnn_host_run`: `steps` points to `descriptors`, they to all the others; all live together."""

    steps: ctypes.Array[HostStep]
    descriptors: tuple[Descriptor, ...]
    inner: tuple[Inner, ...]
    arrays: tuple[AnyArray, ...]
    sensed: SensedBanks | None

    @property
    def count(self) -> int:
        """Number of steps."""
        return len(self.steps)

    @cached_property
    def address(self) -> int:
        """Where the steps lie."""
        return ctypes.addressof(self.steps)

    @cached_property
    def scratch_bytes(self) -> int:
        """Bytes of work area beside those of the samples."""
        return self._work_bytes(0)

    @cached_property
    def sample_bytes(self) -> int:
        """Bytes of work area that each sample of a batch takes."""
        return self._work_bytes(1) - self.scratch_bytes

    def _work_bytes(self, samples: int) -> int:
        return int(host_library().ebnn_host_work_bytes(self.address, self.count, samples))


def program_of(mapped: MappedNetwork) -> Program:
    """The program of a network without errors, made once and kept as long as the network lives."""
    found = _KEPT.get(mapped)
    if found is None:
        found = _KEPT[mapped] = _build(mapped)
    return found


def _build(mapped: MappedNetwork) -> Program:
    builder = _Builder(mapped)
    descriptors = tuple(builder.describe(stage) for stage in _stages(mapped.plan))
    return Program(assemble(mapped, descriptors), descriptors, tuple(builder.inner), tuple(builder.arrays), None)


def assemble(mapped: MappedNetwork, descriptors: Sequence[Descriptor]) -> ctypes.Array[HostStep]:
    """The steps of the network's first stages, with these descriptors, which the caller keeps alive."""
    steps = [_step(stage, descriptor) for stage, descriptor in zip(_stages(mapped.plan), descriptors, strict=False)]
    return (HostStep * len(steps))(*steps)


def exchanged(program: Program, descriptors: Sequence[Descriptor]) -> ctypes.Array[HostStep]:
    """The program's steps with these descriptors, which the caller keeps alive, in place of its own."""
    steps = type(program.steps).from_buffer_copy(program.steps)
    for step, own, other in zip(steps, program.descriptors, descriptors, strict=True):
        if other is not own:
            step.layer, step.kind = ctypes.addressof(other), _KINDS_ON_CHIPS.get(type(other), step.kind)
    return steps


_KINDS_ON_CHIPS: dict[type[Descriptor], int] = {
    SensedDescriptor: SENSED,
    DifferenceDescriptor: DIFFERENCE,
    SlicedDescriptor: SLICED,
}

_KEPT: WeakKeyDictionary[MappedNetwork, Program] = WeakKeyDictionary()


def _stages(plan: Plan) -> Iterator[Stage]:
    """A plan's stages, with pools apart from the layers that take them in: there is memory for a map between them."""
    for stage in plan.stages:
        if not isinstance(stage, LinearStage) or stage.pool is None:
            yield stage
            continue
        between, (height, width) = Place(base="work", offset=plan.work_bytes), stage.pool.size
        made = stage.output
        yield msgspec.structs.replace(stage, pool=None, target=between)
        yield PoolStage(
            node=stage.pool.node,
            input=made,
            output=msgspec.structs.replace(made, height=made.height // height, width=made.width // width),
            source=between,
            target=stage.target,
            window=WindowPlan(kernel=stage.pool.size, stride=stage.pool.size),
            directions=stage.pool.directions,
        )


class _Builder:
    """Descriptors stage by stage; keeps what they point to."""

    def __init__(self, mapped: MappedNetwork) -> None:
        self.image = mapped.image
        self.weights = {node.name: node.weights for node in mapped.network.linear}
        self.thresholds = {node.name: node for node in mapped.network.nodes if isinstance(node, Threshold)}
        self.arrays: list[AnyArray] = []
        self.inner: list[Inner] = []

    def describe(self, stage: Stage) -> Descriptor:
        match stage:
            case LinearStage():
                return self._linear(stage)
            case Int8Stage():
                return Int8Descriptor(
                    input=describe_tensor(stage.input),
                    output=describe_tensor(stage.output),
                    window=describe_window(stage.window),
                    pad_value=stage.pad_value,
                    groups=stage.groups,
                    weights=self._keep(fan_in_order(self.weights[stage.node], stage.window)),
                    steps=self._steps(stage.steps),
                    border=self._border(stage.border),
                )
            case ThresholdStage():
                return ThresholdDescriptor(
                    input=describe_tensor(stage.input),
                    output=describe_tensor(stage.output),
                    steps=self._steps(stage.steps),
                )
            case PoolStage() | SumPoolStage():
                directions = stage.directions if isinstance(stage, PoolStage) else None
                return PoolDescriptor(
                    input=describe_tensor(stage.input),
                    output=describe_tensor(stage.output),
                    window=describe_window(stage.window),
                    directions=self._values(directions, np.uint32),
                )
            case AddStage():
                return AddDescriptor(
                    input=describe_tensor(stage.input),
                    other=describe_tensor(stage.other),
                    output=describe_tensor(stage.output),
                )
            case CopyStage():
                return CopyDescriptor(
                    input=describe_tensor(stage.input),
                    output=describe_tensor(stage.output),
                    first_channel=stage.first_channel,
                )
            case TakeStage():
                return TakeDescriptor(
                    input=describe_tensor(stage.input),
                    output=describe_tensor(stage.output),
                    channels=self._values(stage.channels, np.uint32),
                    rows=self._values(stage.rows, np.uint32),
                    columns=self._values(stage.columns, np.uint32),
                )
            case AffineStage():
                return AffineDescriptor(
                    input=describe_tensor(stage.input),
                    output=describe_tensor(stage.output),
                    segments=stage.segments,
                    shift=stage.shift,
                    multiplier=self._values(stage.multiplier, np.int32),
                    offset=self._values(stage.offset, np.uint32),
                    knees=self._values(stage.knees, np.int32),
                )

    def _linear(self, stage: LinearStage) -> PanelsDescriptor:
        rows = fan_in_order(self.weights[stage.node], stage.window)
        panels = panels_of(stage, *pack_rows(rows))
        self.arrays += panels.arrays
        layer = LinearDescriptor(
            input=describe_tensor(stage.input),
            output=describe_tensor(stage.output),
            window=describe_window(stage.window),
            pad_value=stage.pad_value,
            groups=stage.groups,
            row_words=stage.row_words,
            steps=self._steps(stage.steps),
            border=self._border(stage.border),
        )
        described = panels.described(layer)
        described.lists = self._lists(stage, rows)
        return described

    def _lists(self, stage: LinearStage, rows: Weights) -> int | None:
        threshold = self.thresholds.get(stage.steps.node) if stage.steps is not None else None
        lists = lists_of(stage, rows, threshold)
        if lists is None:
            return None
        self.arrays += lists.arrays
        return self._keep_inner(lists.described())

    def _steps(self, steps: Steps | None) -> StepsDescriptor:
        if steps is None:
            return StepsDescriptor()
        thresholds, directions = self._table(steps)
        return StepsDescriptor(
            thresholds=thresholds,
            directions=directions,
            steps=steps.steps,
            low=steps.low,
            step=steps.step,
            lines=self._lines(steps.lines),
        )

    def _table(self, steps: Steps) -> tuple[int | None, int | None]:
        """Thresholds and directions; from the network where the image has them in bits among a layer's weights."""
        if steps.thresholds is not None or steps.lines is not None:
            return self._values(steps.thresholds, np.int32), self._values(steps.directions, np.uint32)
        thresholds, down = step_table(self.thresholds[steps.node])
        return self._keep(thresholds), self._keep(pack_words(down))

    def _lines(self, lines: LineSections | None) -> int | None:
        if lines is None:
            return None
        descriptor = LinesDescriptor(
            multiplier=self._values(lines.multiplier, np.int32),
            offset=self._values(lines.offset, np.uint32),
            shift=self._values(lines.shift, np.uint8),
            first_exception=self._values(lines.first, np.uint16),
            exceptions=self._values(lines.exceptions, np.uint16),
        )
        return self._keep_inner(descriptor)

    def _border(self, border: BorderSections | None) -> int | None:
        if border is None:
            return None
        descriptor = BorderDescriptor(
            rows=self._values(border.rows, np.uint16),
            columns=self._values(border.columns, np.uint16),
            start=self._values(border.start, np.int32),
            shift=border.shift,
        )
        return self._keep_inner(descriptor)

    def _values(self, section: Section | None, dtype: type[np.generic]) -> int | None:
        if section is None:
            return None
        stored = np.dtype(dtype).newbyteorder("<").str
        return self._keep(as_words(read_section(self.image, section, stored), dtype))

    def _keep_inner(self, descriptor: Inner) -> int:
        self.inner.append(descriptor)
        return ctypes.addressof(descriptor)

    def _keep(self, array: AnyArray) -> int | None:
        self.arrays.append(array)
        return address(array)


def _step(stage: Stage, descriptor: Descriptor) -> HostStep:
    source, target = stage.source, stage.target
    other = stage.other_source if isinstance(stage, AddStage) else source
    return HostStep(
        layer=ctypes.addressof(descriptor),
        source_offset=source.offset,
        other_offset=other.offset,
        target_offset=target.offset,
        kind=_kind(stage, descriptor),
        source_base=_BASES[source.base],
        other_base=_BASES[other.base],
        target_base=_BASES[target.base],
    )


def _kind(stage: Stage, descriptor: Descriptor) -> int:
    found = _KINDS_ON_CHIPS.get(type(descriptor))
    return [kind for kind, _ in KINDS].index(type(stage)) if found is None else found
