"""What `chip characterise` answers: a rate's value is theory's, its interval that of what was counted."""

from __future__ import annotations

from typing import Literal, TypedDict

from edgebnn.json_types.numbers import GradedDocument, Interval, WorthDocument
from edgebnn.json_types.target import NamedTargetDocument


class FirstConditionDocument(TypedDict):
    """The first of the conditions, which all tables but those of bit error rates are of."""

    cycles: int
    supply_v: float


class SampledRateDocument(GradedDocument):
    """Theory's value, and so many wrong of those that were counted."""

    sampled: float
    interval: Interval
    wrong: int
    trials: int


class SignsDocument(TypedDict, total=False):
    """The rates of +1 and of -1, where there are some."""

    plus: SampledRateDocument
    minus: SampledRateDocument


class RateAtDocument(SampledRateDocument, SignsDocument):
    """A bit error rate under one condition; of 2T2R with those of each sign."""

    policy: str
    cycles: int
    supply_v: float


class TallyDocument(TypedDict):
    """What was counted."""

    value: float
    interval: Interval
    wrong: int
    trials: int


class RemainingDocument(TallyDocument):
    """Synapses that are still wrong, those of each sign, and what the figure is worth."""

    evidence: str
    plus: TallyDocument
    minus: TallyDocument


class ProgramAndVerifyDocument(TypedDict):
    """Programmed again up to so many times where it reads wrong."""

    policy: str
    attempts: int
    remaining: RemainingDocument
    energy_pj_per_synapse: GradedDocument
    time_us_per_row: GradedDocument


class TabulatedDocument(GradedDocument):
    """What the target's table states; of some no more than what their rate lies below."""

    upper_bound: bool


class StatedDocument(TypedDict, total=False):
    """The same in the target's table, where that has it."""

    tabulated: TabulatedDocument


class TernaryRateDocument(SampledRateDocument, StatedDocument):
    """A ternary error, by sign, and beside the target's table where that has it."""

    plus: SampledRateDocument
    minus: SampledRateDocument


class TernaryRatesDocument(TypedDict):
    """How often ternary weights are read wrong: +1 as -1 and back, +-1 as 0, and 0 as +-1."""

    policy: str
    supply_v: float
    sign_flip: TernaryRateDocument
    to_zero: TernaryRateDocument
    from_zero: TernaryRateDocument


TernaryEvent = Literal["sign_flip", "to_zero", "from_zero"]


class TernaryTheoryDocument(TypedDict):
    """The same by theory alone, over the supply."""

    supply_v: float
    sign_flip: GradedDocument
    to_zero: GradedDocument
    from_zero: GradedDocument


class TernaryOutcomesDocument(WorthDocument):
    """What each ternary weight is read as, by shares."""

    policy: str
    supply_v: float
    read_as: dict[str, dict[str, float]]


class HistogramDocument(TypedDict):
    """Counts of devices, and the edges of their bins in log10 of ohm."""

    edges_log10_ohm: list[float]
    counts: list[int]


class StateDocument(TypedDict):
    """A resistance state: its median, the spread of ln R, and what was sampled."""

    median_ohm: GradedDocument
    ln_spread: GradedDocument
    quantiles_ohm: dict[str, float]
    histogram: HistogramDocument


class AgeingDocument(GradedDocument):
    """The bit error rate of 2T2R after so many cycles, and of 1T1R beside it."""

    cycles: int
    single: float


class ComparisonDocument(TypedDict):
    """What a bit of data takes in one scheme."""

    scheme: str
    bit_error_rate: GradedDocument
    devices_per_bit: GradedDocument
    programming_pj_per_bit: GradedDocument
    reading_fj_per_bit: GradedDocument | None


class NormalLawDocument(TypedDict):
    """A share of a mixture, with its mean and its standard deviation."""

    share: float
    mean: float
    spread: float


class DeviceMarginsDocument(TypedDict):
    """The resistances of a device's state, as they are read: by theory, and as sampled."""

    state: str
    side: str
    ln_ohm: list[NormalLawDocument]
    histogram: HistogramDocument


SignName = Literal["plus", "minus"]


class SignMarginsDocument(TypedDict):
    """The difference of ln R that decides, of either weight."""

    plus: list[NormalLawDocument]
    minus: list[NormalLawDocument]


class WindowDocument(TypedDict):
    """What of that difference a ternary read takes for 0."""

    median: float
    spread: float


class MarginsDocument(TypedDict):
    """What a sense amplifier decides by, beside its own spread."""

    devices: list[DeviceMarginsDocument]
    ln_margin: SignMarginsDocument
    ln_amplifier_spread: float
    ln_window: WindowDocument


StateName = Literal["lrs", "hrs"]


class PolicyFiguresDocument(TypedDict):
    """The devices under one policy."""

    name: str
    lrs: StateDocument
    hrs: StateDocument
    ln_contrast: GradedDocument
    endurance_cycles: GradedDocument
    ageing: list[AgeingDocument]
    comparison: list[ComparisonDocument]
    margins: MarginsDocument


class TernaryMapDocument(TypedDict, total=False):
    """What ternary weights are read as, where it was asked for."""

    ternary_map: list[TernaryOutcomesDocument]


RateField = Literal["ber_1t1r", "ber_secded", "ber_secded_72_64", "ber_2t2r"]


class CharacterisedDocument(NamedTargetDocument, TernaryMapDocument):
    """`edgebnn chip characterise`: devices, comparators, error rates and ternary errors."""

    seed: int
    cells: int
    interval_level: float
    first: FirstConditionDocument
    retention_days: float
    temperature_c: float | None
    policies: list[PolicyFiguresDocument]
    ber_1t1r: list[RateAtDocument]
    ber_secded: list[RateAtDocument]
    ber_secded_72_64: list[RateAtDocument]
    ber_2t2r: list[RateAtDocument]
    programming: list[ProgramAndVerifyDocument]
    ternary: list[TernaryRatesDocument]
    ternary_theory: list[TernaryTheoryDocument]
    notes: list[str]
