"""Bit errors in the forward pass: weights that are wrong, drawn anew each time, and products that are read wrong.

A network that is trained with them learns to do without any single weight; it also overfits to the rate that it saw, so
judge it at others too, zero among them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType, TracebackType
from typing import Any, Self

import torch
from torch import Tensor, nn

from edgebnn.nn.layers import BinaryConv1d, BinaryConv2d, BinaryLinear, ternary_layer

Layer = BinaryLinear | BinaryConv1d | BinaryConv2d


class BitErrors:
    """Errors in a model's binary and ternary layers, as long as it is attached: `with BitErrors(model, 0.04): ...`.

    Each forward pass draws them anew. `rate` is the share of wrong weights, in all layers or in those of `per_layer`
    their own, by their names in `model.named_modules()`. Binary weights change their sign. Ternary ones become a
    neighbour: a +-1 is added with probability 2 rate / (1 + p0), p0 the layer's share of zeros, and the result made
    ternary again (the published code of arXiv 2005.01973). `read_rate` is the share of the products of inputs +-1 and
    weights +-1 that are read with the wrong sign, each for itself; layers named in `exact_reads`, such as a first one
    with real inputs, have none. `schedule`, from the number of `step()` calls to a factor, ramps all rates.

    The same seed draws the same errors on the same kind of device. The gradient passes through unchanged. Neither
    latent weights nor what is exported are touched. Raises ValueError for rates out of range and unknown layers.
    """

    def __init__(
        self,
        model: nn.Module,
        rate: float = 0.0,
        *,
        per_layer: Mapping[str, float] = MappingProxyType({}),
        read_rate: float = 0.0,
        exact_reads: tuple[str, ...] = (),
        schedule: Callable[[int], float] = lambda _: 1.0,
        seed: int = 0,
    ) -> None:
        layers = {name: module for name, module in model.named_modules() if isinstance(module, Layer)}
        for name in (*per_layer, *exact_reads):
            if name not in layers:
                raise ValueError(f"the model has no binary or ternary layer '{name}'; it has: {', '.join(layers)}")
        for value in (rate, read_rate, *per_layer.values()):
            if not 0 <= value <= 0.5:
                raise ValueError(f"the error rate {value} is out of range; use a number from 0 to 0.5")
        self._rates = {name: per_layer.get(name, rate) for name in layers}
        self._read_rates = {name: 0.0 if name in exact_reads else read_rate for name in layers}
        self._layers, self._schedule, self._seed, self._steps = layers, schedule, seed, 0
        self._generators: dict[torch.device, torch.Generator] = {}

    def __enter__(self) -> Self:
        """Attached: from now on the layers err. RuntimeError where another one's errors are attached already."""
        if any(layer.errors is not None for layer in self._layers.values()):
            raise RuntimeError("the model has bit errors already; leave their `with` block first")
        for name, layer in self._layers.items():
            layer.errors = _LayerErrors(self, name)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Without errors again."""
        for layer in self._layers.values():
            layer.errors = None

    def step(self) -> None:
        """One step of the schedule on."""
        self._steps += 1

    def rate_of(self, name: str) -> float:
        """The share of a layer's weights that is wrong now."""
        return self._scaled(self._rates[name])

    def read_rate_of(self, name: str) -> float:
        """The share of a layer's products that is read wrong now."""
        return self._scaled(self._read_rates[name])

    def generator(self, device: torch.device) -> torch.Generator:
        """The source of all draws on a device."""
        if device not in self._generators:
            self._generators[device] = torch.Generator(device).manual_seed(self._seed)
        return self._generators[device]

    def state_dict(self) -> dict[str, Tensor | int]:
        """How far schedule and draws are: `step`, and each device's generator by the device's name."""
        drawn = {str(device): generator.get_state() for device, generator in self._generators.items()}
        return {"step": self._steps, **drawn}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Schedule and draws go on as where `state_dict` was called. ValueError where the state is none."""
        steps = state["step"]
        if type(steps) is not int or steps < 0:
            raise ValueError(f"the step {steps} of the bit errors is no whole number from 0 up")
        self._steps, self._generators = steps, {}
        for name, drawn in state.items():
            if name != "step":
                self.generator(torch.device(name)).set_state(drawn)

    def _scaled(self, rate: float) -> float:
        return min(max(rate * self._schedule(self._steps), 0.0), 0.5)


class _LayerErrors:
    """What one layer asks in its forward pass."""

    def __init__(self, errors: BitErrors, name: str) -> None:
        self._errors, self._name = errors, name

    def __deepcopy__(self, memo: object) -> None:
        """A copy of the model, as the one that is exported, has no errors."""

    def weights(self, layer: nn.Module, weight: Tensor) -> Tensor:
        """The quantised weights with errors; the gradient is that of the ones without."""
        rate = self._errors.rate_of(self._name)
        if rate == 0:
            return weight
        draws = self._errors.generator(weight.device)
        with torch.no_grad():
            wrong = ternary_neighbours(weight, rate, draws) if ternary_layer(layer) else flipped(weight, rate, draws)
            change = wrong - weight
        return weight + change

    def sums(self, sums: Tensor, products: Tensor | float) -> Tensor:
        """The sums with products read wrong; `products` says how many +-1 each sum is of, and broadcasts to them."""
        rate = self._errors.read_rate_of(self._name)
        if rate == 0:
            return sums
        with torch.no_grad():
            change = read_change(sums, products, rate, self._errors.generator(sums.device))
        return sums + change

    @property
    def reads_err(self) -> bool:
        """Whether `sums` changes anything."""
        return self._errors.read_rate_of(self._name) > 0


def flipped(weight: Tensor, rate: float, draws: torch.Generator) -> Tensor:
    """+-1 weights, each with its sign changed with probability `rate`."""
    wrong = torch.rand(weight.shape, generator=draws, device=weight.device) < rate
    return torch.where(wrong, -weight, weight)


def ternary_neighbours(weight: Tensor, rate: float, draws: torch.Generator) -> Tensor:
    """Weights -1, 0, +1, a share `rate` of which has become a neighbour; see `BitErrors`."""
    zeros = float((weight == 0).float().mean())
    drawn = torch.rand(weight.shape, generator=draws, device=weight.device) * (1 + zeros) / (2 * rate)
    step = torch.where(drawn < 0.5, -1.0, 1.0) * (drawn < 1)
    return (weight + step).clamp(-1, 1)


def read_change(sums: Tensor, products: Tensor | float, rate: float, draws: torch.Generator) -> Tensor:
    """By how much `sums` of so many `products` of +-1 change where each product errs with probability `rate`.

    Of n products with the sum s, (n + s) / 2 are +1, and each of them that errs takes 2 away; the others add 2. Counts
    are binomial, so the law is exact.
    """
    plus = ((products + sums) / 2).round().clamp(min=0)
    minus = ((products - sums) / 2).round().clamp(min=0)
    chance = torch.full_like(sums, rate)
    return 2 * (torch.binomial(minus, chance, generator=draws) - torch.binomial(plus, chance, generator=draws))
