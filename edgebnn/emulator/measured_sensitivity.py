"""How much each layer, tile, neuron and input matters: the accuracy that is lost where it alone is read with errors.

A chip is programmed whole, and then all of its cells but those of one part answer as if they had no errors; so each
part has the very errors that it has in the whole network on that chip. Drops are paired: the same samples on the same
chips, without errors and with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import scipy

from edgebnn.chip.banks.geometry import Geometry
from edgebnn.chip.banks.pattern import Pattern
from edgebnn.chip.banks.programmed_banks import Answers, ProgrammedBanks
from edgebnn.chip.device.ageing import aged_rate
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.choices import choice
from edgebnn.emulator.accuracy import AccuracyDrop, accuracy_drops
from edgebnn.emulator.agreement import per_class
from edgebnn.emulator.chip_runs import ChipRuns, side_by_side
from edgebnn.emulator.emulate import Dataset, Progress, check_labels, silent
from edgebnn.emulator.fast import FastPath
from edgebnn.emulator.trimmed_runs import TrimmedRuns
from edgebnn.errors import DataError, TargetError
from edgebnn.mapping.first_order import column_counts, sensitivities_of, tile_counts
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.plan import LinearStage, Tile
from edgebnn.mapping.programmed import pattern_of, programmed_banks
from edgebnn.mapping.tiling import words_of
from edgebnn.mapping.weight_words import input_order
from edgebnn.network.types import Linear
from edgebnn.words import Words, pack_words

Flags = npt.NDArray[np.bool_]

_FEWEST = 3  # parts whose order says anything
_MOST_ANSWERS = 1 << 30  # of all parts on all chips, a byte each
_ALL_COLUMNS = np.uint32(0xFFFFFFFF)


class Finest(StrEnum):
    """The smallest parts that are measured; layers always are."""

    LAYERS = "layers"
    TILES = "tiles"
    NEURONS = "neurons"
    INPUTS = "inputs"


@dataclass(frozen=True)
class Part:
    """A layer, or a tile, a neuron (its row) or an input channel (its columns) of it."""

    layer: str
    tile: Tile | None = None
    neuron: int | None = None
    channel: int | None = None


@dataclass(frozen=True)
class PartSensitivity:
    """A part under a policy: the drop where it alone errs, beside the first-order estimate.

    turned: the share of answers that turned, from right to wrong or back. first_order: how much its weights count times
    how often they are wrong, as a share of that of all layers.
    """

    part: Part
    policy: str
    drop: AccuracyDrop
    turned: float
    first_order: float

    @property
    def layer(self) -> str:
        """The layer that it is, or is a part of."""
        return self.part.layer

    @property
    def tile(self) -> Tile | None:
        """The tile that it is, if any."""
        return self.part.tile


@dataclass(frozen=True, repr=False)
class MeasuredSensitivity:
    """The layers, and the smaller parts that were asked for, in the plan's order, on so many chips and samples.

    `whole` is the drop where all layers err at once. `agreement_of_layers` and `agreement` of the smaller parts are
    Spearman's rank correlations of first-order estimates with how many answers turned, None of fewer than three parts,
    and where all are alike.
    """

    chips: int
    samples: int
    seed: int
    whole: AccuracyDrop
    layers: tuple[PartSensitivity, ...]
    finest: Finest
    parts: tuple[PartSensitivity, ...]
    agreement_of_layers: float | None
    agreement: float | None

    def __repr__(self) -> str:
        """One short line; the fields have the rest."""
        parts = "" if self.finest is Finest.LAYERS else f", {self.finest}={len(self.parts)}"
        return f"MeasuredSensitivity(chips={self.chips}, samples={self.samples}, layers={len(self.layers)}{parts})"

    @property
    def tiles(self) -> tuple[PartSensitivity, ...]:
        """The tiles, where they were asked for."""
        return self.parts if self.finest is Finest.TILES else ()

    @property
    def agreement_of_tiles(self) -> float | None:
        """That of the tiles."""
        return self.agreement if self.finest is Finest.TILES else None


def measured_sensitivity(
    mapped: MappedNetwork,
    data: Dataset,
    chips: Sequence[ChipInstance],
    finest: Finest = Finest.LAYERS,
    progress: Progress = silent,
) -> MeasuredSensitivity:
    """Every layer by itself on every chip, and every one of the `finest` parts too.

    Raises DataError without labels, TargetError without chips or RRAM, and for more parts on more chips and samples
    than memory holds.
    """
    if not chips or mapped.policy is None or not mapped.linear_stages:
        raise TargetError(
            f"how much layers matter is found on chips with layers in RRAM; ask for some, {choice('chips', '5')}"
        )
    labels = labels_for_accuracy(data, mapped)
    counts = _counts(mapped, data, chips[0])
    of_layers = [Part(name) for name in mapped.linear_stages]
    every = [*of_layers, *(part for part in counts if _kind(part) is finest and finest is not Finest.LAYERS)]
    if (len(every) + 1) * len(chips) * len(labels) > _MOST_ANSWERS:
        raise TargetError(
            f"{len(every):,} parts on {len(chips):,} chips and {len(labels):,} samples are more answers than memory "
            "holds; use fewer chips or samples"
        )
    fast = FastPath(mapped)
    runs = ChipRuns(fast, data.x)
    right = answers_right(runs.clean, labels)
    found = np.empty((len(every) + 1, len(chips), len(right)), np.bool_)

    def by_part(chip: ChipInstance) -> Flags:
        return right_by_part(mapped, runs, chip, every, labels)

    for index, flags in enumerate(side_by_side(by_part, chips)):
        progress(f"part by part: chip {chips[index].seed}")
        found[:, index] = flags
    drops = accuracy_drops(right, list(found), chips[0].seed)
    whole = sum(counts[part] for part in of_layers)
    sensed = []
    for part, drop, flags in zip(every, drops[:-1], found[:-1], strict=True):
        policy = chips[0].policy or mapped.linear_stages[part.layer].policy
        assert policy is not None, "a layer in RRAM has a policy"
        share = counts[part] / whole if whole else 0.0
        sensed.append(PartSensitivity(part, policy, drop, float((flags != right).mean()), share))
    layers, of_finest = tuple(sensed[: len(of_layers)]), tuple(sensed[len(of_layers) :])
    return MeasuredSensitivity(
        len(chips), len(right), chips[0].seed, drops[-1], layers, finest, of_finest, _agreement(layers),
        _agreement(of_finest),
    )  # fmt: skip


def labels_for_accuracy(data: Dataset, mapped: MappedNetwork) -> npt.NDArray[np.int64]:
    """The labels, each the number of a class; DataError where there are none."""
    check_labels(data, mapped)
    if data.y is None:
        raise DataError("the data have no labels y, so no accuracy is known; add the class of each sample")
    return data.y


def answers_right(scores: npt.NDArray[np.int32], labels: npt.NDArray[np.int64]) -> Flags:
    """Which answers are right, (samples,)."""
    return np.asarray(per_class(scores).argmax(axis=1) == labels)


def cells_of(mapped: MappedNetwork, part: Part, shape: tuple[int, ...]) -> Words:
    """The cells that hold a part, of banks of this shape: uint32 (stripes, rows), bit = column."""
    cells = np.zeros(shape, np.uint32)
    stage, node = mapped.linear_stages[part.layer], _node(mapped, part.layer)
    neurons, words = np.ones(node.neurons, np.bool_), np.full(stage.row_words, _ALL_COLUMNS)
    if part.neuron is not None:
        neurons = np.arange(node.neurons) == part.neuron
    if part.channel is not None:
        neurons, columns = _of_channel(node, stage, part.channel)
        words = pack_words(columns)
    for tile in stage.tiles if part.tile is None else (part.tile,):
        rows = neurons[tile.neuron :][: tile.neurons]
        for held in words_of(tile, _geometry(mapped)):
            cells[held.stripe, : len(rows)] = np.where(rows, words[held.word], 0)
    return cells


def errors_in(banks: ProgrammedBanks, pattern: Pattern, cells: Words) -> ProgrammedBanks:
    """The programmed banks as if these cells (stripes, rows) alone had errors, and all others held what was meant."""
    nonzero, sign = (
        np.repeat(plane[..., np.newaxis], 2, axis=2) for plane in (pattern.nonzero, pattern.sign & pattern.nonzero)
    )
    here = cells[..., np.newaxis]
    sign, nonzero = sign & ~here | banks.sign & here, nonzero & ~here | banks.nonzero & here
    fresh, tables = np.where(cells != 0, banks.fresh, np.int32(-1)), banks.tables
    in_part = (fresh >= 0) & (cells != _ALL_COLUMNS)
    if in_part.any():
        tables = tables.copy()
        tables[fresh[in_part], :, 0] &= cells[in_part][:, np.newaxis]  # the lanes that are uncertain
    found = Answers(sign, nonzero, fresh, tables)
    return replace(banks, make=lambda: found, held=None)


def right_by_part(
    mapped: MappedNetwork,
    runs: ChipRuns | TrimmedRuns,
    chip: ChipInstance,
    parts: Sequence[Part],
    labels: npt.NDArray[np.int64],
) -> Flags:
    """Which answers are right where one part after another errs, and then all of them, (parts + 1, samples).

    Where `runs` trims chips, each part is trimmed by itself.
    """
    banks, pattern = programmed_banks(mapped, chip), pattern_of(mapped)
    found = np.empty((len(parts) + 1, len(labels)), np.bool_)
    for place, part in enumerate(parts):
        one = errors_in(banks, pattern, cells_of(mapped, part, pattern.kind.shape))
        found[place] = answers_right(runs.run(one)[0], labels)
    found[-1] = answers_right(runs.run(banks)[0], labels)
    return found


def _geometry(mapped: MappedNetwork) -> Geometry:
    array = mapped.target.array
    assert array is not None, "a layer in RRAM lies in banks"
    return array.geometry


def _node(mapped: MappedNetwork, layer: str) -> Linear:
    return next(node for node in mapped.network.linear if node.name == layer)


def _of_channel(node: Linear, stage: LinearStage, channel: int) -> tuple[Flags, Flags]:
    """Which neurons (O,) read an input channel, and in which columns of their rows (n,)."""
    channels, taps = node.weights.shape[1], node.weights[0, 0].size
    group, place = divmod(channel, channels)
    of_group = node.neurons // node.groups
    neurons = np.arange(node.neurons) // of_group == group
    return neurons, input_order(stage.fan_in, stage.window) // taps == place


def _kind(part: Part) -> Finest:
    if part.tile is not None:
        return Finest.TILES
    if part.neuron is not None:
        return Finest.NEURONS
    return Finest.LAYERS if part.channel is None else Finest.INPUTS


def _counts(mapped: MappedNetwork, data: Dataset, chip: ChipInstance) -> dict[Part, float]:
    """The first-order harm of every part: how much it counts times its policy's error rate."""
    found = {}
    sensitivities = sensitivities_of(mapped.network, data.x)
    for name, stage in mapped.linear_stages.items():
        node, counts = _node(mapped, name), sensitivities[name]
        rate, columns = _rate(mapped, chip, chip.policy or stage.policy), column_counts(node, stage, counts.inputs)
        tiles = tile_counts(stage, counts.neurons, columns)
        found[Part(name)] = sum(tiles) * rate
        found |= {Part(name, tile): count * rate for tile, count in zip(stage.tiles, tiles, strict=True)}
        rows = counts.neurons * columns.sum() * rate
        found |= {Part(name, neuron=place): float(row) for place, row in enumerate(rows)}
        for channel in range(node.weights.shape[1] * node.groups):
            neurons, here = _of_channel(node, stage, channel)
            own = float(counts.neurons[neurons].sum() * counts.inputs[channel] * here.sum())
            found[Part(name, channel=channel)] = own * rate
    return found


def _rate(mapped: MappedNetwork, chip: ChipInstance, policy: str | None) -> float:
    assert policy is not None, "a layer in RRAM has a policy"
    given = chip.bit_error_rate
    return aged_rate(mapped.target, policy, chip.conditions.cycles) if given is None else given


def _agreement(parts: Sequence[PartSensitivity]) -> float | None:
    """Spearman's rank correlation of what was measured with what was estimated."""
    measured, estimated = [part.turned for part in parts], [part.first_order for part in parts]
    if len(parts) < _FEWEST or len(set(measured)) == 1 or len(set(estimated)) == 1:
        return None
    return float(scipy.stats.spearmanr(measured, estimated).statistic)
