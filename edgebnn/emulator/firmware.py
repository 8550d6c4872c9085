"""Executing a deployment's firmware: on the emulated chip, or as a program where the target is this machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.c_structs import check_inferences
from edgebnn.chip.banks.programmed_banks import ProgrammedBanks
from edgebnn.chip.energy.events import Events
from edgebnn.chip.target.target import Target
from edgebnn.emulator.host_firmware import run_host_firmware
from edgebnn.emulator.macro import Cells
from edgebnn.emulator.soc import Soc
from edgebnn.errors import ToolError
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.programmed import check_programmed
from edgebnn.mapping.trusted_elf import TrustedElf

WITHOUT_CONSENT = (
    "the deployment's firmware is a program of this machine that would run with your rights, and it was loaded, not "
    "built here; where you know who made it, give --trust (in Python load(folder, trust=True))"
)


def runs(target: Target, elf: bytes) -> bool:
    """Whether `run_firmware` runs it: on an emulated CPU any firmware, as a program of this machine a trusted one."""
    return target.architecture != "host" or isinstance(elf, TrustedElf)


@dataclass(frozen=True, eq=False)
class FirmwareRun:
    """Scores int32 (B, *scores shape) and what happened on the chip.

    `programming` are the events from reset to the first input on a new chip (None on a target without RRAM, and where
    the firmware does not program), `boot` the same on a chip that was programmed before, and `events` those of the
    whole batch behind that. Both are None on this machine, which counts nothing. `trimming` are the events of reading
    all weights back, of a chip that trims itself, where those of a boot are without them.
    """

    scores: npt.NDArray[np.int32]
    programming: Events | None
    boot: Events | None
    events: Events | None
    trimming: Events | None = None


def run_firmware(
    mapped: MappedNetwork,
    elf: bytes,
    x: npt.NDArray[Any],
    banks: ProgrammedBanks | None,
    progress: Callable[[int, int], None] = lambda done, of: None,
    first_inference: int = 0,
    counts_trimming: bool = False,
) -> FirmwareRun:
    """A batch x (B, *the model's own input shape) through the firmware.

    It is programmed onto the `banks` of a chip with errors where they are given; sample i is then the chip's inference
    `first_inference` + i. `progress` hears, on an emulated chip, how many of the samples are done. With
    `counts_trimming` a chip that trims itself does so once more at the end, to be counted. Raises DataError for
    unsuitable data, DeploymentError for a firmware that is damaged or fails, TargetError for banks that are not the
    network's or on a target without RRAM, ToolError where unicorn is missing, or for a native program without consent.
    """
    target = mapped.target
    if banks is not None:
        check_programmed(mapped, banks)
        check_inferences(first_inference, len(x))
    if target.architecture == "host":
        if not isinstance(elf, TrustedElf):
            raise ToolError(WITHOUT_CONSENT)
        return FirmwareRun(run_host_firmware(mapped, elf, x), None, None, None)
    provisioned = Cells.provisioned(mapped) if mapped.provisioning == "separate" else None
    with Soc(mapped, elf, banks, cells=provisioned) as soc:
        first = soc.boot()
        again = soc.boot() if mapped.provisioning == "once" else first
        scores, events = soc.infer(x, progress, first_inference)
        trimming = None
        if counts_trimming and mapped.network.trims_itself and again is not first:
            soc.forget_trim()
            trimming = soc.boot() - again
    programs = target.array is not None and provisioned is None
    return FirmwareRun(scores, first if programs else None, again, events, trimming)


def run_provisioning(mapped: MappedNetwork, elf: bytes) -> Events:
    """What happens where a program of its own programs a new chip, the pulses among it; errors as `run_firmware`."""
    with Soc(mapped, elf) as soc:
        return soc.boot()
