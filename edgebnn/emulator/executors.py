"""The executors of a mapped network behind one call: reference, fast path, firmware."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.c_structs import check_inferences
from edgebnn.chip.banks.programmed_banks import ProgrammedBanks
from edgebnn.emulator.fast import FastPath
from edgebnn.emulator.firmware import run_firmware
from edgebnn.emulator.sensed_layers import sensed_layers
from edgebnn.errors import ToolError
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
    banks: ProgrammedBanks | None = None,
    first_inference: int = 0,
    fast: FastPath | None = None,
) -> Scores:
    """Integer scores int32 (B, *scores shape) of a batch on one executor.

    `banks` are those of a chip with errors, whose inference `first_inference` + i sample i is. `fast` is the network's
    fast path where there is one already. Raises DataError for
    unsuitable data, TargetError for banks that are not the network's, ToolError where the executor's packages or the
    firmware are missing.
    """
    if on is Executor.FIRMWARE:
        if elf is None:
            raise ToolError(NO_FIRMWARE)
        return run_firmware(mapped, elf, x, banks, first_inference=first_inference).scores
    if on is Executor.FAST:
        return (fast or FastPath(mapped)).run(x, banks, first_inference=first_inference)
    if banks is not None:
        check_inferences(first_inference, len(x))
    blocks = []
    for first in range(0, len(x), _REFERENCE_BLOCK):
        rules = None if banks is None else sensed_layers(mapped, banks, first_inference + first)
        blocks.append(interpret(mapped.network, x[first : first + _REFERENCE_BLOCK], rules))
    return np.concatenate(blocks) if blocks else np.zeros((0, *mapped.network.output.shape), np.int32)
