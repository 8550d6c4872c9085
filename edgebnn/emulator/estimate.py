"""Energy, latency and endurance of a deployment without any data: of an inference, and of its whole life."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce
from operator import add

import numpy as np

from edgebnn.brief import brief
from edgebnn.chip.device.conditions import SECONDS_A_DAY
from edgebnn.chip.energy.energy import (
    Energy,
    Phase,
    inference_energy,
    latency_phases,
    latency_s,
    phase_evidence,
)
from edgebnn.chip.energy.events import Events
from edgebnn.chip.energy.programming_cost import ProgrammingCost
from edgebnn.chip.lifetime.batteries import Battery
from edgebnn.chip.lifetime.endurance import Endurance, weakest_endurance
from edgebnn.chip.lifetime.fleet import Fleet, FleetTotals, fleet_totals
from edgebnn.chip.lifetime.lifetime import Lifetime, Usage, lifetime
from edgebnn.chip.target.supply import supply_v as checked_supply_v
from edgebnn.chip.target.target import Target
from edgebnn.emulator.array_events import marker_cost, programming_once, run_events
from edgebnn.emulator.executors import NO_FIRMWARE
from edgebnn.emulator.firmware import FirmwareRun, run_firmware, run_provisioning
from edgebnn.errors import TargetError, ToolError
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.network.batches import joined
from edgebnn.network.types import Tensor
from edgebnn.units import readable_time

ONE_A_SECOND = Usage()
ONE_DEVICE = Fleet()


@dataclass(frozen=True)
class Programming:
    """Programming all banks once: what it takes under each policy in use, and how often the devices stand it.

    `endurance` is that of the policy that wears out first, None where no layer is in RRAM. `marker` is what the marker
    takes on top, None where every boot programs; with a third of its cells wrong it is still one, so it outlives them.
    """

    cost: ProgrammingCost
    endurance: Endurance | None
    marker: ProgrammingCost | None

    __repr__ = brief

    @property
    def whole(self) -> Energy:
        """The energy of weights and marker, each part by a name of its own."""
        several = len(self.cost.energies) > 1
        parts = [
            replace(part, name=f"{part.name}_{policy}" if several else part.name)
            for policy, energy in self.cost.energies.items()
            for part in energy.parts
        ]
        marker = () if self.marker is None else self.marker.energy.parts
        return Energy((*parts, *(replace(part, name=f"marker_{part.name}") for part in marker)))

    @property
    def energy(self) -> Energy:
        """The pulses' energy, with parts for each policy."""
        return self.cost.energy

    @property
    def time(self) -> tuple[Phase, ...]:
        """How long the pulses take, under each policy."""
        return tuple(self.cost.times.values())

    @property
    def time_s(self) -> float:
        """Seconds of pulses."""
        return self.cost.time_s


@dataclass(frozen=True)
class Trimming:
    """What it takes a chip to trim itself once: reading all weights back, and adding up what is wrong of them.

    The chip is one without errors: each wrong weight takes some 30 instructions more.
    """

    energy: Energy
    time_s: float

    __repr__ = brief


@dataclass(frozen=True, repr=False)
class Estimate:
    """What one inference takes, what programming takes, and what a whole life takes, at the supply `supply_v`.

    `array` are the macro's events in closed form from the plan, `counted` all events of one inference that the
    emulated chip executed on an input of zeros; energies rest on the latter. `latency` are the phases of an inference.
    `boot` is what a boot takes of a chip that was programmed before, but for what programs it again; a chip that trims
    itself finds what it has kept, unless it programs at every boot. `trimming` is what trimming itself takes, where a
    boot is without it. `provisioning` is what the chip takes to program itself besides the pulses: what a first boot
    does that a later one does not, trimming included, or what a program of its own does. `fleet` is what many devices
    take that live alike. What is None or empty is not known on a target without an energy model; `programming` is None
    without RRAM.
    """

    array: Events
    counted: Events | None
    supply_v: float | None
    energy: Energy | None
    latency: tuple[Phase, ...]
    programmed: Programming | None
    lifetime: Lifetime | None
    boot: Energy | None = None
    fleet: FleetTotals | None = None
    trimming: Trimming | None = None
    provisioning: Energy | None = None

    def __repr__(self) -> str:
        """One short line; the fields have the rest."""
        if self.energy is None or self.latency_us is None:
            return "Estimate(energy=None)"
        return f"Estimate(energy_nj={self.energy.total_j * 1e9:.4g}, latency_us={self.latency_us:.4g})"

    @property
    def latency_us(self) -> float | None:
        """Microseconds of one inference."""
        return sum(phase.time_s for phase in self.latency) * 1e6 if self.latency else None

    @property
    def latency_evidence(self) -> Mapping[str, float]:
        """The share of the latency that rests on each word of evidence."""
        return phase_evidence(self.latency)

    @property
    def programming(self) -> Energy | None:
        """The energy that programs all banks once."""
        return None if self.programmed is None else self.programmed.energy


def estimate(
    mapped: MappedNetwork,
    elf: bytes | None,
    usage: Usage = ONE_A_SECOND,
    supply_v: float | None = None,
    battery: Battery | None = None,
    provision_elf: bytes | None = None,
    fleet: Fleet = ONE_DEVICE,
    flash_bytes: int | None = None,
) -> Estimate:
    """The estimate at a supply in V, by default the nominal one, and with a battery, by default the target's.

    Where there is RRAM each update of the `fleet` programs all banks again; `flash_bytes` are those that it sends.

    `provision_elf` is the program that programs the chip where the firmware does not.

    Raises ToolError where the firmware, whose instructions are counted, is missing; TargetError for a supply that the
    target does not work at, and for a usage that it cannot have.
    """
    target = mapped.target
    array = Events()
    if target.array is not None:
        array = reduce(add, (run_events(stage, target.array) for stage in mapped.linear_stages.values()), array)
    elif usage.reprogrammings_per_day:
        raise TargetError(f"target '{target.name}' has no RRAM, so nothing is reprogrammed; leave reprogrammings out")
    programmed = _programming(mapped)
    if target.energy is None:
        if supply_v is not None:
            checked_supply_v(target, supply_v)
        for what, asked in (("battery", battery is not None), ("fleet", fleet != ONE_DEVICE)):
            if asked:
                raise TargetError(f"target '{target.name}' has no energy model, so no {what}; leave it out")
        return Estimate(array, None, None, None, (), programmed, None)
    volts = checked_supply_v(target, supply_v)
    if elf is None:
        raise ToolError(NO_FIRMWARE)
    run = _run(mapped, elf)
    assert run.events is not None and run.boot is not None, "a target with an energy model counts its events"
    usage = _with_updates(usage, fleet, target)
    counted, latency = run.events, latency_phases(run.events, target)
    once = None
    if mapped.provisioning == "separate" and provision_elf is not None:
        once = run_provisioning(mapped, provision_elf)
    if run.programming is not None:
        # Where every boot programs, all of it does.
        once = run.programming if mapped.provisioning == "boot" else run.programming - run.boot
    provisioning = None if once is None else inference_energy(once, target, volts)
    inference_s, boot_s = sum(phase.time_s for phase in latency), latency_s(run.boot, target)
    _check_time(target, usage, inference_s, boot_s, programmed, 0.0 if once is None else latency_s(once, target))
    if mapped.provisioning == "boot":
        # A boot is one programming more, and takes nothing besides.
        usage = replace(usage, reprogrammings_per_day=usage.reprogrammings_per_day + usage.boots_per_day)
    energy, boot = inference_energy(counted, target, volts), inference_energy(run.boot, target, volts)
    life = lifetime(
        target,
        usage,
        energy,
        None if programmed is None else programmed.whole,
        volts,
        battery,
        None if mapped.provisioning == "boot" else boot,
        provisioning,
    )
    each_programming = (None if programmed is None else programmed.whole, provisioning)
    programming_j = sum((part.total_j for part in each_programming if part is not None), 0.0)
    return Estimate(
        array=array,
        counted=counted,
        supply_v=volts,
        energy=energy,
        latency=latency,
        programmed=programmed,
        lifetime=life,
        boot=boot,
        fleet=None if fleet == ONE_DEVICE else fleet_totals(fleet, life, programming_j, flash_bytes),
        provisioning=provisioning,
        trimming=None
        if run.trimming is None
        else Trimming(inference_energy(run.trimming, target, volts), latency_s(run.trimming, target)),
    )


def _with_updates(usage: Usage, fleet: Fleet, target: Target) -> Usage:
    """The usage of each device, whose banks every update programs again."""
    if target.array is None or not fleet.updates_per_year:
        return usage
    return replace(usage, reprogrammings_per_day=usage.reprogrammings_per_day + fleet.updates_per_day)


def _run(mapped: MappedNetwork, elf: bytes) -> FirmwareRun:
    """One inference on zeros, or on what comes nearest to them."""
    inputs = mapped.network.inputs
    probe = joined(inputs, {entry.name: np.full((1, *entry.model_shape), _zero(entry.tensor)) for entry in inputs})
    return run_firmware(mapped, elf, probe, None, counts_trimming=True)


def _zero(tensor: Tensor) -> int:
    """Of the integers of a tensor the one nearest to zero."""
    return min(max(0 if tensor.kind != "bits" else 1, tensor.low), tensor.high)


def _programming(mapped: MappedNetwork) -> Programming | None:
    """What programming takes under the policy of each layer; None on a target without RRAM."""
    if mapped.target.array is None:
        return None
    cost = programming_once(mapped)
    return Programming(cost, weakest_endurance(mapped.target, cost.pulses), marker_cost(mapped))


def _check_time(
    target: Target, usage: Usage, inference_s: float, boot_s: float, programmed: Programming | None, program_s: float
) -> None:
    """TargetError where a day is too short for all that is asked of it.

    A boot takes `boot_s` besides any pulses, and a reprogramming `program_s`.
    """
    needed_s = usage.inferences_per_day * inference_s + usage.boots_per_day * boot_s
    each = f"{readable_time(inference_s)} an inference"
    each += f", {readable_time(boot_s)} a boot" if usage.boots_per_day else ""
    if programmed is not None and usage.reprogrammings_per_day:
        needed_s += usage.reprogrammings_per_day * (programmed.time_s + program_s)
        each += f" and {readable_time(programmed.time_s + program_s)} a reprogramming"
    if needed_s > SECONDS_A_DAY:
        times = f"{needed_s / SECONDS_A_DAY:,.3g} times what fits into a day"
        raise TargetError(f"'{target.name}' is asked for {times} at {each}; ask for fewer a day")
