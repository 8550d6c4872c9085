"""The networks that papers are about, with random weights: a binary VGG, a Bi-Real ResNet-18, MobileNet V1.

Their batch norms have the statistics of random images, so that activations stay alive from the first layer to the last.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from tests.exports import BinaryConv2d, BinaryLinear, export, sign

Images = npt.NDArray[np.uint8]


def images(shape: tuple[int, ...], count: int, seed: int = 0) -> Images:
    """Random pixels on random backgrounds, uint8 (count, *shape), so that images differ in more than their noise."""
    rng = np.random.default_rng(seed)
    level = rng.integers(0, 200, size=(count, shape[0], 1, 1))
    waves = 40 * np.sin(np.linspace(0, rng.uniform(3, 30), shape[2]))[np.newaxis, np.newaxis, np.newaxis, :]
    return np.clip(level + waves + rng.integers(0, 40, size=(count, *shape)), 0, 255).astype(np.uint8)


def settled(model: nn.Module, shape: tuple[int, ...], seed: int = 0) -> nn.Module:
    """The model in evaluation mode, its batch norms with the statistics of a few images, some gammas negative.

    No weight is 0, as random ones are now and then: its sign would make a binary layer a ternary one.
    """
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Linear)):
            module.weight.data[module.weight.data == 0] = 1e-3
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.momentum = None  # the mean over all that it sees
            module.weight.data = 1 + 0.3 * torch.randn(module.weight.shape, generator=generator)
            module.bias.data = 0.3 * torch.randn(module.bias.shape, generator=generator)
    with torch.no_grad():
        model.train()(torch.from_numpy(images(shape, 4, seed)).float())
    return model.eval()


def vgg() -> nn.Module:
    """The binary VGG for CIFAR-10 of BinaryConnect and FINN: six convolutions of 128 to 512 channels, three dense."""
    layers: list[nn.Module] = []
    channels = 3
    for index, neurons in enumerate((128, 128, 256, 256, 512, 512)):
        layers.append(BinaryConv2d(channels, neurons, 3, padding=1, bias=False, weights="where"))
        layers += [nn.MaxPool2d(2)] if index % 2 else []
        layers += [nn.BatchNorm2d(neurons), sign("where_at_least")]
        channels = neurons
    layers += [
        nn.Flatten(),
        BinaryLinear(8192, 1024, bias=False, weights="where"),
        nn.BatchNorm1d(1024),
        sign("where_at_least"),
    ]
    return nn.Sequential(*layers, BinaryLinear(1024, 10))


class BiRealBlock(nn.Module):
    """x + batch norm(binary convolution(sign(x))), with PReLU behind it; the shortcut of a smaller map is averaged."""

    def __init__(self, channels: int, neurons: int, stride: int) -> None:
        super().__init__()
        self.sign = sign("where_at_least")
        self.conv = BinaryConv2d(
            channels, neurons, 3, stride=stride, padding=1, bias=False, weights="scaled_per_channel"
        )
        self.norm, self.activation = nn.BatchNorm2d(neurons), nn.PReLU(neurons)
        self.shortcut = nn.Sequential()
        if stride > 1:
            pointwise = BinaryConv2d(channels, neurons, 1, bias=False)
            self.shortcut = nn.Sequential(nn.AvgPool2d(2), self.sign, pointwise, nn.BatchNorm2d(neurons))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.activation(self.norm(self.conv(self.sign(x))) + self.shortcut(x))


def bi_real_resnet18() -> nn.Module:
    """ResNet-18 for 224 x 224 with a shortcut around every convolution, as in Bi-Real net and ReActNet."""
    layers: list[nn.Module] = [
        BinaryConv2d(3, 64, 7, stride=2, padding=3, bias=False),
        nn.BatchNorm2d(64),
        nn.MaxPool2d(3, 2, 1),
    ]
    channels = 64
    for neurons in (64, 128, 256, 512):
        for index in range(4):
            layers.append(BiRealBlock(channels, neurons, 2 if neurons > 64 and index == 0 else 1))
            channels = neurons
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.BatchNorm1d(512), sign("where_at_least")]
    return nn.Sequential(*layers, BinaryLinear(512, 1000))


def mobilenet() -> nn.Module:
    """MobileNet V1 for 224 x 224: float depthwise and pointwise convolutions, then a binary classifier."""
    features: list[nn.Module] = [nn.Conv2d(3, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU()]
    channels = 32
    for neurons, stride in (
        (64, 1),
        (128, 2),
        (128, 1),
        (256, 2),
        (256, 1),
        (512, 2),
        *((512, 1),) * 5,
        (1024, 2),
        (1024, 1),
    ):
        features += [nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False)]
        features += [nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, neurons, 1, bias=False)]
        features += [nn.BatchNorm2d(neurons), nn.ReLU()]
        channels = neurons
    classifier = [nn.BatchNorm1d(1024), sign("where_at_least"), BinaryLinear(1024, 256, bias=False)]
    classifier += [nn.BatchNorm1d(256), sign("where_at_least"), BinaryLinear(256, 100)]
    return nn.Sequential(nn.Sequential(*features, nn.AdaptiveAvgPool2d(1), nn.Flatten()), nn.Sequential(*classifier))


def exported(model: nn.Module, shape: tuple[int, ...], path: Path) -> Path:
    """The settled model as TorchScript's exporter writes it."""
    torch.manual_seed(0)
    return export(settled(model, shape), shape, path)
