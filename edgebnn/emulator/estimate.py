"""Energy, latency and programming energy of a deployment without any data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np

from edgebnn.chip.energy import Energy, inference_energy, latency_evidence, latency_s, programming_energy
from edgebnn.chip.events import Events
from edgebnn.emulator.array_events import programming_events, run_events
from edgebnn.emulator.executors import NO_FIRMWARE
from edgebnn.emulator.firmware import run_firmware
from edgebnn.errors import ToolError
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.network.encoding import model_shape


@dataclass(frozen=True)
class Estimate:
    """What one inference takes.

    `array` are the macro's events in closed form from the plan, `counted` all events of one inference that the
    emulated chip executed on an input of zeros; energies rest on the latter. All but `array` is None on a target
    without an energy model.
    """

    array: Events
    counted: Events | None
    energy: Energy | None
    latency_us: float | None
    latency_evidence: Mapping[str, float]
    programming: Energy | None


def estimate(mapped: MappedNetwork, elf: bytes | None) -> Estimate:
    """The estimate; ToolError where the firmware, whose instructions are counted, is missing."""
    target = mapped.target
    array = Events()
    programming = None
    if target.array is not None and mapped.policy is not None:
        stages = mapped.linear_stages.values()
        array = reduce(add, (run_events(stage, target.array) for stage in stages), array)
        pulses = reduce(add, (programming_events(stage, mapped.image) for stage in stages), Events())
        programming = programming_energy(pulses, target.policy(mapped.policy))
    if target.energy is None:
        return Estimate(array, None, None, None, {}, programming)
    if elf is None:
        raise ToolError(NO_FIRMWARE)
    entry = mapped.network.input
    zero = min(max(0 if entry.kind != "bits" else 1, entry.low), entry.high)
    probe = np.full((1, *model_shape(mapped.network)), zero)
    counted = run_firmware(mapped, elf, probe, None).events
    assert counted is not None, "a target with an energy model counts its events"
    return Estimate(
        array=array,
        counted=counted,
        energy=inference_energy(counted, target),
        latency_us=latency_s(counted, target) * 1e6,
        latency_evidence=latency_evidence(counted, target),
        programming=programming,
    )
