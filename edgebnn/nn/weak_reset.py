"""The optimiser that learns in the devices: Adam's updates as weak RESET pulses (arXiv 2107.06064).

A weight is a pair of devices and nothing else: +1 where the one on BLb has the higher resistance, else -1, as the chip
reads it (+1 is the low-resistance state on BL). An update is rounded to pulses; those for a higher weight go to the
device on BLb, the others to that on BL. There is no SET: resistances only rise, but for their noise. The authors' code
is followed in this; its bit lines have each other's names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from math import sqrt
from typing import Any, overload

import numpy as np
import torch
from torch import Tensor
from torch.optim.optimizer import Optimizer

from edgebnn.nn.weak_reset_devices import Devices, pink_weights, shift_history, telegraph, telegraph_ln
from edgebnn.nn.weak_reset_law import WeakResetLaw

_KEPT = ("start", "first_slope", "turn", "offset", "second_slope", "amplitude")


class WeakResetAdam(Optimizer):
    """Adam whose parameters are weights on devices: +-1 in the forward pass, and pulses in place of a step.

    `params` are the weights of binary layers (tensors, or groups of them); at once they take the values of their
    devices. A weight's update of Adam with the rate `lr`, in pulses, is clipped to the law's `most_pulses` and rounded.
    The imperfections can be switched one by one: `device_to_device` (else every device has the median slopes, turn and
    offset; the resistance at the start is drawn in any case, since it is what the network begins with), `telegraph` and
    `pink` noise. All is drawn by `seed`, step by step, so a loaded state dict goes on as if there had been no pause; on
    another kind of machine the noises are drawn otherwise, the devices are the same. Biases and batch norms are for an
    optimiser of their own. Raises ValueError for settings out of range.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        law: WeakResetLaw,
        lr: float = 100.0,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        *,
        device_to_device: bool = True,
        telegraph: bool = True,
        pink: bool = True,
        seed: int = 0,
    ) -> None:
        if not lr >= 0:
            raise ValueError(f"the rate {lr} is out of range; use a number of pulses from 0 on")
        if not eps >= 0:
            raise ValueError(f"eps is {eps}; use a number from 0 on")
        if not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"the betas {betas} are out of range; use two numbers from 0 to below 1")
        if seed < 0:
            raise ValueError(f"the seed {seed} is negative; use one from 0 on")
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "device_to_device": device_to_device,
            "telegraph": telegraph,
            "pink": pink,
            "seed": seed,
            "law": asdict(law),
        }
        super().__init__(params, defaults)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """As PyTorch's; the weights are on devices from here on."""
        first = sum(len(group["params"]) for group in self.param_groups)
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        for place, parameter in enumerate(group["params"]):
            self._begin(parameter, group, first + place)

    def resistances(self, parameter: Tensor) -> Tensor:
        """The devices of a weight tensor as they are read now, in ohm: (2, ...), BL before BLb."""
        found: Tensor = self.state[parameter]["resistance"]
        return found

    def pulses(self, parameter: Tensor) -> Tensor:
        """How many pulses the devices have had: (2, ...), BL before BLb; whole numbers as float."""
        found: Tensor = self.state[parameter]["pulses"]
        return found

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """One update: pulses to the devices, and the weights as they are read afterwards."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                if parameter.grad.is_sparse:
                    raise RuntimeError("WeakResetAdam takes no sparse gradients")
                self._update(parameter, group)
        return loss

    @torch.no_grad()
    def _begin(self, parameter: Tensor, group: dict[str, Any], stream: int) -> None:
        law = WeakResetLaw(**group["law"])
        shape = (2, *parameter.shape)
        source = _generator(torch.device("cpu"), group["seed"], stream, 0)
        devices = Devices.drawn(law, shape, source, device_to_device=group["device_to_device"])
        state = self.state[parameter]
        state["stream"], state["step"] = stream, 0
        state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
        for name in _KEPT:
            state[name] = getattr(devices, name).to(parameter.device, parameter.dtype)
        state["pulses"] = torch.zeros(shape, dtype=parameter.dtype, device=parameter.device)
        if group["telegraph"]:
            state["upper"] = torch.zeros_like(state["pulses"])
        if group["pink"]:
            state["pink_ln"] = torch.zeros_like(state["pulses"])
            state["history"] = torch.zeros((*shape, law.pink_memory), dtype=parameter.dtype, device=parameter.device)
        self._read(parameter, state["start"] * torch.exp(_devices(state).mean_ln(state["pulses"])))

    def _update(self, parameter: Tensor, group: dict[str, Any]) -> None:
        law, state = WeakResetLaw(**group["law"]), self.state[parameter]
        state["step"] += 1
        wanted = _adam(parameter, state, group)
        whole = torch.round(torch.clamp(wanted, -law.most_pulses, law.most_pulses))
        given = torch.stack([torch.clamp(-whole, min=0), torch.clamp(whole, min=0)])
        state["pulses"] += given
        ln = _devices(state).mean_ln(state["pulses"])
        source = _generator(parameter.device, group["seed"], state["stream"], state["step"])
        pulsed = (given > 0).flatten().nonzero().squeeze(-1)  # noises move with pulses: only these are looked at
        count = given.flatten()[pulsed]
        if group["telegraph"]:
            _add_telegraph(ln, state, pulsed, count, law, source)
        if group["pink"]:
            _add_pink(ln, state, pulsed, count, law, source)
        self._read(parameter, state["start"] * torch.exp(ln))

    def _read(self, parameter: Tensor, resistance: Tensor) -> None:
        self.state[parameter]["resistance"] = resistance
        parameter.copy_(torch.where(resistance[1] >= resistance[0], 1.0, -1.0))


def _adam(parameter: Tensor, state: dict[str, Any], group: dict[str, Any]) -> Tensor:
    """The step that Adam takes (Kingma and Ba, arXiv:1412.6980)."""
    assert parameter.grad is not None, "a weight without a gradient is left alone"
    first, second = group["betas"]
    state["exp_avg"].lerp_(parameter.grad, 1 - first)
    state["exp_avg_sq"].mul_(second).addcmul_(parameter.grad, parameter.grad, value=1 - second)
    scale = state["exp_avg_sq"].sqrt() / sqrt(1 - second ** state["step"]) + group["eps"]
    wanted: Tensor = state["exp_avg"] / scale * (-group["lr"] / (1 - first ** state["step"]))
    return wanted


def _add_telegraph(
    ln: Tensor, state: dict[str, Any], pulsed: Tensor, count: Tensor, law: WeakResetLaw, source: torch.Generator
) -> None:
    """Adds w_telegraph after `count` more pulses to the devices `pulsed`, indices into the flat tensors."""
    states = state["upper"].view(-1)
    states[pulsed] = telegraph(states[pulsed], count, law, source)
    upper = states.nonzero().squeeze(-1)
    ln.view(-1)[upper] += telegraph_ln(state["amplitude"].view(-1)[upper], law, source)


def _add_pink(
    ln: Tensor, state: dict[str, Any], pulsed: Tensor, count: Tensor, law: WeakResetLaw, source: torch.Generator
) -> None:
    """Adds w_pink after `count` more pulses to the devices `pulsed`, indices into the flat tensors."""
    histories = state["history"].view(-1, law.pink_memory)
    history = shift_history(histories[pulsed], count, source)
    histories[pulsed] = history
    weights = pink_weights(law.pink_memory).to(history.device, history.dtype)
    state["pink_ln"].view(-1)[pulsed] = law.pink_coupling * (history @ weights)
    ln += state["pink_ln"]


def _devices(state: dict[str, Any]) -> Devices:
    return Devices(**{name: state[name] for name in _KEPT})


def _generator(device: torch.device, seed: int, stream: int, step: int) -> torch.Generator:
    """The source of a weight tensor's draws at a step: of its own, so that no state of a generator has to be kept."""
    word = np.random.SeedSequence((seed, stream, step)).generate_state(1, np.uint64)[0]
    return torch.Generator(device).manual_seed(int(word >> np.uint64(1)))
