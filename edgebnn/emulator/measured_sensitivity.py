"""How much each layer, and each tile, matters: the accuracy that is lost where it alone is read with errors.

A chip is programmed whole, and then all of its banks but those of one layer or tile answer as if they had no errors; so
each part has the very errors that it has in the whole network on that chip. Drops are paired: the same samples on the
same chips, without errors and with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import scipy

from edgebnn.chip.banks.pattern import Pattern
from edgebnn.chip.banks.programmed_banks import ProgrammedBanks
from edgebnn.chip.device.ageing import aged_rate
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.emulator.accuracy import AccuracyDrop, accuracy_drops
from edgebnn.emulator.agreement import per_class
from edgebnn.emulator.chip_runs import ChipRuns, side_by_side
from edgebnn.emulator.emulate import Dataset, Progress, check_labels, silent
from edgebnn.emulator.fast import FastPath
from edgebnn.emulator.trimmed_runs import TrimmedRuns
from edgebnn.errors import DataError, TargetError
from edgebnn.mapping.first_order import first_order
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.plan import Tile
from edgebnn.mapping.programmed import pattern_of, programmed_banks
from edgebnn.mapping.tiling import words_of

Flags = npt.NDArray[np.bool_]

_FEWEST = 3  # parts whose order says anything


@dataclass(frozen=True)
class PartSensitivity:
    """A layer, or a tile of it, under a policy: the drop where it alone errs, beside the first-order estimate.

    first_order: how much its weights count times how often they are wrong, as a share of that of all layers.
    """

    layer: str
    tile: Tile | None
    policy: str
    drop: AccuracyDrop
    first_order: float


@dataclass(frozen=True, repr=False)
class MeasuredSensitivity:
    """The layers, and the tiles where they were asked for, in the plan's order, on so many chips and samples.

    `whole` is the drop where all layers err at once. `agreement_of_layers` and `agreement_of_tiles` are Spearman's rank
    correlations of drops and first-order estimates, None of fewer than three parts, and where all are alike.
    """

    chips: int
    samples: int
    seed: int
    whole: AccuracyDrop
    layers: tuple[PartSensitivity, ...]
    tiles: tuple[PartSensitivity, ...]
    agreement_of_layers: float | None
    agreement_of_tiles: float | None

    def __repr__(self) -> str:
        """One short line; the fields have the rest."""
        parts = f"layers={len(self.layers)}, tiles={len(self.tiles)}"
        return f"MeasuredSensitivity(chips={self.chips}, samples={self.samples}, {parts})"


def measured_sensitivity(
    mapped: MappedNetwork,
    data: Dataset,
    chips: Sequence[ChipInstance],
    tiles: bool = False,
    progress: Progress = silent,
) -> MeasuredSensitivity:
    """Every layer by itself on every chip, and with `tiles` every tile too.

    Raises DataError without labels, TargetError without chips or RRAM.
    """
    if not chips or mapped.policy is None or not mapped.linear_stages:
        raise TargetError("how much layers matter is found on chips with layers in RRAM; ask for some, --chips 5")
    labels = labels_for_accuracy(data, mapped)
    fast = FastPath(mapped)
    runs = ChipRuns(fast, data.x)
    right = answers_right(runs.clean, labels)
    of_layers: list[tuple[str, Tile | None]] = [(name, None) for name in mapped.linear_stages]
    of_tiles = [(name, tile) for name, stage in mapped.linear_stages.items() for tile in stage.tiles] if tiles else []
    parts = (*of_layers, *of_tiles)
    stripes = [stripes_of(mapped, name, tile) for name, tile in parts]
    found = np.empty((len(parts) + 1, len(chips), len(right)), np.bool_)

    def by_part(chip: ChipInstance) -> Flags:
        return right_by_part(mapped, runs, chip, stripes, labels)

    for index, flags in enumerate(side_by_side(by_part, chips)):
        progress(f"layer by layer: chip {chips[index].seed}")
        found[:, index] = flags
    drops = accuracy_drops(right, list(found), chips[0].seed)
    harm = _first_order(mapped, data, chips[0])
    whole = sum(sum(each) for each in harm.values())
    sensed = []
    for (name, tile), drop in zip(parts, drops[:-1], strict=True):
        place = slice(None) if tile is None else mapped.linear_stages[name].tiles.index(tile)
        own = np.sum(np.array(harm[name])[place])
        policy = chips[0].policy or mapped.linear_stages[name].policy
        assert policy is not None, "a layer in RRAM has a policy"
        sensed.append(PartSensitivity(name, tile, policy, drop, float(own / whole) if whole else 0.0))
    layers, sensed_tiles = tuple(sensed[: len(of_layers)]), tuple(sensed[len(of_layers) :])
    return MeasuredSensitivity(
        len(chips), len(right), chips[0].seed, drops[-1], layers, sensed_tiles, _agreement(layers),
        _agreement(sensed_tiles),
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


def stripes_of(mapped: MappedNetwork, layer: str, tile: Tile | None = None) -> list[int]:
    """The stripes of the banks that hold a layer, or one tile of it."""
    array = mapped.target.array
    assert array is not None, "a layer in RRAM lies in banks"
    tiles = mapped.linear_stages[layer].tiles if tile is None else (tile,)
    return [word.stripe for each in tiles for word in words_of(each, array.geometry)]


def errors_in(banks: ProgrammedBanks, pattern: Pattern, stripes: Sequence[int]) -> ProgrammedBanks:
    """The programmed banks as if these stripes alone had errors, and all others answered what was programmed."""
    nonzero = np.repeat(pattern.nonzero[..., np.newaxis], 2, axis=2)
    sign, fresh = np.repeat((pattern.sign & pattern.nonzero)[..., np.newaxis], 2, axis=2), np.full_like(banks.fresh, -1)
    here = list(stripes)
    sign[here], nonzero[here], fresh[here] = banks.sign[here], banks.nonzero[here], banks.fresh[here]
    return replace(banks, sign=sign, nonzero=nonzero, fresh=fresh)


def right_by_part(
    mapped: MappedNetwork,
    runs: ChipRuns | TrimmedRuns,
    chip: ChipInstance,
    stripes: Sequence[Sequence[int]],
    labels: npt.NDArray[np.int64],
) -> Flags:
    """Which answers are right where one part after another errs, and then all of them, (parts + 1, samples).

    Where `runs` trims chips, each part is trimmed by itself.
    """
    banks, pattern = programmed_banks(mapped, chip), pattern_of(mapped)
    each = (*(errors_in(banks, pattern, here) for here in stripes), banks)
    return np.stack([answers_right(runs.run(one)[0], labels) for one in each])


def _first_order(mapped: MappedNetwork, data: Dataset, chip: ChipInstance) -> Mapping[str, list[float]]:
    """The first-order harm of each tile, by its layer: how much it counts times its policy's error rate."""
    counts = first_order(mapped, data.x)
    return {
        name: [count * _rate(mapped, chip, chip.policy or stage.policy) for count in counts[name]]
        for name, stage in mapped.linear_stages.items()
    }


def _rate(mapped: MappedNetwork, chip: ChipInstance, policy: str | None) -> float:
    assert policy is not None, "a layer in RRAM has a policy"
    given = chip.bit_error_rate
    return aged_rate(mapped.target, policy, chip.conditions.cycles) if given is None else given


def _agreement(parts: Sequence[PartSensitivity]) -> float | None:
    """Spearman's rank correlation of what was measured with what was estimated."""
    measured, estimated = [part.drop.mean for part in parts], [part.first_order for part in parts]
    if len(parts) < _FEWEST or len(set(measured)) == 1 or len(set(estimated)) == 1:
        return None
    return float(scipy.stats.spearmanr(measured, estimated).statistic)
