"""What `demo` and `train` answer about recordings of hearts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from edgebnn.json_types.emulation import EmulatedChipDocument
from edgebnn.json_types.energy import BatteryDocument, ProgrammingDocument
from edgebnn.json_types.memory import MemoryDocument
from edgebnn.json_types.numbers import AgreementDocument, DetectionDocument, Shares
from edgebnn.json_types.target import NamedTargetDocument


class RecordingDocument(TypedDict):
    """The recording, the lead that was judged and why that one, where its beats come from, and what is missing."""

    name: str
    lead: str | None
    lead_taken_by: str | None
    leads_without_signal: list[str]
    duration_s: float
    sample_rate_hz: float
    beats_from: str
    beat_codes: dict[str, int]
    missing_samples: int
    gaps: int
    beats_beside_gaps: int


class LabelledDocument(TypedDict, total=False):
    """How well beats with labels were judged; `ppv` is the share of those called premature that are."""

    sensitivity: float | None
    ppv: float | None
    f1: float | None
    counts: DetectionDocument


class MonitoredDocument(NamedTargetDocument, LabelledDocument, ProgrammingDocument):
    """What a target found in the recording, and what a beat takes there: energies in nJ, latencies in us."""

    policy: str | None
    beats_without_signal: int
    pvc_found: int
    pvc_at_s: Sequence[float]
    pvc_beside_gaps_at_s: Sequence[float]
    executors_agree: bool | None
    agreement: dict[str, AgreementDocument]
    firmware_beats: int
    energy_per_beat_nj: float | None
    energy_per_beat_parts_nj: dict[str, float] | None
    latency_per_beat_us: float | None
    memory: MemoryDocument
    battery: BatteryDocument | None
    average_power_uw: float | None
    battery_days: float | None
    leakage_share: float | None
    evidence: Shares
    latency_evidence: Shares
    not_counted: Sequence[str]
    notes: list[str]
    chips: list[EmulatedChipDocument]


class DemonstratedDocument(MonitoredDocument):
    """`edgebnn demo`: the recording, the figures of the first target, and under `targets` those of each."""

    recording: RecordingDocument
    beats: int
    trained_on: bool
    training_record: str | None
    targets: dict[str, MonitoredDocument]


class TestedRecordDocument(TypedDict):
    """A record, or all of them, judged by a network that saw it in training or did not."""

    record: str
    split: str
    sensitivity: float | None
    ppv: float | None
    f1: float | None
    counts: DetectionDocument


class TrainedDocument(TypedDict):
    """`edgebnn train`: the model that was written, and what it finds record by record."""

    recipe: str
    weights: str
    seed: int
    epochs: int
    records: list[TestedRecordDocument]
    pooled: list[TestedRecordDocument]
    beats_beside_gaps: dict[str, int]
    beats_without_signal: dict[str, int]
    model: str | None
    model_sha256: str | None
