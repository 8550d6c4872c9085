"""What a file of `targets/devices/` states: devices under weak RESET pulses, every number with its provenance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec

from edgebnn.chip.target.quantity import Bounds, Quantity, of
from edgebnn.chip.target.sections import Factor, LogRatio, Resistance, TargetTable
from edgebnn.chip.target.target import NAME_PATTERN, quantities_of

LogRise = Annotated[Quantity, of("log rise")]
PositiveLogRise = Annotated[Quantity, of("log rise", positive=True)]
PositiveLogRatio = Annotated[Quantity, of("log ratio", positive=True)]
PulseRate = Annotated[Quantity, of("pulse rate")]
Pulses = Annotated[Quantity, of("pulses", positive=True)]


class StartSection(TargetTable, frozen=True):
    """R0, the low-resistance state: a normal law within an interval."""

    mean: Resistance
    deviation: Resistance
    lowest: Resistance
    highest: Resistance


class FirstSlopeSection(TargetTable, frozen=True):
    """What a pulse adds to ln R up to the turn: an exponential law behind `location`, within an interval."""

    location: LogRise
    scale: PositiveLogRise
    lowest: LogRise
    highest: PositiveLogRise


class TurnSection(TargetTable, frozen=True):
    """After how many pulses the second slope begins: a log-normal law within an interval."""

    median: Pulses
    spread: PositiveLogRatio
    lowest: Pulses
    highest: Pulses


class OffsetSection(TargetTable, frozen=True):
    """What is added to ln R from the start: a normal law from -reach to reach."""

    mean: LogRatio
    deviation: PositiveLogRatio
    reach: PositiveLogRatio


class SecondSlopeSection(TargetTable, frozen=True):
    """What a pulse adds to ln R behind the turn: an exponential law from 0 to `highest`."""

    scale: PositiveLogRise
    highest: PositiveLogRise


class PulsedTelegraphSection(TargetTable, frozen=True):
    """Random telegraph noise of two states, between which pulses move a device."""

    rise: PulseRate
    fall: PulseRate
    amplitude: LogRatio
    draws: Factor


class PinkSection(TargetTable, frozen=True):
    """1/f noise over the last `memory` pulses."""

    coupling: LogRatio
    memory: Pulses


class UpdateSection(TargetTable, frozen=True):
    """How an update of a weight becomes pulses."""

    most_pulses: Pulses


class WeakResetDevices(TargetTable, frozen=True):
    """Devices on which a network can learn by weak RESET pulses; the law is that of the file's head."""

    schema: Literal[1]
    name: Annotated[str, msgspec.Meta(pattern=NAME_PATTERN)]
    summary: str
    start: StartSection
    first_slope: FirstSlopeSection
    turn: TurnSection
    offset: OffsetSection
    second_slope: SecondSlopeSection
    telegraph: PulsedTelegraphSection
    pink: PinkSection
    update: UpdateSection

    def quantities(self) -> Iterator[tuple[str, Quantity, Bounds]]:
        """Every number of the file as (dotted path, quantity, what it has to keep to)."""
        yield from quantities_of(self)
