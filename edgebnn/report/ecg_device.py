"""What `edgebnn device ecg` shows: the recording, the beats, the alarms, and what they are worth."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from edgebnn.devices.beat_counts import BeatCounts
from edgebnn.devices.beats import CHANNELS, LENGTH
from edgebnn.devices.ecg_alarms import AlarmKind
from edgebnn.devices.ecg_chain import EcgChain, tuned_on
from edgebnn.devices.ecg_patch import Classify, PatchRun
from edgebnn.devices.pvc import PVC, Detection
from edgebnn.errors import DataError
from edgebnn.json_types.device import ClassifyingDocument, EcgDeviceDocument, FindingDocument
from edgebnn.models import training_record
from edgebnn.report import numbers
from edgebnn.report.target_names import named, shown_target
from edgebnn.report.terminal import bold

if TYPE_CHECKING:
    from edgebnn.api import Deployment

NOT_COUNTED = (
    "the chain as firmware: filters, detector and windows run as C on this machine",
    "errors of chips",
    "energy per beat and day, answer time, battery life",
    "a radio",
)
"""What the device does not do yet, or does without its cost."""

_SHOWN = 8  # alarms of the terminal; JSON has all


def pvc_classifier(deployment: Deployment) -> Classify:
    """The deployment as a judge of beats; DataError for a network that takes or answers something else."""
    shapes = [entry.model_shape for entry in deployment.mapped.network.inputs]
    if shapes != [(CHANNELS, LENGTH)]:
        raise DataError(
            f"the network takes {', '.join(map(str, shapes))}, not one input of {CHANNELS} channels by {LENGTH} "
            "samples of a beat; compile one of `edgebnn train ecg`, or the one that ships"
        )

    def classify(windows: npt.NDArray[np.int8]) -> npt.NDArray[np.bool_]:
        scores = deployment.run(windows, integers=True)
        if scores.shape[1:] != (2,):
            raise DataError(f"the network answers {scores.shape[1:]} a beat, not the scores of other beats and PVC")
        return np.asarray(np.argmax(scores, axis=1) == PVC)

    return classify


def ecg_device_document(deployment: Deployment, run: PatchRun, chain: EcgChain) -> EcgDeviceDocument:
    """What `--json` prints."""
    recording, score = run.recording, run.score
    counts = Counter(alarm.kind.value for alarm in run.alarms)
    return {
        **named(deployment.mapped.target),
        "policy": deployment.mapped.policy,
        "recording": {
            "name": recording.name,
            "lead": recording.lead or None,
            "duration_s": run.duration_s,
            "recorded_hz": recording.fs_hz,
            "device_hz": run.front_end.rate_hz,
            "mains_hz": chain.mains_hz,
            "saturated_samples": run.front_end.saturated,
            "no_signal_s": run.off_s.tolist(),
        },
        "trained_on": training_record(recording.name) is not None,
        "detector_tuned_on": tuned_on(recording.name),
        "beats": len(run.moments_s),
        "beats_not_judged": int(np.count_nonzero(~run.judged)),
        "pvc_found": int(np.count_nonzero(run.is_pvc)),
        "pvc_burden": run.pvc_burden,
        "pvc_at_s": run.moments_s[run.is_pvc].tolist(),
        "detector": None if score is None else _finding(score.detector),
        "classifier": None if score is None or score.classifier is None else _classifying(score.classifier),
        "end_to_end": None if score is None or score.end_to_end is None else _finding(score.end_to_end),
        "missed_without_signal": None if score is None else score.without_signal,
        "alarm_counts": {kind.value: counts[kind.value] for kind in AlarmKind},
        "alarms": [
            {"kind": alarm.kind.value, "start_s": alarm.start_s, "end_s": alarm.end_s, "beats": alarm.beats}
            for alarm in run.alarms
        ],
        "not_counted": NOT_COUNTED,
    }


def _finding(counts: BeatCounts) -> FindingDocument:
    return {
        "sensitivity": counts.sensitivity,
        "ppv": counts.ppv,
        "f1": counts.f1,
        "counts": {"tp": counts.tp, "fp": counts.fp, "fn": counts.fn},
    }


def _classifying(found: Detection) -> ClassifyingDocument:
    return {
        "sensitivity": found.sensitivity,
        "ppv": found.ppv,
        "f1": found.f1,
        "counts": {"tp": found.tp, "fp": found.fp, "fn": found.fn, "tn": found.tn},
    }


def show_ecg_device(console: Console, document: EcgDeviceDocument) -> None:
    """Sentences, and a table of the worth where the recording has marks."""
    recording = document["recording"]
    lead = f", lead {recording['lead']}" if recording["lead"] else ""
    console.print(
        bold(recording["name"]),
        f"{lead}: {numbers.moment(recording['duration_s'])} min of ECG at {recording['recorded_hz']:g} Hz, "
        f"{numbers.counted(document['beats'], 'beat')} found, the network of {shown_target(document)}",
        sep="",
    )
    if recording["no_signal_s"]:
        lasts_s = sum(end - start for start, end in recording["no_signal_s"])
        console.print(f"No signal for {lasts_s:.3g} s at {numbers.counted(len(recording['no_signal_s']), 'place')}.")
    if document["beats_not_judged"]:
        console.print(
            f"{numbers.counted(document['beats_not_judged'], 'beat')} not judged: half of the window has no signal."
        )
    if document["pvc_burden"] is not None:
        console.print(
            f"Called premature ventricular: {numbers.counted(document['pvc_found'], 'beat')}, "
            f"{numbers.portion(document['pvc_burden'], 1)} of those that were judged."
        )
    _show_alarms(console, document)
    _show_worth(console, document)
    console.print(f"Not in it yet: {'; '.join(document['not_counted'])}.")


def _show_alarms(console: Console, document: EcgDeviceDocument) -> None:
    counts = [f"{kind} {numbers.counted(count, 'time')}" for kind, count in document["alarm_counts"].items() if count]
    console.print(f"Alarms: {', '.join(counts) or 'none'}.")
    for alarm in document["alarms"][:_SHOWN]:
        console.print(f"  {numbers.moment(alarm['start_s'])} to {numbers.moment(alarm['end_s'])} {alarm['kind']}")
    if len(document["alarms"]) > _SHOWN:
        console.print(f"  and {len(document['alarms']) - _SHOWN:,} more (--json lists all)")


def _show_worth(console: Console, document: EcgDeviceDocument) -> None:
    rows = [
        ("beats (detector)", document["detector"]),
        ("PVC among found beats (classifier)", document["classifier"]),
        ("PVC, end to end", document["end_to_end"]),
    ]
    if document["detector"] is None:
        return
    table = Table()
    for name in ("against the marks", "sensitivity", "pos. predictivity", "F1", "right", "false", "missed"):
        table.add_column(name, justify="left" if name == "against the marks" else "right")
    for name, found in rows:
        if found is not None:
            shares = [
                "-" if share is None else f"{share:.4f}" for share in (found["sensitivity"], found["ppv"], found["f1"])
            ]
            table.add_row(name, *shares, *(numbers.count(found["counts"][key]) for key in ("tp", "fp", "fn")))
    console.print(table)
    if document["detector_tuned_on"]:
        console.print(
            bold("By its name this record is one that the detector's numbers were chosen on: they flatter it.")
        )
    if document["trained_on"]:
        console.print(bold("By its name this is a record that the shipped network was trained on."))
