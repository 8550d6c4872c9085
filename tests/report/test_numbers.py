"""Numbers look the same wherever they are printed."""

from __future__ import annotations

from edgebnn.report import numbers


def test_thousands_are_apart_and_units_behind() -> None:
    assert numbers.energy(26876.951) == "26,877.0 nJ" and numbers.energy(52.76) == "52.8 nJ"
    assert numbers.latency(327.82) == "327.8 us"
    assert numbers.programming(9.988) == "9.99 uJ"
    assert numbers.size(5360) == "5,360 B"
    assert numbers.count(36992) == "36,992"
    assert numbers.share(0.958) == "95.80%"


def test_what_has_no_value_is_nothing() -> None:
    assert numbers.energy(None) == numbers.count(None) == numbers.size(None) == ""
    assert numbers.size(0) == "0 B" and numbers.count(0) == "0"


def test_one_is_singular() -> None:
    assert [numbers.counted(n, "beat") for n in (0, 1, 2, 2412)] == ["0 beats", "1 beat", "2 beats", "2,412 beats"]


def test_a_span_of_equal_values_is_one_value() -> None:
    assert numbers.span([80, 66, 70]) == "66 to 80" and numbers.span([5]) == numbers.span([5, 5]) == "5"


def test_moments_are_minutes_and_seconds() -> None:
    assert [numbers.moment(t) for t in (0, 9.95, 59.96, 61.04, 1806.6)] == [
        "0:00.0",
        "0:10.0",
        "1:00.0",
        "1:01.0",
        "30:06.6",
    ]
