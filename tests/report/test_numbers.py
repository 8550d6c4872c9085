"""Numbers look the same wherever they are printed."""

from __future__ import annotations

from edgebnn.report import numbers


def test_thousands_are_apart_and_units_behind() -> None:
    assert numbers.size(5360) == "5,360 B"
    assert numbers.count(36992) == "36,992"
    assert numbers.share(0.958) == "95.80%"


def test_prefixes_fit_the_value() -> None:
    assert numbers.energy(26876.951) == "26.9 uJ" and numbers.energy(52.76) == "52.8 nJ"
    assert [numbers.energy(10.0**power) for power in (-6, -3, 0, 3, 6, 9)] == [
        "1.00 fJ", "1.00 pJ", "1.00 nJ", "1.00 uJ", "1.00 mJ", "1.00 J",
    ]  # fmt: skip
    assert numbers.energy(999.4) == "999 nJ" and numbers.energy(999.6) == "1.00 uJ"
    assert numbers.latency(327.82) == "328 us" and numbers.latency(16999.6) == "17.0 ms"
    assert numbers.latency(3.5e6) == "3.50 s" and numbers.latency(4.5e9) == "75.0 min"
    assert numbers.programming(9.988) == "9.99 uJ"
    assert numbers.lifelong(64.71) == "64.7 J" and numbers.power(2.05) == "2.05 uW"
    assert numbers.energy(0) == "0 J"


def test_long_lives_are_told_in_years_too() -> None:
    assert numbers.lasting(700) == "700 days" and numbers.lasting(11_647) == "11,647 days (31.9 years)"
    assert numbers.volume(8200) == "8,200 B" and numbers.volume(3.28e8) == "328 MB"
    assert numbers.watt_hours(647_000) == "180 Wh" and numbers.watt_hours(1.8e7) == "5.00 kWh"


def test_what_is_there_never_rounds_to_nothing() -> None:
    assert [numbers.portion(share) for share in (0, 1e-9, 0.005, 0.5, 0.996, 1 - 1e-15, 1)] == [
        "0%", "<1%", "<1%", "50%", ">99%", "100%", "100%",
    ]  # fmt: skip
    assert numbers.portion(0.0004, 1) == "<0.1%" and numbers.portion(0.284, 1) == "28.4%"


def test_the_ends_of_an_interval_are_told_apart() -> None:
    assert numbers.interval((1.5e-3, 2.84e-3), 2) == "1.50e-03 to 2.84e-03"
    assert numbers.interval((0, 1e-4), 1) == "0 to 1.0e-04" and numbers.interval((0, 1e-3), 2, "g") == "0 to 0.001"
    assert numbers.interval((0.499983, 0.500017), 1) == "4.9998e-01 to 5.0002e-01"
    assert numbers.interval((0.33001, 0.33004), 2, "%") == "33.001% to 33.004%"
    assert len(set(numbers.interval((0.5, 0.5 + 2**-53), 2).split(" to "))) == 2
    assert numbers.interval((1234.5, 1234.5), 1, "f") == "1,234.5 to 1,234.5"


def test_rates_are_whole_where_that_is_all_there_is_to_say() -> None:
    assert [numbers.rate(times) for times in (0, 0.25, 1, 24.5, 86_400, 182.5)] == [
        "0", "0.25", "1", "24.5", "86,400", "182",
    ]  # fmt: skip


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
