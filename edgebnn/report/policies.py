"""Programming policies as documents and tables state them: one, or several where layers have their own."""

from __future__ import annotations

from collections.abc import Collection


def the_one(policies: Collection[str]) -> str | None:
    """The policy under which everything is programmed; None where there are several, and where there is none."""
    return next(iter(policies)) if len(policies) == 1 else None


def under(policies: Collection[str]) -> str:
    """`policy strong`, or `policies strong and low-energy`."""
    *others, last = policies
    return f"policies {', '.join(others)} and {last}" if others else f"policy {last}"
