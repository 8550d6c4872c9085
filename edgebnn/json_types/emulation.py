"""What `emulate` answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NotRequired, TypedDict

from edgebnn.json_types.chips import AttemptsDocument, ConditionsDocument
from edgebnn.json_types.deployment import OriginDocument
from edgebnn.json_types.energy import InferenceDocument, ProgrammingDocument
from edgebnn.json_types.numbers import AgreementDocument, DropDocument, Interval


class EmulatedChipDocument(TypedDict):
    """A chip's answers: their accuracy, and how many differ from those without errors.

    misread_share: what share of the weights one read finds wrong, in the mean; wrong_bits: those that most reads do.
    """

    seed: int
    bit_error_rate: float | None
    bit_error_rate_evidence: str
    measured_share: float
    wrong_bits: int
    misread_share: float
    weights: int
    accuracy: float | None
    changed: int
    file: NotRequired[str]


class ChipSettingsDocument(ConditionsDocument, AttemptsDocument):
    """Everything about a chip but its seed."""

    errors: str
    kinds: str
    policy: str | None
    policies: list[str]
    measured: str | None


class OverChipsDocument(TypedDict):
    """A figure's mean over chips, its spread from chip to chip, and the 95 % interval of the mean."""

    mean: float
    spread: float | None
    interval: Interval | None


class ChipSummaryDocument(TypedDict):
    """Each figure over all chips."""

    chips: int
    accuracy: OverChipsDocument | None
    changed: OverChipsDocument
    wrong_bits: OverChipsDocument
    misread_share: OverChipsDocument


class TernaryErrorsDocument(TypedDict):
    """How often ternary weights are read wrong: +1 as -1 and back, +-1 as 0, and 0 as +-1."""

    sign_flip: float
    to_zero: float
    from_zero: float
    evidence: str


class TriedCyclesDocument(DropDocument):
    """What so many cycles do to devices and accuracy."""

    cycles: int
    bit_error_rate: float | None


class AccuracyEnduranceDocument(TypedDict):
    """Cycles until devices wear out, and until the accuracy has fallen by as much as is allowed.

    accuracy_cycles_interval: up to which it is surely kept, and from which it is surely lost.
    """

    device_cycles: int
    accuracy_cycles: int | None
    accuracy_cycles_interval: list[int | None]
    max_accuracy_drop: float
    chips: int
    tried: list[TriedCyclesDocument]


class PartDocument(TypedDict, total=False):
    """Which part of a layer: a tile has bank, neuron, neurons, word and inputs; a row or an input its number."""

    bank: int
    neuron: int
    neurons: int
    word: int
    inputs: int
    input: int


class PartSensitivityDocument(DropDocument, PartDocument):
    """What is lost where this layer alone errs, or this part of it, beside a first-order estimate."""

    layer: str
    policy: str
    answers_turned: float
    first_order: float


class RankCorrelationDocument(TypedDict):
    """Spearman's, of answers turned and the first-order estimate; null where there are too few parts, or none."""

    layers: float | None
    tiles: float | None
    neurons: float | None
    inputs: float | None


class SensitivityDocument(TypedDict):
    """How much layers, tiles, neurons and inputs matter; of the smaller parts those that were asked for."""

    chips: int
    seed: int
    samples: int
    all_layers: DropDocument
    layers: list[PartSensitivityDocument]
    tiles: list[PartSensitivityDocument]
    neurons: list[PartSensitivityDocument]
    inputs: list[PartSensitivityDocument]
    rank_correlation: RankCorrelationDocument


class CurveChipDocument(TypedDict):
    """A chip at one bit error rate."""

    seed: int
    accuracy: float
    wrong_bits: int


class CurvePointDocument(DropDocument):
    """All chips at one bit error rate."""

    bit_error_rate: float
    accuracy: float
    accuracy_spread: float | None
    accuracy_interval_over_chips: Interval | None
    chips: list[CurveChipDocument]


class PolicyErrorRateDocument(TypedDict):
    """How often one read is wrong under a policy."""

    policy: str
    bit_error_rate: float
    evidence: str | None


class AccuracyCurveDocument(TypedDict):
    """Accuracy against the bit error rate, on the same chips."""

    samples: int
    accuracy: float
    accuracy_interval: Interval
    points: list[CurvePointDocument]
    policies: list[PolicyErrorRateDocument]
    notes: list[str]


class VerdictDocument(TypedDict, total=False):
    """Whether a drop of so many percentage points is kept, and why that is the answer, where it was asked for."""

    max_accuracy_drop: float
    verdict: str
    verdict_reason: str


class StudiesDocument(TypedDict, total=False):
    """What else was asked for about the same chips."""

    endurance: AccuracyEnduranceDocument
    sensitivity: SensitivityDocument
    accuracy_curve: AccuracyCurveDocument


class EmulatedDocument(OriginDocument, InferenceDocument, ProgrammingDocument, VerdictDocument, StudiesDocument):
    """`edgebnn emulate`: accuracies are fractions, drops and allowances percentage points."""

    samples: int
    accuracy: float | None
    accuracy_interval: Interval | None
    chips: list[EmulatedChipDocument]
    conditions: ChipSettingsDocument | None
    over_chips: ChipSummaryDocument | None
    ternary_errors: TernaryErrorsDocument | None
    accuracy_drop: float | None
    accuracy_drop_interval: Interval | None
    executors_agree: bool | None
    agreement: dict[str, AgreementDocument]
    onnxruntime_same_class: AgreementDocument | None
    firmware_samples: int
    events_per_inference: Mapping[str, float] | None
    supply_v: float | None
    notes: list[str]
