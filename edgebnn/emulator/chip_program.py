"""The program of a network on one chip: that without errors, with the layers in RRAM exchanged."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from edgebnn.chip.banks.c_structs import SensedBanks
from edgebnn.chip.banks.programmed_banks import ProgrammedBanks
from edgebnn.emulator.chip_trim import Starts, chip_starts
from edgebnn.emulator.descriptors import (
    BorderDescriptor,
    DifferenceDescriptor,
    LinearDescriptor,
    PanelsDescriptor,
    SensedDescriptor,
    SlicedDescriptor,
    address,
    as_words,
)
from edgebnn.emulator.panels import panels_of
from edgebnn.emulator.program import AnyArray, Program, exchanged
from edgebnn.mapping.image import read_section
from edgebnn.mapping.lifting import LiftedLayer, placement_of
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.plan import LinearStage
from edgebnn.mapping.programmed import check_programmed

# A layer by what differs from a known run, and what it points to besides what is wrong.
Difference = tuple[DifferenceDescriptor | SlicedDescriptor, tuple[AnyArray, ...]]


@dataclass(frozen=True, eq=False)
class ChipWeights:
    """The layers in RRAM as a chip's banks answer for them, by their nodes' names.

    sensed: these banks, where some weight may have to be read again and again; None where all weights are certain.
    starts: what the sums of those layers start from that the chip has trimmed itself.
    """

    layers: dict[str, LiftedLayer]
    sensed: SensedBanks | None
    starts: Mapping[str, Starts] = field(default_factory=dict)

    @property
    def wrong(self) -> int:
        """How many weights are most likely read otherwise than meant with inputs of +1."""
        return sum(layer.wrong_likely for layer in self.layers.values())


def weights_on_chip(mapped: MappedNetwork, banks: ProgrammedBanks) -> ChipWeights:
    """The network in the banks of a chip with errors; TargetError for banks that are not the network's."""
    check_programmed(mapped, banks)
    placement, starts = placement_of(mapped), chip_starts(mapped, banks)
    if banks.held is not None and placement.holds(banks.held):
        return ChipWeights(placement.lift_held(banks.held), None, starts)
    sensed = SensedBanks(banks)
    return ChipWeights(placement.lift(sensed), sensed, starts)


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
    borders: list[BorderDescriptor] = []
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
            border = _border_on_chip(layer, chip.starts.get(stage.node), arrays)
            borders += [] if border is None else [border]
            descriptors[place] = _on_chip(mapped, stage, layer, chip.layers[stage.node], chip.sensed, arrays, border)
    steps, kept = exchanged(clean, descriptors), (*clean.arrays, *arrays)
    return Program(steps, tuple(descriptors), (*clean.inner, *borders), kept, chip.sensed)


def _border_on_chip(layer: PanelsDescriptor, start: Starts | None, arrays: list[AnyArray]) -> BorderDescriptor | None:
    """What a layer's sums start from on a chip that has trimmed itself; None where that is what they always do."""
    if start is None:
        return None
    assert layer.layer.border, "what is trimmed has a border"
    border = BorderDescriptor.from_buffer_copy(BorderDescriptor.from_address(layer.layer.border))
    words = np.ascontiguousarray(start, np.int32)
    arrays.append(words)
    border.start = address(words)
    return border


def _on_chip(
    mapped: MappedNetwork,
    stage: LinearStage,
    clean: PanelsDescriptor,
    lifted: LiftedLayer,
    sensed: SensedBanks | None,
    arrays: list[AnyArray],
    border: BorderDescriptor | None,
) -> PanelsDescriptor | SensedDescriptor:
    if lifted.certain and not len(lifted.wrong):
        return clean
    layer = LinearDescriptor.from_buffer_copy(clean.layer)
    if border is not None:
        layer.border = ctypes.addressof(border)
    if lifted.certain:
        panels = panels_of(stage, *lifted.rows())
        arrays += panels.arrays
        return panels.described(layer)
    assert stage.banks is not None and sensed is not None, "a layer that is read lies in banks"
    banks = as_words(read_section(mapped.image, stage.banks, "<u2"), np.uint16)
    arrays.append(banks)
    layer.banks = address(banks)
    return SensedDescriptor(layer=layer, sensing=sensed.address)
