"""Amounts in the unit that people read best: nJ as uJ, mJ, J or kJ, seconds as us, ms, s, min, h or days.

JSON has its units in the names of its fields and never goes through here; sentences and tables do.
"""

from __future__ import annotations

_PREFIXES = (
    *(("G", 1e9), ("M", 1e6), ("k", 1e3)),
    *(("", 1.0), ("m", 1e-3), ("u", 1e-6), ("n", 1e-9), ("p", 1e-12), ("f", 1e-15)),
)
# What is at least twice so many seconds long is told in them.
_LONG = (("days", 86_400.0), ("h", 3_600.0), ("min", 60.0))
_TWICE = 2


def readable(value: float, unit: str) -> str:
    """`52.8 nJ`, `2.05 uW`, `646 kJ`: three digits under the prefix that fits, from femto to giga."""
    rounded = _three_digits(value)  # first, so that 999.9 nJ is 1.00 uJ
    if rounded == 0:
        return f"0 {unit}"
    prefix, factor = next((each for each in _PREFIXES if abs(rounded) >= each[1]), _PREFIXES[-1])
    return f"{_shown(rounded / factor)} {prefix}{unit}"


def readable_time(seconds: float) -> str:
    """`328 us`, `17.0 ms`, `75.0 min`, `5.50 h`, `1,524 days`."""
    rounded = _three_digits(seconds)
    for unit, length in _LONG:
        if rounded >= _TWICE * length:
            amount = seconds / length
            return f"{amount:,.0f} {unit}" if amount >= 100 else f"{_shown(_three_digits(amount))} {unit}"
    return readable(seconds, "s")


def _three_digits(value: float) -> float:
    return float(f"{value:.3g}")


def _shown(amount: float) -> str:
    """Three digits of a number that has no more, thousands apart."""
    shown = round(amount, 2)
    return f"{shown:,.{2 if abs(shown) < 10 else 1 if abs(shown) < 100 else 0}f}"
