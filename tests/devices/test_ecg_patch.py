"""The ECG patch on recordings of any rate, with gaps, and without a beat."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from edgebnn.devices.ecg_alarms import Alarm, AlarmKind
from edgebnn.devices.ecg_chain import MISSING
from edgebnn.devices.ecg_front_end import FrontEnd
from edgebnn.devices.ecg_log import read_log
from edgebnn.devices.ecg_patch import run_patch
from edgebnn.devices.gaps import Gaps
from edgebnn.devices.recording import Recording
from edgebnn.errors import DataError
from tests.devices.records import patient


def wide(windows: np.ndarray) -> np.ndarray:
    """Stands for the network: a beat that comes early."""
    return np.asarray(windows[:, 2, 0] < -20)


@pytest.mark.parametrize("fs_hz", [128, 250, 360, 500, 1000])
def test_beats_and_classes_of_any_rate_are_found(fs_hz: int) -> None:
    found = run_patch(patient(3, fs_hz=fs_hz, beats=100), wide)
    assert found.front_end.rate_hz == pytest.approx(240)
    assert found.score is not None and found.score.classifier is not None and found.score.end_to_end is not None
    assert found.score.detector.f1 is not None and found.score.detector.f1 >= 0.98
    assert found.score.end_to_end.f1 is not None and found.score.end_to_end.f1 >= 0.9


def test_the_unit_and_a_direct_voltage_do_not_count() -> None:
    recording = patient(2, beats=20)
    codes = FrontEnd.of(recording).codes
    adc = np.asarray(recording.adc, np.float64)
    other = dataclasses.replace(recording, adc=5000 + 50 * adc, counts_per_mv=50 * recording.counts_per_mv)
    assert np.array_equal(FrontEnd.of(other).codes, codes)


def test_a_gap_is_no_signal_and_its_beats_are_told() -> None:
    recording = patient(5, beats=60)
    gaps = Gaps(np.array([3600]), np.array([7200]))
    found = run_patch(dataclasses.replace(recording, gaps=gaps), wide)
    assert (found.front_end.codes[2400:4800] == MISSING).all()
    assert found.off_s.tolist() == [[10.0, 20.0]]
    assert not ((found.moments_s > 10) & (found.moments_s < 20)).any()
    assert recording.beats is not None and found.score is not None
    assert found.score.without_signal == ((recording.beats >= 3600) & (recording.beats < 7200)).sum() > 5
    over = [alarm for alarm in found.alarms if alarm.start_s <= 12 and alarm.end_s >= 18]
    assert over == [Alarm(AlarmKind.LEAD_OFF, 10.0, 20.0, 0)]
    assert "lead off" in [event.kind for event in read_log(found.log).events]


def test_a_record_without_a_beat_has_a_pause_and_no_beat() -> None:
    noise = np.random.default_rng(1).integers(-1, 2, 3600)
    found = run_patch(Recording("still", noise, 360.0, 200.0, None, None), wide)
    assert len(found.moments_s) == 0 and found.pvc_burden is None and found.score is None
    assert [alarm.kind.value for alarm in found.alarms] == ["pause"]


def test_other_rates_and_lengths_are_refused() -> None:
    with pytest.raises(DataError, match="the device takes 100 to 2000 Hz"):
        run_patch(patient(1, beats=5, fs_hz=50), wide)
    with pytest.raises(DataError, match=r"give 1 s or more"):
        run_patch(Recording("short", np.arange(100), 360.0, 200.0, None, None), wide)
