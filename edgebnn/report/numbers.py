"""Numbers as the tables print them: thousands apart, the unit behind, nothing where there is no value."""

from __future__ import annotations

from collections.abc import Sequence

from edgebnn.units import readable, readable_time

_DAYS_A_YEAR = 365
_MOST_DIGITS = 17  # float64 has no more


def quantity(value: float | None, unit: str, digits: int = 0) -> str:
    """`26,877.0 nJ`."""
    return "" if value is None else f"{value:,.{digits}f} {unit}"


def energy(nanojoules: float | None) -> str:
    """An energy of an inference or a beat, or of a part of it: `52.8 nJ`, `27.2 uJ`."""
    return "" if nanojoules is None else readable(nanojoules * 1e-9, "J")


def latency(microseconds: float | None) -> str:
    """A latency of an inference or a beat: `328 us`, `17.0 ms`, `75.0 min`."""
    return "" if microseconds is None else readable_time(microseconds * 1e-6)


def programming(microjoules: float | None) -> str:
    """The energy that programs all banks once: `9.99 uJ`."""
    return "" if microjoules is None else readable(microjoules * 1e-6, "J")


def lifelong(joules: float | None) -> str:
    """The energy of a deployment's whole life, or of many: `64.7 J`, `647 kJ`."""
    return "" if joules is None else readable(joules, "J")


def power(microwatts: float | None) -> str:
    """A mean power: `2.05 uW`."""
    return "" if microwatts is None else readable(microwatts * 1e-6, "W")


def watt_hours(joules: float) -> str:
    """An energy as an electricity meter has it: `18.0 mWh`, `1.80 kWh`."""
    return readable(joules / 3_600, "Wh")


def volume(size_bytes: float | None) -> str:
    """Bytes that are sent, up to many: `8,200 B`, `3.28 GB`, of 1,000 to a kB as networks count them."""
    if size_bytes is None:
        return ""
    return f"{size_bytes:,.0f} B" if size_bytes < 10_000 else readable(size_bytes, "B")


def size(size_bytes: int | None) -> str:
    """Bytes of a memory."""
    return quantity(size_bytes, "B")


def count(value: int | None) -> str:
    """`36,992`."""
    return "" if value is None else f"{value:,}"


def short(value: int | None) -> str:
    """`58,368`, or `115.6 M` from a million on."""
    if value is None or value < 10**6:
        return count(value)
    return f"{value / 10**6:.1f} M" if value < 10**9 else f"{value / 10**9:.2f} G"


def counted(value: int, thing: str) -> str:
    """`1 beat`, `478 beats`."""
    return f"{value:,} {thing}" if value == 1 else f"{value:,} {thing}s"


def span(values: Sequence[int]) -> str:
    """`66 to 80`, or `66` where they are all the same."""
    low, high = min(values), max(values)
    return count(low) if low == high else f"{count(low)} to {count(high)}"


def share(value: float) -> str:
    """`95.80%`."""
    return f"{value:.2%}"


def portion(value: float, digits: int = 0) -> str:
    """`28%`, or `28.4%` with a digit; what is there but rounds to nothing is `<1%`, what lacks as little `>99%`."""
    step = 10.0**-digits
    if 0 < value * 100 <= step / 2:
        return f"<{step:.{digits}f}%"
    if 100 - step / 2 <= value * 100 < 100 - 1e-9:  # sums of shares miss 1 by some rounding
        return f">{100 - step:.{digits}f}%"
    return f"{value:.{digits}%}"


def rate(value: float) -> str:
    """A number of times that need not be whole: `86,400`, `0.5`."""
    return f"{value:,.0f}" if value == round(value) or value >= 100 else f"{value:.3g}"


def lasting(days: float | None) -> str:
    """`1,524 days (4.2 years)`, the years where there are two or more."""
    if days is None:
        return ""
    years = f" ({days / _DAYS_A_YEAR:,.1f} years)" if days >= 2 * _DAYS_A_YEAR else ""
    return f"{rate(days)} days{years}"


def moment(seconds: float) -> str:
    """`12:07.3`, minutes and seconds from the start of a recording."""
    tenths = round(seconds * 10)
    return f"{tenths // 600}:{tenths % 600 / 10:04.1f}"


def interval(ends: Sequence[float], digits: int, kind: str = "e") -> str:
    """`1.5e-03 to 2.8e-03`, `95.12% to 96.40%`: both ends with so many digits, or with what tells them apart.

    `kind` is how Python writes a number: `e`, `f`, `g` or `%`.
    """
    low, high = ends
    for precision in range(digits, _MOST_DIGITS):
        shown = ["0" if kind == "e" and not end else f"{end:,.{precision}{kind}}" for end in (low, high)]
        if shown[0] != shown[1] or low == high:
            break
    return " to ".join(shown)


def error_rate(value: float | None) -> str:
    """An error rate; a dash where no formula gives one."""
    return "-" if value is None else f"{value:.3g}"
