"""Numbers as the tables print them: thousands apart, the unit behind, nothing where there is no value."""

from __future__ import annotations

from collections.abc import Sequence

_PREFIXES = (("", 1.0), ("m", 1e-3), ("u", 1e-6), ("n", 1e-9), ("p", 1e-12), ("f", 1e-15))
_MOST_DIGITS = 17  # float64 has no more


def quantity(value: float | None, unit: str, digits: int = 0) -> str:
    """`26,877.0 nJ`."""
    return "" if value is None else f"{value:,.{digits}f} {unit}"


def energy(nanojoules: float | None) -> str:
    """An energy of an inference or a beat, or of a part of it: `52.8 nJ`, `27.2 uJ`."""
    return "" if nanojoules is None else _prefixed(nanojoules * 1e-9, "J")


def latency(microseconds: float | None) -> str:
    """A latency of an inference or a beat: `328 us`, `17.0 ms`."""
    return "" if microseconds is None else _prefixed(microseconds * 1e-6, "s")


def programming(microjoules: float | None) -> str:
    """The energy that programs all banks once: `9.99 uJ`."""
    return "" if microjoules is None else _prefixed(microjoules * 1e-6, "J")


def lifelong(joules: float | None) -> str:
    """The energy of a deployment's whole life: `64.7 J`."""
    return "" if joules is None else _prefixed(joules, "J")


def power(microwatts: float | None) -> str:
    """A mean power: `2.05 uW`."""
    return "" if microwatts is None else _prefixed(microwatts * 1e-6, "W")


def _prefixed(value: float, unit: str) -> str:
    """Three digits under the prefix that fits, from femto to none; where there is none, all in front of the point."""
    rounded = float(f"{value:.3g}")  # first, so that 999.9 nJ is 1.00 uJ
    if rounded == 0:
        return f"0 {unit}"
    prefix, factor = next((each for each in _PREFIXES if rounded >= each[1]), _PREFIXES[-1])
    shown = round(rounded / factor, 2)
    return f"{shown:,.{2 if shown < 10 else 1 if shown < 100 else 0}f} {prefix}{unit}"


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
