"""A mapped network in a chip's banks: what is programmed into them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.geometry import Geometry
from edgebnn.chip.banks.pattern import BINARY, EMPTY, TERNARY, Pattern
from edgebnn.chip.banks.programmed_banks import ProgrammedBanks
from edgebnn.chip.errors.programming import program
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.errors import TargetError
from edgebnn.mapping.image import read_section
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.marker import marker_pattern
from edgebnn.mapping.plan import LinearStage, MarkerPlan, Section, weight_sections
from edgebnn.mapping.tiling import words_of
from edgebnn.network.types import Linear
from edgebnn.words import Words, unpack_words

ALL_COLUMNS = np.uint32(0xFFFFFFFF)


def pattern_of(mapped: MappedNetwork) -> Pattern:
    """What the firmware programs into the banks, made once and kept as long as the network lives.

    Raises TargetError where the target has no RRAM.
    """
    found = _KEPT.get(mapped)
    if found is None:
        found = _KEPT[mapped] = _pattern(mapped)
    return found


def _pattern(mapped: MappedNetwork) -> Pattern:
    geometry, shape = _geometry(mapped), _shape(mapped)
    sign, nonzero = np.zeros(shape, np.uint32), np.zeros(shape, np.uint32)
    kind, zero_share, policy = np.full(shape, EMPTY, np.uint8), np.zeros(shape), np.zeros(shape, np.uint16)
    attempts = np.zeros(shape, np.uint16)
    policies = tuple(mapped.target.policies)
    for node, stage in _layers(mapped):
        assert stage.policy is not None, "a layer in RRAM has a policy"
        share, under = float(np.mean(node.weights == 0)), policies.index(stage.policy)
        signs, *rest = (_words(mapped.image, part, stage) for part in weight_sections(stage))
        nonzeros, limits = rest[0] if rest else None, _limits(mapped.image, stage)
        for tile in stage.tiles:
            neurons = slice(tile.neuron, tile.neuron + tile.neurons)
            for held in words_of(tile, geometry):
                rows = held.stripe, slice(tile.neurons)
                sign[rows] = signs[neurons, held.word]
                # Every column of a binary row holds a weight; those behind the last input are never counted.
                nonzero[rows] = ALL_COLUMNS if nonzeros is None else nonzeros[neurons, held.word]
                kind[rows] = BINARY if nonzeros is None else TERNARY
                zero_share[rows], policy[rows] = share, under
                attempts[rows] = limits[neurons, held.word]
    return Pattern(geometry, sign, nonzero, kind, zero_share, policies, policy, attempts if attempts.any() else None)


def programmed_banks(mapped: MappedNetwork, chip: ChipInstance) -> ProgrammedBanks:
    """The chip's banks with the network in them.

    Raises TargetError where the target has no RRAM, or does not cover the conditions of the chip.
    """
    pattern = pattern_of(mapped)
    assert mapped.policy is not None, "a network in RRAM has a policy"
    marker = None if mapped.plan.marker is None else partial(_programmed_marker, mapped, mapped.plan.marker, chip)
    return replace(program(chip, mapped.target, pattern, mapped.policy), marker=marker)


def _programmed_marker(mapped: MappedNetwork, marker: MarkerPlan, chip: ChipInstance) -> ProgrammedBanks:
    """The marker's banks alone, in which its cells err as they are on the chip."""
    geometry, array = _geometry(mapped), mapped.target.array
    assert array is not None, "a marker is in RRAM"
    banks = array.banks.integer("count")
    pattern = marker_pattern(marker, mapped.image, geometry, banks)
    stripes = range(geometry.stripe(marker.bank), geometry.stripe(banks))
    return program(chip, mapped.target, pattern, marker.policy).of(list(stripes))


def check_programmed(mapped: MappedNetwork, banks: ProgrammedBanks) -> None:
    """TargetError where these cannot be the network's banks: on a target without RRAM, or other banks in number."""
    geometry = _geometry(mapped)
    if banks.shape != pattern_of(mapped).shape or banks.geometry != geometry:
        raise TargetError(
            f"the chip has {banks.shape[0] // banks.geometry.words} programmed banks of {banks.geometry.rows} x "
            f"{banks.geometry.columns} synapses, but network '{mapped.network.name}' lies in the first "
            f"{mapped.plan.bank_end} of {geometry.rows} x {geometry.columns}; program it with this deployment"
        )


_KEPT: WeakKeyDictionary[MappedNetwork, Pattern] = WeakKeyDictionary()


def _layers(mapped: MappedNetwork) -> list[tuple[Linear, LinearStage]]:
    stages = mapped.linear_stages
    return [(node, stages[node.name]) for node in mapped.network.linear if node.name in stages]


def _geometry(mapped: MappedNetwork) -> Geometry:
    """The shape of a bank."""
    array = mapped.target.array
    if array is None:
        raise TargetError(
            f"target '{mapped.target.name}' keeps its weights in flash and has no RRAM with errors; "
            "compile for a target with RRAM, such as rram130, or leave out the chip instance"
        )
    return array.geometry


def _shape(mapped: MappedNetwork) -> tuple[int, int]:
    """Stripes of all banks up to the last one in use, and rows: what a chip draws belongs to a bank's number."""
    geometry = _geometry(mapped)
    return geometry.stripe(mapped.plan.bank_end), geometry.rows


def _limits(image: bytes, stage: LinearStage) -> npt.NDArray[np.uint16]:
    """The most attempts at each word (neurons, row words) of a layer, as the firmware has them."""
    shape = stage.output.channels, stage.row_words
    limits = np.full(shape, stage.attempts, np.uint16)
    if stage.verified is None:
        return limits
    verified = unpack_words(read_section(image, stage.verified, "<u4"), limits.size).reshape(shape)
    return np.where(verified, limits, np.uint16(1))


def _words(image: bytes, section: Section, stage: LinearStage) -> Words:
    """A section's words (neurons, row_words)."""
    return read_section(image, section, "<u4").reshape(-1, stage.row_words).astype(np.uint32)
