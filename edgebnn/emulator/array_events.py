"""The macro's events in closed form, from the plan alone: the same rules that its C model counts by.

The rules stand at the head of `runtime/emulator/ebnn_macro_model.h`. The CPU's own instructions, reads and writes are
not in here: they depend on the compiler and are counted on the emulated CPU.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from edgebnn.chip.banks.geometry import COLUMNS
from edgebnn.chip.device.programming_pulses import pulses_of_all
from edgebnn.chip.energy.events import Events
from edgebnn.chip.energy.programming_cost import ProgrammingCost
from edgebnn.chip.energy.pulse_count import PulseCount
from edgebnn.chip.target.target import RramArray
from edgebnn.mapping.image import read_section
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.marker import MARKER_PROGRAMMINGS, MARKER_WORDS
from edgebnn.mapping.plan import Layout, LinearStage


def run_events(stage: LinearStage, array: RramArray) -> Events:
    """What the macro does in one run of a layer."""
    output, neurons = stage.output, stage.output.channels
    pixels = output.height * output.width
    planes = 1 if stage.input.pixel_words else stage.input.planes
    reads = pixels * neurons * planes
    bank = array.geometry
    banks = bank.spanned_banks(stage.fan_in)
    steps = stage.steps.steps if stage.steps else 0
    directions = -(-neurons // 32) if stage.steps and stage.steps.directions else 0
    border = [stage.border.rows, stage.border.columns, stage.border.start] if stage.border else []
    starts = 0
    if stage.trim is not None:  # what was found on the chip lies in SRAM
        border, starts = border[:2], stage.trim.zones * neurons
    return Events(
        code_fetches=neurons * steps
        + directions
        + -(-len(stage.tiles) // 2)
        + sum(-(-section.bytes // 4) for section in border),
        sram_accesses=_fetches(stage) + pixels * (output.pixel_words or neurons) + starts,
        pcsa_reads=reads * banks * bank.columns,
        popcounts=reads * banks * bank.words,
        thresholds=pixels * neurons * max(steps, 1),
        array_cycles=reads * array.cycles_per_read + array.cycles_per_layer.integer("count"),
    )


def programming_pulses(stage: LinearStage, image: bytes) -> PulseCount:
    """What programming a layer's rows takes; `image` is the weights image with its `sign` and `nonzero` words.

    All rows have a step of RESETs, and one of SETs where they have any.
    """
    rows = stage.output.channels * stage.row_words
    if stage.nonzero is None:
        return PulseCount(rows * COLUMNS, rows * COLUMNS, 2 * rows)
    return pulses_of_all(read_section(image, stage.nonzero, "<u4").astype(np.uint32))


def programming_once(mapped: MappedNetwork, policy: str | None = None) -> ProgrammingCost:
    """What programming all rows once takes, under the policy of each layer or one for all; its marker comes on top."""
    pulses: defaultdict[str, PulseCount] = defaultdict(PulseCount)
    for stage in mapped.linear_stages.values():
        assert stage.policy is not None, "a layer in RRAM has a policy"
        pulses[policy or stage.policy] += programming_pulses(stage, mapped.image)
    return ProgrammingCost(mapped.target, pulses)


def marker_cost(mapped: MappedNetwork, chips_own: str | None = None) -> ProgrammingCost | None:
    """What writing the marker takes, under its policy or the chip's own; None where every boot programs.

    It is spoilt first, each time with a SET and a RESET of each cell, in two steps a word.
    """
    marker = mapped.plan.marker
    if marker is None:
        return None
    words = MARKER_PROGRAMMINGS * MARKER_WORDS
    pulses = PulseCount(words * COLUMNS, words * COLUMNS, 2 * words)
    return ProgrammingCost(mapped.target, {chips_own or marker.policy: pulses})


def _fetches(stage: LinearStage) -> int:
    """SRAM accesses of the gather unit: every tap inside the image, for every output pixel and group of channels."""
    window, layout = stage.window, stage.input
    taps = 1
    for axis, (extent, positions) in enumerate(
        ((layout.height, stage.output.height), (layout.width, stage.output.width))
    ):
        # A tap `shift` behind the padding's end is inside at the positions from ceil(-shift / stride) on, and before
        # ceil((extent - shift) / stride).
        shift = np.arange(window.kernel[axis]) * window.dilation[axis] - window.pad[axis]
        first, behind = (-(-reach // window.stride[axis]) for reach in (-shift, extent - shift))
        taps *= int((np.clip(behind, 0, positions) - np.clip(first, 0, positions)).sum())
    return taps * sum(_group_accesses(layout, group, stage.groups) for group in range(stage.groups))


def _group_accesses(layout: Layout, group: int, groups: int) -> int:
    channels = layout.channels // groups
    if not layout.pixel_words:
        return channels
    first, last = group * channels, (group + 1) * channels - 1
    return (last // 32 - first // 32 + 1) * (2 if layout.format == "trits" else 1)
