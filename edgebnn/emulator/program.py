"""A mapped network as the batch executor of `runtime/host` runs it: descriptors in memory, and one step a stage."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.emulator.descriptors import (
    KINDS,
    AddDescriptor,
    AffineDescriptor,
    CopyDescriptor,
    Descriptor,
    HostStep,
    Int8Descriptor,
    LinearDescriptor,
    LinesDescriptor,
    PoolDescriptor,
    StepsDescriptor,
    ThresholdDescriptor,
    address,
    as_words,
    describe_tensor,
    describe_window,
)
from edgebnn.errors import DataError
from edgebnn.mapping.image import read_section
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.plan import (
    AddStage,
    AffineStage,
    CopyStage,
    Int8Stage,
    LinearStage,
    LineSections,
    PoolStage,
    Section,
    Stage,
    Steps,
    SumPoolStage,
    ThresholdStage,
)
from edgebnn.mapping.rows import fan_in_order, pack_rows
from edgebnn.network.types import WeightKind

Weights = npt.NDArray[np.int8]
AnyArray = npt.NDArray[Any]

# The widest registers that a kernel of the host uses today; rows of weights are padded with zeros to whole ones.
ROW_WORDS = 8

_BASES = {"input": 0, "scores": 1, "work": 2}


@dataclass(frozen=True, eq=False)
class Program:
    """Steps for `ebnn_host_run`: `steps` points to `descriptors`, they to `lines` and `arrays`; all live together."""

    steps: ctypes.Array[HostStep]
    descriptors: tuple[Descriptor, ...]
    lines: tuple[LinesDescriptor, ...]
    arrays: tuple[AnyArray, ...]

    @property
    def count(self) -> int:
        """Number of steps."""
        return len(self.steps)

    @cached_property
    def address(self) -> int:
        """Where the steps lie."""
        return ctypes.addressof(self.steps)


def build_program(mapped: MappedNetwork, weights: Mapping[str, Weights]) -> Program:
    """The program of a network, with other weights in the layers that `weights` names.

    Raises DataError for weights that are not the network's in name, shape or alphabet.
    """
    builder = _Builder(mapped, {**_own_weights(mapped), **_checked(mapped, weights)})
    descriptors = tuple(builder.describe(stage) for stage in mapped.plan.stages)
    steps = (HostStep * len(descriptors))(
        *(_step(stage, descriptor) for stage, descriptor in zip(mapped.plan.stages, descriptors, strict=True))
    )
    return Program(steps, descriptors, tuple(builder.lines), tuple(builder.arrays))


class _Builder:
    """Descriptors stage by stage; keeps the arrays that they point to."""

    def __init__(self, mapped: MappedNetwork, weights: Mapping[str, Weights]) -> None:
        self.image = mapped.image
        self.weights = weights
        self.arrays: list[AnyArray] = []
        self.lines: list[LinesDescriptor] = []

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

    def _linear(self, stage: LinearStage) -> LinearDescriptor:
        weights = self.weights[stage.node]
        sign, nonzero = (_padded(rows) for rows in pack_rows(fan_in_order(weights, stage.window)))
        # A ternary layer without a zero is a binary one, and faster.
        has_zeros = bool(np.any(weights == 0))
        return LinearDescriptor(
            input=describe_tensor(stage.input),
            output=describe_tensor(stage.output),
            window=describe_window(stage.window),
            pad_value=stage.pad_value,
            groups=stage.groups,
            row_words=sign.shape[1],
            sign=self._keep(sign),
            nonzero=self._keep(nonzero) if has_zeros else None,
            steps=self._steps(stage.steps),
            banks=None,
        )

    def _steps(self, steps: Steps | None) -> StepsDescriptor:
        if steps is None:
            return StepsDescriptor()
        return StepsDescriptor(
            thresholds=self._values(steps.thresholds, np.int32),
            directions=self._values(steps.directions, np.uint32),
            steps=steps.steps,
            low=steps.low,
            step=steps.step,
            lines=self._lines(steps.lines),
        )

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
        self.lines.append(descriptor)
        return ctypes.addressof(descriptor)

    def _values(self, section: Section | None, dtype: type[np.generic]) -> int | None:
        if section is None:
            return None
        stored = np.dtype(dtype).newbyteorder("<").str
        return self._keep(as_words(read_section(self.image, section, stored), dtype))

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
        kind=[kind for kind, _ in KINDS].index(type(stage)),
        source_base=_BASES[source.base],
        other_base=_BASES[other.base],
        target_base=_BASES[target.base],
    )


def _padded(rows: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    count, words = rows.shape
    padded = np.zeros((count, -(-words // ROW_WORDS) * ROW_WORDS), np.uint32)
    padded[:, :words] = rows
    return padded


def _own_weights(mapped: MappedNetwork) -> dict[str, Weights]:
    return {node.name: node.weights for node in mapped.network.linear}


def _checked(mapped: MappedNetwork, weights: Mapping[str, Weights]) -> Mapping[str, Weights]:
    own = _own_weights(mapped)
    fixed = {node.name for node in mapped.network.linear if node.weight_kind is WeightKind.INT8}
    for name, values in weights.items():
        if name not in own:
            raise DataError(f"the network has no layer '{name}' whose weights could be replaced; check the name")
        if values.shape != own[name].shape:
            raise DataError(f"layer '{name}' has weights of shape {own[name].shape}, not {values.shape}; reshape them")
        if name in fixed:
            raise DataError(f"layer '{name}' has weights of 8 bits, which no chip instance changes; leave it out")
        if values.size and (np.min(values) < -1 or np.max(values) > 1):
            raise DataError(f"layer '{name}' takes weights of -1, 0 and +1; make the others one of these")
    return weights
