"""What `train devices` answers: a network that was trained in the devices of a chip."""

from __future__ import annotations

from typing import TypedDict

from edgebnn.json_types.target import NamedTargetDocument


class DeviceEpochDocument(TypedDict):
    """An epoch: the mean loss of its batches, and how many of the test images were right after it."""

    epoch: int
    loss: float
    test_right: int


class PulsesDocument(TypedDict):
    """Weak RESET pulses that training took: of all devices together, and of a device by mean, median and most."""

    total: int
    mean: float
    median: float
    most: int


class DeviceFileDocument(TypedDict):
    """The device file, and how many of its numbers rest on each word of evidence."""

    name: str
    summary: str
    evidence: dict[str, int]


class ReadOnChipDocument(TypedDict):
    """The same devices read by the target's sense amplifiers, drawn by the seed: wrong weights and what they cost."""

    wrong_weights: int
    misread_share: float
    test_accuracy: float
    changed_answers: int
    executors_agree: bool | None
    evidence: str


class DevicesTrainedDocument(NamedTargetDocument):
    """`edgebnn train devices`. The interval is the exact one of 95 %; resistances are quantiles at 5, 50 and 95 %.

    `endurance_used` has for each programming policy the share of its endurance that the most pulsed device has used, a
    weak pulse counted as a whole programming cycle.
    """

    recipe: str
    width: int
    epochs: int
    seed: int
    imperfections: list[str]
    devices: DeviceFileDocument
    log: list[DeviceEpochDocument]
    trained_images: int
    test_images: int
    test_right: int
    test_accuracy: float
    test_accuracy_interval: list[float]
    weights: int
    pulses: PulsesDocument
    endurance_used: dict[str, float]
    resistance_ohm: list[float]
    on_chip: ReadOnChipDocument
    model: str
    model_sha256: str
    chip: str
