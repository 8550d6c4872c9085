"""The same samples on one chip after another: what they share is made once, and chips run side by side.

No run depends on another, so that every number is the same for any number of threads. What is kept does not grow with
the number of chips.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.programmed_banks import ProgrammedBanks
from edgebnn.emulator.chip_program import program_on_chip, weights_on_chip
from edgebnn.emulator.fast import FastPath, Scores
from edgebnn.emulator.known_run import KnownRun
from edgebnn.emulator.program import Program
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.processors import usable_processors

Item = TypeVar("Item")
Found = TypeVar("Found")

_MOST_KEPT_BYTES = 64 << 20  # of the last samples
_AHEAD = 3  # items a thread: one at work, and some done that wait for an earlier one


class ChipRuns:
    """Samples x (B, *the model's own input shape) on chips; raises DataError for unsuitable data.

    Sample i is inference i of every chip. Many threads may use one object.
    """

    def __init__(self, fast: FastPath, x: npt.NDArray[Any]) -> None:
        self._fast = fast
        self._encoded = fast.encode(x)

    def run(self, banks: ProgrammedBanks) -> tuple[Scores, int]:
        """(scores int32 (B, *scores shape), how many weights are most likely read otherwise than meant).

        Raises TargetError for banks that are not the network's.
        """
        chip = weights_on_chip(self._fast.mapped, banks)

        def fresh() -> Program:
            return program_on_chip(self._fast.mapped, self._fast.program, chip)

        return self._scores(lambda: self._known.program(chip), fresh), chip.wrong

    @property
    def clean(self) -> Scores:
        """The scores without errors."""
        return self._clean.copy()

    @property
    def kept_bytes(self) -> int:
        """What samples and known run take in memory."""
        return self._encoded.nbytes + self._known.bytes

    def are_of(self, encoded: npt.NDArray[np.uint8]) -> bool:
        """Whether these are the samples, to the bit, as `FastPath.encode` has them."""
        return np.array_equal(self._encoded, encoded)

    def _scores(self, by_differences: Callable[[], Program], fresh: Callable[[], Program]) -> Scores:
        """One program on the samples of the known run, another one on all others."""
        network, known = self._fast.mapped.network, self._known.samples
        scores = np.empty((len(self._encoded), network.output.size), np.int32)
        if known:
            self._fast.execute(by_differences(), self._encoded[:known], scores[:known])
        if known < len(scores):
            self._fast.execute(fresh(), self._encoded[known:], scores[known:], known)
        return scores.reshape(len(scores), *network.output.shape)

    @cached_property
    def _known(self) -> KnownRun:
        return KnownRun(self._fast, self._encoded)

    @cached_property
    def _clean(self) -> Scores:
        return self._scores(lambda: self._known.clean, lambda: self._fast.program)


class KeptRuns:
    """The runs of a network on chips, and with them the last samples: those again, on other chips, are known already.

    Many threads may use one object.
    """

    def __init__(self, mapped: MappedNetwork) -> None:
        self._fast = FastPath(mapped)
        self._last: ChipRuns | None = None

    def of(self, x: npt.NDArray[Any]) -> ChipRuns:
        """Those of samples x (B, *the model's own input shape), which may change afterwards; DataError for unsuitable
        data."""
        encoded, last = self._fast.encode(x), self._last
        if last is not None and last.are_of(encoded):
            return last
        if encoded.nbytes > _MOST_KEPT_BYTES:
            return ChipRuns(self._fast, x)
        runs = ChipRuns(self._fast, x.copy())
        if runs.kept_bytes <= _MOST_KEPT_BYTES:
            self._last = runs
        return runs


def side_by_side(work: Callable[[Item], Found], items: Iterable[Item]) -> Iterator[Found]:
    """The work on each item, in their order, on as many threads as there are processors to use.

    C runs without the GIL. What fails stops the rest. Few items are under way or wait to be taken at a time.
    """
    threads = usable_processors()
    if threads == 1:  # this one does it sooner
        yield from map(work, items)
        return
    pool = ThreadPoolExecutor(threads)
    under_way: deque[Future[Found]] = deque()
    try:
        for item in items:
            if len(under_way) == _AHEAD * threads:
                yield under_way.popleft().result()
            under_way.append(pool.submit(work, item))
        while under_way:
            yield under_way.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
