"""Which beats of a recording can be judged, and what the network sees of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgebnn.devices.beats import LENGTH, RATE_HZ, beat_windows, missing_share, with_signal
from edgebnn.devices.recording import Recording, detect_beats
from edgebnn.errors import DataError

_NONE_FOUND = "sleepecg's detector finds none; mark them in the record, or give one with a heart rhythm in it"
_WINDOW_S = LENGTH / RATE_HZ
_NONE_MARKED = "its list of beats is empty; leave it out to have them found"


@dataclass(frozen=True, eq=False)
class JudgedBeats:
    """The beats of a recording that have a signal, see `with_signal`.

    recording: where they come from. windows: int8 (n, channels, length), the network's inputs. beats: int64 (n,),
    sample indexes of the R peaks. is_pvc: bool (n,), or None without labels. beside_gaps: bool (n,), where samples of
    the window are missing: what the beat is called is worth less. marked: whether the recording has beats of its own,
    else a detector found them. without_signal: how many more beats there are, flat or with too much missing.
    """

    recording: Recording
    windows: npt.NDArray[np.int8]
    beats: npt.NDArray[np.int64]
    is_pvc: npt.NDArray[np.bool_] | None
    beside_gaps: npt.NDArray[np.bool_]
    marked: bool
    without_signal: int

    @classmethod
    def of(cls, recording: Recording) -> JudgedBeats:
        """The recording's own beats, or those that a detector finds; DataError where none can be judged."""
        lasts_s = len(recording.adc) / recording.fs_hz
        if lasts_s < _WINDOW_S:
            raise DataError(
                f"recording '{recording.name}' lasts {lasts_s:.3g} s, less than the window of one beat; give "
                f"{_WINDOW_S:g} s or more"
            )
        marked = recording.beats is not None
        beats = recording.beats if recording.beats is not None else detect_beats(recording)
        if len(beats) == 0:
            raise DataError(f"recording '{recording.name}' has no beat: {_NONE_MARKED if marked else _NONE_FOUND}")
        share = missing_share(beats, recording.fs_hz, recording.gaps)
        seen = with_signal(recording.adc, beats, recording.fs_hz, recording.gaps)
        if not seen.any():
            raise DataError(
                f"recording '{recording.name}' has no beat that can be judged: around each of its {len(beats)} more "
                f"than half of the window of {_WINDOW_S:g} s is missing, or all of it is flat; give another record or "
                "lead"
            )
        windows = beat_windows(recording.adc, beats, recording.fs_hz, recording.gaps, marked=marked)
        return cls(
            recording=recording,
            windows=windows[seen],
            beats=beats[seen],
            is_pvc=recording.is_pvc[seen] if marked and recording.is_pvc is not None else None,
            beside_gaps=share[seen] > 0,
            marked=marked,
            without_signal=int(np.count_nonzero(~seen)),
        )
