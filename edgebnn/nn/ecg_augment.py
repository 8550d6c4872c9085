"""Beats of patients who do not exist: how ten records teach a network about everybody else.

A batch of inputs (n, 4, length) of beat, usual beat, interval before and interval after is drawn with the classes and
the records balanced, taken apart, recombined and disturbed. Each step teaches one thing that holds for all patients:
a PVC looks unlike the patient's usual beat, whatever that looks like, and mostly comes early; a beat on time is
normal though it is drowned in noise or has another shape, and so is an early beat of the usual shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Coding:
    """What the numbers of an input mean, as the preprocessing made them.

    centre: sample of the R peak. peak: counts of the usual beat's largest deflection. ratio: counts of an interval
    that is longer than usual by 100 %.
    """

    centre: int
    peak: float
    ratio: float


@dataclass(frozen=True)
class Augmentation:
    """How often a step is taken (shares of the beats it applies to) and how far it goes (standard deviations)."""

    pvc_share: float = 0.4
    hard_weight: float = 2.0
    blend: float = 0.25
    transplant: float = 0.4
    wide_usual: float = 0.1
    role_swap: float = 0.1
    second_shape: float = 0.2
    noise_burst: float = 0.2
    other_rhythm: float = 0.3
    late_pvc: float = 0.02
    run: float = 0.08
    early_normal: float = 0.12
    irregular: float = 0.12
    shift_samples: float = 1.5
    misaligned_samples: float = 0.8
    stretch: float = 0.07
    pvc_stretch: float = 0.06
    gain: float = 0.12
    wander: float = 5.0
    noise: float = 2.5


class BeatSampler:
    """Draws augmented batches from x int8 (n, 4, length), is_pvc (n,) and the record's number of each beat (n,)."""

    def __init__(
        self, x: Tensor, is_pvc: Tensor, record: Tensor, coding: Coding, settings: Augmentation, seed: int
    ) -> None:
        self._x, self._coding, self._settings = x.float(), coding, settings
        self._random = torch.Generator().manual_seed(seed)
        self._pvc, self._normal = torch.nonzero(is_pvc)[:, 0], torch.nonzero(~is_pvc)[:, 0]
        self._pvc_weight = _record_weight(record[self._pvc])
        self._normal_weight = _record_weight(record[self._normal]) * self._hardness()

    def batch(self, size: int) -> tuple[Tensor, Tensor]:
        """(x float (size, 4, length) of int8 values, is_pvc int64 (size,))."""
        s = self._settings
        pvcs = max(1, round(size * s.pvc_share))
        index = torch.cat([self._some_pvc(pvcs), self._some_normal(size - pvcs)])
        is_pvc = torch.arange(size) < pvcs
        drawn = self._x[index]
        beat, usual, before, after = drawn[:, 0], drawn[:, 1], drawn[:, 2, 0], drawn[:, 3, 0]
        beat, usual, second = self._recombined(beat, usual, is_pvc)
        before, after = self._rhythm(before, after, is_pvc, second)
        beat, after = self._run(beat, after, is_pvc)
        beat, usual = self._moved(beat, usual, is_pvc)
        beat, usual = self._disturbed(beat, usual, is_pvc)
        length = beat.shape[1]
        plateaus = (before[:, None].expand(-1, length), after[:, None].expand(-1, length))
        x = torch.stack([beat, usual, *plateaus], dim=1).round().clamp(-128, 127)
        return x, is_pvc.long()

    def state_dict(self) -> dict[str, Tensor]:
        """How far the draws are."""
        return {"generator": self._random.get_state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """The draws go on as where `state_dict` was called."""
        self._random.set_state(state["generator"])

    def _recombined(self, beat: Tensor, usual: Tensor, is_pvc: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Beats and usual beats of different patients, and where a normal beat got another patient's shape."""
        s, size = self._settings, len(beat)
        # a PVC of a focus between two others
        blended = is_pvc & self._chance(size, s.blend)
        part = 0.5 * self._uniform(size)[:, None]
        second_focus = self._normalised(self._x[self._some_pvc(size), 0]) * beat.abs().amax(dim=1, keepdim=True)
        second_focus = second_focus / self._coding.peak * self._either_way_up(size, 0.0)
        beat = _where(blended, (1 - part) * beat + part * second_focus, beat)
        # a PVC onto another patient's usual beat, either way up
        moved = is_pvc & self._chance(size, s.transplant)
        usual = _where(moved, self._x[self._some_normal(size), 1], usual)
        beat = _where(moved, beat * self._either_way_up(size, 0.3), beat)
        # a wide beat is the usual one, as in a bundle branch block: normal, and others may still be PVC
        wide = self._normalised(self._x[self._some_pvc(size), 0])
        smooth = functional.avg_pool1d(functional.pad(wide[:, None], (1, 1), mode="replicate"), 3, 1)[:, 0]
        swapped = ~is_pvc & self._chance(size, s.role_swap)
        beat, usual = _where(swapped, wide, beat), _where(swapped, smooth, usual)
        unlike = (smooth - self._normalised(beat)).abs().mean(dim=1) > self._coding.peak / 6
        usual = _where(is_pvc & unlike & self._chance(size, s.wide_usual), smooth, usual)
        # a second normal shape, on time: intermittent block, pacing, another posture
        second = ~is_pvc & ~swapped & self._chance(size, s.second_shape)
        other = self._x[self._some_normal(size), 0] * self._either_way_up(size, 0.4)
        return _where(second, other, beat), usual, second

    def _rhythm(self, before: Tensor, after: Tensor, is_pvc: Tensor, on_time: Tensor) -> tuple[Tensor, Tensor]:
        s, size, ratio = self._settings, len(before), self._coding.ratio
        before = torch.where(on_time, 0.04 * ratio * self._normal_draw(size), before)
        after = torch.where(on_time, 0.04 * ratio * self._normal_draw(size), after)
        other = self._x[self._some_pvc(size)]
        taken = is_pvc & self._chance(size, s.other_rhythm)
        before, after = torch.where(taken, other[:, 2, 0], before), torch.where(taken, other[:, 3, 0], after)
        late = is_pvc & self._chance(size, s.late_pvc)
        before = torch.where(late, 0.1 * ratio * self._normal_draw(size), before)
        after = torch.where(late, 0.12 * ratio * self._normal_draw(size), after)
        early = ~is_pvc & ~on_time & self._chance(size, s.early_normal)
        before = torch.where(early, -ratio * (0.1 + 0.3 * self._uniform(size)), before)
        after = torch.where(early, ratio * (0.04 + 0.16 * self._normal_draw(size)), after)
        irregular = ~on_time & self._chance(size, s.irregular)
        before = torch.where(irregular, before + 0.2 * ratio * self._normal_draw(size), before)
        after = torch.where(irregular, 0.23 * ratio * self._normal_draw(size), after)
        slight = 0.03 * ratio
        return before + slight * self._normal_draw(size), after + slight * self._normal_draw(size)

    def _run(self, beat: Tensor, after: Tensor, is_pvc: Tensor) -> tuple[Tensor, Tensor]:
        """Another PVC of the same focus follows so early that it lies within the window."""
        size, length = beat.shape
        chosen = is_pvc & self._chance(size, self._settings.run)
        early = 0.25 + 0.25 * self._uniform(size)
        distance = (0.33 + 0.25 * self._uniform(size)) * length
        following = self._warped(beat, -distance, torch.ones(size))
        beyond = torch.arange(length)[None] > (self._coding.centre + 0.6 * distance)[:, None]
        beat = torch.where(chosen[:, None] & beyond, following, beat)
        return beat, torch.where(chosen, -early * self._coding.ratio, after)

    def _moved(self, beat: Tensor, usual: Tensor, is_pvc: Tensor) -> tuple[Tensor, Tensor]:
        """Another detector's R peaks, another heart rate."""
        s, size = self._settings, len(beat)
        stretch = 1 + s.stretch * self._normal_draw(size)
        shift = s.shift_samples * self._normal_draw(size)
        apart = s.misaligned_samples * self._normal_draw(size)
        own = stretch * (1 + torch.where(is_pvc, s.pvc_stretch, 0.02) * self._normal_draw(size))
        return self._warped(beat, shift + apart, own), self._warped(usual, shift, stretch)

    def _disturbed(self, beat: Tensor, usual: Tensor, is_pvc: Tensor) -> tuple[Tensor, Tensor]:
        """Gain, baseline wander, noise, and electrodes the other way round."""
        s, size, length = self._settings, *beat.shape
        beat = beat * torch.exp(s.gain * self._normal_draw(size))[:, None]
        beat = beat + (s.wander * self._normal_draw(size))[:, None] * self._wave(size, length)
        white = self._normal_draw(size, length)
        still = torch.zeros(size)
        noise = _where(self._chance(size, 0.5), white, self._warped(white, still, torch.full((size,), 0.3)))
        beat = beat + noise * (s.noise * self._normal_draw(size).abs())[:, None]
        # a burst of noise on a beat that is not a PVC; the interval says so
        slow = self._warped(self._normal_draw(size, length), still, 0.03 + 0.25 * self._uniform(size))
        burst = noise * (6 * s.noise * self._uniform(size))[:, None]
        burst = burst + slow * (9 * s.wander * self._uniform(size))[:, None]
        beat = _where(~is_pvc & self._chance(size, s.noise_burst), beat + burst, beat)
        usual = usual + self._normal_draw(size, length) * (0.5 * self._normal_draw(size).abs())[:, None]
        polarity = self._either_way_up(size, s.gain)
        beat, usual = beat * polarity, usual * polarity
        return beat - beat.median(dim=1, keepdim=True).values, usual

    def _warped(self, x: Tensor, shift: Tensor, stretch: Tensor) -> Tensor:
        """x (n, length) stretched about the R peak and shifted, by linear interpolation; edges are repeated."""
        length = x.shape[1]
        steps = torch.arange(length) - self._coding.centre
        position = (self._coding.centre + steps[None] * stretch[:, None] + shift[:, None]).clamp(0, length - 1)
        left = position.floor().clamp(0, length - 2).long()
        part = position - left
        return torch.gather(x, 1, left) * (1 - part) + torch.gather(x, 1, left + 1) * part

    def _hardness(self) -> Tensor:
        """(normals,): more weight for the normal beats that come early or differ from the usual one."""
        normal = self._x[self._normal]
        differs = (normal[:, 0] - normal[:, 1]).abs().mean(dim=1) > self._coding.peak / 6
        early = normal[:, 2, 0] < -0.12 * self._coding.ratio
        return 1 + self._settings.hard_weight * (differs.float() + early.float())

    def _normalised(self, beat: Tensor) -> Tensor:
        return beat * self._coding.peak / beat.abs().amax(dim=1, keepdim=True).clamp(min=1)

    def _wave(self, size: int, length: int) -> Tensor:
        """(size, length): slow sine waves of at most one period, at random phases."""
        time = torch.arange(length) / length
        return torch.sin(2 * torch.pi * (self._uniform(size)[:, None] * time + self._uniform(size)[:, None]))

    def _either_way_up(self, size: int, spread: float) -> Tensor:
        """(size, 1): log-normal gains of either sign."""
        sign = torch.where(self._chance(size, 0.5), -1.0, 1.0)
        return (sign * torch.exp(spread * self._normal_draw(size)))[:, None]

    def _some_pvc(self, size: int) -> Tensor:
        return self._pvc[torch.multinomial(self._pvc_weight, size, True, generator=self._random)]

    def _some_normal(self, size: int) -> Tensor:
        return self._normal[torch.multinomial(self._normal_weight, size, True, generator=self._random)]

    def _chance(self, size: int, share: float) -> Tensor:
        return self._uniform(size) < share

    def _uniform(self, size: int) -> Tensor:
        return torch.rand(size, generator=self._random)

    def _normal_draw(self, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=self._random)


def _record_weight(record: Tensor) -> Tensor:
    """(n,): a record with n beats weighs as the root of n, between one vote a beat and one vote a patient."""
    return torch.bincount(record).float()[record].rsqrt()


def _where(rows: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    return torch.where(rows[:, None], yes, no)
