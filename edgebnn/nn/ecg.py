"""The network that tells premature ventricular beats (PVC) from others: architecture, training, evaluation."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from edgebnn.errors import DataError
from edgebnn.nn.checkpoint import Settings
from edgebnn.nn.ecg_augment import Augmentation, BeatSampler, Coding
from edgebnn.nn.layers import BinaryConv1d, BinaryLinear, Sign
from edgebnn.nn.trainer import INTERRUPTED, Heard, Trained, Trainer

CHANNELS = 32
KERNELS = (8, 8, 5)
STRIDE = 2
HIDDEN = 64

_EVALUATED_AT_ONCE = 4096

Progress = Callable[[str, int, float], None]
"""Told after each epoch which network it was (`network` or `teacher 1`), how many it has done, and its mean loss."""


@dataclass(frozen=True)
class Training:
    """How long and how fast to train. An epoch is `steps` batches, as the augmented data never ends.

    A binary network learns from the labels and, by the share `from_teachers`, from the mean answer of `teachers` float
    twins (Hinton et al., arXiv:1503.02531): where one network's answer is an accident of its seed, theirs is not.
    """

    epochs: int = 24
    teachers: int = 2
    from_teachers: float = 0.7
    steps: int = 50
    batch: int = 128
    learning_rate: float = 0.01
    label_smoothing: float = 0.05
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)

    def all_epochs(self, binary: bool) -> int:
        """Epochs that a training takes, those of the teachers of a binary network among them."""
        return self.epochs + (self.teachers * _teacher_epochs(self.epochs) if binary else 0)


class EcgNet(nn.Module):
    """Three convolutions and two dense layers: int8 (n, channels, length) -> scores (n, 2), other and PVC.

    Binary weights and activations; with `binary=False` the float twin: real weights and hard tanh.
    """

    def __init__(self, channels: int, length: int, *, binary: bool = True) -> None:
        super().__init__()
        self.binary = binary
        layers: list[nn.Module] = []
        for kernel in KERNELS:
            layers += [_convolution(channels, kernel, binary), nn.BatchNorm1d(CHANNELS), _activation(binary)]
            channels, length = CHANNELS, (length - kernel) // STRIDE + 1
        if length < 1:
            raise ValueError("the input is shorter than the three convolutions need")
        layers += [nn.Flatten(), _dense(channels * length, HIDDEN, binary), nn.BatchNorm1d(HIDDEN), _activation(binary)]
        layers += [_dense(HIDDEN, 2, binary), nn.BatchNorm1d(2)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Scores (n, 2) of int8 inputs; the larger one is the answer."""
        scores: Tensor = self.layers(x.float())
        return scores


@dataclass(frozen=True)
class FittedEcg:
    """A network, and how its training went; the teachers' is told to nobody."""

    model: EcgNet
    trained: Trained


def train(
    x: npt.NDArray[np.int8],
    is_pvc: npt.NDArray[Any],
    record: npt.NDArray[Any],
    coding: Coding,
    settings: Training | None = None,
    *,
    binary: bool = True,
    progress: Progress | None = None,
) -> EcgNet:
    """The network of `fit`."""
    return fit(x, is_pvc, record, coding, settings, binary=binary, progress=progress).model


def fit(
    x: npt.NDArray[np.int8],
    is_pvc: npt.NDArray[Any],
    record: npt.NDArray[Any],
    coding: Coding,
    settings: Training | None = None,
    *,
    binary: bool = True,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
) -> FittedEcg:
    """A network trained on x int8 (n, channels, length), is_pvc (n,) and the number of each beat's record (n,).

    The same arrays and settings give the same network on the same machine. With a `checkpoint`, an .npz file, what is
    there goes on; teachers have their own beside it (`NAME-teacher-1.npz`). Ctrl-C ends the training with the last
    whole epoch, and is raised while a teacher is trained. Raises DataError where a class is missing, and as `Trainer`.
    """
    settings = settings or Training()
    labels = torch.as_tensor(np.asarray(is_pvc, np.bool_))
    if not labels.any() or labels.all():
        raise DataError("the training records hold no PVC, or nothing else; add records with both kinds of beats")
    teachers: list[EcgNet] = []
    if binary:
        for index in range(settings.teachers):
            own = replace(settings, epochs=_teacher_epochs(settings.epochs), seed=_teacher_seed(settings.seed, index))
            told = None if progress is None else _teachers_progress(progress, index)
            kept = None if checkpoint is None else checkpoint.with_name(f"{checkpoint.stem}-teacher-{index + 1}.npz")
            taught = fit(x, is_pvc, record, coding, own, binary=False, progress=told, checkpoint=kept)
            if taught.trained.ended == INTERRUPTED:
                raise KeyboardInterrupt
            teachers.append(taught.model)
    torch.manual_seed(settings.seed)
    model = EcgNet(*x.shape[1:], binary=binary)
    records = torch.as_tensor(np.asarray(record, np.int64))
    sampler = BeatSampler(torch.as_tensor(x), labels, records, coding, settings.augmentation, settings.seed)
    # real weights of the twin grow without bound under batch norm, latent ones are clipped instead
    rate, decay = (settings.learning_rate, 0.0) if binary else (0.3 * settings.learning_rate, 1e-4)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate, weight_decay=decay)

    def loss(network: nn.Module, batch: Tensor, answer: Tensor) -> Tensor:
        scores = network(batch)
        own = functional.cross_entropy(scores, answer, label_smoothing=settings.label_smoothing)
        if not teachers:
            return own
        return torch.lerp(own, functional.cross_entropy(scores, _mean_answer(teachers, batch)), settings.from_teachers)

    trainer = Trainer(
        model,
        optimizer,
        loss,
        lambda _: (sampler.batch(settings.batch) for _ in range(settings.steps)),
        settings.steps,
        schedule=torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings.epochs * settings.steps),
        checkpoint=checkpoint,
        settings=_told(settings, binary, x, labels, records),
        parts={"sampler": sampler},
    )
    return FittedEcg(model, trainer.fit(settings.epochs, None if progress is None else _at_the_end(progress)))


def evaluate(model: EcgNet, x: npt.NDArray[np.int8]) -> npt.NDArray[np.float32]:
    """The scores (n, 2) of x int8 (n, channels, length)."""
    model.eval()
    with torch.no_grad():
        parts = [model(part) for part in torch.split(torch.as_tensor(x), _EVALUATED_AT_ONCE)]
    return np.asarray(torch.cat(parts).numpy(), np.float32)


def _teacher_seed(seed: int, index: int) -> int:
    """Far from the seeds that a user counts through, so that no teacher is a twin of another run's."""
    return 1_000_000 + 1_000 * seed + index


def _teachers_progress(progress: Progress, index: int) -> Progress:
    return lambda _, epoch, loss: progress(f"teacher {index + 1}", epoch, loss)


def _at_the_end(progress: Progress) -> Heard:
    """Of an epoch, that is."""

    def heard(epoch: int, done: int, of: int, loss: float) -> None:
        if done == of:
            progress("network", epoch, loss)

    return heard


def _told(settings: Training, binary: bool, x: npt.NDArray[np.int8], labels: Tensor, records: Tensor) -> Settings:
    """What tells a training from others: its settings and its beats."""
    beats = hashlib.sha256(np.ascontiguousarray(x).tobytes() + labels.numpy().tobytes() + records.numpy().tobytes())
    own = {name: value for name, value in asdict(settings).items() if name != "augmentation"}
    steps = {f"augmentation.{name}": value for name, value in asdict(settings.augmentation).items()}
    return {**own, **steps, "binary": binary, "beats": beats.hexdigest()[:16]}


def _teacher_epochs(epochs: int) -> int:
    """Real weights settle sooner than binary ones."""
    return max(1, 2 * epochs // 3)


def _mean_answer(teachers: list[EcgNet], batch: Tensor) -> Tensor:
    """(n, 2): the mean probability of either class."""
    with torch.no_grad():
        return torch.stack([teacher(batch).softmax(dim=1) for teacher in teachers]).mean(dim=0)


def _convolution(channels: int, kernel: int, binary: bool) -> nn.Module:
    if binary:
        return BinaryConv1d(channels, CHANNELS, kernel, stride=STRIDE)
    return nn.Conv1d(channels, CHANNELS, kernel, stride=STRIDE, bias=False)


def _dense(inputs: int, outputs: int, binary: bool) -> nn.Module:
    return BinaryLinear(inputs, outputs) if binary else nn.Linear(inputs, outputs, bias=False)


def _activation(binary: bool) -> nn.Module:
    return Sign() if binary else nn.Hardtanh()
