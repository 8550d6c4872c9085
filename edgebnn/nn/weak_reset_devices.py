"""Devices under weak RESET pulses: their numbers, drawn once, and what pulses do to their resistance and its noise.

All is vectorised: a tensor holds one number of every device, in any shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import expm1, log

import torch
from torch import Tensor

from edgebnn.nn.weak_reset_law import WeakResetLaw


@dataclass(frozen=True, eq=False)
class Devices:
    """What devices keep for good, of one shape: R0 (ohm), slopes (ln per pulse), turn (pulses), offset (ln).

    `amplitude` (ln) is that of a device's telegraph noise.
    """

    start: Tensor
    first_slope: Tensor
    turn: Tensor
    offset: Tensor
    second_slope: Tensor
    amplitude: Tensor

    @classmethod
    def drawn(
        cls, law: WeakResetLaw, shape: tuple[int, ...], generator: torch.Generator, *, device_to_device: bool = True
    ) -> Devices:
        """Devices of a shape, drawn on the CPU in float64, so that a seed means the same ones wherever they go.

        R0 is drawn in any case: it is what a new network's weights are. Without `device_to_device` every device has the
        median slopes, turn, offset and amplitude.
        """
        shares = [torch.rand(shape, generator=generator, dtype=torch.float64) for _ in range(6)]
        if not device_to_device:
            shares[1:] = [torch.full(shape, 0.5, dtype=torch.float64)] * 5
        start = _normal(shares[0], law.start_mean, law.start_deviation, law.start_lowest, law.start_highest)
        first = _exponential(
            shares[1],
            law.first_slope_location,
            law.first_slope_scale,
            law.first_slope_lowest,
            law.first_slope_highest,
        )
        ln_turn = _normal(shares[2], log(law.turn_median), law.turn_spread, log(law.turn_lowest), log(law.turn_highest))
        offset = _normal(shares[3], law.offset_mean, law.offset_deviation, -law.offset_reach, law.offset_reach)
        second = _exponential(shares[4], 0.0, law.second_slope_scale, 0.0, law.second_slope_highest)
        amplitude = shares[5] * law.telegraph_amplitude
        return cls(*(each.float() for each in (start, first, torch.exp(ln_turn), offset, second, amplitude)))

    def mean_ln(self, pulses: Tensor) -> Tensor:
        """w_mean after so many pulses, counted from the start."""
        before = self.first_slope * pulses
        after = self.second_slope * pulses + self.turn * (self.first_slope - self.second_slope)
        return torch.where(pulses < self.turn, before, after) + self.offset


def telegraph(upper: Tensor, pulses: Tensor, law: WeakResetLaw, generator: torch.Generator) -> Tensor:
    """Whether devices are in their upper state (1.0, else 0.0) that many pulses later.

    Two states with fixed probabilities for each pulse; n pulses are one draw, by the n-th power of the transition
    matrix in closed form.
    """
    rate = law.telegraph_rise + law.telegraph_fall
    if rate == 0:
        return upper
    moved = (1 - (1 - rate) ** pulses) / rate
    change = torch.where(upper > 0, law.telegraph_fall * moved, law.telegraph_rise * moved)
    return torch.where(_uniform(upper, generator) < change, 1 - upper, upper)


def telegraph_ln(amplitude: Tensor, law: WeakResetLaw, generator: torch.Generator) -> Tensor:
    """w_telegraph as it is now of devices in their upper state: their amplitude, times fresh uniform draws."""
    found = amplitude
    for _ in range(law.telegraph_draws):
        found = found * _uniform(amplitude, generator)
    return found


def pink_weights(memory: int) -> Tensor:
    """b_0 = 1, b_k = b_(k-1) (k - 1/2) / k: the impulse response (memory,), float64, whose noise has a power of 1/f."""
    weights = [1.0]
    for k in range(1, memory):
        weights.append(weights[-1] * (k - 0.5) / k)
    return torch.tensor(weights, dtype=torch.float64)


def shift_history(history: Tensor, pulses: Tensor, generator: torch.Generator) -> Tensor:
    """The uniform draws of the last pulses, the newest first, (devices, memory), after `pulses` (devices,) more."""
    place = torch.arange(history.shape[-1], device=history.device)
    back = place - pulses.long().unsqueeze(-1)
    kept = history.gather(-1, back.clamp(min=0))
    return torch.where(back < 0, _uniform(history, generator), kept)


def _uniform(like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.rand(like.shape, generator=generator, dtype=like.dtype, device=like.device)


def _normal(share: Tensor, mean: float, deviation: float, lowest: float, highest: float) -> Tensor:
    """The quantiles (float64) of a normal law within an interval."""
    low, high = (float(torch.special.ndtr(_float64((end - mean) / deviation))) for end in (lowest, highest))
    drawn: Tensor = mean + deviation * torch.special.ndtri(low + (high - low) * share)
    return drawn.clamp(lowest, highest)


def _exponential(share: Tensor, location: float, scale: float, lowest: float, highest: float) -> Tensor:
    """The quantiles (float64) of an exponential law behind `location`, within an interval."""
    low, high = (-expm1(-max(end - location, 0.0) / scale) for end in (lowest, highest))
    drawn: Tensor = location - scale * torch.log1p(-(low + (high - low) * share))
    return drawn.clamp(lowest, highest)


def _float64(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)
