"""What the papers' abstracts claim, as far as the shipped ECG network can show it on real recordings.

The network was trained on these records, so its accuracy on them means nothing here; what is tested is how much of its
answers bit errors change, a paired difference with an interval over chips and beats.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import edgebnn
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.devices.beats import beat_windows
from edgebnn.devices.recording import read_recording
from edgebnn.emulator.accuracy import Verdict
from edgebnn.emulator.emulate import Dataset, Emulation
from edgebnn.models import ECG_PVC

CHIPS = 8


@pytest.fixture(scope="module")
def beats(shared_data: Path) -> Dataset:
    """Every PVC of five patients and as many other beats, so that accuracy is not carried by the frequent class."""
    windows, labels = [], []
    for name in ("105", "106", "108", "114", "116"):
        recording = read_recording(shared_data / "ecg" / f"mitbih_{name}.npz")
        assert recording.beats is not None and recording.is_pvc is not None
        x = beat_windows(recording.adc, recording.beats, recording.fs_hz)
        pvc = np.flatnonzero(recording.is_pvc)
        others = np.random.default_rng(0).choice(np.flatnonzero(~recording.is_pvc), len(pvc), replace=False)
        chosen = np.concatenate([pvc, others])
        windows.append(x[chosen])
        labels.append(recording.is_pvc[chosen].astype(np.int64))
    return Dataset(np.concatenate(windows), np.concatenate(labels))


def on_chips(beats: Dataset, bit_error_rate: float) -> Emulation:
    deployment = edgebnn.compile(ECG_PVC, toolchain="auto")
    chips = [ChipInstance(seed, bit_error_rate) for seed in range(CHIPS)]
    return deployment.emulate(beats, chips, firmware_samples=0)


def test_a_bit_error_rate_of_1e_4_has_little_impact(beats: Dataset) -> None:
    """arXiv 1904.03652, abstract (there MNIST and CIFAR-10); 1908.04066, abstract: an ECG task resists bit errors."""
    result = on_chips(beats, 1e-4)
    assert result.drop is not None and result.drop.verdict(0.01) is Verdict.HOLDS


def test_low_energy_programming_reduces_accuracy_only_slightly(beats: Dataset) -> None:
    """arXiv 2007.06238, abstract; the policy's bit error rate is assumed (targets/rram130.toml)."""
    rate = edgebnn.compile(ECG_PVC, policy="low-energy").mapped.target.policies["low-energy"].bit_error_rate
    result = on_chips(beats, rate.si("ratio"))
    assert result.drop is not None and result.drop.verdict(0.03) is Verdict.HOLDS


def test_many_errors_do_break_a_network_that_was_not_trained_for_them(beats: Dataset) -> None:
    """The other side of the claim, without which the two above could be met by errors that are never injected."""
    result = on_chips(beats, 0.3)
    assert result.drop is not None and result.drop.verdict(0.10) is Verdict.FAILS
    assert all(abs(chip.wrong_bits / 36_992 - 0.3) < 0.02 for chip in result.chips)
