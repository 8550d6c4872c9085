"""What the ECG patch's streaming chain computes, said once more in Python: the oracle for `runtime/signal`.

Written from the description, not from the C: moments are absolute, filters are sums over what they cover, and no ring
wraps. Slow, and equal to the C in every integer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from edgebnn.devices.ecg_chain import MISSING, ChainSettings

_LEVELS = 8
_NEVER = 1 << 16


@dataclass(frozen=True)
class FoundBeat:
    """A beat: the sample at 240 Hz with which it became certain, how many samples at 120 Hz its R peak lies back from
    there, and the interval before it in the same samples, 0 where it is unknown."""

    certain: int
    ago: int
    interval: int


@dataclass(frozen=True)
class Step:
    """What one sample gives: whether there is no signal; the filtered sample, every second time; a beat, sometimes."""

    lead_off: bool = False
    filtered: int | None = None
    beat: FoundBeat | None = None


@dataclass
class _Candidate:
    """A sum of curvatures larger than its neighbours: its height, when, and the R peak under it."""

    height: int = 0
    when: int = 0
    steep: int = 0
    peak: int = 0


@dataclass
class _Levels:
    """The last eight of something, and the mean of the two in their middle."""

    values: list[int]
    level: int = 0

    def remember(self, value: int) -> None:
        self.values = [*self.values[1:], value]
        self.renew()

    def renew(self) -> None:
        ordered = sorted(self.values)
        total = ordered[3] + ordered[4]
        self.level = abs(total) // 2 * (1 if total >= 0 else -1)


@dataclass
class _Detector:
    """The detector; its clock is the number of filtered samples since the beginning."""

    settings: ChainSettings
    beats: _Levels = field(init=False)
    noises: _Levels = field(default_factory=lambda: _Levels([0] * _LEVELS))
    intervals: _Levels = field(init=False)
    now: int = 0
    steep: int = 0
    between: int = 0

    def __post_init__(self) -> None:
        self.beats = _Levels([self.settings.first_level] * _LEVELS, self.settings.first_level)
        self.intervals = _Levels([self.settings.first_interval] * _LEVELS, self.settings.first_interval)
        self.restart()

    def restart(self) -> None:
        """No sample, no candidate, no last beat; the levels stay."""
        self.signal: list[int] = [0] * 9
        self.curvatures: list[int] = [0] * 64
        self.seconds: list[int] = [0] * 16
        self.candidate, self.spare = _Candidate(), _Candidate()
        self.falling: int | None = None
        self.last_sum_at = self.last_peak_at = self.now
        self.known = False

    def step(self, filtered: int) -> tuple[int, int] | None:
        """(samples since the R peak, interval or 0) where a beat is certain now."""
        settings = self.settings
        self.now += 1
        self.signal = [*self.signal[-8:], filtered]
        self._feel()
        old, middle, new = sum(self.signal[:3]), sum(self.signal[3:6]), sum(self.signal[6:])
        self.curvatures = [*self.curvatures[1:], abs(2 * middle - old - new)]
        total = sum(self.curvatures[-settings.width :])
        if self.falling is not None and total <= self.falling:
            self.falling = total
        else:
            self.falling = None
            if total > self.candidate.height:
                self.candidate = _Candidate(total, self.now)
        threshold = self._threshold()
        since = min(self.now - self.last_sum_at, _NEVER)
        if self.candidate.height > 0 and self.now - self.candidate.when >= settings.merge:
            return self._judge(total, threshold, since)
        spare = self.spare.height
        late = since > self.intervals.level * settings.late >> 8
        if late and spare > settings.lowest and spare > threshold * settings.back_share >> 8:
            return self._take(self.spare)
        if settings.longest <= since < _NEVER and since % (settings.longest // 4) == 0:
            self.beats.values = [value - (value >> 3) for value in self.beats.values]
            self.beats.renew()
        return None

    def _feel(self) -> None:
        """How rough the last samples are, and what a third of such sums lies below."""
        before, last, newest = self.signal[-3:]
        self.seconds = [*self.seconds[1:], abs(newest - 2 * last + before)]
        step = self.between // 64 + 1
        if sum(self.seconds) > self.between:
            self.between += step
        elif self.between - 2 * step >= 0:
            self.between -= 2 * step

    def _threshold(self) -> int:
        noise, beat = self.noises.level, self.beats.level
        rough = min(self.settings.rough_times * self.between, beat * self.settings.rough_most >> 8)
        return max(noise + ((beat - noise) * self.settings.beat_share >> 8), rough, self.settings.lowest)

    def _judge(self, total: int, threshold: int, since: int) -> tuple[int, int] | None:
        settings, candidate = self.settings, self.candidate
        self.candidate, self.falling = _Candidate(), total
        behind = since - (self.now - candidate.when)
        if self.known and behind <= settings.refractory:
            return None
        self._locate(candidate)
        near = self.known and behind < settings.t_wave
        t_wave = near and candidate.steep < self.steep * settings.t_share >> 8
        if candidate.height > threshold and not t_wave:
            return self._take(candidate)
        self.noises.remember(min(candidate.height, 4 * self.beats.level))
        if not near and candidate.height > self.spare.height:
            self.spare = candidate
        return None

    def _locate(self, candidate: _Candidate) -> None:
        """The steepest curvature under it; the R peak is half way from that one to the middle of all steep ones."""
        first = len(self.curvatures) - 1 - (self.now - candidate.when) - (self.settings.width - 1)
        under = self.curvatures[first : first + self.settings.width][::-1]  # backwards from the sum
        candidate.steep = max(under)
        largest = max(back for back, curvature in enumerate(under) if curvature == candidate.steep)
        steep = [(back, curvature) for back, curvature in enumerate(under) if 4 * curvature >= candidate.steep]
        weight = sum(curvature for _, curvature in steep)
        middle = (sum(back * curvature for back, curvature in steep) + weight // 2) // weight
        candidate.peak = candidate.when - 4 - (largest + middle + 1) // 2

    def _take(self, candidate: _Candidate) -> tuple[int, int]:
        self.beats.remember(min(candidate.height, 3 * self.beats.level))
        interval = min(self.now - self.last_peak_at, _NEVER) - (self.now - candidate.peak)
        if not self.known or not 0 < interval <= self.settings.longest:
            interval = 0
        else:
            self.intervals.remember(interval)
        self.steep, self.known, self.spare = candidate.steep, True, _Candidate()
        self.last_sum_at, self.last_peak_at = candidate.when, candidate.peak
        return self.now - candidate.peak, interval


def steps(settings: ChainSettings, codes: Iterable[int]) -> Iterator[Step]:
    """What each code (12 bits with a sign, or MISSING) of a lead sampled at 240 Hz gives, one after the other."""
    detector = _Detector(settings)
    last, unchanged, running = 0, 0, False
    inputs: list[int] = []
    answers: list[int] = []
    waiting: int | None = None
    baseline = 0
    for place, given in enumerate(codes):
        code = min(max(given, -2048), 2047)
        if given != MISSING:
            unchanged = unchanged + 1 if code == last or code in (-2048, 2047) else 0
            last = code
        if given == MISSING or unchanged >= settings.lead_off:
            running = False
            yield Step(lead_off=True)
            continue
        if not running:
            inputs, answers, waiting, running = [code, code], [8 * code, 8 * code], None, True
            baseline = 16 * code << settings.baseline_shift
            detector.restart()
        (x2, x1), (y2, y1) = inputs, answers
        exact = (
            settings.notch_gain * 8 * (code + x2) + settings.notch_near * (8 * x1 - y1) - settings.notch_far * y2
        ) / 4096
        clean = int((exact + 0.5) // 1)  # float64 holds it all
        inputs, answers = [x1, code], [y1, clean]
        if waiting is None:
            waiting = clean
            yield Step()
            continue
        off = waiting + clean - (baseline >> settings.baseline_shift)
        waiting, baseline = None, baseline + off
        found = detector.step(off >> 2)
        yield Step(filtered=off >> 2, beat=None if found is None else FoundBeat(place, *found))
