"""The emulated Cortex-M4 with all counters on, in instructions a second, on the shipped ECG model.

Beside it stands the same firmware with a hook in front of each block of instructions alone, which counts nothing
right: about the speed that unicorn has of itself, so the ratio says what exact counting takes. The two run in turns;
times are those of the processor, and the ratio is the median of each turn's own.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import median
from unittest.mock import patch

import numpy as np

import edgebnn
from benchmarks.rows import Row
from edgebnn.emulator import soc as emulated
from edgebnn.emulator.soc import Soc
from edgebnn.models import ECG_PVC

BEATS = 4
TURNS = 15


def seconds(soc: Soc, x: np.ndarray) -> float:
    start = time.thread_time()
    soc.infer(x)
    return time.thread_time() - start


def rows() -> Iterator[Row]:
    deployment = edgebnn.compile(ECG_PVC, target="cortex-m4")
    mapped, elf = deployment.mapped, deployment.elf
    assert elf is not None, "needs the extra soc"
    with Soc(mapped, elf) as counting, patch.object(emulated, "HOOK_CODE", "UC_HOOK_BLOCK"), Soc(mapped, elf) as bare:
        counting.boot()
        bare.boot()
        x = np.zeros((BEATS, *mapped.network.inputs[0].model_shape))
        _, events = counting.infer(x)
        turns = [(seconds(counting, x), seconds(bare, x)) for _ in range(TURNS)]
    counted, hooked = (median(column) for column in zip(*turns, strict=True))
    blocks = events.instructions / hooked / 1e6
    binds = (
        "unicorn with a hook in front of each block, which can tell neither what an IT block skips nor which memory a "
        f"load reads, runs {blocks:,.0f} million instructions a second of this firmware here; no counter behind its "
        "hooks is faster than that. A hook in front of each instruction makes it keep all registers in memory and look "
        "for a stop each time; our part behind it is 36 % of the time (perf), so that an empty hook would run at 1.6 "
        "times this speed. Tried: a decoded instruction of 12 bytes to look at, and a byte, which a cache holds, a "
        "tenth faster. Until stores to SRAM went past unicorn's search for changed code, they took half of the time."
    )
    yield Row("all counters on", events.instructions / counted / 1e6, "M instructions/s", 200, binds=binds)
    yield Row("blocks alone", blocks, "M instructions/s")
    yield Row("what exact counting takes", median(b / a for a, b in turns), "of the speed of blocks alone")
