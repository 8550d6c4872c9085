"""Amounts in readable units say what they are: never off by more than their last digit, and never larger than asked."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from edgebnn.units import readable, readable_time

PREFIXES = {"f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}
LONG = {"days": 86_400.0, "h": 3_600.0, "min": 60.0}
TIMES = {**LONG, **{f"{prefix}s": PREFIXES[prefix] for prefix in ("", *"fpnum")}}
AMOUNTS = st.floats(1e-15, 9.99e11)


def read(text: str) -> tuple[float, str]:
    number, unit = text.split(" ")
    assert re.fullmatch(r"[0-9]{1,3}(,[0-9]{3})*(\.[0-9]{1,2})?", number), text
    return float(number.replace(",", "")), unit


@given(AMOUNTS)
def test_an_energy_keeps_three_digits_under_a_prefix_that_fits(joules: float) -> None:
    number, unit = read(readable(joules, "J"))
    assert unit.endswith("J") and abs(number * PREFIXES[unit[:-1]] / joules - 1) <= 0.0051
    assert 1 <= number < 1000


@given(st.floats(1e-15, 1e12))
def test_a_time_keeps_its_digits_in_the_largest_unit_that_it_fills_twice(seconds: float) -> None:
    number, unit = read(readable_time(seconds))
    assert abs(number * TIMES[unit] / seconds - 1) <= 0.0051
    assert number < 1000 or unit == "days"
    assert number >= (2 if unit in LONG else 1)


@given(AMOUNTS, AMOUNTS)
def test_more_is_never_shown_as_less(one: float, other: float) -> None:
    less, more = sorted((one, other))
    (low, low_unit), (high, high_unit) = read(readable(less, "J")), read(readable(more, "J"))
    assert low * PREFIXES[low_unit[:-1]] <= high * PREFIXES[high_unit[:-1]] * (1 + 1e-12)
    (low, low_unit), (high, high_unit) = read(readable_time(less)), read(readable_time(more))
    assert low * TIMES[low_unit] <= high * TIMES[high_unit] * (1 + 1e-12)


def test_the_units_that_people_expect() -> None:
    assert [readable(value, "J") for value in (0, 26e-9, 2017e-9, 0.9996, 64_700, 5e12)] == [
        "0 J", "26.0 nJ", "2.02 uJ", "1.00 J", "64.7 kJ", "5,000 GJ",
    ]  # fmt: skip
    assert [readable_time(value) for value in (0, 17e-6, 119, 120, 4500, 7200, 172_800, 131_673_600)] == [
        "0 s", "17.0 us", "119 s", "2.00 min", "75.0 min", "2.00 h", "2.00 days", "1,524 days",
    ]  # fmt: skip
