"""Names of a model's nodes as the tables print them: not too long, and not too many."""

from __future__ import annotations

from collections.abc import Sequence


def tail(name: str, longest: int) -> str:
    """A name from an exporter is a path, and its end tells more than its beginning."""
    return name if len(name) <= longest else "..." + name[3 - longest :]


def listed(names: Sequence[str], most: int) -> str:
    """`a, b, c`, or `a, b and 14 more (--json lists all)`."""
    if len(names) <= most:
        return ", ".join(names)
    shown = names[: most - 1]
    return f"{', '.join(shown)} and {len(names) - len(shown):,} more (--json lists all)"
