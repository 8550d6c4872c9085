"""The ECG patch on a recording: front end, beats by the C chain, the network's answers, alarms, and their worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgebnn.devices.beat_counts import BeatCounts
from edgebnn.devices.beat_matching import match_beats
from edgebnn.devices.beats import LENGTH, RATE_HZ
from edgebnn.devices.ecg_alarms import Alarm
from edgebnn.devices.ecg_chain import EcgChain
from edgebnn.devices.ecg_events import tell
from edgebnn.devices.ecg_front_end import FrontEnd
from edgebnn.devices.ecg_stream import stream
from edgebnn.devices.ecg_windows import beat_turns
from edgebnn.devices.gaps import Gaps
from edgebnn.devices.pvc import Detection, count
from edgebnn.devices.recording import Recording
from edgebnn.errors import DataError

Classify = Callable[[npt.NDArray[np.int8]], npt.NDArray[np.bool_]]
"""Which of the windows, int8 (n, channels, length), are premature ventricular beats: bool (n,)."""


@dataclass(frozen=True)
class PatchScore:
    """Against a recording's marks, pairs within 150 ms (`match_beats`).

    detector: found beats against marked ones. without_signal: marked beats where the device had none, which it misses.
    classifier: what the beats of the pairs were called, those that could be judged. end_to_end: beats called premature
    ventricular against those marked so, with all that was missed or made up on the way. The last two are None without
    labels.
    """

    detector: BeatCounts
    without_signal: int
    classifier: Detection | None
    end_to_end: BeatCounts | None


@dataclass(frozen=True, eq=False)
class PatchRun:
    """moments_s: (n,), the R peaks. is_pvc: (n,), what the network calls so. judged: (n,), whether it was asked: more
    than half of the window has a signal. off_s: (k, 2), from where to where there was no signal.
    log: the event log that the device has behind it (docs/event-log.md)."""

    recording: Recording
    front_end: FrontEnd
    moments_s: npt.NDArray[np.float64]
    is_pvc: npt.NDArray[np.bool_]
    judged: npt.NDArray[np.bool_]
    off_s: npt.NDArray[np.float64]
    alarms: list[Alarm]
    log: bytes
    score: PatchScore | None

    @property
    def duration_s(self) -> float:
        """Of the recording."""
        return len(self.recording.adc) / self.recording.fs_hz

    @property
    def pvc_burden(self) -> float | None:
        """Share of the judged beats that are called premature ventricular; None without any."""
        asked = int(np.count_nonzero(self.judged))
        return int(np.count_nonzero(self.is_pvc)) / asked if asked else None


def run_patch(recording: Recording, classify: Classify, chain: EcgChain | None = None) -> PatchRun:
    """The recording through the device; DataError for a rate that it does not take, and less than a window of it."""
    lasts_s = len(recording.adc) / recording.fs_hz
    if lasts_s * RATE_HZ < LENGTH:
        raise DataError(
            f"recording '{recording.name}' lasts {lasts_s:.3g} s, less than the window of one beat; give "
            f"{LENGTH / RATE_HZ:g} s or more"
        )
    front = FrontEnd.of(recording)
    streamed = stream((chain or EcgChain()).settings(), front.codes)
    off = Gaps.of(streamed.lead_off)
    turns = beat_turns(front.codes, streamed)
    is_pvc = np.zeros(len(turns.peaks), np.bool_)
    if turns.judged.any():
        is_pvc[turns.judged] = classify(turns.inputs[turns.judged])
    moments_s, judged = turns.peaks / front.rate_hz, turns.judged
    edges = np.stack([off.starts, off.ends], axis=1) / front.rate_hz
    told = tell(streamed, turns, is_pvc)
    return PatchRun(
        recording=recording,
        front_end=front,
        moments_s=moments_s,
        is_pvc=is_pvc,
        judged=judged,
        off_s=edges,
        alarms=told.alarms(front.rate_hz),
        log=told.log,
        score=_score(recording, moments_s, is_pvc, judged, edges),
    )


def _score(
    recording: Recording,
    moments_s: npt.NDArray[np.float64],
    is_pvc: npt.NDArray[np.bool_],
    judged: npt.NDArray[np.bool_],
    off_s: npt.NDArray[np.float64],
) -> PatchScore | None:
    if recording.beats is None:
        return None
    marked_s = recording.beats / recording.fs_hz
    match = match_beats(marked_s, moments_s)
    begun = np.searchsorted(off_s[:, 0], marked_s, side="right")
    within = marked_s < np.concatenate([[-np.inf], off_s[:, 1]])[begun]
    detector, without_signal = match.counts, int(np.count_nonzero(within))
    if recording.is_pvc is None:
        return PatchScore(detector, without_signal, None, None)
    both = int(np.count_nonzero(is_pvc[match.found] & recording.is_pvc[match.marked]))
    asked = judged[match.found]
    return PatchScore(
        detector=detector,
        without_signal=without_signal,
        classifier=count(is_pvc[match.found][asked], recording.is_pvc[match.marked][asked]),
        end_to_end=BeatCounts(
            tp=both,
            fp=int(np.count_nonzero(is_pvc)) - both,
            fn=int(np.count_nonzero(recording.is_pvc)) - both,
        ),
    )
