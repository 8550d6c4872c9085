"""What `device` answers: a recording through a whole device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from edgebnn.json_types.numbers import DetectionDocument
from edgebnn.json_types.target import NamedTargetDocument


class FoundDocument(TypedDict):
    """Beats that were found, found where none is, and missed."""

    tp: int
    fp: int
    fn: int


class FindingDocument(TypedDict):
    """Found beats against marked ones, within 150 ms; each share is null where it has no denominator."""

    sensitivity: float | None
    ppv: float | None
    f1: float | None
    counts: FoundDocument


class ClassifyingDocument(TypedDict):
    """What the beats were called that were found and marked, against their labels."""

    sensitivity: float | None
    ppv: float | None
    f1: float | None
    counts: DetectionDocument


class SignalDocument(TypedDict):
    """The recording and what the front end made of it; `no_signal_s` are stretches, from and to, in s."""

    name: str
    lead: str | None
    duration_s: float
    recorded_hz: float
    device_hz: float
    mains_hz: int
    saturated_samples: int
    no_signal_s: list[list[float]]


class AlarmDocument(TypedDict):
    """An alarm, from its first beat to its last one, in s from the recording's start."""

    kind: str
    start_s: float
    end_s: float
    beats: int


class EcgDeviceDocument(NamedTargetDocument):
    """`edgebnn device ecg`: `detector`, `classifier` and `end_to_end` are null without marks or labels.

    `detector_tuned_on`: whether the detector's numbers were chosen on this record, as `trained_on` says of the network
    that ships; both go by the recording's name. `missed_without_signal`: marked beats where the device had no signal.
    """

    policy: str | None
    recording: SignalDocument
    trained_on: bool
    detector_tuned_on: bool
    beats: int
    beats_not_judged: int
    pvc_found: int
    pvc_burden: float | None
    pvc_at_s: Sequence[float]
    detector: FindingDocument | None
    classifier: ClassifyingDocument | None
    end_to_end: FindingDocument | None
    missed_without_signal: int | None
    alarm_counts: dict[str, int]
    alarms: list[AlarmDocument]
    not_counted: Sequence[str]
