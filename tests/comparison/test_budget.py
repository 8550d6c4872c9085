"""Budgets: units to the letter, limits to the last bit, and a sentence for everything else."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebnn.comparison.budget import Budget
from edgebnn.comparison.figures import FIGURES, Dimension, Figure
from edgebnn.errors import DataError

BY_NAME = {figure.name: figure for figure in FIGURES}
# What one of each unit is in the unit of the figure's own values, by hand.
WORTH = {
    "energy": {"pJ": Fraction(1, 1000), "nJ": 1, "uJ": 1000, "mJ": 10**6, "J": 10**9},
    "programming": {"pJ": Fraction(1, 10**6), "nJ": Fraction(1, 1000), "uJ": 1, "mJ": 1000, "J": 10**6},
    "latency": {"ns": Fraction(1, 1000), "us": 1, "ms": 1000, "s": 10**6},
    "flash": {"B": 1, "KB": 1024, "KiB": 1024, "MB": 1024**2, "MiB": 1024**2},
    "sram": {"B": 1, "KB": 1024, "KiB": 1024, "MB": 1024**2, "MiB": 1024**2},
    "banks": {"": 1},
    "synapses": {"": 1},
    "battery": {"h": Fraction(1, 24), "days": 1, "years": 365},
    "accuracy": {"": 1, "%": Fraction(1, 100)},
}
PARTS = st.sampled_from([(name, unit) for name, units in WORTH.items() for unit in units])


def value_of(text: str) -> float:
    (limit,) = Budget.of(text).limits
    return limit.value


@given(PARTS, st.integers(0, 10**6), st.integers(0, 6))
def test_a_limit_is_the_float_nearest_to_what_was_written(part: tuple[str, str], digits: int, decimals: int) -> None:
    name, unit = part
    if name in ("banks", "synapses"):
        decimals = 0
    text = f"{digits // 10**decimals}" + (f".{digits % 10**decimals:0{decimals}}" if decimals else "")
    exact = Fraction(digits, 10**decimals) * WORTH[name][unit]
    if name == "accuracy" and exact > 1:
        with pytest.raises(DataError, match="more than all"):
            value_of(f"{name}={text}{unit}")
        return
    assert value_of(f"{name}={text}{unit}") == float(exact)


@given(PARTS, st.integers(1, 1000))
def test_what_is_just_as_large_keeps_and_the_next_float_breaks(part: tuple[str, str], thousandths: int) -> None:
    name, unit = part
    whole = name in ("banks", "synapses")
    (limit,) = Budget.of(f"{name}={thousandths if whole else thousandths / 1000}{unit}").limits
    beyond = -math.inf if limit.figure.least else math.inf
    assert limit.keeps(limit.value)
    assert not limit.keeps(math.nextafter(limit.value, beyond))
    assert limit.keeps(math.nextafter(limit.value, -beyond))


@given(st.integers(1, 500).flatmap(lambda samples: st.tuples(st.integers(0, samples), st.just(samples))))
def test_an_accuracy_that_has_few_digits_is_reached_exactly(counted: tuple[int, int]) -> None:
    """0.95 is no float; 19 of 20 is all the same not less."""
    right, samples = counted
    share = Fraction(right, samples)
    if (share * 10**6).denominator == 1:
        (limit,) = Budget.of(f"accuracy={int(share * 10**6) / 10**6:.6f}").limits
        assert limit.keeps(right / samples)


def test_budgets_are_read_from_texts_and_mappings_alike() -> None:
    text = Budget.of(" energy = 60nJ ,flash=16 KB,accuracy=95%")
    assert text == Budget.of({"energy": "60nJ", "flash": "16 KB", "accuracy": "95%"})
    assert Budget.of(text) is text and text.names == ("energy", "flash", "accuracy")
    assert repr(text) == "Budget('energy=60nJ,flash=16 KB,accuracy=95%')"
    assert Budget.of({"accuracy": 0.95, "banks": 38}).limits[0].value == 0.95


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("energie=60nJ", "names 'energie', which is no figure; choose from: accuracy, energy, latency, flash"),
        ("energy=60", "energy is '60', not an energy in pJ, nJ, uJ, mJ or J; write it as energy=60nJ"),
        ("energy=60NJ", "not an energy in"),
        ("energy=60kB", "not an energy in"),
        ("energy=", "energy is '', not an energy in"),
        ("energy=-1nJ", "not an energy in"),
        ("energy=nannJ", "not an energy in"),
        ("energy=1_0nJ", "not an energy in"),
        ("energy=\uff11nJ", "not an energy in"),
        ("energy=1e999nJ", "not an energy in"),
        ("latency=1m", "not a time in ns, us, ms or s"),
        ("flash=16kB", r"not a size in B, KB or KiB \(1,024 B\), MB or MiB; write it as flash=16KB"),
        ("flash=16,000B", "part '000B' is no limit; write NAME=VALUE"),
        ("battery=3d", "not a time in h, days or years"),
        ("banks=3.5", "banks is 3.5; give a whole number"),
        ("banks=3 banks", "not a whole number without a unit"),
        ("accuracy=95", "accuracy is 95, more than all; give a share from 0 to 1, or from 0% to 100%"),
        ("accuracy=0.95,accuracy=0.9", "names 'accuracy' twice"),
        ("energy", "part 'energy' is no limit"),
        ("", "part '' is no limit"),
        ("energy=60nJ,", "part '' is no limit"),
        ({}, "the budget is empty"),
        ({"energy": 60}, "energy is '60', not an energy"),
        ({"energy": None}, "budget of 'energy' is None; give a text"),
        ({"energy": True}, "budget of 'energy' is True; give a text"),
        (17, "the budget is 17; give a text"),
        ("ener\x1b[31mgy=60nJ", r"names 'ener\?\[31mgy'"),
        ("x" * 500 + "=1", r"\.\.\.', which is no figure"),
    ],
)
def test_what_is_no_budget_is_refused_by_name(said: object, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        Budget.of(said)  # type: ignore[arg-type]


def test_every_figure_shows_how_its_limits_are_written() -> None:
    for figure in FIGURES:
        assert value_of(f"{figure.name}={figure.example}") > 0
        assert figure.factor("furlong") is None
    assert {figure.dimension for figure in FIGURES} == set(Dimension)
    assert [figure.name for figure in FIGURES if figure.least] == ["accuracy", "battery"]
    assert isinstance(BY_NAME["energy"], Figure)
