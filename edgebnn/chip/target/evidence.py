"""What derived numbers are worth: the weaker word of their factors, and the shares of a sum on each word."""

from __future__ import annotations

from collections.abc import Iterable

from edgebnn.chip.target.quantity import Evidence

_FROM_THE_BEST = tuple(Evidence)


def weakest(*words: Evidence) -> Evidence:
    """The word of a number that was derived from numbers with these words, of which there is at least one."""
    return max(words, key=_FROM_THE_BEST.index)


def shares(amounts: Iterable[tuple[float, Evidence]]) -> dict[str, float]:
    """The share of the amounts' sum that rests on each word in use, the best first; empty where the sum is zero."""
    amounts = tuple(amounts)
    total = sum(amount for amount, _ in amounts)
    if total <= 0:
        return {}
    found = {word: sum(amount for amount, of in amounts if of is word) / total for word in Evidence}
    return {str(word): share for word, share in found.items() if share > 0}
