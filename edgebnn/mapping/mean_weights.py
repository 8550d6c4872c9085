"""What a chip reads of a layer's weights in the mean: between -1 and +1 where a weight is not always read alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.programmed_banks import ProgrammedBanks
from edgebnn.chip.banks.read_errors import mean_read
from edgebnn.mapping.plan import LinearStage
from edgebnn.mapping.tiling import words_of
from edgebnn.mapping.weight_words import model_order

Means = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class MeanWeights:
    """Weights (O, n), in the model's order, as inputs of -1 and as those of +1 find them: an amplifier's offset helps
    one product and hinders the other."""

    minus: Means
    plus: Means


def mean_weights(stage: LinearStage, banks: ProgrammedBanks) -> MeanWeights:
    """Those of a layer in RRAM; the banks are those of its network."""
    return MeanWeights(_read(stage, banks, False), _read(stage, banks, True))


def _read(stage: LinearStage, banks: ProgrammedBanks, sign: bool) -> Means:
    rows = np.zeros((stage.output.channels, stage.fan_in), np.float32)
    for tile in stage.tiles:
        held = list(words_of(tile, banks.geometry))
        found = mean_read(banks, np.array([each.stripe for each in held], np.int64), sign)[:, : tile.neurons]
        for each, values in zip(held, found, strict=True):
            first = each.word * values.shape[1]
            rows[tile.neuron : tile.neuron + tile.neurons, first : first + each.inputs] = values[:, : each.inputs]
    return model_order(rows, stage.window)
