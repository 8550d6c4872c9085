"""A heart monitor on an emulated chip: a recording, beat by beat, and what its owner wants to know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgebnn.apart.onnx_session import RunnableModel
from edgebnn.chip.cells import Battery
from edgebnn.chip.energy import Energy
from edgebnn.chip.instance import ChipInstance
from edgebnn.chip.lifetime import SECONDS_A_DAY, Lifetime, Usage, lifetime
from edgebnn.devices.beats import beat_windows, missing_share
from edgebnn.devices.pvc import PVC, Detection, count
from edgebnn.devices.recording import Recording, detect_beats
from edgebnn.emulator.emulate import Dataset, Emulation, Progress, emulate, silent
from edgebnn.errors import DataError
from edgebnn.mapping.mapped import MappedNetwork

_NONE_FOUND = "sleepecg's detector finds none; mark them in the record, or give one with a heart rhythm in it"


@dataclass(frozen=True, eq=False)
class Monitoring:
    """What the monitor found in a recording; `detection` is None where the recording has no labels.

    `beside_gaps` (m,) marks the beats in whose windows samples are missing: what they were called is worth less.
    `life`, that of beats like these, is None on a target without an energy model or a battery.
    """

    recording: Recording
    beats: npt.NDArray[np.int64]
    own_beats: bool
    beside_gaps: npt.NDArray[np.bool_]
    duration_s: float
    emulation: Emulation
    detection: Detection | None
    life: Lifetime | None

    @property
    def pvc_at_s(self) -> list[float]:
        """Where the beats lie that the network calls premature ventricular, in seconds from the recording's start."""
        return self._moments(self.emulation.predictions == PVC)

    @property
    def pvc_beside_gaps_at_s(self) -> list[float]:
        """Those of `pvc_at_s` beside gaps."""
        return self._moments((self.emulation.predictions == PVC) & self.beside_gaps)

    def _moments(self, chosen: npt.NDArray[np.bool_]) -> list[float]:
        return [float(moment) for moment in self.beats[chosen] / self.recording.fs_hz]


def monitor(
    mapped: MappedNetwork,
    elf: bytes | None,
    recording: Recording,
    *,
    model: RunnableModel | None = None,
    chips: Sequence[ChipInstance] = (),
    firmware_beats: int = 2000,
    battery: Battery | None = None,
    progress: Progress = silent,
) -> Monitoring:
    """The recording through the mapped PVC network, every beat on the fast path and up to `firmware_beats` as firmware.

    Beats are the recording's own, or found by a detector where it has none. Raises DataError where there is no beat.
    """
    own = recording.beats is not None
    beats = recording.beats if recording.beats is not None else detect_beats(recording)
    if len(beats) == 0:
        reason = "its list of beats is empty; leave it out to have them found" if own else _NONE_FOUND
        raise DataError(f"recording '{recording.name}' has no beat: {reason}")
    windows = beat_windows(recording.adc, beats, recording.fs_hz, recording.gaps)
    labels = recording.is_pvc if own else None
    data = Dataset(windows, None if labels is None else labels.astype(np.int64))
    result = emulate(mapped, elf, data, chips, model=model, firmware_samples=firmware_beats, progress=progress)
    duration_s = len(recording.adc) / recording.fs_hz
    return Monitoring(
        recording=recording,
        beats=beats,
        own_beats=own,
        beside_gaps=missing_share(beats, recording.fs_hz, recording.gaps) > 0,
        duration_s=duration_s,
        emulation=result,
        detection=None if labels is None else count(result.predictions == PVC, labels),
        life=_lifetime(mapped, result.energy, recording.fs_hz, len(beats) / duration_s, battery),
    )


def _lifetime(
    mapped: MappedNetwork, energy: Energy | None, rate_hz: float, beats_per_s: float, battery: Battery | None
) -> Lifetime | None:
    """A life of beats like those of the recording, one channel sampled all the time; programming is not in it."""
    if energy is None or mapped.target.device is None:
        return None
    usage = Usage(inferences_per_day=beats_per_s * SECONDS_A_DAY, sample_rate_hz=rate_hz)
    return lifetime(mapped.target, usage, energy, battery=battery)
