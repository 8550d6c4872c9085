"""The picture of accuracy against the bit error rate: every chip, every policy, and what was counted in words."""

from __future__ import annotations

from re import findall
from typing import Any

import pytest

from edgebnn.report.accuracy_figure import accuracy_picture

POLICIES = {"strong": 1e-3, "a-name-of-some-length": 1.2e-3, "weak": 0.03, "perfect": 0.0}


def found(chips: int = 3) -> dict[str, Any]:
    """As `emulate` has it."""
    points = [
        {
            "bit_error_rate": rate, "accuracy": mean, "accuracy_drop": 90 - 100 * mean,
            "accuracy_drop_interval": [85 - 100 * mean, 95 - 100 * mean],
            "chips": [{"seed": seed, "accuracy": mean, "wrong_bits": 1} for seed in range(chips)],
        }
        for rate, mean in ((1e-4, 0.9), (0.1, 0.4), (0.5, 0.01))
    ]  # fmt: skip
    own = [{"policy": name, "bit_error_rate": rate, "evidence": "assumed"} for name, rate in POLICIES.items()]
    curve = {
        "samples": 1000, "accuracy": 0.9, "accuracy_interval": [0.88, 0.92], "points": points, "policies": own,
        "notes": [],
    }  # fmt: skip
    state = {
        "errors": "ber", "cycles": 5000, "retention_days": 3650, "temperature_c": None, "supply_v": 0.9,
        "read_error_rate": 0.0,
    }  # fmt: skip
    origin = {"target": "rram130", "target_changed": True, "model_sha256": "0123456789abcdef"}
    return {**origin, "conditions": state, "accuracy_curve": curve}


def test_it_says_what_was_counted_and_under_which_conditions() -> None:
    texts = " ".join(findall("<!-- (.*?) -->", accuracy_picture(found(), "svg").decode()))
    for words in (
        "rram130 (changed)", "1,000 samples on 3 chips of seeds 0 to 2", "without errors, 90.00%", "5,000 cycles",
        "3650 days", "0.9 V", "bit error rate", "accuracy (%)", "0123456789ab",
    ):  # fmt: skip
        assert words in texts, words


def test_each_policy_that_errs_has_its_mark() -> None:
    svg = accuracy_picture(found(), "svg").decode()
    labels = [name for name in POLICIES if f"<!-- {name}" in svg]
    assert labels == ["strong", "a-name-of-some-length", "weak"]


@pytest.mark.parametrize("chips", [1, 60])
def test_any_number_of_chips_is_drawn_and_always_alike(chips: int) -> None:
    first, second = (accuracy_picture(found(chips)) for _ in range(2))
    assert first == second and first.startswith(b"\x89PNG")
