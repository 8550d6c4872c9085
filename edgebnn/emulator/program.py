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
    DESCRIPTORS,
    AffineDescriptor,
    Descriptor,
    HostStep,
    LinearDescriptor,
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
from edgebnn.mapping.plan import AffineStage, LinearStage, Place, PoolStage, Section, Stage, Steps, ThresholdStage
from edgebnn.mapping.rows import fan_in_order, pack_rows

Weights = npt.NDArray[np.int8]
AnyArray = npt.NDArray[Any]

# The widest registers that a kernel of the host uses today; rows of weights are padded with zeros to whole ones.
ROW_WORDS = 8

_BASES = {"input": 0, "scores": 1, "work": 2}


@dataclass(frozen=True, eq=False)
class Program:
    """Steps for `ebnn_host_run`. `steps` points to `descriptors`, and those to `arrays`; all live as long as this."""

    steps: ctypes.Array[HostStep]
    descriptors: tuple[Descriptor, ...]
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
        *(
            _step(stage.source, stage.target, descriptor)
            for stage, descriptor in zip(mapped.plan.stages, descriptors, strict=True)
        )
    )
    return Program(steps, descriptors, tuple(builder.arrays))


class _Builder:
    """Descriptors stage by stage; keeps the arrays that they point to."""

    def __init__(self, mapped: MappedNetwork, weights: Mapping[str, Weights]) -> None:
        self.image = mapped.image
        self.weights = weights
        self.arrays: list[AnyArray] = []

    def describe(self, stage: Stage) -> Descriptor:
        match stage:
            case LinearStage():
                return self._linear(stage)
            case ThresholdStage():
                return ThresholdDescriptor(
                    input=describe_tensor(stage.input),
                    output=describe_tensor(stage.output),
                    steps=self._steps(stage.steps),
                )
            case PoolStage():
                return PoolDescriptor(
                    input=describe_tensor(stage.input),
                    output=describe_tensor(stage.output),
                    window=describe_window(stage.window),
                    directions=self._words(stage.directions),
                )
            case AffineStage():
                return AffineDescriptor(
                    input=describe_tensor(stage.input),
                    multiplier=self._integers(stage.multiplier),
                    offset=self._integers(stage.offset),
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
            steps=self._steps(stage.steps) if stage.steps else StepsDescriptor(),
            banks=None,
        )

    def _steps(self, steps: Steps) -> StepsDescriptor:
        return StepsDescriptor(
            thresholds=self._integers(steps.thresholds),
            directions=self._words(steps.directions),
            steps=steps.steps,
            low=steps.low,
            step=steps.step,
        )

    def _words(self, section: Section | None) -> int | None:
        return None if section is None else self._keep(as_words(read_section(self.image, section, "<u4"), np.uint32))

    def _integers(self, section: Section) -> int | None:
        return self._keep(as_words(read_section(self.image, section, "<i4"), np.int32))

    def _keep(self, array: AnyArray) -> int | None:
        self.arrays.append(array)
        return address(array)


def _step(source: Place, target: Place, descriptor: Descriptor) -> HostStep:
    return HostStep(
        layer=ctypes.addressof(descriptor),
        source_offset=source.offset,
        target_offset=target.offset,
        kind=DESCRIPTORS.index(type(descriptor)),
        source_base=_BASES[source.base],
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
    for name, values in weights.items():
        if name not in own:
            raise DataError(f"the network has no layer '{name}' whose weights could be replaced; check the name")
        if values.shape != own[name].shape:
            raise DataError(f"layer '{name}' has weights of shape {own[name].shape}, not {values.shape}; reshape them")
        if values.size and (np.min(values) < -1 or np.max(values) > 1):
            raise DataError(f"layer '{name}' takes weights of -1, 0 and +1; make the others one of these")
    return weights
