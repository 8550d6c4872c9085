"""Batches of one deployment, one after another: what all of them share is made once."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.programmed_banks import ProgrammedBanks
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.emulator.executors import Executor, execute
from edgebnn.emulator.fast import FastPath
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.programmed import programmed_banks


class Runner:
    """Keeps the fast path and the programmed banks of the last chip, so that a stream of samples programs it once.

    A chip instance says all about its chip, so an equal one has the same banks. Many threads may use one object.
    """

    def __init__(self, mapped: MappedNetwork, elf: bytes | None) -> None:
        self._mapped = mapped
        self._elf = elf
        self._last: tuple[ChipInstance, ProgrammedBanks] | None = None

    def run(
        self, x: npt.NDArray[Any], on: Executor, chip: ChipInstance | None, first_inference: int
    ) -> npt.NDArray[np.int32]:
        """Integer scores int32 (B, *scores shape) of a batch; raises what `execute` and `programmed_banks` raise."""
        banks = None if chip is None else self._banks(chip)
        fast = self._fast if on is Executor.FAST else None
        return execute(self._mapped, self._elf, x, on, banks, first_inference, fast)

    @cached_property
    def _fast(self) -> FastPath:
        return FastPath(self._mapped)

    def _banks(self, chip: ChipInstance) -> ProgrammedBanks:
        """The pair is read and written as one, so that no thread meets another's banks."""
        last = self._last
        if last is None or last[0] != chip:
            last = self._last = chip, programmed_banks(self._mapped, chip)
        return last[1]
