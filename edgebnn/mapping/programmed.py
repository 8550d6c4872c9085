"""A mapped network in a chip's banks: what is programmed into them, and which weights they then hold."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgebnn.chip.geometry import Geometry
from edgebnn.chip.instance import ChipInstance
from edgebnn.chip.misreads import wrong_read
from edgebnn.chip.pattern import BINARY, EMPTY, TERNARY, Pattern
from edgebnn.chip.programming import program
from edgebnn.chip.reading import ProgrammedBanks
from edgebnn.errors import TargetError
from edgebnn.mapping.image import read_section
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.plan import LinearStage, Section
from edgebnn.mapping.rows import input_order, unpack_rows
from edgebnn.mapping.tiling import words_of
from edgebnn.network.types import Linear

Weights = npt.NDArray[np.int8]
Words = npt.NDArray[np.uint32]

ALL_COLUMNS = np.uint32(0xFFFFFFFF)


def pattern_of(mapped: MappedNetwork) -> Pattern:
    """What the firmware programs into the banks; TargetError where the target has no RRAM."""
    geometry, shape = _geometry(mapped), _shape(mapped)
    sign, nonzero = np.zeros(shape, np.uint32), np.zeros(shape, np.uint32)
    kind, zero_share = np.full(shape, EMPTY, np.uint8), np.zeros(shape)
    for node, stage in _layers(mapped):
        share = float(np.mean(node.weights == 0))
        signs = _words(mapped.image, stage.sign, stage)
        nonzeros = None if stage.nonzero is None else _words(mapped.image, stage.nonzero, stage)
        for tile in stage.tiles:
            neurons = slice(tile.neuron, tile.neuron + tile.neurons)
            for held in words_of(tile, geometry):
                rows = held.stripe, slice(tile.neurons)
                sign[rows] = signs[neurons, held.word]
                # Every column of a binary row holds a weight; those behind the last input are never counted.
                nonzero[rows] = ALL_COLUMNS if nonzeros is None else nonzeros[neurons, held.word]
                kind[rows] = BINARY if nonzeros is None else TERNARY
                zero_share[rows] = share
    return Pattern(geometry, sign, nonzero, kind, zero_share)


def programmed_banks(mapped: MappedNetwork, chip: ChipInstance) -> ProgrammedBanks:
    """The chip's banks with the network in them.

    Raises TargetError where the target has no RRAM, or does not cover the conditions of the chip.
    """
    pattern = pattern_of(mapped)
    assert mapped.policy is not None, "a network in RRAM has a policy"
    policies = {stage.policy for stage in mapped.linear_stages.values()}
    assert policies <= {mapped.policy}, "all banks are programmed under one policy"
    return program(chip, mapped.target, pattern, mapped.policy)


def check_programmed(mapped: MappedNetwork, banks: ProgrammedBanks) -> None:
    """TargetError where these cannot be the network's banks: on a target without RRAM, or other banks in number."""
    geometry = _geometry(mapped)
    if banks.fresh.shape != _shape(mapped) or banks.geometry != geometry:
        raise TargetError(
            f"the chip has {len(banks.fresh) // banks.geometry.words} programmed banks of {banks.geometry.rows} x "
            f"{banks.geometry.columns} synapses, but network '{mapped.network.name}' uses {mapped.plan.banks} of "
            f"{geometry.rows} x {geometry.columns}; program it with this deployment"
        )


def read_weights(mapped: MappedNetwork, banks: ProgrammedBanks) -> dict[str, Weights]:
    """The weights of every layer in RRAM as they are most likely read with inputs of +1, shaped as the network's own.

    By node name. Raises TargetError for banks that are not the network's.
    """
    check_programmed(mapped, banks)
    return {node.name: _read_layer(node, stage, banks) for node, stage in _layers(mapped)}


def wrong_weights(mapped: MappedNetwork, banks: ProgrammedBanks) -> int:
    """How many weights of the network are most likely read otherwise than meant with inputs of +1.

    That is how error rates count: an amplifier's offset turns other weights with inputs of -1, and as many. Columns
    behind a layer's last input and rows behind its last neuron are no weights.
    """
    read = read_weights(mapped, banks)
    return sum(int(np.count_nonzero(read[node.name] != node.weights)) for node, _ in _layers(mapped))


def misread_share(mapped: MappedNetwork, banks: ProgrammedBanks) -> float:
    """The share of the network's weights in RRAM that one read with inputs of +1 finds wrong, in the mean.

    Those that are always wrong count whole, those that are wrong at times by how often. 0 where none is in RRAM.
    """
    check_programmed(mapped, banks)
    pattern = pattern_of(mapped)
    wrong = wrong_read(banks, pattern.sign, pattern.nonzero)
    misread, weights = 0.0, 0
    for _, stage in _layers(mapped):
        for tile in stage.tiles:
            for held in words_of(tile, pattern.geometry):
                of_weights = wrong[held.stripe, : tile.neurons, : held.inputs]
                misread += float(of_weights.sum())
                weights += of_weights.size
    return misread / weights if weights else 0.0


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
    """Stripes of the banks in use, and rows."""
    geometry = _geometry(mapped)
    return geometry.stripe(mapped.plan.banks), geometry.rows


def _words(image: bytes, section: Section, stage: LinearStage) -> Words:
    """A section's words (neurons, row_words)."""
    return read_section(image, section, "<u4").reshape(-1, stage.row_words).astype(np.uint32)


def _read_layer(node: Linear, stage: LinearStage, banks: ProgrammedBanks) -> Weights:
    """The most likely answers for inputs of +1, shaped as the node's weights."""
    sign, nonzero = (np.zeros((node.neurons, stage.row_words), np.uint32) for _ in range(2))
    for tile in stage.tiles:
        neurons = slice(tile.neuron, tile.neuron + tile.neurons)
        for held in words_of(tile, banks.geometry):
            sign[neurons, held.word] = banks.sign[held.stripe, : tile.neurons, 1]
            nonzero[neurons, held.word] = banks.nonzero[held.stripe, : tile.neurons, 1]
    flat = np.empty((node.neurons, stage.fan_in), dtype=np.int8)
    flat[:, input_order(stage.fan_in, stage.window)] = unpack_rows(sign, nonzero, stage.fan_in)
    return flat.reshape(node.weights.shape)
