"""An option's value that lists error rates: numbers, and ranges of them, such as `1e-5..1e-1,0.2`."""

from __future__ import annotations

import math

import click

_STEPS = (1, 2, 5)  # of each decade within a range
_LEAST = 1e-12


def rate_list(context: click.Context, parameter: click.Parameter, text: str | None) -> tuple[float, ...] | None:
    """Rising error rates above 0, up to 1; of a range its ends and 1, 2 and 5 of each decade between them.

    The callback of an option; a usage error where a part is none.
    """
    if text is None:
        return None
    from edgebnn.emulator.accuracy_curve import MOST_RATES

    rates = tuple(sorted({rate for part in text.split(",") for rate in _part(part.strip())}))
    if len(rates) > MOST_RATES:
        raise click.BadParameter(f"{len(rates)} error rates are too many; give at most {MOST_RATES}")
    return rates


def _part(text: str) -> list[float]:
    first, dots, last = text.partition("..")
    low = _rate(first)
    if not dots:
        return [low]
    high = _rate(last)
    if low >= high:
        raise click.BadParameter(f"'{text[:40]}' does not rise; give the lower rate first, such as 1e-5..1e-1")
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    between = (float(f"{step}e{decade}") for decade in decades for step in _STEPS)
    return [low, *(rate for rate in between if low < rate < high), high]


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not _LEAST <= rate <= 1:
        raise click.BadParameter(
            f"'{text.strip()[:40]}' is no error rate; give numbers from {_LEAST:g} to 1 or ranges, such as "
            "1e-5..1e-1,0.2"
        )
    return rate
