"""The optimiser on devices as a plain loop over weights: Python's floats, one device after the other.

It takes over what the optimiser drew for good, and draws the noises itself, from the same source in the same order.
"""

from __future__ import annotations

from math import exp, sqrt
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgebnn.nn.weak_reset_law import WeakResetLaw

KEPT = ("start", "first_slope", "turn", "offset", "second_slope", "amplitude")


class ScalarDevices:
    """The devices of `count` weights in lists, [side][weight], side 0 being BL."""

    def __init__(self, law: WeakResetLaw, state: dict[str, Any], group: dict[str, Any]) -> None:
        self.law, self.group, self.stream = law, group, state["stream"]
        self.kept = {name: state[name].reshape(2, -1).tolist() for name in KEPT}
        self.count = len(self.kept["start"][0])
        self.step = 0
        self.first, self.second = [0.0] * self.count, [0.0] * self.count
        self.pulses = [[0.0] * self.count for _ in range(2)]
        self.upper = [[False] * self.count for _ in range(2)]
        self.history = [[[0.0] * law.pink_memory for _ in range(self.count)] for _ in range(2)]
        self.resistance = [[0.0] * self.count for _ in range(2)]

    def update(self, gradient: Tensor) -> None:
        """One step, by a gradient (count,)."""
        self.step += 1
        given = [[0] * self.count for _ in range(2)]
        for weight, slope in enumerate(gradient.flatten().tolist()):
            wanted = self._adam(weight, slope)
            most = self.law.most_pulses
            whole = round(min(max(wanted, -most), most))
            given[1 if whole > 0 else 0][weight] = abs(whole)
        word = np.random.SeedSequence((self.group["seed"], self.stream, self.step)).generate_state(1, np.uint64)[0]
        source = torch.Generator().manual_seed(int(word >> np.uint64(1)))
        devices = [(side, weight) for side in range(2) for weight in range(self.count)]
        pulsed = [place for place in devices if given[place[0]][place[1]]]
        for side, weight in devices:
            self.pulses[side][weight] += given[side][weight]
        noise = dict.fromkeys(devices, 0.0)
        if self.group["telegraph"]:
            draws = _drawn(source, len(pulsed)).tolist()
            for (side, weight), draw in zip(pulsed, draws, strict=True):
                self._telegraph(side, weight, given[side][weight], draw)
            upper = [place for place in devices if self.upper[place[0]][place[1]]]
            for place in upper:
                noise[place] = self.kept["amplitude"][place[0]][place[1]]
            for _ in range(self.law.telegraph_draws):
                for place, draw in zip(upper, _drawn(source, len(upper)).tolist(), strict=True):
                    noise[place] *= draw
        if self.group["pink"]:
            fresh = _drawn(source, len(pulsed), self.law.pink_memory).tolist()
            for (side, weight), draws in zip(pulsed, fresh, strict=True):
                count = given[side][weight]
                kept = self.history[side][weight]
                self.history[side][weight] = (draws[:count] + kept)[: self.law.pink_memory]
            for side, weight in devices:
                noise[side, weight] += self._pink(self.history[side][weight])
        for side, weight in devices:
            ln = self._mean_ln(side, weight) + noise[side, weight]
            self.resistance[side][weight] = self.kept["start"][side][weight] * exp(ln)

    def weights(self) -> list[float]:
        """+1 where BLb's resistance is the higher one."""
        return [1.0 if blb >= bl else -1.0 for bl, blb in zip(*self.resistance, strict=True)]

    def _adam(self, weight: int, slope: float) -> float:
        first, second = self.group["betas"]
        self.first[weight] = first * self.first[weight] + (1 - first) * slope
        self.second[weight] = second * self.second[weight] + (1 - second) * slope * slope
        mean = self.first[weight] / (1 - first**self.step)
        size = sqrt(self.second[weight] / (1 - second**self.step)) + self.group["eps"]
        return float(-self.group["lr"] * mean / size)

    def _mean_ln(self, side: int, weight: int) -> float:
        m1, turn, c1, m2 = (self.kept[name][side][weight] for name in KEPT[1:5])
        pulses = self.pulses[side][weight]
        if pulses < turn:
            return float(m1 * pulses + c1)
        return float(m2 * pulses + turn * (m1 - m2) + c1)

    def _telegraph(self, side: int, weight: int, count: int, draw: float) -> None:
        """The chain's probability to be elsewhere after `count` pulses, pulse by pulse."""
        rise, fall = self.law.telegraph_rise, self.law.telegraph_fall
        here = 1.0
        leave, back = (fall, rise) if self.upper[side][weight] else (rise, fall)
        for _ in range(count):
            here = here * (1 - leave) + (1 - here) * back
        if draw < 1 - here:
            self.upper[side][weight] = not self.upper[side][weight]

    def _pink(self, history: list[float]) -> float:
        found, weight = 0.0, 1.0
        for age, draw in enumerate(history):
            if age:
                weight *= (age - 0.5) / age
            found += weight * draw
        return self.law.pink_coupling * found


def _drawn(source: torch.Generator, *shape: int) -> Tensor:
    return torch.rand(shape, generator=source, dtype=torch.float64)
