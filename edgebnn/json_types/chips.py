"""Chip instances: what one is made of, and what the commands of `edgebnn chip` answer."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from edgebnn.json_types.energy import PolicyCostDocument, WearDocument
from edgebnn.json_types.numbers import Interval
from edgebnn.json_types.target import NamedTargetDocument


class ConditionsDocument(TypedDict):
    """What a chip went through and how it works; null stands for the target's nominal or reference value."""

    cycles: int
    supply_v: float | None
    temperature_c: float | None
    retention_days: float


class AttemptsDocument(TypedDict):
    """How a chip is programmed, and how often it misreads whatever was programmed."""

    read_error_rate: float
    attempts: int
    guard_band: float


class RateDocument(TypedDict):
    """How often binary weights are wrong, those of each sign, and a word of evidence, or `given` by the user.

    Null where no formula gives it, after further attempts.
    """

    bit_error_rate: float | None
    error_rate_plus: float | None
    error_rate_minus: float | None
    bit_error_rate_evidence: str


class PolicyRateDocument(RateDocument):
    """That of the rows under one policy."""

    policy: str


class MeasurementDocument(TypedDict):
    """Where a chip's measured cells come from."""

    file: str
    sha256: str
    model: str
    cells: int
    banks: int


class StuckDevicesDocument(TypedDict):
    """How many devices stay in a state."""

    lrs: int
    hrs: int


class MeasuredFiguresDocument(TypedDict, total=False):
    """The 5, 50 and 95 % quantiles of resistances in ohm, or of error rates, and what else a measurement holds."""

    readings: int
    lrs_ohm: list[float]
    hrs_ohm: list[float]
    wrong_share: float
    equal_share: float
    stuck_devices: StuckDevicesDocument
    error_rate: list[float]
    mean_error_rate: float
    mean_error_rate_plus: float
    mean_error_rate_minus: float


class MeasuredCellsDocument(MeasurementDocument, MeasuredFiguresDocument):
    """What a measurement says."""

    evidence: str


class ChipDocument(RateDocument, AttemptsDocument, ConditionsDocument):
    """A chip instance, and how often its binary weights are wrong: under each policy, and of all the mean.

    `policy` is null where rows have several; `own_policy` says whether the chip names it.
    """

    seed: int
    errors: str
    kinds: str
    policy: str | None
    policies: list[str]
    own_policy: bool
    by_policy: list[PolicyRateDocument]
    measured_share: float
    measured: MeasurementDocument | None


class WrongSynapsesDocument(TypedDict):
    """Of so many synapses, those whose likeliest answer is not the weight, with the interval of their share.

    `misread_share` is what one read finds wrong in the mean.
    """

    count: int
    synapses: int
    share: float
    interval: Interval
    misread_share: float


class NewChipDocument(NamedTargetDocument):
    """`edgebnn chip new`: the chip, and what is wrong in its first banks where all weights are +1, and -1."""

    chip: ChipDocument
    sample: WrongSynapsesDocument
    sample_minus: WrongSynapsesDocument
    file: str


class ImportedChipDocument(NewChipDocument):
    """`edgebnn chip import`: the chip, and what the measurement says by itself."""

    measurement: MeasuredCellsDocument
    ignored_columns: list[str]
    notes: list[str]


class ExportedChipDocument(NamedTargetDocument):
    """`edgebnn chip export`: the chip, and how many cells were written and left out."""

    chip: ChipDocument
    banks: int
    cells: int
    zeros_left_out: int
    notes: list[str]
    file: str


class ChipFileDocument(ChipDocument):
    """A chip of a file."""

    file: str


class ComparedPatternDocument(TypedDict):
    """Both chips with this weight everywhere: the wrong synapses of each, and how many differ.

    `correlation` is phi of being wrong; null where no synapse of a chip is wrong.
    """

    weight: int
    weights: Literal["binary", "ternary"]
    wrong: list[WrongSynapsesDocument]
    differ: int
    correlation: float | None
    mean_ln_resistance_difference: float | None


class ComparedChipsDocument(NamedTargetDocument):
    """`edgebnn chip compare`: two chips, the settings that differ, and their first banks side by side."""

    chips: list[ChipFileDocument]
    same_seed: bool
    differences: dict[str, list[Any]]
    banks: int
    patterns: list[ComparedPatternDocument]


class PulsesDocument(TypedDict):
    """Pulses of a reprogramming and what they take."""

    set_pulses: int
    reset_pulses: int
    energy_uj: float
    energy_evidence: str
    time_us: float
    time_evidence: str
    by_policy: dict[str, PolicyCostDocument]


class WearingDocument(TypedDict):
    """The cycles of the most used device, whether it endures them, and the bit error rate by then."""

    cycles: int
    endured: bool
    worn: WearDocument | None


class UpdatesDocument(TypedDict):
    """So many updates: in the same banks, and going round all places there are."""

    count: int
    places: int
    in_place: WearingDocument
    going_round: WearingDocument
    marker: WearingDocument | None


class ReprogrammingDocument(NamedTargetDocument):
    """`edgebnn chip reprogram`: what it takes to bring a chip from one network to the other."""

    policy: str | None
    policies: list[str]
    synapses: int
    changed: int
    changes_alone: PulsesDocument
    everything: PulsesDocument
    reprogrammings: int
    reprogrammings_evidence: str
    worn: WearDocument | None
    updates: UpdatesDocument | None
