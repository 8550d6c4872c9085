"""Training on the devices: a network of one hidden layer, whose weights never leave their cells (arXiv 2107.06064)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from edgebnn.errors import DataError
from edgebnn.nn.layers import BinaryLinear, Sign
from edgebnn.nn.weak_reset import WeakResetAdam
from edgebnn.nn.weak_reset_law import WeakResetLaw
from edgebnn.recipes.image_sets import Images, ImageSet

_EVALUATED_AT_ONCE = 1000

Progress = Callable[[int, float, int, int], None]
"""Told after each step which epoch it belongs to, its loss, and how many of how many of the epoch's are done."""


@dataclass(frozen=True)
class Imperfections:
    """What of the devices is simulated beside the law of the median device."""

    device_to_device: bool = True
    rtn: bool = True
    pink: bool = True


@dataclass(frozen=True)
class DeviceTraining:
    """How long and how fast: the numbers of the authors' code, but for the hidden layer's width, there 3,000.

    `rate` is Adam's for weights, in pulses, and halved every `halved_every` epochs; `own_rate` that of the batch norms,
    which are no devices.
    """

    width: int = 512
    epochs: int = 20
    batch: int = 1000
    rate: float = 100.0
    halved_every: int = 7
    own_rate: float = 8e-3
    seed: int = 0
    imperfections: Imperfections = Imperfections()


@dataclass(frozen=True)
class Epoch:
    """The mean loss of an epoch's batches, and how many of the test images were right after it."""

    loss: float
    right: int


@dataclass(frozen=True, eq=False)
class TrainedOnDevices:
    """The network as it reads its devices, the optimiser that holds them, and how it went."""

    model: nn.Sequential
    optimiser: WeakResetAdam
    epochs: tuple[Epoch, ...]

    @property
    def layers(self) -> list[BinaryLinear]:
        """The layers whose weights are on devices, in order."""
        return [layer for layer in self.model if isinstance(layer, BinaryLinear)]


def train_on_devices(
    images: ImageSet, law: WeakResetLaw, settings: DeviceTraining, progress: Progress = lambda *_: None
) -> TrainedOnDevices:
    """A network that has learnt `images` on devices of this law; the same arguments give the same one on a machine.

    Raises DataError where there are fewer than two images to learn from.
    """
    if len(images.train.x) < 2:
        raise DataError("one image is too little to learn from; add some to the training set")
    model = device_network(images, settings)
    weights = [layer.weight for layer in model if isinstance(layer, BinaryLinear)]
    own = [parameter for layer in model if isinstance(layer, nn.BatchNorm1d) for parameter in layer.parameters()]
    wanted = settings.imperfections
    on_devices = WeakResetAdam(
        weights,
        law,
        settings.rate,
        device_to_device=wanted.device_to_device,
        telegraph=wanted.rtn,
        pink=wanted.pink,
        seed=settings.seed,
    )
    beside = torch.optim.Adam(own, settings.own_rate)
    schedule = torch.optim.lr_scheduler.StepLR(on_devices, settings.halved_every, 0.5)
    x, y = torch.tensor(images.train.x), torch.tensor(images.train.y)
    epochs = []
    for epoch in range(1, settings.epochs + 1):
        model.train()
        losses: list[float] = []
        # A batch norm knows no variance of one image.
        batches = [part for part in torch.split(torch.randperm(len(x)), settings.batch) if len(part) > 1]
        for chosen in batches:
            loss = functional.cross_entropy(model(x[chosen].float()), y[chosen])
            on_devices.zero_grad()
            beside.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            on_devices.step()
            beside.step()
            losses.append(loss.item())
            progress(epoch, losses[-1], len(losses), len(batches))
        schedule.step()
        epochs.append(Epoch(sum(losses) / len(losses), right_answers(model, images.test)))
    return TrainedOnDevices(model.eval(), on_devices, tuple(epochs))


def device_network(images: ImageSet, settings: DeviceTraining) -> nn.Sequential:
    """The network before training, its weights those of PyTorch's draws until devices take them over."""
    torch.manual_seed(settings.seed)
    return nn.Sequential(
        nn.Flatten(),
        BinaryLinear(images.train.x.shape[1] * images.train.x.shape[2], settings.width),
        nn.BatchNorm1d(settings.width),
        Sign(),
        BinaryLinear(settings.width, images.classes),
        nn.BatchNorm1d(images.classes),
    )


def right_answers(model: nn.Module, images: Images) -> int:
    """How many of the images the model puts into their class."""
    model.eval()
    found = 0
    with torch.no_grad():
        for start in range(0, len(images.x), _EVALUATED_AT_ONCE):
            part = slice(start, start + _EVALUATED_AT_ONCE)
            scores: Tensor = model(torch.tensor(images.x[part]).float())
            found += int((scores.argmax(dim=1) == torch.as_tensor(images.y[part])).sum())
    return found
