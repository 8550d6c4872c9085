"""The program of a network on one chip: that without errors, with the layers in RRAM exchanged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgebnn.chip.reading import ProgrammedBanks
from edgebnn.chip.sensed_banks import SensedBanks
from edgebnn.emulator.descriptors import (
    Descriptor,
    LinearDescriptor,
    PanelsDescriptor,
    SensedDescriptor,
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


@dataclass(frozen=True, eq=False)
class ChipProgram:
    """A program, and the layers in RRAM that it was made of, by their nodes' names."""

    program: Program
    layers: dict[str, LiftedLayer]

    @property
    def wrong_weights(self) -> int:
        """How many weights are most likely read otherwise than meant with inputs of +1."""
        return sum(len(layer.wrong) for layer in self.layers.values())


def program_on_chip(mapped: MappedNetwork, clean: Program, banks: ProgrammedBanks) -> ChipProgram:
    """The `clean` program of the network in the banks of a chip with errors.

    A layer all of whose weights are certain has other weights; any other is read off the banks, again and again. Raises
    TargetError for banks that are not the network's.
    """
    check_programmed(mapped, banks)
    sensed = SensedBanks(banks)
    layers = placement_of(mapped).lift(sensed)
    arrays: list[AnyArray] = []
    descriptors: list[Descriptor] = []
    for stage, descriptor in zip(mapped.plan.stages, clean.descriptors, strict=True):
        if isinstance(stage, LinearStage):
            assert isinstance(descriptor, PanelsDescriptor), "a clean program reads no banks"
            descriptors.append(_on_chip(mapped, stage, descriptor, layers[stage.node], sensed, arrays))
        else:
            descriptors.append(descriptor)
    steps, kept = assemble(mapped, descriptors), (*clean.arrays, *arrays)
    return ChipProgram(Program(steps, tuple(descriptors), clean.inner, kept, sensed), layers)


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
