"""The recipe `devices`: a network trained in RRAM devices, written as a model and as the chip that it now lives in."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

import edgebnn
from edgebnn.chip.instance.chip_file import check_ending
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.target.target import Target
from edgebnn.chip.target.weak_reset import WeakResetDevices
from edgebnn.chip.target_files.loading import changed
from edgebnn.confidence import exact_interval
from edgebnn.files import write_whole
from edgebnn.json_types.device_training import DevicesTrainedDocument, PulsesDocument, ReadOnChipDocument
from edgebnn.nn.onnx_export import onnx_bytes
from edgebnn.recipes.image_sets import ImageSet
from edgebnn.recipes.on_devices import DeviceTraining, Progress, TrainedOnDevices, device_network, train_on_devices
from edgebnn.recipes.trained_chip import LayerOnDevices, trained_chip
from edgebnn.recipes.weak_reset import law_of

INPUT_TYPE = "uint8"

_FIRMWARE_SAMPLES = 8
_QUANTILES = (0.05, 0.5, 0.95)


def train_devices(
    images: ImageSet,
    devices: WeakResetDevices,
    settings: DeviceTraining,
    output: Path,
    chip_file: Path,
    target: str = "rram130",
    progress: Progress = lambda *_: None,
) -> DevicesTrainedDocument:
    """Train, write the model to `output` and the chip to `chip_file` (.npz); what `--json` prints.

    Whether the target has the banks for the network is found out before. Raises TargetError where it has not, or has no
    RRAM, DataError for images and endings that will not do.
    """
    check_ending(chip_file, measured=True)
    example = torch.zeros((1, *images.train.x.shape[1:]))
    edgebnn.compile(onnx_bytes(device_network(images, settings), example), target=target, input_type=INPUT_TYPE).chip(0)
    trained = train_on_devices(images, law_of(devices), settings, progress)
    content = onnx_bytes(trained.model, example)
    deployment = edgebnn.compile(content, target=target, input_type=INPUT_TYPE)
    chip = trained_chip(deployment.mapped, layers_of(trained), settings.seed)
    on_chip = _read_on_chip(deployment, chip, images)
    write_whole(output, content)
    described = deployment.mapped.target
    chip.save(chip_file, described)
    right, tests = trained.epochs[-1].right, len(images.test.x)
    wanted = settings.imperfections
    switches = {"device-to-device": wanted.device_to_device, "rtn": wanted.rtn, "pink": wanted.pink}
    ohm = np.concatenate([layer.ohm.ravel() for layer in layers_of(trained)])
    pulses = _pulses(trained)
    return {
        "target": described.name,
        "target_changed": changed(described),
        "recipe": "devices",
        "width": settings.width,
        "epochs": settings.epochs,
        "seed": settings.seed,
        "imperfections": [name for name, on in switches.items() if on],
        "devices": {
            "name": devices.name,
            "summary": devices.summary,
            "evidence": dict(Counter(str(quantity.evidence) for _, quantity, _ in devices.quantities())),
        },
        "log": [
            {"epoch": number, "loss": epoch.loss, "test_right": epoch.right}
            for number, epoch in enumerate(trained.epochs, 1)
        ],
        "trained_images": len(images.train.x),
        "test_images": tests,
        "test_right": right,
        "test_accuracy": right / tests,
        "test_accuracy_interval": list(exact_interval(right, tests)),
        "weights": ohm.size // 2,
        "pulses": pulses,
        "endurance_used": endurance_used(described, pulses["most"]),
        "resistance_ohm": [float(value) for value in np.quantile(ohm, _QUANTILES)],
        "on_chip": on_chip,
        "model": str(output),
        "model_sha256": hashlib.sha256(content).hexdigest(),
        "chip": str(chip_file),
    }


def layers_of(trained: TrainedOnDevices) -> list[LayerOnDevices]:
    """The trained layers with the resistances of their devices."""
    found = []
    for layer in trained.layers:
        ohm = trained.optimiser.resistances(layer.weight).double().cpu().numpy()
        found.append(LayerOnDevices(layer.weight.detach().cpu().numpy().astype(np.int8), ohm))
    return found


def endurance_used(target: Target, pulses: int) -> dict[str, float]:
    """The share of each policy's endurance that so many pulses are, each counted as a whole programming cycle."""
    return {name: pulses / policy.endurance.si("cycles") for name, policy in target.policies.items()}


def _pulses(trained: TrainedOnDevices) -> PulsesDocument:
    counts: npt.NDArray[np.int64] = np.concatenate(
        [trained.optimiser.pulses(layer.weight).cpu().numpy().astype(np.int64).ravel() for layer in trained.layers]
    )
    return {
        "total": int(counts.sum()),
        "mean": float(counts.mean()),
        "median": float(np.median(counts)),
        "most": int(counts.max()),
    }


def _read_on_chip(deployment: edgebnn.Deployment, chip: ChipInstance, images: ImageSet) -> ReadOnChipDocument:
    result = deployment.emulate((images.test.x, images.test.y), [chip], firmware_samples=_FIRMWARE_SAMPLES)
    (found,) = result.chips
    assert found.accuracy is not None, "the test images have labels"
    assert found.changed is not None, "there are samples"
    return {
        "wrong_weights": found.wrong_bits,
        "misread_share": found.misread_share,
        "test_accuracy": found.accuracy,
        "changed_answers": found.changed,
        "executors_agree": result.executors_agree,
        "evidence": str(found.bit_error_rate_evidence),
    }
