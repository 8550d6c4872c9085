"""What a deployment takes over the days of its life, and how long a battery lasts."""

from __future__ import annotations

from dataclasses import dataclass, replace

from edgebnn.brief import brief
from edgebnn.chip.device.conditions import SECONDS_A_DAY
from edgebnn.chip.energy.energy import Energy, EnergyGroup, EnergyPart, leakage_energy
from edgebnn.chip.lifetime.batteries import Battery, battery_of
from edgebnn.chip.target.target import Target
from edgebnn.errors import TargetError
from edgebnn.number_checks import check_number, check_whole

_MOST = 1e9  # of each number of a usage: beyond it sums of energies would no longer be finite


@dataclass(frozen=True)
class Usage:
    """What a deployment does over its life.

    days: how long that is. inferences_per_day, reprogrammings_per_day, boots_per_day: rates; at its start it is
    programmed once in any case. channels, sample_rate_hz: of the front end, which is left out where there is no rate.
    Raises TargetError for a number out of range.
    """

    days: float = 365
    inferences_per_day: float = 86_400  # one a second, about as often as a heart beats
    reprogrammings_per_day: float = 0
    channels: int = 1
    sample_rate_hz: float | None = None
    boots_per_day: float = 0

    def __post_init__(self) -> None:
        check_whole(channels=self.channels)
        check_number(
            days=self.days,
            inferences_per_day=self.inferences_per_day,
            reprogrammings_per_day=self.reprogrammings_per_day,
            sample_rate_hz=self.sample_rate_hz,
            boots_per_day=self.boots_per_day,
        )
        for name, value in (
            ("inferences a day", self.inferences_per_day),
            ("reprogrammings a day", self.reprogrammings_per_day),
            ("boots a day", self.boots_per_day),
        ):
            if not 0 <= value <= _MOST:
                raise TargetError(f"{value:g} {name} are out of range; use a number from 0 to {_MOST:g}")
        for name, above_zero in (("days", self.days), ("samples a second", self.sample_rate_hz)):
            if above_zero is not None and not 0 < above_zero <= _MOST:
                raise TargetError(f"{above_zero:g} {name} are out of range; use a number above 0, up to {_MOST:g}")
        if not 1 <= self.channels <= _MOST:
            raise TargetError(f"{self.channels} channels are out of range; use a whole number from 1 to {_MOST:g}")
        if self.channels > 1 and self.sample_rate_hz is None:
            raise TargetError(f"{self.channels} channels have no sample rate; give one, or leave out the channels")

    @property
    def seconds(self) -> float:
        """How long its life is."""
        return self.days * SECONDS_A_DAY

    @property
    def inferences(self) -> float:
        """Inferences of its life."""
        return self.days * self.inferences_per_day

    @property
    def reprogrammings(self) -> float:
        """Reprogrammings of its life, the first programming not among them."""
        return self.days * self.reprogrammings_per_day

    @property
    def boots(self) -> float:
        """Boots of its life."""
        return self.days * self.boots_per_day


@dataclass(frozen=True)
class Lifetime:
    """The energy of a deployment's whole life.

    mean_power_w: that energy over that time. battery_power_w: what the battery gives for it, the converter's loss
    included. battery_days: until the battery has given its nominal charge (its self-discharge is left out). These and
    the battery are None for a target without a [device], and `battery_days` where no power flows.
    """

    usage: Usage
    energy: Energy
    battery: Battery | None
    battery_power_w: float | None
    battery_days: float | None

    __repr__ = brief

    @property
    def mean_power_w(self) -> float:
        """Mean power of chip and front end."""
        return self.energy.total_j / self.usage.seconds

    @property
    def leakage_share(self) -> float:
        """The share of the energy that leaks away, whether anything is computed or not, 0 to 1."""
        total_j = self.energy.total_j
        return self.energy.by_group()[EnergyGroup.LEAKAGE] / total_j if total_j else 0.0


def lifetime(
    target: Target,
    usage: Usage,
    inference: Energy,
    programming: Energy | None = None,
    supply_v: float | None = None,
    battery: Battery | None = None,
    boot: Energy | None = None,
    provisioning: Energy | None = None,
) -> Lifetime:
    """The life of a deployment of which one inference, one programming of all banks and one boot take these energies.

    `provisioning` is what each programming takes besides its pulses.
    Leakage flows all the time, at this supply in V: that of the inference is left out, not counted twice. The battery
    is the target's own unless one is given. Raises TargetError for a target without an energy model, for a supply that
    it does not work at, and for a sample rate or a battery on one without a [device].
    """
    parts = _active("", inference, usage.inferences)
    if boot is not None and usage.boots:
        parts += _active("boot_", boot, usage.boots)
    if programming is not None:
        parts += programming.scaled(1 + usage.reprogrammings).parts
    if provisioning is not None:
        parts += _active("program_", provisioning, 1 + usage.reprogrammings)
    parts.append(leakage_energy(target, usage.seconds, supply_v))
    if usage.sample_rate_hz is not None:
        parts += _front_end(target, usage.channels, usage.sample_rate_hz, usage.seconds)
    energy = Energy(tuple(parts))
    if target.device is None:
        if battery is not None:
            raise TargetError(f"target '{target.name}' has no [device], so nothing for a battery to feed; leave it out")
        return Lifetime(usage, energy, None, None, None)
    battery = battery or battery_of(target.device)
    power_w = energy.total_j / usage.seconds / target.device.converter_efficiency.si("ratio")
    days = battery.energy_j / power_w / SECONDS_A_DAY if power_w > 0 else None
    return Lifetime(usage, energy, battery, power_w, days)


def _active(prefix: str, each: Energy, times: float) -> list[EnergyPart]:
    """The parts of something done so often, with names of their own, but for what leaks away meanwhile."""
    active = (part for part in each.scaled(times).parts if part.group is not EnergyGroup.LEAKAGE)
    return [replace(part, name=f"{prefix}{part.name}") for part in active if part.energy_j or not prefix]


def _front_end(target: Target, channels: int, sample_rate_hz: float, seconds: float) -> tuple[EnergyPart, EnergyPart]:
    """The front end is on all the time; each sample of each channel takes its energy besides."""
    if target.device is None:
        raise TargetError(f"target '{target.name}' has no [device], so no front end; leave out the sample rate")
    front_end, sample = target.device.front_end, target.device.sample
    samples = channels * sample_rate_hz * seconds
    return (
        EnergyPart("channels", EnergyGroup.FRONT_END, front_end.si("power") * channels * seconds, front_end.evidence),
        EnergyPart("samples", EnergyGroup.FRONT_END, sample.si("energy") * samples, sample.evidence),
    )
