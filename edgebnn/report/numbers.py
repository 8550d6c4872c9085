"""Numbers as the tables print them: thousands apart, the unit behind, nothing where there is no value."""

from __future__ import annotations

from collections.abc import Sequence


def quantity(value: float | None, unit: str, digits: int = 0) -> str:
    """`26,877.0 nJ`."""
    return "" if value is None else f"{value:,.{digits}f} {unit}"


def energy(nanojoules: float | None) -> str:
    """An energy of an inference or a beat, or of a part of it."""
    return quantity(nanojoules, "nJ", 1)


def latency(microseconds: float | None) -> str:
    """A latency of an inference or a beat."""
    return quantity(microseconds, "us", 1)


def programming(microjoules: float | None) -> str:
    """The energy that programs all banks once."""
    return quantity(microjoules, "uJ", 2)


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


def moment(seconds: float) -> str:
    """`12:07.3`, minutes and seconds from the start of a recording."""
    tenths = round(seconds * 10)
    return f"{tenths // 600}:{tenths % 600 / 10:04.1f}"
