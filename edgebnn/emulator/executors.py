"""The executors of a mapped network behind one call: reference, fast path, firmware."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.chip.instance import FaultPlanes
from edgebnn.emulator.fast import FastPath
from edgebnn.emulator.firmware import run_firmware
from edgebnn.errors import ToolError
from edgebnn.mapping.faults import programmed_weights
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.network.interpreter import interpret

Scores = npt.NDArray[np.int32]

# The interpreter's patches of a batch stay in the caches and far from the memory's end.
_REFERENCE_BLOCK = 64


class Executor(StrEnum):
    """Who computes."""

    REFERENCE = "reference"  # the NumPy interpreter
    FAST = "fast"  # the C runtime on the host
    FIRMWARE = "firmware"  # the ELF on an emulated CPU


NO_FIRMWARE = (
    "the deployment has no firmware.elf, since no cross compiler was found; "
    "pip install 'edgebnn[soc]' and compile again"
)


def execute(
    mapped: MappedNetwork,
    elf: bytes | None,
    x: npt.NDArray[Any],
    on: Executor,
    faults: FaultPlanes | None = None,
) -> Scores:
    """Integer scores int32 (B, *scores shape) of a batch on one executor, on a chip with faults where they are given.

    Raises DataError for unsuitable data and ToolError where the executor's packages or the firmware are missing.
    """
    if on is Executor.FIRMWARE:
        if elf is None:
            raise ToolError(NO_FIRMWARE)
        return run_firmware(mapped, elf, x, faults).scores
    weights = programmed_weights(mapped, faults) if faults is not None else {}
    if on is Executor.FAST:
        return FastPath(mapped).run(x, weights)
    network = mapped.network.with_weights(weights)
    blocks = [interpret(network, x[i : i + _REFERENCE_BLOCK]) for i in range(0, len(x), _REFERENCE_BLOCK)]
    return np.concatenate(blocks) if blocks else np.zeros((0, *network.output.shape), np.int32)
