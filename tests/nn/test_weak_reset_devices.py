"""The model of weak RESET pulses against plain formulas: what devices draw, how they rise, and what noises do."""

from __future__ import annotations

from math import log
from typing import Any

import numpy as np
import pytest
import scipy
import torch
from hypothesis import given
from hypothesis import strategies as st

from edgebnn.confidence import exact_interval
from edgebnn.nn.weak_reset_devices import Devices, pink_weights, shift_history, telegraph, telegraph_ln
from edgebnn.recipes.weak_reset import weak_reset_law

LAW = weak_reset_law()
SURE = 1 - 1e-6  # of intervals: a fixed seed passes or fails for good, and a wrong law fails far outside


def drawn(count: int, seed: int = 0, **told: bool) -> Devices:
    return Devices.drawn(LAW, (count,), torch.Generator().manual_seed(seed), **told)


def truncated(of: Any, low: float, high: float) -> Any:
    """The distribution function of a law of SciPy's within an interval."""
    ends = of.cdf(low), of.cdf(high)
    return lambda x: np.clip((of.cdf(x) - ends[0]) / (ends[1] - ends[0]), 0, 1)


STATED = {
    "start": (scipy.stats.norm(6988, 381.7), 6252, 7897),
    "first_slope": (scipy.stats.expon(3.7416e-5, 6.5647e-4), 3.74e-5, 7.6e-3),
    "turn": (scipy.stats.lognorm(0.80338, scale=542.54), 41, 2000),
    "offset": (scipy.stats.norm(5.293e-3, 5.3208e-2), -0.15, 0.15),
    "second_slope": (scipy.stats.expon(0, 2.8891e-5), 0, 1.3e-4),
    "amplitude": (scipy.stats.uniform(0, 0.5), 0, 0.5),
}


@pytest.mark.parametrize("name", STATED)
def test_devices_are_drawn_by_the_laws_as_they_were_published(name: str) -> None:
    of, low, high = STATED[name]
    found = getattr(drawn(50_000), name).double().numpy()
    assert found.min() >= low * (1 - 1e-6)
    assert found.max() <= high * (1 + 1e-6)
    assert scipy.stats.kstest(found, truncated(of, low, high)).pvalue > 1 - SURE


@pytest.mark.parametrize("name", [name for name in STATED if name != "start"])
def test_the_median_device_stands_for_all_without_device_to_device(name: str) -> None:
    of, low, high = STATED[name]
    found = getattr(drawn(3, device_to_device=False), name).double().numpy()
    assert truncated(of, low, high)(found) == pytest.approx(0.5, abs=1e-5)


@given(seed=st.integers(0, 1000), pulses=st.integers(0, 6000))
def test_a_device_rises_by_the_closed_form(seed: int, pulses: int) -> None:
    device = drawn(1, seed)
    m1, turn, c1, m2 = (float(getattr(device, name)) for name in ("first_slope", "turn", "offset", "second_slope"))
    plain = m1 * pulses + c1 if pulses < turn else m2 * pulses + turn * (m1 - m2) + c1
    assert float(device.mean_ln(torch.tensor([float(pulses)]))) == pytest.approx(plain, abs=1e-5)
    rise = m1 * min(pulses, turn) + m2 * max(pulses - turn, 0.0)
    assert plain == pytest.approx(c1 + rise, abs=1e-9)


@pytest.mark.parametrize(
    ("pulses", "median", "high"), [(500, 8_560, 16_700), (1_000, 9_041, 26_200), (5_000, 10_343, 36_600)]
)
def test_resistances_after_many_pulses_are_those_known_of_the_model(pulses: int, median: float, high: float) -> None:
    """Quantiles that were derived before, by sampling, and are known to so many digits: exact intervals of counts."""
    devices = drawn(100_000, 7)
    ohm = devices.start * torch.exp(devices.mean_ln(torch.full((100_000,), float(pulses))))
    for share, value, digits in ((0.5, median, 30.0), (0.95, high, high * 0.01)):
        below = [int((ohm < value + way * digits).sum()) for way in (-1, 1)]
        assert exact_interval(below[0], 100_000, SURE)[0] <= share <= exact_interval(below[1], 100_000, SURE)[1]


@pytest.mark.parametrize("begins_up", [False, True])
def test_telegraph_noise_is_a_chain_of_single_pulses(begins_up: bool) -> None:
    """n pulses at once move a device as the n-th power of the transition matrix says."""
    matrix = np.array([[1 - 8e-4, 8e-4], [2e-3, 1 - 2e-3]])
    count, source = 200_000, torch.Generator().manual_seed(1)
    state = torch.full((count,), float(begins_up))
    for pulses in (1, 14, 300):
        after = telegraph(state, torch.full((count,), float(pulses)), LAW, source)
        low, high = exact_interval(int(after.sum()), count, SURE)
        assert low <= np.linalg.matrix_power(matrix, pulses)[int(begins_up), 1] <= high


def test_telegraph_noise_settles_at_its_share_and_stays_without_pulses() -> None:
    count, source = 100_000, torch.Generator().manual_seed(2)
    state = telegraph(torch.zeros(count), torch.full((count,), 1e5), LAW, source)
    low, high = exact_interval(int(state.sum()), count, SURE)
    assert low <= 8e-4 / (8e-4 + 2e-3) <= high
    assert torch.equal(telegraph(state, torch.zeros(count), LAW, source), state)


def test_an_amplitude_is_multiplied_by_fresh_uniform_draws() -> None:
    """Two of them: their product lies below p with the probability p - p ln p."""
    count = 100_000
    found = telegraph_ln(torch.full((count,), 0.4), LAW, torch.Generator().manual_seed(3)) / 0.4
    for p in (0.01, 0.1, 0.5, 0.9):
        low, high = exact_interval(int((found < p).sum()), count, SURE)
        assert low <= p - p * log(p) <= high


def test_pink_weights_are_those_that_were_published() -> None:
    published = [1.0, 0.5, 0.375, 0.3125, 0.2734375, 0.24609375, 0.22558594, 0.20947266, 0.19638062, 0.18547058]
    assert pink_weights(10).tolist() == pytest.approx(published, abs=1e-8)


@given(memory=st.integers(1, 20), pulses=st.lists(st.integers(0, 25), min_size=1, max_size=6))
def test_a_history_takes_its_newest_draws_in_front(memory: int, pulses: list[int]) -> None:
    before = torch.arange(len(pulses) * memory, dtype=torch.float32).reshape(-1, memory) + 1  # no draw is 1 or more
    after = shift_history(before, torch.tensor(pulses, dtype=torch.float32), torch.Generator().manual_seed(0))
    for row, count in enumerate(pulses):
        fresh, kept = after[row, :count], after[row, count:]
        assert ((fresh >= 0) & (fresh < 1)).all()
        assert kept.tolist() == before[row, : max(memory - count, 0)].tolist()


def series(devices: int, length: int, memory: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """w_pink / coupling of devices (devices, length), pulse by pulse, from when all of the memory is full."""
    source, weights = torch.Generator().manual_seed(4), pink_weights(memory).float()
    history = shift_history(torch.zeros(devices, memory), torch.full((devices,), float(memory)), source)
    found = []
    for _ in range(length):
        history = shift_history(history, torch.ones(devices), source)
        found.append(history @ weights)
    return torch.stack(found, dim=1).double().numpy()


@pytest.mark.parametrize("memory", [15, 64])
def test_the_spectrum_of_pink_noise_is_that_of_its_weights(memory: int) -> None:
    """The mean periodogram of independent devices, within six standard errors of the filter's at every frequency."""
    devices, length = 2_000, 96
    found = series(devices, length, memory)
    power = np.abs(np.fft.rfft(found - 0.5 * pink_weights(memory).double().numpy().sum(), axis=1)) ** 2 / length
    weights = pink_weights(memory).double().numpy()
    lags = np.correlate(weights, weights, "full")[memory - 1 :] / 12  # covariance at lags 0, 1, ...; 1/12 is a draw's
    lags = np.concatenate([lags, np.zeros(length)])[:length]
    taper = 2 * lags * (1 - np.arange(length) / length)
    taper[0] /= 2
    expected = np.cos(2 * np.pi * np.outer(np.arange(power.shape[1]), np.arange(length)) / length) @ taper
    error = power.std(axis=0, ddof=1) / devices**0.5
    assert (np.abs(power.mean(axis=0) - expected) < 6 * error).all()


def test_pink_noise_is_pink() -> None:
    """A power of 1/f: of a long memory the filter's falls by half with each octave, well above 1 / memory."""
    memory = 4096
    response = np.abs(np.fft.rfft(pink_weights(memory).numpy(), 4 * memory)) ** 2
    octaves = response[[256, 512, 1024, 2048]]
    assert octaves[:-1] / octaves[1:] == pytest.approx(2, rel=0.1)
    flat = np.abs(np.fft.rfft(pink_weights(15).numpy(), 4096)) ** 2
    assert flat[1] / flat[2] == pytest.approx(1, abs=0.01)  # which no memory reaches below its length
