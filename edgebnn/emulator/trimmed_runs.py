"""The same samples on one chip after another, each of which is trimmed by other samples before."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.programmed_banks import ProgrammedBanks
from edgebnn.emulator.chip_program import program_on_chip, weights_on_chip
from edgebnn.emulator.fast import FastPath, Scores
from edgebnn.emulator.program import Program
from edgebnn.emulator.trimming import trimmed_network
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.planner import map_network


class TrimmedRuns:
    """As `ChipRuns`: samples x (B, *the model's own input shape) on chips that are trimmed by the samples `by`.

    Sample i is inference i of every chip. Many threads may use one object. Raises DataError for unsuitable samples.
    """

    def __init__(self, mapped: MappedNetwork, x: npt.NDArray[Any], by: npt.NDArray[Any]) -> None:
        self._mapped, self._by = mapped, by
        self._fast = FastPath(mapped)
        self._encoded = self._fast.encode(x)

    def run(self, banks: ProgrammedBanks) -> tuple[Scores, int]:
        """(scores int32 (B, *scores shape), how many weights are most likely read otherwise than meant).

        Raises TargetError for banks that are not the network's.
        """
        network, mapped = trimmed_network(self._mapped, banks, self._by), self._mapped
        trimmed = FastPath(map_network(network, mapped.target, mapped.provenance, mapped.allocation))
        chip = weights_on_chip(trimmed.mapped, banks)
        return self._scores(trimmed, program_on_chip(trimmed.mapped, trimmed.program, chip)), chip.wrong

    @property
    def clean(self) -> Scores:
        """The scores without errors, where nothing is trimmed."""
        return self._scores(self._fast, self._fast.program)

    def _scores(self, fast: FastPath, program: Program) -> Scores:
        scores = np.empty((len(self._encoded), fast.mapped.network.output.size), np.int32)
        fast.execute(program, self._encoded, scores)
        return scores.reshape(len(scores), *fast.mapped.network.output.shape)
