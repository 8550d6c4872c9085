"""The program of a network on one chip: that without errors, with the layers in RRAM exchanged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edgebnn.chip.reading import ProgrammedBanks
from edgebnn.chip.sensed_banks import SensedBanks
from edgebnn.emulator.descriptors import (
    DifferenceDescriptor,
    LinearDescriptor,
    PanelsDescriptor,
    SensedDescriptor,
    SlicedDescriptor,
    address,
    as_words,
)
from edgebnn.emulator.panels import panels_of
from edgebnn.emulator.program import AnyArray, Program, assemble
from edgebnn.mapping.image import read_section
from edgebnn.mapping.lifting import LiftedLayer, placement_of
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.plan import LinearStage
from edgebnn.mapping.programmed import check_programmed

# A layer by what differs from a known run, and what it points to besides what is wrong.
Difference = tuple[DifferenceDescriptor | SlicedDescriptor, tuple[AnyArray, ...]]


@dataclass(frozen=True, eq=False)
class ChipWeights:
    """The layers in RRAM as a chip's banks answer for them, by their nodes' names, and these banks."""

    layers: dict[str, LiftedLayer]
    sensed: SensedBanks

    @property
    def wrong(self) -> int:
        """How many weights are most likely read otherwise than meant with inputs of +1."""
        return sum(layer.wrong_likely for layer in self.layers.values())


def weights_on_chip(mapped: MappedNetwork, banks: ProgrammedBanks) -> ChipWeights:
    """The network in the banks of a chip with errors; TargetError for banks that are not the network's."""
    check_programmed(mapped, banks)
    sensed = SensedBanks(banks)
    return ChipWeights(placement_of(mapped).lift(sensed), sensed)


def program_on_chip(
    mapped: MappedNetwork,
    clean: Program,
    chip: ChipWeights,
    differences: Mapping[int, Difference] | None = None,
) -> Program:
    """The `clean` program of the network on a chip; some of its stages, by their places, by differences.

    A layer all of whose weights are certain has other weights; any other is read off the banks, again and again.
    """
    arrays: list[AnyArray] = []
    descriptors = list(clean.descriptors)
    for place, stage in enumerate(mapped.plan.stages):
        if not isinstance(stage, LinearStage):
            continue
        if differences is not None and place in differences:
            descriptors[place], parts = differences[place]
            arrays += [chip.layers[stage.node].wrong, chip.layers[stage.node].open, *parts]
        else:
            layer = descriptors[place]
            assert isinstance(layer, PanelsDescriptor), "a clean program reads no banks"
            descriptors[place] = _on_chip(mapped, stage, layer, chip.layers[stage.node], chip.sensed, arrays)
    steps, kept = assemble(mapped, descriptors), (*clean.arrays, *arrays)
    return Program(steps, tuple(descriptors), clean.inner, kept, chip.sensed)


def _on_chip(
    mapped: MappedNetwork,
    stage: LinearStage,
    clean: PanelsDescriptor,
    lifted: LiftedLayer,
    sensed: SensedBanks,
    arrays: list[AnyArray],
) -> PanelsDescriptor | SensedDescriptor:
    if lifted.certain and not len(lifted.wrong):
        return clean
    layer = LinearDescriptor.from_buffer_copy(clean.layer)
    if lifted.certain:
        panels = panels_of(stage, lifted.sign, lifted.nonzero)
        arrays += panels.arrays
        return panels.described(layer)
    assert stage.banks is not None, "a layer that is read lies in banks"
    banks = as_words(read_section(mapped.image, stage.banks, "<u2"), np.uint16)
    arrays.append(banks)
    layer.banks = address(banks)
    return SensedDescriptor(layer=layer, sensing=sensed.address)
