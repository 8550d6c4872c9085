"""The tables [physics.*] of a target: devices and sense amplifiers, for rates away from the tabulated conditions."""

from __future__ import annotations

from edgebnn.chip.target.sections import (
    Capacitance,
    Duration,
    Efficiency,
    EnergyQuantity,
    Factor,
    LogRatio,
    Ratio,
    RelativeDrift,
    Resistance,
    Slope,
    Spread,
    TargetTable,
    Temperature,
    Voltage,
    VoltageDrift,
)


class Sense(TargetTable, frozen=True):
    """The precharge sense amplifier: both bit lines discharge from the supply to its switching point.

    `offset` and `noise` are standard deviations of its input: of one amplifier against the next, and of one read
    against the next at the reference temperature. `threshold` is that of its transistors. The window within which a
    ternary read has to be decided is fitted for `window_policy`.
    """

    threshold: Voltage
    threshold_drift: VoltageDrift
    capacitance: Capacitance
    offset: Spread
    noise: Spread
    window_policy: str


class Temperatures(TargetTable, frozen=True):
    """Where the figures hold, how far the model reaches, and what the devices do in between."""

    reference: Temperature
    lowest: Temperature
    highest: Temperature
    lrs_drift: RelativeDrift
    hrs_activation: EnergyQuantity


class Access(TargetTable, frozen=True):
    """The transistor in series with each device.

    `resistance` is what it has at the nominal supply, and is part of the policies' lrs and hrs. It goes with
    1 / (V - threshold); `mismatch` is the threshold's standard deviation from transistor to transistor.
    """

    resistance: Resistance
    threshold: Voltage
    mismatch: Spread


class Variability(TargetTable, frozen=True):
    """How the spread of ln R, which the bit error rate fixes, divides into its causes and over the states.

    `lrs_spread` and `hrs_spread` say how many times that spread each state has, by default once.
    """

    device_share: Ratio
    lrs_spread: Factor | None = None
    hrs_spread: Factor | None = None


class Relaxation(TargetTable, frozen=True):
    """The share of the variance of ln R that devices take on in the seconds after programming, behind any verify."""

    share: Ratio


class HeavyTailsSection(TargetTable, frozen=True):
    """The share of programming pulses that go astray: what they draw is so many times wider spread."""

    share: Ratio
    width: Factor


class TelegraphSection(TargetTable, frozen=True):
    """Random telegraph noise: with the probability `share` a device is in its upper state when it is read.

    Its ln R is then higher by an amplitude of its own, uniform from 0 to `amplitude`.
    """

    amplitude: LogRatio
    share: Ratio


class StuckSection(TargetTable, frozen=True):
    """Yield: the shares of devices that stay in LRS, and in HRS, whatever they are programmed to."""

    lrs: Ratio
    hrs: Ratio


class Ageing(TargetTable, frozen=True):
    """BER(n) = BER(0) * max(1, n / (onset * endurance)) ^ exponent after n programming cycles, up to `worst`."""

    onset: Efficiency
    exponent: Slope
    worst: Efficiency


class Retention(TargetTable, frozen=True):
    """ln(HRS / LRS) shrinks by the share `drift` with each decade of time behind `onset`, up to `longest`."""

    drift: Ratio
    onset: Duration
    longest: Duration


class Spatial(TargetTable, frozen=True):
    """Standard deviations of the error rate's normal quantile from bank to bank, row to row and column to column."""

    bank: Ratio
    row: Ratio
    column: Ratio


class TernaryErrors(TargetTable, frozen=True):
    """How often a ternary weight is read wrong at a supply voltage."""

    supply: Voltage
    sign_flip: Ratio
    to_zero: Ratio
    from_zero: Ratio


class Physics(TargetTable, frozen=True):
    """Devices and sense amplifiers, for error rates away from the tabulated conditions."""

    sense: Sense
    temperature: Temperatures
    variability: Variability
    ageing: Ageing
    retention: Retention
    spatial: Spatial
    ternary: dict[str, TernaryErrors]
    access: Access | None = None
    relaxation: Relaxation | None = None
    tails: HeavyTailsSection | None = None
    telegraph: TelegraphSection | None = None
    stuck: StuckSection | None = None
