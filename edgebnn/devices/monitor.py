"""A heart monitor on an emulated chip: a recording, beat by beat, and what its owner wants to know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgebnn.apart.onnx_session import RunnableModel
from edgebnn.chip.device.conditions import SECONDS_A_DAY
from edgebnn.chip.energy.energy import Energy
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.lifetime.batteries import Battery
from edgebnn.chip.lifetime.lifetime import Lifetime, Usage, lifetime
from edgebnn.devices.judged import JudgedBeats
from edgebnn.devices.pvc import PVC, Detection, count
from edgebnn.emulator.emulate import Dataset, Emulation, Progress, emulate, silent
from edgebnn.mapping.mapped import MappedNetwork


@dataclass(frozen=True, eq=False)
class Monitoring:
    """What the monitor found in a recording; `detection` is None where the recording has no labels.

    `life`, that of beats like these, is None on a target without an energy model or a battery.
    """

    judged: JudgedBeats
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
        return self._moments((self.emulation.predictions == PVC) & self.judged.beside_gaps)

    def _moments(self, chosen: npt.NDArray[np.bool_]) -> list[float]:
        return [float(moment) for moment in self.judged.beats[chosen] / self.judged.recording.fs_hz]


def monitor(
    mapped: MappedNetwork,
    elf: bytes | None,
    judged: JudgedBeats,
    *,
    model: RunnableModel | None = None,
    chips: Sequence[ChipInstance] = (),
    firmware_beats: int = 2000,
    battery: Battery | None = None,
    progress: Progress = silent,
) -> Monitoring:
    """Beats through the mapped PVC network, each on the fast path and up to `firmware_beats` of them as firmware."""
    recording, labels = judged.recording, judged.is_pvc
    data = Dataset(judged.windows, None if labels is None else labels.astype(np.int64))
    result = emulate(mapped, elf, data, chips, model=model, firmware_samples=firmware_beats, progress=progress)
    duration_s = len(recording.adc) / recording.fs_hz
    beats_per_s = (len(judged.beats) + judged.without_signal) / duration_s
    return Monitoring(
        judged=judged,
        duration_s=duration_s,
        emulation=result,
        detection=None if labels is None else count(result.predictions == PVC, labels),
        life=_lifetime(mapped, result.energy, recording.fs_hz, beats_per_s, battery),
    )


def _lifetime(
    mapped: MappedNetwork, energy: Energy | None, rate_hz: float, beats_per_s: float, battery: Battery | None
) -> Lifetime | None:
    """A life of beats like those of the recording, one channel sampled all the time; programming is not in it."""
    if energy is None or mapped.target.device is None:
        return None
    usage = Usage(inferences_per_day=beats_per_s * SECONDS_A_DAY, sample_rate_hz=rate_hz)
    return lifetime(mapped.target, usage, energy, battery=battery)
