"""Intervals cover what they should, and a drop of accuracy is judged by its interval and never by its mean."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from edgebnn.confidence import LEVEL, exact_interval
from edgebnn.emulator import accuracy
from edgebnn.emulator.accuracy import RESAMPLES, AccuracyDrop, Verdict, accuracy_drop, accuracy_drops


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (10, 10), (3, 10), (450, 500), (1, 1000)])
def test_the_exact_interval_leaves_a_fortieth_on_each_side(successes: int, trials: int) -> None:
    low, high = exact_interval(successes, trials)
    assert low <= successes / trials <= high
    if successes:
        assert binom.sf(successes - 1, trials, low) == pytest.approx(0.025)
    if successes < trials:
        assert binom.cdf(successes, trials, high) == pytest.approx(0.025)


def test_no_trials_say_nothing() -> None:
    assert exact_interval(0, 0) == (0.0, 1.0)


def test_the_interval_of_a_drop_covers_the_true_drop() -> None:
    """Chips that differ from each other and samples that are hard or easy: both vary, as in an emulation."""
    rng = np.random.default_rng(1)
    true_drop, covered, runs = 0.10, 0, 200
    for _ in range(runs):
        chip_drop = rng.normal(true_drop, 0.02, size=(8, 1))
        hard = rng.random((1, 400))
        broken = hard < np.clip(chip_drop, 0, 1)
        clean = np.ones(400, dtype=bool)
        low, high = accuracy_drop(clean, ~broken, seed=0).interval
        covered += low <= true_drop <= high
    # At 95 % coverage fewer than 176 of 200 has a probability below 1e-4; few chips make a bootstrap a little narrow.
    assert covered >= 176


def test_unchanged_answers_are_no_proof_of_no_drop() -> None:
    clean = np.ones(50, dtype=bool)
    drop = accuracy_drop(clean, np.ones((3, 50), dtype=bool), seed=0)
    assert drop.mean == 0
    assert drop.interval[1] == pytest.approx(1 - 0.025 ** (1 / 50))
    assert drop.verdict(0.005) is Verdict.UNRESOLVED
    assert drop.verdict(0.08) is Verdict.HOLDS


def test_the_same_seed_gives_the_same_interval() -> None:
    rng = np.random.default_rng(2)
    clean, noisy = rng.random(300) < 0.9, rng.random((4, 300)) < 0.8
    assert accuracy_drop(clean, noisy, seed=3) == accuracy_drop(clean, noisy, seed=3)


@pytest.mark.parametrize("most", [1, 250, 1 << 18])
def test_blocks_of_samples_give_the_numbers_of_all_at_once(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    rng = np.random.default_rng(4)
    chips, samples = 7, 150
    clean, noisy = rng.random(samples) < 0.9, rng.random((chips, samples)) < 0.8
    monkeypatch.setattr(accuracy, "_MOST_PARTS", most)
    without, found = accuracy_drops(clean, [np.tile(clean, (chips, 1)), noisy], seed=5)
    assert without.mean == 0
    draw = np.random.default_rng(5)
    of_chips = draw.multinomial(chips, np.full(chips, 1 / chips), size=RESAMPLES)
    of_samples = [draw.multinomial(samples, np.full(samples, 1 / samples), size=100) for _ in range(RESAMPLES // 100)]
    lost = clean.astype(np.int64) - noisy
    sums = np.einsum("rc,cs,rs->r", of_chips, lost, np.concatenate(of_samples), optimize=True)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(sums / lost.size, [tail, 1 - tail])
    unseen = exact_interval(0, samples)[1]
    assert found.mean == lost.mean()
    assert found.interval == (min(low, found.mean - unseen), max(high, found.mean + unseen))


@pytest.mark.parametrize(
    ("interval", "allowed", "verdict"),
    [((0.0, 0.004), 0.005, "holds"), ((0.006, 0.02), 0.005, "fails"), ((0.001, 0.02), 0.005, "unresolved")],
)
def test_the_verdict_follows_from_the_interval(interval: tuple[float, float], allowed: float, verdict: str) -> None:
    assert AccuracyDrop(sum(interval) / 2, interval).verdict(allowed) == verdict
